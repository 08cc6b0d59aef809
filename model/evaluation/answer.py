"""The answer for a chip: how much of it is under water, from when to when, and is it more than a given share?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize_scalar
from scipy.special import betainc, expit, log_expit, logit, logsumexp, stdtrit

from model.evaluation.report import ShareErrorFacts
from model.scores.histogram import LEVELS, ScoreHistogram
from tiles.errors import UsageError
from tiles.probability import PROBABILITY_MAX

FloatArray = npt.NDArray[np.float64]
Origin = Literal["model", "labelled chips", "assumed"]

PATCH_PIXELS = 2000.0
"""Pixels of 10 m that are wrong or right together: the integral range of a chip's residuals (label less probability).

The variance of a mean over an area is that of a pixel times the integral range over the area (Lantuejoul 1991, "Ergodicity and
integral range"); so a chip of 512 x 512 pixels counts as 131 independent ones. Measured on the eight labelled real chips with
1 to 99 % of water, after the shift that makes each chip's share right: under VH < -22 dB 460 to 7,200 pixels, median 2,124;
under Otsu's threshold 570 to 7,500, median 3,210 (`tests/benchmarks/residual_patches.py`).
"""
MIN_CHIPS = 5
"""With fewer labelled chips than these, the error of a chip's share is assumed, not measured."""
RESOLUTION = 0.001
"""Intervals are told to a thousandth of a chip."""

# A raster's 0 and 254 stand for probabilities within half a step of 0 and 1: their middle.
_EDGE = 0.25 / PROBABILITY_MAX
_P: FloatArray = np.clip(np.arange(LEVELS) / PROBABILITY_MAX, _EDGE, 1.0 - _EDGE)
_SHIFTS: FloatArray = np.linspace(-15.0, 15.0, 301)
# A weak gamma prior of shape 2 keeps the fitted spread off 0 (Chung et al. 2013, "A nondegenerate penalized likelihood
# estimator for variance parameters in multilevel models") and finite.
_SPREAD_RATE = 1.0
_NODES = 200


@dataclass(frozen=True)
class ShareError:
    """How wrong a model is about whole chips: the spread of the shift in log-odds that would make a chip's share right.

    Pixels of a chip err together: a wind-roughened lake is missed whole. Were they independent, a share over 260,000 pixels
    would be known to 0.1 %, which no model deserves. So the share S of a chip whose probabilities have the mean p is modelled
    with two errors:

    - a shift b of the whole chip in log-odds: S is around m = sigma(logit p + b). At b = 0 the model is right about the chip
      "in the large" (Cox 1958, "Two further applications of a model for binary regression"). Over chips b is normal around 0
      with standard deviation `spread`: a random intercept as in a mixed logistic regression, fitted to labelled chips. For a
      new chip, b = spread t with t of n degrees of freedom, since the spread is known from n groups of chips only: those of
      one source, or of one country, err alike. No mean shift is fitted: probabilities are taken for calibrated, and where
      they are not, the spread is wider.
    - the finite number of patches that are water or not by themselves, pixels / PATCH_PIXELS: given b, S is beta-distributed
      with mean m and variance u m (1 - m) / patches. u = mean of p_i (1 - p_i) over pixels / (p (1 - p)) says how unsharp the
      probabilities are: 1 where all are alike, 0 where all are 0 or 1.

    Attributes:
        spread: standard deviation of the shift between chips, log-odds.
        chips: how many labelled chips it rests on.
        origin: "model" as its bundle records it, "labelled chips" of this run, or "assumed".
        groups: how many groups of chips that err alike these are; None where every chip is its own.
    """

    spread: float
    chips: int
    origin: Origin
    groups: int | None = None

    def to_json(self) -> ShareErrorFacts:
        """Return it as model.json and reports hold it."""
        told: ShareErrorFacts = {"spread": self.spread, "chips": self.chips, "origin": self.origin}
        if self.groups is not None:
            told["groups"] = self.groups
        return told

    @classmethod
    def recorded(cls, scores: Mapping[str, Any]) -> Self | None:
        """Return the "share_error" that a bundle's scores record of its cross-validation, or None without a usable one."""
        crossed = scores.get("cross_validation")
        found = scores.get("share_error") or (crossed.get("share_error") if isinstance(crossed, Mapping) else None)
        try:
            groups = found.get("groups")  # type: ignore[union-attr]
            error = cls(float(found["spread"]), int(found["chips"]), "model", None if groups is None else int(groups))  # type: ignore[index]
        except (TypeError, KeyError, ValueError, OverflowError, AttributeError):
            return None
        usable = 0.0 < error.spread < math.inf and error.chips >= MIN_CHIPS
        return error if usable else None

    @cached_property
    def _shifts(self) -> FloatArray:
        """Shifts of a new chip, float64 (nodes,), each equally probable."""
        q = (np.arange(_NODES) + 0.5) / _NODES
        known_from = self.chips if self.groups is None else self.groups
        return np.asarray(np.clip(self.spread * stdtrit(max(known_from, MIN_CHIPS), q), -30.0, 30.0))


ASSUMED = ShareError(2.0, 0, "assumed")
"""Where nothing was measured: a little wider than VH < -22 dB has it over the real chips, and of as few chips as can be."""


@dataclass(frozen=True)
class ShareAnswer:
    """What is said of a chip.

    Attributes:
        share: median of the share of the chip's valid pixels that is water, in [0, 1].
        low, high: 95 % interval of that share, rounded outwards to `RESOLUTION`.
        above: the share that is asked about.
        probability: that the share is above it.
    """

    share: float
    low: float
    high: float
    above: float
    probability: float

    @property
    def yes(self) -> bool:
        """Whether more than `above` is rather under water than not."""
        return self.probability >= 0.5


def answer(weights: npt.ArrayLike, pixels: int, error: ShareError, above: float) -> ShareAnswer | None:
    """Return the answer for a chip from its stored histogram: no raster is read.

    Args:
        weights: (255,), area in km2 (or number of pixels) at each probability value, v / 254.
        pixels: how many pixels they stand for.
        error: of the model's shares.
        above: share in [0, 1) that is asked about.

    Returns:
        None where the chip has no valid pixel.

    Raises:
        UsageError: `above` is not in [0, 1).
    """
    if not 0.0 <= above < 1.0:
        raise UsageError(f"The share {above:g} is not one a chip can exceed: give 5% or 0.05, from 0 to below 1.")
    w = np.asarray(weights, dtype=np.float64)
    total = float(w.sum())
    if not pixels or total <= 0.0:
        return None
    mean, unsharp = _summary(w / total)
    m = expit(logit(mean) + error._shifts)
    size = max(1.0, pixels / PATCH_PIXELS) / unsharp - 1.0 + 1e-3  # of one patch at one probability: all or nothing
    a, b = np.maximum(m * size, 1e-9), np.maximum((1.0 - m) * size, 1e-9)

    def below(x: float) -> float:
        return float(betainc(a, b, x).mean())

    low, share, high = (float(brentq(lambda x, q=q: below(x) - q, 0.0, 1.0, xtol=1e-9)) for q in (0.025, 0.5, 0.975))
    # Outwards to the resolution: the continuous S is never 0, but the water of a chip can be.
    low, high = math.floor(low / RESOLUTION) * RESOLUTION, min(1.0, math.ceil(high / RESOLUTION) * RESOLUTION)
    return ShareAnswer(share, round(low, 6), round(high, 6), above, 1.0 - below(above))


def _summary(w: FloatArray) -> tuple[float, float]:
    """Return the mean probability of a chip and how unsharp it is, in (0, 1]; `w` are shares of pixels by level."""
    mean = float(w @ _P)
    return mean, float(w @ (_P * (1.0 - _P))) / (mean * (1.0 - mean))


def log_likelihoods(histograms: Iterable[ScoreHistogram]) -> FloatArray:
    """Return how likely each chip's labelled share is under each shift of `_SHIFTS`, float64 (n, shifts), in logarithms.

    The share counts as that of so many binomial trials as there are patches of labelled valid pixels: a chip that is little
    labelled says little, and a chip without water does not ask for a shift without end.

    Args:
        histograms: one a chip, each with a labelled valid pixel.
    """
    rows = []
    for h in histograms:
        wet = h.water_pixels / h.pixels
        at = logit(_summary((h.water + h.dry) / h.pixels)[0]) + _SHIFTS
        rows.append(h.pixels / PATCH_PIXELS * (wet * log_expit(at) + (1.0 - wet) * log_expit(-at)))
    return np.array(rows, dtype=np.float64).reshape(len(rows), _SHIFTS.size)


def fit_share_error(log_likelihood: FloatArray, groups: Sequence[Hashable] | None = None) -> ShareError:
    """Return the error that makes the labels of some chips most likely; `ASSUMED` with fewer than `MIN_CHIPS`.

    Args:
        log_likelihood: float64 (n, shifts), from `log_likelihoods`.
        groups: (n,), the source or country of each chip; None where each errs by itself. A new chip comes from a new group,
            so every group weighs alike, however many chips it has, and all together as many as the effective number of chips
            (Kish 1965, "Survey sampling", 11.7): 178 tiles of one flood do not make the model look sure of another.
    """
    n = len(log_likelihood)
    if n < MIN_CHIPS:
        return ASSUMED
    weight = np.ones(n)
    if groups is not None:
        sizes = Counter(groups)
        weight = np.array([1.0 / sizes[group] for group in groups])
        weight *= weight.sum() / (weight**2).sum()

    def loss(log_spread: float) -> float:
        spread = math.exp(log_spread)
        log_prior = -0.5 * (_SHIFTS / spread) ** 2
        log_prior -= logsumexp(log_prior)
        return -float(weight @ logsumexp(log_likelihood + log_prior, axis=1)) - log_spread + _SPREAD_RATE * spread

    found = minimize_scalar(loss, bounds=(math.log(0.05), math.log(10.0)), method="bounded", options={"xatol": 1e-4})
    spread = round(math.exp(float(found.x)), 4)
    return ShareError(spread, n, "labelled chips", None if groups is None else len(set(groups)))
