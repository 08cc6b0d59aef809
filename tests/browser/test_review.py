"""The review workbench: regions, filters, lists of chips, two models side by side, and the way to the worst chip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from axe import violations
from playwright.sync_api import expect
from running import Dashboard, serving
from screen import Screen, ScreenMaker

from model.evaluation.comparison import compare
from model.evaluation.evaluate import Evaluation, evaluate
from model.inference.missing import predict_missing
from model.predictors.select import open_predictor
from model.scores.disagreement import Disagreement
from model.scores.histogram import ScoreHistogram
from model.scores.water_share import by_water_share
from model.scores.worst import worst_first
from model.store.store import Prediction, Store, key_of
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.probability import level
from tiles.simulate import simulate

FIRST, SECOND = "backscatter", "backscatter:otsu"
ROWS = """(table) => {
  const out = {};
  floodscope.bridge.table(table)?.forEachNode((n) => { out[n.id] = n.data; });
  return out;
}"""
ORDER = """(table) => {
  const out = [];
  floodscope.bridge.table(table)?.forEachNodeAfterFilterAndSort((n) => out.push(n.id));
  return out;
}"""
FEW = f"(name) => {{ const row = ({ROWS})('regions-table')[name]; return row && row.scored === 1; }}"
FILLED = f"(column) => Object.values(({ROWS})('chips-table')).every((row) => row[column] !== null)"
SHAPES = "() => floodscope.filters.rows().filter((row) => floodscope.catalog.chips.placed[row]).length"  # that the map may show


@dataclass(frozen=True)
class Reviewed:
    """A dashboard whose chips are predicted under two models, and the same numbers in Python."""

    dashboard: Dashboard
    records: list[ChipRecord]
    predictions: dict[str, dict[str, Prediction]]

    def evaluation(self, spec: str, threshold: float, by: str) -> Evaluation:
        with Store(self.dashboard.data) as store:
            return evaluate(self.records, open_predictor(spec), store, threshold=threshold, by=by)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewed]:
    chips = simulate(tmp_path_factory.mktemp("reviewed") / "chips", chips=22, size=128)
    data = tmp_path_factory.mktemp("reviewed-data")
    records = open_catalog([chips]).usable()
    predictions = {}
    with Store(data) as store:
        for spec in (FIRST, SECOND):
            predict_missing(records, open_predictor(spec), store)
            predictions[spec] = store.fresh(records, key_of(open_predictor(spec)))
    with serving(data, chips) as dashboard:
        yield Reviewed(dashboard, records, predictions)


def close(shown: Any, expected: Any) -> bool:
    return shown is expected if shown is None or expected is None else abs(shown - expected) < 1e-12


def regions(page: Screen, by: str) -> dict[str, dict[str, Any]]:
    page.page.locator("#regions-by").select_option(by)
    page.until("by => floodscope.state.get().by === by", by)
    page.frames(3)
    found: dict[str, dict[str, Any]] = page.page.evaluate(ROWS, "regions-table")
    return found


def test_regions_are_those_of_evaluate_in_every_column(reviewed: Reviewed, kept_screen: ScreenMaker) -> None:
    page = kept_screen(reviewed.dashboard).open(tab="regions")
    page.page.locator("#regions-table .ag-row").first.wait_for()
    for threshold, by in product((0.5, 0.28), ("country", "event", "split")):
        page.set_threshold(threshold)
        shown = regions(page, by)
        groups = {group["name"]: group for group in reviewed.evaluation(FIRST, threshold, by).report()["groups"]}
        assert set(shown) == set(groups)
        for name, group in groups.items():
            row = shown[name]
            assert all(close(row[key], group[key]) for key in ("iou", "f1", "precision", "recall")), name
            assert close(row["calibration"], group["calibration_error"])
            assert [row["low"], row["high"]] == pytest.approx(group["iou_ci"] or [None, None], abs=1e-12)
            members = [
                p.histogram
                for record in reviewed.records
                if (getattr(record, by) or "Unknown") == name
                and (p := reviewed.predictions[FIRST][record.id]).histogram is not None
            ]
            total = ScoreHistogram.sum_of(members)
            assert (row["pixels"], row["scored"]) == (total.pixels, len(members))
            assert close(row["best"], total.best_threshold())
            assert close(row["water"], total.water_pixels / total.pixels)


def test_regions_by_water_share_are_those_of_the_evaluation(reviewed: Reviewed, kept_screen: ScreenMaker) -> None:
    page = kept_screen(reviewed.dashboard).open(tab="regions", by="water")
    page.page.locator("#regions-table .ag-row").first.wait_for()
    shown = {name: row["scored"] for name, row in page.page.evaluate(ROWS, "regions-table").items()}
    histograms = [h for p in reviewed.predictions[FIRST].values() if (h := p.histogram) is not None]
    assert shown == {b.name: len(members) for b, members in by_water_share(histograms) if members}
    assert page.page.locator("#regions-table .ag-header-cell[col-id=name]").inner_text() == "Water share"


def test_a_region_of_one_chip_is_grey_comes_last_and_gives_no_interval(
    reviewed: Reviewed, kept_screen: ScreenMaker
) -> None:
    one, *_ = reviewed.records
    page = kept_screen(reviewed.dashboard).open(tab="regions", wide=1)
    page.page.locator("#regions-table .ag-row").first.wait_for()
    iou = {r.id: reviewed.predictions[FIRST][r.id].histogram.confusion(0.5).iou for r in reviewed.records}  # type: ignore[union-attr]
    low = sorted(v for r in reviewed.records if r.country == one.country and (v := iou[r.id]) is not None)
    least = (low[0] + low[-1]) / 2
    left = Counter(r.country for r in reviewed.records if (iou[r.id] or 0.0) >= least)
    # Of one country one chip is left, of the other several.
    country = next(c for c in sorted(left, key=str) if c != one.country and left[c] > 1)
    page.page.evaluate(
        "([one, other]) => floodscope.filterbar.set({ country: [one, other], event: [] })", [one.country, country]
    )
    page.page.evaluate("iou => floodscope.filterbar.set({ iou })", [least, 1])
    page.until(FEW, one.country)
    row = page.page.locator(f"#regions-table .ag-row[row-id='{one.country}']")
    expect(row.locator("[col-id=scored]")).to_have_text("n\u2009=\u20091")
    assert "[" not in row.locator("[col-id=iou]").inner_text()
    assert "fs-few" in (row.locator("[col-id=iou]").get_attribute("class") or "")
    assert page.page.evaluate(ORDER, "regions-table")[-1] == one.country


def worst_first_of(reviewed: Reviewed, country: str) -> list[str]:
    ids = [r.id for r in reviewed.records if r.country == country]
    histograms = {chip: h for chip in ids if (h := reviewed.predictions[FIRST][chip].histogram) is not None}
    return worst_first(ids, lambda chip: histograms[chip].confusion(0.5) if chip in histograms else None)


def test_a_newcomer_comes_to_the_worst_chip_of_the_worst_country_in_two_clicks(
    reviewed: Reviewed, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(reviewed.dashboard).open()
    first = page.page.locator("#regions-table .ag-row[row-index='0']")  # twice: a pinned part and the rest
    country = first.first.get_attribute("row-id")
    assert country == page.figures("#figures")["Weakest region"][0]
    first.locator("[col-id=name]").click()  # 1
    expect(page.page.locator("#region-tag")).to_contain_text(f"Country: {country}")
    page.page.locator("#chips-table .ag-row[row-index='0']").first.wait_for()  # the table is made as its tab is opened
    order = page.page.evaluate(ORDER, "chips-table")
    assert order == worst_first_of(reviewed, country)
    # The chips of the region fill the map, and those of others are pale.
    page.until("() => floodscope.leaflet.map.getZoom() >= 6")
    other = next(r.id for r in reviewed.records if r.country != country)
    opacities = page.page.evaluate(
        "ids => ids.map((id) => floodscope.shapes.styleOfFootprint({ properties: { chip: id } }).opacity)",
        [order[0], other],
    )
    assert opacities[1] < opacities[0]
    page.page.locator("#chips-table .ag-row[row-index='0'] [col-id=id]").click()  # 2
    page.answered(order[0])
    assert page.query["chip"] == order[0]


def test_clusters_of_other_regions_fade_and_come_back(reviewed: Reviewed, kept_screen: ScreenMaker) -> None:
    country = reviewed.records[0].country
    page = kept_screen(reviewed.dashboard).open(tab="regions", region=country, z=2, lat=14, lon=8)
    faded = page.page.locator(".fs-cluster.fs-faded")
    faded.first.wait_for()
    assert 0 < faded.count() < page.page.locator(".fs-cluster").count()
    page.page.locator("#regions-tag").click()
    expect(faded).to_have_count(0)


def test_pictures_are_drawn_and_follow_the_threshold_with_no_request(
    reviewed: Reviewed, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(reviewed.dashboard).open(tab="chips", list="grid", overlay="errors")
    cards = page.page.locator("#chips-gallery .fs-card")
    assert cards.count() == len(reviewed.records)
    page.until(
        "() => [...document.querySelectorAll('#chips-gallery img')].slice(0, 9).every((i) => i.naturalWidth === 128)"
    )
    shot = cards.nth(3).locator(".fs-thumb").nth(1)
    before, note = shot.screenshot(), cards.nth(3).inner_text()
    with page.no_request():
        page.set_slider("Threshold", 0.62)
    assert shot.screenshot() != before
    assert cards.nth(3).inner_text() != note
    page.tab("Regions")
    page.page.locator("#regions-table .ag-row").first.wait_for()
    iou = page.page.locator("#regions-table .ag-row[row-index='0'] [col-id=iou]")
    before_text = iou.inner_text()
    with page.no_request():
        page.set_slider("Threshold", 0.56)
    expect(iou).not_to_have_text(before_text)


def test_filters_act_on_map_list_table_and_figures_alike(reviewed: Reviewed, kept_screen: ScreenMaker) -> None:
    country = reviewed.records[3].country
    page = kept_screen(reviewed.dashboard).open(tab="regions")
    page.page.locator("#filter > summary").click()
    page.page.locator("#pick-country > summary").click()
    page.page.locator("#pick-country label", has_text=str(country)).locator("input").check()
    page.page.locator("#filter-from").fill("2000-01-01")
    expect(page.page.locator("#filter-count")).to_have_text("2 of 22 chips")
    page.page.locator("#filter > summary").click()
    assert list(page.page.evaluate(ROWS, "regions-table")) == [country]
    page.until("() => document.querySelector('#figures .fs-figure-value').textContent === '2'")
    page.until(f"() => ({SHAPES})() === 2")
    assert [int(n) for n in page.page.locator(".fs-cluster").all_inner_texts()] == [2]
    page.tab("Chips")
    page.until(
        "() => { let n = 0; floodscope.bridge.table('chips-table')?.forEachNode(() => { n += 1; }); return n === 2; }"
    )
    page.page.locator("#view-explore").click()
    page.page.locator("#explore h2", has_text="2 chips of 22").wait_for()
    page.page.locator(".fs-tag", has_text="Country").click()
    page.page.locator("#filter-clear").click()
    expect(page.page.locator("#filter-count")).to_have_text("22 chips")
    # Two changes of one moment are both kept.
    page.page.evaluate(
        "country => { floodscope.filterbar.set({ country: [country] }); floodscope.filterbar.set({ labelled: 'yes' }); }",
        country,
    )
    expect(page.page.locator("#filter-count")).to_have_text("2 of 22 chips")
    page.until("() => floodscope.filters.values.labelled === 'yes' && floodscope.filters.values.country.length === 1")


def test_chips_are_sorted_by_what_is_asked_for(reviewed: Reviewed, kept_screen: ScreenMaker) -> None:
    page = kept_screen(reviewed.dashboard).open(tab="chips", b=SECOND, t=0.4)
    page.page.locator("#chips-table .ag-row").first.wait_for()
    one, two = reviewed.predictions[FIRST], reviewed.predictions[SECOND]
    counts = {chip: p.histogram.confusion(0.4) for chip, p in one.items() if p.histogram is not None}
    with Store(reviewed.dashboard.data) as store:
        found = {chip: Disagreement.of(store.read(one[chip]), store.read(two[chip])) for chip in one}
    values: dict[str, dict[str, float]] = {
        "missed": {chip: c.fn for chip, c in counts.items()},
        "false": {chip: c.fp for chip, c in counts.items()},
        "uncertain": {chip: p.uncertain_share or 0 for chip, p in one.items()},
        "apart": {
            chip: (d.higher[level(0.4) :].sum() - d.lower[level(0.4) :].sum()) / d.pixels for chip, d in found.items()
        },
    }
    for sort, of_chip in values.items():
        page.page.locator("#chips-sort").select_option(sort)
        page.until("sort => floodscope.state.get().sort === sort", sort)
        page.until(FILLED, sort)
        page.frames(3)
        rows = page.page.evaluate(ROWS, "chips-table")
        assert {chip: row[sort] for chip, row in rows.items()} == pytest.approx(of_chip)
        order = [of_chip[chip] for chip in page.page.evaluate(ORDER, "chips-table")]
        assert order == sorted(order, reverse=True), sort


def test_explore_counts_the_catalog_and_warns_of_what_would_spoil_a_score(
    reviewed: Reviewed, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(reviewed.dashboard).open(tab="chips", list="explore")
    explore = page.page.locator("#explore")
    explore.locator(".fs-chart").first.wait_for()
    expect(explore.locator(".fs-job")).to_have_count(0)  # all chips are read
    assert explore.locator(".fs-chart").count() == 3
    countries = explore.locator("dl[aria-label='By country']").inner_text().split("\n")
    assert dict(zip(countries[::2], countries[1::2], strict=True)) == {str(r.country): "2" for r in reviewed.records}
    assert "22 chips" in explore.locator("h2").inner_text()
    assert explore.locator("#explore-country option").count() == 12
    leaks = {r.event for r in reviewed.records if len({o.split for o in reviewed.records if o.event == r.event}) > 1}
    assert explore.locator(".fs-warnings").count() == (1 if leaks else 0)


def test_the_files_of_the_open_chip_are_told(reviewed: Reviewed, kept_screen: ScreenMaker) -> None:
    chip = reviewed.records[0].id
    page = kept_screen(reviewed.dashboard).open(chip=chip)
    page.answered(chip)
    page.page.locator("#chip-files summary").click()
    read, told = (page.page.locator("#chip-files .fs-rows").nth(number) for number in (0, 1))
    told.wait_for()
    assert "VV and VH are dB" in read.inner_text() and "placed by its geotransform" in read.inner_text()
    assert "EPSG:4326" in told.inner_text()
    assert "vv (band 1), vh (band 2)" in told.inner_text()


def test_two_models_differ_by_the_numbers_of_the_comparison(reviewed: Reviewed, kept_screen: ScreenMaker) -> None:
    page = kept_screen(reviewed.dashboard).open(tab="models", t=0.5)
    page.page.locator("#pick-b").select_option(SECOND)
    page.page.locator("#difference-table").wait_for()
    page.until("model => floodscope.catalog.shelf(model).size === 22", SECOND)
    (pair,) = compare([reviewed.evaluation(spec, 0.5, "country") for spec in (FIRST, SECOND)])["pairs"]
    shown = page.page.evaluate(f"() => floodscope.pairing.compared('{FIRST}', '{SECOND}', 'country', 127)")
    groups = {group["name"]: group for group in shown["groups"]}
    for expected, group in [(pair, shown), *((e, groups[e["name"]]) for e in pair["countries"])]:
        assert close(group["difference"], expected["difference"])
        ends = [group["interval"]["low"], group["interval"]["high"]]
        assert ends == pytest.approx(expected["difference_ci"], abs=1e-12)
    assert [(m["id"], m["fewer"]) for m in shown["moved"][:10]] == [
        (m["id"], m["fewer_wrong_pixels"]) for m in pair["moved_most"]
    ]
    text = page.page.locator("#difference-table tr[data-name='All chips'] td").nth(3).inner_text()
    assert text.startswith(f"{pair['difference']:+.2f}".replace("-", "−"))
    assert (
        page.page.locator("#movers .fs-card")
        .first.get_attribute("aria-label")
        .startswith(  # type: ignore[union-attr]
            f"Open {pair['moved_most'][0]['id']}"
        )
    )
    total = [
        sum((e[2] for e in reviewed.evaluation(s, 0.5, "country").predictions), ScoreHistogram.zero())
        for s in (FIRST, SECOND)
    ]
    ap = ", ".join(f"{n} {t.average_precision():.3f}" for n, t in zip("AB", total, strict=True))
    assert ap in (page.page.locator("#models-curves svg").first.get_attribute("aria-label") or "")
    page.page.locator(".fs-model-card summary").first.click()
    page.page.locator(".fs-model-card", has_text="Limits").wait_for()
    page.page.locator("#model-swap").click()
    page.until_query(model=SECOND, b=FIRST)


def press(page: Screen, *keys: str) -> None:
    for key in keys:
        page.page.keyboard.press(key)
        page.frames(2)


def tab_until(page: Screen, selector: str, limit: int = 40) -> None:
    for _ in range(limit):
        press(page, "Tab")
        if page.page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"Tab does not come to {selector}")


def test_the_whole_review_of_a_chip_by_keyboard_alone(reviewed: Reviewed, kept_screen: ScreenMaker) -> None:
    page = kept_screen(reviewed.dashboard).open(tab="regions")
    page.page.locator("#regions-table .ag-row").first.wait_for()
    tab_until(page, "#regions-by")
    press(page, "ArrowDown")  # by event
    page.until("() => floodscope.state.get().by === 'event'")
    tab_until(page, "#regions-table .ag-cell")
    press(page, "Enter")
    page.until("() => document.activeElement.id === 'region-tag'")
    tab_until(page, "#view-grid")
    press(page, "Enter")
    page.until("() => document.activeElement.id === 'view-grid'")  # what is drawn anew keeps the focus
    tab_until(page, "#chips-gallery .fs-card")
    chip = page.page.evaluate("() => document.activeElement.dataset.chip")
    press(page, "Enter")
    page.answered(chip)
    assert page.query["chip"] == chip


@pytest.mark.parametrize(("theme", "size"), [("dark", (1280, 800)), ("light", (390, 844))])
def test_the_workbench_breaks_no_rule_of_accessibility(
    reviewed: Reviewed, kept_screen: ScreenMaker, theme: str, size: tuple[int, int]
) -> None:
    page = kept_screen(reviewed.dashboard, size=size).open(tab="regions", theme=theme, b=SECOND)
    page.page.locator("#regions-table .ag-row").first.wait_for()
    found: dict[str, list[str]] = {}

    def check(name: str) -> None:
        page.frames(3)
        if broken := violations(page.page):
            found[name] = broken
        wide = page.page.evaluate("() => document.documentElement.scrollWidth > innerWidth")
        if wide:
            found[f"{name} is wider than the screen"] = []

    check("regions")
    page.page.locator("#filter > summary").click()
    page.page.locator("#pick-country > summary").click()
    page.page.locator("#pick-country input").first.check()
    check("filters")
    page.page.locator("#filter > summary").click()
    page.page.locator("#filter-clear").click()
    page.tab("Chips")
    page.page.locator("#chips-table .ag-row").first.wait_for()
    check("list")
    page.page.locator("#view-grid").click()
    page.page.locator("#chips-gallery .fs-card").first.wait_for()
    check("pictures")
    page.page.locator("#view-explore").click()
    page.page.locator("#explore .fs-chart").first.wait_for()
    check("explore")
    page.tab("Models")
    page.page.locator("#difference-table").wait_for()
    page.page.locator(".fs-model-card summary").first.click()
    check("models")
    assert found == {}


# What an address may name and the catalog has not.
NOWHERE = ({"region": "Atlantis"}, {"country": "Atlantis", "split": "nowhere"}, {"b": "no-model"})
UNFILTERED = """chips => floodscope.filters.chips().filter((c) => floodscope.filters.focused(c.id)).length === chips
  && !floodscope.state.get().region && !floodscope.state.get().other"""


def test_what_an_address_names_and_the_catalog_has_not_filters_nothing(reviewed: Reviewed, screen: ScreenMaker) -> None:
    chips = len(reviewed.records)
    page = screen(reviewed.dashboard).open(
        tab="models", **{name: value for one in NOWHERE for name, value in one.items()}
    )
    page.until(UNFILTERED, chips)
    for one in NOWHERE:
        # Something else in between, so that what is waited for was not there before.
        page.come_to("?labelled=no")
        page.until("() => floodscope.filters.values.labelled === 'no' && floodscope.filters.chips().length === 0")
        page.come_to(f"?{urlencode(one)}")
        page.until(UNFILTERED, chips)


def test_dates_the_wrong_way_round_are_turned(reviewed: Reviewed, kept_screen: ScreenMaker) -> None:
    page = kept_screen(reviewed.dashboard).open(tab="chips", **{"from": "2030-01-01", "to": "2000-01-01"})
    page.until("chips => floodscope.filters.chips().length === chips", len(reviewed.records))
