"""A calm view of a chip, to look at: speckle smoothed, VH as lightness, water dark blue with wind or without."""

from __future__ import annotations

import numpy as np

from tiles.chip import ByteArray, Chip, FloatArray

CALM_RANGE = {"vv": (-23.0, -3.0), "vh": (-29.0, -10.0)}
"""Lowest and highest dB shown of each band; the same for all chips, so that one colour means one thing."""
WINDOW = 5
"""Pixels a side over which speckle is smoothed."""
LOOKS = 4.4
"""Equivalent number of looks of IW GRD products in high resolution (Sentinel-1 Product Definition)."""
ROWS = 512
"""Rows smoothed at once: a large image takes no more memory than a strip."""

# Red, green and blue, each from 1, VV and VH from 0 to 1. Wind changes VV by 10 dB and VH by little, so VH leads; what comes
# back strongly in both is neutral, what hardly comes back is blue. Chosen beside others on all real chips.
_COLOURS = {"red": (0.0, 0.14, 0.76), "green": (0.09, 0.14, 0.68), "blue": (0.24, 0.18, 0.4)}


def smoothed(band: FloatArray, valid: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> FloatArray:
    """Return a band without most of its speckle: the filter of Lee (1980, IEEE PAMI 2(2)), on power.

    Args:
        band: float32 dB (H, W).
        valid: bool (H, W); other pixels count nowhere.

    Returns:
        float32 dB (H, W); 0 where there is no data.
    """
    from scipy.ndimage import uniform_filter  # noqa: PLC0415 - a third of a second to import

    out = np.zeros_like(band)
    edge = WINDOW // 2
    for top in range(0, len(band), ROWS):
        above = max(0, top - edge)
        rows = slice(above, top + ROWS + edge)
        some = valid[rows]
        power = np.where(some, np.power(10.0, np.where(some, band[rows], 0.0) / 10.0), 0.0)
        share = np.maximum(uniform_filter(some.astype(np.float64), WINDOW, mode="constant"), 1e-6)
        mean = uniform_filter(power, WINDOW, mode="constant") / share
        square = uniform_filter(power * power, WINDOW, mode="constant") / share
        # Speckle alone varies by 1 / LOOKS of the squared mean: the more there is beyond that, the more of the pixel stays.
        variance = np.maximum(square - mean * mean, 1e-30)
        own = np.clip(1.0 - mean * mean / LOOKS / variance, 0.0, 1.0)
        decibels = 10.0 * np.log10(np.maximum(mean + own * (power - mean), 1e-10))
        inner = slice(top - above, top - above + ROWS)
        out[top : top + ROWS] = np.where(some, decibels, 0.0)[inner]
    return out


def coloured(vv: FloatArray, vh: FloatArray) -> ByteArray:
    """Return the calm colours of two bands in dB, uint8 (3, ...)."""
    v, h = (
        np.clip((band - low) / (high - low), 0.0, 1.0)
        for band, (low, high) in zip((vv, vh), CALM_RANGE.values(), strict=True)
    )
    rgb = np.stack([one + of_vv * v + of_vh * h for one, of_vv, of_vh in _COLOURS.values()])
    colours: ByteArray = np.rint(255.0 * np.clip(rgb, 0.0, 1.0)).astype(np.uint8)
    return colours


def calm(chip: Chip) -> ByteArray:
    """Return the calm view of a chip, uint8 (4, H, W); pixels without data are transparent."""
    vv, vh = smoothed(chip.vv, chip.valid), smoothed(chip.vh, chip.valid)
    out = np.empty((4, *vv.shape), dtype=np.uint8)
    for top in range(0, len(vv), ROWS):
        rows = slice(top, top + ROWS)
        out[:3, rows] = coloured(vv[rows], vh[rows])
    out[3] = np.where(chip.valid, np.uint8(255), np.uint8(0))
    return out
