"""The adaptive rule as a model of its own: no learning, no torch. The rule itself is `model.bundle.adaptive`."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from model.bundle.adaptive import FIXED_DB, GROW_DB, SEED_DB, SOFTNESS_DB, OfAll, of_all, water_log_odds
from model.predictors.cards import plain_card
from model.predictors.protocol import Parameter, Plain, quantise
from tiles.chip import Chip
from tiles.probability import NODATA

ABOUT = (
    "A rule that has learned nothing. VH is freed of speckle by total variation. Where the chip's histogram has two modes, one "
    "as dark as water and one as bright as land, the threshold lies between them; else it is -22 dB. Regions grow from dark "
    "seeds. Its probabilities are not calibrated: they say how far a pixel lies from the line, in dB.\n\n## Limits\n\n- Rough "
    "water, flooded plants and towns are missed.\n- Smooth sand, asphalt, radar shadow and dry lake beds look like water.\n- It "
    "marks water, not flood: permanent water is water too."
)
"""What is said of the rule on its card, as Markdown."""


class AdaptivePredictor(Plain):
    """Water by the adaptive rule: a threshold that each chip's own histogram may move, where it is to be trusted.

    p is the logistic function of the log-odds: how far despeckled VH lies below the threshold (within a region that grew:
    below the end of growing), in dB. It is not calibrated against labels. It needs no torch.
    """

    model_id = "backscatter"
    device = "cpu"
    threshold = 0.5
    name = "VH adaptive threshold"
    about = ABOUT
    image: OfAll | None = None

    def __init__(self) -> None:
        self.parameters: dict[str, Parameter] = {
            "method": "adaptive",
            "fixed_db": FIXED_DB,
            "seed_db": SEED_DB,
            "grow_db": GROW_DB,
            "softness_db": SOFTNESS_DB,
        }

    def card(self) -> str:
        """Return what it does and where it fails, as Markdown."""
        return plain_card(self.name, ABOUT, self.model_id, self.parameters, self.threshold)

    def of_image(self, parts: Sequence[Chip]) -> AdaptivePredictor:
        """Return a predictor that has one threshold for all windows of an image, of the despeckled VH of these parts."""
        same = copy.copy(self)
        same.image = of_all([(part.vh, part.valid) for part in parts])
        return same

    def rule_over(self, chip: Chip) -> npt.NDArray[np.float32]:
        """Return what the rule says of an image, or of a window of one after `of_image`."""
        return water_log_odds(chip.vh, chip.valid, self.image)

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        """Return one uint8 (H, W) probability raster a chip; all 255 where a chip has no valid pixel."""
        return [self._predict_one(chip) for chip in chips]

    def _predict_one(self, chip: Chip) -> npt.NDArray[np.uint8]:
        if not chip.valid.any():
            return np.full(chip.valid.shape, NODATA, dtype=np.uint8)
        odds = chip.rule_odds
        if odds is None:
            odds = water_log_odds(chip.vh, chip.valid, self.image)
        return quantise(1 / (1 + np.exp(-odds)), chip.valid)
