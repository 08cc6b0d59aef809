"""Windows of a scene laid over each other: where they begin, and how their answers become one raster, strip by strip."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from model.predictors.views import spread

ByteArray = npt.NDArray[np.uint8]
_HALF = 127

_AT_ONCE = 2 << 20
"""Pixels of a strip."""

FULL = 256
"""Weight of a pixel of a window that has seen all of its surroundings."""


def taper(size: int, overlap: int) -> npt.NDArray[np.int64]:
    """Return the weights of a window's rows or columns in a blend, 1 to FULL.

    What lies at the rim has seen half of its surroundings, and counts for next to nothing where another window has seen all of
    them: of the overlap, three eighths on either side weigh 1. Between them the weight goes over from one window to the other.
    """
    to_rim = np.minimum(np.arange(size), np.arange(size)[::-1])
    blind = overlap * 3 // 8
    rise = (to_rim - blind + 1) / (overlap - 2 * blind + 1)
    return np.rint(np.clip(rise, 1 / FULL, 1.0) * FULL).astype(np.int64)


def covered(length: int, begins: Sequence[int], weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the sum of the weights of all windows along one side, (length,)."""
    total = np.zeros(length, dtype=np.int64)
    for start in begins:
        total[start : start + weights.size] += weights
    return total


@dataclass(frozen=True)
class Plan:
    """The windows of an image, row by row.

    Attributes:
        shape: rows and columns of the image.
        size: most rows and columns of a window.
        overlap: that neighbours share at least.
    """

    shape: tuple[int, int]
    size: int
    overlap: int

    @cached_property
    def _down(self) -> tuple[list[int], int]:
        return spread(self.shape[0], self.size, self.overlap)

    @cached_property
    def _across(self) -> tuple[list[int], int]:
        return spread(self.shape[1], self.size, self.overlap)

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns of each window: as few as so many windows can do with."""
        return self._down[1], self._across[1]

    @property
    def tops(self) -> list[int]:
        """Where windows begin, from above."""
        return self._down[0]

    @property
    def lefts(self) -> list[int]:
        """Where windows begin, from the left."""
        return self._across[0]

    def __len__(self) -> int:
        return len(self.tops) * len(self.lefts)

    def window(self, number: int) -> Window:
        """Return a window by its number, 0 and on."""
        row, col = divmod(number, len(self.lefts))
        height, width = self.extent
        return Window(self.lefts[col], self.tops[row], width, height)

    def touching(self, window: Window) -> list[int]:
        """Return the numbers of the windows that lie over a part of the image."""
        height, width = self.extent
        rows = [
            r
            for r, top in enumerate(self.tops)
            if top < window.row_off + window.height and top + height > window.row_off
        ]
        cols = [
            c
            for c, left in enumerate(self.lefts)
            if left < window.col_off + window.width and left + width > window.col_off
        ]
        return [r * len(self.lefts) + c for r in rows for c in cols]

    def strips(self, answer: Callable[[int], ByteArray]) -> Iterator[tuple[int, ByteArray]]:
        """Yield the blended raster in strips as wide as the image, each with its first row: from the top to the bottom.

        They are lower than windows, where the image is wide: what is done with one takes some times its memory.

        Args:
            answer: gives a window's raster (contract 2), uint8 of the window's shape.
        """
        height, width = self.extent
        down, across = taper(height, self.overlap), taper(width, self.overlap)
        of_rows, of_cols = covered(self.shape[0], self.tops, down), covered(self.shape[1], self.lefts, across)
        weights = (down[:, None] * across[None, :]).astype(np.uint32)
        sums = np.zeros((height, self.shape[1]), dtype=np.uint32)
        for row, top in enumerate(self.tops):
            for col, left in enumerate(self.lefts):
                sums[:, left : left + width] += answer(row * len(self.lefts) + col) * weights
            bottom = self.tops[row + 1] if row + 1 < len(self.tops) else self.shape[0]
            done, rows = bottom - top, max(1, _AT_ONCE // self.shape[1])
            for start in range(0, done, rows):
                part = slice(start, min(start + rows, done))
                yield top + start, _mean(sums[part], of_rows[top:bottom][part], of_cols)
            sums[: height - done] = sums[done:]
            sums[height - done :] = 0


def _mean(sums: npt.NDArray[np.uint32], rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64]) -> ByteArray:
    """Return weighted means of probability values, to the nearest; below one half they stay below (as `quantise` has it).

    Where there is no data all windows say 255, and so does their mean.
    """
    weights = (rows[:, None] * cols[None, :]).astype(np.uint32)
    means = (sums + weights // 2) // weights
    values: ByteArray = means.astype(np.uint8)
    values[(values == _HALF) & (sums < _HALF * weights)] = _HALF - 1
    return values
