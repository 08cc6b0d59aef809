"""The inference worker: one thread that predicts chips one after another, a click before anything else."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Self

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from model.inference.ahead import LoadedChip, ModelLoader, ReadAhead, be_nice, load_chip
from model.inference.asking import ask_model, failed
from model.inference.job import Job
from model.inference.queue import WorkQueue
from model.inference.runs import OpenRuns
from model.inference.scenes import SceneRun
from model.inference.steps import SceneSteps
from model.inference.task import ASIDE, BULK, CLICK, Task, begin
from model.predictors.heap import give_back
from model.predictors.protocol import Predictor
from model.store.prediction import identity_of
from model.store.store import ModelKey, Prediction, Store, key_of
from tiles.chip import Chip, ChipRecord
from tiles.errors import FloodscopeError, PredictionError, StoreError
from tiles.scenes.windows import Scene


class InferenceWorker:
    """Predicts chips in one background thread, so that two clicks never run two models at once.

    A chip that is asked for again while it waits or runs is predicted once. The thread starts with the first chip, in
    the process that asks for it. Chips of a model whose weights are not loaded yet stand aside until they are, and let
    those of other models pass.
    """

    def __init__(self, store: Store, *, read_ahead: bool = True) -> None:
        """Make a worker.

        Args:
            store: where predictions go.
            read_ahead: read the next chips of a job in a second thread while the model runs.
        """
        self._store = store
        self._queue = WorkQueue[Task](
            self._work,
            accept=self._accept,
            fits=lambda first, other: first.predictor is other.predictor and not other.by_windows,
            most=lambda task: 1 if task.priority < BULK or task.by_windows else task.predictor.batch_size,
            name="floodscope-inference",
            begin=be_nice,
            rest=give_back,
        )
        self._lock = self._queue.lock
        self._aside: list[Task] = []  # their model is being loaded
        self._tasks: dict[tuple[str, ModelKey], Task] = {}
        self._runs = OpenRuns()
        self._closed = False
        self._ahead = ReadAhead() if read_ahead else None
        self._loader = ModelLoader(self._come_back)
        self._steps = SceneSteps(store, self._runs, self._queue, self._tasks, self._settle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def waiting(self) -> int:
        """Number of chips that wait or are being predicted."""
        with self._lock:
            return len(self._tasks)

    def ahead(self, record: ChipRecord, predictor: Predictor) -> int:
        """Return how many chips are predicted before this one: those that run, and those that go first in the queue.

        0 for a chip that runs itself, whose model is being loaded, or that nobody asked for.
        """
        with self._lock:
            task = self._tasks.get((record.id, key_of(predictor)))
            queued = [other for priority, other in self._queue.waiting() if self._stands(other, priority)]
            before = next((i for i, other in enumerate(queued) if other is task), None)
            return 0 if before is None else before + sum(other.begun for other in self._tasks.values())

    def loading(self, predictor: Predictor) -> bool:
        """Return whether a model must be loaded before it can predict."""
        return not self._loader.ready(predictor)

    def prepare(self, predictor: Predictor) -> None:
        """Load a model ahead of its first use; what goes wrong is told by that use."""
        self._loader.begin(predictor)

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
        with self._lock:
            task = self._add(record, predictor, key, priority, force)
            task.futures.append(future)
            if task.begun:
                future.set_running_or_notify_cancel()
        return future

    def ask(self, chip: Chip, predictor: Predictor, what: str) -> Future[npt.NDArray[np.uint8]]:
        """Ask what a model says of a chip that is in memory, after all clicks; the answer is not stored.

        Args:
            chip: such as a changed one; the same must be given for the same chip id and `what`.
            predictor: what predicts it.
            what: tells it from other forms of the chip, for messages and so that it is asked once at a time.

        Returns:
            A future of the raster, uint8 (H, W), contract 2. Its error is a PredictionError.

        Raises:
            PredictionError: the worker is closed.
        """
        future = Future[npt.NDArray[np.uint8]]()
        with self._lock:
            task = self._add(ChipRecord(id=f"{chip.id} ({what})"), predictor, key_of(predictor), ASIDE, False)
            task.chip = chip
            task.futures.append(future)
            if task.begun:
                future.set_running_or_notify_cancel()
        return future

    def look(self, scene: Scene, predictor: Predictor, window: Window | None) -> SceneRun | None:
        """Have a part of a scene predicted, before the rest of it and as a click; waits for nothing.

        The rest is predicted where somebody asked for that (`submit`, `predict_all`).

        Args:
            scene: the scene, which is not held in memory.
            predictor: what predicts it.
            window: the part; None only asks how far the scene is.

        Returns:
            The scene's run, which knows what is done; None where it is not opened yet.

        Raises:
            PredictionError: the worker is closed.
            FloodscopeError: why a window could not be predicted, told once; who asks again has it tried again.
        """
        record, key = scene.record, key_of(predictor)
        with self._lock:
            if (problem := self._runs.problem(record, key)) is not None:
                raise problem
            run = self._runs.get(record, key)
            if window is None:
                return run
            if run is not None:
                run.look(window)
            if (
                run is None or run.looked_at or not run.left
            ):  # its raster is to be made, also where that went wrong before
                task = self._add(record, predictor, key, CLICK, False)
                task.view, task.opened, task.dropped = window, scene, False
        return run

    def predict_all(self, records: Iterable[ChipRecord], predictor: Predictor, *, force: bool = False) -> Job:
        """Ask for the predictions of many chips, after all clicks and in the order given.

        Chips that are only outlines (no image file, and no problem with one) are left out, and those that the store
        already holds are skipped, unless `force` is given or their raster is lost or damaged. A chip that fails is noted in
        the job and stops no other.

        Raises:
            PredictionError: the worker is closed.
            StoreError: the store cannot be read.
        """
        key = key_of(predictor)
        wanted = {r.id: r for r in records if r.vv is not None or r.vh is not None or r.problem is not None}
        stored = {} if force else self._store.fresh(wanted.values(), key)
        held = {chip_id for chip_id, prediction in stored.items() if self._store.is_whole(prediction)}
        pending = {chip_id: record for chip_id, record in wanted.items() if chip_id not in held}
        job = Job(pending, len(held), self._cancel)
        with self._lock:
            job.note_loading(self.loading(predictor))
            for record in pending.values():
                task = self._add(record, predictor, key, BULK, force)
                task.jobs.append(job)
                task.dropped = False
        return job

    def close(self, timeout: float | None = 30.0) -> None:
        """Cancel what waits, finish what runs, end the thread.

        Args:
            timeout: longest wait for the chips being predicted, in seconds.
        """
        with self._lock:
            dropped = [task for task in self._tasks.values() if not task.begun]
            for task in dropped:
                del self._tasks[task.record.id, task.key]
            self._aside.clear()
            self._closed = True
            self._steps.stop()
        for task in dropped:
            for future in task.futures:
                if future.cancel():
                    future.set_running_or_notify_cancel()  # wakes who waits for it
            for job in task.jobs:
                job.note_dropped([task.record.id])
        self._queue.close(timeout, drop=True)
        if self._ahead is not None:
            self._ahead.close()
        self._steps.close(wait=timeout is None or timeout > 1.0)

    def _add(self, record: ChipRecord, predictor: Predictor, key: ModelKey, priority: int, force: bool) -> Task:
        """Return the task of a chip under a model, queued if it is new or more urgent now. The lock is held."""
        if self._closed:
            raise PredictionError(f"Chip {record.id} was not predicted, the worker is closed: start floodscope again.")
        task = self._tasks.get((record.id, key))
        if task is None:
            task = Task(record, predictor, key, priority, force)
            self._tasks[record.id, key] = task
        elif task.begun or priority >= task.priority:
            task.force |= force
            return task
        task.priority, task.force = priority, task.force or force
        if self._loader.ready(predictor):
            self._queue.push(task, task.priority)
        elif task not in self._aside:
            self._aside.append(task)
            self._loader.begin(predictor)
        return task

    def _come_back(self, predictor: Predictor, problem: BaseException | None) -> None:
        """Queue the tasks that stood aside while their model was loaded; it failed if there is a problem."""
        with self._lock:
            tasks = [task for task in self._aside if task.predictor is predictor]
            self._aside = [task for task in self._aside if task.predictor is not predictor]
            for task in tasks:
                for job in task.jobs:
                    job.note_loading(False)
                if problem is None and self._stands(task, task.priority):
                    self._queue.push(task, task.priority)
        if problem is not None:
            for task in tasks:
                told = failed(task.record.id, predictor, problem)
                told.__cause__ = problem
                self._settle(task, told)

    def _cancel(self, job: Job) -> None:
        dropped: list[str] = []
        with self._lock:
            for name, task in list(self._tasks.items()):
                if job in task.jobs and not task.begun:
                    task.jobs.remove(job)
                    dropped.append(task.record.id)
                    if not task.jobs and not task.futures:
                        del self._tasks[name]
                elif job in task.jobs and task.by_windows and not task.ending:
                    task.jobs.remove(job)
                    dropped.append(task.record.id)
                    task.dropped = not task.jobs and not task.futures
        job.note_dropped(dropped)

    def _work(self, batch: list[Task]) -> None:
        if batch[0].by_windows:
            self._steps.step(batch[0])
            return
        if self._ahead is not None:
            with self._lock:
                following = self._queue.waiting(batch[0].predictor.batch_size)
                self._ahead.expect(
                    batch, [t for p, t in following if t.chip is None and not t.by_windows and self._is_next(t, p)]
                )
        try:
            self._predict(batch)
        except BaseException as error:  # whatever a predictor raises, the one thread must live
            for task in batch:
                self._settle(task, error)

    def _accept(self, task: Task, priority: int) -> bool:
        """Return whether a queue entry is still meant, and take note that its chip is begun then. The lock is held."""
        if not self._is_next(task, priority):
            return False
        task.begun = True
        return True

    def _stands(self, task: Task, priority: int) -> bool:
        return not task.begun and priority == task.priority and self._tasks.get((task.record.id, task.key)) is task

    def _is_next(self, task: Task, priority: int) -> bool:
        """Return whether a queue entry is still meant: its task may have been dropped, begun, or moved forward."""
        if not self._stands(task, priority):
            return False
        if task.futures and not task.jobs and all(future.cancelled() for future in task.futures):
            del self._tasks[task.record.id, task.key]
            return False
        return True

    def _predict(self, batch: list[Task]) -> None:
        with self._lock:
            for task in batch:
                task.futures = [future for future in task.futures if begin(future)]
        if batch[0].chip is not None:
            (raster,), _ = ask_model(batch[0].predictor, [batch[0].chip])
            self._settle(batch[0], raster)
            return
        loaded: list[tuple[Task, LoadedChip]] = []
        for task in batch:
            try:
                # An endpoint may have told which model it runs since the chip was asked for.
                held = None if task.force else self._store.get(task.record.now(), key_of(task.predictor))
                if held is not None:
                    self._settle(task, held)
                else:
                    chip = self._ahead.load(task) if self._ahead is not None else load_chip(task.record)
                    loaded.append((task, chip))
            except Exception as error:
                self._settle(task, error)
        if loaded:
            self._ask(loaded)

    def _ask(self, loaded: list[tuple[Task, LoadedChip]]) -> None:
        try:
            rasters, seconds = ask_model(loaded[0][0].predictor, [chip.chip for _, chip in loaded])
        except PredictionError as error:
            if len(loaded) == 1:
                self._settle(loaded[0][0], error)
            else:  # one chip may have failed the others, or there is not enough memory for so many
                for one in loaded:
                    self._ask([one])
        else:
            for (task, chip), raster in zip(loaded, rasters, strict=True):
                self._put(task, chip, raster, seconds)

    def _put(self, task: Task, loaded: LoadedChip, raster: npt.NDArray[np.uint8], seconds: float) -> None:
        try:
            stored = self._store.put(
                loaded.chip, task.record, identity_of(task.predictor), raster, seconds, chip_revision=loaded.revision
            )
        except Exception as error:
            self._settle(task, error)
        else:
            self._settle(task, stored)

    def _settle(self, task: Task, outcome: Prediction | npt.NDArray[np.uint8] | BaseException) -> None:
        """Tell all who wait for a task what came of it; the first outcome counts."""
        with self._lock:
            if self._tasks.get((task.record.id, task.key)) is not task:
                return
            del self._tasks[task.record.id, task.key]
        chip_id = task.record.id
        if not isinstance(outcome, BaseException):
            for job in task.jobs:
                job.note_done(chip_id)
            for future in task.futures:
                future.set_result(outcome)
            return
        if not isinstance(outcome, FloodscopeError):
            wrapped = failed(chip_id, task.predictor, outcome)
            wrapped.__cause__ = outcome
            outcome = wrapped
        if task.view is not None:
            self._runs.note(task, outcome)
        for job in task.jobs:
            job.note_failed(chip_id, outcome)
            if isinstance(outcome, StoreError):  # a full disk: the next chip would fail alike
                job.cancel()
        for future in task.futures:
            future.set_exception(outcome)
