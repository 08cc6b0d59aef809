"""The main path on the real chips: click, image, prediction, and numbers that are those of `floodscope evaluate`."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from running import Dashboard, Evaluate
from screen import Screen, ScreenMaker

from model.scores.histogram import Confusion
from model.scores.worst import worst_first

SCORED = ["India_900498", "awc00"]
THRESHOLDS = [0.5, 0.3, 0.8]
NONE = "–"


def rounded(value: float | None, digits: int = 2) -> str:
    """Write a number as JavaScript's toFixed does: the exact binary value, ties away from zero."""
    if value is None:
        return NONE
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def count(text: str) -> int:
    return int(text.removesuffix(" px").replace("\u2009", ""))


def km2(value: float) -> str:
    return f"{rounded(value, 2 if value < 10 else 1)}\u2009km²"


def interval(pair: list[float] | None) -> str:
    return f"[{rounded(pair[0])}–{rounded(pair[1])}]" if pair else ""


def of_chip(report: dict[str, Any], chip: str) -> dict[str, Any]:
    (found,) = [entry for entry in report["chips"] if entry["id"] == chip]
    return dict(found)


def assert_scores_are_those_of(screen: Screen, expected: dict[str, Any]) -> None:
    counts = Confusion(*(expected[key] for key in ("tp", "fp", "fn", "tn")))
    figures, rows = screen.figures(), screen.rows()
    assert {name: figures[name][0] for name in ("IoU", "Precision", "Recall", "F1", "Water", "Truth")} == {
        "IoU": rounded(expected["iou"]),
        "Precision": rounded(counts.precision),
        "Recall": rounded(counts.recall),
        "F1": rounded(counts.f1),
        "Water": km2(expected["water_km2"]),
        "Truth": km2(expected["label_water_km2"]),
    }
    shown = [count(rows[f"{name} ({key})"]) for name, key in
             (("True water", "TP"), ("False water", "FP"), ("Missed water", "FN"), ("True dry", "TN"))]  # fmt: skip
    assert shown == [expected[key] for key in ("tp", "fp", "fn", "tn")]
    if expected["iou"] is not None:
        assert screen.meaning("IoU").endswith(f"Here {rounded(expected['iou'], 3)}.")


def test_the_map_holds_every_chip_with_imagery_and_the_outlines_of_the_others(
    real_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(real_dashboard).open(known=1)
    chips = page.page.evaluate("[...floodscope.catalog.chips.values()].map((chip) => chip.toJSON())")
    imagery = [chip for chip in chips if chip["imagery"]]
    assert len(imagery) == 16
    assert "16 chips with imagery" in page.page.locator("#catalog-label").inner_text()
    outlines = {chip["id"] for chip in chips if chip["ring"] and not chip["imagery"]}
    assert len(outlines) == 446 - 12
    drawn = page.page.evaluate(
        "() => { const { chips } = floodscope.catalog;"
        " return Array.from(floodscope.filters.rows()).filter((row) => chips.placed[row]).map((row) => chips.ids[row]); }"
    )
    assert set(drawn) == outlines | {chip["id"] for chip in imagery}
    page.until("() => floodscope.shapes.state.withChips.size > 0")
    styles = page.page.evaluate(
        "ids => ids.map(id => floodscope.shapes.styleOfFootprint({properties: {chip: id}}))", sorted(outlines)
    )
    assert {(style["dashArray"], style["fillOpacity"]) for style in styles} == {("3 3", 0)}


@pytest.mark.parametrize("chip", SCORED)
def test_a_click_on_the_map_shows_image_mask_and_the_numbers_of_evaluate(
    real_dashboard: Dashboard, real_evaluation: Evaluate, kept_screen: ScreenMaker, chip: str
) -> None:
    page = kept_screen(real_dashboard).open()
    page.click_chip(chip)
    page.answered(chip)
    page.painted(chip, "imagery")
    page.painted(chip, "scores")
    for threshold in THRESHOLDS:
        page.set_threshold(threshold)
        assert page.figures()["Water"][1].startswith(f"at p ≥ {threshold:.2f}: ")
        assert_scores_are_those_of(page, of_chip(real_evaluation(threshold), chip))


def test_a_chip_is_opened_from_the_table_the_search_the_far_points_and_a_link(
    real_dashboard: Dashboard, real_evaluation: Evaluate, screen: ScreenMaker
) -> None:
    page = screen(real_dashboard).open()
    page.choose_in_table("Pakistan_849790")
    page.answered("Pakistan_849790")
    assert_scores_are_those_of(page, of_chip(real_evaluation(0.5), "Pakistan_849790"))
    page.painted("Pakistan_849790")
    page.search("Nigeria_812045")
    page.answered("Nigeria_812045")
    assert_scores_are_those_of(page, of_chip(real_evaluation(0.5), "Nigeria_812045"))
    page.painted("Nigeria_812045")
    page.open(chip="Sri-Lanka_534068")
    page.answered("Sri-Lanka_534068")
    assert_scores_are_those_of(page, of_chip(real_evaluation(0.5), "Sri-Lanka_534068"))
    page.painted("Sri-Lanka_534068")


def test_a_cluster_opens_into_chips_that_can_be_clicked(real_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(real_dashboard).open(z=2, lat=10, lon=10)
    clusters = page.page.locator(".fs-cluster")
    clusters.first.wait_for()
    before = page.page.evaluate("floodscope.leaflet.map.getZoom()")
    clusters.last.click()
    page.until("before => floodscope.leaflet.map.getZoom() > before", before)
    page.click_chip("Somalia_699062", zoom=9)
    page.answered("Somalia_699062")


def test_a_chip_without_a_valid_pixel_says_so_and_the_page_lives_on(
    real_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(real_dashboard).open()
    page.click_chip("Paraguay_34417")
    page.answered("Paraguay_34417")
    assert "no valid pixel" in page.notice()
    assert page.page.locator("#chip-panel .fs-notice-error").get_attribute("role") == "alert"
    assert page.page.locator("#try-again").count() == 0, "no second try makes another image of it"
    page.click_chip("India_900498")
    page.answered("India_900498")
    page.painted("India_900498")
    assert page.figures()["IoU"][0] == "0.72"
    # Nothing beside it says where water is usual.
    assert (
        page.page.locator("#chip-panel .fs-soft", has_text="Usual water, as rivers and lakes, counts as well").count()
        == 1
    )
    assert not page.page.locator("#overlay label", has_text="Flood").is_visible()
    page.page.locator("#map").focus()
    page.page.keyboard.press("u")
    page.page.locator("#legend", has_text="flood cannot be told from it").wait_for()


def test_a_chip_without_a_label_is_predicted_and_not_scored(
    real_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(real_dashboard).open()
    page.click_chip("ayt12")
    page.answered("ayt12")
    page.painted("ayt12")
    assert page.page.locator("#chip-panel .fs-notice").count() == 0
    figures = page.figures()
    assert set(figures) == {"Water", "Range, no error known", "Flood", "Usual water"}  # with months of water beside it
    assert figures["Flood"][0] == figures["Water"][0] and figures["Usual water"][0] == "0.00\u2009km²"
    page.switch("overlay", "Flood")
    page.page.locator("#legend", has_text="usual water, not found").wait_for()
    page.painted("ayt12")
    assert figures["Water"][0].endswith("km²")
    assert figures["Range, no error known"][1] == "p ≥ 0.75 to p ≥ 0.25"
    assert page.page.locator("#chip-panel").inner_text().lower().count("label") == 1, "said once, by the badge"
    assert page.page.locator("#chip-panel .fs-badge", has_text="No label").count() == 1
    with page.no_request():
        page.set_threshold(0)
        page.page.locator("#chip-panel .fs-trust", has_text="the water drawn is above the range").wait_for()
    assert page.figures()["Range, no error known"] == figures["Range, no error known"]


def test_a_label_without_a_known_pixel_gives_a_prediction_and_no_score(
    real_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(real_dashboard).open(chip="Ghana_83483")
    page.answered("Ghana_83483")
    assert page.notice().startswith("Not scored:")
    assert set(page.figures()) == {"Water", "Range, no error known"}


def test_a_chip_without_imagery_says_so(real_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(real_dashboard).open(known=1)
    outline = page.page.evaluate("[...floodscope.catalog.chips.values()].find(c => c.ring && !c.imagery).id")
    page.click_chip(outline, zoom=12)
    page.page.locator("#chip-panel h2", has_text=outline).wait_for()
    assert "image is not on disk" in page.notice()


def test_regions_and_the_four_figures_are_those_of_evaluate(
    real_dashboard: Dashboard, real_evaluation: Evaluate, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(real_dashboard).open(tab="regions", rcols="name,iou,precision,recall")
    page.page.locator("#predict-all").click()
    page.page.locator("#job", has_text="Done").wait_for()
    for threshold in THRESHOLDS:
        page.set_threshold(threshold)
        report = real_evaluation(threshold)
        groups = {group["name"]: group for group in report["groups"]}
        shown = page.table("regions-table")
        assert {name for name, row in shown.items() if row["iou"].strip() != NONE} == {
            name for name, group in groups.items() if group["iou"] is not None
        }
        for name, group in groups.items():
            iou = NONE if group["iou"] is None else f"{rounded(group['iou'])} {interval(group['iou_ci'])}"
            row = {column: text.strip() for column, text in shown[name].items()}
            assert row["iou"] == iou.strip(), name
            assert row["precision"] == rounded(group["precision"]), name
            assert row["recall"] == rounded(group["recall"]), name
        figures = page.figures("#figures")
        micro = report["micro"]
        assert figures["Micro IoU"] == (rounded(micro["iou"]), interval(micro["iou_ci"]))
        # The one country with two scored chips has no water to fail at, and no country of one chip is named.
        wet = [group for group in report["groups"] if group["tp"] + group["fn"] > 0]
        assert max(group["scored"] for group in wet) == 1
        assert figures["Weakest region"] == (NONE, "no region of two chips")
        ranked = worst_first(wet, lambda group: Confusion(*(group[key] for key in ("tp", "fp", "fn", "tn"))))
        first = page.page.locator("#regions-table .ag-row[row-index='0']").first.get_attribute("row-id")
        assert first == ranked[0]["name"]
        assert figures["Predicted"] == ("15", "of 16, 1 cannot be predicted")
        assert figures["Chips"] == ("16", "14 labelled, 12 scored; 972 known only")
    why = page.page.locator("#figures .fs-figure").first.locator(".fs-tip").text_content()
    assert why is not None
    assert "could not be predicted: Paraguay_34417; no known pixel in the label: Ghana_83483." in why
    # Countries without a labelled chip can have no score: they are folded, not listed as zero of zero.
    folded = page.page.locator("#regions-rest")
    assert folded.locator("summary").inner_text() == "2 regions without a labelled chip"
    folded.locator("summary").click()
    assert "Slovakia\n65 chips, none with imagery on disk" in folded.inner_text()
    assert not {"Slovakia", "United Kingdom"} & set(page.table("regions-table"))


def test_a_chip_that_could_not_be_predicted_is_not_listed_as_to_predict(
    real_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(real_dashboard).open()
    page.choose_in_table("Paraguay_34417")
    page.answered("Paraguay_34417")
    page.tab("Chips")
    cell = page.page.locator("#chips-table .ag-row[row-id='Paraguay_34417'] .ag-cell[col-id=iou]")
    cell.get_by_text("failed").wait_for()
    page.page.reload()
    page.ready()
    page.tab("Chips")
    cell.get_by_text("failed").wait_for()


def test_pictures_of_every_kind_stand_in_cards_of_one_height(
    real_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(real_dashboard).open(tab="chips", list="grid", wide=1)
    page.page.locator(".fs-card").first.wait_for()
    page.frames(3)
    boxes = page.page.locator(".fs-card").evaluate_all(
        """cards => cards.filter((card) => card.querySelector("img")).map((card) => {
          const box = card.getBoundingClientRect();
          const inside = [...card.querySelectorAll("img")].every((image) => {
            const picture = image.getBoundingClientRect();
            return picture.left >= box.left && picture.right <= box.right && picture.bottom <= box.bottom;
          });
          return [Math.round(box.height), inside];
        })"""
    )
    assert len(boxes) == 16
    assert len({height for height, _ in boxes}) == 1
    assert all(inside for _, inside in boxes)


def test_explore_tells_every_kind_of_warning(real_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(real_dashboard).open(tab="chips", list="explore")
    page.page.locator(".fs-warnings > li").nth(1).wait_for()
    told = page.page.locator(".fs-warnings").inner_text()
    assert "floods have chips in several splits" in told
    assert "are in two sources" in told
    assert "[object" not in told
