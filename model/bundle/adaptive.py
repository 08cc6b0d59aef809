"""The adaptive rule: despeckled VH, a guarded threshold a chip, and regions grown from dark seeds. No learning, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

FIXED_DB = -22.0
"""The threshold where a chip's own histogram says nothing: that of `backscatter`."""

# dB that the histogram covers; nothing outside tells water from land.
_LOW_DB, _HIGH_DB = -35.0, -5.0
_BINS = 120
_SMOOTHING = 2.0  # bins, standard deviation: what is narrower than half a dB is no mode
# A threshold that lies further from FIXED_DB than this is one of two kinds of land (or of water), not of land and water.
_LOWEST_DB, _HIGHEST_DB = -24.0, -19.5
_WATER_MODE_DB = -21.5  # the mode of water is darker than this, that of land brighter than the next
_LAND_MODE_DB = -20.0
_DEEPEST_VALLEY = 0.6  # of the lower peak: where the histogram falls less between the modes there is one mode
_ASHMAN = 2.0
# Both classes hold at least this share of the chip, and spread by more than the width of a bin.
_LEAST_SHARE, _LEAST_VARIANCE = 0.005, 0.05

SEED_DB, GROW_DB = 2.0, 1.5
"""Seeds are so many dB below the threshold; regions grow to so many above it."""
SEEDS, SEED_SHARE = 4, 0.1
"""Pixels of a region, and share of it, that must be seeds at least."""
SOFTNESS_DB = 1.0
"""So many dB below the threshold the log-odds of water are 1, as in `backscatter`."""

_TV_WEIGHT = 10.0
_TV_STEPS = 20
_TV_DB = (-35.0, 0.0)


@dataclass(frozen=True)
class Modes:
    """Two Gaussians in a histogram, the darker first.

    Attributes:
        threshold: of Kittler and Illingworth's least error, dB.
        peaks: the tallest places of the smoothed histogram on both sides of it, dB.
        valley: how low the histogram falls between them, as a share of the lower peak, 0 to 1.
        separation: Ashman's D.
    """

    threshold: float
    peaks: tuple[float, float]
    valley: float
    separation: float


@dataclass(frozen=True)
class OfAll:
    """What the rule takes from all of an image: windows of one image are given the same, so that they agree.

    Attributes:
        threshold_db: between water and land, dB.
        fill_db: stands where there is no data while speckle is taken off, dB.
    """

    threshold_db: float
    fill_db: float


def despeckle(vh: FloatArray, valid: BoolArray, fill_db: float | None = None) -> FloatArray:
    """Return VH without speckle and with its edges, float32 (H, W), dB: total variation, in dB as speckle is additive there.

    L. Rudin, S. Osher, E. Fatemi, "Nonlinear total variation based noise removal algorithms", Physica D 60, 1992, solved by
    T. Goldstein, S. Osher, "The split Bregman method for L1-regularized problems", SIAM J. Imaging Sciences 2(2), 2009.
    OPERA's surface water product of Sentinel-1 (DSWx-S1) despeckles alike.

    Args:
        vh: float32 (H, W), dB.
        valid: bool (H, W), somewhere True; elsewhere stands the mean, or `fill_db` where it is given.
        fill_db: of the image that this is a window of.
    """
    from skimage.restoration import denoise_tv_bregman  # noqa: PLC0415 - only who despeckles loads it

    low, high = _TV_DB
    clipped = np.clip(vh, low, high)
    fill = clipped[valid].mean(dtype=np.float64) if fill_db is None else fill_db
    filled = np.where(valid, clipped, fill).astype(np.float32)
    if min(vh.shape) < 3:  # the solver needs neighbours in both directions
        return filled
    smooth = denoise_tv_bregman((filled - low) / (high - low), weight=_TV_WEIGHT, max_num_iter=_TV_STEPS)
    return np.asarray(smooth * (high - low) + low, dtype=np.float32)


def two_modes(values: FloatArray) -> Modes | None:
    """Return the two Gaussians that a sample parts into with the least error; None where no parting is possible.

    J. Kittler, J. Illingworth, "Minimum error thresholding", Pattern Recognition 19(1), 1986, equation 15:
    J(t) = 1 + 2 (P1 ln s1 + P2 ln s2) - 2 (P1 ln P1 + P2 ln P2), the smallest of which is taken.
    K. Ashman, C. Bird, S. Zepf, "Detecting bimodality in astronomical datasets", Astronomical Journal 108(6), 1994:
    D = sqrt(2) |m1 - m2| / sqrt(s1**2 + s2**2); two modes are apart where it is above 2.

    Args:
        values: float32 (n,), dB.
    """
    from scipy.ndimage import gaussian_filter1d  # noqa: PLC0415

    counts, edges = np.histogram(values, _BINS, range=(_LOW_DB, _HIGH_DB))
    if not counts.any():
        return None
    share, centres = counts / counts.sum(), (edges[1:] + edges[:-1]) / 2
    p1 = np.cumsum(share)[:-1]
    first, second = np.cumsum(share * centres)[:-1], np.cumsum(share * centres**2)[:-1]
    all_first, all_second = float((share * centres).sum()), float((share * centres**2).sum())
    p2 = 1 - p1
    with np.errstate(all="ignore"):
        m1, m2 = first / p1, (all_first - first) / p2
        v1, v2 = second / p1 - m1**2, (all_second - second) / p2 - m2**2
        error = 1 + p1 * np.log(v1) + p2 * np.log(v2) - 2 * (p1 * np.log(p1) + p2 * np.log(p2))
    possible = (np.minimum(p1, p2) > _LEAST_SHARE) & (v1 > _LEAST_VARIANCE) & (v2 > _LEAST_VARIANCE)
    if not possible.any():
        return None
    error = np.where(possible, error, np.inf)
    # Between modes that are far apart no bin holds anything: the least error is a flat, and its middle is taken.
    at = int(np.median(np.flatnonzero(error <= error.min() + 1e-9)))
    smooth = gaussian_filter1d(share, _SMOOTHING)
    left, right = int(smooth[: at + 1].argmax()), at + 1 + int(smooth[at + 1 :].argmax())
    return Modes(
        threshold=float(edges[at + 1]),
        peaks=(float(centres[left]), float(centres[right])),
        valley=float(smooth[left : right + 1].min() / min(smooth[left], smooth[right])),
        separation=float(np.sqrt(2) * abs(m2[at] - m1[at]) / np.sqrt(v1[at] + v2[at])),
    )


def guarded_threshold(values: FloatArray) -> float:
    """Return the threshold of a chip's despeckled VH, dB: its own where water and land are seen to be two modes, else -22.

    Two modes are believed where the histogram falls well between them (the mode method of J. Prewitt, M. Mendelsohn, "The
    analysis of cell images", Annals of the New York Academy of Sciences 128, 1966), they are apart by Ashman's D, and lie
    where water and land do: a wide dark land beside a bright one is no water. The threshold is then the mean of Kittler and
    Illingworth's, which a narrow mode of calm water draws down, and of the middle between the peaks, where two Gaussians
    of one spread meet.
    """
    modes = two_modes(values)
    if modes is None or modes.valley >= _DEEPEST_VALLEY or modes.separation <= _ASHMAN:
        return FIXED_DB
    dark, bright = modes.peaks
    if dark > _WATER_MODE_DB or bright < _LAND_MODE_DB:
        return FIXED_DB
    return float(np.clip(((dark + bright) / 2 + modes.threshold) / 2, _LOWEST_DB, _HIGHEST_DB))


def grow(smooth: FloatArray, valid: BoolArray, threshold_db: float) -> BoolArray:
    """Return the regions of dark pixels that hold dark seeds, bool (H, W): hysteresis, in eight directions.

    J. Canny, "A computational approach to edge detection", IEEE Trans. Pattern Analysis and Machine Intelligence 8(6), 1986;
    of water in radar images, M. Chini et al., "A hierarchical split-based approach for parametric thresholding of SAR
    images", IEEE Trans. Geoscience and Remote Sensing 55(12), 2017. Of what grew, a tenth and four pixels at least must be seeds:
    a wide land a little darker than the rest has none, or few.
    """
    from scipy.ndimage import label  # noqa: PLC0415

    regions, count = label(valid & (smooth <= threshold_db + GROW_DB), np.ones((3, 3)))
    seeds = np.bincount(regions[valid & (smooth <= threshold_db - SEED_DB)], minlength=count + 1)
    kept = (seeds >= SEEDS) & (seeds >= SEED_SHARE * np.bincount(regions.ravel(), minlength=count + 1))
    kept[0] = False
    return np.asarray(kept[regions], dtype=np.bool_)


def of_all(parts: Sequence[tuple[FloatArray, BoolArray]]) -> OfAll:
    """Return what the rule takes from all of an image, from parts of it: VH in dB and where it is valid, (H, W) each."""
    low, high = _TV_DB
    fill = float(np.mean(np.concatenate([np.clip(vh[valid], low, high) for vh, valid in parts]), dtype=np.float64))
    smooth = [despeckle(vh, valid, fill)[valid] for vh, valid in parts]
    return OfAll(guarded_threshold(np.concatenate(smooth)), fill)


def water_log_odds(vh: FloatArray, valid: BoolArray, image: OfAll | None = None) -> FloatArray:
    """Return the log-odds of water by the adaptive rule, float32 (H, W); above 0 exactly where the rule says water.

    Args:
        vh: float32 (H, W), dB; what stands where `valid` is False is not looked at.
        valid: bool (H, W).
        image: of the image that this is a window of; None where it is all of it.
    """
    if not valid.any():
        return np.full(vh.shape, -1.0, dtype=np.float32)
    smooth = despeckle(vh, valid, None if image is None else image.fill_db)
    threshold_db = guarded_threshold(smooth[valid]) if image is None else image.threshold_db
    below = np.float32(threshold_db) - smooth
    water = grow(smooth, valid, threshold_db)
    # Between the mask and its complement lies a tenth: rounding to a raster's steps must not move a pixel over the line.
    odds = np.where(water, np.maximum(below + np.float32(GROW_DB), 0.05), np.minimum(below, -0.05))
    return np.asarray(odds / np.float32(SOFTNESS_DB), dtype=np.float32)
