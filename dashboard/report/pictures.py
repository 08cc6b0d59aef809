"""Small pictures of one chip: image, truth, prediction and errors, as data URLs for a page that fetches nothing."""

from __future__ import annotations

import base64
import io
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from tiles import palette
from tiles.chip import UNKNOWN, ByteArray, Chip
from tiles.drawing.composite import composite, score_pixels
from tiles.probability import NODATA, level

_QUALITY = 82

View = Literal["image", "truth", "prediction", "errors"]


def step_of(shape: tuple[int, int], size: int) -> int:
    """Return of how many pixels one is shown, so that no side has more than `size`."""
    return max(1, -(-max(shape) // size))


def view_url(chip: Chip, probability: ByteArray, threshold: float, view: View, size: int = 256) -> str:
    """Return a picture as a data URL; what is not known or has no data is transparent.

    Args:
        chip: with its label, where it has one.
        probability: uint8 (H, W) of the chip (contract 2).
        threshold: smallest probability that is water, in [0, 1].
        view: the false colour, the label over it, the water over it, or the errors over it in grey.
        size: longest side in pixels; every n-th pixel is shown, none is invented.
    """
    step = step_of(chip.valid.shape, size)
    rgba = np.ascontiguousarray(np.moveaxis(composite(chip), 0, -1)[::step, ::step])
    values = probability[::step, ::step]
    label = chip.label[::step, ::step] if chip.label is not None else np.full(values.shape, UNKNOWN, np.uint8)
    there = values != NODATA
    wet = there & (values >= level(threshold))
    if view == "errors":
        rgba[..., :3] = (palette.GREY_GROUND * rgba[..., :3].mean(axis=-1, keepdims=True)).astype(np.uint8)
        _paint(rgba, wet & (label == 1), palette.HIT)
        _paint(rgba, wet & (label == 0), palette.FALSE)
        _paint(rgba, there & ~wet & (label == 1), palette.MISSED)
    elif view == "prediction":
        _paint(rgba, wet, palette.WATER)
    elif view == "truth":
        _paint(rgba, there & (label == 1), palette.TRUTH)
    return _webp(rgba, lossless=view != "image")


def image_url(chip: Chip, size: int) -> str:
    """Return the chip's false colour as a data URL."""
    step = step_of(chip.valid.shape, size)
    return _webp(np.ascontiguousarray(np.moveaxis(composite(chip), 0, -1)[::step, ::step]), lossless=False)


def scores_url(probability: ByteArray, label: ByteArray | None, size: int) -> str:
    """Return the pixels of a score tile (contract 5) as a data URL, for the filters of assets/map/painting.mjs."""
    step = step_of(probability.shape, size)
    some = None if label is None else label[::step, ::step]
    pixels = np.ascontiguousarray(np.moveaxis(score_pixels(probability[::step, ::step], some), 0, -1))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=6)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def _paint(rgba: ByteArray, where: npt.NDArray[np.bool_], colour: tuple[int, int, int]) -> None:
    rgba[where, :3] = colour


def _webp(rgba: ByteArray, *, lossless: bool) -> str:
    out = io.BytesIO()
    Image.fromarray(rgba).save(out, "WEBP", quality=_QUALITY, lossless=lossless, method=2, exact=False)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
