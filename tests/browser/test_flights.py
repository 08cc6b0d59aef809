"""The map ends at the chip that was chosen: by a link, or by keys that follow one another while it is still on its way."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from running import Dashboard
from screen import Screen, ScreenMaker

from tiles.catalog.catalog import open_catalog

PLACES = int(os.environ.get("FLOODSCOPE_PLACES", "1"))
"""How often a link is opened, and keys are pressed twice as often, in each window size; 20 take some minutes."""
SIZES = ((1440, 900), (1280, 800), (390, 844))

# The chip is open, the map shows it as large as it fits, and so says the address, which is written once the map has rested.
THERE = """id => {
  const chip = floodscope.catalog.chips.get(id);
  const query = new URLSearchParams(location.search);
  if (query.get("chip") !== id || floodscope.state.get().chip !== id || floodscope.flights.flying()) return false;
  const { leaflet: { map: leaflet }, flights: { viewOf } } = floodscope;
  const { centre, zoom } = viewOf(chip.bounds);
  const near = (at) => leaflet.project(at, zoom).distanceTo(leaflet.project(centre, zoom)) < 2;
  return leaflet.getZoom() === zoom && near(leaflet.getCenter())
    && Number(query.get("z")) === zoom && near([Number(query.get("lat")), Number(query.get("lon"))]);
}"""
WHERE = """id => [floodscope.state.get().chip, location.search,
  floodscope.leaflet.map.getZoom(), floodscope.leaflet.map.getCenter(),
  floodscope.flights.viewOf(floodscope.catalog.chips.get(id).bounds)].map((part) => JSON.stringify(part)).join(' ')"""


@pytest.fixture(scope="module")
def chips(simulated_chips: Path) -> list[str]:
    """The ids of the chips in the order of the list by name; theirs are of ASCII letters, digits and the like alone."""
    return sorted((record.id for record in open_catalog([simulated_chips]).usable()), key=str.casefold)


def there(page: Screen, chip: str, told: object = "") -> None:
    try:
        page.until(THERE, chip)
    except Exception:
        pytest.fail(f"{chip} {told}: {page.page.evaluate(WHERE, chip)}")


@pytest.mark.parametrize("size", SIZES)
def test_a_link_to_a_chip_ends_at_that_chip(
    simulated_dashboard: Dashboard, screen: ScreenMaker, chips: list[str], size: tuple[int, int]
) -> None:
    page = screen(simulated_dashboard, still=False, size=size)
    draw = random.Random(f"links {size}")
    drawn = draw.choices(chips, k=PLACES)
    for chip in drawn:
        page.open(chip=chip, model=draw.choice(["backscatter", "backscatter:otsu"]))
        there(page, chip)
    # No flight below takes four maps away from it, where an answer is waited for.
    first = next(chip for chip in chips if chip not in drawn)
    page.open(chip=first, model="backscatter:otsu", mode="four")
    page.answered(first)
    page.whole_in_four(first)


@pytest.mark.parametrize("size", SIZES)
def test_keys_that_follow_one_another_end_at_the_chip_of_the_last(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker, chips: list[str], size: tuple[int, int]
) -> None:
    draw = random.Random(f"keys {size}")
    page = kept_screen(simulated_dashboard, still=False, size=size)
    at = draw.randrange(len(chips))
    page.open(sort="name", model="backscatter:otsu", chip=chips[at])
    there(page, chips[at])
    for _ in range(2 * PLACES):
        pressed = []
        for _ in range(draw.randint(2, 4)):
            key, after_ms = draw.choice("jk"), draw.randint(0, 250)
            pressed.append((key, after_ms))
            at = (at + (1 if key == "j" else -1)) % len(chips)
            page.page.keyboard.press(key)
            page.page.wait_for_timeout(after_ms)  # a hand's own time, between one key and the next
        there(page, chips[at], pressed)


def test_a_chip_chosen_while_the_map_zooms_is_where_the_map_ends(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker, chips: list[str]
) -> None:
    page = kept_screen(simulated_dashboard, still=False).open()
    for n, frames in enumerate((0, 1, 3)):
        page.page.evaluate(
            """([id, frames]) => new Promise((done) => {
              floodscope.leaflet.map.setView([0, 0], 4, { animate: false });
              floodscope.leaflet.map.setZoom(6, { animate: true });
              const then = () => { if (frames-- > 0) requestAnimationFrame(then); else { floodscope.tiles.choose(id); done(); } };
              then();
            })""",
            [chips[n], frames],
        )
        there(page, chips[n], frames)


def test_the_map_knows_where_it_is_when_its_pane_is_back_where_it_began(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    """A flight ends with the pane moved aside; another move brings it back. Layers are drawn for the centre that is told."""
    page = kept_screen(simulated_dashboard, still=False).open()
    apart = page.page.evaluate(
        """async () => {
          const map = floodscope.leaflet.map;
          map.setView([10, 100], 12, { animate: false, reset: true });
          map.panBy([120, 0], { animate: false });
          const over = new Promise((done) => map.once("moveend", done));
          map.flyTo([10.2, 100.2], 12);
          await over;
          const before = map.project(map.getCenter());
          map.panBy([-120, 0], { animate: false });
          const after = map.project(map.getCenter());
          return [map._getMapPanePos().x, after.x - before.x];
        }"""
    )
    assert apart == [0, pytest.approx(-120, abs=1)]


def test_of_two_chips_chosen_in_one_moment_the_second_is_open_and_shown(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker, chips: list[str]
) -> None:
    page = kept_screen(simulated_dashboard, still=False).open(model="backscatter:otsu")
    first, second = chips[-2:]
    page.page.evaluate(
        """chips => {
          const [clock, now] = [Date.now, Date.now()];
          Date.now = () => now;
          chips.forEach(floodscope.tiles.choose);
          Date.now = clock;
        }""",
        [first, second],
    )
    there(page, second)
    page.answered(second)
