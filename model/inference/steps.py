"""Scenes in the queue of predictions: one window, then others may go, then the next; at the end the raster of all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from model.inference.ahead import be_nice
from model.inference.queue import WorkQueue
from model.inference.runs import OpenRuns
from model.inference.scenes import SceneRun
from model.inference.task import BULK, CLICK, Task, begin
from model.store.prediction import Prediction
from model.store.store import ModelKey, Store, key_of
from tiles.errors import PredictionError

Settle = Callable[[Task, Prediction | BaseException], None]


class SceneSteps:
    """Does the windows of scenes for a worker, whose queue and tasks it shares."""

    def __init__(
        self,
        store: Store,
        runs: OpenRuns,
        queue: WorkQueue[Task],
        tasks: dict[tuple[str, ModelKey], Task],
        settle: Settle,
    ) -> None:
        """Make it.

        Args:
            store: where predictions are and go.
            runs: the scenes that are open.
            queue: where a scene waits for its next window.
            tasks: of the worker, by chip and model; its queue's lock guards them.
            settle: tells all who wait for a task what came of it.
        """
        self._store, self._runs, self._queue, self._tasks, self._settle = store, runs, queue, tasks, settle
        self._closed = False
        self._ends = ThreadPoolExecutor(1, thread_name_prefix="floodscope-scenes", initializer=be_nice)

    def stop(self) -> None:
        """Begin no other window; the queue's lock is held."""
        self._closed = True

    def close(self, *, wait: bool) -> None:
        """End the thread that makes rasters."""
        self._ends.shutdown(wait=wait)

    def step(self, task: Task) -> None:
        """Predict one window of a scene, and let others go before the next; the last one is followed by its raster."""
        try:
            if task.run is None:
                with self._queue.lock:
                    task.futures = [future for future in task.futures if begin(future)]
                held = None if task.force else self._store.get(task.record.now(), key_of(task.predictor))
                if held is not None:
                    self._settle(task, held)
                    return
                task.run = self._runs.opened(task, self._store)
            else:
                task.run.step()
            self._tell_parts(task, task.run)
        except BaseException as error:  # whatever a predictor raises, the one thread must live
            self._settle(task, error)
            return
        with self._queue.lock:
            if self._closed or task.dropped:
                self._let_go(task)
                return
            if task.run.left:
                looked_at = bool(task.run.looked_at)
                if not (task.jobs or task.futures or looked_at):
                    self._forget(task)  # what is in view is done, and nobody asked for the rest
                    return
                task.begun = False
                task.priority = CLICK if task.futures or looked_at else BULK
                # Of a job one scene after another, so that few are open; those that people wait for take turns.
                self._queue.push(task, task.priority, first=task.priority >= BULK)
                return
            task.ending = True
        self._ends.submit(self._end, task, task.run)

    def _let_go(self, task: Task) -> None:
        self._forget(task)
        for job in task.jobs:
            job.note_dropped([task.record.id])
        for future in task.futures:
            future.set_exception(_not_finished(task.record.id))

    def _forget(self, task: Task) -> None:
        if self._tasks.get((task.record.id, task.key)) is task:
            del self._tasks[task.record.id, task.key]

    def _tell_parts(self, task: Task, run: SceneRun) -> None:
        for job in list(task.jobs):
            job.note_parts(task.record.id, run.total - run.left, run.total)

    def _end(self, task: Task, run: SceneRun) -> None:
        try:
            stored = run.finish()
            self._runs.drop(task.record, task.key)
            self._settle(task, stored)
        except BaseException as error:  # those that wait must hear of it
            self._settle(task, error)


def _not_finished(chip_id: str) -> PredictionError:
    return PredictionError(
        f"Chip {chip_id} was not predicted to its end: ask for it again, and it goes on with the windows that are left."
    )
