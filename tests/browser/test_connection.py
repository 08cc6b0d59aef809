"""The page when its server does not answer."""

from __future__ import annotations

import re
from pathlib import Path

from axe import violations
from playwright.sync_api import Browser, Route, expect
from running import PATIENCE_MS, Dashboard, serving


def test_a_page_says_that_its_server_is_gone_and_goes_on_when_it_is_back(
    simulated_dashboard: Dashboard, chromium: Browser
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        page.goto(f"{simulated_dashboard.url}?tab=chips&t=0.3")
        rows = page.locator("#chips-table .ag-row")
        rows.first.wait_for(timeout=PATIENCE_MS)
        alert = page.get_by_role("alert").filter(has_text="does not answer")
        expect(alert).to_have_count(0)
        dot = "() => getComputedStyle(document.getElementById('model-dot')).borderRadius"
        assert page.evaluate(dot) == "50%"
        page.evaluate("() => { window.same = true; }")
        context.set_offline(True)
        expect(alert).to_be_visible(timeout=PATIENCE_MS)  # without a hand
        assert page.evaluate(dot) == "2px", "square, and of the colour of errors"
        context.set_offline(False)
        expect(alert).to_have_count(0, timeout=PATIENCE_MS)
        assert page.evaluate(dot) == "50%"
        proxied = re.compile(r"/(healthz|uploads/catalog)")
        page.route(proxied, lambda route: route.fulfill(status=502, body="Bad Gateway"))  # of a proxy before it
        expect(alert).to_be_visible(timeout=PATIENCE_MS)
        page.unroute(proxied)
        expect(alert).to_have_count(0, timeout=PATIENCE_MS)
        assert page.evaluate("() => window.same"), "what is at hand stays: nothing was asked for in vain"
        context.set_offline(True)
        expect(alert).to_be_visible(timeout=PATIENCE_MS)
        rows.first.locator("[col-id=id]").click()
        assert violations(page) == []
        page.locator("#theme-toggle").click()
        assert violations(page) == [], "in the other theme"
        context.set_offline(False)
        expect(alert).to_have_count(0, timeout=PATIENCE_MS)
        page.locator("#chip-panel").get_by_text("IoU", exact=True).wait_for(timeout=PATIENCE_MS)
        assert "t=0.3" in page.url
    finally:
        context.close()


def test_a_page_that_outlives_its_server_is_told_where_the_next_one_has_other_models(
    simulated_chips: Path, tmp_path: Path, chromium: Browser
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        with serving(tmp_path, simulated_chips) as first:
            page.goto(f"{first.url}?t=0.3")
            page.locator("#map .leaflet-interactive").first.wait_for(state="attached", timeout=PATIENCE_MS)
            page.evaluate("() => { window.same = true; }")
        port = ("--port", first.url.rstrip("/").rpartition(":")[2])
        alert = page.get_by_role("alert").filter(has_text="started anew")
        gone = page.get_by_role("alert").filter(has_text="does not answer")
        expect(gone).to_be_visible(timeout=PATIENCE_MS)
        with serving(tmp_path, simulated_chips, options=port, model="backscatter:-21"):
            expect(alert).to_be_visible(timeout=PATIENCE_MS)
            assert page.evaluate("() => window.same"), "when it is loaded is for who uses it to say"
            assert violations(page) == []
        expect(gone).to_be_visible(timeout=PATIENCE_MS)
        with serving(tmp_path, simulated_chips, options=port):
            for bar in (gone, alert):  # it is what it was when the page was made
                expect(bar).to_have_count(0, timeout=PATIENCE_MS)
            assert "t=0.3" in page.url and page.evaluate("() => window.same")
    finally:
        context.close()


def test_the_tables_script_comes_after_the_map_and_is_asked_for_again_where_it_was_lost(
    simulated_dashboard: Dashboard, chromium: Browser
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        drawn: list[bool] = []

        def lose_once(route: Route) -> None:
            drawn.append(bool(page.evaluate("() => document.querySelectorAll('#map .leaflet-interactive').length > 0")))
            if len(drawn) == 1:
                route.abort()
            else:
                route.continue_()

        page.route("**/dash_ag_grid.*.js", lose_once)
        page.goto(f"{simulated_dashboard.url}?tab=chips")
        listed = page.locator("#chips-list")
        expect(listed).to_contain_text("could not be loaded: open the tab again", timeout=PATIENCE_MS)
        page.get_by_role("tab", name="Regions").click()
        page.locator("#regions-table .ag-row").first.wait_for(timeout=PATIENCE_MS)
        page.get_by_role("tab", name="Chips").click()
        page.locator("#chips-table .ag-row").first.wait_for(timeout=PATIENCE_MS)
        expect(listed).not_to_contain_text("could not be loaded")
        assert drawn == [True, True]
    finally:
        context.close()


def test_a_part_of_the_page_that_does_not_come_is_told_and_comes_with_the_page(
    simulated_dashboard: Dashboard, chromium: Browser
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        page.goto(f"{simulated_dashboard.url}?t=0.3")
        page.route("**/panel/takeaway*", lambda route: route.abort())
        page.locator("#take-away").click(timeout=PATIENCE_MS)
        alert = page.get_by_role("alert").filter(has_text="Reload the page")
        expect(alert).to_be_visible(timeout=PATIENCE_MS)
        page.unroute("**/panel/takeaway*")
        page.reload()
        page.locator("#take-away").click(timeout=PATIENCE_MS)
        expect(page.get_by_role("dialog")).to_be_visible(timeout=PATIENCE_MS)
        expect(alert).to_have_count(0)
        assert "t=0.3" in page.url
    finally:
        context.close()


def test_a_click_before_what_it_opens_has_come_is_not_forgotten(
    simulated_dashboard: Dashboard, chromium: Browser
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        held: list[Route] = []
        page.route("**/later*.mjs", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks it
        page.goto(simulated_dashboard.url)
        page.locator("#map .leaflet-interactive").first.wait_for(state="attached", timeout=PATIENCE_MS)
        assert held, "what comes later is asked for before the map has its chips"
        page.locator("#take-away").click(timeout=PATIENCE_MS)
        for route in held:
            route.continue_()
        expect(page.get_by_role("dialog")).to_be_visible(timeout=PATIENCE_MS)
    finally:
        context.close()
