"""Scores of probability rasters against labels: every number follows from a ScoreHistogram (contract 3).

Whatever shows a score (map, table, export) takes it from sums of these histograms, so no two of them can disagree.
Bootstrap intervals over chips are in model.scores.intervals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt

from tiles.errors import UsageError
from tiles.probability import NODATA, PROBABILITY_MAX, level

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]

Statistic = Literal["iou", "f1", "precision", "recall", "accuracy"]

LEVELS = PROBABILITY_MAX + 1
"""Number of probability values, and of the thresholds that can tell them apart: 255."""

THRESHOLDS: FloatArray = np.arange(LEVELS) / PROBABILITY_MAX
"""The threshold v / 254 of each level v, float64 of shape (255,)."""
THRESHOLDS.setflags(write=False)

MEAN_RULE = "Chips with neither water nor predicted water are left out; a dry chip with false water counts 0."
"""How `mean_over_chips` treats chips without water, in words for people."""

_WATER, _DRY = 1, 0
_BYTES = 2 * LEVELS * 4

_Count = TypeVar("_Count", int, IntArray)


def fraction(statistic: Statistic, tp: _Count, fp: _Count, fn: _Count, tn: _Count) -> tuple[_Count, _Count]:
    """Return numerator and denominator of a statistic, of single counts or of arrays of counts.

    The statistic is undefined where the denominator is 0. Water is the positive class.

    Raises:
        UsageError: there is no statistic of that name.
    """
    if statistic == "iou":
        return tp, tp + fp + fn
    if statistic == "f1":
        return 2 * tp, 2 * tp + fp + fn
    if statistic == "precision":
        return tp, tp + fp
    if statistic == "recall":
        return tp, tp + fn
    if statistic == "accuracy":
        return tp + tn, tp + fp + fn + tn
    raise UsageError(f"There is no statistic {statistic!r}: use iou, f1, precision, recall or accuracy.")


@dataclass(frozen=True)
class Confusion:
    """Pixel counts at one threshold: true, false and missed water, and true dry land."""

    tp: int
    fp: int
    fn: int
    tn: int

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    def value(self, statistic: Statistic) -> float | None:
        """Return a statistic in [0, 1], or None where its denominator is 0."""
        part, whole = fraction(statistic, self.tp, self.fp, self.fn, self.tn)
        return part / whole if whole else None

    @property
    def iou(self) -> float | None:
        """Intersection over union of water. Of summed counts, it is the competition's global (micro) metric."""
        return self.value("iou")

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall (Dice coefficient)."""
        return self.value("f1")

    @property
    def precision(self) -> float | None:
        """Share of the predicted water that is water."""
        return self.value("precision")

    @property
    def recall(self) -> float | None:
        """Share of the water that was found."""
        return self.value("recall")

    @property
    def accuracy(self) -> float | None:
        """Share of the labelled pixels that are right. High wherever there is little water."""
        return self.value("accuracy")


@dataclass(frozen=True, eq=False)
class Confusions:
    """Pixel counts at every level: each int64 of shape (255,), index v for the mask `probability >= v`."""

    tp: IntArray
    fp: IntArray
    fn: IntArray
    tn: IntArray

    def values(self, statistic: Statistic) -> FloatArray:
        """Return a statistic at every level, float64 of shape (255,), NaN where it is undefined."""
        part, whole = fraction(statistic, self.tp, self.fp, self.fn, self.tn)
        out: FloatArray = np.full(LEVELS, np.nan)
        return np.divide(part, whole, out=out, where=whole > 0)

    def at(self, threshold: float) -> Confusion:
        """Return the counts at a threshold in [0, 1]."""
        v = level(threshold)
        return Confusion(int(self.tp[v]), int(self.fp[v]), int(self.fn[v]), int(self.tn[v]))


@dataclass(frozen=True, eq=False)
class PrCurve:
    """Precision and recall by rising threshold, each float64 of shape (255,).

    Precision is NaN where nothing is predicted as water, recall is NaN everywhere where there is no water.
    """

    thresholds: FloatArray
    precision: FloatArray
    recall: FloatArray


@dataclass(frozen=True, eq=False)
class Reliability:
    """Bins of equal width over the predicted probability, as in a reliability diagram; arrays of shape (bins,).

    Attributes:
        pixels: int64, labelled pixels in the bin.
        predicted: float64, their mean predicted probability; NaN in an empty bin.
        observed: float64, the share of them that is water; NaN in an empty bin.
    """

    pixels: IntArray
    predicted: FloatArray
    observed: FloatArray


@dataclass(frozen=True, eq=False)
class ScoreHistogram:
    """How many valid labelled pixels of each class lie at each probability value, for one chip or a sum of chips.

    Attributes:
        water: int64 of shape (255,), pixels whose label is water, by value v (p = v / 254).
        dry: int64 of shape (255,), pixels whose label is dry.
    """

    water: IntArray
    dry: IntArray

    def __post_init__(self) -> None:
        for name in ("water", "dry"):
            counts = np.array(getattr(self, name), dtype=np.int64)
            if counts.shape != (LEVELS,) or counts.min() < 0:
                raise ValueError(f"{name} must be {LEVELS} counts that are not negative")
            counts.setflags(write=False)
            object.__setattr__(self, name, counts)

    @classmethod
    def of(cls, probability: ByteArray, label: ByteArray) -> Self:
        """Count a chip's pixels. Invalid pixels (probability 255) and unknown label pixels are left out.

        Args:
            probability: uint8 (H, W), contract 2.
            label: uint8 (H, W), 0 dry, 1 water, 255 unknown.

        Raises:
            ValueError: the shapes or types do not fit.
        """
        if probability.shape != label.shape or probability.dtype != np.uint8:
            raise ValueError(f"probability {probability.dtype} {probability.shape} does not fit label {label.shape}")
        water = np.bincount(probability[label == _WATER], minlength=NODATA + 1)
        dry = np.bincount(probability[label == _DRY], minlength=NODATA + 1)
        return cls(water[:LEVELS], dry[:LEVELS])

    @classmethod
    def zero(cls) -> Self:
        """Return the histogram of no pixels."""
        return cls(np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64))

    @classmethod
    def sum_of(cls, histograms: Iterable[ScoreHistogram]) -> Self:
        """Return the histogram of all pixels of a group of chips: its scores are the micro scores of the group."""
        water, dry = np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64)
        for histogram in histograms:
            water += histogram.water
            dry += histogram.dry
        return cls(water, dry)

    def __add__(self, other: ScoreHistogram) -> ScoreHistogram:
        return ScoreHistogram(self.water + other.water, self.dry + other.dry)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ScoreHistogram):
            return NotImplemented
        return bool(np.array_equal(self.water, other.water) and np.array_equal(self.dry, other.dry))

    __hash__ = None  # type: ignore[assignment]  # compared by content, so not a dictionary key

    def to_bytes(self) -> bytes:
        """Return 2040 bytes: uint32 little-endian, the 255 counts of water, then those of dry.

        Raises:
            ValueError: a count does not fit 32 bits (more than 16,000 chips of 512 x 512 were added up).
        """
        counts = np.concatenate([self.water, self.dry])
        if counts.max() > np.iinfo(np.uint32).max:
            raise ValueError("a histogram with counts over 2^32 - 1 cannot be stored")
        return counts.astype("<u4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the histogram that `to_bytes` wrote.

        Raises:
            ValueError: the data is not 2040 bytes long.
        """
        return cls(*two_counts(data, "histogram"))

    @property
    def water_pixels(self) -> int:
        """Number of valid pixels whose label is water."""
        return int(self.water.sum())

    @property
    def pixels(self) -> int:
        """Number of valid labelled pixels."""
        return int(self.water.sum() + self.dry.sum())

    def confusion(self, threshold: float) -> Confusion:
        """Return the counts at a threshold: a pixel is predicted water where its value is >= level(threshold).

        Raises:
            UsageError: the threshold is not in [0, 1].
        """
        v = level(threshold)
        tp, fp = int(self.water[v:].sum()), int(self.dry[v:].sum())
        return Confusion(tp=tp, fp=fp, fn=self.water_pixels - tp, tn=int(self.dry[:v].sum()))

    def confusions(self) -> Confusions:
        """Return the counts at all 255 levels."""
        tp, fp = _at_or_above(self.water), _at_or_above(self.dry)
        return Confusions(tp=tp, fp=fp, fn=tp[0] - tp, tn=fp[0] - fp)

    def pr_curve(self) -> PrCurve:
        """Return precision and recall at all 255 levels."""
        counts = self.confusions()
        return PrCurve(THRESHOLDS, counts.values("precision"), counts.values("recall"))

    def average_precision(self) -> float | None:
        """Return the area under the precision-recall steps, or None without water.

        AP = sum over falling thresholds of (R_n - R_(n-1)) P_n, with no interpolation (Zhu 2004, "Recall, precision and
        average precision"; the definition scikit-learn uses).
        """
        if not self.water_pixels:
            return None
        precision = np.nan_to_num(self.confusions().values("precision"))
        return float(np.sum(self.water / self.water_pixels * precision))

    def best_threshold(self) -> float | None:
        """Return the threshold v / 254 with the highest IoU, or None without water.

        Of equally good ones it is the one nearest 0.5 (the lower of two).
        """
        if not self.water_pixels:
            return None
        iou = self.confusions().values("iou")
        best = np.flatnonzero(iou == iou.max())  # with water, tp + fp + fn > 0 at each level: there is no NaN
        return float(THRESHOLDS[best[np.argmin(np.abs(best - PROBABILITY_MAX / 2))]])

    def reliability(self, bins: int = 15) -> Reliability:
        """Return predicted against observed frequency of water in bins of equal width over [0, 1].

        Bin m of M holds the probabilities in ((m-1)/M, m/M], the first one 0 too (Guo et al. 2017).

        Raises:
            ValueError: there is no bin.
        """
        if bins < 1:
            raise ValueError(f"{bins} bins")
        v = np.arange(LEVELS)
        # ceil(p * bins) - 1 in whole numbers, so that a probability on an edge never falls to the wrong side
        place = np.maximum(0, -(-v * bins // PROBABILITY_MAX) - 1)
        pixels = np.zeros(bins, np.int64)
        water = np.zeros(bins, np.int64)
        values = np.zeros(bins, np.int64)
        np.add.at(pixels, place, self.water + self.dry)
        np.add.at(water, place, self.water)
        np.add.at(values, place, v * (self.water + self.dry))
        filled = pixels > 0
        predicted = np.divide(values, pixels * PROBABILITY_MAX, out=np.full(bins, np.nan), where=filled)
        observed = np.divide(water, pixels, out=np.full(bins, np.nan), where=filled)
        return Reliability(pixels, predicted, observed)

    def calibration_error(self, bins: int = 15) -> float | None:
        """Return the expected calibration error, in [0, 1], or None without labelled pixels.

        The mean over bins of |observed - predicted frequency of water|, weighted by pixels (Naeini, Cooper &
        Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning"; 15 bins as in Guo, Pleiss,
        Sun & Weinberger 2017, "On calibration of modern neural networks", here of the probability of water).
        """
        if not self.pixels:
            return None
        r = self.reliability(bins)
        gap = np.abs(np.nan_to_num(r.observed) - np.nan_to_num(r.predicted))
        return float((gap * r.pixels).sum() / self.pixels)


def two_counts(data: bytes, what: str) -> tuple[IntArray, IntArray]:
    """Return two counts of length LEVELS, int64, that are stored one after the other as uint32 little-endian.

    Raises:
        ValueError: the data is not 2040 bytes long; `what` names it.
    """
    if len(data) != _BYTES:
        raise ValueError(f"a stored {what} has {_BYTES} bytes, not {len(data)}")
    counts = np.frombuffer(data, dtype="<u4").astype(np.int64)
    return counts[:LEVELS], counts[LEVELS:]


def _at_or_above(counts: IntArray) -> IntArray:
    """Return for each value the number of pixels at it or above."""
    return np.cumsum(counts[::-1])[::-1]


def mean_over_chips(
    histograms: Iterable[ScoreHistogram], threshold: float, statistic: Statistic = "iou"
) -> float | None:
    """Return the mean of a statistic over chips, or None where no chip counts.

    Its rule is `MEAN_RULE`: chips with neither water nor predicted water (tp + fp + fn = 0) are left out, and a dry
    chip with false water counts 0. Not the competition's metric: that is the IoU of `ScoreHistogram.sum_of`.
    """
    values = []
    for histogram in histograms:
        counts = histogram.confusion(threshold)
        if counts.tp + counts.fp + counts.fn:
            values.append(counts.value(statistic) or 0.0)
    return float(np.mean(values)) if values else None


def water_area(area_by_value: FloatArray, threshold: float) -> float:
    """Return the area predicted as water in km2.

    Args:
        area_by_value: float64 of shape (255,), area in km2 of the valid pixels at each probability value.
        threshold: in [0, 1].

    Raises:
        UsageError: the threshold is not in [0, 1].
    """
    return float(area_by_value[level(threshold) :].sum())
