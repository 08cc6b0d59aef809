"""The dashboard on a phone: everything has its room, and everything can be done with a finger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from screen import Screen, ScreenMaker

if TYPE_CHECKING:
    from running import Dashboard

PHONE = (390, 844)
BOX = "selector => { const b = document.querySelector(selector).getBoundingClientRect(); return b.toJSON(); }"


def box(page: Screen, selector: str) -> tuple[float, float, float, float]:
    found = page.page.evaluate(BOX, selector)
    return found["left"], found["top"], found["right"], found["bottom"]


@pytest.fixture
def phone(simulated_dashboard: Dashboard, screen: ScreenMaker) -> Screen:
    return screen(simulated_dashboard, size=PHONE).open(tab="chips")


def opened(phone: Screen) -> str:
    """Open the first chip of the table with a finger."""
    row = phone.page.locator("#chips-table .ag-row").first
    row.wait_for()
    chip = row.get_attribute("row-id")
    assert chip is not None
    row.locator("[col-id=id]").click()
    phone.answered(chip)
    return chip


def test_a_finger_opens_a_chip_and_changes_its_layers(phone: Screen) -> None:
    chip = opened(phone)
    phone.painted(chip)
    phone.switch("base", "VH")
    phone.switch("overlay", "Errors")
    phone.until_query(base="vh", overlay="errors")
    left, top, right, bottom = box(phone, "#threshold")
    phone.page.mouse.click(left + 0.9 * (right - left), (top + bottom) / 2)
    phone.until("() => Number(new URLSearchParams(location.search).get('t')) > 0.8")


def test_nothing_is_wider_than_the_screen(phone: Screen) -> None:
    opened(phone)
    for tab in ("Chip", "Regions", "Chips", "Models"):
        phone.tab(tab)
        phone.frames(3)
        wide = phone.page.evaluate(
            """() => [document.documentElement, document.body, ...document.querySelectorAll(".fs-tab")]
                 .filter(e => e.offsetParent !== null || e === document.documentElement)
                 .filter(e => e.scrollWidth > e.clientWidth).map(e => e.className || e.tagName)"""
        )
        assert wide == [], tab
    clipped = phone.page.evaluate(
        """() => [".fs-header :is(h1, input, button)", ".fs-strip :is(label, [role=slider])", "[role=tab]"]
             .flatMap(selector => [...document.querySelectorAll(selector)])
             .map(e => [e.id || e.textContent, e.getBoundingClientRect()])
             .filter(([, b]) => b.width && (b.left < 0 || b.right > innerWidth || b.top < 0 || b.bottom > innerHeight))
             .map(([name]) => name)"""
    )
    assert clipped == []


@pytest.mark.parametrize("table", ["regions", "chips"])
def test_the_numbers_of_a_table_are_not_cut_off(phone: Screen, table: str) -> None:
    phone.tab(table.capitalize())
    phone.page.locator(f"#{table}-table .ag-row").first.wait_for()
    cut = phone.page.locator(f"#{table}-table .ag-cell.ag-right-aligned-cell").evaluate_all(
        """cells => cells.filter(c => {
             const right = e => e.getBoundingClientRect().right;
             const first = ["scored", "iou"].includes(c.getAttribute("col-id")); // further ones are scrolled to
             return c.scrollWidth > c.clientWidth || (first && right(c) > right(c.closest(".ag-theme-fs")) + 1);
           }).map(c => c.textContent)"""
    )
    assert cut == []


def test_the_strip_leaves_the_map_to_the_map(phone: Screen) -> None:
    opened(phone)
    phone.switch("overlay", "Errors")
    _, top, _, bottom = box(phone, ".fs-map")
    _, strip_top, _, strip_bottom = box(phone, "#layer-strip")
    assert bottom > strip_bottom
    assert strip_top - top > 0.6 * (bottom - top)


def test_the_drawer_closes_for_the_map_and_opens_again(phone: Screen) -> None:
    _, top, _, bottom = box(phone, ".fs-map")
    handle = phone.page.locator("#drawer-handle")
    handle.click()
    phone.until("height => document.querySelector('.fs-map').clientHeight > 1.5 * height", bottom - top)
    assert not phone.page.get_by_role("tab", name="Chips").is_visible()
    assert handle.inner_text() == "Show panel"
    handle.click()
    phone.page.get_by_role("tab", name="Chips").wait_for()
    assert box(phone, ".fs-map")[3] == bottom


def test_search_takes_the_room_of_the_header(phone: Screen) -> None:
    narrow = box(phone, "input#search")
    phone.page.locator("input#search").click()
    phone.until("width => document.querySelector('input#search').clientWidth > 1.5 * width", narrow[2] - narrow[0])
    chip = phone.page.evaluate("() => [...floodscope.catalog.chips.keys()][0]")
    phone.search(chip)
    phone.answered(chip)


def test_fingers_find_targets_of_24_pixels(phone: Screen) -> None:
    opened(phone)
    small = phone.page.evaluate(
        """() => ["button", "summary", "input:not([type=radio], [type=hidden])", ".fs-strip label", ".leaflet-bar a"]
             .flatMap(selector => [...document.querySelectorAll(selector)])
             .map(e => [e.id || e.textContent, e.getBoundingClientRect()])
             .filter(([, b]) => b.width && (b.width < 24 || b.height < 24))
             .map(([name, b]) => `${name}: ${b.width} x ${b.height}`)"""
    )
    assert small == []


def test_the_key_of_the_map_is_folded_until_it_is_asked(phone: Screen) -> None:
    key = phone.page.locator(".fs-key")
    assert not key.get_by_text("no label, so no IoU").is_visible()
    key.locator("summary").click()
    assert key.get_by_text("no label, so no IoU").is_visible()


def test_copying_the_link_is_told_beside_the_icon_and_to_screen_readers(phone: Screen) -> None:
    phone.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    share = phone.page.locator("#share")
    share.click()
    phone.until("() => document.getElementById('link-announcement').textContent === 'Link copied'")
    told = "() => getComputedStyle(document.getElementById('share'), '::after').content"
    assert phone.page.evaluate(told) == '"Link copied"'
    assert phone.page.evaluate("() => navigator.clipboard.readText()").startswith(phone.page.url.split("?")[0])
    phone.until("() => document.getElementById('share').dataset.said === undefined")


def test_a_page_without_a_clipboard_says_where_the_link_is(phone: Screen) -> None:
    phone.page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    phone.page.locator("#share").click()
    phone.until("() => document.getElementById('link-announcement').textContent === 'Copy it from the address bar'")
