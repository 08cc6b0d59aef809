"""Where two models agree and differ on a chip, at every threshold: counted once, from their two probability rasters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.scores.histogram import LEVELS, IntArray, two_counts
from tiles.probability import NODATA


def agreement(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> IntArray:
    """Return from what two predictions of a chip agree and differ at every threshold, int64 of shape (3, 255).

    Row 0 counts the valid pixels by the first one's value, row 1 by the other's, row 2 by the smaller of the two. Of
    the pixels at or above a level, row 2 has those that both call water, and row 0 less row 2 those of the first alone.

    Args:
        one, other: uint8 (H, W), contract 2, of one chip.

    Raises:
        ValueError: the shapes differ.
    """
    if one.shape != other.shape:
        raise ValueError(f"rasters of {one.shape} and {other.shape} are not of one chip")
    valid = (one != NODATA) & (other != NODATA)
    a, b = one[valid], other[valid]
    return np.stack([np.bincount(values, minlength=LEVELS) for values in (a, b, np.minimum(a, b))])


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Counts of the valid pixels by the higher and by the lower of two probability values.

    At a level v a pixel is wet in both where the lower value is at v or above, and in one at least where the higher is: so
    the pixels on which the masks differ follow from two sums.

    Attributes:
        higher, lower: int64 of shape (255,).
    """

    higher: IntArray
    lower: IntArray

    @classmethod
    def of(cls, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Disagreement:
        """Count a chip's pixels; those without data in either raster are left out.

        Args:
            first, second: uint8 (H, W), contract 2, of one chip.

        Raises:
            ValueError: the shapes differ.
        """
        one, two, lower = agreement(first, second)
        return cls(one + two - lower, lower)

    @property
    def pixels(self) -> int:
        """Pixels with data in both."""
        return int(self.higher.sum())

    def to_bytes(self) -> bytes:
        """Return 2040 bytes: uint32 little-endian, the 255 counts of `higher`, then those of `lower`."""
        return np.concatenate([self.higher, self.lower]).astype("<u4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Disagreement:
        """Return what `to_bytes` wrote.

        Raises:
            ValueError: the data is not 2040 bytes long.
        """
        return cls(*two_counts(data, "disagreement"))
