"""Border noise: the fringe of noise along the edge of older Sentinel-1 products, which is no data and looks like water."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tiles.chip import BoolArray, FloatArray

Ends = tuple[bool, bool, bool, bool]

# On 24 real chips VV is below this in 0.03 % of the pixels at most, calm water included; VH may be.
_DARK_DB = -40.0
# Noise scatters around the bound: where half of the surroundings are below it, all of it is noise.
_WINDOW = 9
_SHARE = 0.5
_LEAST = 32


def may_be_noise(vv: FloatArray, valid: BoolArray, least: int = _LEAST) -> bool:
    """Return whether so many pixels are as dark as border noise, which calm water may be too."""
    with np.errstate(invalid="ignore"):
        return int(np.count_nonzero(valid & (vv < _DARK_DB))) >= least


def border_noise(vv: FloatArray, valid: BoolArray, ends: Ends = (True, True, True, True)) -> BoolArray:
    """Return where runs of VV below -40 dB touch the edge of the data, bool (H, W).

    Products before March 2018 carry such a fringe (ESA MPC-0243, "masking no-value pixels"); it is told from calm water by
    lying at the edge, being wide, and being darker in VV than water is measured.

    Args:
        vv: dB, float32 (H, W), anything where `valid` is False.
        valid: bool (H, W), where both bands hold data.
        ends: whether the image ends at the top, bottom, left and right, where the data then has an edge; False where these
            pixels are a part of a larger image, which goes on there.
    """
    none: BoolArray = np.zeros(valid.shape, dtype=np.bool_)
    if not may_be_noise(vv, valid):
        return none
    dark = valid & (vv < _DARK_DB)
    from scipy import ndimage  # noqa: PLC0415 - a third of a second to import, and hardly ever needed

    def mean(values: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        return np.asarray(ndimage.uniform_filter(values.astype(np.float32), _WINDOW, mode="constant"))

    around = mean(valid)
    crowded = valid & (mean(dark) > _SHARE * np.maximum(around, 1e-6))
    top, bottom, left, right = (not end for end in ends)
    outside = np.pad(valid, 1, constant_values=False)
    outside[0, 1:-1], outside[-1, 1:-1], outside[1:-1, 0], outside[1:-1, -1] = top, bottom, left, right
    for row, col, on in (
        (0, 0, top and left),
        (0, -1, top and right),
        (-1, 0, bottom and left),
        (-1, -1, bottom and right),
    ):
        outside[row, col] = on
    at_edge = np.asarray(valid & ~ndimage.binary_erosion(outside, structure=np.ones((3, 3)))[1:-1, 1:-1])

    def along_edge(fringe: BoolArray, sure: BoolArray) -> BoolArray:
        """Return the parts of a fringe of which 32 pixels are sure, one of them at the edge."""
        parts, count = ndimage.label(fringe, structure=np.ones((3, 3)))
        touching = np.zeros(count + 1, dtype=np.bool_)
        touching[np.unique(parts[at_edge & sure])] = True
        touching[0] = False
        return np.asarray((touching & (np.bincount(parts[sure], minlength=count + 1) >= _LEAST))[parts])

    # Wide and scattered, or a run of a pixel or two along the edge.
    noise = along_edge(crowded | dark, crowded) | along_edge(dark, dark & at_edge)
    if not noise.any():
        return none
    return np.asarray(valid & ndimage.binary_dilation(noise, iterations=1) & (noise | (vv < _DARK_DB + 5)))
