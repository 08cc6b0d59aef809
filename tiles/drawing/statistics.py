"""What a chip's pixels are: counts by class, and histograms of VV, VH and their ratio for water and dry land."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from tiles.chip import CLASSES, Chip, FloatArray, classes_of
from tiles.scenes.windows import Scene

BINS = 60
RANGES = {"vv": (-35.0, 5.0), "vh": (-45.0, -5.0), "ratio": (-10.0, 30.0)}
"""Lowest and highest value of the histograms: dB of VV and VH, and VV - VH in dB, which is the ratio of the powers.

What lies outside is counted in the first and the last bin."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ChipStatistics:
    """Counts of one chip, or of a sum of chips.

    Attributes:
        pixels: int64 of shape (4,): dry, water and unknown pixels with data, and pixels without data.
        histograms: int64 of shape (3, 3, 60): vv, vh, ratio; dry, water, unknown; bins of equal width over `RANGES`.
    """

    pixels: Counts
    histograms: Counts

    @classmethod
    def zero(cls) -> Self:
        """Return the statistics of no chip."""
        return cls(np.zeros(4, np.int64), np.zeros((len(RANGES), len(CLASSES), BINS), np.int64))

    def __add__(self, other: ChipStatistics) -> ChipStatistics:
        return ChipStatistics(self.pixels + other.pixels, self.histograms + other.histograms)


def statistics_of(chip: Chip) -> ChipStatistics:
    """Return the statistics of a chip."""
    kinds = classes_of(chip)[chip.valid]
    pixels = np.append(np.bincount(kinds, minlength=3), chip.valid.size - np.count_nonzero(chip.valid))
    vv, vh = chip.vv[chip.valid], chip.vh[chip.valid]
    bands = {"vv": vv, "vh": vh, "ratio": vv - vh}
    return ChipStatistics(
        pixels.astype(np.int64), np.stack([_histogram(bands[name], kinds, *RANGES[name]) for name in RANGES])
    )


def statistics_of_scene(scene: Scene) -> ChipStatistics:
    """Return the statistics of squares spread over a scene, those without data among them: no more of it is read."""
    if scene.image is None:
        return statistics_of(scene.whole) if scene.whole is not None else ChipStatistics.zero()
    total = ChipStatistics.zero()
    total.pixels[-1] = scene.image.blank
    for chip, _ in scene.sampled():
        total += statistics_of(chip)
    return total


def _histogram(values: FloatArray, kinds: npt.NDArray[np.int64], low: float, high: float) -> Counts:
    """Return counts of shape (3, 60) by class and bin."""
    place = np.clip(((values - low) * (BINS / (high - low))).astype(np.int64), 0, BINS - 1)
    counts = np.bincount(kinds * BINS + place, minlength=len(CLASSES) * BINS)
    return counts.reshape(len(CLASSES), BINS).astype(np.int64)
