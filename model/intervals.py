"""Bootstrap intervals of scores over chips, reproducible bit for bit in the browser."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from model.scores import ScoreHistogram, Statistic, fraction

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
    n = len(counts)
    if n < 2:
        return None
    per_chip = np.array([(c.tp, c.fp, c.fn, c.tn) for c in counts], dtype=np.int64).T
    values: list[npt.NDArray[np.float64]] = []
    step = max(1, _BLOCK // n)
    for first in range(0, resamples, step):
        index = resample_index(first, min(step, resamples - first), n)
        tp, fp, fn, tn = (chips[index].sum(axis=1) for chips in per_chip)
        part, whole = fraction(statistic, tp, fp, fn, tn)
        values.append(part[whole > 0] / whole[whole > 0])
    defined = np.concatenate(values) if values else np.empty(0)
    if not defined.size:
        return None
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return float(low), float(high)
