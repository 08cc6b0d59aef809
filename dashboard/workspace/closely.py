"""A scene looked at closely: a pixel, an area, histograms, where two models agree; no more of it is read than that takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from dashboard.workspace.scenes import window_of
from dashboard.workspace.stored import StoredPredictions
from model.scores.area import AreaScore, score_parts
from model.scores.disagreement import agreement
from model.scores.histogram import LEVELS
from model.scores.pixel import pixel_of, spread
from tiles.chip import ByteArray, Chip, ChipRecord
from tiles.drawing.levels import Levels
from tiles.errors import UsageError
from tiles.grid import Grid
from tiles.probability import NODATA
from tiles.reading.raster import MAX_PIXELS
from tiles.scenes.windows import Scene

_PART = 1024
_STRIP = 512


class SceneClosely:
    """Answers about one scene, as `Inspection` gives them about a chip."""

    def __init__(self, scene: Scene, record: ChipRecord, predictions: StoredPredictions) -> None:
        """Look at a scene that is open.

        Args:
            scene: the scene.
            record: its record, with its files looked at.
            predictions: where its rasters are, whole or as far as they are made.
        """
        self._scene, self._record, self._predictions = scene, record, predictions

    def _levels(self, revision: str) -> Levels:
        return self._predictions.levels(self._record, revision)[0]

    def point(self, revisions: tuple[str, ...], place: tuple[float, float]) -> dict[str, Any] | None:
        """Return the pixel at a place, None off the scene."""
        at = self._scene.grid.drawn.pixel_at(*place)
        if at is None:
            return None
        window = Window(at[1], at[0], 1, 1)
        rasters = tuple(self._levels(revision).read(0, window)[..., 0] for revision in revisions)
        return asdict(pixel_of(self._scene.read(window), rasters, (0, 0), self._scene.grid, at))

    def spread(self, revision: str) -> tuple[npt.NDArray[np.uint32], int]:
        """Return the counts of squares spread over the scene, as far as they are predicted, and of how many pixels."""
        levels, looked = self._levels(revision), 0
        total: npt.NDArray[np.uint32] | None = None
        for chip, window in self._scene.sampled():
            raster = levels.read(0, window)[..., 0]
            counts = spread(chip, raster)
            total = counts if total is None else total + counts
            looked += int(np.count_nonzero(chip.valid & (raster != NODATA)))
        if total is None:
            raise UsageError(f"No square of {self._record.id} that was looked at holds data: draw an area.")
        return total, looked

    def area(self, revision: str, polygon: BaseGeometry) -> AreaScore:
        """Return the score of an area.

        Raises:
            UsageError: it lies off the scene, or is very large.
        """
        west, south, east, north = polygon.bounds
        window = window_of(self._scene.grid, [west, south, east, north])
        if window is not None and window.width * window.height > MAX_PIXELS:
            raise UsageError(
                f"The area has about {window.width:,} x {window.height:,} pixels around it, and {MAX_PIXELS:,} are the "
                "most that are counted at once: draw a smaller one. The figures above count all that is predicted."
            )
        parts = () if window is None else self._parts(window, self._levels(revision))
        return score_parts(self._record.id, parts, polygon, self._scene.grid)

    def _parts(self, window: Window, levels: Levels) -> Iterator[tuple[Chip, ByteArray, Grid]]:
        bottom, right = window.row_off + window.height, window.col_off + window.width
        drawn = self._scene.grid.drawn
        for top in range(window.row_off, bottom, _PART):
            for left in range(window.col_off, right, _PART):
                part = Window(left, top, min(_PART, right - left), min(_PART, bottom - top))
                yield self._scene.read(part), levels.read(0, part)[..., 0], drawn.part(part)

    def agreement(self, one: str, other: str) -> npt.NDArray[np.int64]:
        """Return the counts of `model.scores.disagreement.agreement`, of what both have predicted."""
        rows, cols = self._scene.shape
        first, second = self._levels(one), self._levels(other)
        total: npt.NDArray[np.int64] = np.zeros((3, LEVELS), dtype=np.int64)
        for top in range(0, rows, _STRIP):
            strip = Window(0, top, cols, min(_STRIP, rows - top))
            total += agreement(first.read(0, strip)[..., 0], second.read(0, strip)[..., 0])
        return total
