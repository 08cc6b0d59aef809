"""The HTML report as a reader opens it: offline, in light and dark, on a wide screen and a phone."""

from __future__ import annotations

from collections.abc import Callable
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


def opened(context: BrowserContext, report: Path) -> tuple[Page, list[str], list[str]]:
    """Open the report; return the page, every address it asked for, and every error."""
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type in {"error", "warning"} else None)
    page.goto(report.as_uri())
    page.wait_for_function("document.querySelectorAll('.plotly-graph-div .main-svg').length > 20")
    return page, asked, errors


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["wide", "phone"])
def test_the_report_opens_offline_and_fits(
    contexts: Contexts, report: Path, scheme: str, size: tuple[int, int]
) -> None:
    page, asked, errors = opened(
        contexts(offline=True, color_scheme=scheme, viewport={"width": size[0], "height": size[1]}), report
    )
    try:
        assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [report.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.wait_for_function(f"() => ({DRAWN})().every(([svg, room]) => Math.abs(svg - room) < 2)")
        drawn = page.evaluate(DRAWN)
        # Regions, three of the threshold, sizes, shares, robustness, comparison; the chips are all wet, so there is no ROC.
        assert len(drawn) == 8
        assert errors == []
        light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 247, 249)"
        assert light == (scheme == "light")
    finally:
        page.close()


def test_names_are_text_never_markup(contexts: Contexts, report: Path) -> None:
    page, _, _ = opened(contexts(offline=True), report)
    try:
        assert page.title() != "taken"
        assert "</script><script>" in page.locator("h1").inner_text()
        assert page.locator("main b").count() == 0
    finally:
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_meets_what_axe_can_check(contexts: Contexts, report: Path, scheme: str) -> None:
    # The page's own policy lets no script in from outside, so axe runs where policies are not enforced.
    page, _, _ = opened(contexts(offline=True, color_scheme=scheme, bypass_csp=True), report)
    try:
        assert violations(page) == []
    finally:
        page.close()
