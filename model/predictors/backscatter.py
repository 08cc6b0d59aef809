"""The classical baseline: still water mirrors the radar away, so a dark VH pixel is water. No learning, no torch."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from model.predictors.cards import plain_card
from model.predictors.protocol import Parameter, Plain, quantise
from tiles.chip import Chip
from tiles.errors import UsageError
from tiles.probability import NODATA

Method = Literal["fixed", "otsu"]

ABOUT = (
    "A threshold on VH backscatter: still water mirrors the radar away, so a dark pixel is called water. It has learned "
    "nothing, has no weights, and its probabilities are not calibrated: they say how far speckle alone could have moved a "
    "pixel over the line.\n\n## Limits\n\n- Wind roughens water, which brightens it: it is missed.\n- Smooth sand, asphalt, "
    "radar shadow and dry lake beds look like water.\n- Flooded vegetation and towns brighten radar and are missed.\n- It "
    "marks water, not flood: permanent water is water too."
)
"""What is said of every threshold on its card, as Markdown."""

OTSU_BINS = 256
# No VH backscatter of a pixel of land or water lies outside: the instrument's noise ends it at about -35 dB, and only
# corner reflectors pass 0 dB. A threshold out here would call everything dry, or everything water.
_LOWEST_DB, _HIGHEST_DB = -50.0, 10.0
_WATER_MIN = 127  # v >= 127 is p >= 0.5


class BackscatterPredictor(Plain):
    """Water where VH lies below a threshold in dB, softened to a probability.

    p = 1 / (1 + exp((vh - t) / softness)), and at the mask threshold 0.5 the mask is exactly `vh < t`. The logistic
    curve of softness 1 dB has a standard deviation of 1.8 dB (pi / sqrt(3)), near the 2.2 dB that speckle of 4.4 looks
    has (10 / ln 10 * sqrt(trigamma(4.4))): p says how far speckle alone could have moved a pixel over the line.
    It is not calibrated against labels.

    With `fixed`, t is one value for all chips. With `otsu`, t is Otsu's threshold of the valid VH pixels of each chip,
    which presumes that a chip holds both water and land: on a chip that is nearly all dry it cuts the land in two.

    Args:
        method: "fixed" or "otsu".
        threshold_db: t of the fixed method, dB of VH, -50 to 10; compared as float32, the type of the pixels.
        softness_db: scale of the logistic curve, dB, above 0.

    Raises:
        UsageError: an argument is out of range.
    """

    model_id = "backscatter"
    device = "cpu"
    threshold = 0.5
    about = ABOUT

    def __init__(self, method: Method = "fixed", threshold_db: float = -22.0, softness_db: float = 1.0) -> None:
        if method not in get_args(Method):
            raise UsageError(f"The backscatter method {method!r} is not known: give fixed or otsu.")
        if not math.isfinite(threshold_db):
            raise UsageError(f"The backscatter threshold {threshold_db} is not a number of dB: give one as -22.")
        if method == "fixed" and not _LOWEST_DB <= threshold_db <= _HIGHEST_DB:
            raise UsageError(
                f"The backscatter threshold {threshold_db:g} dB is one that no VH backscatter reaches: give one from "
                f"{_LOWEST_DB:g} to {_HIGHEST_DB:g} dB, such as -22."
            )
        if not (math.isfinite(softness_db) and softness_db > 0.0):
            raise UsageError(f"The softness {softness_db} dB must be above 0: give one as 1.")
        self.method: Method = method
        self.threshold_db = threshold_db
        self.softness_db = softness_db
        self.parameters: dict[str, Parameter] = {"method": method, "softness_db": float(softness_db)}
        if method == "fixed":
            self.name = f"VH threshold {threshold_db:g} dB"
            self.parameters["threshold_db"] = float(threshold_db)
        else:
            self.name = "VH Otsu threshold"
            self.parameters["bins"] = OTSU_BINS

    def card(self) -> str:
        """Return what it does and where it fails, as Markdown."""
        return plain_card(self.name, ABOUT, self.model_id, self.parameters, self.threshold)

    def of_image(self, parts: Sequence[Chip]) -> BackscatterPredictor:
        """Return a predictor that has one threshold for all windows of an image: Otsu's, of the valid VH of these parts."""
        if self.method == "fixed":
            return self
        same = copy.copy(self)
        same.method = "fixed"
        same.threshold_db = otsu_threshold(np.concatenate([part.vh[part.valid] for part in parts]))
        return same

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        """Return one uint8 (H, W) probability raster a chip; all 255 where a chip has no valid pixel."""
        return [self._predict_one(chip) for chip in chips]

    def _predict_one(self, chip: Chip) -> npt.NDArray[np.uint8]:
        threshold_db = self.threshold_db
        if self.method == "otsu":
            values = chip.vh[chip.valid]
            if values.size == 0:
                return np.full(chip.valid.shape, NODATA, dtype=np.uint8)
            threshold_db = otsu_threshold(values)
        t = np.float32(threshold_db)
        p = chip.vh - t
        with np.errstate(over="ignore"):  # exp overflows to infinity, and 1 / (1 + inf) is the right 0
            p /= np.float32(self.softness_db)
            np.exp(p, out=p)
        p += np.float32(1.0)
        np.reciprocal(p, out=p)
        raster = quantise(p, chip.valid)
        # Float rounding near t, and t itself (p = 0.5 there), must not decide: the mask is vh < t, strictly.
        water = chip.vh < t
        raster[water & (raster < _WATER_MIN)] = _WATER_MIN
        raster[~water & (raster == _WATER_MIN)] = _WATER_MIN - 1
        return raster


def otsu_threshold(values: npt.NDArray[np.float32], bins: int = OTSU_BINS) -> float:
    """Return the threshold that parts a sample into two classes of the largest variance between them.

    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Systems, Man, and Cybernetics 9(1),
    1979. A histogram of equal bins from the smallest to the largest value; the answer is the centre of the last bin of
    the lower class, the first of several equally good ones. This is the variant of scikit-image's `threshold_otsu`.

    Micro IoU of `vh < otsu_threshold(...)` over the 14 labelled real chips that our tests know: 0.357 on all valid VH
    pixels of a chip, as the predictor must do it (it knows no label), and 0.355 on its labelled pixels only.

    Args:
        values: float32 (n,), n >= 1, finite; dB.
        bins: number of bins.

    Returns:
        The threshold, representable in float32; the value itself where all values are one.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low
    counts, edges = np.histogram(values, bins=bins, range=(low, high))
    centres = (edges[1:] + edges[:-1]) / 2.0
    below = np.cumsum(counts, dtype=np.float64)[:-1]
    above = values.size - below
    moment = np.cumsum(counts * centres)
    # The outermost bins hold the extremes, so neither class is ever empty.
    difference = moment[:-1] / below - (moment[-1] - moment[:-1]) / above
    between = below * above * difference**2
    return float(np.float32(centres[np.argmax(between)]))
