"""Small pictures of whole chips, for lists: the false colour, and the score pixels that the browser turns into errors."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from PIL import Image

from tiles.chip import ByteArray, Chip
from tiles.drawing.composite import composite, score_pixels
from tiles.drawing.render import encode_png

Kind = Literal["composite", "scores"]

SIDE = 128
"""Longest side of a thumbnail, in pixels."""


def composite_thumbnail(chip: Chip, side: int = SIDE) -> bytes:
    """Return the chip's false colour as a PNG, averaged down; transparent where there is no data."""
    image = Image.fromarray(_upright(np.moveaxis(composite(chip), 0, -1), chip))
    out = io.BytesIO()
    image.convert("RGBa").resize(_size(chip, side), Image.Resampling.BOX).convert("RGBA").save(
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
    width, height = _size(chip, side)
    rows = ((np.arange(height) + 0.5) * chip.grid.height / height).astype(int)
    columns = ((np.arange(width) + 0.5) * chip.grid.width / width).astype(int)
    label = None if chip.label is None else chip.label[np.ix_(rows, columns)]
    pixels = score_pixels(probability[np.ix_(rows, columns)], label)
    return encode_png(_upright(np.moveaxis(pixels, 0, -1), chip))


def _size(chip: Chip, side: int) -> tuple[int, int]:
    """Return width and height; a chip smaller than a thumbnail keeps its own."""
    width, height = chip.grid.width, chip.grid.height
    part = min(1.0, side / max(width, height))
    return max(1, round(width * part)), max(1, round(height * part))


def _upright(pixels: ByteArray, chip: Chip) -> ByteArray:
    """Return pixels (H, W, bands) with north above, where the grid's rows run from south to north."""
    return np.ascontiguousarray(pixels[::-1] if chip.grid.drawn.transform.e > 0 else pixels)
