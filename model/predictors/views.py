"""The same image seen otherwise: its eight flips and quarter turns, its padded form, its overlapping windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Predict = Callable[[Sequence[FloatArray]], list[FloatArray]]
"""Images float32 (C, H, W) of one shape -> probabilities float32 (H, W) each."""

# Probabilities are summed as multiples of 2**-24, float32's own resolution below 1, in float64: such a sum has no
# rounding, so it is the same in any order, and NaN stays NaN.
_STEPS = float(1 << 24)


@dataclass(frozen=True)
class View:
    """One of the eight symmetries of the square (the dihedral group D4): quarter turns, then perhaps a mirroring.

    Attributes:
        turns: counter-clockwise quarter turns, 0 to 3.
        mirror: left and right are swapped after the turns.
    """

    turns: int
    mirror: bool

    def apply(self, image: FloatArray) -> FloatArray:
        """Return the image (..., H, W) seen so; (..., W, H) for odd turns. A view of the same memory."""
        turned = np.rot90(image, self.turns, axes=(-2, -1))
        return turned[..., ::-1] if self.mirror else turned

    def undo(self, image: FloatArray) -> FloatArray:
        """Return what `apply` made `image` of."""
        plain = image[..., ::-1] if self.mirror else image
        return np.rot90(plain, -self.turns, axes=(-2, -1))


D4 = tuple(View(turns, mirror) for mirror in (False, True) for turns in range(4))


def average_over_views(predict: Predict, images: Sequence[FloatArray], views: Sequence[View] = D4) -> list[FloatArray]:
    """Return the mean of the answers to all views, each turned back.

    Over all of D4 the result is equivariant whatever `predict` does with padding or windows: the views of a turned image
    are the views of the image, in another order, and the sum does not depend on the order. It is exact to the last bit
    as far as `predict` gives the same answer to the same array.
    """
    sums = [np.zeros(image.shape[-2:], dtype=np.float64) for image in images]
    for view in views:
        answers = predict([view.apply(image) for image in images])
        for total, answer in zip(sums, answers, strict=True):
            np.add(total, np.rint(view.undo(answer).astype(np.float64) * _STEPS), out=total)
    return [(total / (_STEPS * len(views))).astype(np.float32) for total in sums]


def pad_to_multiple(image: FloatArray, multiple: int) -> tuple[FloatArray, tuple[slice, slice]]:
    """Return the image (C, H, W) mirrored outwards to sides that are multiples, and where in it the image lies."""
    height, width = image.shape[-2:]
    extra = [-side % multiple for side in (height, width)]
    if not any(extra):
        return image, (slice(0, height), slice(0, width))
    before = [e // 2 for e in extra]
    margins = [(0, 0), *((b, e - b) for b, e in zip(before, extra, strict=True))]
    padded = np.pad(image, margins, mode="reflect")
    return padded, (slice(before[0], before[0] + height), slice(before[1], before[1] + width))


def predict_in_windows(predict: Predict, images: Sequence[FloatArray], window: int, overlap: int) -> list[FloatArray]:
    """Return predictions of images of one shape, in overlapping windows where a side is longer than `window`.

    The windows of a pixel are blended with weights that fall linearly to their rims, so that no seam shows. Beside the
    result, memory is that of one window for all images.

    Args:
        predict: asked for one window of all images at a time.
        images: float32 (C, H, W) each.
        window: longest side that `predict` is given, pixels.
        overlap: pixels that neighbouring windows share at least, below `window`.
    """
    height, width = images[0].shape[-2:]
    if height <= window and width <= window:
        return predict(images)
    rows, columns = _starts(height, window, overlap), _starts(width, window, overlap)
    row_taper, column_taper = _taper(min(height, window), overlap), _taper(min(width, window), overlap)
    weights = row_taper[:, None] * column_taper[None, :]
    sums = [np.zeros((height, width), dtype=np.float32) for _ in images]
    for row in rows:
        for column in columns:
            part = (slice(row, row + row_taper.size), slice(column, column + column_taper.size))
            answers = predict([image[:, part[0], part[1]] for image in images])
            for total, answer in zip(sums, answers, strict=True):
                total[part] += answer * weights
    row_weights, column_weights = _covered(height, rows, row_taper), _covered(width, columns, column_taper)
    for total in sums:
        np.divide(total, row_weights[:, None], out=total)
        np.divide(total, column_weights[None, :], out=total)
    return sums


def _starts(length: int, window: int, overlap: int) -> list[int]:
    """Return evenly spread starts of the fewest windows that cover a length and overlap enough."""
    if length <= window:
        return [0]
    count = math.ceil((length - overlap) / (window - overlap))
    return [round(i * (length - window) / (count - 1)) for i in range(count)]


def _taper(size: int, overlap: int) -> FloatArray:
    """Return weights 1 / (overlap + 1) at both rims, rising to 1 over the overlap."""
    to_rim = np.minimum(np.arange(size), np.arange(size)[::-1])
    taper: FloatArray = (np.minimum(to_rim + 1, overlap + 1) / (overlap + 1)).astype(np.float32)
    return taper


def _covered(length: int, starts: Sequence[int], taper: FloatArray) -> FloatArray:
    total = np.zeros(length, dtype=np.float32)
    for start in starts:
        total[start : start + taper.size] += taper
    return total
