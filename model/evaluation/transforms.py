"""One chip under one change: what the model says of it, beside what it said of the chip as it is, at every threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.evaluation.changes import CHANGES, Change, back, gain
from model.scores.histogram import LEVELS, ScoreHistogram
from tiles.chip import Chip
from tiles.probability import NODATA

TRANSFORMS: tuple[Change, ...] = (*CHANGES, gain(-3.0), gain(3.0))
"""Those of `evaluate --robustness`, the unchanged chip first among them, and gains that go beyond an instrument's error."""


@dataclass(frozen=True, eq=False)
class Transformed:
    """The answer to a changed chip.

    Attributes:
        changed: its counts against the label that was moved with it; None where there is no label.
        plain: counts of the unchanged chip's prediction on the same pixels; None where there is no label.
        differing: int64 of shape (255,), pixels whose class differs from the unchanged chip's, at each level.
        pixels: valid pixels of the changed chip.
    """

    changed: ScoreHistogram | None
    plain: ScoreHistogram | None
    differing: npt.NDArray[np.int64]
    pixels: int


def compare_transformed(
    chip: Chip, change: Change, image: Chip, probability: npt.NDArray[np.uint8], plain: npt.NDArray[np.uint8]
) -> Transformed:
    """Compare the prediction of a changed chip with that of the chip as it is.

    Args:
        chip: as it is.
        change: what was done to it.
        image: the changed chip.
        probability: what the model says of `image`, uint8 (contract 2) on its grid.
        plain: what it said of `chip`, uint8 on its grid.
    """
    remaining = np.where(back(change.view, image.valid), plain, np.uint8(NODATA))
    answered = back(change.view, probability)
    there = remaining != NODATA
    one, other = answered[there].astype(np.int64), remaining[there].astype(np.int64)
    # A pixel changes its class at the levels above the lower and up to the higher of its two values.
    steps = np.bincount(np.minimum(one, other) + 1, minlength=LEVELS + 1)
    steps -= np.bincount(np.maximum(one, other) + 1, minlength=LEVELS + 1)
    labelled = chip.label is not None and image.label is not None
    return Transformed(
        ScoreHistogram.of(probability, image.label) if labelled and image.label is not None else None,
        ScoreHistogram.of(remaining, chip.label) if labelled and chip.label is not None else None,
        np.cumsum(steps)[:LEVELS],
        int(image.valid.sum()),
    )
