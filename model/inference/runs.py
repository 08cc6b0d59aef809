"""The scenes that somebody looks at, open between two looks; and why one could not be predicted."""

from __future__ import annotations

import threading
from collections import OrderedDict

from model.inference.scenes import SceneRun
from model.inference.task import Task
from model.store.store import ModelKey, Store
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError
from tiles.scenes.windows import is_scene

_OPEN = 4
"""Runs that are kept: each knows a sample of its scene, and holds no pixels."""


class OpenRuns:
    """The runs of scenes by scene and model. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: OrderedDict[tuple[str, ModelKey], SceneRun] = OrderedDict()
        self._problems: dict[tuple[str, ModelKey], FloodscopeError] = {}

    def get(self, record: ChipRecord, key: ModelKey) -> SceneRun | None:
        """Return the run of a scene's present files, None where there is none."""
        with self._lock:
            run = self._runs.get((record.id, key))
            return run if run is not None and run.revision == record.revision() else None

    def opened(self, task: Task, store: Store) -> SceneRun:
        """Return the run of a task, opened where it is not open; a scene that is held in memory is not kept.

        Raises:
            ChipError, ModelError, PredictionError, StoreError: as `SceneRun`.
        """
        run = None if task.force else self.get(task.record.now(), task.key)
        if run is None:
            run = SceneRun(task.record, task.predictor, store, task.opened)
            if is_scene(task.record):
                with self._lock:
                    self._runs[task.record.id, task.key] = run
                    while len(self._runs) > _OPEN:
                        self._runs.popitem(last=False)
        if task.view is not None:
            run.look(task.view)
        return run

    def drop(self, record: ChipRecord, key: ModelKey) -> None:
        """Forget a run that has ended."""
        with self._lock:
            self._runs.pop((record.id, key), None)

    def note(self, task: Task, problem: FloodscopeError) -> None:
        """Keep why a task failed that somebody looks at."""
        with self._lock:
            self._problems[task.record.id, task.key] = problem

    def problem(self, record: ChipRecord, key: ModelKey) -> FloodscopeError | None:
        """Return why a scene could not be predicted, once."""
        with self._lock:
            return self._problems.pop((record.id, key), None)
