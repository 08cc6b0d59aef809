"""A scene under one model: its windows one after another, then one raster of them. A kill loses one window (contract 7)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from model.inference.ahead import NextWindow
from model.inference.asking import ask_model
from model.inference.blend import Plan
from model.inference.regions import looked_at
from model.predictors.heap import give_back
from model.predictors.local import WINDOW, RegionTable
from model.predictors.protocol import Predictor
from model.store.prediction import Prediction, identity_of, key_of
from model.store.scenes import put_scene
from model.store.store import Also, Store
from model.store.streamed import Strips
from model.store.work import About, Work
from tiles.chip import Chip, ChipRecord
from tiles.content import Content, content_of, content_of_parts, lattice
from tiles.errors import ChipError, PredictionError
from tiles.probability import NODATA
from tiles.reading.door import require_data
from tiles.scenes.windows import Scene, is_scene

ByteArray = npt.NDArray[np.uint8]
OVERLAP = 64
"""Pixels that neighbouring windows share at least: of 1024 the overlap takes an eighth of the time (96 a fifth, for differences
of 1/254 in place of 8/254 at the most)."""
MOST_LOOKED_AT = 16
"""Windows that are predicted for who looks at a part of a scene: together they have about as many pixels as the largest chip."""
Order = Callable[[Plan, set[int]], int]
"""Chooses the next window among those that are not done."""


def in_windows(record: ChipRecord) -> bool:
    """Return whether an image is predicted by windows: it is larger than one."""
    return max(record.width or 0, record.height or 0) > WINDOW


class SceneRun:
    """Predicts one scene. `step` does one window and is called by one thread at a time; the rest is for any thread.

    Attributes:
        record: its record, as its files were when it began.
        revision: of those files.
        plan: its windows.
    """

    def __init__(
        self, record: ChipRecord, predictor: Predictor, store: Store, opened: Scene | None = None, mark: str = ""
    ) -> None:
        """Open a scene: what it is, is decided, and what the model takes from all of it is taken.

        Args:
            record: the scene.
            predictor: what predicts it.
            store: where its prediction goes.
            opened: the scene, where somebody has opened these files already.
            mark: what tells its files from others besides, as of one name on a server: other work is not gone on with.

        Raises:
            ChipError: it cannot be read, or has no valid pixel.
            ModelError, PredictionError: the model cannot be used.
            StoreError: there is no place for the work.
        """
        self.record = record.now()
        self._store, self._predictor = store, predictor
        self.revision = self.record.revision()
        if opened is None or opened.record.revision() != self.revision:
            opened = Scene(self.record, with_label=not is_scene(self.record))  # what scores need can wait
        self._scene = opened
        # Regions are looked at when all of the image is there; what is seen of it before, window by window.
        regions = predictor.bundle.regions if predictor.bundle else None
        self._regions = None if regions is None else RegionTable(regions)
        self._same = self._alike(predictor if self._regions is None else predictor.by_pixel())
        self.plan = Plan(self._scene.shape, WINDOW, OVERLAP)
        self._work = Work(store.folder, record.id, self.revision + mark, key_of(predictor))
        self._left = {number for number in range(len(self.plan)) if not self._work.has(number)}
        self._looked_at: list[int] = []
        self._ahead = NextWindow(self._read)
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
    def scene(self) -> Scene:
        """The scene, opened."""
        return self._scene

    @property
    def total(self) -> int:
        """Number of windows."""
        return len(self.plan)

    @property
    def left(self) -> int:
        """Number of windows that are not done."""
        with self._lock:
            return len(self._left)

    def look(self, window: Window) -> None:
        """Have the windows that lie over a part of the image predicted first: of very many those next to its middle."""
        row, col = window.row_off + window.height / 2, window.col_off + window.width / 2

        def distance(number: int) -> float:
            one = self.plan.window(number)
            return float(abs(one.row_off + one.height / 2 - row) + abs(one.col_off + one.width / 2 - col))

        nearest = sorted(self.plan.touching(window), key=distance)[:MOST_LOOKED_AT]
        with self._lock:
            self._looked_at = nearest

    @property
    def looked_at(self) -> list[int]:
        """The windows that somebody looks at and that are not done, the next one first."""
        with self._lock:
            return self._still_looked_at()

    def _still_looked_at(self) -> list[int]:
        return [number for number in self._looked_at if number in self._left]

    @property
    def done(self) -> set[int]:
        """The numbers of the windows that are done."""
        with self._lock:
            return set(range(len(self.plan))) - self._left

    @property
    def name(self) -> str:
        """What tells the work on these files under this model from all other."""
        return self._work.folder.name

    def step(self) -> None:
        """Predict one more window: one that somebody looks at before all others.

        Raises:
            ChipError: the scene is damaged there, or was changed meanwhile.
            PredictionError, ModelError: the model failed.
            StoreError: the window cannot be kept.
        """
        with self._lock:
            if not self._left:
                return
            number, following = self._next()
        self._require_same()
        self._do(number, self._ahead.take(number, following))
        with self._lock:
            self._left.discard(number)

    def _next(self) -> tuple[int, int | None]:
        """Return the window to predict now, and the one after it as far as it is known; the lock is held.

        After the last one that somebody looks at comes none: it may be that nobody asked for the rest.
        """
        if looked_at := self._still_looked_at():
            return looked_at[0], looked_at[1] if len(looked_at) > 1 else None
        number = self.order(self.plan, set(self._left))
        others = self._left - {number}
        return number, self.order(self.plan, others) if others else None

    def _read(self, number: int) -> Chip:
        """Return a window with what the adaptive rule says of it, where that can be had before the networks are asked."""
        chip = self._scene.read(self.plan.window(number), with_label=False)
        if chip.rule_odds is None and chip.valid.any() and (odds := self._same.rule_over(chip)) is not None:
            return replace(chip, rule_odds=odds)
        return chip

    def _do(self, number: int, chip: Chip) -> ByteArray:
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

    def _require_same(self) -> None:
        if self.record.now().revision() != self.revision:
            raise ChipError(
                f"The files of {self.record.id} were changed or removed while it was predicted: predict it again."
            )

    def drop(self) -> None:
        """Let go of the windows that are done, of a scene that is removed."""
        self._work.close()

    def answer(self, number: int) -> tuple[ByteArray, About] | None:
        """Return a window's raster, uint8 (contract 2), and what is noted of it; None where it is not done."""
        found = self._work.get(number)
        if found is None or self._regions is None:
            return found
        ((_, raster),) = looked_at(lambda: iter([(0, found[0])]), self._regions)
        return raster, found[1]

    def strips(self) -> Strips:
        """Yield the raster of all windows (contract 2) from the top to the bottom, as it is stored."""
        blended = partial(self.plan.strips, self._whole_answer)
        return blended() if self._regions is None else looked_at(blended, self._regions)

    def finish(self, also: Also | None = None) -> Prediction:
        """Make one raster of all windows, store it with its scores, and let go of the work. Nothing is asked of the model.

        Args:
            also: what else is written in the transaction of its row (`Store.put`).

        Raises:
            ChipError: the scene's files were changed since it began.
            StoreError: it cannot be stored.
        """
        self._require_same()
        give_back()  # what networks were done with: the strips of a wide scene take as much
        self._scene.decide_label()
        notes = [about for number in range(self.total) if (about := self._about(number)) is not None]
        seconds = sum(about.seconds for about in notes)
        if self._scene.whole is not None:
            raster = np.concatenate([strip for _, strip in self.strips()])
            chip, model = replace(self._scene.whole, rule_odds=None), identity_of(self._predictor)
            stored = self._store.put(chip, self.record, model, raster, seconds, chip_revision=self.revision, also=also)
        else:
            stored = put_scene(
                self._store,
                self.record,
                identity_of(self._predictor),
                self._scene,
                self.strips,
                seconds,
                self._content([about.digest for about in notes]),
                self.revision,
                also,
            )
        self._work.close()
        return stored

    def _about(self, number: int) -> About | None:
        found = self._work.about(number)
        if found is None:  # damaged, or swept by another process
            self._do(number, self._read(number))
            found = self._work.about(number)
        return found

    def _whole_answer(self, number: int) -> ByteArray:
        found = self._work.get(number)
        return self._do(number, self._read(number)) if found is None else found[0]

    def _content(self, digests: list[str]) -> Content:
        rows, cols = (lattice(length) for length in self._scene.shape)
        points = [self._scene.read(Window(col, row, 1, 1)) for row in rows for col in cols]
        return content_of_parts(self._scene.shape, digests, points)
