"""Chips that a model was trained on are marked wherever their score stands, and headlines count the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from playwright.sync_api import expect
from running import Dashboard, serving
from screen import Screen, ScreenMaker

from model.bundle.manifest import attach_list, read_bundle
from model.evaluation.comparison import compare
from model.evaluation.evaluate import evaluate
from model.inference.missing import predict_missing
from model.predictors.select import open_predictor
from model.scores.histogram import ScoreHistogram
from model.scores.intervals import bootstrap_interval
from model.seen.chips import SeenChips, seen_chips
from model.store.store import Store, key_of
from model.weights import SHIPPED, WEIGHTS
from tests.model.predictors.bundles import UNET, write_random
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.content import content_of
from tiles.reading.door import read_chip
from tiles.simulate import simulate

BASELINE = "backscatter"
CROSSED = {"threshold": 0.5, "by": "country", "groups": 3, "micro": {"chips": 7, "iou": 0.4321, "iou_ci": [0.31, 0.52]}}
ROWS = """(table) => {
  const out = {}; floodscope.bridge.table(table)?.forEachNode((n) => { out[n.id] = n.data; }); return out; }"""
ORDER = """(t) => {
  const out = []; floodscope.bridge.table(t)?.forEachNodeAfterFilterAndSort((n) => out.push(n.id)); return out; }"""
# The ids of the rows, or cards, that carry a mark, and what it says.
MARKED = """(table) => [...document.querySelectorAll(`#${table} .ag-row[row-id] .ag-cell[col-id=iou] .fs-seen`)]
  .map((mark) => [mark.closest('.ag-row').getAttribute('row-id'), mark.textContent]).sort()"""
CARDS = (
    "() => [...document.querySelectorAll('#chips-gallery .fs-card:has(.fs-seen)')].map((c) => c.dataset.chip).sort()"
)


@dataclass(frozen=True)
class Trained:
    """A dashboard with three bundles of one network: one has seen some chips, one all of them, one does not tell."""

    dashboard: Dashboard
    records: list[ChipRecord]
    specs: dict[str, str]
    seen: set[str]
    lost: str
    """The country of which the first has seen all."""
    halved: str
    """The country of which the first has seen one of two chips."""

    def offered(self, name: str) -> str:
        """Return what the page calls the model: a bundle by its name, never by its path."""
        return BASELINE if name == "baseline" else f"bundle:{name}"

    def histograms(self, name: str) -> dict[str, ScoreHistogram]:
        with Store(self.dashboard.data) as store:
            found = store.fresh(self.records, key_of(open_predictor(self.specs[name])))
        return {chip: p.histogram for chip, p in found.items() if p.histogram is not None}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    folder = tmp_path_factory.mktemp("trained")
    chips = simulate(folder / "chips", chips=22, size=64)
    records = open_catalog([chips]).usable()
    countries = sorted({str(r.country) for r in records})
    lost, halved = countries[0], countries[1]
    first = next(r for r in records if r.country == halved)
    chosen = [r for r in records if r.country == lost or r is first]
    specs = {"baseline": BASELINE}
    for name, learned in (("some", chosen), ("every", records), ("untold", None)):
        bundle = write_random(folder / name, UNET, name=name, scores={"cross_validation": CROSSED})
        if learned is not None:
            known = seen_chips(((r, content_of(read_chip(r))) for r in learned), "training").chips
            attach_list(folder / name, bundle, SeenChips(known).to_bytes())
        specs[name] = str(folder / name)
    with Store(folder / "data") as store:
        for spec in specs.values():
            predict_missing(records, open_predictor(spec), store)
    options = tuple(part for name in ("some", "every", "untold") for part in ("--bundle", specs[name]))
    with serving(folder / "data", chips, options=options) as dashboard:
        yield Trained(dashboard, records, specs, {r.id for r in chosen}, lost, halved)


def opened(trained: Trained, kept_screen: ScreenMaker, name: str, **state: Any) -> Screen:
    page = kept_screen(trained.dashboard, size=state.pop("size", (1280, 800)))
    page.open(model=trained.offered(name), **state)
    page.until(
        "([model, n]) => floodscope.catalog.shelf(model).size === n", [trained.offered(name), len(trained.records)]
    )
    return page


def rounded(value: float) -> str:
    return f"{value:.2f}"


def test_headline_and_regions_count_unseen_chips_alone(trained: Trained, kept_screen: ScreenMaker) -> None:
    page = opened(trained, kept_screen, "some", tab="regions", wide=1)
    page.page.locator("#regions-table .ag-row").first.wait_for()
    page.until("() => Boolean(document.getElementById('seen-note'))")
    histograms = trained.histograms("some")
    unseen = [h for chip, h in histograms.items() if chip not in trained.seen]
    micro = ScoreHistogram.sum_of(unseen).confusion(0.5).iou
    interval = bootstrap_interval(unseen, 0.5)
    assert micro is not None and interval is not None
    figures = page.figures("#figures")
    assert figures["Micro IoU"] == (rounded(micro), f"[{rounded(interval[0])}–{rounded(interval[1])}]")
    with Store(trained.dashboard.data) as store:
        report = evaluate(trained.records, open_predictor(trained.specs["some"]), store, threshold=0.5).report()
    assert report["micro_unseen"]["iou"] == pytest.approx(micro)
    rows = page.page.evaluate(ROWS, "regions-table")
    for name, row in rows.items():
        ids = [r.id for r in trained.records if r.country == name and r.id in histograms]
        counted = [chip for chip in ids if chip not in trained.seen] or ids
        expected = ScoreHistogram.sum_of(histograms[chip] for chip in counted).confusion(0.5).iou
        assert row["iou"] == pytest.approx(expected), name
        assert (row["scored"], row["seen"]) == (len(counted), name == trained.lost)
    assert rows[trained.halved]["scored"] == 1
    assert page.page.evaluate(MARKED, "regions-table") == [[trained.lost, "seen"]]
    assert page.page.evaluate(ORDER, "regions-table")[-1] == trained.lost
    assert figures["Weakest region"][0] not in {trained.lost, trained.halved}
    note = page.page.locator("#seen-note").inner_text()
    assert note.startswith(
        f"This model was trained or calibrated on 3 of {len(histograms)} scored chips: figures count the other"
    )
    assert note.endswith("Left out by country: 0.432, 7 chips.")


def test_lists_pictures_and_the_chip_itself_carry_the_mark(trained: Trained, kept_screen: ScreenMaker) -> None:
    page = opened(trained, kept_screen, "some", tab="chips", wide=1)
    page.page.locator("#chips-table .ag-row").first.wait_for()
    scored = sorted(trained.seen & set(trained.histograms("some")))
    page.page.locator("#view-grid").click()
    page.page.locator("#chips-gallery .fs-card").first.wait_for()
    assert page.page.evaluate(CARDS) == scored
    page.page.locator("#view-list").click()
    with page.no_request():
        page.set_slider("Threshold", 0.52)
    page.page.evaluate("seen => floodscope.filterbar.set({ seen })", "yes")
    page.until("n => floodscope.bridge.table('chips-table')?.getDisplayedRowCount() === n", len(trained.seen))
    page.frames(3)
    assert page.page.evaluate(MARKED, "chips-table") == [[chip, "seen"] for chip in scored]
    page.page.locator("#filter > summary").click()
    page.page.locator("#filter-seen").select_option("no")
    page.until_query(seen="no")
    expect(page.page.locator("#filter-count")).to_have_text(
        f"{len(trained.records) - 3} of {len(trained.records)} chips"
    )
    expect(page.page.locator(".fs-tag", has_text="unseen by this model")).to_have_count(1)
    assert page.page.evaluate(MARKED, "chips-table") == []

    chip = next(chip for chip in scored)
    page.open(model=trained.offered("some"), chip=chip)
    page.answered(chip)
    badge = page.page.locator("#chip-panel .fs-badge-seen")
    expect(badge).to_have_text("Seen by the model")
    assert page.figures()["IoU"][1] == "seen"
    assert "Left out by country: 0.432" in page.page.locator("#chip-panel .fs-seen-note").inner_text()
    west, south, east, north = next(r.footprint.bounds for r in trained.records if r.id == chip and r.footprint)
    page.page.evaluate(
        "ring => floodscope.drawing.use(ring)", [[west, south], [east, south], [east, north], [west, north]]
    )
    expect(page.page.locator("#area-figures .fs-seen")).to_have_text("seen")
    page.page.locator("#transforms summary").click()
    page.page.locator(".fs-transform-figures .fs-seen").first.wait_for()
    other = next(r.id for r in trained.records if r.id not in trained.seen)
    page.choose_in_table(other)
    page.answered(other)
    expect(badge).to_have_count(0)
    assert page.figures()["IoU"][1] != "seen"


def test_the_map_draws_across_what_is_seen(trained: Trained, kept_screen: ScreenMaker) -> None:
    page = opened(trained, kept_screen, "some", tab="regions")
    page.until("name => floodscope.shapes.state.countrySeen.has(name)", trained.lost)
    style = "name => floodscope.shapes.styleOfCountry({ properties: { name } }).fillColor"
    assert page.page.evaluate(style, trained.lost).startswith("url(#fs-seen-")
    assert page.page.evaluate(style, trained.halved).startswith("rgb(")
    fills = page.page.evaluate(
        "ids => ids.map((chip) => floodscope.shapes.styleOfFootprint({ properties: { chip } }).fillColor)",
        [sorted(trained.seen)[0], next(r.id for r in trained.records if r.id not in trained.seen)],
    )
    assert [fill.startswith("url(#fs-seen-") for fill in fills] == [True, False]
    name = fills[0].removeprefix("url(#").removesuffix(")")
    assert page.page.locator(f"pattern[id='{name}']").count() == 1
    told = page.page.evaluate(
        "id => floodscope.shapes.describe(floodscope.catalog.chips.get(id))", sorted(trained.seen)[0]
    )
    assert told.endswith("seen by this model")


def test_two_models_differ_on_chips_that_neither_has_seen(trained: Trained, kept_screen: ScreenMaker) -> None:
    page = opened(trained, kept_screen, "some", tab="models", b=BASELINE, t=0.5)
    page.page.locator("#difference-table").wait_for()
    page.until("([model, n]) => floodscope.catalog.shelf(model).size === n", [BASELINE, len(trained.records)])
    page.frames(3)
    with Store(trained.dashboard.data) as store:
        both = [
            evaluate(trained.records, open_predictor(trained.specs[n]), store, threshold=0.5)
            for n in ("some", "baseline")
        ]
    (pair,) = compare(both)["pairs"]
    expected = pair["micro_unseen"]
    shown = page.page.evaluate(
        "([a, b]) => floodscope.pairing.compared(a, b, 'country', 127)",
        [trained.offered("some"), BASELINE],
    )
    assert (shown["chips"], shown["seen"]) == (expected["chips"], False)
    assert shown["difference"] == pytest.approx(expected["difference"], abs=1e-12)
    assert [shown["interval"]["low"], shown["interval"]["high"]] == pytest.approx(expected["difference_ci"], abs=1e-12)
    lost = next(group for group in shown["groups"] if group["name"] == trained.lost)
    assert (lost["seen"], lost["interval"]) == (True, None)
    assert page.page.locator(f"#difference-table tr[data-name='{trained.lost}'] .fs-seen").count() == 1
    assert "that neither A nor B has seen" in page.page.locator("#models-difference").inner_text()
    moved = [m["id"] for m in shown["moved"][:8] if m["seen"]]
    assert page.page.locator("#movers .fs-card:has(.fs-seen)").count() == len(moved)


def test_where_nothing_is_unseen_there_is_no_headline(trained: Trained, kept_screen: ScreenMaker) -> None:
    page = opened(trained, kept_screen, "every", tab="regions")
    page.until("() => Boolean(document.getElementById('seen-note'))")
    figures = page.figures("#figures")
    assert figures["Micro IoU"] == figures["Weakest region"] == ("–", "no unseen chip")
    note = page.page.locator("#seen-note").inner_text()
    scored = len(trained.histograms("every"))
    assert f"trained or calibrated on all {scored} scored chips, so no score here measures it." in note
    assert "Left out by country: 0.432, 7 chips." in note
    page.page.evaluate("b => floodscope.state.set({ other: b })", BASELINE)
    page.tab("Models")
    row = page.page.locator("#difference-table tr[data-name='All chips'] td")
    row.first.wait_for()
    assert [row.nth(i).inner_text() for i in range(4)] == ["seen", "–", "–", "–"]


def test_a_model_that_does_not_tell_is_said_not_to(trained: Trained, kept_screen: ScreenMaker) -> None:
    page = opened(trained, kept_screen, "untold", tab="regions", wide=1)
    page.until("() => Boolean(document.getElementById('seen-note'))")
    assert "does not tell what it was trained on" in page.page.locator("#seen-note").inner_text()
    histograms = trained.histograms("untold")
    iou = ScoreHistogram.sum_of(histograms.values()).confusion(0.5).iou
    assert iou is not None
    assert page.figures("#figures")["Micro IoU"][0] == rounded(iou)
    countries = {str(r.country) for r in trained.records if r.id in histograms}
    page.page.locator("#regions-table .ag-row").first.wait_for()
    assert page.page.evaluate(MARKED, "regions-table") == [[name, "?"] for name in sorted(countries)]
    page.choose_model("VH threshold -22 dB")
    page.until(f"() => ({MARKED})('regions-table').length === 0")
    expect(page.page.locator("#seen-note")).to_have_count(0)


def test_explore_names_seen_chips_first(trained: Trained, kept_screen: ScreenMaker) -> None:
    page = opened(trained, kept_screen, "some", tab="chips", list="explore")
    first = page.page.locator(".fs-warnings > li").first
    first.wait_for()
    assert first.inner_text().startswith(
        f"some was trained or calibrated on 3 of {len(trained.records)} labelled chips"
    )
    page.choose_model("VH threshold -22 dB")
    page.until("() => !document.getElementById('explore').textContent.includes('was trained or calibrated')")


MARKS = ".fs-seen, .fs-badge-seen, #seen-note, .fs-seen-note"
"""What is marked; the rest of each view is looked at by the tests of the views themselves."""


@pytest.mark.parametrize(("theme", "size"), [("dark", (1280, 800)), ("light", (390, 844))])
def test_marks_break_no_rule_of_accessibility(
    trained: Trained, kept_screen: ScreenMaker, theme: str, size: tuple[int, int]
) -> None:
    page = opened(trained, kept_screen, "some", tab="regions", theme=theme, b=BASELINE, size=size)
    page.page.locator("#regions-table .ag-row").first.wait_for()
    found = {"regions": violations(page.page, MARKS)}
    page.tab("Chips")
    page.page.locator("#chips-table .ag-row").first.wait_for()
    found["list"] = violations(page.page, MARKS)
    page.page.locator("#view-grid").click()
    page.page.locator("#chips-gallery .fs-card").first.wait_for()
    found["pictures"] = violations(page.page, MARKS)
    page.tab("Models")
    page.page.locator("#difference-table").wait_for()
    found["models"] = violations(page.page, MARKS)
    page.open(model=trained.offered("some"), chip=sorted(trained.seen)[0], theme=theme)
    page.answered(sorted(trained.seen)[0])
    found["chip"] = violations(page.page, MARKS)
    assert {name: broken for name, broken in found.items() if broken} == {}


@pytest.fixture(scope="module")
def shipped(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dashboard, float]]:
    """The real chips and a made one under the shipped model, all predicted; and the IoU of the made one."""
    folder = tmp_path_factory.mktemp("shipped-seen")
    sources = [
        real_data / "sen1floods11",
        real_data / "drivendata",
        simulate(folder / "chips", chips=1, seed=5, size=64),
    ]
    records = open_catalog(sources).usable()
    with Store(folder / "data") as store:
        predictor = open_predictor(SHIPPED)
        predict_missing(records, predictor, store)
        (made,) = store.fresh([r for r in records if r.simulated], key_of(predictor)).values()
    assert made.histogram is not None
    iou = made.histogram.confusion(0.5).iou
    assert iou is not None
    with serving(folder / "data", *sources, model=None) as dashboard:
        yield dashboard, iou


def test_the_real_chips_give_the_shipped_model_no_headline_and_a_new_one_does(
    shipped: tuple[Dashboard, float], screen: ScreenMaker
) -> None:
    dashboard, iou = shipped
    page = screen(dashboard).open(tab="regions", seen="yes", t=0.5)
    page.until("() => Boolean(document.getElementById('seen-note'))")
    figures = page.figures("#figures")
    assert figures["Chips"][1].startswith("12 labelled, 12 scored")
    assert figures["Micro IoU"] == figures["Weakest region"] == ("–", "no unseen chip")
    held_out = read_bundle(WEIGHTS).scores["cross_validation"]["micro"]["iou"]
    assert f"Left out by source: {held_out:.3f}, 12 chips." in page.page.locator("#seen-note").inner_text()
    page.page.locator("#filter-clear").click()
    page.until("() => document.getElementById('seen-note').textContent.includes('on 12 of 13')")
    assert page.figures("#figures")["Micro IoU"] == (rounded(iou), "n = 1")
    assert page.figures("#figures")["Weakest region"][0] == "–"
