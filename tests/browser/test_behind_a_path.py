"""The page through real proxies: one that takes its path off and tells nothing, one that leaves it on and rewrites the host."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from running import Dashboard, serving
from screen import ScreenMaker

from tests.proxying import proxy
from tiles.catalog.catalog import open_catalog

PATH = "/user/me/proxy/8050/"


@pytest.mark.parametrize(
    ("strips", "tells", "options"),
    [(True, False, ()), (True, True, ()), (False, True, ("--url-prefix", PATH))],
    ids=["takes its path off and tells nothing", "takes it off and tells", "leaves it on"],
)
def test_a_chip_is_opened_predicted_and_taken_away_through_a_proxy(
    simulated_dashboard: Dashboard,
    screen: ScreenMaker,
    simulated_chips: Path,
    tmp_path: Path,
    strips: bool,
    tells: bool,
    options: tuple[str, ...],
) -> None:
    chip = open_catalog([simulated_chips]).usable()[0].id
    with (
        serving(tmp_path, simulated_chips, options=options)
        if options
        else nullcontext(simulated_dashboard) as dashboard,
        proxy(dashboard.url.removesuffix(PATH), PATH, strips=strips, tells=tells) as between,
    ):
        home = screen(replace(dashboard, url=between.url)).open(chip=chip)
        home.answered(chip)
        home.painted(chip, "imagery")
        home.painted(chip)
        assert "IoU" in home.figures()
        with home.page.expect_response(lambda answer: answer.url.endswith("/exports")) as begun:
            home.page.evaluate(
                """() => fetch("exports", { method: "POST",
                  headers: { "Content-Type": "application/json", "X-Floodscope": "page" },
                  body: JSON.stringify({ model: "backscatter", threshold: 0.5, formats: ["csv"], chips: null }) })"""
            )
        assert begun.value.status == 200
        info: dict[str, Any] = home.page.evaluate(
            "id => fetch(`tiles/composite/${id}/tilejson.json`).then((answer) => answer.json())", chip
        )
        root = between.url if tells else dashboard.url
        assert info["tiles"][0].startswith(f"{root}tiles/composite/")
        # The address that the page has written is answered as the one that it was opened by, by the same page.
        written = urlsplit(home.page.url)
        assert written.path == PATH and f"chip={chip}&" in written.query
        again = home.page.request.get(written.geturl())
        assert (again.status, again.url) == (200, written.geturl()) and '<script type="module"' in again.text()
        if strips and not tells:
            home.page.reload()
            home.ready()
            expect(home.page.locator("#chip-panel h2", has_text=chip)).to_be_visible()
        home.page.goto("about:blank")  # nothing is asked for any more
    beside = [entry for entry in between.asked if entry[2] >= 400 or not entry[1].startswith(PATH)]
    assert len(between.asked) > 60
    assert beside == []
