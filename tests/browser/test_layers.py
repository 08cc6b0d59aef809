"""Layers, threshold and opacity: pixel-exact, and with no request to the server."""

from __future__ import annotations

import json
from dataclasses import asdict
from urllib.parse import urlsplit

import numpy as np
import pytest
from picture import fetch, lines_between_tiles, mosaic, painted, seen, show_alone, tiles_of
from playwright.sync_api import Page, Route, expect
from running import Dashboard
from screen import Screen, ScreenMaker

from tiles.drawing.layers import Shown, Swatch
from tiles.palette import GREY_GROUND, LAYERS
from tiles.probability import level

THRESHOLDS = [0.1, 0.5, 0.9]
FRACTIONS = [0.13, 0.29, 0.45, 0.61]
# A flood with unknown pixels, one mostly unlabelled, and a UTM chip with a wedge without data.
REAL = ["India_900498", "awc00"]


def wrong_pixels(shown: np.ndarray, expected: np.ndarray) -> int:
    assert shown.shape == expected.shape
    return int((shown != expected).any(axis=-1).sum())


def open_chip(kept_screen: ScreenMaker, dashboard: Dashboard, chip: str) -> Screen:
    page = kept_screen(dashboard)
    page.open(chip=chip, o=1, tab="models")
    page.painted(chip, "imagery")
    page.whole_zoom(chip)
    page.painted(chip, "imagery")
    page.painted(chip, "scores")
    return page


def some_simulated(page: Page) -> str:
    found: str = page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    return found


def assert_overlays_are_exact(page: Screen) -> None:
    """Compare mask, truth and error map with what numpy makes of the values of the score tiles."""
    colour = LAYERS
    scores = mosaic(page, tiles_of(page, "scores"))
    p, water, known, data = scores[..., 0], scores[..., 1] == 255, scores[..., 2] == 255, scores[..., 3] == 255
    assert data.any()
    assert set(np.unique(scores[..., 3])) <= {0, 255}
    show_alone(page, "scores")
    page.switch("overlay", "Truth")
    assert wrong_pixels(seen(page), painted([(data & water, colour["truth"])])) == 0
    for threshold in THRESHOLDS:
        page.set_threshold(threshold)
        mask = data & (p >= level(threshold))
        # Against the definition, not against the level: v / 254 >= threshold.
        assert np.array_equal(mask, data & (np.rint(p / 254 * 1e9) >= round(threshold * 1e9)))
        page.switch("overlay", "Prediction")
        assert wrong_pixels(seen(page), painted([(mask, colour["water"])])) == 0, f"mask at {threshold}"
        page.switch("overlay", "Errors")
        dry = data & known & ~water
        errors = [
            (mask & water, colour["hit"]),
            (mask & dry, colour["false"]),
            (data & water & ~mask, colour["missed"]),
        ]
        assert wrong_pixels(seen(page), painted(errors)) == 0, f"errors at {threshold}"
    page.switch("overlay", "None")
    assert wrong_pixels(seen(page), painted([(np.zeros_like(data), (0, 0, 0))])) == 0
    page.switch("overlay", "Truth")  # of no layer there is no outline
    page.page.locator("label", has_text="Outline").click()
    for overlay, filled, rim in (("Truth", data & water, (255, 255, 255)), ("Prediction", mask, (0, 0, 0))):
        page.switch("overlay", overlay)
        inside = around(~filled)
        line, edge = filled & inside, around(filled) & ~filled
        expected = painted([(edge, rim), (line, colour["truth" if overlay == "Truth" else "water"])])
        # What lies off the map counts too, and is not known here.
        assert wrong_pixels(seen(page)[1:-1, 1:-1], expected[1:-1, 1:-1]) == 0, overlay


def around(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask and their eight neighbours, (H, W)."""
    wide = np.pad(mask, 1)
    height, width = mask.shape
    return np.any([wide[y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)


@pytest.mark.parametrize("chip", REAL)
def test_mask_truth_and_errors_of_real_chips_are_pixel_exact(
    real_dashboard: Dashboard, kept_screen: ScreenMaker, chip: str
) -> None:
    assert_overlays_are_exact(open_chip(kept_screen, real_dashboard, chip))


def test_mask_truth_and_errors_of_a_simulated_chip_are_pixel_exact(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open(o=1, tab="models")
    chip = some_simulated(page.page)
    page.click_chip(chip)
    page.painted(chip, "scores")
    page.whole_zoom(chip)
    page.painted(chip, "scores")
    assert_overlays_are_exact(page)


def test_the_mask_is_exact_on_a_screen_of_two_pixels_a_point(
    simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(simulated_dashboard, scale=2).open(o=1, tab="models")
    chip = some_simulated(page.page)
    page.click_chip(chip)
    page.painted(chip, "scores")
    page.whole_zoom(chip)
    page.painted(chip, "scores")
    scores = mosaic(page, tiles_of(page, "scores"))
    show_alone(page, "scores")
    page.set_threshold(0.3)
    mask = (scores[..., 3] == 255) & (scores[..., 0] >= level(0.3))
    twice = painted([(mask, LAYERS["water"])]).repeat(2, axis=0).repeat(2, axis=1)
    assert wrong_pixels(seen(page), twice) == 0
    assert [lines_between_tiles(page, "scores", zoom, scale=2) for zoom in FRACTIONS] == [0] * len(FRACTIONS)


@pytest.mark.parametrize("chip", ["India_900498", "awc00"])
def test_vv_and_vh_taken_from_the_composite_are_the_servers_own(
    real_dashboard: Dashboard, kept_screen: ScreenMaker, chip: str
) -> None:
    page = open_chip(kept_screen, real_dashboard, chip)
    tiles = tiles_of(page, "imagery")
    assert all("/composite/" in tile.url for tile in tiles)
    page.switch("overlay", "None")
    show_alone(page, "imagery")
    for label, layer in (("VV", "vv"), ("VH", "vh"), ("False colour", "composite")):
        page.switch("base", label)
        expected = mosaic(page, tiles, layer)
        shown = seen(page)
        opaque = expected[..., 3] == 255
        assert opaque.any()
        assert wrong_pixels(shown[opaque], expected[opaque][:, :3]) == 0, label
        clear = expected[..., 3] == 0
        assert wrong_pixels(shown[clear], painted([(~clear, (0, 0, 0))])[clear]) == 0, label
        assert (opaque | clear).mean() > 0.99  # at most a seam of overviews is half transparent


def outline_by_key(page: Screen) -> None:
    page.page.keyboard.press("o")
    page.until_query(outline="1")
    page.page.locator("#legend", has_text="outline of water in the label").wait_for()
    page.switch("overlay", "Confidence")
    expect(page.page.get_by_role("switch", name="Outline")).to_be_disabled()  # it has no edge
    page.switch("overlay", "Prediction")


def test_moving_sliders_and_switching_layers_asks_the_server_for_nothing(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open()
    chip = some_simulated(page.page)
    page.click_chip(chip)
    page.answered(chip)
    page.painted(chip, "imagery")
    page.painted(chip, "scores")
    at_half = page.figures()["Water"]
    with page.no_request():
        page.set_slider("Threshold", 0.52)
        page.slider("Threshold").press("End")
        page.until("() => document.getElementById('threshold-value').textContent === '1.00'")
        assert page.figures()["Water"] != at_half
        for name in ("Threshold", "Opacity"):
            box = page.page.locator(f"#{name.lower()}").bounding_box()
            assert box is not None
            y = box["y"] + box["height"] / 2
            page.page.mouse.move(box["x"] + 0.2 * box["width"], y)
            page.page.mouse.down()
            page.page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=8)
            page.page.mouse.up()
            page.until(
                "name => Math.abs(Number(document.querySelector(`#${name} [role=slider]`).ariaValueNow) - 0.6) < 0.05",
                name.lower(),
            )
            page.frames(6)  # the last of the drag's moves may be on its way
        page.set_slider("Opacity", 0.57)
        opacity = page.page.locator(".leaflet-scores-pane").evaluate("pane => getComputedStyle(pane).opacity")
        assert float(opacity) == 0.57
        for group, labels in (
            ("base", ("VV", "VH", "False colour")),
            ("overlay", ("Truth", "Errors", "Confidence", "None", "Prediction")),
        ):
            for label in labels:
                page.switch(group, label)
                page.frames(2)
        ground = "has => getComputedStyle(document.querySelector('.fs-imagery-layer .leaflet-tile')).filter === has"
        page.until(ground, "none")
        page.page.keyboard.press("g")
        page.until_query(grey="1")
        page.until(ground, f"grayscale(1) brightness({GREY_GROUND})")
        page.page.locator("#legend", has_text="False colour in grey").wait_for()
        page.switch("base", "VV")
        page.until(ground, f'url("#fs-vv") brightness({GREY_GROUND})')
        choice = page.page.get_by_role("switch", name="Grey ground")
        page.switch("overlay", "None")
        expect(choice).to_be_disabled()  # an image alone has its own colours
        page.until(ground, 'url("#fs-vv")')
        page.switch("overlay", "Truth")
        expect(choice).to_be_checked()
        outline_by_key(page)
    page.page.keyboard.press("f")
    cell = "() => document.querySelector('.fs-four-cell[data-layer=truth] .fs-imagery-layer .leaflet-tile')"
    page.until(f"() => ({cell})() && getComputedStyle(({cell})()).filter.includes('brightness')")
    page.page.keyboard.press("g")
    page.until(f"() => getComputedStyle(({cell})()).filter === 'none'")
    assert page.query["t"] == "0.6" or 0.5 < float(page.query["t"]) < 0.7


def test_a_layer_that_is_one_more_entry_of_the_table_has_its_key_legend_place_in_the_address_and_pixels(
    simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(simulated_dashboard)
    half = ((0, 0, 0, 0, 0.4), (0, 0, 0, 0, 0.2), (0, 0, 0, 0, 0), (-1, 0, 0, 1, 0))  # what the prediction leaves dry
    dry = Shown("dry", "Dry", "dry land", "overlay", "scores", ("level", half), ("a",), key="d",
                legend=(Swatch("rgb(102,51,0)", "D", "predicted dry land"),))  # fmt: skip

    def with_one_more(route: Route) -> None:
        answer = route.fetch()
        told = json.dumps(asdict(dry))
        route.fulfill(response=answer, body=answer.text().replace('{"layers": [', f'{{"layers": [{told}, ', 1))

    page.page.route(lambda url: urlsplit(url).path == "/", with_one_more)
    page.open(o=1, tab="models")
    chip = some_simulated(page.page)
    page.click_chip(chip)
    page.painted(chip, "scores")
    page.whole_zoom(chip)
    page.painted(chip, "scores")
    page.page.keyboard.press("d")
    page.until_query(overlay="dry")
    page.page.locator("#legend", has_text="predicted dry land").wait_for()
    page.page.locator("#keys-button").click()
    told = page.page.locator("#keys-told")
    expect(told).to_contain_text("DWUTEC0")
    expect(told).to_contain_text("dry land, prediction (water), flood (water that is not usual), truth")
    page.page.locator("#keys-close").click()
    scores = mosaic(page, tiles_of(page, "scores"))
    show_alone(page, "scores")
    left = (scores[..., 3] == 255) & (scores[..., 0] < level(0.5))
    assert wrong_pixels(seen(page), painted([(left, (102, 51, 0))])) == 0


def test_the_picture_changes_with_threshold_and_layer(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(simulated_dashboard).open(o=1, tab="models")
    chip = some_simulated(page.page)
    page.click_chip(chip)
    page.painted(chip, "scores")
    page.whole_zoom(chip)
    page.painted(chip, "scores")
    show_alone(page, "scores")
    pictures = []
    for threshold in (0.05, 0.5, 0.95):
        page.set_threshold(threshold)
        pictures.append(int((seen(page) == LAYERS["water"]).all(axis=-1).sum()))
    assert pictures[0] > pictures[1] > pictures[2] > 0
    assert [lines_between_tiles(page, "scores", zoom) for zoom in FRACTIONS] == [0] * len(FRACTIONS)


def test_what_stays_of_legend_and_panel_is_kept_while_the_slider_moves(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open(tab="models")
    chip = some_simulated(page.page)
    page.click_chip(chip)
    page.answered(chip)
    page.page.locator("#chip-panel .fs-figure").first.focus()
    parts = "#legend > *, #chip-panel .fs-figure, #chip-panel .fs-row"
    keep = "parts => { window.kept = [...document.querySelectorAll(parts)]; return kept.length; }"
    assert page.page.evaluate(keep, parts) > 10
    said = page.page.locator("#chip-panel").inner_text()
    page.set_threshold(0.2)
    page.until("said => document.getElementById('chip-panel').innerText !== said", said)
    assert page.page.evaluate("() => kept.every((one) => one.isConnected)"), (
        "who reads or points there is not thrown out"
    )
    assert page.page.evaluate("() => document.activeElement === kept.find((one) => one.matches('.fs-figure'))")


def test_the_servers_mask_is_the_mask_of_the_browser(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(simulated_dashboard).open(o=1, tab="models")
    chip = some_simulated(page.page)
    page.click_chip(chip)
    page.painted(chip, "scores")
    page.whole_zoom(chip)
    page.painted(chip, "scores")
    for tile in tiles_of(page, "scores"):
        scores = fetch(tile.url)
        mask = fetch(tile.url.replace("/scores/", "/mask/") + "?threshold=0.3")
        assert np.array_equal(mask[..., 3] > 0, (scores[..., 3] > 0) & (scores[..., 0] >= level(0.3)))
