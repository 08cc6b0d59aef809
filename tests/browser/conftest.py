"""Real dashboards under gunicorn, and a Chromium whose pages fail the test at the first error or request elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, expect, sync_playwright
from running import ARGUMENTS, COPIES, FLOODSCOPE, PATIENCE_MS, Dashboard, Evaluate, browser_path, serving
from screen import Screen, ScreenMaker

Contexts = Callable[..., BrowserContext]
expect.set_options(timeout=PATIENCE_MS)  # else five seconds, whatever the machine is doing
SLOWED = float(os.environ.get("FLOODSCOPE_SLOWED") or 1)
"""How many times slower a page is made than it is: what a test does not wait for is then not there when it looks."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def real_dashboard(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard of the real chips."""
    data = tmp_path_factory.mktemp("real-dashboard")
    with serving(data, real_data / "sen1floods11", real_data / "drivendata") as dashboard:
        yield dashboard


@pytest.fixture(scope="session")
def simulated_chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated chips of eleven countries, each some times side by side: clusters, and tables longer than a screen."""
    import rasterio
    from rasterio.transform import Affine

    from tiles.simulate import simulate

    folder = simulate(tmp_path_factory.mktemp("simulated") / "chips", chips=11, size=256)
    for file in sorted(folder.rglob("*_sim00*.tif")):
        for n in range(1, COPIES):
            copy = file.with_name(file.name.replace("_sim00", f"_sim{n:02}"))
            shutil.copyfile(file, copy)
            with rasterio.open(copy, "r+") as dataset:
                dataset.transform = dataset.transform @ Affine.translation(1.5 * n * dataset.width, 0)
    return folder


@pytest.fixture(scope="session")
def simulated_dashboard(simulated_chips: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard of the simulated chips."""
    with serving(tmp_path_factory.mktemp("simulated-dashboard"), simulated_chips) as dashboard:
        yield dashboard


@pytest.fixture(scope="session")
def launcher() -> Iterator[tuple[BrowserType, str]]:
    """What starts Chromium, and where that is."""
    path = browser_path()
    if path is None:
        reason = "no Chromium: apt install chromium, or set FLOODSCOPE_BROWSER to the path of one"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        yield playwright.chromium, path


@pytest.fixture(scope="session")
def chromium(launcher: tuple[BrowserType, str]) -> Iterator[Browser]:
    """A headless Chromium."""
    launch, path = launcher
    browser = launch.launch(executable_path=path, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def at_home(launcher: tuple[BrowserType, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A headless Chromium that keeps a profile, and with it the compiled scripts: a page opens in two thirds of the time."""
    launch, path = launcher
    context = launch.launch_persistent_context(
        tmp_path_factory.mktemp("profile"), executable_path=path, args=[*ARGUMENTS, "--js-flags=--max-lazy"]
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture(scope="session")
def contexts(chromium: Browser) -> Contexts:
    """Gives a browser context of some options; one for all pages of these, as the scripts stay in its cache."""
    made: dict[str, BrowserContext] = {}

    def context(**options: Any) -> BrowserContext:
        name = repr(options)
        if name not in made:
            made[name] = chromium.new_context(**options)
            made[name].set_default_timeout(PATIENCE_MS)
        return made[name]

    return context


def set_up(page: Page, size: tuple[int, int], still: bool = True) -> None:
    """Give a new page its size, and whether what moves on it moves."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(reduced_motion="reduce" if still else "no-preference")
    if SLOWED > 1:
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
        conditions = {"offline": False, "latency": 50 * SLOWED, "downloadThroughput": -1, "uploadThroughput": -1}
        session.send("Network.emulateNetworkConditions", conditions)


@pytest.fixture
def screen(at_home: BrowserContext, request: pytest.FixtureRequest) -> Iterator[ScreenMaker]:
    """A function that gives a new page of a dashboard.

    The test fails at its end if a page had an error, an answer of 400 or more, or a request to another machine.
    """
    made: list[Screen] = []
    dashboards: list[Dashboard] = []

    def make(
        dashboard: Dashboard, *, still: bool = True, size: tuple[int, int] = (1280, 800), scale: int = 1
    ) -> Screen:
        if scale == 1:
            page = at_home.new_page()
        else:
            contexts: Contexts = request.getfixturevalue("contexts")
            page = contexts(device_scale_factor=scale).new_page()
        set_up(page, size, still)
        dashboard.before_end.append(page.close)
        dashboards.append(dashboard)
        made.append(Screen(page, dashboard.url))
        return made[-1]

    yield make
    for one, dashboard in zip(made, dashboards, strict=True):
        one.page.close()
        dashboard.before_end.remove(one.page.close)
    assert [problem for one in made for problem in one.problems] == []


@dataclass
class Kept:
    """A page that tests use one after another. It is closed before its dashboard ends, or when their file does."""

    screen: Screen
    dashboard: Dashboard

    def __post_init__(self) -> None:
        self.dashboard.before_end.append(self.close)

    def close(self) -> None:
        self.dashboard.before_end.remove(self.close)
        self.screen.page.close()


@pytest.fixture(scope="module")
def kept() -> Iterator[dict[str, Kept]]:
    """The pages that the tests of a file use one after another, by dashboard and whether what moves on them moves."""
    pages: dict[str, Kept] = {}
    yield pages
    for one in pages.values():
        if one.close in one.dashboard.before_end:
            one.close()


@pytest.fixture
def kept_screen(
    kept: dict[str, Kept], at_home: BrowserContext, request: pytest.FixtureRequest
) -> Iterator[ScreenMaker]:
    """As `screen`, of a page that the file's earlier tests have used: for what does not ask how a page begins.

    It comes to the state that a test opens as Back would bring it there, and is loaded anew after a test that failed.
    """
    used: set[str] = set()
    failed = request.session.testsfailed

    def make(dashboard: Dashboard, *, still: bool = True, size: tuple[int, int] = (1280, 800)) -> Screen:
        name = f"{dashboard.url} {'still' if still else 'moving'}"
        if name not in kept:
            page = at_home.new_page()
            set_up(page, size, still)
            kept[name] = Kept(Screen(page, dashboard.url, kept=True), dashboard)
        elif kept[name].screen.page.viewport_size != (wanted := {"width": size[0], "height": size[1]}):
            kept[name].screen.page.set_viewport_size(wanted)
        used.add(name)
        return kept[name].screen

    yield make
    problems = [problem for name in used for problem in kept[name].screen.problems]
    if problems or request.session.testsfailed > failed:
        for name in used:
            kept.pop(name).close()
    assert problems == []


@pytest.fixture(scope="session")
def real_evaluation(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluate:
    """What `floodscope evaluate --json` says of the real chips at a threshold, from predictions of its own."""
    data = tmp_path_factory.mktemp("evaluate")
    reports: dict[float, dict[str, Any]] = {}

    def evaluate(threshold: float) -> dict[str, Any]:
        if threshold not in reports:
            sources = [real_data / "sen1floods11", real_data / "drivendata"]
            command = [FLOODSCOPE, "evaluate", *sources, "--data", data, "--threshold", threshold, "--json"]
            command += ["--model", "backscatter"]
            done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
            reports[threshold] = json.loads(done.stdout)
        return reports[threshold]

    return evaluate
