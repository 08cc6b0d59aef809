"""Everything works without a mouse: from the page's first key to the IoU of any chip, with focus always in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from screen import Screen, ScreenMaker

if TYPE_CHECKING:
    from running import Dashboard

# How the focused element shows it; a radio button is hidden, and its label shows it instead.
FOCUS = """() => {
  const el = document.activeElement;
  if (el === document.body || el === document.documentElement) return null;
  const shown = [el, el.nextElementSibling].filter(Boolean).some((e) => {
    const s = getComputedStyle(e);
    return (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1) || s.boxShadow !== "none"
      || (e.classList.contains("ag-cell-focus") && s.borderTopColor === getComputedStyle(e).borderBottomColor)
      || getComputedStyle(e, "::after").borderStyle.includes("solid");
  });
  const name = el.getAttribute("aria-label") || (el.labels && el.labels[0] && el.labels[0].textContent)
    || el.title || el.textContent.trim();
  return { tag: el.tagName.toLowerCase(), id: el.id, name: name || "", shown };
}"""
CHOSEN = "() => document.activeElement.closest('.ag-cell').closest('.ag-row').getAttribute('row-id')"


def press(page: Screen, *keys: str) -> None:
    for key in keys:
        page.page.keyboard.press(key)
        page.frames(2)


def tab_until(page: Screen, condition: str, limit: int = 60) -> int:
    """Press Tab until the focused element fulfils a CSS selector; return how often."""
    for count in range(1, limit + 1):
        press(page, "Tab")
        if page.page.evaluate("selector => document.activeElement.matches(selector)", condition):
            return count
    pytest.fail(f"Tab does not come to {condition} in {limit} steps")


def to_the_chips_table(page: Screen) -> None:
    """Come from the start of the page to the first row of the Chips table, by keys alone."""
    press(page, "Tab", "Enter", "Tab")  # the skip link, and the chosen tab after it
    for _ in range(4):
        if page.page.evaluate("() => document.activeElement.textContent") == "Chips":
            break
        press(page, "ArrowRight")
    page.page.locator("#chips-table .ag-row").first.wait_for()
    tab_until(page, "#chips-table .ag-cell", limit=16)  # past filters, views and the order of the list


def announced(page: Screen, text: str) -> None:
    page.until("text => document.getElementById('announcement').textContent.startsWith(text)", text)


def test_a_chip_is_predicted_and_its_iou_read_without_a_mouse(
    simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(simulated_dashboard).open()
    to_the_chips_table(page)
    press(page, "ArrowDown", "ArrowDown")
    chip = page.page.evaluate(CHOSEN)
    press(page, "Enter")
    page.answered(chip)
    iou, _ = page.figures()["IoU"]
    assert 0 <= float(iou) <= 1
    announced(page, f"{chip}: IoU {iou}")
    assert page.page.evaluate("() => document.activeElement.id") == "chip-panel"


def test_escape_goes_back_to_the_row_and_space_opens_the_next(
    simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(simulated_dashboard).open()
    to_the_chips_table(page)
    first = page.page.evaluate(CHOSEN)
    for key, chip in (("Space", first), ("Space", first)):  # the second time the row is selected already
        press(page, key)
        page.answered(chip)
        page.until("() => document.activeElement.id === 'chip-panel'")
        press(page, "Escape")
        page.until("() => document.activeElement.matches('#chips-table .ag-cell')")
        assert page.page.evaluate(CHOSEN) == chip
    press(page, "ArrowDown", "Space")
    page.until("first => floodscope.catalog.opened.id !== first", first)
    page.until("() => document.activeElement.id === 'chip-panel'")


def test_arrows_come_to_every_chip_of_the_catalog(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(simulated_dashboard).open()
    to_the_chips_table(page)
    chips = page.page.evaluate("() => [...floodscope.catalog.chips.keys()].sort()")
    page.page.evaluate(
        """() => {
          window.met = new Set();
          const meet = () => met.add(document.activeElement.closest(".ag-row")?.getAttribute("row-id"));
          meet();
          document.addEventListener("focusin", meet);
        }"""
    )
    for _ in chips[1:]:
        page.page.keyboard.press("ArrowDown")
    page.until("count => met.size === count", len(chips))
    assert page.page.evaluate("() => [...met].sort()") == chips


def test_tab_leaves_a_table_in_one_step(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(simulated_dashboard).open(tab="regions")
    page.page.locator("#regions-table .ag-cell").first.focus()
    press(page, "Tab")
    assert page.page.evaluate("() => document.activeElement.closest('.ag-theme-fs')") is None


@pytest.mark.parametrize(("theme", "tab"), [("dark", "chip"), ("light", "regions")])
def test_every_stop_of_tab_shows_its_focus_and_has_a_name(
    simulated_dashboard: Dashboard, screen: ScreenMaker, theme: str, tab: str
) -> None:
    page = screen(simulated_dashboard).open(theme=theme, tab=tab)
    stops = []
    while len(stops) < 80:
        press(page, "Tab")
        stop = page.page.evaluate(FOCUS)
        if stop is None:
            break
        stops.append(stop)
    assert 15 < len(stops) < 80
    assert [stop for stop in stops if not stop["shown"] or not stop["name"]] == []
    assert [stop for stop in stops if stop["tag"] == "path"] == [], "shapes of the map are no stops"


def test_arrows_move_sliders_and_layers(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(simulated_dashboard)
    page.open(overlay="prediction", base="composite", t=0.5, chip="Bolivia_sim0000")
    page.slider("Threshold").focus()
    press(page, "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight")
    page.until_query(t="0.52")
    page.page.locator("#overlay input:checked").focus()
    press(page, "ArrowRight", "ArrowRight")
    page.until_query(overlay="errors")
    page.page.locator("#base input:checked").focus()
    press(page, "ArrowRight")
    page.until_query(base="calm")
    press(page, "ArrowRight")
    page.until_query(base="vv")


def test_menus_open_chips_and_models_by_key(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(simulated_dashboard).open()
    chip = page.page.evaluate("() => [...floodscope.catalog.chips.keys()].sort()[0]")
    tab_until(page, "input#search")
    page.page.keyboard.type(chip)
    page.page.get_by_role("option", name=chip, exact=True).wait_for()
    assert page.page.locator("input#search").get_attribute("aria-expanded") == "true"
    press(page, "ArrowDown", "Enter")
    page.answered(chip)
    tab_until(page, "input#model")
    press(page, "Enter", "ArrowDown", "Enter")
    page.until("() => new URLSearchParams(location.search).get('model') !== 'backscatter'")


def test_the_meaning_of_a_figure_shows_on_focus_and_escape_hides_it(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open(tab="regions")
    page.page.locator("#figures .fs-figure").first.wait_for()
    figure = tab_until(page, "#figures .fs-figure")
    tip = page.page.locator("#figures .fs-figure .fs-tip").first
    assert figure
    assert tip.is_visible()
    described = page.page.evaluate("() => document.activeElement.getAttribute('aria-describedby')")
    assert tip.get_attribute("id") == described
    press(page, "Escape")
    assert not tip.is_visible()
    assert page.query["tab"] == "regions"
