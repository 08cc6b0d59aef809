"""The ground near a chip: towns by name, offline; and a base map that fails, is slow, or comes, and never disturbs."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from PIL import Image
from running import Dashboard, serving
from screen import ScreenMaker

from tests.dashboard.basemaps.tile_files import picture, write_pmtiles
from tests.listening import listening
from tests.waiting import PATIENCE_S, eventually

TOWN = "name => [...document.querySelectorAll('.fs-town')].some((town) => town.textContent === name && town.checkVisibility())"
MEKONG = (12.0, 105.4)


@dataclass
class Owner:
    """Who serves the tiles of a base map, in one of three ways; what was asked of it, and what waits for its answer."""

    address: str = ""
    way: str = "fails"
    asked: list[str] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)


@pytest.fixture(scope="module")
def owner() -> Iterator[Owner]:
    told = Owner()
    picture = io.BytesIO()
    Image.new("RGB", (256, 256), (200, 90, 160)).save(picture, "PNG")

    class Tiles(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            if told.way == "fails":
                self.send_error(503)
                return
            if told.way == "is slow":
                told.go.wait(PATIENCE_S)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(picture.getvalue())

        def log_message(self, *args: object) -> None:
            pass

    with listening(Tiles) as told.address:
        yield told
        told.go.set()


@pytest.fixture(scope="module")
def mapped(simulated_chips: Path, owner: Owner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    options = ("--basemap", owner.address + "/{z}/{x}/{y}.png", "--basemap-attribution", "Tiles <of> somebody")
    with serving(tmp_path_factory.mktemp("mapped"), simulated_chips, options=options) as dashboard:
        yield dashboard


def test_towns_stand_around_a_chip_and_the_panel_says_which_are_near(
    simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(simulated_dashboard).open(tab="models")
    page.quiet()
    assert not [request.url for request in page.requests if "/ground" in request.url or "map/basemap" in request.url]
    page.go(*MEKONG, 10)
    page.until(TOWN, "Kampong Cham")
    assert page.page.locator(".fs-ground-rivers").count() > 0
    page.go(*MEKONG, 12)
    page.until("() => !document.querySelector('.fs-ground-rivers')")
    hidden = "() => getComputedStyle(document.querySelector('.leaflet-countries-pane')).display === 'none'"
    page.until(hidden)
    with page.no_request():
        page.go(*MEKONG, 11)  # the cell is there
        page.until(TOWN, "Kampong Cham")
    page.go(20, 0, 3)
    page.until("() => !document.querySelector('.fs-town')")
    chip = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    page.search(chip)
    page.answered(chip)
    near = page.page.evaluate("() => floodscope.catalog.opened.near")
    said = page.page.locator(".fs-chip-place").nth(1).inner_text()
    assert all(f"{town['wind']} of {town['town']}" in said for town in near)
    assert len(near) in {1, 2}


THERE = """([lat, lon]) => {
  const { map } = floodscope.leaflet;
  return map.getCenter().distanceTo([lat, lon]) < 2000 && map.getZoom() > 11;
}"""
DEGREES = "() => [...document.querySelectorAll('.fs-degrees')].map((label) => label.textContent)"
# How far the lines of the graticule lie from where Leaflet has their degrees, at most, in pixels.
ASIDE = """() => {
  const { leaflet: { map } } = floodscope;
  const box = map.getContainer().getBoundingClientRect();
  return Math.max(...[...document.querySelectorAll(".fs-degrees-top")].map((label) => {
    const [number, half] = label.textContent.split("°");
    const lon = Number(number) * (half.includes("W") ? -1 : 1);
    const x = map.latLngToContainerPoint([map.getCenter().lat, lon]).x + box.left;
    const lines = [...document.querySelectorAll(".fs-graticule")].map((line) => line.getBoundingClientRect());
    return Math.min(...lines.filter((line) => line.width < 4).map((line) => Math.abs(line.left + line.width / 2 - x)));
  }));
}"""


def test_a_town_or_coordinates_are_flown_to_and_degrees_stand_on_the_map(
    simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(simulated_dashboard).open(tab="models")
    page.quiet()
    assert not [one.url for one in page.requests if "map/places" in one.url or "map/graticule" in one.url]
    page.page.locator("input#search").press_sequentially("numaligarh")
    page.page.get_by_role("option", name="Numāligarh (Numaligarh), India").click()
    page.until(THERE, [26.629, 93.727])
    page.until(TOWN, "Numāligarh")
    assert page.page.locator("input#search").input_value() == ""
    page.page.locator("input#search").press_sequentially("-14.4, 65.1 W")
    page.page.get_by_role("option", name="latitude, longitude").wait_for()
    page.page.locator("input#search").press("ArrowDown")
    page.page.keyboard.press("Enter")
    page.until(THERE, [-14.4, -65.1])
    page.page.locator("#map").focus()
    page.page.keyboard.press("n")
    page.until_query(degrees="1")
    page.until("() => document.querySelectorAll('.fs-degrees').length > 2")
    assert any(text.endswith("W") for text in page.page.evaluate(DEGREES))
    assert page.page.evaluate(ASIDE) < 1.5
    with page.no_request():
        page.page.evaluate("() => floodscope.leaflet.map.panBy([200, 100], { animate: false })")
        assert page.page.evaluate(ASIDE) < 1.5
    page.page.reload()
    page.ready()
    page.until("() => document.querySelectorAll('.fs-degrees').length > 2")
    page.page.get_by_role("button", name="Degrees on the map").click()
    page.until("() => !document.querySelector('.fs-degrees') && !document.querySelector('.fs-graticule')")


def test_a_base_map_that_fails_or_is_slow_disturbs_nothing_and_one_that_comes_is_shown(
    mapped: Dashboard, screen: ScreenMaker, owner: Owner
) -> None:
    page = screen(mapped).open(tab="models")
    assert owner.asked == []  # far away nobody is asked
    page.go(*MEKONG, 10)
    page.until(TOWN, "Kampong Cham")
    eventually(lambda: owner.asked)
    page.quiet()
    assert page.page.evaluate("() => document.documentElement.dataset.basemap") is None
    # What the browser itself writes of failed pictures is no fault of the page.
    ours = [told for told in page.problems if owner.address not in told and "503" not in told]
    assert ours == []
    page.problems.clear()
    owner.way = "is slow"
    chip = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    page.search(chip)
    page.answered(chip)
    page.painted(chip, "scores")  # while the base map waits
    assert page.page.evaluate("() => document.documentElement.dataset.basemap") is None
    owner.go.set()
    page.until("() => document.documentElement.dataset.basemap === 'shown'")
    assert not page.page.locator(".leaflet-ground-pane").is_visible()
    assert "Tiles <of> somebody" in page.page.locator(".leaflet-control-attribution").first.inner_text()
    elsewhere = {request.url.split("/")[2] for request in page.requests if request.url.startswith("http")}
    assert elsewhere == {mapped.url.split("/")[2], owner.address.split("/")[2]}


SHOWN = "() => document.documentElement.dataset.basemap === 'shown'"


def test_a_base_map_in_a_file_is_shown_where_it_reaches_and_nobody_else_is_asked(
    simulated_chips: Path, screen: ScreenMaker, tmp_path: Path
) -> None:
    z, x, y = 8, 202, 119  # around the chips of the Mekong; beside it the same again, and one that is damaged
    tiles = {(z, x, y): picture(), (z, x + 1, y): picture(), (z, x, y + 1): b"no picture"}
    box = (103.9, 11.0, 106.9, 12.6)
    path = write_pmtiles(tmp_path / "base.pmtiles", tiles, bounds=box, attribution="<b>Some</b>body")
    with serving(tmp_path / "data", simulated_chips, options=("--basemap", str(path))) as dashboard:
        page = screen(dashboard).open(tab="models")
        assert not [one.url for one in page.requests if "/basemap/" in one.url]
        page.go(*MEKONG, 10)
        page.until(SHOWN)
        assert "Somebody" in page.page.locator(".leaflet-control-attribution").first.inner_text()
        page.go(12.0, 109.0, 10)  # beyond its bounds the ground is there that is there without it
        page.until(f"() => !({SHOWN})()")
        page.until("() => document.querySelector('.fs-town')?.checkVisibility()")
        page.go(*MEKONG, 12)  # three zooms beyond its last it is too coarse to be all there is
        page.until(f"() => !({SHOWN})()")
        page.quiet()
        ours = [told for told in page.problems if "422" not in told]
        assert ours == []
        page.problems.clear()
        elsewhere = {one.url.split("/")[2] for one in page.requests if one.url.startswith("http")}
        assert elsewhere == {dashboard.url.split("/")[2]}
