"""Whether an image without a place is a piece of a chip that a model has seen, by the points at which its list knows chips."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.seen.chips import SHARE, SeenChip, SeenChips
from tiles.chip import BoolArray, Chip, FloatArray
from tiles.content import LATTICE, NO_DATA, lattice

USUAL_SIZES = ((512, 512), (256, 256))
"""Rows and columns of chips whose list does not say them, as it did not at first: those of the data sets that are known."""

_HUNDREDTH = 100.0
_SAME = 2
"""Two points are the same where VV and VH differ by no more hundredths of a dB: an exact copy, or one in integers of dB x 100."""
_LEAST_POINTS = 4
"""Points of the list that have to lie in an image for anything to be told."""
_BY_CHANCE = 1e-3
"""So many false finds at most are expected of an image, by how common its own values are."""
_MOST_ALIKE = 2_000
"""A value that more pixels than this have tells nothing of where it lies."""
_MOST_PLACES = 200
"""Of the places where a chip may lie, so many are looked at closely: those where most points agree."""
_MOST_FINDS = 4_000_000
"""Of the pixels with the values of points, so many are placed at most, those of the rarest values: some 200 MB."""
_MOST_SIZES = 64
"""Sizes of chips that are gone through, those of most chips; where there are more, it cannot be told of the others."""
_POINTS = LATTICE * LATTICE


@dataclass(frozen=True, eq=False)
class _Sized:
    """Chips of one size: its rows and columns, and their samples, int16 (N, 2, 36)."""

    size: tuple[int, int]
    samples: npt.NDArray[np.int16]


class Pieces:
    """The chips that a model has seen, to look for pieces of them. Made once for a list."""

    def __init__(self, seen: SeenChips) -> None:
        groups = _by_size(seen.chips)
        self._groups, self._left = groups[:_MOST_SIZES], len(groups) > _MOST_SIZES
        self._chips = max(1, len(seen.chips))

    def held_by(self, chip: Chip) -> bool | None:
        """Return whether more than `SHARE` of an image is a piece of one of the chips; None where that cannot be told.

        A piece has its pixels as they were: cut out or padded, not turned, resampled or smoothed. It cannot be told of an image
        that is too small, or holds too little, for enough of a chip's points to lie in any piece of it.
        """
        if not chip.valid.any():
            return None
        image = _Pixels(chip.vv, chip.vh, chip.valid)
        unsure = self._left
        for group in self._groups:
            found = self._in_group(image, group)
            if found:
                return True
            unsure |= found is None
        return None if unsure else False

    def _in_group(self, image: _Pixels, group: _Sized) -> bool | None:
        unsure = image.points_of(group.size) < _LEAST_POINTS
        for number, top, left in _places(image, group):
            agree, by_chance = image.agreement(group.samples[number], group.size, top, left)
            if not agree or image.overlap(group.size, top, left) <= SHARE:
                continue
            if by_chance * self._chips * image.places_of(group.size) < _BY_CHANCE:
                return True
            unsure = True
        return None if unsure else False


class _Pixels:
    """The pixels of an image in hundredths of a dB, and where each pair of values lies."""

    def __init__(self, vv: FloatArray, vh: FloatArray, valid: BoolArray) -> None:
        self.shape = valid.shape
        self._valid = valid
        bands = [np.where(valid, np.rint(np.where(valid, band, 0.0) * _HUNDREDTH), NO_DATA) for band in (vv, vh)]
        self._bands = np.stack(bands).clip(NO_DATA, -NO_DATA - 1).astype(np.int32)
        self.share = float(valid.mean())
        at = np.flatnonzero(valid)
        keys = _keys(self._bands[0].ravel()[at], self._bands[1].ravel()[at])
        order = np.argsort(keys, kind="stable")
        self._keys, self._at = keys[order], at[order]

    def points_of(self, size: tuple[int, int]) -> float:
        """Return how many points of a chip of a size lie in any piece of it that is this image, at least."""
        rows, cols = (min(LATTICE, mine * LATTICE // whole) for mine, whole in zip(self.shape, size, strict=True))
        return float(rows * cols * self.share)

    def places_of(self, size: tuple[int, int]) -> int:
        """Return in how many places a chip of a size can lie that shares pixels with this image."""
        return int((self.shape[0] + size[0]) * (self.shape[1] + size[1]))

    def overlap(self, size: tuple[int, int], top: int, left: int) -> float:
        """Return which share of this image a chip covers whose first pixel lies at a row and column of it."""
        rows, cols = (
            min(mine, first + whole) - max(0, first)
            for mine, whole, first in zip(self.shape, size, (top, left), strict=True)
        )
        return float(max(0, rows) * max(0, cols) / (self.shape[0] * self.shape[1]))

    def alike(self, samples: npt.NDArray[np.int16]) -> tuple[npt.NDArray[np.intp], ...]:
        """Return where the values of points stand: for each find the point's number, and row and column here.

        Args:
            samples: int16 (N, 2, 36).
        """
        there = samples[:, 0].ravel() != NO_DATA
        wanted = _keys(samples[:, 0].ravel(), samples[:, 1].ravel())
        first, last = np.searchsorted(self._keys, wanted, "left"), np.searchsorted(self._keys, wanted, "right")
        counts = np.where(there & (last - first <= _MOST_ALIKE), last - first, 0)
        rarest = np.argsort(counts, kind="stable")
        counts[rarest[np.cumsum(counts[rarest]) > _MOST_FINDS]] = 0
        number = np.repeat(np.arange(wanted.size), counts)
        within = np.arange(number.size) - np.repeat(np.cumsum(counts) - counts, counts)
        rows, cols = np.divmod(self._at[first[number] + within], self.shape[1])
        return number, rows, cols

    def agreement(
        self, samples: npt.NDArray[np.int16], size: tuple[int, int], top: int, left: int
    ) -> tuple[bool, float]:
        """Return whether every point of a chip that lies here agrees, and how likely that is of any place by chance.

        Args:
            samples: of the chip, int16 (2, 36).
            size, top, left: its rows and columns, and where its first pixel lies here.
        """
        at = np.add.outer(np.array(lattice(size[0])) + top, np.zeros(LATTICE, np.intp)).ravel()
        across = np.add.outer(np.zeros(LATTICE, np.intp), np.array(lattice(size[1])) + left).ravel()
        here = (at >= 0) & (at < self.shape[0]) & (across >= 0) & (across < self.shape[1])
        here[here] = self._valid[at[here], across[here]]
        if np.count_nonzero(here) < _LEAST_POINTS:
            return False, 1.0
        own = self._bands[:, at[here], across[here]]
        theirs = samples[:, here].astype(np.int32)
        if (np.abs(own - theirs) > _SAME).any():
            return False, 1.0
        logs = [math.log(max(1, self._common(*pair)) / len(self._keys)) for pair in theirs.T.tolist()]
        return True, math.exp(sum(logs))

    def _common(self, vv: int, vh: int) -> int:
        """Return how many pixels here have about these values."""
        steps = np.arange(-_SAME, _SAME + 1)
        low = _keys(vv + steps, np.full(steps.size, vh - _SAME))
        high = _keys(vv + steps, np.full(steps.size, vh + _SAME))
        return int((np.searchsorted(self._keys, high, "right") - np.searchsorted(self._keys, low, "left")).sum())


def _keys(vv: npt.NDArray[np.integer], vh: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    return vv.astype(np.int64) * (1 << 17) + vh.astype(np.int64)


def _places(image: _Pixels, group: _Sized) -> Iterator[tuple[int, int, int]]:
    """Yield where chips may lie by several of their points: the number in the group, and row and column of its first pixel."""
    point, rows, cols = image.alike(group.samples)
    number, within = np.divmod(point, _POINTS)
    i, j = np.divmod(within, LATTICE)
    top = rows - np.array(lattice(group.size[0]))[i]
    left = cols - np.array(lattice(group.size[1]))[j]
    down, right = group.size[0] + image.shape[0], group.size[1] + image.shape[1]
    codes = (number * down + top + group.size[0]) * right + left + group.size[1]
    found, counts = np.unique(codes, return_counts=True)
    likely = np.flatnonzero(counts >= _LEAST_POINTS - 1)
    likely = likely[np.argsort(-counts[likely], kind="stable")][:_MOST_PLACES]
    for code in found[likely].tolist():
        rest, across = divmod(code, right)
        which, at = divmod(rest, down)
        yield which, at - group.size[0], across - group.size[1]


def _by_size(chips: Sequence[SeenChip]) -> list[_Sized]:
    """Return chips by their size, the size of most chips first."""
    groups: dict[tuple[int, int], list[SeenChip]] = {}
    for chip in chips:
        for size in (chip.size,) if chip.size is not None else USUAL_SIZES:
            groups.setdefault(size, []).append(chip)
    ordered = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [_Sized(size, np.stack([chip.content.array for chip in some])) for size, some in ordered]
