"""No view breaks a rule of WCAG 2.2 A or AA, dark and light, on a wide screen and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe import violations
from playwright.sync_api import Route
from running import PATIENCE_MS
from screen import Screen, ScreenMaker

if TYPE_CHECKING:
    from running import Dashboard

SIZES = {"wide": (1280, 800), "phone": (390, 844)}
OTSU = "backscatter:otsu"  # a model whose predictions no other test of the browser waits for
STYLE = Path(__file__).resolve().parents[2] / "assets" / "style.css"

# Colours depend on the theme, and room on the size: two of the four pairs see each of both.
everywhere = pytest.mark.parametrize(("theme", "size"), [("dark", "wide"), ("light", "phone")])


def check(view: Screen, views: dict[str, Callable[[], object]]) -> None:
    """Go from view to view and collect what breaks a rule."""
    found: dict[str, list[str]] = {}
    for name, show in views.items():
        show()
        view.frames(3)
        if broken := violations(view.page):
            found[name] = broken
    assert found == {}


@everywhere
def test_the_chip_panel_breaks_no_rule(
    real_dashboard: Dashboard, kept_screen: ScreenMaker, theme: str, size: str
) -> None:
    page = kept_screen(real_dashboard, size=SIZES[size]).open(theme=theme, tab="chip", overlay="errors")

    def chip(name: str) -> Callable[[], None]:
        def show() -> None:
            page.page.evaluate(
                "id => window.dash_clientside.set_props('selection', { data: { id, at: Date.now() } })", name
            )
            page.answered(name)

        return show

    def unknown() -> None:
        page.page.evaluate(
            "window.dash_clientside.set_props('selection', { data: { id: 'Atlantis_1', at: Date.now() } })"
        )
        page.page.get_by_role("alert").wait_for()

    check(
        page,
        {
            "no chip is open": page.page.locator("#chip-panel h2").wait_for,
            "a scored chip": chip("USA_905409"),
            "a chip without a label": chip("ayt12"),
            "a chip that cannot be predicted": chip("Paraguay_34417"),
            "a chip without imagery": chip("Bolivia_129334"),
            "a chip that is not in the catalog": unknown,
        },
    )


def test_regions_break_no_rule_before_and_while_a_job_runs(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open(theme="dark", tab="regions", model=OTSU)
    news: list[Route] = []

    def hold(route: Route) -> None:
        if '"changedPropIds":["poll.n_intervals"]' in (route.request.post_data or ""):
            news.append(route)
        else:
            route.continue_()

    def run() -> None:
        page.page.route("**/_dash-update-component?*", hold)  # the page stays as it is while the job runs
        page.page.locator("#predict-all").click()
        page.page.locator("#cancel").wait_for()

    def on_a_phone() -> None:
        page.page.set_viewport_size({"width": SIZES["phone"][0], "height": SIZES["phone"][1]})
        page.page.locator("#theme-toggle").click()
        page.until_query(theme="light")

    before = page.page.locator("#regions-table .ag-row").first.wait_for
    check(page, {"nothing is predicted": before, "a job runs": run, "a job runs, on a phone": on_a_phone})
    assert news
    page.page.unroute("**/_dash-update-component?*")  # what is held goes on
    page.page.locator("#job", has_text="Done").wait_for(timeout=3 * PATIENCE_MS)  # of all chips


@everywhere
def test_tables_models_and_menus_break_no_rule(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker, theme: str, size: str
) -> None:
    page = kept_screen(simulated_dashboard, size=SIZES[size]).open(theme=theme, tab="regions", model=OTSU)

    def menu(field: str) -> Callable[[], None]:
        def show() -> None:
            page.page.locator(f"input#{field}").click()
            page.page.locator("[role=option]:visible").first.wait_for()

        return show

    def explained() -> None:
        page.page.keyboard.press("Escape")
        page.page.locator(".fs-explained summary").click()

    def near() -> None:
        page.go(*page.centre(page.page.evaluate("() => floodscope.catalog.chips.keys().next().value")), 10)

    check(
        page,
        {
            "regions": page.page.locator("#regions-table .ag-row").first.wait_for,
            "the menu of models": menu("model"),
            "the menu of chips and countries": menu("search"),
            "columns explained": explained,
            "footprints": near,
            "chips": lambda: page.tab("Chips"),
            "models": lambda: page.tab("Models"),
        },
    )


# --- colours, from the style sheet itself: axe sees neither placeholders nor what lies over the map -----------------
def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def palette(theme: str) -> dict[str, str]:
    """Return the colours that the style sheet names in a theme."""
    rule = rf'^:root(?:, :root)?\[data-theme="{theme}"\] \{{(.*?)^\}}'
    (block,) = re.findall(rule, STYLE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return dict(re.findall(r"--fs-([a-z-]+): (#[0-9a-f]{6});", block))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_ink_is_readable_on_every_ground(theme: str) -> None:
    colours = palette(theme)
    inks = ["ink", "ink-soft", "muted", "accent", "warning", "danger"]
    grounds = ["surface", "raised"]
    ratios = {(ink, ground): contrast(colours[ink], colours[ground]) for ink in inks for ground in grounds}
    ratios["on-accent", "accent"] = contrast(colours["on-accent"], colours["accent"])
    ratios["surface", "ink"] = contrast(colours["surface"], colours["ink"])  # explanations of figures
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < 4.5} == {}
