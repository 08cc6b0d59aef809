"""The inference worker, with real chips in files, a real store and predictors that can be held back."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from model.inference.worker import InferenceWorker
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Store, key_of
from tests.predicting import predict_one
from tests.waiting import PATIENCE_S
from tiles.chip import Asset, Chip, ChipRecord
from tiles.errors import ModelError, NoValidPixelError, PredictionError, Problem, UnreadableFileError
from tiles.reading.door import read_chip

MakeRecord = Callable[..., ChipRecord]
WAIT = PATIENCE_S


class Gated(BackscatterPredictor):
    """The baseline, which notes what it was asked for and answers only while its gate is open."""

    def __init__(self, threshold_db: float = -22.0, *, batch_size: int = 1) -> None:
        super().__init__(threshold_db=threshold_db)
        self.batch_size = batch_size
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.calls: list[list[str]] = []
        self.active = 0
        self.most_active = 0
        self.fail_on: dict[str, BaseException] = {}
        self.niceness = 0

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        self.calls.append([chip.id for chip in chips])
        self.niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        self.entered.release()
        try:
            assert self.gate.wait(WAIT)
            for chip in chips:
                if chip.id in self.fail_on:
                    raise self.fail_on[chip.id]
            return super().predict(chips)
        finally:
            self.active -= 1

    @property
    def asked(self) -> list[str]:
        return [chip_id for call in self.calls for chip_id in call]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture(params=[True, False], ids=["read-ahead", "plain"])
def worker(store: Store, request: pytest.FixtureRequest) -> Iterator[InferenceWorker]:
    with InferenceWorker(store, read_ahead=request.param) as opened:
        yield opened


@pytest.fixture
def records(make_record: MakeRecord) -> list[ChipRecord]:
    return [make_record(f"chip_{i}", size=32) for i in range(5)]


def hold(worker: InferenceWorker, predictor: Gated, record: ChipRecord) -> concurrent.futures.Future[object]:
    """Let the worker begin a chip and keep it there."""
    predictor.gate.clear()
    future = worker.submit(record, predictor)
    assert predictor.entered.acquire(timeout=WAIT)
    return future  # type: ignore[return-value]


def test_a_click_gives_a_stored_prediction(worker: InferenceWorker, store: Store, records: list[ChipRecord]) -> None:
    predictor = Gated()
    prediction = worker.submit(records[0], predictor).result(WAIT)
    found = store.get(records[0], key_of(predictor))
    assert found is not None and found.revision == prediction.revision
    assert prediction.seconds > 0
    assert worker.waiting == 0


def test_the_direct_way_gives_the_same_raster_as_the_worker(
    worker: InferenceWorker, store: Store, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    by_worker = store.read(worker.submit(records[0], predictor).result(WAIT))
    np.testing.assert_array_equal(store.read(predict_one(records[0], predictor, store)), by_worker)


def test_predict_all_predicts_in_order_and_skips_what_the_store_holds(
    worker: InferenceWorker, store: Store, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    predict_one(records[1], predictor, store)
    predictor.calls.clear()
    job = worker.predict_all(records, predictor)
    assert job.wait(WAIT)
    rest = ["chip_0", "chip_2", "chip_3", "chip_4"]
    assert predictor.asked == job.completed() == rest
    assert job.completed(3) == ["chip_4"]
    assert job.completed(4) == []
    progress = job.snapshot()
    assert (progress.total, progress.skipped, progress.done, progress.failed) == (5, 1, 4, 0)
    assert (progress.running, progress.cancelled) == (False, False)
    assert progress.rate > 0
    assert job.snapshot().seconds == progress.seconds, "the clock of a job stops at its end"
    assert len(store.fresh(records, key_of(predictor))) == 5


def test_a_job_with_nothing_to_do_is_over_at_once(
    worker: InferenceWorker, store: Store, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    predict_one(records[0], predictor, store)
    done = worker.predict_all(records[:1], predictor)
    assert done.wait(0)
    progress = done.snapshot()
    assert (progress.total, progress.done, progress.running, progress.rate) == (1, 0, False, 0.0)
    assert worker.predict_all([], predictor).wait(0)


def test_force_predicts_again_what_the_store_holds(
    worker: InferenceWorker, store: Store, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    first = worker.submit(records[0], predictor).result(WAIT)
    assert worker.submit(records[0], predictor).result(WAIT).revision == first.revision
    assert predictor.asked == ["chip_0"]
    assert worker.submit(records[0], predictor, force=True).result(WAIT).revision != first.revision
    assert worker.predict_all(records[:1], predictor, force=True).wait(WAIT)
    assert predictor.asked == ["chip_0"] * 3


def test_a_chip_whose_file_changes_while_it_waits_is_predicted_as_it_is_then(
    worker: InferenceWorker, store: Store, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    old = worker.submit(records[1], predictor).result(WAIT)
    seen = records[1].now()
    first = hold(worker, predictor, records[0])
    second = worker.submit(seen, predictor)
    assert seen.vv is not None
    os.utime(seen.vv.path, ns=(1, 1))
    predictor.gate.set()
    assert first.result(WAIT) and second.result(WAIT).revision != old.revision
    assert second.result(WAIT).chip_revision == records[1].revision() != seen.revision()


def test_a_click_goes_before_the_rest_of_a_job(worker: InferenceWorker, records: list[ChipRecord]) -> None:
    predictor, other = Gated(), Gated(-20.0)
    predictor.gate.clear()
    job = worker.predict_all(records[:4], predictor)
    assert predictor.entered.acquire(timeout=WAIT)
    order: list[str] = []
    clicks = [worker.submit(records[4], other), worker.submit(records[3], predictor)]
    for name, click in zip(["other model", "chip of the job"], clicks, strict=True):
        click.add_done_callback(lambda _, name=name: order.append(f"{name} after {job.snapshot().done}"))  # type: ignore[misc]
    predictor.gate.set()
    assert job.wait(WAIT)
    assert order == ["other model after 1", "chip of the job after 2"]
    assert job.completed() == predictor.asked == ["chip_0", "chip_3", "chip_1", "chip_2"]


def test_a_chip_that_is_asked_for_while_it_waits_or_runs_is_predicted_once(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    running = hold(worker, predictor, records[0])
    again = worker.submit(records[0], predictor)
    waiting = [worker.submit(records[1], predictor) for _ in range(3)]
    job = worker.predict_all(records[:2], predictor)
    assert worker.waiting == 2
    predictor.gate.set()
    assert again.result(WAIT) is running.result(WAIT)
    assert len({future.result(WAIT).revision for future in waiting}) == 1
    assert job.wait(WAIT)
    assert job.snapshot().done == 2
    assert predictor.asked == ["chip_0", "chip_1"]


def test_the_same_chip_under_two_models_is_two_predictions(worker: InferenceWorker, records: list[ChipRecord]) -> None:
    one, two = Gated(-22.0), Gated(-20.0)
    futures = [worker.submit(records[0], predictor) for predictor in (one, two)]
    assert [f.result(WAIT).model_name for f in futures] == ["VH threshold -22 dB", "VH threshold -20 dB"]


def test_one_model_runs_at_a_time(worker: InferenceWorker, records: list[ChipRecord]) -> None:
    predictor = Gated()
    threads = [threading.Thread(target=worker.submit, args=(record, predictor)) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worker.predict_all(records, predictor).wait(WAIT)
    assert predictor.most_active == 1
    assert sorted(predictor.asked) == [r.id for r in records]


def test_a_job_is_predicted_in_batches_and_a_click_is_served_between_them(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    predictor = Gated(batch_size=2)
    predictor.gate.clear()
    job = worker.predict_all(records[:4], predictor)
    assert predictor.entered.acquire(timeout=WAIT)
    click = worker.submit(records[4], predictor)
    predictor.gate.set()
    click.result(WAIT)
    assert job.wait(WAIT)
    assert predictor.calls == [["chip_0", "chip_1"], ["chip_4"], ["chip_2", "chip_3"]]


def test_a_chip_that_fails_a_batch_fails_alone(worker: InferenceWorker, records: list[ChipRecord]) -> None:
    predictor = Gated(batch_size=5)
    predictor.fail_on["chip_3"] = RuntimeError("out of memory")
    job = worker.predict_all(records, predictor)
    assert job.wait(WAIT)
    assert job.completed() == ["chip_0", "chip_1", "chip_2", "chip_4"]
    (problem,) = job.failed.values()
    told = "Chip chip_3 could not be predicted by VH threshold -22 dB: RuntimeError: out of memory"
    assert problem == Problem("chip_3", told)


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (ValueError("odd shape"), "ValueError: odd shape"),
        (ModelError("The endpoint sleeps: wake it."), "VH threshold -22 dB: The endpoint sleeps: wake it."),
        (SystemExit("bye"), "SystemExit: bye"),
    ],
)
def test_whatever_a_predictor_raises_is_an_error_of_the_chip_and_the_worker_goes_on(
    worker: InferenceWorker, records: list[ChipRecord], raised: BaseException, words: str
) -> None:
    predictor = Gated()
    predictor.fail_on["chip_0"] = raised
    failing = worker.submit(records[0], predictor)
    with pytest.raises(PredictionError, match="Chip chip_0 could not be predicted") as caught:
        failing.result(WAIT)
    assert words in str(caught.value)
    assert caught.value.__cause__ is raised
    assert worker.submit(records[1], predictor).result(WAIT).chip_id == "chip_1"


def test_an_answer_that_breaks_the_contract_is_an_error_of_the_chip(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    class Short(BackscatterPredictor):
        def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
            return super().predict(chips)[:-1] if chips[0].id == "chip_0" else [np.zeros((1, 1), np.uint8)]

    job = worker.predict_all(records[:2], Short())
    assert job.wait(WAIT)
    assert "gave 0 answers for chip chip_0" in job.failed["chip_0"].message
    assert "on the chip's grid" in job.failed["chip_1"].message


def test_bad_chips_fail_with_their_own_message_and_the_others_are_predicted(
    worker: InferenceWorker, store: Store, records: list[ChipRecord], make_record: MakeRecord
) -> None:
    empty = make_record("empty", size=32, valid=False)
    broken = make_record("broken", size=32)
    assert broken.vh is not None
    Path(broken.vh.path).write_text("not a raster")
    half = dataclasses.replace(make_record("half", size=32), vh=None)
    outline = ChipRecord(id="outline")
    unusable = ChipRecord(id="unusable", problem="x.tif is no chip: remove it.")
    job = worker.predict_all([empty, records[0], broken, half, outline, unusable, records[1]], Gated())
    assert job.wait(WAIT)
    assert job.completed() == ["chip_0", "chip_1"]
    assert sorted(job.failed) == ["broken", "empty", "half", "unusable"]
    assert job.failed["unusable"].message == "x.tif is no chip: remove it."
    assert job.snapshot().total == 6, "a chip that is only an outline has nothing that could be predicted"
    assert "Chip empty has no valid pixel" in job.failed["empty"].message
    assert "broken_vh.tif is not a readable GeoTIFF" in job.failed["broken"].message
    with pytest.raises(NoValidPixelError):
        worker.submit(empty, Gated()).result(WAIT)
    with pytest.raises(UnreadableFileError):
        predict_one(broken, Gated(), store)
    with pytest.raises(NoValidPixelError):
        predict_one(empty, Gated(), store)


def test_a_cancelled_job_finishes_what_it_began_and_nothing_else(
    worker: InferenceWorker, store: Store, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    predictor.gate.clear()
    job = worker.predict_all(records, predictor)
    assert predictor.entered.acquire(timeout=WAIT)
    wanted = worker.submit(records[3], predictor)  # by someone else too
    job.cancel()
    job.cancel()
    assert job.snapshot().cancelled and job.running
    predictor.gate.set()
    assert job.wait(WAIT)
    assert wanted.result(WAIT).chip_id == "chip_3"
    assert job.completed() == ["chip_0"]
    assert predictor.asked == ["chip_0", "chip_3"]
    again = worker.predict_all(records, predictor)
    assert again.wait(WAIT)
    assert (again.snapshot().skipped, again.snapshot().done, again.snapshot().cancelled) == (2, 3, False)


def test_two_jobs_share_a_chip_and_cancelling_one_leaves_it_to_the_other(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    hold(worker, predictor, records[0])
    one, two = worker.predict_all(records[1:3], predictor), worker.predict_all(records[2:4], predictor)
    one.cancel()
    assert one.wait(0), "nothing of the job had begun"
    predictor.gate.set()
    assert two.wait(WAIT)
    assert two.completed() == ["chip_2", "chip_3"]
    assert predictor.asked == ["chip_0", "chip_2", "chip_3"]


def test_a_click_that_is_withdrawn_before_its_turn_is_not_predicted(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    hold(worker, predictor, records[0])
    withdrawn, shared, kept = (worker.submit(records[i], predictor) for i in (1, 2, 2))
    assert withdrawn.cancel() and shared.cancel()
    predictor.gate.set()
    assert kept.result(WAIT).chip_id == "chip_2"
    assert predictor.asked == ["chip_0", "chip_2"]
    assert worker.waiting == 0


def test_closing_cancels_what_waits_finishes_what_runs_and_refuses_more(
    store: Store, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    worker = InferenceWorker(store)
    running = hold(worker, predictor, records[0])
    waiting = worker.submit(records[1], predictor)
    job = worker.predict_all(records[2:], predictor)
    closing = threading.Thread(target=worker.close)
    closing.start()
    assert job.wait(WAIT)
    concurrent.futures.wait([waiting], WAIT)
    assert waiting.cancelled()
    assert (job.snapshot().cancelled, job.snapshot().done) == (True, 0)
    predictor.gate.set()
    assert running.result(WAIT) is not None
    closing.join(WAIT)
    assert not closing.is_alive()
    assert not [t for t in threading.enumerate() if t.name.startswith("floodscope")]
    with pytest.raises(PredictionError, match="worker is closed"):
        worker.submit(records[1], predictor)
    worker.close()


def test_a_chip_that_changed_while_it_waited_is_predicted_as_it_is_then(
    worker: InferenceWorker, store: Store, records: list[ChipRecord], make_record: MakeRecord
) -> None:
    predictor = Gated()
    hold(worker, predictor, records[0])
    future = worker.submit(records[1], predictor)
    changed = make_record("chip_1", size=48)
    predictor.gate.set()
    assert future.result(WAIT).total_pixels == 48 * 48
    assert store.get(changed, key_of(predictor)) is not None


def test_a_chip_that_changed_while_it_was_predicted_is_not_taken_for_the_new_one(
    worker: InferenceWorker, store: Store, records: list[ChipRecord], make_record: MakeRecord
) -> None:
    predictor = Gated()
    future = hold(worker, predictor, records[0])
    changed = make_record("chip_0", size=48)
    predictor.gate.set()
    future.result(WAIT)
    assert store.get(changed, key_of(predictor)) is None
    assert worker.submit(changed, predictor).result(WAIT).total_pixels == 48 * 48


def test_a_store_that_cannot_be_written_fails_the_chip_and_not_the_worker(
    worker: InferenceWorker, store: Store, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    first = worker.submit(records[0], predictor).result(WAIT)
    home = store.raster_path(first).parent
    away = home.rename(home.with_name("away"))
    home.write_text("no folder")
    job = worker.predict_all(records[1:3], predictor)
    assert job.wait(WAIT)
    assert "cannot be written" in job.failed["chip_1"].message
    assert job.snapshot().cancelled  # a job that cannot store stops, rather than fail chip after chip
    assert list(job.failed) == ["chip_1"]
    home.unlink()
    away.rename(home)
    assert worker.submit(records[1], predictor).result(WAIT).chip_id == "chip_1"


def test_a_model_is_loaded_before_the_clock_of_a_chip_starts(store: Store, records: list[ChipRecord]) -> None:
    class Heavy(Gated):
        needs_loading = True
        loads: int = 0
        asked_when_loaded: int = -1

        def load(self) -> None:
            self.loads += 1
            self.asked_when_loaded = len(self.calls)

    predictor = Heavy()
    predict_one(records[0], predictor, store)
    assert (predictor.loads, predictor.asked_when_loaded) == (1, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="niceness of a thread exists on Linux only")
def test_the_worker_lets_other_threads_go_first(
    worker: InferenceWorker, records: list[ChipRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.inference.ahead.NICENESS", 10)  # tests are not kept waiting for it otherwise
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    predictor = Gated()
    worker.submit(records[0], predictor).result(WAIT)
    assert predictor.niceness == max(10, mine)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine


def test_importing_the_worker_loads_no_torch() -> None:
    import subprocess

    code = "import model.inference.worker, sys; print([m for m in ('torch', 'geopandas', 'dash') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_asset_of_a_missing_file_fails_its_chip_only(worker: InferenceWorker, records: list[ChipRecord]) -> None:
    gone = dataclasses.replace(records[0], id="gone", vv=Asset("/nowhere/vv.tif"))
    job = worker.predict_all([gone, records[1]], Gated())
    assert job.wait(WAIT)
    assert job.completed() == ["chip_1"]
    assert "/nowhere/vv.tif does not exist" in job.failed["gone"].message


def test_a_chip_in_memory_is_answered_after_clicks_before_jobs_and_is_not_stored(
    worker: InferenceWorker, store: Store, records: list[ChipRecord]
) -> None:
    predictor = Gated()
    first = hold(worker, predictor, records[0])
    worker.predict_all(records[1:3], predictor)
    chip = dataclasses.replace(read_chip(records[4]), id="changed")
    asked = worker.ask(chip, predictor, "turned")
    assert worker.ask(chip, predictor, "turned") is not asked  # two who wait for one answer
    click = worker.submit(records[3], predictor)
    predictor.gate.set()
    raster = asked.result(WAIT)
    click.result(WAIT), first.result(WAIT)  # type: ignore[func-returns-value]
    assert np.array_equal(raster, BackscatterPredictor().predict([chip])[0])
    assert predictor.asked[:3] == [records[0].id, records[3].id, "changed"]
    assert predictor.asked.count("changed") == 1
    assert "changed" not in store.for_model(key_of(predictor))


def test_a_failure_on_a_chip_in_memory_reaches_who_asked(worker: InferenceWorker, records: list[ChipRecord]) -> None:
    predictor = Gated()
    chip = read_chip(records[0])
    predictor.fail_on[chip.id] = RuntimeError("out of order")
    with pytest.raises(PredictionError, match="out of order"):
        worker.ask(chip, predictor, "turned").result(WAIT)
    assert worker.waiting == 0


class Unknown(Gated):
    """A model whose identity is known once it is loaded, as an endpoint's."""

    needs_loading = True

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()
        self.loaded = threading.Event()

    def load(self) -> None:
        assert self.told.wait(WAIT)
        self.model_id = "a" * 64
        self.loaded.set()
        assert self.gate.wait(WAIT)


def test_a_chip_asked_for_before_and_after_the_model_was_known_is_predicted_once(
    worker: InferenceWorker, records: list[ChipRecord]
) -> None:
    predictor = Unknown()
    predictor.gate.clear()
    job = worker.predict_all(records[:1], predictor)
    predictor.told.set()
    assert predictor.loaded.wait(WAIT)
    click = worker.submit(records[0], predictor)  # goes first, under another identity
    predictor.gate.set()
    click.result(WAIT)
    assert job.wait(WAIT)
    assert predictor.asked == ["chip_0"]
