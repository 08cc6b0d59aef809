"""Small pictures of whole chips, for lists: the false colour, and the score pixels that the browser turns into errors."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from PIL import Image
from rasterio.windows import Window

from tiles.chip import ByteArray, Chip
from tiles.drawing.composite import composite, score_pixels
from tiles.drawing.levels import Levels
from tiles.drawing.render import encode_png
from tiles.grid import Grid

Kind = Literal["composite", "scores"]

SIDE = 128
"""Longest side of a thumbnail, in pixels."""


def composite_thumbnail(chip: Chip, side: int = SIDE) -> bytes:
    """Return the chip's false colour as a PNG, averaged down; transparent where there is no data."""
    return _averaged(np.moveaxis(composite(chip), 0, -1), chip.grid, side)


def scene_thumbnail(image: Levels, side: int = SIDE) -> bytes:
    """Return the false colour of a scene as `composite_thumbnail` returns a chip's, from the overview that fits."""
    return _averaged(_whole(image, side), image.grid, side)


def scene_scores(probability: Levels, label: Levels | None, side: int = SIDE) -> bytes:
    """Return the score pixels of a scene as `score_thumbnail` returns a chip's, from the overviews that fit.

    Args:
        probability: contract 2, one band.
        label: 0 dry, 1 water, 255 unknown, one band; None where there is none.
        side: longest side, in pixels.
    """
    width, height = _size(probability.grid, side)
    known = None if label is None else _picked(_whole(label, side)[..., 0], height, width)
    pixels = score_pixels(_picked(_whole(probability, side)[..., 0], height, width), known)
    return encode_png(_upright(np.moveaxis(pixels, 0, -1), probability.grid))


def blank() -> bytes:
    """Return a picture of nothing, for a scene that nobody has opened and that holds no overviews."""
    out = io.BytesIO()
    Image.new("RGBA", (1, 1)).save(out, "PNG")
    return out.getvalue()


def _whole(levels: Levels, side: int) -> ByteArray:
    """Return all of a raster, uint8 (H, W, bands), by its coarsest level that is no smaller than a thumbnail."""
    fine = [number for number, size in enumerate(levels.sizes) if number == 0 or max(size) >= side]
    height, width = levels.sizes[fine[-1]]
    return levels.read(fine[-1], Window(0, 0, width, height))


def _averaged(pixels: ByteArray, grid: Grid, side: int) -> bytes:
    image = Image.fromarray(_upright(pixels, grid))
    out = io.BytesIO()
    image.convert("RGBa").resize(_size(grid, side), Image.Resampling.BOX).convert("RGBA").save(
        out, "PNG", compress_level=6
    )
    return out.getvalue()


def score_thumbnail(chip: Chip, probability: ByteArray, side: int = SIDE) -> bytes:
    """Return the chip's score pixels (contract 5) as a PNG: every n-th pixel, since classes cannot be averaged.

    Args:
        chip: with its label.
        probability: uint8 (H, W), contract 2.
        side: longest side, in pixels.
    """
    width, height = _size(chip.grid, side)
    label = None if chip.label is None else _picked(chip.label, height, width)
    pixels = score_pixels(_picked(probability, height, width), label)
    return encode_png(_upright(np.moveaxis(pixels, 0, -1), chip.grid))


def _picked(values: ByteArray, height: int, width: int) -> ByteArray:
    """Return so many rows and columns of an array (H, W), spread over it."""
    rows = ((np.arange(height) + 0.5) * values.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * values.shape[1] / width).astype(int)
    return values[np.ix_(rows, columns)]


def _size(grid: Grid, side: int) -> tuple[int, int]:
    """Return width and height; a chip smaller than a thumbnail keeps its own."""
    width, height = grid.width, grid.height
    part = min(1.0, side / max(width, height))
    return max(1, round(width * part)), max(1, round(height * part))


def _upright(pixels: ByteArray, grid: Grid) -> ByteArray:
    """Return pixels (H, W, bands) with north above, where the grid's rows run from south to north."""
    return np.ascontiguousarray(pixels[::-1] if grid.drawn.transform.e > 0 else pixels)
