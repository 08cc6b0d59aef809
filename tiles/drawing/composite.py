"""What a chip looks like: false colour, single bands and score pixels, as uint8 of shape (bands, H, W), alpha last."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tiles.chip import UNKNOWN, ByteArray, Chip, FloatArray
from tiles.probability import NODATA

# False colour as the STAC Overflow community has it: red VV, green VH, blue VV / VH of the dB values.
COMPOSITE_RANGE = {"vv": (-23.0, 0.0), "vh": (-28.0, -5.0), "ratio": (0.2, 1.0)}
"""Lowest and highest value shown of each channel: dB, dB and the quotient of the two dB values.

The layers `vv` and `vh` have the same ranges, so the browser can show them from the red and green of a composite tile
without asking for another."""
NODATA_YELLOW = (255, 221, 51)
"""Colour of pixels without data, where they are to be shown."""


def _scaled(values: FloatArray, low: float, high: float) -> ByteArray:
    """Return values as 0..255 between low and high, float32 in place; NaN becomes 0."""
    out = (values - np.float32(low)) * np.float32(255.0 / (high - low))
    np.nan_to_num(out, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    np.clip(out, 0.0, 255.0, out=out)
    scaled: ByteArray = np.rint(out).astype(np.uint8)
    return scaled


def composite(chip: Chip, *, yellow_nodata: bool = False) -> ByteArray:
    """Return the chip's false colour, uint8 (4, H, W); pixels without data are transparent, or yellow and opaque if asked."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = chip.vv / chip.vh
    rgba = np.stack(
        [
            _scaled(chip.vv, *COMPOSITE_RANGE["vv"]),
            _scaled(chip.vh, *COMPOSITE_RANGE["vh"]),
            _scaled(ratio, *COMPOSITE_RANGE["ratio"]),
            np.where(chip.valid, np.uint8(255), np.uint8(0)),
        ]
    )
    if yellow_nodata:
        rgba[:, ~chip.valid] = np.array([*NODATA_YELLOW, 255], dtype=np.uint8)[:, None]
    return rgba


def single_band(chip: Chip, band: Literal["vv", "vh"]) -> ByteArray:
    """Return one band as grey and alpha, uint8 (2, H, W); pixels without data are transparent."""
    grey = _scaled(chip.vv if band == "vv" else chip.vh, *COMPOSITE_RANGE[band])
    return np.stack([grey, np.where(chip.valid, np.uint8(255), np.uint8(0))])


def score_pixels(probability: ByteArray, label: ByteArray | None) -> ByteArray:
    """Return the pixels of a score tile (contract 5), uint8 (4, H, W).

    Args:
        probability: uint8 (H, W), 0..254 is p * 254, 255 is no data.
        label: uint8 (H, W), 0 dry, 1 water, 255 unknown; None where there is no label.

    Returns:
        R = probability (0 where there is no data), G = 255 where the label is water, B = 255 where it is known,
        A = 255 where there is data.
    """
    valid = probability != NODATA
    red = np.where(valid, probability, np.uint8(0))
    alpha = np.where(valid, np.uint8(255), np.uint8(0))
    if label is None:
        nothing = np.zeros_like(alpha)
        return np.stack([red, nothing, nothing, alpha])
    return np.stack(
        [
            red,
            np.where(valid & (label == 1), np.uint8(255), np.uint8(0)),
            np.where(valid & (label != UNKNOWN), np.uint8(255), np.uint8(0)),
            alpha,
        ]
    )
