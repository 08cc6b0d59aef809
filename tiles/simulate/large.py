"""One large simulated scene with its truth: written by windows, without a seam, the same whatever the window."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import scipy.ndimage
from affine import Affine
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.windows import Window

from tiles.files import replacing
from tiles.grid import Grid
from tiles.simulate.chip import TAG
from tiles.simulate.patterns import BoolArray, FloatArray
from tiles.simulate.radar import FLOOR, LOOK_WEIGHTS, expected_power
from tiles.simulate.terrain import PIXEL_M

CELL = 512
"""A scene is made in squares of so many pixels a side, each by itself: what is written at once changes no pixel."""
MOST_SIDE = 100_000

_SPECKLE_PX = 0.92  # as `tiles.simulate.radar` has it for pixels of 10 m
_MARGIN = 4  # of the speckle's filter
_NOISE_DB = {"vv": -28.5, "vh": -27.0}
_REMOVED = 0.9
# Wavelengths in pixels and heights of what the ground is summed of.
_GROUND = ((2048.0, 1.0), (700.0, 0.55), (240.0, 0.3), (80.0, 0.12), (24.0, 0.04))
_LEVEL = -0.62
"""Below this the ground is under water: about a sixth of it."""
_RIVER = 0.035
_FIELD_PX = 26.0
_LAND_DB, _FOREST_DB, _BARE_DB = (-9.8, -16.4), (-8.2, -14.0), (-13.2, -20.2)
_CALM_DB, _ROUGH_DB = (-20.5, -28.0), (-11.5, -25.6)
_PLANTS_DB = (-9.4, -19.0)
# The lower Oder: a zone of UTM for all of it.
_CORNER, _EPSG = (14.2, 53.3), 32633


def scene_grid(width: int, height: int) -> Grid:
    """Return the grid of a simulated scene: UTM, 10 m, at the lower Oder."""
    x, y = Transformer.from_crs(4326, _EPSG, always_xy=True).transform(*_CORNER)
    corner = Affine(PIXEL_M, 0.0, round(x / PIXEL_M) * PIXEL_M, 0.0, -PIXEL_M, round(y / PIXEL_M) * PIXEL_M)
    return Grid(CRS.from_epsg(_EPSG), corner, width, height)


def write_scene(
    folder: Path, width: int, height: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write scene.tif (VV and VH, int16, hundredths of dB, a slanting edge without data) and scene_label.tif beside it.

    Args:
        folder: is there.
        width, height: pixels of 10 m.
        seed: another one gives another scene.
        progress: called with (squares done, squares in all).

    Raises:
        OSError: the files cannot be written.
    """
    grid = scene_grid(width, height)
    common = {"driver": "GTiff", "width": width, "height": height, "crs": grid.crs, "transform": grid.transform}
    common |= {"tiled": True, "blockxsize": CELL, "blockysize": CELL, "compress": "deflate", "BIGTIFF": "IF_SAFER"}
    cells = [(row, col) for row in range(-(-height // CELL)) for col in range(-(-width // CELL))]
    with (
        replacing(folder / "scene.tif") as image_path,
        replacing(folder / "scene_label.tif") as label_path,
        rasterio.open(
            image_path, "w", **common, count=2, dtype="int16", nodata=-32768, interleave="band", predictor=2, zlevel=1
        ) as image,
        rasterio.open(label_path, "w", **common, count=1, dtype="uint8", nodata=255) as label,
    ):
        image.scales, image.offsets = (0.01, 0.01), (0.0, 0.0)
        for number, name in enumerate(("VV", "VH"), 1):
            image.set_band_description(number, name)
            image.set_band_unit(number, "dB")
        image.update_tags(**TAG)
        label.update_tags(**TAG)
        for done, (at, vv, vh, truth) in enumerate(_drawn(seed, cells, (height, width)), 1):
            top, left = at[0] * CELL, at[1] * CELL
            window = Window(left, top, min(CELL, width - left), min(CELL, height - top))
            part = np.s_[: window.height, : window.width]
            image.write(np.stack([vv[part], vh[part]]), window=window)
            label.write(truth[part], 1, window=window)
            if progress is not None:
                progress(done, len(cells))


_Cell = tuple[tuple[int, int], npt.NDArray[np.int16], npt.NDArray[np.int16], npt.NDArray[np.uint8]]


def _drawn(seed: int, cells: list[tuple[int, int]], shape: tuple[int, int]) -> Iterator[_Cell]:
    """Yield squares in order, made on all cores, of which a few wait at most."""
    threads = max(1, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        ahead = threads * 2
        running = [pool.submit(draw_cell, seed, *at, shape) for at in cells[:ahead]]
        for number, at in enumerate(cells):
            made = running.pop(0).result()
            if number + ahead < len(cells):
                running.append(pool.submit(draw_cell, seed, *cells[number + ahead], shape))
            yield at, *made


def draw_cell(
    seed: int, row: int, col: int, shape: tuple[int, int]
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16], npt.NDArray[np.uint8]]:
    """Return one square of a scene: VV and VH in hundredths of dB, and the truth, each (CELL, CELL).

    It depends on nothing but these: neighbours fit, since all that spreads over pixels is a function of the place.
    """
    top, left = row * CELL - _MARGIN, col * CELL - _MARGIN
    side = CELL + 2 * _MARGIN
    rows, cols = np.arange(top, top + side, dtype=np.float64), np.arange(left, left + side, dtype=np.float64)
    height = sum(
        (np.float32(share) * noise(seed, number, rows, cols, wave) for number, (wave, share) in enumerate(_GROUND)),
        np.zeros((side, side), np.float32),
    )
    crease = noise(seed, 20, rows, cols, 1400.0) + np.float32(0.25) * noise(seed, 21, rows, cols, 260.0)
    river = np.abs(crease) < _RIVER
    # A flood follows the river: the lower and the nearer, the sooner.
    water = river | (height + 0.5 * np.minimum(np.abs(crease), 1.2) < _LEVEL + 0.35)
    wood = noise(seed, 30, rows, cols, 180.0) + np.float32(0.4) * noise(seed, 31, rows, cols, 40.0) > 0.75
    field = _of_fields(seed, 40, rows, cols)
    bare = (field > 0.93) & ~wood
    season = 1.1 * (field - 0.5) + 0.5 * noise(seed, 41, rows, cols, 90.0)
    calm = 1 / (1 + np.exp(-3 * (noise(seed, 50, rows, cols, 900.0) + 0.4)))
    plants = water & ~river & (noise(seed, 51, rows, cols, 110.0) > 1.15)
    bands = []
    for band in (0, 1):
        land = np.where(wood, _FOREST_DB[band], np.where(bare, _BARE_DB[band], _LAND_DB[band])) + season
        wet = np.where(plants, _PLANTS_DB[band], calm * _CALM_DB[band] + (1 - calm) * _ROUGH_DB[band])
        power = 10 ** (np.where(water, wet, land).astype(np.float32) / 10)
        bands.append(_measured(seed, band, power.astype(np.float32), row, col))
    inner = np.s_[_MARGIN : _MARGIN + CELL, _MARGIN : _MARGIN + CELL]
    truth = water[inner].astype(np.uint8)
    gone = _beyond(rows[inner[0]], cols[inner[1]], shape)
    truth[gone] = 255
    vv, vh = (np.where(gone, -32768, np.rint(band[inner] * 100)).astype(np.int16) for band in bands)
    return vv, vh, truth


def _beyond(rows: npt.NDArray[np.float64], cols: npt.NDArray[np.float64], shape: tuple[int, int]) -> BoolArray:
    """Return what lies beyond the swath, whose sides lean as the satellite's track does."""
    lean = 0.21 * (rows[:, None] - shape[0] / 2) * min(1.0, shape[1] / shape[0])
    at = cols[None, :] - shape[1] / 2 + lean
    return np.asarray(np.abs(at) > 0.46 * shape[1])


def noise(
    seed: int, kind: int, rows: npt.NDArray[np.float64], cols: npt.NDArray[np.float64], wave: float
) -> FloatArray:
    """Return a smooth random surface at rows and columns, float32, mean 0 and standard deviation 1 or a little less.

    Gradient-free lattice noise: normal values at lattice points `wave` pixels apart, each by its own place and the seed, and
    cubic B-splines between them (as K. Perlin, "An image synthesizer", SIGGRAPH 1985, without his gradients).
    """
    weights = []
    firsts = []
    for at in (rows / wave, cols / wave):
        first = np.floor(at).astype(np.int64)
        t = at - first
        weights.append(
            np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
        )
        firsts.append(first - 1)
    low = [int(first[0]) for first in firsts]
    sizes = [int(first[-1]) - start + 4 for first, start in zip(firsts, low, strict=True)]
    lattice = _normal(seed, kind, low[0], low[1], sizes[0], sizes[1])
    spread = []
    for first, start, weight, size in zip(firsts, low, weights, sizes, strict=True):
        matrix = np.zeros((first.size, size))
        for step in range(4):
            matrix[np.arange(first.size), first - start + step] = weight[:, step]
        spread.append(matrix)
    # B-splines smooth: at a lattice point a third of the variance is left on either axis, at half the way between 0.21.
    return np.asarray(
        np.einsum("ri,ic->rc", spread[0], np.einsum("ij,cj->ic", lattice, spread[1])) / 0.47, dtype=np.float32
    )


def _normal(seed: int, kind: int, row: int, col: int, rows: int, cols: int) -> npt.NDArray[np.float64]:
    """Return normal values of lattice points, each a function of its place: a hash of it, made normal by Box and Muller."""
    r, c = (np.arange(first, first + count, dtype=np.int64) for first, count in ((row, rows), (col, cols)))
    key = (r[:, None] * 0x9E3779B1 + c[None, :] * 0x85EBCA77).astype(np.uint64)
    key ^= np.uint64((seed * 0x27D4EB2F165667C5 + kind * 0x165667B19E3779F9) & 0xFFFFFFFFFFFFFFFF)
    uniform = []
    for turn in (np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F)):
        mixed = key * turn
        mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        mixed ^= mixed >> np.uint64(32)
        uniform.append(((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53)
    return np.asarray(np.sqrt(-2 * np.log(uniform[0])) * np.cos(2 * np.pi * uniform[1]))


def _of_fields(seed: int, kind: int, rows: npt.NDArray[np.float64], cols: npt.NDArray[np.float64]) -> FloatArray:
    """Return one value a field, 0 to 1, at rows and columns: fields lie in leaning rows of different length."""
    down = np.floor((rows[:, None] + 0.35 * cols[None, :]) / _FIELD_PX).astype(np.int64)
    along = np.floor((cols[None, :] - 0.35 * rows[:, None]) / (2.2 * _FIELD_PX) + 0.37 * (down % 7)).astype(np.int64)
    first = int(down.min()), int(along.min())
    table = _normal(seed, kind, *first, int(down.max()) - first[0] + 1, int(along.max()) - first[1] + 1)
    values = table[down - first[0], along - first[1]]
    return np.asarray(1 / (1 + np.exp(-1.7 * values)), dtype=np.float32)


def _measured(seed: int, band: int, power: FloatArray, row: int, col: int) -> FloatArray:
    """Return backscatter in dB as the radar and its processor make it of true power: speckle, thermal noise, its removal."""
    thermal = np.float32(10 ** (_NOISE_DB["vv" if band == 0 else "vh"] / 10))
    total = np.zeros(power.shape, dtype=np.float32)
    for number, weight in enumerate(2 * list(LOOK_WEIGHTS)):
        part = _white(seed, 100 + 20 * band + number, row, col)
        part = scipy.ndimage.gaussian_filter(part, _SPECKLE_PX, mode="nearest", truncate=3.0)
        total += np.float32(weight) * part * part
    speckle = total / expected_power((_SPECKLE_PX, _SPECKLE_PX)) / np.float32(2 * sum(LOOK_WEIGHTS))
    observed = (power + thermal) * speckle - np.float32(_REMOVED) * thermal
    return np.asarray(10 * np.log10(np.maximum(observed, np.float32(FLOOR))), dtype=np.float32)


def _white(seed: int, kind: int, row: int, col: int) -> FloatArray:
    """Return white noise of a square with its margin, float32: of each place the same, whichever square asks.

    A square is made of nine pieces, of which a neighbour needs those along its side alone.
    """
    side = CELL + 2 * _MARGIN
    out = np.empty((side, side), dtype=np.float32)
    pieces = [(0, 2, _MARGIN), (1, 0, _MARGIN), (1, 1, CELL - 2 * _MARGIN), (1, 2, _MARGIN), (2, 0, _MARGIN)]
    top = 0
    for row_step, row_piece, height in pieces:
        left = 0
        for col_step, col_piece, width in pieces:
            # Steps of -1, 0 and 1, moved by one: a seed is not negative.
            name = (seed, kind, row + row_step, col + col_step, row_piece, col_piece)
            rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(name)))
            out[top : top + height, left : left + width] = rng.standard_normal((height, width), dtype=np.float32)
            left += width
        top += height
    return out
