"""Reading pixels, histograms and areas on the map: the numbers of the rasters, and no request that can be spared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from axe import violations
from running import Dashboard
from screen import Screen, ScreenMaker

from model.store.store import Store
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip
from tiles.probability import level
from tiles.reading.door import read_chip

SETTLED = "() => floodscope.drawing.sketch.answer !== null || floodscope.drawing.sketch.error !== ''"


@dataclass
class Opened:
    """A page with an open chip, and the chip's rasters as they are on disk."""

    page: Screen
    id: str
    chip: Chip
    probability: npt.NDArray[np.uint8]

    def lonlat(self, row: float, column: float) -> tuple[float, float]:
        lon, lat = self.chip.grid.lonlat(np.array([column]), np.array([row]))
        return float(lon[0]), float(lat[0])

    def spot(self, row: int, column: int) -> tuple[float, float]:
        """Return where the middle of a pixel is on the page."""
        lon, lat = self.lonlat(row + 0.5, column + 0.5)
        return self.page.pixel(lat, lon)

    def readout(self) -> dict[str, str]:
        parts = self.page.page.locator("#readout [data-fact]")
        found: list[list[str]] = parts.evaluate_all("parts => parts.map(p => [p.dataset.fact, p.textContent])")
        return dict(found)

    def facts(self, row: int, column: int, threshold: float) -> dict[str, str]:
        """Return what the line should say of a pixel."""
        vv, vh, p = self.chip.vv[row, column], self.chip.vh[row, column], int(self.probability[row, column])
        assert self.chip.label is not None
        label = int(self.chip.label[row, column])
        names = {(1, True): "true water", (1, False): "missed water", (0, True): "false water", (0, False): "true dry"}
        return {
            "VV": f"VV\u2009{_fixed(vv)}\u2009dB",
            "VH": f"VH\u2009{_fixed(vh)}\u2009dB",
            "p": f"p\u2009{p / 254:.2f}",
            "Label": f"Label\u2009{'water' if label else 'dry'}",
            "Class": names[label, p >= level(threshold)],
        }

    def counts(self, threshold: float, ring: list[list[float]]) -> dict[str, int]:
        """Count the pixels whose centre lies in a ring, with plain numpy."""
        assert self.chip.label is not None
        grid = self.chip.grid
        lon, lat = grid.lonlat(*np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5))
        mask = np.zeros(grid.shape, dtype=bool)
        for (x1, y1), (x2, y2) in pairwise([*ring, ring[0]]):
            if y1 != y2:
                mask ^= ((y1 > lat) != (y2 > lat)) & (lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1)
        wet, data = self.probability >= level(threshold), self.probability != 255
        classes = {"TP": (True, 1), "FP": (True, 0), "FN": (False, 1), "TN": (False, 0)}
        return {
            name: int((mask & data & (wet == w) & (self.chip.label == t)).sum()) for name, (w, t) in classes.items()
        }

    def figures(self) -> dict[str, int]:
        """Return the counts that the panel shows of the area."""
        self.page.until(SETTLED)
        text = self.page.page.locator("#area-figures").inner_text()
        return {key: int(re.sub(r"\D", "", n)) for key, n in re.findall(r"\((TP|FP|FN|TN)\)\s+([\d\u2009]+) px", text)}

    def ring(self) -> list[list[float]]:
        self.page.until("() => new URLSearchParams(location.search).get('area')")
        return [[float(v) for v in corner.split(",")] for corner in self.page.query["area"].split(";")]


def _fixed(value: float) -> str:
    return f"{float(value):.1f}".replace("-", "−")


@pytest.fixture
def opened(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> Opened:
    page = kept_screen(simulated_dashboard).open()
    chip = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    return at_rest(page, simulated_dashboard, chip)


def at_rest(page: Screen, dashboard: Dashboard, chip: str) -> Opened:
    """Open a chip from the table, and read its files beside the server."""
    page.choose_in_table(chip)
    page.answered(chip)
    page.painted(chip, "imagery")
    page.painted(chip)
    record = open_catalog(dashboard.sources).get(chip)
    revision = page.page.evaluate("chip => floodscope.catalog.prediction('backscatter', chip).revision", chip)
    with Store(dashboard.data) as store:
        prediction = store.find(chip, revision)
        assert prediction is not None
        with rasterio.open(store.raster_path(prediction)) as dataset:
            return Opened(page, chip, read_chip(record), dataset.read(1))


def test_the_pointer_reads_the_pixel_below_it_and_asks_for_each_once(opened: Opened) -> None:
    page = opened.page
    random = np.random.default_rng(5)
    places = [(int(r), int(c)) for r, c in random.integers(20, opened.chip.grid.height - 20, (4, 2))]
    page.quiet()
    before = len(page.requests)
    page.page.mouse.move(*opened.spot(*places[0]), steps=12)  # on the way the pointer does not rest
    for place in places:
        page.page.mouse.move(*opened.spot(*place))
        expected = opened.facts(*place, 0.5)
        page.until("vh => document.querySelector('#readout [data-fact=VH]')?.textContent === vh", expected["VH"])
        shown = opened.readout()
        lon, lat = opened.lonlat(place[0] + 0.5, place[1] + 0.5)
        said = re.fullmatch(r"([\d.]+)° ([NS]) ([\d.]+)° ([WE])", shown.pop("Place"))
        assert said is not None
        assert float(said[1]) * (1 if said[2] == "N" else -1) == pytest.approx(lat, abs=2e-5)
        assert float(said[3]) * (1 if said[4] == "E" else -1) == pytest.approx(lon, abs=2e-5)
        assert shown == expected
    asked = [r.url for r in page.requests[before:] if "/inspect/point/" in r.url]
    assert len(asked) <= len(places) + 3, "a moving pointer asks for nothing"
    with page.no_request():
        for place in places:
            page.page.mouse.move(*opened.spot(*place))
            page.frames(2)
            assert opened.readout()["VH"] == opened.facts(*place, 0.5)["VH"]


def test_a_click_pins_a_pixel_whose_class_and_histograms_follow_the_threshold(opened: Opened) -> None:
    page = opened.page
    wet = np.argwhere((opened.probability > 60) & (opened.probability < 120))
    row, column = (int(v) for v in wet[len(wet) // 2])
    page.page.mouse.click(*opened.spot(row, column))
    pinned = page.page.get_by_label("Pinned pixel")
    pinned.get_by_text("Class").wait_for()
    page.page.locator("#backscatter summary").click()
    page.page.locator(".fs-histogram").nth(1).wait_for()
    page.page.mouse.move(5, 300)
    page.until_query(pin=page.query["pin"])
    assert page.page.locator(".fs-histogram .fs-here").count() == 2
    edges = {"vv": -32 + 0.5 * np.arange(81), "vh": -42 + 0.5 * np.arange(81)}
    label = opened.chip.label
    with page.no_request():
        for threshold in (0.2, 0.6):
            page.set_threshold(threshold)
            assert (
                pinned.locator(".fs-row").last.inner_text().split("\n")[-1]
                == opened.facts(row, column, threshold)["Class"]
            )
            drawn = page.page.locator(".fs-histogram").evaluate_all(
                "all => all.map(svg => svg.getAttribute('aria-label'))"
            )
            wet_now = opened.probability >= level(threshold)
            for text, band, name in zip(drawn, (opened.chip.vv, opened.chip.vh), ("vv", "vh"), strict=True):
                assert f"pinned pixel: {float(band[row, column]):.1f} dB" in text
                for title, mask in (
                    ("dry in the label", label == 0),
                    ("water in the label", label == 1),
                    ("false water (FP)", wet_now & (label == 0)),
                    ("missed water (FN)", ~wet_now & (label == 1)),
                ):
                    counts, _ = np.histogram(np.clip(band[mask], edges[name][0], edges[name][-1]), edges[name])
                    if counts.sum():
                        middle = edges[name][np.argmax(np.cumsum(counts) >= counts.sum() / 2)] + 0.25
                        found = re.search(rf"{re.escape(title)}: median (-?[\d.]+) dB", text)
                        assert found is not None, text
                        assert float(found[1]) == pytest.approx(middle, abs=0.051)
    again = page.page.context.new_page()
    again.goto(page.page.url)
    again.get_by_label("Pinned pixel").get_by_text("Class").wait_for()
    again.close()
    page.page.get_by_role("button", name="Unpin").click()
    page.until("() => !new URLSearchParams(location.search).has('pin')")


def test_areas_drawn_by_mouse_count_what_numpy_counts_at_every_threshold(opened: Opened) -> None:
    page = opened.page
    size = opened.chip.grid.height

    def check() -> None:
        ring = opened.ring()
        with page.no_request():
            for threshold in (0.1, 0.3, 0.5, 0.7, 0.9):
                page.set_threshold(threshold)
                assert opened.figures() == opened.counts(threshold, ring)

    page.page.locator("#draw-rectangle").click()
    page.page.mouse.move(*opened.spot(size // 5, size // 4))
    page.page.mouse.down()
    page.page.mouse.move(*opened.spot(3 * size // 5, 4 * size // 5), steps=4)
    page.page.mouse.up()
    page.page.locator("#area-figures").wait_for()
    assert len(opened.ring()) == 4
    check()
    page.page.locator("#draw-polygon").click()
    for row, column in ((20, 30), (40, size - 30), (size - 40, size - 50), (size // 2, size // 2)):
        page.page.mouse.click(*opened.spot(row, column))
    page.page.keyboard.press("Enter")
    page.until("() => floodscope.state.get().area.length === 4 && floodscope.drawing.sketch.answer !== null")
    page.until("() => new URLSearchParams(location.search).get('area').split(';').length === 4")
    page.frames(10)
    check()
    page.page.locator("#draw-remove").click()
    page.until("() => !new URLSearchParams(location.search).has('area')")


def test_a_real_chip_in_utm_counts_the_same(real_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(real_dashboard).open(tab="chips")
    opened = at_rest(page, real_dashboard, "jja10")
    lon, lat = opened.lonlat(100, 120)
    other = opened.lonlat(400, 450)
    ring = [[lon, other[1]], [other[0], other[1]], [other[0], lat], [lon, lat]]
    page.page.evaluate("ring => floodscope.drawing.use(ring)", ring)
    for threshold in (0.3, 0.5):
        page.set_threshold(threshold)
        assert opened.figures() == opened.counts(threshold, opened.ring())


def test_a_chip_is_reviewed_by_keys_alone(opened: Opened) -> None:
    page, keyboard = opened.page, opened.page.page.keyboard
    page.page.locator("#map").focus()
    keyboard.press("r")
    drawing = page.page.locator("#draw-hint")
    drawing.wait_for()
    keyboard.press("?")
    dialog = page.page.locator("#keys-dialog")
    dialog.wait_for()
    assert "next chip" in dialog.inner_text()
    keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert drawing.is_visible(), "a key in a dialog is the dialog's"
    keyboard.press("Escape")
    drawing.wait_for(state="hidden")
    keyboard.press("e")
    page.until_query(overlay="errors")
    keyboard.press("2")
    page.until_query(base="vv")
    keyboard.press(".")
    page.until_query(t="0.51")
    keyboard.press("i")
    page.page.get_by_label("Pinned pixel").get_by_text("Class").wait_for()
    page.until("() => document.getElementById('look-announcement').textContent.startsWith('Pinned')")
    pixel = page.page.evaluate("() => [floodscope.pixel.pinned.row, floodscope.pixel.pinned.column]")
    keyboard.press("Shift+ArrowRight")
    page.until("p => floodscope.pixel.pinned.row === p[0] && floodscope.pixel.pinned.column === p[1] + 1", pixel)
    keyboard.press("Shift+ArrowDown")
    page.until("p => floodscope.pixel.pinned.row === p[0] + 1", pixel)
    keyboard.press("a")
    page.until("() => document.activeElement.name === 'west'")
    west, south, east, north = opened.chip.grid.footprint().bounds
    for value in (west + (east - west) / 3, south + (north - south) / 4, east, north):
        keyboard.press("Control+a")
        keyboard.type(f"{value:.6f}")
        keyboard.press("Tab")
    keyboard.press("Enter")
    assert opened.figures() == opened.counts(0.51, opened.ring())


def test_layers_are_compared_and_chips_changed_by_keys_alone(opened: Opened) -> None:
    page, keyboard = opened.page, opened.page.page.keyboard
    page.page.locator("#map").focus()
    keyboard.press("e")
    page.until_query(overlay="errors")
    keyboard.press("i")
    page.until("() => new URLSearchParams(location.search).has('pin')")
    keyboard.press("s")
    page.until_query(mode="swipe")
    keyboard.press("t")
    page.until_query(right="truth")
    page.page.locator("#swipe-handle").focus()
    keyboard.press("ArrowRight")
    page.until_query(at="0.51")
    keyboard.press("f")
    page.until_query(mode="four")
    keyboard.press("f")
    page.until("() => !new URLSearchParams(location.search).has('mode')")
    keyboard.press("j")
    page.until("chip => floodscope.catalog.opened.id !== chip", opened.id)
    page.until("() => !new URLSearchParams(location.search).has('pin')")
    keyboard.press("k")
    page.answered(opened.id)
    page.page.locator("#keys-button").click()
    page.page.locator("#keys-on").uncheck()
    keyboard.press("Escape")
    page.page.locator("#map").focus()
    keyboard.press("w")
    page.frames(5)
    assert page.query["overlay"] == "errors", "keys are off"
    keyboard.press("?")
    page.page.locator("#keys-on").check()


def test_coordinates_that_cannot_be_are_told_beside_them(opened: Opened) -> None:
    page = opened.page
    page.page.locator("#coordinates summary").click()
    form = page.page.locator(".fs-coordinates")
    for field, value, message in (
        ("west", "", "Give four numbers"),
        ("west", "179", "West must be smaller than east."),
        ("south", "80", "South must be smaller than north."),
    ):
        before = form.locator(f"[name={field}]").input_value()
        form.locator(f"[name={field}]").fill(value)
        form.get_by_role("button", name="Measure").click()
        form.get_by_role("alert").get_by_text(message).wait_for()
        form.locator(f"[name={field}]").fill(before)
    page.problems.clear()
    form.locator("[name=north]").fill("89.5")
    form.locator("[name=south]").fill("89")
    form.get_by_role("button", name="Measure").click()
    page.page.get_by_label("Area").get_by_text("No pixel of").wait_for()
    page.problems.clear()  # the refusal is an answer of 400


@pytest.mark.parametrize(("theme", "size"), [("dark", (1280, 800)), ("light", (390, 844))])
def test_no_view_of_the_comparison_breaks_a_rule(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker, theme: str, size: tuple[int, int]
) -> None:
    page = kept_screen(simulated_dashboard, size=size).open(
        theme=theme, mode="swipe", b="backscatter:otsu", left="difference"
    )
    opened = at_rest(page, simulated_dashboard, page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]"))
    page.until("() => floodscope.catalog.prediction('backscatter:otsu', floodscope.pixel.now.chip)")
    found = {"swipe": violations(page.page)}
    page.page.locator("#compare label", has_text="Four").click()
    page.until("() => floodscope.four.maps.length === 4")
    page.frames(5)
    found["four"] = violations(page.page)
    page.page.locator("#compare label", has_text="One").click()
    page.page.evaluate("place => floodscope.pixel.pin(place)", list(opened.lonlat(50.5, 50.5)))
    page.page.evaluate("() => floodscope.state.set({ sheet: 'half' })")  # on a phone
    page.page.locator("#backscatter summary").click()
    page.page.locator(".fs-histogram").nth(1).wait_for()
    page.page.locator("#coordinates summary").click()
    page.page.get_by_role("button", name="Measure").click()
    page.page.locator("#area-figures").wait_for()
    page.frames(3)
    found["pixel, histograms and area"] = violations(page.page)
    wide = page.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    page.page.locator("#draw-polygon").click()
    found["drawing"] = violations(page.page)
    page.page.locator("#draw-cancel").click()
    page.page.evaluate("() => document.getElementById('keys-dialog').showModal()")
    found["keys"] = violations(page.page)
    assert {view: broken for view, broken in found.items() if broken} == {}
    assert wide <= 0
