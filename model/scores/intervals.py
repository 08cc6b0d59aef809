"""Bootstrap intervals of scores over chips, reproducible bit for bit in the browser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.scores.histogram import Confusion, ScoreHistogram, Statistic, fraction

# Draws worked on at a time, which bounds the memory (about 40 bytes a draw) for a group of any size.
_BLOCK = 1 << 20


def lowbias32(x: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return a well mixed hash of 32-bit numbers, of the same shape.

    Wellons, "lowbias32" (github.com/skeeto/hash-prospector, 2018). In JavaScript, `>>>` shifts and `Math.imul`
    multiplies the same way. Reference values:

        x           lowbias32(x)
        0           0x00000000
        1           0x688990c0
        2           0xd1132181
        446         0xff26cdbf
        446000      0x04f91da5
        0xffffffff  0x6768824a
    """
    h = x.astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return h


def resample_index(first: int, count: int, n: int) -> npt.NDArray[np.int64]:
    """Return which chips the resamples `first` to `first + count - 1` hold.

    Draw j of resample b is chip floor(lowbias32((b * n + j + 1) mod 2^32) * n / 2^32).

    Returns:
        int64 of shape (count, n), each in 0..n-1.
    """
    draws = np.arange(first * n + 1, (first + count) * n + 1, dtype=np.uint64) & np.uint64(0xFFFFFFFF)
    index = (lowbias32(draws.astype(np.uint32)).astype(np.uint64) * np.uint64(n)) >> np.uint64(32)
    return index.astype(np.int64).reshape(count, n)


def bootstrap_interval(
    histograms: Iterable[ScoreHistogram],
    threshold: float,
    statistic: Statistic = "iou",
    level: float = 0.95,
    resamples: int = 1000,
) -> tuple[float, float] | None:
    """Return the percentile bootstrap interval over chips of a micro statistic.

    Chips, not pixels, are drawn: the pixels of a chip are not independent (Efron & Tibshirani 1993, chapter 13). No
    random generator is used: `resample_index` says which chips a resample holds, so the browser computes the same
    interval for the same chips in the same order. Percentiles are interpolated linearly between sorted values: with
    t = q * (len - 1), i = floor(t), f = t - i, between a and b it is a + (b - a) * f where f < 0.5, else
    b - (b - a) * (1 - f) (numpy's way).

    Args:
        histograms: one a chip; chips without a valid labelled pixel are left out.
        threshold: in [0, 1].
        statistic: which one.
        level: share of the resamples inside the interval; q is (1 - level) / 2 and 1 - (1 - level) / 2.
        resamples: how many; those where the statistic is undefined (for IoU: neither water nor predicted water) are
            left out.

    Returns:
        (low, high) in [0, 1]; None with fewer than two chips, or where no resample has the statistic.
    """
    counts = [h.confusion(threshold) for h in histograms if h.pixels]
    if len(counts) < 2:
        return None
    values = np.concatenate([_statistics(totals, statistic) for totals in _resampled(counts, resamples)])
    return _percentiles(values[~np.isnan(values)], level)


@dataclass(frozen=True)
class PairedInterval:
    """The difference of a statistic between two models over the same chips.

    Attributes:
        difference: first less second, over all chips.
        low, high: the percentile bootstrap interval.
        share_above: share of the resamples in which the first is better.
    """

    difference: float
    low: float
    high: float
    share_above: float


def paired_interval(
    first: Sequence[Confusion],
    second: Sequence[Confusion],
    statistic: Statistic = "iou",
    level: float = 0.95,
    resamples: int = 1000,
) -> PairedInterval | None:
    """Return the bootstrap interval of the difference of a micro statistic between two models.

    The chips of a resample are those of `bootstrap_interval`, and the same for both models: what makes a chip hard for both
    cancels out (Efron & Tibshirani 1993, chapter 8; paired as in Koehn 2004, "Statistical significance tests for machine
    translation evaluation").

    Args:
        first, second: the counts of each chip under either model, in the same order; chips without a counted pixel are left
            out.
        statistic: which one.
        level: share of the resamples inside the interval.
        resamples: how many; those where the statistic of a model is undefined are left out.

    Returns:
        None with fewer than two chips, or where the difference is undefined over all chips or in all resamples.

    Raises:
        ValueError: the chips differ in number.
    """
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if sum(_tuple(a)) or sum(_tuple(b))]
    if len(pairs) < 2:
        return None
    one, two = [a for a, _ in pairs], [b for _, b in pairs]
    whole = [sum(counts, Confusion(0, 0, 0, 0)).value(statistic) for counts in (one, two)]
    blocks = list(zip(_resampled(one, resamples), _resampled(two, resamples), strict=True))
    values = np.concatenate([_statistics(a, statistic) - _statistics(b, statistic) for a, b in blocks])
    defined = values[~np.isnan(values)]
    interval = _percentiles(defined, level)
    if interval is None or whole[0] is None or whole[1] is None:
        return None
    return PairedInterval(whole[0] - whole[1], *interval, float((defined > 0).mean()))


def _tuple(counts: Confusion) -> tuple[int, int, int, int]:
    return counts.tp, counts.fp, counts.fn, counts.tn


def _resampled(counts: Sequence[Confusion], resamples: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the summed counts of blocks of resamples, int64 of shape (4, block): tp, fp, fn, tn."""
    n = len(counts)
    per_chip = np.array([_tuple(c) for c in counts], dtype=np.int64).T
    step = max(1, _BLOCK // n)
    for first in range(0, resamples, step):
        index = resample_index(first, min(step, resamples - first), n)
        yield np.stack([chips[index].sum(axis=1) for chips in per_chip])


def _statistics(totals: npt.NDArray[np.int64], statistic: Statistic) -> npt.NDArray[np.float64]:
    """Return the statistic of counts of shape (4, n), NaN where it is undefined."""
    part, whole = fraction(statistic, *totals)
    out: npt.NDArray[np.float64] = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _percentiles(values: npt.NDArray[np.float64], level: float) -> tuple[float, float] | None:
    if not values.size:
        return None
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return float(low), float(high)
