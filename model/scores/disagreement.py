"""Where two models differ on a chip, at every threshold: counted once, from their two probability rasters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.scores.histogram import LEVELS, IntArray, two_counts
from tiles.probability import NODATA, level


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
        if first.shape != second.shape:
            raise ValueError(f"rasters of {first.shape} and {second.shape} are not of one chip")
        there = (first != NODATA) & (second != NODATA)
        one, two = first[there], second[there]
        higher = np.bincount(np.maximum(one, two), minlength=LEVELS)
        lower = np.bincount(np.minimum(one, two), minlength=LEVELS)
        return cls(higher.astype(np.int64), lower.astype(np.int64))

    @property
    def pixels(self) -> int:
        """Pixels with data in both."""
        return int(self.higher.sum())

    def pixels_apart(self, threshold: float) -> int:
        """Return the number of pixels that are wet in one mask alone, at one threshold for both.

        Raises:
            UsageError: the threshold is not in [0, 1].
        """
        v = level(threshold)
        return int(self.higher[v:].sum() - self.lower[v:].sum())

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
