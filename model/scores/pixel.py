"""One pixel of a chip, and how backscatter is spread over water, dry land and errors, at every threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.scores.histogram import LEVELS
from tiles.chip import CLASSES, UNKNOWN, ByteArray, Chip, classes_of
from tiles.grid import Grid
from tiles.probability import NODATA

BIN_DB = 0.5
BINS = 80
LOWEST_DB = {"vv": -32.0, "vh": -42.0}
"""Where the first bin of a band begins; what lies below or above is counted in the first or the last."""


@dataclass(frozen=True)
class Pixel:
    """One pixel.

    Attributes:
        row, column: counted from 0 at the upper left.
        vv, vh: dB, or None where there is no data.
        label: 0 dry, 1 water, or None where it is not known.
        values: its probability value (0..254) in each raster that was asked for, None where there is no data.
        ring: its outline, four corners of longitude and latitude, WGS84; of an unplaced chip on its stand-in (`Grid.drawn`).
    """

    row: int
    column: int
    vv: float | None
    vh: float | None
    label: int | None
    values: tuple[int | None, ...]
    ring: tuple[tuple[float, float], ...]


def pixel_at(chip: Chip, rasters: tuple[ByteArray, ...], lon: float, lat: float) -> Pixel | None:
    """Return the pixel of a chip at a place, or None where the place is not on the chip.

    Args:
        chip: with its label where it has one.
        rasters: probability rasters of the chip, uint8 (H, W), contract 2.
        lon, lat: WGS84, degrees.
    """
    place = chip.grid.drawn.pixel_at(lon, lat)
    return None if place is None else pixel_of(chip, rasters, place, chip.grid, place)


def pixel_of(
    chip: Chip, rasters: tuple[ByteArray, ...], at: tuple[int, int], grid: Grid, place: tuple[int, int]
) -> Pixel:
    """Return a pixel of a chip that may be a window of a larger image.

    Args:
        chip: with its label where it has one.
        rasters: probability rasters of the chip, uint8 (H, W), contract 2.
        at: its row and column in the chip.
        grid: of the image, the chip's own where it is one.
        place: its row and column in the image.
    """
    row, column = at
    valid = bool(chip.valid[row, column])
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) + np.array([place[1], place[0]], dtype=np.float64)
    xs, ys = grid.drawn.lonlat(corners[:, 0], corners[:, 1])
    label = None if chip.label is None else int(chip.label[row, column])
    values = [int(raster[row, column]) for raster in rasters]
    return Pixel(
        row=place[0],
        column=place[1],
        vv=float(chip.vv[row, column]) if valid else None,
        vh=float(chip.vh[row, column]) if valid else None,
        label=None if label == UNKNOWN else label,
        values=tuple(None if value == NODATA else value for value in values),
        ring=tuple(zip(xs.tolist(), ys.tolist(), strict=True)),
    )


def spread(chip: Chip, probability: ByteArray) -> npt.NDArray[np.uint32]:
    """Return how many valid pixels lie in each bin of backscatter, by class and probability value.

    Any class at any threshold follows from it: missed water in a bin is the sum of the water below the level.

    Args:
        chip: with its label where it has one; without, every pixel is of class "unknown".
        probability: uint8 (H, W), contract 2.

    Returns:
        uint32 of shape (2, 3, 80, 255): band (VV, VH), class (dry, water, unknown), bin of 0.5 dB, value.
    """
    valid = chip.valid & (probability != NODATA)
    values = probability[valid].astype(np.int64)
    kinds = classes_of(chip)[valid]
    out = np.empty((2, len(CLASSES), BINS, LEVELS), dtype=np.uint32)
    for n, (name, band) in enumerate((("vv", chip.vv), ("vh", chip.vh))):
        bins = np.clip(np.floor((band[valid] - LOWEST_DB[name]) / BIN_DB), 0, BINS - 1).astype(np.int64)
        index = (kinds * BINS + bins) * LEVELS + values
        out[n] = np.bincount(index, minlength=len(CLASSES) * BINS * LEVELS).reshape(out.shape[1:])
    return out
