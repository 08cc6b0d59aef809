"""Predict all: progress, results on the map as they come, cancel, reload, failures; and changing the model."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Dashboard, serving
from screen import ScreenMaker

from tests.model.predictors.bundles import write_random
from tests.serving import served_here
from tests.waiting import PATIENCE_S
from tiles.simulate import simulate

CHIPS = 8
OTSU = "VH Otsu threshold"
SOME = 3
PREDICTED = "n => document.querySelectorAll('#figures .fs-figure-value')[1].textContent === n"


class Gate:
    """Lets as many images be predicted as it is told to; the next one waits."""

    def __init__(self) -> None:
        self._let = threading.Semaphore(0)
        self._open = threading.Event()

    def wait(self) -> None:
        end = time.monotonic() + PATIENCE_S
        while not self._open.is_set() and not self._let.acquire(timeout=0.05):
            assert time.monotonic() < end, "nobody has let this image pass"

    def let(self, images: int) -> None:
        self._let.release(images)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Dashboard, Gate]]:
    """A dashboard whose model answers for a chip when it is let, so that a job is where a test wants it to be."""
    write_random(tmp_path / "bundle")
    chips = simulate(tmp_path / "chips", chips=CHIPS, size=128)
    gate = Gate()
    with served_here(tmp_path / "bundle", before_image=gate.wait) as url:
        options = ("--endpoint", f"{url}/invocations#name=Held box")
        with serving(tmp_path / "data", chips, options=options) as dashboard:
            dashboard.before_end.append(gate.open)
            yield dashboard, gate


def test_predict_all_shows_progress_and_results_as_they_come_can_be_cancelled_and_survives_a_reload(
    held: tuple[Dashboard, Gate], screen: ScreenMaker
) -> None:
    dashboard, gate = held
    page = screen(dashboard).open(tab="regions")
    page.choose_model(re.compile("^Held box"))
    button, cancel, job = (page.page.locator(f"#{name}") for name in ("predict-all", "cancel", "job"))
    assert page.figures("#figures")["Predicted"][0] == "0"
    button.press("Enter")
    job.get_by_text(f"of {CHIPS}").wait_for()
    # Some are coloured on the map and counted in the figures while others are still to come.
    gate.let(SOME)
    page.until("n => floodscope.shapes.state.iou.size === n", SOME)
    page.until(PREDICTED, str(SOME))
    assert button.is_disabled()
    assert "Predicting" in job.inner_text()
    cancel.press("Enter")
    gate.let(2)  # what is under way is not thrown away
    job.get_by_text("Cancelled").wait_for()
    done = int(page.figures("#figures")["Predicted"][0])
    assert SOME <= done < CHIPS
    cancel.wait_for(state="hidden")

    # The rest: a reload in the middle finds the job running, and what is done.
    button.press("Enter")
    job.get_by_text("Predicting").wait_for()
    page.page.reload()
    page.page.locator("#job", has_text="Predicting").wait_for()
    page.ready()
    gate.open()
    page.page.locator("#job", has_text="Done").wait_for()
    page.until(PREDICTED, str(CHIPS))
    page.until("n => floodscope.shapes.state.iou.size === n", CHIPS)
    assert button.is_disabled()


@pytest.fixture
def unasked(real_data: Path, tmp_path: Path) -> Iterator[Dashboard]:
    """A dashboard of real chips of which nobody has predicted one, so that it does not know which cannot be."""
    with serving(tmp_path / "data", real_data / "sen1floods11") as dashboard:
        yield dashboard


def test_a_chip_that_cannot_be_predicted_is_listed_with_its_reason(unasked: Dashboard, screen: ScreenMaker) -> None:
    page = screen(unasked).open(model="backscatter:otsu", tab="regions")
    page.page.locator("#predict-all").click()
    page.page.locator("#job", has_text="Done").wait_for()
    failed = page.page.locator("#job details")
    assert failed.locator("summary").inner_text() == "1 could not be predicted"
    failed.locator("summary").click()
    assert "Paraguay_34417" in failed.inner_text()
    assert "no valid pixel" in failed.inner_text()
    assert page.figures("#figures")["Predicted"] == ("11", "of 12, 1 cannot be predicted")
    assert page.page.locator("#predict-all").is_disabled(), "what cannot be predicted is not offered again"
    # The notice goes: when it is closed, and with the page.
    page.page.locator("#job-close").click()
    page.page.locator("#job", has_text="Done").wait_for(state="detached")
    assert page.page.evaluate("document.activeElement.id") == "panel"
    page.open(model="backscatter:otsu", tab="regions")
    page.until("() => floodscope.catalog.unpredicted('backscatter:otsu').cannot === 1")
    page.quiet()
    assert page.page.locator("#job").inner_text() == ""
    assert page.page.locator("#predict-all").is_disabled()


def test_another_model_has_other_numbers_and_going_back_reads_them_back(
    simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(simulated_dashboard).open()
    chip = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[3]")
    first = page.page.locator("input#model").input_value()
    page.click_chip(chip)
    page.answered(chip)
    page.painted(chip)
    before, rows = page.figures(), page.rows()
    tiles = page.page.locator(".fs-scores-layer .leaflet-tile").first.get_attribute("src")
    page.choose_model(OTSU)
    page.until("model => floodscope.catalog.opened.model === model", "backscatter:otsu")
    page.answered(chip)
    page.painted(chip)
    assert page.rows()["Model"] == OTSU
    assert page.figures() != before
    assert page.page.locator(".fs-scores-layer .leaflet-tile").first.get_attribute("src") != tiles
    page.choose_model(first)
    page.until("model => floodscope.catalog.opened.model === model", "backscatter")
    page.answered(chip)
    page.painted(chip)
    assert page.figures() == before
    assert page.rows() == rows  # the very prediction: made when it was made, in the time that it took
    assert page.page.locator(".fs-scores-layer .leaflet-tile").first.get_attribute("src") == tiles
