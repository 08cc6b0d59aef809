"""Ways home on the map: the open chip and the whole world, by button and by key; the scale; the link that is copied."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from running import Dashboard
from screen import Screen, ScreenMaker

FITTED = """id => {
  const { leaflet: { map }, flights: { viewOf } } = floodscope;
  const { centre, zoom } = viewOf(floodscope.catalog.chips.get(id).frame);
  return map.getZoom() === zoom && map.project(map.getCenter(), zoom).distanceTo(map.project(centre, zoom)) < 2;
}"""
WORLD = "() => floodscope.leaflet.map.getZoom() <= 2"


def a_chip(page: Screen) -> str:
    found: str = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    return found


def test_buttons_and_keys_bring_the_chip_and_the_world_back(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open(model="backscatter:otsu")
    to_chip = page.page.get_by_role("button", name="Zoom to the open chip")
    to_world = page.page.get_by_role("button", name="Show the whole world")
    assert to_chip.is_disabled()  # no chip is open
    chip = a_chip(page)
    page.choose_in_table(chip)
    page.painted(chip, "imagery")
    page.go(0, 0, 6)
    to_chip.click()
    page.until(FITTED, chip)
    to_world.click()
    page.until(WORLD)
    page.page.keyboard.press("z")
    page.until(FITTED, chip)
    page.page.keyboard.press("h")
    page.until(WORLD)
    assert page.page.evaluate("floodscope.state.get().chip") == chip  # which stays open
    # In each of four maps Z fits the chip.
    page.page.keyboard.press("z")
    page.until(FITTED, chip)
    page.painted(chip, "imagery")
    page.page.keyboard.press("f")
    page.until("() => floodscope.four.shown()")
    page.page.evaluate("floodscope.four.maps[1].setView([0, 0], 5)")
    page.page.keyboard.press("z")
    page.until(
        """id => floodscope.four.maps.every(map => {
          const [west, south, east, north] = floodscope.catalog.chips.get(id).frame;
          return map.getZoom() > 9 && map.getBounds().contains([[south, west], [north, east]]);
        })""",
        chip,
    )


def test_a_chip_that_is_shown_whole_is_fitted_anew_when_the_map_has_another_size(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open(model="backscatter:otsu")
    chip = a_chip(page)
    page.choose_in_table(chip)
    page.painted(chip, "imagery")
    for width, height in ((760, 620), (1280, 800)):
        page.page.set_viewport_size({"width": width, "height": height})
        page.until(
            "() => { const { leaflet: { map } } = floodscope, { clientWidth, clientHeight } = map.getContainer();"
            " return map.getSize().x === clientWidth && map.getSize().y === clientHeight && innerWidth === WIDTH; }".replace(
                "WIDTH", str(width)
            )
        )
        page.until(FITTED, chip)
    page.page.evaluate("floodscope.leaflet.map.panBy([90, 40], { animate: false })")
    place = page.page.evaluate("floodscope.leaflet.map.getCenter()")
    page.page.set_viewport_size({"width": 1100, "height": 800})
    page.until("() => floodscope.leaflet.map.getSize().x < 800")
    page.frames(4)
    now = page.page.evaluate("floodscope.leaflet.map.getCenter()")
    assert abs(now["lat"] - place["lat"]) < 1e-3  # who looks at a part of it keeps that part
    assert abs(now["lng"] - place["lng"]) < 1e-3


def test_the_copied_link_leaves_the_theme_to_the_reader_and_the_bar_of_the_scale_holds_its_words_at_every_zoom(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open(theme="light", tab="models")
    page.until_query(theme="light")
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.page.locator("#share").click()
    page.until("() => document.getElementById('link-announcement').textContent === 'Copied, for this machine'")
    copied = parse_qs(urlsplit(page.page.evaluate("() => navigator.clipboard.readText()")).query)
    shown = parse_qs(urlsplit(page.page.url).query)
    assert copied == {name: value for name, value in shown.items() if name != "theme"}
    assert copied["tab"] == ["models"]
    cut = page.page.evaluate(
        """() => {
          const map = floodscope.leaflet.map;
          const line = document.querySelector(".leaflet-control-scale-line");
          const out = [];
          for (let zoom = 2; zoom <= 17; zoom += 1) {
            for (const latitude of [0, 17, 34, 51, 68]) {
              map.setView([latitude, 20], zoom, { animate: false });
              if (line.scrollWidth > line.clientWidth) out.push([zoom, latitude, line.textContent]);
            }
          }
          return out;
        }"""
    )
    assert cut == []
