"""A threshold on despeckled VH as a member of a bundle: no training, and it errs in other ways than what was trained."""

from __future__ import annotations

import numpy as np

from model.bundle.trees import FEATURES, Tree, format_trees

WINDOWS = (3, 7)
"""Sides of the squares that VH is averaged over, pixels; the mean of both averages is what is compared."""
SOFTNESS_DB = 1.0
"""So many dB below the threshold the log-odds of water are 1."""

# Steps of the log-odds: half the spacing is the most that the threshold is off by.
_STEP_DB = 0.125
_REACH_DB = 4.0
_NAN_IS_DRY = 8  # LightGBM's flag: a missing value goes to the right


def threshold_trees(below_db: float) -> str:
    """Return trees, in LightGBM's text form, whose log-odds are (below_db - VH) / SOFTNESS_DB in small steps.

    VH is its mean over squares of `WINDOWS`, dB, as `model.bundle.trees.features` computes it: one tree a window, and their
    sum is the answer. Beyond 4 dB the log-odds stay.
    """
    cuts = below_db + np.arange(-_REACH_DB, _REACH_DB + _STEP_DB / 2, _STEP_DB)
    middles = np.concatenate([[cuts[0]], (cuts[1:] + cuts[:-1]) / 2, [cuts[-1]]])
    values = (below_db - middles) / SOFTNESS_DB / len(WINDOWS)
    return format_trees([_staircase(FEATURES.index(f"vh_mean_{side}"), cuts, values) for side in WINDOWS])


def _staircase(feature: int, cuts: np.ndarray, values: np.ndarray) -> Tree:
    """Return the balanced tree that gives values[i] to what lies between cuts[i - 1] and cuts[i]."""
    thresholds: list[float] = []
    children: list[list[int]] = []

    def node(low: int, high: int) -> int:
        """Add the tree of values[low : high + 1]; return its place, or ~leaf."""
        if low == high:
            return ~low
        middle = (low + high) // 2
        place = len(thresholds)
        thresholds.append(float(cuts[middle]))
        children.append([])
        children[place] = [node(low, middle), node(middle + 1, high)]
        return place

    node(0, len(values) - 1)
    left, right = np.array(children, dtype=np.int64).T
    count = len(thresholds)
    return Tree(
        feature=np.full(count, feature, dtype=np.int64),
        threshold=np.array(thresholds),
        decision=np.full(count, _NAN_IS_DRY, dtype=np.int64),
        left=left,
        right=right,
        value=np.asarray(values, dtype=np.float64),
    )
