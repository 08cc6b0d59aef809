"""What is no data and looks like water: the fringe of noise of older Sentinel-1 products, and areas that a tool has filled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tiles.chip import BoolArray, FloatArray

Ends = tuple[bool, bool, bool, bool]

# On 24 real chips VV is below this in 0.03 % of the pixels at most, calm water included; VH may be.
DARK_DB = -40.0
# Noise scatters around the bound: where half of the surroundings are below it, all of it is noise.
_WINDOW = 9
_SHARE = 0.5
_LEAST = 16
_PIECE = 8  # a fringe that gaps without data part is of pieces of so many
# A fill is one piece of so many pixels of one pair of numbers: speckle is never twice the same. An image that was enlarged has
# many such pieces, and no fill for that. Pictures of 8 bits are cut off at both ends, where calm water (or a town) then holds one
# number: on 27 real ones a pair at the ends is 0.97 of one band's pixels of that number and 0.92 of the other's at most, and true
# fills (the white corners of ETCI 2021) have 0.99 and 1.
_FILLED = 64
_MOST_FILLS = 4
_ALONE = 0.98

Fills = tuple[tuple[float, float], ...]
"""Pairs of numbers of VV and VH, as they are stored, that fill areas."""
Pair = tuple[npt.NDArray[Any], npt.NDArray[Any], BoolArray]


def may_be_noise(vv: FloatArray, valid: BoolArray, least: int = _LEAST) -> bool:
    """Return whether so many pixels are as dark as border noise, which calm water may be too."""
    with np.errstate(invalid="ignore"):
        return int(np.count_nonzero(valid & (vv < DARK_DB))) >= least


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
    dark = valid & (vv < DARK_DB)
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
        """Return the parts of a fringe of which some pixels are sure, one of them at the edge: 16 in all, 8 of each part."""
        parts, count = ndimage.label(fringe, structure=np.ones((3, 3)))
        touching = np.zeros(count + 1, dtype=np.bool_)
        touching[np.unique(parts[at_edge & sure])] = True
        touching[0] = False
        held = np.bincount(parts[sure], minlength=count + 1) * touching
        held[held < _PIECE] = 0
        return np.asarray((held > 0)[parts]) if held.sum() >= _LEAST else none

    # Wide and scattered, or a run of a pixel or two along the edge.
    noise = along_edge(crowded | dark, crowded) | along_edge(dark, dark & at_edge)
    if not noise.any():
        return none
    return np.asarray(valid & ndimage.binary_dilation(noise, iterations=1) & (noise | (vv < DARK_DB + 5)))


def find_fills(parts: Sequence[Pair]) -> Fills:
    """Return the pairs of numbers that stand in a whole area, exactly equal in both bands: no radar has measured them.

    Args:
        parts: of an image, VV and VH as they are stored, of any type and unit, (H, W), and where both may be data, bool (H, W).
    """
    found: dict[complex, None] = {}
    for vv, vh, there in parts:
        beside = there[:, 1:] & np.asarray(vv[:, 1:] == vv[:, :-1]) & np.asarray(vh[:, 1:] == vh[:, :-1])
        if np.count_nonzero(beside) < _FILLED // 2:
            continue
        pairs = vv[:, 1:][beside].astype(np.float64) + 1j * vh[:, 1:][beside].astype(np.float64)
        values, counts = np.unique(pairs, return_counts=True)
        often = values[np.argsort(-counts, kind="stable")][: np.count_nonzero(counts >= _FILLED // 2)]
        here = [complex(value) for value in often[: _MOST_FILLS + 1] if _in_one_piece(vv, vh, there, complex(value))]
        if len(here) <= _MOST_FILLS:
            found |= dict.fromkeys(here)
    kept = tuple((value.real, value.imag) for value in found if _stands_alone(parts, value))
    if not kept or len(kept) > _MOST_FILLS:
        return ()
    # Beside a fill something is measured. Where nothing is, someone has drawn the image, and means what it holds.
    beside_fills = sum(int(np.count_nonzero(there & ~at_fills(vv, vh, kept))) for vv, vh, there in parts)
    return kept if beside_fills >= _FILLED else ()


def _in_one_piece(vv: npt.NDArray[np.generic], vh: npt.NDArray[np.generic], there: BoolArray, value: complex) -> bool:
    from scipy import ndimage  # noqa: PLC0415 - as below

    pieces, count = ndimage.label(there & at_fills(vv, vh, ((value.real, value.imag),)))
    return bool(count) and int(np.bincount(pieces.ravel())[1:].max()) >= _FILLED


def _stands_alone(parts: Sequence[Pair], value: complex) -> bool:
    """Return whether each band holds its number of a pair there alone, or amid others: not for it was cut off at its end."""
    for band, number in ((0, value.real), (1, value.imag)):
        both = alone = 0
        inside = [False, False]
        for part in parts:
            values = part[band]
            both += int(np.count_nonzero(part[2] & at_fills(part[0], part[1], ((value.real, value.imag),))))
            alone += int(np.count_nonzero(part[2] & np.asarray(values == number)))
            inside = [
                inside[0] or bool((values[part[2]] < number).any()),
                inside[1] or bool((values[part[2]] > number).any()),
            ]
        if both < _ALONE * alone and not all(inside):
            return False
    return True


def at_fills(vv: npt.NDArray[np.generic], vh: npt.NDArray[np.generic], fills: Fills) -> BoolArray:
    """Return where two bands hold one of these pairs, bool, of their shape."""
    here: BoolArray = np.zeros(vv.shape, dtype=np.bool_)
    for one, two in fills:
        here |= np.asarray(vv == one) & np.asarray(vh == two)
    return here
