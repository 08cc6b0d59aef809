"""Chips that can be opened are counted and shown; those of which the catalog knows no more than a place come by a switch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe import violations
from playwright.sync_api import expect
from running import Dashboard, serving
from screen import ScreenMaker
from shapely.affinity import translate

from tiles.catalog.catalog import Catalog, open_catalog
from tiles.simulate import simulate

GHOSTS = 5
"""How many chips that are only known lie beside each simulated one."""
CHIPS = 6
SHAPES = "() => floodscope.filters.rows().filter((row) => floodscope.catalog.chips.placed[row]).length"  # that the map may show
LISTED = "() => { let n = 0; floodscope.bridge.table('chips-table')?.forEachNode(() => { n += 1; }); return n; }"
CLUSTERS = """() => [...document.querySelectorAll('.fs-cluster')].map((c) => [Number(c.textContent), c.title]).sort()"""


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard of a catalog that knows many more chips than there are images, and a country of which there is none."""
    folder = tmp_path_factory.mktemp("sparse")
    records = open_catalog([simulate(folder / "chips", chips=CHIPS, size=64)]).records()
    ghosts = []
    for record in records:
        assert record.footprint is not None
        for n in range(1, GHOSTS + 1):
            away = translate(record.footprint, xoff=0.2 * n)
            name = f"{record.id}_known_{n}"
            ghosts.append(replace(record, id=name, vv=None, vh=None, label=None, footprint=away, simulated=False))
    lonely = replace(ghosts[0], id="lonely", country="Iceland", footprint=translate(ghosts[0].footprint, yoff=30))
    catalog = Path(folder / "catalog.parquet")
    Catalog([*records, *ghosts, lonely]).to_parquet(catalog)
    with serving(folder / "data", catalog) as dashboard:
        yield dashboard


def test_counts_hold_what_can_be_opened_and_a_switch_brings_the_rest(
    sparse: Dashboard, kept_screen: ScreenMaker
) -> None:
    known = CHIPS * GHOSTS + 1
    page = kept_screen(sparse).open(tab="regions", z=2, lat=14, lon=8)
    expect(page.page.locator("#filter-count")).to_have_text(f"{CHIPS} chips")
    assert "known only" in page.figures("#figures")["Chips"][1]
    assert page.figures("#figures")["Chips"][0] == str(CHIPS)
    page.until(f"() => ({SHAPES})() === {CHIPS}")
    assert "Iceland" in (page.page.locator("#regions-rest").text_content() or "")
    page.tab("Chips")
    page.until(f"() => ({LISTED})() === {CHIPS}")
    expect(page.page.locator("#chips-count")).to_have_text(f"{CHIPS} chips")

    toggle = page.page.locator("#known-toggle")
    expect(toggle).to_have_text(f"Show {known} known only")
    toggle.focus()
    page.page.keyboard.press("Enter")
    page.until_query(known="1")
    expect(page.page.locator("#known-toggle")).to_have_attribute("aria-pressed", "true")
    page.until("() => document.activeElement.id === 'known-toggle'")
    page.until(f"() => ({SHAPES})() === {CHIPS + known}")
    page.until(f"() => ({LISTED})() === {CHIPS + known}")
    expect(page.page.locator("#chips-count")).to_have_text(f"{CHIPS} chips, {known} known only")
    expect(page.page.locator("#filter-count")).to_have_text(f"{CHIPS} chips")
    assert violations(page.page) == []
    page.page.reload()
    page.ready()
    page.until(f"() => ({SHAPES})() === {CHIPS + known}")


def test_a_cluster_counts_what_can_be_opened_and_names_its_ghosts(sparse: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(sparse).open(tab="regions", z=4, **dict(zip(("lat", "lon"), (14, 8), strict=True)))
    chip = page.page.evaluate("[...floodscope.catalog.chips.values()].find((c) => c.imagery).id")
    page.go(*page.centre(chip), 5)
    page.page.locator("#known-toggle").click()
    page.page.locator(".fs-cluster").first.wait_for()
    found = page.page.evaluate(CLUSTERS)
    assert ([1, f"1 chip, {GHOSTS} known only: zoom in"]) in found
    (lat, lon) = page.centre("lonely")
    page.go(lat, lon, 5)
    page.until("() => [...floodscope.leaflet.map.getPane('points').querySelectorAll('path')].length > 0")


def test_a_link_to_a_chip_that_is_only_known_shows_its_outline(sparse: Dashboard, screen: ScreenMaker) -> None:
    page = screen(sparse).open(chip="lonely")
    page.page.locator("#chip-panel h2", has_text="lonely").wait_for()
    page.until_query(known="1")
    page.until(f"() => ({SHAPES})() === {CHIPS + CHIPS * GHOSTS + 1}")
    assert "image is not on disk" in page.notice()


def test_a_filter_counts_ghosts_and_chips_apart(sparse: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(sparse).open(tab="chips", known=1)
    country = page.page.evaluate("[...floodscope.catalog.chips.values()].find((c) => c.imagery).country")
    page.page.evaluate("country => floodscope.filterbar.set({ country: [country] })", country)
    expect(page.page.locator("#filter-count")).to_have_text(f"1 of {CHIPS} chips")
    expect(page.page.locator("#known-toggle")).to_have_text(f"Hide {GHOSTS} known only")
    expect(page.page.locator("#chips-count")).to_have_text(f"1 chip, {GHOSTS} known only")
