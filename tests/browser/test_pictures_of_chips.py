"""A chip without a place, as a person meets it: in the table, as a picture where the map was, and the world back after it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from axe import violations
from picture import mosaic, painted, seen, show_alone, tiles_of
from playwright.sync_api import expect
from running import Dashboard, serving
from screen import Screen, ScreenMaker

from tests.tiles.chips import SIZE, lake, write_pair
from tiles.palette import LAYERS

LAKE = int(lake().sum())
WORLD = ".leaflet-countries-pane, .leaflet-footprints-pane, .leaflet-points-pane, .leaflet-control-scale, .fs-key"
NO_WORLD = f"() => [...document.querySelectorAll('{WORLD}')].every((e) => getComputedStyle(e).display === 'none')"


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """Two chips without a place, and one that has one."""
    folder = tmp_path_factory.mktemp("unplaced")
    for seed, name in enumerate(("tile_1", "tile_2")):
        write_pair(folder / "chips", name, seed=seed, crs=None, transform=None)
    write_pair(folder / "chips", "there", seed=5)
    with serving(folder / "data", folder / "chips") as running:
        yield running


def opened(kept_screen: ScreenMaker, dashboard: Dashboard, **options: object) -> Screen:
    page = kept_screen(dashboard, **options).open(o=1)
    page.choose_in_table("tile_1")
    page.answered("tile_1")
    page.painted("tile_1", "imagery")
    page.painted("tile_1", "scores")
    return page


def view(page: Screen) -> list[float]:
    found: list[float] = page.page.evaluate(
        "() => { const m = floodscope.leaflet.map, c = m.getCenter(); return [c.lat, c.lng, m.getZoom()]; }"
    )
    return found


def test_it_is_opened_from_the_table_as_a_picture_with_no_world_around(
    dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(dashboard).open()
    expect(page.page.locator(".fs-catalog-count").last).to_have_text("2 without a place")
    before = view(page)
    page.tab("Chips")
    row = page.page.locator("#chips-table .ag-row[row-id=tile_1]")
    expect(row.locator(".fs-thumb-unplaced")).to_have_count(1)
    expect(page.page.locator("#chips-table .ag-row[row-id=there] .fs-thumb-unplaced")).to_have_count(0)
    page.choose_in_table("tile_1")
    page.answered("tile_1")
    page.painted("tile_1", "imagery")
    expect(page.page.locator("#picture-line")).to_contain_text(
        "no place on Earth: it is shown as a picture, not on the map"
    )
    page.until(NO_WORLD)
    expect(page.page.locator(".leaflet-control-attribution")).not_to_contain_text("Natural Earth")
    told = page.page.locator("#chip-panel")
    expect(told).to_contain_text("The image has no georeference")
    expect(told).to_contain_text("No place")
    assert page.figures()["IoU"][0] == "1.00"
    share = f"{100 * LAKE / SIZE**2:.0f}\u2009%"
    assert page.figures()["Water"] == (share, f"{LAKE} px at p ≥ 0.50")
    assert page.figures()["Truth"][0] == share
    assert "km²" not in page.page.locator("#chip-panel .fs-figures-two").inner_text().replace("km² are", "")
    page.until_query(chip="tile_1")
    assert [float(page.query.get(k, 0)) for k in ("lat", "lon", "z")] == pytest.approx(before, abs=0.1)  # the world's
    assert violations(page.page) == []

    page.page.locator("#picture-close").click()
    page.until(
        "before => { const c = floodscope.leaflet.map.getCenter(); return Math.abs(c.lat - before[0]) < 1e-6; }", before
    )
    assert view(page) == pytest.approx(before)
    expect(page.page.locator("#picture-line")).to_be_hidden()
    expect(page.page.locator(".leaflet-control-attribution")).to_contain_text("Natural Earth")
    page.until("() => !new URLSearchParams(location.search).has('chip')")
    assert not page.page.evaluate(NO_WORLD)


def test_its_layers_are_exact_and_follow_the_threshold_without_a_request(
    dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = opened(kept_screen, dashboard)
    colour = LAYERS
    scores = mosaic(page, tiles_of(page, "scores"))
    p, water, data = scores[..., 0], scores[..., 1] == 255, scores[..., 3] == 255
    assert data.any() and water.any() and (data & ~water).any()
    show_alone(page, "scores")
    with page.no_request():
        for threshold in (0.5, 0.05):
            page.set_threshold(threshold)
            page.switch("overlay", "Prediction")
            mask = data & (p >= np.ceil(254 * threshold - 1e-9))
            assert np.array_equal(seen(page), painted([(mask, colour["water"])]))
            page.switch("overlay", "Truth")
            assert np.array_equal(seen(page), painted([(data & water, colour["truth"])]))
        page.switch("base", "VH")


def test_a_pixel_and_an_area_are_told_in_pixels(dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = opened(kept_screen, dashboard)
    page.page.keyboard.press("i")
    pinned = page.page.locator("#inspector section[aria-label='Pinned pixel']")
    expect(pinned).to_contain_text(re.compile(rf"row \d+, column {SIZE // 2}"))
    expect(pinned).not_to_contain_text("°")
    coordinates = page.page.locator("#coordinates")
    coordinates.locator("summary").click()
    expect(coordinates).to_contain_text("Rectangle by pixels")
    for side, value in (("Left", 0), ("Top", 0), ("Right", SIZE), ("Bottom", SIZE // 2)):
        coordinates.get_by_label(side, exact=True).fill(str(value))
    coordinates.get_by_role("button", name="Measure").click()
    figures = page.page.locator("#area-figures")
    half = int(lake()[: SIZE // 2].sum())
    size = f"{SIZE * SIZE // 2:,}".replace(",", "\u2009")
    expect(figures.locator(".fs-row", has_text="Size")).to_contain_text(f"{size} px")
    expect(figures.locator(".fs-row", has_text="Water in the label")).to_contain_text(f"{half} px")
    expect(figures).not_to_contain_text("km²")


def test_a_link_brings_it_back_and_other_chips_bring_the_world_back(
    dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(dashboard).open(chip="tile_2", z=4, lat=10, lon=20)
    page.answered("tile_2")
    page.painted("tile_2", "imagery")
    page.until(NO_WORLD)
    page.page.locator("#map").focus()
    page.page.keyboard.press("j")  # from tile_2 on: each chip is passed, with a place or without
    names = {page.page.evaluate("floodscope.state.get().chip")}
    for _ in range(2):
        page.page.keyboard.press("j")
        names.add(page.page.evaluate("floodscope.state.get().chip"))
    assert names == {"tile_1", "tile_2", "there"}
    page.choose_in_table("there")
    page.answered("there")
    page.painted("there", "imagery")
    expect(page.page.locator("#picture-line")).to_be_hidden()
    lat, lon, _ = view(page)
    assert (lat, lon) == pytest.approx(page.centre("there"), abs=0.1)
    page.choose_in_table("tile_1")
    page.answered("tile_1")
    page.until(NO_WORLD)
    page.until_query(chip="tile_1")
    page.page.go_back()
    page.answered("there")
    expect(page.page.locator("#picture-line")).to_be_hidden()
    assert view(page)[:2] == pytest.approx(page.centre("there"), abs=0.1)


def test_escape_goes_back_to_the_map_and_its_group_is_no_place(dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = opened(kept_screen, dashboard, size=(390, 844))
    page.page.locator("#map").focus()
    page.page.keyboard.press("Escape")
    expect(page.page.locator("#picture-line")).to_be_hidden()
    assert not page.page.evaluate("Boolean(floodscope.picture.shown)")
    groups = page.page.evaluate("floodscope.groups.rows('backscatter', 127, 'country').map(g => g.name).sort()")
    assert groups == ["Austria", "No place"]
    assert (
        page.page.evaluate("floodscope.filters.rows().filter((row) => floodscope.catalog.chips.placed[row]).length")
        == 1
    )
