"""A scene under one model: its windows one after another, then one raster of them. A kill loses one window (contract 7)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from model.inference.asking import ask_model
from model.inference.blend import Plan
from model.predictors.local import WINDOW
from model.predictors.protocol import Predictor
from model.store.prediction import Prediction, identity_of, key_of
from model.store.scenes import put_scene
from model.store.store import Store
from model.store.work import About, Work
from tiles.chip import ChipRecord
from tiles.content import Content, content_of, content_of_parts, lattice
from tiles.errors import ChipError, PredictionError
from tiles.probability import NODATA
from tiles.reading.door import require_data
from tiles.scenes.windows import Scene

ByteArray = npt.NDArray[np.uint8]
OVERLAP = 96
"""Pixels that neighbouring windows share at least: of 1024 the overlap takes a fifth of the time."""
Order = Callable[[Plan, set[int]], int]
"""Chooses the next window among those that are not done."""


def in_windows(record: ChipRecord) -> bool:
    """Return whether an image is predicted by windows: it is larger than one."""
    return max(record.width or 0, record.height or 0) > WINDOW


class SceneRun:
    """Predicts one scene. `step` does one window and is called by one thread at a time; the rest is for any thread.

    Attributes:
        record: its record, as its files were when it began.
        plan: its windows.
    """

    def __init__(self, record: ChipRecord, predictor: Predictor, store: Store) -> None:
        """Open a scene: what it is, is decided, and what the model takes from all of it is taken.

        Raises:
            ChipError: it cannot be read, or has no valid pixel.
            ModelError, PredictionError: the model cannot be used.
            StoreError: there is no place for the work.
        """
        self.record = record.now()
        self._store, self._predictor = store, predictor
        self._revision = self.record.revision()
        self._scene = Scene(self.record)
        self._same = self._alike(predictor)
        self.plan = Plan(self._scene.shape, WINDOW, OVERLAP)
        self._work = Work(store.folder, record.id, self._revision, key_of(predictor))
        self._left = {number for number in range(len(self.plan)) if not self._work.has(number)}
        self._lock = threading.Lock()
        self.order: Order = lambda plan, left: min(left)

    def _alike(self, predictor: Predictor) -> Predictor:
        """Return what predicts all windows alike; of an image that is held, the adaptive rule is asked about all of it."""
        whole = self._scene.whole
        if whole is not None:
            require_data(whole)
            if (odds := predictor.rule_over(whole)) is not None:
                self._scene.whole = replace(whole, rule_odds=odds)
                return predictor
        return predictor.of_image(self._scene.sample())

    @property
    def total(self) -> int:
        """Number of windows."""
        return len(self.plan)

    @property
    def left(self) -> int:
        """Number of windows that are not done."""
        with self._lock:
            return len(self._left)

    def step(self) -> None:
        """Predict one more window.

        Raises:
            ChipError: the scene is damaged there, or was changed meanwhile.
            PredictionError, ModelError: the model failed.
            StoreError: the window cannot be kept.
        """
        with self._lock:
            if not self._left:
                return
            number = self.order(self.plan, set(self._left))
        self._do(number)
        with self._lock:
            self._left.discard(number)

    def _do(self, number: int) -> ByteArray:
        chip = self._scene.read(self.plan.window(number))
        began = time.perf_counter()
        if chip.valid.any():
            (raster,), _ = ask_model(self._same, [chip])
        else:
            raster = np.full(chip.valid.shape, NODATA, dtype=np.uint8)
        if raster.shape != chip.valid.shape or not np.array_equal(raster == NODATA, ~chip.valid):
            raise PredictionError(
                f"{self._predictor.name} did not answer 255 exactly where chip {self.record.id} has no data: check the model."
            )
        seconds = time.perf_counter() - began
        self._work.put(number, raster, About(raster.shape[0], raster.shape[1], seconds, content_of(chip).digest))
        return raster

    def answer(self, number: int) -> ByteArray | None:
        """Return a window's raster, uint8 (contract 2); None where it is not done."""
        found = self._work.get(number)
        return None if found is None else found[0]

    def finish(self) -> Prediction:
        """Make one raster of all windows, store it with its scores, and let go of the work. Nothing is asked of the model.

        Raises:
            ChipError: the scene's files were changed since it began.
            StoreError: it cannot be stored.
        """
        if self.record.now().revision() != self._revision:
            raise ChipError(f"The files of {self.record.id} were changed while it was predicted: predict it again.")
        notes = [about for number in range(self.total) if (about := self._about(number)) is not None]
        seconds = sum(about.seconds for about in notes)
        if self._scene.whole is not None:
            raster = np.concatenate([strip for _, strip in self.plan.strips(self._whole_answer)])
            chip = replace(self._scene.whole, rule_odds=None)
            stored = self._store.put(
                chip, self.record, identity_of(self._predictor), raster, seconds, chip_revision=self._revision
            )
        else:
            stored = put_scene(
                self._store,
                self.record,
                identity_of(self._predictor),
                self._scene,
                lambda: self.plan.strips(self._whole_answer),
                seconds,
                self._content([about.digest for about in notes]),
                self._revision,
            )
        self._work.close()
        return stored

    def _about(self, number: int) -> About | None:
        found = self._work.get(number)
        if found is None:  # damaged, or swept by another process
            self._do(number)
            found = self._work.get(number)
        return None if found is None else found[1]

    def _whole_answer(self, number: int) -> ByteArray:
        found = self._work.get(number)
        return self._do(number) if found is None else found[0]

    def _content(self, digests: list[str]) -> Content:
        rows, cols = (lattice(length) for length in self._scene.shape)
        points = [self._scene.read(Window(col, row, 1, 1)) for row in rows for col in cols]
        return content_of_parts(self._scene.shape, digests, points)
