"""The dashboard as a person uses it: a page in Chromium, with its map, tables, sliders and figures."""

from __future__ import annotations

import re
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import facade
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response
from running import PATIENCE_MS

READY = "() => window.floodscope && floodscope.catalog.chips.size > 0 && floodscope.leaflet.map !== null"
# A page comes to another state as Back and Forward bring it there; what is not in the address is put away first.
TURN = """search => {
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  document.querySelectorAll("details[open]").forEach((menu) => menu.removeAttribute("open"));
  document.querySelectorAll("style[data-of-test]").forEach((style) => style.remove());
  document.activeElement?.blur();
  history.pushState(history.state, "", search);
  dispatchEvent(new PopStateEvent("popstate"));
}"""
TURNED = """search => {
  const { history, view, workbench } = floodscope, placeless = { lat: null, lon: null, zoom: null };
  const whole = (state) => view.format({ ...view.complete(state, workbench.settings), ...placeless });
  return whole(history.written) === whole(view.parse(search));
}"""
STILL = "() => { const m = floodscope.leaflet.map; return !m._animatingZoom && !(m._flyToFrame > 0 && m._moving); }"
# Every tile of a pane's layer is there, and they are the tiles of that chip and zoom: each of 512 pixels, so of one less.
PAINTED = """([pane, chip]) => {
  const tiles = [...document.querySelectorAll(`.fs-${pane}-layer .leaflet-tile`)];
  const zoom = Math.round(floodscope.leaflet.map.getZoom());
  return tiles.length > 0 && tiles.every((t) => t.complete && t.naturalWidth > 0 && t.classList.contains("leaflet-tile-loaded"))
    && tiles.some((t) => t.src.includes(`/${chip}/`) && t.src.includes(`/${zoom - 1}/`));
}"""

# Whether four maps show a chip as large as it fits into each of them.
WHOLE_IN_FOUR = """id => {
  const { catalog, four } = floodscope;
  const [west, south, east, north] = catalog.chips.get(id).frame;
  return four.maps.length === 4 && four.maps.every((map) => {
    const [a, b] = [map.latLngToContainerPoint([north, west]), map.latLngToContainerPoint([south, east])];
    const { x, y } = map.getSize();
    const least = Math.min(a.x, a.y, x - b.x, y - b.y);
    return least > 8 && least < 24;
  });
}"""


POLL = "uploads/catalog?since"
"""What a page asks its server again and again: whether the catalog is the same still."""
QUIET_S = 0.5
"""A page that has not asked for so long has nothing more to ask, as Playwright has it too."""


@dataclass
class Screen:
    """A page of one dashboard, and everything that went wrong in it."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    under_way: set[Request] = field(default_factory=set)
    kept: bool = False

    def __post_init__(self) -> None:
        facade.install(self.page)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(f"page error: {error} {error.stack}"))
        self.page.on("response", self._response)
        self.page.on("request", self._request)
        self.page.on("requestfinished", self._ended)
        self.page.on("requestfailed", self._ended)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console error: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"HTTP {response.status}: {response.url}")

    def _request(self, request: Request) -> None:
        self.requests.append(request)
        if POLL not in request.url and not request.is_navigation_request():  # of a download's end nothing is told
            self.under_way.add(request)
        where = urllib.parse.urlsplit(request.url)
        if where.scheme not in {"data", "blob"} and where.hostname != "127.0.0.1":
            self.problems.append(f"a request left the machine: {request.url}")

    def _ended(self, request: Request) -> None:
        self.under_way.discard(request)

    # --- the page ------------------------------------------------------------------------------------------------
    def open(self, **state: object) -> Screen:
        """Open the dashboard in a state of its URL, and wait until catalog and predictions are there."""
        query = urllib.parse.urlencode(state, doseq=True)
        if self.kept and self.page.url.startswith(self.url):
            return self._turn(f"?{query}", state)
        self.page.goto(f"{self.url}?{query}" if state else self.url)
        return self.ready()

    def come_to(self, search: str) -> None:
        """Have the page come to an address as Back would, and wait for nothing."""
        self.page.mouse.move(0, 0)
        self.page.evaluate(TURN, search)

    def _turn(self, search: str, state: dict[str, object]) -> Screen:
        """Come to a state in the page that is loaded, a fifth of the work of loading it."""
        self.come_to(search)
        self.until(TURNED, search)
        self.ready()
        if not {"chip", "z"} & state.keys():
            self.page.evaluate("() => floodscope.home.world()")
        self.until(STILL)
        self.frames(2)
        self.until(TURNED, search)
        self.page.evaluate("() => dispatchEvent(new Event('wheel'))")  # a hand: what is done next is not taken back
        self.requests.clear()
        self.under_way.clear()
        return self

    def ready(self) -> Screen:
        self.page.wait_for_function(READY)
        self.page.locator("#model-dot[data-state=ready]").wait_for()
        return self

    def until(self, condition: str, argument: object = None) -> None:
        """Wait until a JavaScript condition holds."""
        self.page.wait_for_function(condition, arg=argument)

    def _asked(self) -> list[str]:
        """Return what the page has asked for, but its polls."""
        return [request.url for request in self.requests if POLL not in request.url]

    def quiet(self) -> None:
        """Wait until the page has asked for nothing, and waited for nothing, for half a second; its polls aside.

        A load state of Playwright's does not say so: once reached, it stays reached until the page is loaded anew.
        """
        seen, since = len(self._asked()), time.monotonic()
        end = since + PATIENCE_MS / 1000
        while self.under_way or seen != len(self._asked()) or time.monotonic() < since + QUIET_S:
            if self.under_way or seen != len(self._asked()):
                seen, since = len(self._asked()), time.monotonic()
            assert since < end, f"it waits still for {[one.url for one in self.under_way]}, of {self.requests[-5:]}"
            self.page.wait_for_timeout(50)  # in which Playwright hears of requests

    @contextmanager
    def no_request(self) -> Iterator[None]:
        """Fail if the page asks the server for anything meanwhile, but whether the catalog is the same still."""
        self.quiet()
        before = len(self._asked())
        yield
        self.frames(3)  # what was set off has been sent by now
        assert self._asked()[before:] == []

    def frames(self, count: int) -> None:
        """Let the page draw some frames."""
        self.page.evaluate(
            "n => new Promise(done => { const f = () => (n-- > 0 ? requestAnimationFrame(f) : done()); f(); })", count
        )

    @property
    def query(self) -> dict[str, str]:
        """The state that the page's URL holds."""
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.page.url).query))

    def until_query(self, **expected: str) -> None:
        """Wait until the URL says so."""
        self.until(
            "expected => { const q = new URLSearchParams(location.search);"
            " return Object.entries(expected).every(([k, v]) => q.get(k) === v); }",
            expected,
        )

    def style(self, css: str) -> None:
        """Lay a style over the page's own, until a test that comes after turns the page to what it opens."""
        self.page.evaluate(
            "css => { const style = document.createElement('style'); style.textContent = css;"
            " style.setAttribute('data-of-test', ''); document.head.append(style); }",
            css,
        )

    # --- controls ------------------------------------------------------------------------------------------------
    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()

    def switch(self, group: str, label: str) -> None:
        """Choose a layer: group "base" or "overlay"."""
        self.page.locator(f"#{group} label", has_text=re.compile(f"^{label}$")).click()

    def slider(self, name: str) -> Locator:
        return self.page.get_by_role("slider", name=name)

    def set_slider(self, name: str, value: float) -> None:
        """Move a slider by keyboard: from the nearer end, a hundredth a key."""
        thumb = self.slider(name)
        hundredths = round(value * 100)
        now = round(float(thumb.get_attribute("aria-valuenow") or 0) * 100)
        key = "ArrowRight" if hundredths > now else "ArrowLeft"
        thumb.focus()
        for _ in range(abs(hundredths - now)):
            thumb.press(key)
        text = f"{value:.2f}" if name == "Threshold" else f"{round(value * 100)}\u2009%"
        self.until("([id, text]) => document.getElementById(id).textContent === text", [f"{name.lower()}-value", text])
        self.until_query(**{name[0].lower(): f"{value:g}"})  # figures and address follow once the picture is drawn
        self.frames(2)

    def set_threshold(self, value: float) -> None:
        """Set the threshold at once, where how it is moved is not what is tested."""
        self.page.evaluate("value => window.dash_clientside.set_props('threshold', { value })", value)
        self.until("text => document.getElementById('threshold-value').textContent === text", f"{value:.2f}")
        self.until_query(t=f"{value:g}")  # figures and address follow once the picture is drawn
        self.frames(2)

    def choose_model(self, name: str | re.Pattern[str]) -> None:
        self.page.locator("input#model").click()
        self.page.get_by_role("option", name=name, exact=True).click()
        self.page.locator("#model-dot[data-state=ready]").wait_for()

    # --- the map -------------------------------------------------------------------------------------------------
    def go(self, lat: float, lon: float, zoom: int) -> None:
        """Put the map somewhere, as a drag and the wheel would."""
        self.page.evaluate(
            "([lat, lon, zoom]) => { floodscope.leaflet.map.setView([lat, lon], zoom, { animate: false }); }",
            [lat, lon, zoom],
        )
        self.until("zoom => floodscope.leaflet.map.getZoom() === zoom", zoom)

    def whole_zoom(self, chip: str) -> None:
        """Go to a whole zoom at which a chip fits: there alone a pixel of a tile is a pixel of the screen."""
        zoom = self.page.evaluate(
            "id => Math.floor(floodscope.flights.viewOf(floodscope.catalog.chips.get(id).frame).zoom)", chip
        )
        self.go(*self.centre(chip), zoom)

    def centre(self, chip: str) -> tuple[float, float]:
        """Return latitude and longitude of the middle of a chip."""
        w, s, e, n = self.page.evaluate("id => floodscope.catalog.chips.get(id).bounds", chip)
        return (s + n) / 2, (w + e) / 2

    def pixel(self, lat: float, lon: float) -> tuple[float, float]:
        """Return where a place is on the page, in CSS pixels."""
        at = self.page.evaluate(
            """([lat, lon]) => {
              const p = floodscope.leaflet.map.latLngToContainerPoint([lat, lon]);
              const box = document.getElementById("map").getBoundingClientRect();
              return [p.x + box.left, p.y + box.top];
            }""",
            [lat, lon],
        )
        return at[0], at[1]

    def click_chip(self, chip: str, zoom: int = 11) -> None:
        """Click a chip on the map with the mouse, from a view in which it is a small footprint or point."""
        self.go(*self.centre(chip), zoom)
        self.page.mouse.click(*self.pixel(*self.centre(chip)))

    # --- ways to a chip that need no map -------------------------------------------------------------------------
    def choose_in_table(self, chip: str) -> None:
        self.tab("Chips")
        # Rows far down are not drawn until somebody scrolls there.
        self.until(
            "id => { const api = floodscope.bridge.table('chips-table'); const node = api && api.getRowNode(id);"
            " if (node) api.ensureNodeVisible(node); return Boolean(node); }",
            chip,
        )
        self.page.locator(f"#chips-table .ag-row[row-id='{chip}'] .ag-cell[col-id=id]").click()

    def search(self, text: str) -> None:
        self.page.locator("input#search").fill(text)
        self.page.get_by_role("option", name=text, exact=True).click()

    def whole_in_four(self, chip: str) -> None:
        """Wait until each of four maps shows a chip as large as it fits."""
        self.until(WHOLE_IN_FOUR, chip)

    # --- what is shown -------------------------------------------------------------------------------------------
    def answered(self, chip: str) -> None:
        """Wait until the panel shows a chip and what came of it."""
        heading = self.page.locator("#chip-panel h2", has_text=re.compile(f"^{re.escape(chip)}$"))
        heading.wait_for(state="attached")  # the panel may be behind another tab
        self.until(
            "id => { const o = floodscope.catalog.opened; return o && o.id === id && !o.pending"
            " && !document.querySelector('#chip-panel .fs-notice-busy'); }",
            chip,
        )

    def painted(self, chip: str, pane: str = "scores") -> None:
        """Wait until the tiles of a chip are drawn and the map is at rest."""
        self.until(PAINTED, [pane, chip])
        self.until(STILL)
        self.frames(2)

    def figures(self, inside: str = "#chip-panel") -> dict[str, tuple[str, str]]:
        """Return the figures of the panel: name to (value, note)."""
        found = self.page.locator(f"{inside} .fs-figure").evaluate_all(
            """figures => figures.map(f => ["name", "value", "note"].map(
                 part => f.querySelector(`.fs-figure-${part}`)?.textContent ?? ""))"""
        )
        return {name: (value, note) for name, value, note in found}

    def meaning(self, name: str) -> str:
        """Return what hover and focus say of a figure of the panel."""
        figure = self.page.locator("#chip-panel .fs-figure").filter(
            has=self.page.locator(".fs-figure-name", has_text=re.compile(f"^{name}$"))
        )
        return figure.locator(".fs-tip").text_content() or ""

    def rows(self) -> dict[str, str]:
        """Return the rows of the chip's panel: name to value."""
        rows = self.page.locator("#chip-panel .fs-row")
        return dict(rows.evaluate_all("rows => rows.map(row => [...row.children].map(cell => cell.textContent))"))

    def notice(self) -> str:
        return self.page.locator("#chip-panel .fs-notice").first.inner_text()

    def table(self, name: str) -> dict[str, dict[str, str]]:
        """Return the cells of a table as they are written: row id to {column: text}."""
        found: dict[str, Any] = self.page.locator(f"#{name}").evaluate(
            """(grid) => {
              const cells = (row) => [...row.querySelectorAll(".ag-cell")].map((c) => [c.getAttribute("col-id"), c.textContent]);
              const rows = [...grid.querySelectorAll(".ag-row")];
              return Object.fromEntries(rows.map((row) => [row.getAttribute("row-id"), Object.fromEntries(cells(row))]));
            }"""
        )
        return found


ScreenMaker = Callable[..., Screen]
