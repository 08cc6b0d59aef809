"""A raster at several resolutions, of which a tile is cut from the one that fits: no tile reads more than a few blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from tiles.antimeridian import TURN
from tiles.cache import BoundedCache
from tiles.chip import ByteArray
from tiles.grid import Grid

BLOCK = 512
"""Levels are read in squares of so many pixels a side, as most files are stored."""
_LATTICE = 17
"""A tile's pixels are placed exactly at so many points a side, and linearly between them (within a tenth of a pixel)."""
_COARSEST = math.sqrt(2.0)
"""A level may be coarser than a tile by so much, before the next finer one is taken."""

Floats = npt.NDArray[np.float64]


class Levels(Protocol):
    """A raster and its overviews."""

    @property
    def grid(self) -> Grid:
        """The grid of the raster itself."""
        ...

    @property
    def sizes(self) -> Sequence[tuple[int, int]]:
        """Rows and columns of each level, the finest first."""
        ...

    @property
    def outside(self) -> int:
        """What all bands hold where the raster is not."""
        ...

    def read(self, level: int, window: Window) -> ByteArray:
        """Return a window of a level, uint8 (H, W, bands)."""
        ...


class InBlocks:
    """Levels that are read block by block through a cache, which several rasters share."""

    def __init__(self, of: Levels, cache: BoundedCache[ByteArray], key: Hashable) -> None:
        """Have levels read through a cache; the key tells their blocks from those of all others."""
        self._of, self._cache, self._key = of, cache, key
        self.grid, self.sizes, self.outside = of.grid, tuple(of.sizes), of.outside

    def read(self, level: int, window: Window) -> ByteArray:
        """Return a window of a level, put together of its blocks."""
        rows, cols = self.sizes[level]
        top, left = int(window.row_off), int(window.col_off)
        bottom, right = top + int(window.height), left + int(window.width)
        out: ByteArray | None = None
        for row in range(top - top % BLOCK, bottom, BLOCK):
            for col in range(left - left % BLOCK, right, BLOCK):
                place = Window(col, row, min(BLOCK, cols - col), min(BLOCK, rows - row))
                block = self._cache.get((self._key, level, row, col), partial(self._of.read, level, place))
                if out is None:
                    out = np.empty((bottom - top, right - left, block.shape[2]), dtype=np.uint8)
                down = slice(max(top, row), min(bottom, row + BLOCK))
                across = slice(max(left, col), min(right, col + BLOCK))
                out[down.start - top : down.stop - top, across.start - left : across.stop - left] = block[
                    down.start - row : down.stop - row, across.start - col : across.stop - col
                ]
        if out is None:
            raise ValueError("a window without a pixel")
        return out


@lru_cache(maxsize=64)
def _bounds(grid: Grid) -> tuple[float, float, float, float]:
    """Return west, south, east and north of a grid, a little farther out than it is."""
    west, south, east, north = grid.footprint(per_side=16).bounds
    aside, beside = (east - west) / 100, (north - south) / 100
    return west - aside, max(south - beside, -85.06), east + aside, min(north + beside, 85.06)


def cut(levels: Levels, z: int, x: int, y: int, size: int) -> ByteArray | None:
    """Return a web-mercator tile by nearest neighbour, uint8 (size, size, bands); None where it lies outside the raster.

    Of an unplaced raster it is cut from its stand-in (`Grid.drawn`).
    """
    grid = levels.grid.drawn
    west, south, east, north = _bounds(grid)
    out: ByteArray | None = None
    world = size * 2**z
    rows = _span(_down(north) * world - y * size, _down(south) * world - y * size, size)
    for turn in (-TURN, 0.0, TURN):
        cols = _span(_across(west + turn) * world - x * size, _across(east + turn) * world - x * size, size)
        if rows is None or cols is None:
            continue
        lons = (x * size + _lattice(cols)) / world * TURN - TURN / 2 - turn
        lats = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (y * size + _lattice(rows)) / world))))
        at = [np.asarray(v, dtype=np.float64) for v in grid.pixels_at(*np.meshgrid(lons, lats))]
        found = _taken(levels, grid, at, rows, cols)
        if found is None:
            continue
        pixels, inside = found
        if out is None:
            out = np.full((size, size, pixels.shape[2]), levels.outside, dtype=np.uint8)
        np.copyto(out[rows, cols], pixels, where=inside[..., None])
    return out


def _taken(
    levels: Levels, grid: Grid, at: list[Floats], rows: slice, cols: slice
) -> tuple[ByteArray, npt.NDArray[np.bool_]] | None:
    """Return the pixels of a part of a tile, whose columns and rows in the raster are known on a lattice, and which are in it."""
    shape = rows.stop - rows.start, cols.stop - cols.start
    if not all(np.isfinite(v).all() for v in at):
        return None
    step = max(
        float(np.ptp(at[0])) / shape[1], float(np.ptp(at[1])) / shape[0]
    )  # pixels of the raster to one of the tile
    columns, lines = (_between(v, shape) for v in at)
    inside = (columns >= 0) & (columns < grid.width) & (lines >= 0) & (lines < grid.height)
    if not inside.any():
        return None
    level = max(n for n, (_, wide) in enumerate(levels.sizes) if n == 0 or grid.width / wide <= step * _COARSEST)
    high, wide = levels.sizes[level]
    col = np.clip((columns * (wide / grid.width)).astype(np.int32), 0, wide - 1)
    row = np.clip((lines * (high / grid.height)).astype(np.int32), 0, high - 1)
    left, top = int(col[inside].min()), int(row[inside].min())
    right, bottom = int(col[inside].max()) + 1, int(row[inside].max()) + 1
    data = levels.read(level, Window(left, top, right - left, bottom - top))
    index = np.clip(row - top, 0, bottom - top - 1) * (right - left) + np.clip(col - left, 0, right - left - 1)
    bands = data.shape[2]
    if bands == 4:  # one number a pixel is taken faster than four
        taken = np.ascontiguousarray(data).view(np.uint32).ravel()[index].view(np.uint8).reshape(*shape, bands)
    else:
        taken = data.reshape(-1, bands)[index]
    return taken, inside


def _across(lon: float) -> float:
    """Return how far from the left edge of the web-mercator square a longitude lies, 0 to 1."""
    return lon / TURN + 0.5


def _down(lat: float) -> float:
    """Return how far from its upper edge a latitude lies, 0 to 1."""
    return 0.5 - math.asinh(math.tan(math.radians(lat))) / (2 * math.pi)


def _span(first: float, last: float, size: int) -> slice | None:
    """Return the pixels of a tile between two places on one of its sides, None where there are none."""
    begin, end = max(0, math.floor(first)), min(size, math.ceil(last))
    return slice(begin, end) if begin < end else None


def _lattice(span: slice) -> Floats:
    """Return the middles of the first and last pixel of a span, and points between them."""
    return np.linspace(span.start + 0.5, span.stop - 0.5, min(span.stop - span.start, _LATTICE))


def _between(values: Floats, shape: tuple[int, int]) -> Floats:
    """Return values that are known on a lattice at every pixel, linear between."""
    for axis, length in enumerate(shape):
        known = values.shape[axis]
        at = np.linspace(0, known - 1, length)
        low = np.minimum(at.astype(np.intp), max(known - 2, 0))
        part = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        high = np.minimum(low + 1, known - 1)
        values = np.take(values, low, axis) * (1 - part) + np.take(values, high, axis) * part
    return values


class LevelsBy:
    """Levels that are read by a function of level and window."""

    def __init__(
        self, grid: Grid, sizes: Sequence[tuple[int, int]], read: Callable[[int, Window], ByteArray], outside: int
    ) -> None:
        """Have them read by a function; the others are as `Levels` has them."""
        self.grid, self.sizes, self.outside = grid, tuple(sizes), outside
        self._read = read

    def read(self, level: int, window: Window) -> ByteArray:
        """Return a window of a level."""
        return self._read(level, window)


def inside(grid: Grid) -> Levels:
    """Return levels of one band that say where a grid is, 1, and where it is not, 0."""
    return LevelsBy(grid, [grid.shape], lambda _, window: np.ones((window.height, window.width, 1), np.uint8), 0)
