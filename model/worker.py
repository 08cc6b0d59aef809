"""The inference worker: one thread that predicts chips one after another, a click before anything else."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from model.job import Job
from model.predictors.protocol import Loadable, Predictor
from model.store import ModelKey, Prediction, Store, key_of
from tiles.chip import Chip, ChipRecord, read_chip
from tiles.errors import FloodscopeError, NoValidPixelError, PredictionError, StoreError

CLICK = 0
"""Priority of a chip that someone waits for."""
BULK = 10
"""Priority of a chip of a job."""

# Of the threads here, so that tiles and pages are served first when all cores are busy.
_NICENESS = 10


def predict_one(record: ChipRecord, predictor: Predictor, store: Store) -> Prediction:
    """Read a chip, predict it and store the prediction, now and in this thread.

    Raises:
        ChipError: the chip cannot be read, or has no valid pixel (NoValidPixelError).
        PredictionError: the predictor failed.
        StoreError: the prediction cannot be stored.
    """
    loaded = _load(record)
    (probability,), seconds = _ask(predictor, [loaded.chip])
    return store.put(loaded.chip, record, predictor, probability, seconds, chip_revision=loaded.revision)


@dataclass(frozen=True)
class _Loaded:
    """A chip in memory, and the revision its files had before they were read."""

    chip: Chip
    revision: str


def _load(record: ChipRecord) -> _Loaded:
    revision = record.revision()
    chip = read_chip(record)
    if not chip.valid.any():
        raise NoValidPixelError(
            f"Chip {record.id} has no valid pixel ({chip.empty or 'every VV or VH value is nodata'}), so there is nothing "
            "to predict: choose another chip."
        )
    return _Loaded(chip, revision)


def _ask(predictor: Predictor, chips: Sequence[Chip]) -> tuple[list[npt.NDArray[np.uint8]], float]:
    """Return the rasters of the chips, and the seconds that each of them took on average."""
    names = ", ".join(chip.id for chip in chips)
    try:
        if isinstance(predictor, Loadable):
            predictor.load()  # not part of what a chip takes
        began = time.perf_counter()
        rasters = predictor.predict(chips)
    except Exception as error:
        what = str(error) if isinstance(error, FloodscopeError) else f"{type(error).__name__}: {error}"
        raise PredictionError(f"Chip {names} could not be predicted by {predictor.name}: {what}") from error
    seconds = (time.perf_counter() - began) / len(chips)
    if len(rasters) != len(chips):
        raise PredictionError(f"{predictor.name} gave {len(rasters)} answers for chip {names}: check the model.")
    return rasters, seconds


@dataclass(eq=False)
class _Task:
    """One chip to predict under one model, and who waits for it."""

    record: ChipRecord
    predictor: Predictor
    key: ModelKey
    priority: int
    force: bool
    futures: list[Future[Prediction]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    begun: bool = False


class InferenceWorker:
    """Predicts chips in one background thread, so that two clicks never run two models at once.

    A chip that is asked for again while it waits or runs is predicted once. The thread starts with the first chip, in
    the process that asks for it.
    """

    def __init__(self, store: Store, *, read_ahead: bool = True) -> None:
        """Make a worker.

        Args:
            store: where predictions go.
            read_ahead: read the next chips of a job in a second thread while the model runs.
        """
        self._store = store
        self._condition = threading.Condition()
        self._queue: list[tuple[int, int, _Task]] = []
        self._order = itertools.count()
        self._tasks: dict[tuple[str, ModelKey], _Task] = {}
        self._thread: threading.Thread | None = None
        self._closed = False
        self._ahead = _ReadAhead() if read_ahead else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def waiting(self) -> int:
        """Number of chips that wait or are being predicted."""
        with self._condition:
            return len(self._tasks)

    def submit(
        self, record: ChipRecord, predictor: Predictor, priority: int = CLICK, *, force: bool = False
    ) -> Future[Prediction]:
        """Ask for the prediction of a chip.

        Args:
            record: the chip.
            predictor: what predicts it.
            priority: the lowest number goes first.
            force: predict it even if the store holds its prediction.

        Returns:
            A future of the stored prediction. Its error is a ChipError (the chip cannot be read, or has no valid pixel),
            a PredictionError (the predictor failed) or a StoreError.

        Raises:
            PredictionError: the worker is closed.
        """
        key, future = key_of(predictor), Future[Prediction]()
        with self._condition:
            task = self._add(record, predictor, key, priority, force)
            task.futures.append(future)
            if task.begun:
                future.set_running_or_notify_cancel()
        return future

    def predict_all(self, records: Iterable[ChipRecord], predictor: Predictor, *, force: bool = False) -> Job:
        """Ask for the predictions of many chips, after all clicks and in the order given.

        Chips that are only outlines (no image file, and no problem with one) are left out, and those that the store
        already holds are skipped, unless `force` is given. A chip that fails is noted in the job and stops no other.

        Raises:
            PredictionError: the worker is closed.
            StoreError: the store cannot be read.
        """
        key = key_of(predictor)
        wanted = {r.id: r for r in records if r.vv is not None or r.vh is not None or r.problem is not None}
        held = set() if force else set(self._store.fresh(wanted.values(), key))
        pending = {chip_id: record for chip_id, record in wanted.items() if chip_id not in held}
        job = Job(pending, len(held), self._cancel)
        with self._condition:
            for record in pending.values():
                self._add(record, predictor, key, BULK, force).jobs.append(job)
        return job

    def close(self, timeout: float | None = 30.0) -> None:
        """Cancel what waits, finish what runs, end the thread.

        Args:
            timeout: longest wait for the chips being predicted, in seconds.
        """
        with self._condition:
            self._closed = True
            dropped = [task for task in self._tasks.values() if not task.begun]
            for task in dropped:
                del self._tasks[task.record.id, task.key]
            self._queue.clear()
            self._condition.notify_all()
        for task in dropped:
            for future in task.futures:
                if future.cancel():
                    future.set_running_or_notify_cancel()  # wakes who waits for it
            for job in task.jobs:
                job.note_dropped([task.record.id])
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        if self._ahead is not None:
            self._ahead.close()

    def _add(self, record: ChipRecord, predictor: Predictor, key: ModelKey, priority: int, force: bool) -> _Task:
        """Return the task of a chip under a model, queued if it is new or more urgent now. The lock is held."""
        if self._closed:
            raise PredictionError(f"Chip {record.id} was not predicted, the worker is closed: start floodscope again.")
        task = self._tasks.get((record.id, key))
        if task is None:
            task = _Task(record, predictor, key, priority, force)
            self._tasks[record.id, key] = task
        elif task.begun or priority >= task.priority:
            task.force |= force
            return task
        task.priority, task.force = priority, task.force or force
        heapq.heappush(self._queue, (priority, next(self._order), task))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="floodscope-inference", daemon=True)
            self._thread.start()
        self._condition.notify_all()
        return task

    def _cancel(self, job: Job) -> None:
        dropped: list[str] = []
        with self._condition:
            for name, task in list(self._tasks.items()):
                if job in task.jobs and not task.begun:
                    task.jobs.remove(job)
                    dropped.append(task.record.id)
                    if not task.jobs and not task.futures:
                        del self._tasks[name]
        job.note_dropped(dropped)

    def _run(self) -> None:
        _be_nice()
        while True:
            with self._condition:
                batch = self._take()
                while not batch and not self._closed:
                    self._condition.wait()
                    batch = self._take()
            if not batch:
                return
            try:
                self._predict(batch)
            except BaseException as error:  # whatever a predictor raises, the one thread must live
                for task in batch:
                    self._settle(task, error)

    def _take(self) -> list[_Task]:
        """Take the next task, or of a job as many as the predictor wants at once. The lock is held."""
        batch: list[_Task] = []
        while self._queue:
            priority, _, task = self._queue[0]
            if not self._is_next(task, priority):
                heapq.heappop(self._queue)
                continue
            if batch and (task.priority < BULK or task.predictor is not batch[0].predictor):
                break
            heapq.heappop(self._queue)
            task.begun = True
            batch.append(task)
            if priority < BULK or len(batch) >= _batch_size(task.predictor):
                break
        if batch and self._ahead is not None:
            following = heapq.nsmallest(_batch_size(batch[0].predictor), self._queue)
            self._ahead.expect(batch, [t for priority, _, t in following if self._is_next(t, priority)])
        return batch

    def _is_next(self, task: _Task, priority: int) -> bool:
        """Return whether a queue entry is still meant: its task may have been dropped, begun, or moved forward."""
        if task.begun or priority != task.priority or self._tasks.get((task.record.id, task.key)) is not task:
            return False
        if task.futures and not task.jobs and all(future.cancelled() for future in task.futures):
            del self._tasks[task.record.id, task.key]
            return False
        return True

    def _predict(self, batch: list[_Task]) -> None:
        with self._condition:
            for task in batch:
                task.futures = [future for future in task.futures if _begin(future)]
        loaded: list[tuple[_Task, _Loaded]] = []
        for task in batch:
            try:
                held = None if task.force else self._store.get(task.record, task.key)
                if held is not None:
                    self._settle(task, held)
                else:
                    chip = self._ahead.load(task) if self._ahead is not None else _load(task.record)
                    loaded.append((task, chip))
            except Exception as error:
                self._settle(task, error)
        if not loaded:
            return
        try:
            rasters, seconds = _ask(batch[0].predictor, [chip.chip for _, chip in loaded])
        except PredictionError as error:
            if len(loaded) == 1:
                self._settle(loaded[0][0], error)
                return
            # One chip may have failed the others, or there is not enough memory for so many.
            for task, chip in loaded:
                self._predict_alone(task, chip)
            return
        for (task, chip), raster in zip(loaded, rasters, strict=True):
            self._put(task, chip, raster, seconds)

    def _predict_alone(self, task: _Task, loaded: _Loaded) -> None:
        try:
            (raster,), seconds = _ask(task.predictor, [loaded.chip])
        except PredictionError as error:
            self._settle(task, error)
        else:
            self._put(task, loaded, raster, seconds)

    def _put(self, task: _Task, loaded: _Loaded, raster: npt.NDArray[np.uint8], seconds: float) -> None:
        try:
            stored = self._store.put(
                loaded.chip, task.record, task.predictor, raster, seconds, chip_revision=loaded.revision
            )
        except Exception as error:
            self._settle(task, error)
        else:
            self._settle(task, stored)

    def _settle(self, task: _Task, outcome: Prediction | BaseException) -> None:
        """Tell all who wait for a task what came of it; the first outcome counts."""
        with self._condition:
            if self._tasks.get((task.record.id, task.key)) is not task:
                return
            del self._tasks[task.record.id, task.key]
        chip_id = task.record.id
        if isinstance(outcome, Prediction):
            for job in task.jobs:
                job.note_done(chip_id)
            for future in task.futures:
                future.set_result(outcome)
            return
        if not isinstance(outcome, FloodscopeError):
            wrapped = PredictionError(
                f"Chip {chip_id} could not be predicted by {task.predictor.name}: {type(outcome).__name__}: {outcome}"
            )
            wrapped.__cause__ = outcome
            outcome = wrapped
        for job in task.jobs:
            job.note_failed(chip_id, str(outcome))
            if isinstance(outcome, StoreError):  # a full disk: the next chip would fail alike
                job.cancel()
        for future in task.futures:
            future.set_exception(outcome)


class _ReadAhead:
    """Reads the chips that come next in a second thread, and keeps no more than those."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chips: dict[_Task, Future[_Loaded]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="floodscope-reader", initializer=_be_nice)

    def expect(self, now: list[_Task], following: list[_Task]) -> None:
        """Begin to read the following tasks' chips, and forget those that are neither due now nor following."""
        wanted = set(now) | set(following)
        with self._lock:
            for task in [task for task in self._chips if task not in wanted]:
                self._chips.pop(task).cancel()
            with contextlib.suppress(RuntimeError):  # the pool is closed, or Python is ending
                for task in following:
                    if task not in self._chips:
                        self._chips[task] = self._pool.submit(_load, task.record)

    def load(self, task: _Task) -> _Loaded:
        """Return a task's chip, read ahead or now."""
        with self._lock:
            ahead = self._chips.pop(task, None)
        if ahead is None or ahead.cancel():  # not begun: read it here rather than wait for the others
            return _load(task.record)
        return ahead.result()

    def close(self) -> None:
        """Let go of all chips and of the thread."""
        with self._lock:
            self._chips.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _begin(future: Future[Prediction]) -> bool:
    """Return whether a future is still wanted; it cannot be cancelled any more then."""
    return future.running() or future.set_running_or_notify_cancel()


def _batch_size(predictor: Predictor) -> int:
    return max(1, int(getattr(predictor, "batch_size", None) or 1))  # None: its weights are not loaded yet


def _be_nice() -> None:
    """Let other threads go first. On Linux niceness belongs to a thread; elsewhere it would slow the whole process."""
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        with contextlib.suppress(OSError):
            me = (os.PRIO_PROCESS, threading.get_native_id())
            os.setpriority(*me, max(_NICENESS, os.getpriority(*me)))
