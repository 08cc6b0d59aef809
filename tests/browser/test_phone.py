"""The dashboard on a phone: the chip is the largest thing on it, and everything can be done with a thumb."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from screen import Screen, ScreenMaker

if TYPE_CHECKING:
    from running import Dashboard

PHONE = (390, 844)
LYING = (844, 390)
LEAST = 0.35
"""Share of a phone's screen that an open chip takes at least."""
# The shares of the screen that each chip takes where it is shown whole.
SHARES = """() => {
  const { catalog, flights: { viewOf }, leaflet: { map } } = floodscope;
  return [...catalog.chips.values()].filter(({ frame }) => frame).map(({ frame: [west, south, east, north] }) => {
    const { zoom } = viewOf([west, south, east, north]);
    const size = map.project([south, east], zoom).subtract(map.project([north, west], zoom));
    return (size.x * size.y) / (innerWidth * innerHeight);
  });
}"""
# What lies over the open chip, and whether all of it is on the map.
OVER = """id => {
  const [west, south, east, north] = floodscope.catalog.chips.get(id).frame;
  const { map } = floodscope.leaflet;
  const ground = map.getContainer().getBoundingClientRect();
  const [a, b] = [map.latLngToContainerPoint([north, west]), map.latLngToContainerPoint([south, east])];
  const chip = {
    left: a.x + ground.left + 1, top: a.y + ground.top + 1, right: b.x + ground.left - 1, bottom: b.y + ground.top - 1,
  };
  const over = ["#layer-strip", ".fs-panel", ".fs-header", ".fs-key", ".leaflet-bar", ".leaflet-control-scale",
      ".leaflet-control-attribution"]
    .flatMap((name) => [...document.querySelectorAll(name)].map((e) => [name, e.getBoundingClientRect()]))
    .filter(([, box]) => box.width && box.left < chip.right && box.right > chip.left)
    .filter(([, box]) => box.top < chip.bottom && box.bottom > chip.top)
    .map(([name]) => name);
  const whole = chip.left >= 0 && chip.top >= ground.top && chip.right <= ground.right && chip.bottom <= ground.bottom;
  if (!whole) over.push("an edge");
  return over;
}"""
BOX = "selector => { const b = document.querySelector(selector).getBoundingClientRect(); return b.toJSON(); }"


def box(page: Screen, selector: str) -> tuple[float, float, float, float]:
    found = page.page.evaluate(BOX, selector)
    return found["left"], found["top"], found["right"], found["bottom"]


@pytest.fixture
def phone(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> Screen:
    return kept_screen(simulated_dashboard, size=PHONE).open(tab="chips")


def opened(phone: Screen) -> str:
    """Open the first chip of the table with a finger; the table's sheet gives way to it."""
    row = phone.page.locator("#chips-table .ag-row").first
    row.wait_for()
    chip = row.get_attribute("row-id")
    assert chip is not None
    row.locator("[col-id=id]").click()
    phone.answered(chip)
    phone.until("() => document.documentElement.dataset.sheet === 'peek'")
    return chip


def show_panel(phone: Screen) -> None:
    phone.page.locator("#drawer-handle").click()
    phone.page.get_by_role("tab", name="Chips").wait_for()


def test_an_open_chip_is_the_largest_thing_on_a_phone_and_nothing_lies_over_it(phone: Screen) -> None:
    chip = opened(phone)
    phone.painted(chip)
    assert min(phone.page.evaluate(SHARES)) >= LEAST
    phone.until(f"id => ({OVER})(id).length === 0", chip)
    phone.page.locator("#strip-more").click()
    phone.until(f"id => ({OVER})(id).length === 0", chip)  # the strip has grown
    phone.page.locator("#strip-more").click()
    phone.page.locator("#drawer-handle").click()
    phone.until(f"id => document.documentElement.dataset.sheet === 'half' && ({OVER})(id).length === 0", chip)
    phone.until_query(sheet="half")
    for sheet in ("peek", "half"):
        phone.page.evaluate("sheet => floodscope.state.set({ sheet })", sheet)
        phone.page.set_viewport_size({"width": LYING[0], "height": LYING[1]})
        phone.until(f"id => innerWidth === {LYING[0]} && ({OVER})(id).length === 0", chip)
        left, _, right, _ = box(phone, ".fs-map")
        assert min(phone.page.evaluate(SHARES)) > 0.2, sheet
        assert right - left > (700 if sheet == "peek" else 450)


def test_the_sheet_is_pulled_up_and_down_and_a_link_restores_it(phone: Screen) -> None:
    chip = opened(phone)
    handle = phone.page.locator("#drawer-handle")
    phone.until("() => document.querySelector('#drawer-handle').textContent.includes('Water')")

    def pull(by: int) -> None:
        left, top, right, bottom = box(phone, "#drawer-handle")
        phone.page.mouse.move((left + right) / 2, (top + bottom) / 2)
        phone.page.mouse.down()
        phone.page.mouse.move((left + right) / 2, (top + bottom) / 2 - by, steps=4)
        phone.page.mouse.up()

    for by, sheet in ((200, "half"), (200, "full"), (-300, "half"), (-200, "peek")):
        pull(by)
        phone.until("sheet => document.documentElement.dataset.sheet === sheet", sheet)
        assert handle.get_attribute("aria-expanded") == str(sheet != "peek").lower()
    pull(10)  # no pull, but a tap
    phone.until_query(sheet="half")
    handle.press("ArrowUp")
    phone.until_query(sheet="full", chip=chip)
    phone.page.goto(f"{phone.url}?chip={chip}&sheet=full&mode=four")
    phone.ready()
    phone.until("() => document.documentElement.dataset.sheet === 'full'")
    assert box(phone, "#panel")[1] < 80
    left = "() => parseFloat(getComputedStyle(document.querySelector('.fs-app')).paddingLeft)"
    assert phone.page.evaluate(left) == 0  # where a screen has no notch
    assert "viewport-fit=cover" in phone.page.locator("meta[name=viewport]").get_attribute("content")
    phone.answered(chip)
    # A link that says nothing of the place shows the chip whole in each of four maps, however large they become.
    for sheet in ("half", "peek"):
        phone.page.evaluate("sheet => floodscope.state.set({ sheet })", sheet)
        phone.whole_in_four(chip)
    for width, height in (LYING, PHONE, (1000, 700), PHONE):  # turned, and turned back
        phone.page.set_viewport_size({"width": width, "height": height})
        phone.until("width => innerWidth === width", width)
        phone.frames(3)
        phone.whole_in_four(chip)
    # Nothing of Leaflet's lies on a picture: two fingers zoom it.
    assert phone.page.locator("#four-up .leaflet-control-zoom").is_hidden()


def test_a_finger_opens_a_chip_and_changes_its_layers(phone: Screen) -> None:
    chip = opened(phone)
    phone.painted(chip)
    phone.page.locator("#strip-more").click()
    phone.switch("base", "VH")
    phone.switch("overlay", "Errors")
    phone.until_query(base="vh", overlay="errors")
    left, top, right, bottom = box(phone, "#threshold")
    phone.page.mouse.click(left + 0.9 * (right - left), (top + bottom) / 2)
    phone.until("() => Number(new URLSearchParams(location.search).get('t')) > 0.8")


def test_nothing_is_wider_than_the_screen(phone: Screen) -> None:
    opened(phone)
    phone.page.locator("#strip-more").click()
    show_panel(phone)
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


def test_the_unfolded_key_lies_under_nothing(phone: Screen) -> None:
    phone.page.locator(".fs-key summary").press("Enter")
    phone.page.locator(".fs-key-row").first.wait_for()
    covered = phone.page.locator(".fs-key").evaluate(
        """key => [...key.querySelectorAll("summary, .fs-key-row")].filter(e => {
             const b = e.getBoundingClientRect();
             return [b.left + 1, b.right - 1].some(x => !key.contains(document.elementFromPoint(x, (b.top + b.bottom) / 2)));
           }).map(e => e.textContent)"""
    )
    assert covered == []


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


def test_search_takes_the_room_of_the_header(phone: Screen) -> None:
    narrow = box(phone, "input#search")
    phone.page.locator("input#search").click()
    phone.until("width => document.querySelector('input#search').clientWidth > 1.5 * width", narrow[2] - narrow[0])
    chip = phone.page.evaluate("() => [...floodscope.catalog.chips.keys()][0]")
    phone.search(chip)
    phone.answered(chip)


# Selectors of what is tapped, and the least size; `thumb`: what layers, swipe, map and sheet are worked by.
SMALL = """([selectors, least]) => selectors
  .flatMap(selector => [...document.querySelectorAll(selector)])
  .map(e => [e.id || e.textContent || e.className, e.getBoundingClientRect()])
  .filter(([, b]) => b.width && (b.width < least || b.height < least))
  .map(([name, b]) => `${name}: ${b.width} x ${b.height}`)"""
FINGER = ["button", "summary", "input:not([type=radio], [type=hidden])", ".fs-strip label", ".leaflet-bar a"]
THUMB = [
    *(".fs-header :is(input, button)", ".fs-strip :is(label, button, .mantine-Select-input, .mantine-Slider-trackContainer)"),
    *(".leaflet-bar :is(a, button)", ".fs-key summary", ".fs-swipe-grip", "#drawer-handle", "[role=tab]", ".fs-actions button"),
]  # fmt: skip


def test_fingers_find_targets_of_24_pixels_and_thumbs_of_44(phone: Screen) -> None:
    opened(phone)
    phone.page.locator("#strip-more").click()
    # A switch is worked by its label.
    labels = [one.replace("label,", "label:not(.mantine-Switch-track),") for one in THUMB]
    assert phone.page.evaluate(SMALL, [labels, 44]) == []
    phone.switch("compare", "Swipe")
    phone.until("() => document.querySelector('#swipe-handle').offsetHeight > 0")
    assert phone.page.evaluate(SMALL, [labels, 44]) == []
    show_panel(phone)
    assert phone.page.evaluate(SMALL, [labels, 44]) == []
    assert phone.page.evaluate(SMALL, [FINGER, 24]) == []


def test_the_key_of_the_map_is_folded_until_it_is_asked(simulated_dashboard: Dashboard, screen: ScreenMaker) -> None:
    key = screen(simulated_dashboard, size=PHONE).open(tab="chips").page.locator(".fs-key")
    assert not key.get_by_text("no label, so no IoU").is_visible()
    key.locator("summary").click()
    assert key.get_by_text("no label, so no IoU").is_visible()


def test_copying_the_link_is_told_beside_the_icon_and_to_screen_readers(phone: Screen) -> None:
    phone.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    share = phone.page.locator("#share")
    share.click()
    phone.until("() => document.getElementById('link-announcement').textContent === 'Copied, for this machine'")
    told = "() => getComputedStyle(document.getElementById('share'), '::after').content"
    assert phone.page.evaluate(told) == '"Copied, for this machine"'
    assert phone.page.evaluate("() => navigator.clipboard.readText()").startswith(phone.page.url.split("?")[0])
    phone.until("() => document.getElementById('share').dataset.said === undefined")


def test_a_page_without_a_clipboard_says_where_the_link_is(phone: Screen) -> None:
    phone.page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    phone.page.locator("#share").click()
    phone.until("() => document.getElementById('link-announcement').textContent === 'Copy it from the address bar'")
    phone.page.evaluate("() => delete navigator.clipboard")  # the browser's own is back
