"""What is made ready ahead: a model that loads holds up no other, and says that it loads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from model.inference.ahead import ModelLoader
from model.inference.worker import InferenceWorker
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Store
from tests.waiting import PATIENCE_S
from tiles.chip import Chip, ChipRecord
from tiles.errors import ModelError, PredictionError

WAIT = PATIENCE_S


class Runs:
    """Counts how many predictors run at once."""

    def __init__(self) -> None:
        self.active = 0
        self.most = 0


class Light(BackscatterPredictor):
    """The baseline, which tells when it runs, and runs only while its gate is open."""

    def __init__(self, runs: Runs, threshold_db: float = -22.0) -> None:
        super().__init__(threshold_db=threshold_db)
        self.runs = runs
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.asked: list[str] = []

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        self.runs.active += 1
        self.runs.most = max(self.runs.most, self.runs.active)
        self.asked += [chip.id for chip in chips]
        self.entered.release()
        try:
            assert self.gate.wait(WAIT)
            return super().predict(chips)
        finally:
            self.runs.active -= 1


class Heavy(Light):
    """A model whose weights are loaded only once they are let."""

    needs_loading = True

    def __init__(self, runs: Runs) -> None:
        super().__init__(runs, -20.0)
        self.let = threading.Event()
        self.begun = threading.Event()
        self.problem: Exception | None = None
        self.loads = 0

    def load(self) -> None:
        if self.let.is_set() and self.problem is None:
            return
        self.loads += 1
        self.begun.set()
        assert self.let.wait(WAIT)
        if self.problem is not None:
            raise self.problem


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[InferenceWorker]:
    with Store(tmp_path / "data") as store, InferenceWorker(store) as opened:
        yield opened


@pytest.fixture
def records(make_record: Callable[..., ChipRecord]) -> list[ChipRecord]:
    return [make_record(f"chip_{i}", size=32) for i in range(6)]


def test_a_click_under_a_light_model_does_not_wait_for_the_weights_of_another(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    runs = Runs()
    heavy, light = Heavy(runs), Light(runs)
    first = worker.submit(records[0], heavy)
    job = worker.predict_all(records, heavy)
    assert heavy.begun.wait(WAIT)
    assert worker.submit(records[1], light).result(WAIT).model_name == light.name
    assert not first.done()
    assert job.snapshot().done == 0
    heavy.let.set()
    assert first.result(WAIT).model_name == heavy.name
    assert job.wait(WAIT)
    assert heavy.loads == 1
    assert runs.most == 1, "two models never run at once"


def test_a_click_goes_before_a_job_that_waited_for_the_same_weights(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    heavy = Heavy(Runs())
    job = worker.predict_all(records[:3], heavy)
    click = worker.submit(records[4], heavy)
    moved = worker.submit(records[2], heavy)  # of the job, and urgent now
    heavy.let.set()
    assert click.result(WAIT) and moved.result(WAIT) and job.wait(WAIT)
    assert sorted(heavy.asked[:2]) == ["chip_2", "chip_4"]
    assert sorted(heavy.asked) == ["chip_0", "chip_1", "chip_2", "chip_4"]


def test_a_job_says_that_its_model_is_loading_and_its_clock_starts_after_that(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    heavy = Heavy(Runs())
    assert worker.loading(heavy)
    job = worker.predict_all(records[:2], heavy)
    assert heavy.begun.wait(WAIT)
    before = job.snapshot()
    assert (before.loading, before.running, before.done) == (True, True, 0)
    heavy.gate.clear()
    heavy.let.set()
    assert heavy.entered.acquire(timeout=WAIT)
    assert not worker.loading(heavy)
    assert not job.snapshot().loading
    heavy.gate.set()
    assert job.wait(WAIT)
    assert not worker.predict_all(records[2:4], heavy).snapshot().loading


def test_a_job_can_be_cancelled_while_its_model_is_loading(worker: InferenceWorker, records: list[ChipRecord]) -> None:
    heavy = Heavy(Runs())
    job = worker.predict_all(records, heavy)
    assert heavy.begun.wait(WAIT)
    job.cancel()
    assert job.wait(WAIT)
    heavy.let.set()
    assert worker.submit(records[0], heavy).result(WAIT)
    assert heavy.asked == ["chip_0"]


def test_weights_that_cannot_be_loaded_fail_who_waits_and_are_tried_again(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    heavy = Heavy(Runs())
    heavy.problem = ModelError("The weights are damaged: download them again.")
    click, job = worker.submit(records[0], heavy), worker.predict_all(records[1:3], heavy)
    heavy.let.set()
    with pytest.raises(PredictionError, match=r"Chip chip_0 could not be predicted by .*: The weights are damaged"):
        click.result(WAIT)
    assert job.wait(WAIT)
    assert sorted(job.failed) == ["chip_1", "chip_2"]
    heavy.problem = None
    assert worker.submit(records[0], heavy).result(WAIT).chip_id == "chip_0"


def test_a_worker_that_closes_does_not_wait_for_weights(tmp_path: Path, records: list[ChipRecord]) -> None:
    heavy = Heavy(Runs())
    with Store(tmp_path / "data") as store:
        worker = InferenceWorker(store)
        click = worker.submit(records[0], heavy)
        assert heavy.begun.wait(WAIT)
        worker.close()
        assert click.cancelled()
        heavy.let.set()


def test_what_is_ahead_of_a_click_are_the_chips_that_run_and_the_clicks_before_it(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    light = Light(Runs())
    light.gate.clear()
    job = worker.predict_all(records[:4], light)
    assert light.entered.acquire(timeout=WAIT)
    assert worker.ahead(records[0], light) == 0, "it runs itself"
    assert worker.ahead(records[3], light) == 3
    clicks = [worker.submit(record, light) for record in records[4:]]
    assert [worker.ahead(record, light) for record in records[4:]] == [1, 2]
    assert worker.ahead(records[3], light) == 5
    light.gate.set()
    assert job.wait(WAIT) and all(click.result(WAIT) for click in clicks)
    assert worker.ahead(records[4], light) == 0


def test_a_model_is_loaded_once_however_often_it_is_asked_for() -> None:
    heavy, told = Heavy(Runs()), threading.Semaphore(0)
    loader = ModelLoader(lambda *_: told.release())
    for _ in range(5):
        loader.begin(heavy)
    assert heavy.begun.wait(WAIT)
    heavy.let.set()
    assert told.acquire(timeout=WAIT)
    loader.begin(heavy)
    assert loader.ready(heavy)
    assert heavy.loads == 1
