"""From a choice to the picture: the map goes to the chip and its layers are drawn before anything else is done."""

from __future__ import annotations

import pytest
from running import Dashboard
from screen import Screen, ScreenMaker

# Notes what the map does from now on: the zooms it passes, and the chips whose image it draws.
NOTE = """() => {
  window.passed = [];
  floodscope.leaflet.map.on("zoom", () => passed.push(floodscope.leaflet.map.getZoom()));
}"""
COVERED = """(chip) => {
  const [west, south, east, north] = floodscope.catalog.chips.get(chip).bounds;
  const map = floodscope.leaflet.map;
  const ground = map.getContainer().getBoundingClientRect();
  const [a, b] = [map.latLngToContainerPoint([north, west]), map.latLngToContainerPoint([south, east])];
  const over = (box) => box.width > 0 && a.x + ground.left < box.right && b.x + ground.left > box.left
    && a.y + ground.top < box.bottom && b.y + ground.top > box.top;
  return [".fs-key", "#layer-strip"].filter((name) => over(document.querySelector(name).getBoundingClientRect()));
}"""


def chips_of(page: Screen) -> list[str]:
    found: list[str] = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()")
    return found


def predicted(page: Screen, chip: str) -> None:
    page.click_chip(chip)
    page.answered(chip)
    page.painted(chip)


def test_the_tiles_of_a_known_chip_are_asked_for_before_dash_hears_of_the_click(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open()
    chip, other = chips_of(page)[4:6]
    predicted(page, chip)
    predicted(page, other)
    page.go(*page.centre(chip), 11)
    page.quiet()
    # Tiles that the browser holds ask for nothing, so what is watched is when they stand on the map.
    page.page.evaluate(
        """(chip) => {
          window.order = [];
          const watch = new MutationObserver(() => {
            const has = (pane) => document.querySelector(`.fs-${pane}-layer img[src*="/${chip}/"]`);
            if (has("imagery") && has("scores") && !order.includes("tiles")) order.push("tiles");
          });
          watch.observe(document.querySelector(".leaflet-map-pane"), { childList: true, subtree: true });
          const ask = window.fetch; // the page asks for news by itself, now and then
          window.fetch = (...request) => {
            if (String(request[0].url ?? request[0]).includes("_dash-update-component")) order.push("dash");
            return ask(...request);
          };
          window.asBefore = () => { watch.disconnect(); window.fetch = ask; };
        }""",
        chip,
    )
    page.page.mouse.click(*page.pixel(*page.centre(chip)))
    page.answered(chip)
    page.until("() => order.includes('dash')")
    page.page.evaluate("() => asBefore()")
    assert page.page.evaluate("order")[:2] == ["tiles", "dash"]


def test_the_map_flies_to_a_chip_that_must_be_predicted_and_jumps_to_one_that_is_known(
    simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(simulated_dashboard, still=False).open(model="backscatter:otsu")
    chip = chips_of(page)[7]
    page.page.evaluate(NOTE)
    new = not page.page.evaluate("chip => Boolean(floodscope.catalog.prediction('backscatter:otsu', chip))", chip)
    predicted(page, chip)
    # A view that is gone to at once is of hundredths of a zoom; a flight passes others.
    flown = "passed.some(zoom => Math.abs(100 * zoom - Math.round(100 * zoom)) > 1e-6)"
    assert page.page.evaluate(flown) or not new
    page.go(*page.centre(chip), 11)
    page.page.evaluate("passed.length = 0")
    page.page.mouse.click(*page.pixel(*page.centre(chip)))
    page.painted(chip)
    assert page.page.evaluate("passed")
    assert not page.page.evaluate(flown)


def test_the_tiles_of_a_chip_are_asked_for_while_the_pointer_rests_on_it(
    simulated_dashboard: Dashboard, screen: ScreenMaker, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open()
    chip = chips_of(page)[8]
    predicted(page, chip)
    other = screen(simulated_dashboard).open()
    other.go(*other.centre(chip), 11)
    other.quiet()
    other.page.mouse.move(*other.pixel(*other.centre(chip)))
    with other.page.expect_response(lambda answer: f"/tiles/scores/{chip}/" in answer.url):
        pass
    asked = [request.url for request in other.requests if f"/{chip}/" in request.url]
    assert other.page.locator(".fs-imagery-layer").count() == 0, "nothing is drawn before it is chosen"
    other.page.mouse.down()
    other.page.mouse.up()
    other.painted(chip, "imagery")
    other.painted(chip)
    shown = other.page.locator(".fs-imagery-layer .leaflet-tile").evaluate_all("tiles => tiles.map(t => t.src)")
    assert set(shown) <= set(asked)


def test_of_two_quick_choices_the_second_stays(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(simulated_dashboard).open()
    first, second = chips_of(page)[2:4]
    predicted(page, first)
    predicted(page, second)
    page.page.evaluate(
        "([a, b]) => { floodscope.tiles.choose(a); setTimeout(() => floodscope.tiles.choose(b), 5); }", [first, second]
    )
    page.painted(second, "imagery")
    page.painted(second)
    page.answered(second)
    page.frames(20)
    page.painted(second)
    assert page.query["chip"] == second
    assert page.page.locator(f".leaflet-tile[src*='/{first}/']").count() == 0


@pytest.mark.parametrize("chip", ["India_900498", "jja10"])
def test_neither_key_nor_strip_covers_a_chip_that_the_map_has_gone_to(
    real_dashboard: Dashboard, kept_screen: ScreenMaker, chip: str
) -> None:
    page = kept_screen(real_dashboard).open()
    page.choose_in_table(chip)
    page.answered(chip)
    page.painted(chip)
    assert page.page.evaluate(COVERED, chip) == []
    # As large as it fits, by hundredths of a zoom: it fills what the margins leave of one of both sides.
    room = page.page.evaluate(
        """chip => {
          const [west, south, east, north] = floodscope.catalog.chips.get(chip).bounds;
          const map = floodscope.leaflet.map;
          const [a, b] = [map.latLngToContainerPoint([north, west]), map.latLngToContainerPoint([south, east])];
          const strip = document.getElementById("layer-strip").getBoundingClientRect();
          const box = map.getContainer().getBoundingClientRect();
          return Math.max((b.y - a.y) / (strip.top - box.top - 27), (b.x - a.x) / (box.width - 48));
        }""",
        chip,
    )
    assert room > 0.97 or page.page.evaluate("floodscope.leaflet.map.getZoom()") == 15


def test_a_chip_that_a_link_opens_lies_above_the_strip_once_that_has_its_words(
    real_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(real_dashboard).open(chip="India_900498")
    page.answered("India_900498")
    page.painted("India_900498")
    page.until(f"chip => ({COVERED})(chip).length === 0", "India_900498")
