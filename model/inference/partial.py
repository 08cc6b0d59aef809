"""What of a scene is predicted so far: a raster of the windows that are done, and what its pixels add up to."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
from rasterio.windows import Window

from model.inference.scenes import SceneRun
from model.predictors.protocol import Predictor
from model.store.prediction import Counts, ModelIdentity, Prediction, key_of, prediction_of
from model.store.store import Store
from model.store.streamed import ROWS, Strips
from model.store.work import About, is_begun
from tiles.cache import BoundedCache
from tiles.chip import ByteArray, ChipRecord
from tiles.errors import PredictionNotFoundError
from tiles.probability import NODATA
from tiles.scenes.windows import Scene, is_scene

_LEAST_COARSE = 4
_MOST_PIXELS = 32 << 20
"""The part of the raster that is in memory, every 4th row and column or fewer, has no more pixels."""
_SMALLEST = 256
_CACHE_BYTES = 24 << 20


class Partial:
    """A scene's prediction while it is made. Safe for threads.

    Each window counts for the part of the image that lies nearest to its middle: where two overlap, up to half way. So what is
    counted and drawn of one does not change when its neighbours come. The blend of all is made when the scene is whole.

    Attributes:
        run: what predicts it.
        grid: of the whole scene.
        sizes: rows and columns of the raster and of what it has of overviews, each half of the one before.
        outside: 255, no data: what lies in no window that is done, too.
        settled: the label is known, or that there is none.
    """

    def __init__(self, run: SceneRun, scene: Scene) -> None:
        """Begin with nothing; `update` takes in what there is.

        Args:
            run: the scene's run.
            scene: the scene, for its grid, and for its label once that is decided.
        """
        self.run, self.grid = run, scene.grid
        self.outside = int(NODATA)
        rows, cols = scene.shape
        count = max(1, math.ceil(math.log2(max(rows, cols) / _SMALLEST)) + 1)
        self.sizes = tuple((math.ceil(rows / 2**k), math.ceil(cols / 2**k)) for k in range(count))
        self.settled = False
        self._scene = scene
        self._coarse = _LEAST_COARSE
        while math.ceil(rows / self._coarse) * math.ceil(cols / self._coarse) > _MOST_PIXELS:
            self._coarse *= 2
        shape = math.ceil(rows / self._coarse), math.ceil(cols / self._coarse)
        self._canvas: ByteArray = np.full(shape, NODATA, dtype=np.uint8)
        self._edges = (
            _borders(run.plan.tops, run.plan.extent[0], rows),
            _borders(run.plan.lefts, run.plan.extent[1], cols),
        )
        self._windows = BoundedCache[tuple[ByteArray, About]](_CACHE_BYTES, lambda found: found[0].nbytes)
        self._seen: set[int] = set()
        self._counts, self._seconds = Counts(), 0.0
        self._lock = threading.Lock()

    @property
    def done(self) -> int:
        """Number of windows that are drawn and counted."""
        return len(self._seen)

    @property
    def pixels(self) -> int:
        """Number of the scene's pixels that are predicted, with data or without."""
        return self._counts.total

    @property
    def revision(self) -> str:
        """12 hex digits that change with what is predicted, and when the label is known."""
        said = f"{self.run.name} {self.settled} {sorted(self._seen)}"
        return hashlib.blake2b(said.encode(), digest_size=6).hexdigest()

    def update(self, settled: bool, seconds: float) -> bool:
        """Take in the windows that have come; return whether that is all of them, or the time was too short.

        Args:
            settled: whether the scene's label is decided: then windows are counted with it, those from before too.
            seconds: after these no other window is begun.
        """
        end = time.monotonic() + seconds
        with self._lock:
            if settled and not self.settled:
                self.settled = True
                if self._scene.truth is not None:
                    self._seen, self._counts, self._seconds = set(), Counts(), 0.0
            for number in sorted(self.run.done - self._seen):
                if time.monotonic() > end:
                    return False
                self._take(number)
        return True

    def _take(self, number: int) -> None:
        found = self._window(number)
        if found is None:
            return
        raster, about = found
        window, cell = self.run.plan.window(number), self.cell(number)
        top, left = int(cell.row_off - window.row_off), int(cell.col_off - window.col_off)
        values = raster[top : top + cell.height, left : left + cell.width]
        by = self._coarse
        rows, cols = (-int(off) % by for off in (cell.row_off, cell.col_off))
        few = values[rows::by, cols::by]
        row, col = -(-int(cell.row_off) // by), -(-int(cell.col_off) // by)
        self._canvas[row : row + few.shape[0], col : col + few.shape[1]] = few
        self._counts.add(values, self._scene.label(cell) if self.settled else None, self.grid.part(cell))
        self._seconds += about.seconds
        self._seen.add(number)

    def cell(self, number: int) -> Window:
        """Return the part of the image that a window counts for."""
        row, col = divmod(number, len(self.run.plan.lefts))
        rows, cols = self._edges
        return Window(cols[col], rows[row], cols[col + 1] - cols[col], rows[row + 1] - rows[row])

    def read(self, level: int, window: Window) -> ByteArray:
        """Return a window of a level, uint8 (H, W, 1): the raster (contract 2), 255 also where nothing is predicted."""
        by = 2**level
        if by < self._coarse:
            finest = Window(window.col_off * by, window.row_off * by, window.width * by, window.height * by)
            return np.ascontiguousarray(self._finest(finest)[::by, ::by, None])
        step = by // self._coarse
        rows, cols = (
            slice(int(off) * step, (int(off) + int(length)) * step, step)
            for off, length in ((window.row_off, window.height), (window.col_off, window.width))
        )
        found = self._canvas[rows, cols]
        return np.ascontiguousarray(found[: window.height, : window.width, None])

    def _finest(self, window: Window, *, all_there: bool = False) -> ByteArray:
        """Return a window of the raster itself; it may reach beyond the raster's end."""
        out: ByteArray = np.full((int(window.height), int(window.width)), NODATA, dtype=np.uint8)
        for number in self.run.plan.touching(window):
            if number not in self._seen:
                continue
            cell, whole = self.cell(number), self.run.plan.window(number)
            top, left = max(cell.row_off, window.row_off), max(cell.col_off, window.col_off)
            bottom = min(cell.row_off + cell.height, window.row_off + window.height)
            right = min(cell.col_off + cell.width, window.col_off + window.width)
            found = self._window(number) if top < bottom and left < right else None
            if found is None:
                if all_there and top < bottom and left < right:
                    raise PredictionNotFoundError(
                        f"What was predicted of a part of {self.run.record.id} is gone, as when all of it is predicted: "
                        "take it away again."
                    )
                continue
            out[top - window.row_off : bottom - window.row_off, left - window.col_off : right - window.col_off] = found[
                0
            ][top - whole.row_off : bottom - whole.row_off, left - whole.col_off : right - whole.col_off]
        return out

    def _window(self, number: int) -> tuple[ByteArray, About] | None:
        held = self._windows.held(number)
        if held is not None:
            return held
        found = self.run.answer(number)
        return None if found is None else self._windows.get(number, partial(_same, found))

    def strips(self) -> Strips:
        """Yield the raster (contract 2) from the top to the bottom, 255 also where nothing is predicted.

        Raises:
            PredictionNotFoundError: the windows are gone, as when the scene was predicted to its end meanwhile.
        """
        rows, cols = self.sizes[0]
        for top in range(0, rows, ROWS):
            yield top, self._finest(Window(0, top, cols, min(ROWS, rows - top)), all_there=True)

    def prediction(self, model: ModelIdentity) -> Prediction | None:
        """Return what is predicted so far as a prediction that is stored nowhere; None where nothing is."""
        with self._lock:
            if not self._seen:
                return None
            of_files = self.run.revision
            made = prediction_of(self._counts, self.run.record, model, self._seconds, of_files, self.revision, "")
            return replace(made, area=made.area.copy())  # which further windows are added to


def part_of(record: ChipRecord, predictor: Predictor, store: Store) -> Partial | None:
    """Return what is predicted so far of a scene that is not predicted whole, with its areas; None where nothing is.

    Raises:
        ChipError: the scene cannot be read.
        ModelError, PredictionError, StoreError: as `SceneRun`.
    """
    if not is_scene(record) or not is_begun(store.folder, record.id, record.revision(), key_of(predictor)):
        return None
    run = SceneRun(record, predictor, store)
    made = Partial(run, run.scene)
    made.update(settled=False, seconds=math.inf)
    return made if made.done else None


def _same(found: tuple[ByteArray, About]) -> tuple[ByteArray, About]:
    return found


def _borders(begins: list[int], length: int, total: int) -> list[int]:
    """Return where along one side the parts begin that windows count for, and where the last one ends."""
    middles = [(begin + length + following) // 2 for begin, following in pairwise(begins)]
    return [0, *middles, total]
