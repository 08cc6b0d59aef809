"""Layers of a person's own: of hosts that the operator named and of files, linked, told where they fail, never in the way."""

from __future__ import annotations

import io
import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from PIL import Image
from playwright.sync_api import expect
from running import Dashboard, serving
from screen import Screen, ScreenMaker

from tests.listening import listening

HOSTILE = "<img src=x onerror=alert(1)>"
SHAPE = {"type": "Polygon", "coordinates": [[[105.2, 11.8], [105.6, 11.8], [105.6, 12.2], [105.2, 11.8]]]}
MODULES = ("map/own", "page/own", "page/geojson", "panel/layers", "layers.css")
DRAWN = "() => document.querySelectorAll('.leaflet-own-over-pane canvas').length"
TILES = "() => document.querySelectorAll('.leaflet-own-under-pane .leaflet-tile-loaded').length"


@dataclass
class Neighbour:
    """Who serves layers, good and bad ones; what was asked of it."""

    address: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def neighbour() -> Iterator[Neighbour]:
    told = Neighbour()
    picture = io.BytesIO()
    Image.new("RGBA", (256, 256), (200, 90, 160, 255)).save(picture, "PNG")
    feature = {"type": "Feature", "properties": {"name": HOSTILE}, "geometry": SHAPE}

    class Layers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            self.send_response(503 if "bad" in self.path else 200)
            if "closed" not in self.path:
                self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            if "bad" in self.path:
                return
            if "geojson" not in self.path:
                self.wfile.write(picture.getvalue())
            elif "large" in self.path:
                self.wfile.write(b" " * (21 << 20))
            else:
                self.wfile.write(json.dumps(feature).encode())

        def log_message(self, *args: object) -> None:
            pass

    with listening(Layers) as told.address:
        yield told


@pytest.fixture(scope="module")
def opened_up(
    simulated_chips: Path, neighbour: Neighbour, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dashboard]:
    options = ("--layer-host", neighbour.address)
    with serving(tmp_path_factory.mktemp("opened-up"), simulated_chips, options=options) as dashboard:
        yield dashboard


def add(view: Screen, kind: str, address: str, **more: str) -> None:
    box = view.page.locator("#own-box form")
    box.get_by_role("combobox").first.select_option(kind)
    for label, text in {"Address": address, **more}.items():
        box.get_by_role("textbox", name=label, exact=True).fill(text)
    box.get_by_role("button", name="Add").click()


def fate(view: Screen, name: str) -> str:
    row = view.page.locator(".fs-own-list > li", has_text=name)
    return row.locator(".fs-own-fate").inner_text()


def until_names(view: Screen, *names: str) -> None:
    expect(view.page.locator(".fs-own-name")).to_have_text(names)


def layers_of(view: Screen) -> list[str]:
    return urllib.parse.parse_qs(urllib.parse.urlsplit(view.page.url).query).get("layer", [])


def until_layers(view: Screen, count: int) -> None:
    view.until("count => new URLSearchParams(location.search).getAll('layer').length === count", count)


def of(neighbour: Neighbour, *texts: str) -> list[str]:
    """Return the texts of layers whose addresses have no host yet."""
    return [text.replace("~~/", f"~~{neighbour.address}/") for text in texts]


def with_layers(view: Screen, *texts: str) -> Screen:
    """Open a link that has layers, near some place."""
    return view.open(layer=texts, tab="models", z=9, lat=12, lon=105.4)


def chosen(name: str, whole: Any) -> Any:
    return {"name": name, "mimeType": "application/json", "buffer": json.dumps(whole).encode()}


def test_layers_of_an_allowed_host_are_added_and_shown_and_nobody_else_is_asked(
    opened_up: Dashboard, neighbour: Neighbour, screen: ScreenMaker
) -> None:
    view = screen(opened_up).open(tab="models")
    view.quiet()
    assert not [one.url for one in view.requests if any(name in one.url for name in MODULES)]  # not with a first visit
    view.go(12.0, 105.4, 9)
    view.page.locator("#map").focus()
    view.page.keyboard.press("l")
    host = urllib.parse.urlsplit(neighbour.address).netloc
    assert f"Allowed hosts: {neighbour.address}." in view.page.locator("#own-box").inner_text()
    view.page.get_by_text("There is none yet.").wait_for()

    add(
        view,
        "xyz",
        neighbour.address + "/good/{z}/{x}/{-y}.png",
        **{"Name": "Ground", "Whom to name (attribution)": f"© {HOSTILE}"},
    )
    view.until(f"() => ({TILES})() > 0")
    assert f"© {HOSTILE}" in view.page.locator(".leaflet-control-attribution").first.inner_text()
    add(view, "wms", neighbour.address + "/wms?map=m&LAYERS=ignored", **{"Layers of the WMS, by comma": "rivers,lakes"})
    view.until("() => document.querySelectorAll('.leaflet-own-over-pane .leaflet-tile-loaded').length > 0")
    asked = {
        k.lower(): v for k, v in urllib.parse.parse_qsl(next(p for p in neighbour.asked if "/wms" in p).split("?")[1])
    }
    wanted = {"map": "m", "request": "GetMap", "layers": "rivers,lakes", "version": "1.3.0", "crs": "EPSG:3857"}
    assert wanted.items() <= asked.items() and "srs" not in asked
    add(view, "geojson", neighbour.address + "/area.geojson")
    view.until(f"() => ({DRAWN})() === 1")
    until_names(view, f"area.geojson of {host}", f"rivers,lakes of {host}", "Ground")
    assert violations(view.page) == []
    assert "false" not in view.page.locator("#own-box").inner_text()  # an empty place

    chip = view.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    view.search(chip)
    view.answered(chip)
    view.painted(chip, "scores")
    elsewhere = {one.url.split("/")[2] for one in view.requests if one.url.startswith("http")}
    assert elsewhere == {opened_up.url.split("/")[2], host}


def test_layers_are_ordered_and_linked_and_back_brings_one_back(
    opened_up: Dashboard, neighbour: Neighbour, kept_screen: ScreenMaker
) -> None:
    sources = ["geojson~100~over~Area~~/area.geojson", "wms~100~over~Rivers~~/wms?LAYERS=r&VERSION=1.1.1"]
    view = with_layers(kept_screen(opened_up), *of(neighbour, *sources, "xyz~100~under~Ground~~/good/{z}/{x}/{y}.png"))
    view.until(f"() => ({DRAWN})() === 1")
    view.page.get_by_role("button", name="Your layers").click()
    view.page.get_by_role("button", name="Move Rivers up").click()
    until_names(view, "Rivers", "Area", "Ground")
    view.page.get_by_label("Opacity of Rivers").press("Home")
    view.until("() => new URLSearchParams(location.search).getAll('layer')[0].startsWith('wms~0~over~')")
    view.page.get_by_role("checkbox", name="Ground").uncheck()
    view.until("() => !document.querySelector('.leaflet-own-under-pane img')")
    view.until("() => new URLSearchParams(location.search).getAll('layer')[2].startsWith('xyz~100~under-off~Ground')")
    kept = layers_of(view)
    asked = next(path for path in neighbour.asked if "VERSION=1.1.1" in path)
    assert "SRS=EPSG%3A3857" in asked and "CRS=" not in asked

    view.page.reload()  # a link
    view.ready()
    view.until(f"() => ({DRAWN})() === 1")
    assert layers_of(view) == kept
    view.page.get_by_role("button", name="Your layers").click()
    until_names(view, "Rivers", "Area", "Ground")
    view.page.get_by_role("button", name="Remove Ground").click()
    until_layers(view, 2)
    view.page.go_back()
    view.until("() => document.querySelectorAll('.fs-own-list > li').length === 3")
    view.page.keyboard.press("Escape")
    assert not view.page.locator("#own-box").is_visible()
    chip = view.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    view.search(chip)
    view.answered(chip)
    until_layers(view, 3)
    view.page.go_back()
    view.until("() => !new URLSearchParams(location.search).get('chip')")
    until_layers(view, 3)


def test_four_maps_show_the_layers_and_paper_names_them(
    opened_up: Dashboard, neighbour: Neighbour, kept_screen: ScreenMaker
) -> None:
    ground = f"xyz~60~under~Ground~Whose ground~{neighbour.address}/good/{{z}}/{{x}}/{{y}}.png"
    area = f"geojson~100~over~Area~Whose area~{neighbour.address}/area.geojson"
    view = with_layers(kept_screen(opened_up), area, ground)
    view.until(f"() => ({DRAWN})() === 1 && ({TILES})() > 0")
    areas = sum("/area.geojson" in path for path in neighbour.asked)
    view.page.locator("#map").focus()
    view.page.keyboard.press("f")
    in_cells = """() => [...document.querySelectorAll('.fs-four-cell')].map((cell) => [
      cell.querySelectorAll('.leaflet-own-over-pane canvas').length,
      cell.querySelectorAll('.leaflet-own-under-pane .leaflet-tile-loaded').length > 0])"""
    view.until(f"() => JSON.stringify(({in_cells})()) === JSON.stringify(Array(4).fill([1, true]))")
    assert (
        view.page.locator("#map :is(canvas, .leaflet-own-under-pane img)").count() == 0
    )  # asks for nothing below them
    assert view.page.locator("#four-up .leaflet-own-under-pane > div").first.evaluate("e => e.style.opacity") == "0.6"
    assert sum("/area.geojson" in path for path in neighbour.asked) == areas
    view.page.keyboard.press("Control")  # as in Ctrl + P
    view.until("() => [...document.styleSheets].some((sheet) => sheet.href && sheet.href.includes('paper.css'))")

    def named() -> None:
        view.page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        foot = view.page.locator("#paper-foot").text_content() or ""
        assert "Area (Whose area); Ground (Whose ground), under the image" in foot
        assert foot.count("Whose area") == foot.count("Whose ground") == 1
        assert view.page.locator("#paper-foot svg").count() == 1  # how the lines are drawn
        view.page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")

    named()
    view.page.keyboard.press("f")
    view.until("() => floodscope.four.maps.length === 0")
    view.until(f"() => ({DRAWN})() === 1 && ({TILES})() > 0")
    assert sum("/area.geojson" in path for path in neighbour.asked) == areas
    named()


def test_a_layer_that_fails_is_told_in_its_row_and_disturbs_nothing(
    opened_up: Dashboard, neighbour: Neighbour, kept_screen: ScreenMaker
) -> None:
    sources = {
        "xyz~100~under~Broken~~/bad/{z}/{x}/{y}.png": "No picture comes from",
        "geojson~100~over~Gone~~/bad.geojson": "answers 503",
        "geojson~100~over~Closed~~/closed.geojson": "does not let other pages read it",
        "geojson~100~over~Large~~/large.geojson": "larger than 20",
        "geojson~100~over~Picture~~/picture": "It is no JSON",
    }
    view = with_layers(kept_screen(opened_up), *of(neighbour, *sources))
    view.page.get_by_role("button", name="Your layers").click()
    for text, says in sources.items():
        name = text.split("~")[3]
        view.page.locator(".fs-own-list > li", has_text=name).get_by_text(says).wait_for()
    view.page.locator("#own-layers[data-trouble]").wait_for()
    assert violations(view.page, "#own-box") == []
    chip = view.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    view.search(chip)
    view.answered(chip)
    view.painted(chip, "scores")
    # What the browser itself writes of answers that failed is no fault of the page.
    told = [one for one in view.problems if neighbour.address not in one and "Failed to load resource" not in one]
    assert told == []
    view.problems.clear()


def test_without_an_allowed_host_a_link_asks_nobody_and_a_file_stays_here(
    simulated_dashboard: Dashboard, neighbour: Neighbour, screen: ScreenMaker
) -> None:
    neighbour.asked.clear()
    view = with_layers(
        screen(simulated_dashboard),
        *of(neighbour, "xyz~100~under~Ground~~/{z}/{x}/{y}.png"),
        "nonsense",
        f"file~100~over~{HOSTILE}.json~~",
    )
    view.page.locator("#own-box").wait_for()  # by itself: something of the link cannot be shown
    assert f"--layer-host {neighbour.address}." in fate(view, "Ground")
    assert "is not understood: nonsense" in view.page.locator("#own-box").inner_text()
    assert "choose this one again" in fate(view, HOSTILE)
    assert violations(view.page, "#own-box") == []
    assert neighbour.asked == []

    feature = {"type": "Feature", "properties": {"name": HOSTILE}, "geometry": SHAPE}
    row = view.page.locator(".fs-own-list > li", has_text=HOSTILE)
    with view.no_request():
        row.get_by_label(f"Choose {HOSTILE}.json").set_input_files([chosen("a.json", {"type": "Topology"})])
        row.get_by_text("no GeoJSON").wait_for()
        row.get_by_label(f"Choose {HOSTILE}.json").set_input_files([chosen("a.json", feature)])
        view.until(f"() => ({DRAWN})() === 1")
        form = view.page.locator("#own-box form")
        form.get_by_label("File, which stays").set_input_files(
            [chosen("far.json", {**SHAPE, "coordinates": [[[500000, 0]]]})]
        )
        form.get_by_text("far.json: A position in it is 500000, 0").wait_for()
        form.get_by_label("File, which stays").set_input_files(
            [chosen("b~c.json", {"type": "Point", "coordinates": [1, 2]})]
        )
        view.until(f"() => ({DRAWN})() === 2")
    view.page.get_by_role("button", name="Zoom to b c.json").click()
    view.until("() => floodscope.leaflet.map.getCenter().distanceTo([2, 1]) < 2000")
    until_layers(view, 4)
    assert layers_of(view)[0] == "file~100~over~b c.json~~"
    assert "105.2" not in view.page.url
    add(view, "xyz", neighbour.address + "/{z}/{x}/{y}.png")
    view.page.get_by_role("alert").get_by_text("does not let the page ask").wait_for()
    until_layers(view, 4)
    assert neighbour.asked == []
    assert not view.page.locator("#own-box img").count()
    view.page.reload()
    view.ready()
    view.page.locator("#own-box").wait_for()
    assert "choose this one again" in fate(view, "b c.json")


def test_on_a_phone_the_box_is_read_and_reached_by_thumbs(simulated_dashboard: Dashboard, screen: ScreenMaker) -> None:
    view = screen(simulated_dashboard, size=(390, 844)).open(tab="chip", theme="light")
    view.page.get_by_role("button", name="Your layers").click()
    form = view.page.locator("#own-box form")
    form.get_by_label("File, which stays").set_input_files([chosen("a.json", SHAPE)])
    view.until(f"() => ({DRAWN})() === 1")
    assert violations(view.page) == []
    sizes = view.page.locator("#own-box button").evaluate_all(
        "all => all.filter(b => b.checkVisibility()).map(b => b.offsetHeight)"
    )
    assert min(sizes) >= 44
    assert view.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for width in (390, 360):
        view.page.set_viewport_size({"width": width, "height": 844})
        row, key = (view.page.locator(name).bounding_box() for name in (".fs-home", ".fs-key summary"))
        assert row and key and row["x"] + row["width"] <= key["x"], width
