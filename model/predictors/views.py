"""The same image seen otherwise: its eight flips and quarter turns, its padded form, its overlapping windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Predict = Callable[[Sequence[FloatArray]], list[FloatArray]]
"""Images float32 (C, H, W) of one shape -> probabilities float32 (H, W) each."""

# Probabilities are summed as multiples of 2**-24, float32's own resolution below 1, as whole numbers: such a sum has no
# rounding, so it is the same in any order. NaN stands for itself as the least number, which no sum comes near.
_STEPS = float(1 << 24)
_NO_NUMBER = np.iinfo(np.int32).min // 2
_STRIDE = 32
"""What networks halve a side to at the most: their answers are of one kind for parts that begin at multiples of it."""
_ROWS = 256  # at once: what is computed meanwhile is small beside the image


class Windowed(Protocol):
    """An image float32 (C, H, W) of which windows are asked: an array, or what makes them as they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        ...

    def __getitem__(self, part: tuple[slice, slice, slice], /) -> FloatArray:
        """Return a window."""
        ...


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
    sums = [np.zeros(image.shape[-2:], dtype=np.int32) for image in images]
    for view in views:
        answers = predict([view.apply(image) for image in images])
        for total, answer in zip(sums, answers, strict=True):
            _add(total, view.undo(answer))
    return [_mean(total, len(views)) for total in sums]


def _add(total: npt.NDArray[np.int32], answer: FloatArray) -> None:
    for start in range(0, len(total), _ROWS):
        part = slice(start, start + _ROWS)
        steps = np.rint(answer[part].astype(np.float64) * _STEPS)
        none = ~np.isfinite(steps) | (total[part] == _NO_NUMBER)
        steps[none] = 0
        total[part] += steps.astype(np.int32)
        total[part][none] = _NO_NUMBER


def _mean(total: npt.NDArray[np.int32], views: int) -> FloatArray:
    mean = np.empty(total.shape, dtype=np.float32)
    for start in range(0, len(total), _ROWS):
        part = slice(start, start + _ROWS)
        mean[part] = total[part] / (_STEPS * views)
        mean[part][total[part] == _NO_NUMBER] = np.nan
    return mean


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


def predict_in_windows(predict: Predict, images: Sequence[Windowed], window: int, overlap: int) -> list[FloatArray]:
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
    every = slice(None)
    if height <= window and width <= window:
        return predict([image[every, every, every] for image in images])
    (rows, tall), (columns, wide) = spread(height, window, overlap), spread(width, window, overlap)
    row_taper, column_taper = _taper(tall, overlap), _taper(wide, overlap)
    weights = row_taper[:, None] * column_taper[None, :]
    sums = [np.zeros((height, width), dtype=np.float32) for _ in images]
    for row in rows:
        for column in columns:
            part = (slice(row, row + row_taper.size), slice(column, column + column_taper.size))
            answers = predict([image[every, part[0], part[1]] for image in images])
            for total, answer in zip(sums, answers, strict=True):
                total[part] += answer * weights
    row_weights, column_weights = _covered(height, rows, row_taper), _covered(width, columns, column_taper)
    for total in sums:
        np.divide(total, row_weights[:, None], out=total)
        np.divide(total, column_weights[None, :], out=total)
    return sums


def spread(length: int, window: int, overlap: int) -> tuple[list[int], int]:
    """Return where windows begin that cover a length, evenly spread, and how long each is.

    They are as few as overlap enough, and as short as so many can be. They begin at multiples of `_STRIDE`, and leave the rest
    that the length leaves: so a network halves all of them, and an image in one piece, at the same pixels. Its answers depend on
    where it does: in a real image two passes that are 8 pixels apart differ by more than 1/254 on a sixth of the pixels.

    Args:
        length: of a side of the image, pixels.
        window: longest side of a window.
        overlap: that neighbours share at least, below `window`.
    """
    if length <= window:
        return [0], length
    stride = _STRIDE if window - overlap >= 2 * _STRIDE else 1

    def fits(count: int, size: int) -> bool:
        return math.ceil((length - size) // stride / (count - 1)) * stride <= size - overlap

    size, count = window - (window - length) % stride, 2
    while not fits(count, size):
        count += 1
    while fits(count, size - stride):
        size -= stride
    return [i * ((length - size) // stride) // (count - 1) * stride for i in range(count)], size


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
