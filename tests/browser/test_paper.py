"""The page on paper: a sheet with map, legend, scale, km² and their range, model, threshold, dates, address; no controls."""

from __future__ import annotations

import re

from running import Dashboard
from screen import Screen, ScreenMaker

# What is worked by pointer or keys, and is on the sheet all the same.
CONTROLS = """() => [...document.querySelectorAll(
    "button, input, select, summary, [role=slider], [role=tab], .leaflet-bar, dialog")]
  .filter((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getBoundingClientRect().width > 0)
  .filter((e) => !e.matches(".fs-key summary")) // the heading of the world's colours
  .map((e) => e.id || e.className)"""
SHOWN = """(names) => names.filter((name) => {
  const e = document.querySelector(name);
  return !e || !e.checkVisibility() || !e.getBoundingClientRect().width;
})"""
# The sheet's ground and the least bright of its words' colours, of 255.
WHITE = """() => [getComputedStyle(document.body).backgroundColor,
  ...["#paper-head h2", "#paper-foot", "#chip-panel .fs-row-value"]
  .map((name) => Math.max(...getComputedStyle(document.querySelector(name)).color.match(/\\d+/g).map(Number)))]"""


def print_on(page: Screen) -> None:
    page.page.keyboard.press("Control")  # as in Ctrl + P
    page.until("() => [...document.styleSheets].some((sheet) => sheet.href && sheet.href.includes('paper.css'))")
    page.page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    page.page.emulate_media(media="print")
    page.frames(3)


def back_on_screen(page: Screen) -> None:
    page.page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
    page.page.emulate_media(media="screen")


def test_a_sheet_has_what_a_map_needs_and_no_controls_on_white_in_the_dark_theme(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open(theme="dark", tab="chips", t=0.4)
    print_on(page)
    assert page.page.evaluate(CONTROLS) == []
    assert page.page.evaluate(SHOWN, ["#map", ".fs-key", ".leaflet-control-scale", "#paper-foot", "#figures"]) == []
    back_on_screen(page)
    assert page.page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    chip = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    page.choose_in_table(chip)
    page.answered(chip)
    page.painted(chip)
    page.tab("Models")  # whatever tab is open
    print_on(page)
    assert page.page.evaluate(CONTROLS) == []
    needed = [
        "#map",
        "#legend",
        ".leaflet-control-scale",
        "#chip-panel .fs-figures",
        "#chip-panel .fs-trust",
        "#paper-head h2",
    ]
    assert page.page.evaluate(SHOWN, needed) == []
    ground, *inks = page.page.evaluate(WHITE)
    assert ground == "rgb(255, 255, 255)"
    assert max(inks) < 110
    said = page.page.locator("body").inner_text()
    assert page.page.locator("#paper-head h2").inner_text() == chip
    assert re.search(r"Water\s+[\d.]+\u2009km²\s+at p ≥ 0\.40", said)
    assert re.search(r"\d\u2009km²", page.rows()[next(name for name in page.rows() if name.startswith("Water, "))])
    date = page.page.evaluate("id => floodscope.catalog.chips.get(id).date", chip)
    foot = page.page.locator("#paper-foot").inner_text()
    for told in (date, "predicted water", "backscatter"):
        assert told in said
    for told in (
        "False colour, over it Prediction, 75",
        "water where p ≥ 0.40",
        "Simulated data",
        "UTC",
        f"chip={chip}",
        page.url,
    ):
        assert told in foot
    # Tiles overlap: their edges are smoothed there, and an outline would begin at a line between them.
    overlaps = page.page.evaluate("""() => {
      const boxes = [...document.querySelectorAll('.fs-scores-layer .leaflet-tile')].map((tile) => tile.getBoundingClientRect());
      return boxes.flatMap((one) => boxes.filter((two) => Math.abs(one.top - two.top) < 1 && Math.abs(one.right - two.left) < 9)
        .map((two) => one.right - two.left));
    }""")
    assert all(overlap > 0.5 for overlap in overlaps)
    # The chip is on the sheet, from edge to edge.
    width = page.page.evaluate("() => document.getElementById('map').getBoundingClientRect().width")
    assert 300 < width < 720
    assert len(re.findall(rb"/Type\s*/Page\b", page.page.pdf(prefer_css_page_size=True))) == 1
    back_on_screen(page)


def test_four_maps_are_on_one_sheet(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(simulated_dashboard).open(tab="models")
    chip = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    page.search(chip)
    page.answered(chip)
    page.painted(chip)
    page.page.locator("#map").focus()
    page.page.keyboard.press("f")
    page.until("() => floodscope.four.maps.length === 4")
    cells = "() => [...document.querySelectorAll('.fs-four-map')].map((cell) => [cell.offsetWidth, cell.offsetHeight])"
    before = page.page.evaluate(cells)
    print_on(page)
    assert page.page.evaluate(cells) == before  # else what they show whole is beside their middles
    height = page.page.evaluate("() => document.getElementById('four-up').getBoundingClientRect().height")
    assert 200 < height < 410
    page.page.emulate_media(media="screen")
    page.page.keyboard.press("s")
    page.page.evaluate("() => floodscope.state.set({ at: 0.7 })")
    page.until("() => floodscope.four.maps.length === 0")
    print_on(page)
    # The line is where the two sides meet, and their names are on the map.
    line, seam, right, end = page.page.evaluate("""() => {
      const [map, handle, name] = ["map", "swipe-handle", "swipe-right"]
        .map((id) => document.getElementById(id).getBoundingClientRect());
      return [(handle.left + handle.right) / 2, map.left + 0.7 * map.width, name.right, map.right];
    }""")
    assert abs(line - seam) < 2
    assert right <= end
    back_on_screen(page)
