"""Endpoints in the browser: chosen like any model, named with their latency, and told apart when they are dead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Dashboard, serving
from screen import Screen, ScreenMaker

from tests.failures import FAILURES, MODEL
from tests.model.predictors.bundles import write_random
from tests.serving import Says, dead_url, misbehaving_server, served_here

CHIP = 3


@pytest.fixture(scope="module")
def endpoint_dashboard(simulated_chips: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with an endpoint that answers and one that does not."""
    folder = tmp_path_factory.mktemp("endpoint")
    write_random(folder / "bundle")
    with served_here(folder / "bundle") as url:
        options = ("--endpoint", f"{url}/invocations#name=GPU box", "--endpoint", f"{dead_url()}#name=Dead box")
        with serving(folder / "data", simulated_chips, options=options) as dashboard:
            yield dashboard


def choose(page: Screen, name: str) -> None:
    page.page.locator("input#model").click()
    page.page.get_by_role("listbox").get_by_role("option", name=re.compile(f"^({name})")).click()


def a_chip(page: Screen) -> str:
    found: list[str] = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()")
    return found[CHIP]


def test_a_chip_is_predicted_through_an_endpoint_and_shows_its_name(
    endpoint_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(endpoint_dashboard).open()
    page.page.locator("input#model").click()
    page.page.get_by_role("listbox").get_by_role("option", name=re.compile(r"^GPU box · [\d.]+\sm?s$")).click()
    page.page.locator("#model-dot[data-state=ready]").wait_for()
    page.until("() => document.getElementById('device').textContent.startsWith('endpoint GPU box')")
    chip = a_chip(page)
    page.click_chip(chip)
    page.answered(chip)
    page.painted(chip)
    rows = page.rows()
    assert (rows["Model"], rows["Device"]) == ("Test U-Net at GPU box", "endpoint GPU box (cpu)")
    assert "Water" in page.figures()
    page.tab("Models")
    card = page.page.locator(".fs-model-card", has_text="Test U-Net at GPU box (in use)")
    assert re.search(r"Runs on endpoint GPU box \(cpu\), which answers in \d+", card.inner_text())


def test_a_dead_endpoint_says_what_to_do_and_the_other_models_go_on(
    endpoint_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(endpoint_dashboard).open()
    chip = a_chip(page)
    page.page.locator("input#model").click()
    page.page.get_by_role("listbox").get_by_role("option", name="Dead box · not reachable", exact=True).click()
    page.page.locator("#model-dot[data-state=error]").wait_for()
    assert page.page.locator("#device").inner_text() == "not reachable"
    page.choose_in_table(chip)
    page.answered(chip)
    assert re.search(
        r"Dead box is not reachable at http://\S+ \(nobody listens there\): start it \(floodscope serve\)",
        page.notice(),
    )
    page.tab("Models")
    assert (
        "start it (floodscope serve)" in page.page.locator(".fs-model-card", has_text="Dead box (in use)").inner_text()
    )
    choose(page, "VH threshold")
    page.page.locator("#model-dot[data-state=ready]").wait_for()
    page.tab("Chip")
    page.until(
        "() => [...document.querySelectorAll('#chip-panel .fs-row')].some(r => r.textContent.includes('VH threshold'))"
    )


def test_every_failure_of_an_endpoint_is_told_beside_the_chip(
    simulated_chips: Path, tmp_path: Path, screen: ScreenMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server gives each answer of the hosting service in turn; each chip's panel says what it means."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with misbehaving_server() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
        server.described_as = MODEL
        options = ("--endpoint", "sagemaker:floods?timeout_s=1&wait_s=0")
        with serving(tmp_path, simulated_chips, options=options) as dashboard:
            page = screen(dashboard).open()
            choose(page, "floods ·|Test U-Net at floods ·")
            page.page.locator("#model-dot[data-state=ready]").wait_for()
            chips: list[str] = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()")
            told = {}
            cases = [*FAILURES, (Says(hang_s=3.0), "has not answered within 1 s, and was not asked a second time")]
            for chip, (answer, message) in zip(chips, cases, strict=False):
                server.says(answer)
                page.page.evaluate(
                    "id => window.dash_clientside.set_props('selection', { data: { id, at: Date.now() } })", chip
                )
                page.answered(chip)
                said = page.notice()
                if not re.search(message, said) or len(server.asked) != 1:
                    told[message] = (said, len(server.asked))
            assert told == {}
