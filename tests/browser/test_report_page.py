"""The HTML report as a reader opens it: offline, in light and dark, on a wide screen and a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe import violations
from playwright.sync_api import BrowserContext, Page

from dashboard.report.page import as_page
from model.evaluation.changes import CHANGES
from model.evaluation.comparison import compare
from model.evaluation.evaluate import evaluate
from model.evaluation.robustness import measure_robustness
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Store
from tiles.catalog.catalog import open_catalog
from tiles.simulate import simulate

Contexts = Callable[..., BrowserContext]
WIDE, PHONE = (1280, 800), (390, 844)

LIGHT = "rgb(246, 247, 249)"
# How wide each figure is, and the room that it has.
DRAWN = """() => [...document.querySelectorAll('.plotly-graph-div')].map(d =>
  [d.querySelector('.main-svg').getBoundingClientRect().width, d.parentElement.getBoundingClientRect().width])"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of simulated chips with everything that can be asked for, of a model with a hostile name."""
    folder = tmp_path_factory.mktemp("report")
    records = open_catalog([simulate(folder / "chips", chips=6, size=96)]).records()
    first, second = BackscatterPredictor(), BackscatterPredictor("otsu")
    first.name = '</script><script>document.title = "taken"</script><b>bold'
    with Store(folder / "store") as store:
        evaluations = [evaluate(records, model, store) for model in (first, second)]
        measured = measure_robustness(evaluations[0].predictions, first, store, 0.5, changes=CHANGES[:9])
    told = {**evaluations[0].report(), "comparison": compare(evaluations), "robustness": measured.report()}
    page = folder / "report.html"
    page.write_text(as_page(evaluations[0], told), encoding="utf-8")
    return page


@dataclass
class Opened:
    """The report in a page without a network, every address that it has asked for, and every error."""

    page: Page
    scheme: str
    asked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def fits(self) -> None:
        """Wait until each figure is as wide as its room, and nothing is wider than the screen."""
        self.page.wait_for_function(f"() => ({DRAWN})().every(([svg, room]) => Math.abs(svg - room) < 2)")
        # Regions, three of the threshold, sizes, shares, robustness, comparison; the chips are all wet, so there is no ROC.
        assert len(self.page.evaluate(DRAWN)) == 8
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def ground(self) -> str:
        return str(self.page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.fixture(scope="module", params=[("light", WIDE), ("dark", PHONE)], ids=["light-wide", "dark-phone"])
def opened(request: pytest.FixtureRequest, contexts: Contexts, report: Path) -> Iterator[Opened]:
    """The report as it opens: in one scheme on a wide screen, in the other on a phone."""
    scheme, (width, height) = request.param
    page = contexts(offline=True, color_scheme=scheme, viewport={"width": width, "height": height}).new_page()
    found = Opened(page, scheme)
    page.on("request", lambda request: found.asked.append(request.url))
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("console", lambda said: found.errors.append(said.text) if said.type in {"error", "warning"} else None)
    page.goto(report.as_uri())
    page.wait_for_function("document.querySelectorAll('.plotly-graph-div .main-svg').length > 20")
    yield found
    page.close()


def test_the_report_opens_offline_and_fits(opened: Opened, report: Path) -> None:
    opened.fits()
    assert [url for url in opened.asked if not url.startswith(("data:", "blob:"))] == [report.as_uri()]
    assert opened.errors == []
    assert (opened.ground() == LIGHT) == (opened.scheme == "light")


def test_the_report_fits_a_screen_that_is_turned_or_moved_and_follows_the_scheme(opened: Opened) -> None:
    page, scheme = opened.page, opened.scheme
    before, size = opened.ground(), page.viewport_size
    assert size is not None
    other = PHONE if size["width"] == WIDE[0] else WIDE
    page.set_viewport_size({"width": other[0], "height": other[1]})
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    opened.fits()
    assert opened.ground() != before
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    opened.fits()
    assert opened.ground() == before
    assert opened.errors == []


def test_names_are_text_never_markup(opened: Opened) -> None:
    assert opened.page.title() != "taken"
    assert "</script><script>" in opened.page.locator("h1").inner_text()
    assert opened.page.locator("main b").count() == 0


def test_the_report_meets_what_axe_can_check(opened: Opened) -> None:
    try:
        for scheme in ("light", "dark"):
            opened.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert violations(opened.page) == [], scheme
    finally:
        opened.page.emulate_media(color_scheme=opened.scheme)  # type: ignore[arg-type]
