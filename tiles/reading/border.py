"""Border noise: the fringe of noise along the edge of older Sentinel-1 products, which is no data and looks like water."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tiles.chip import BoolArray, FloatArray

# On 24 real chips VV is below this in 0.03 % of the pixels at most, calm water included; VH may be.
_DARK_DB = -40.0
# Noise scatters around the bound: where half of the surroundings are below it, all of it is noise.
_WINDOW = 9
_SHARE = 0.5
_LEAST = 32


def border_noise(vv: FloatArray, valid: BoolArray) -> BoolArray:
    """Return where runs of VV below -40 dB touch the edge of the data, bool (H, W).

    Products before March 2018 carry such a fringe (ESA MPC-0243, "masking no-value pixels"); it is told from calm water by
    lying at the edge, being wide, and being darker in VV than water is measured.

    Args:
        vv: dB, float32 (H, W), anything where `valid` is False.
        valid: bool (H, W), where both bands hold data.
    """
    none: BoolArray = np.zeros(valid.shape, dtype=np.bool_)
    dark = valid & (vv < _DARK_DB)
    if np.count_nonzero(dark) < _LEAST:
        return none
    from scipy import ndimage  # noqa: PLC0415 - a third of a second to import, and hardly ever needed

    def mean(values: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        return np.asarray(ndimage.uniform_filter(values.astype(np.float32), _WINDOW, mode="constant"))

    around = mean(valid)
    crowded = valid & (mean(dark) > _SHARE * np.maximum(around, 1e-6))
    outside = np.pad(valid, 1, constant_values=False)
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
