"""Losses over the pixels whose truth is known. Unknown pixels are taken out before a loss sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.bundle.fields import suggestion
from tiles.chip import UNKNOWN
from tiles.errors import ModelError

LossName = Literal["xe_dice", "bce_dice", "bce_jaccard", "focal_tversky", "lovasz"]
LOSSES: tuple[str, ...] = get_args(LossName)

_Term = Callable[[Tensor, Tensor], Tensor]


class KnownPixelLoss(nn.Module):
    """The weighted sum of some terms, over the known pixels of a batch.

    Every term gets the logits and labels of the known pixels alone, as one picture of one row (1, 1, 1, n): so no term
    needs an "ignore" of its own, and an unknown pixel cannot count as dry by mistake.

    Args:
        terms: functions of logits and labels in 0..1, both float32 (1, 1, 1, n), with their weights.
        certain: the label of water without doubt: 1, or 254 where a teacher tells probabilities.
    """

    def __init__(self, terms: Sequence[tuple[float, _Term]], certain: int = 1) -> None:
        super().__init__()
        self.certain = certain
        self.weights = [weight for weight, _ in terms]
        self.terms = [term for _, term in terms]

    def forward(self, margin: Tensor, label: Tensor) -> Tensor:
        """Return the loss, a float32 scalar; 0 with a gradient of 0 where no pixel is known.

        Args:
            margin: (N, H, W), the logit of water (with two classes: that of water less that of dry).
            label: uint8 (N, H, W), 0 dry, `certain` water, 255 unknown.
        """
        known = label != UNKNOWN
        z = margin[known].float().reshape(1, 1, 1, -1)
        t = (label[known].float() / self.certain).reshape(1, 1, 1, -1)
        if not t.numel():
            return margin.float().sum() * 0.0
        return torch.stack([w * term(z, t) for w, term in zip(self.weights, self.terms, strict=True)]).sum()


def margin_of(logits: Tensor) -> Tensor:
    """Return (N, H, W), the log-odds of water, of logits (N, 1 or 2, H, W)."""
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]


def build_loss(name: str, certain: int = 1) -> KnownPixelLoss:
    """Return a loss by name. `certain` is the label of water without doubt.

    - "xe_dice": half cross-entropy, half Dice, as the capstone meant it. The cross-entropy of two logits is the binary
      cross-entropy of their difference.
    - "bce_dice": binary cross-entropy plus Dice.
    - "bce_jaccard": binary cross-entropy plus soft Jaccard.
    - "focal_tversky": alpha 0.3 on false water, beta 0.7 on missed water, gamma 4/3 (Abraham & Khan 2019).
    - "lovasz": Lovász hinge (Berman et al. 2018), the convex surrogate of IoU.

    Raises:
        ModelError: there is no loss of that name.
    """
    binary = smp.losses.BINARY_MODE
    cross_entropy: _Term = functional.binary_cross_entropy_with_logits
    # Smooth keeps Dice and Jaccard defined where a batch holds no water.
    dice, jaccard = smp.losses.DiceLoss(binary, smooth=1.0), smp.losses.JaccardLoss(binary, smooth=1.0)
    if name == "xe_dice":
        return KnownPixelLoss([(0.5, cross_entropy), (0.5, dice)], certain)
    if name == "bce_dice":
        return KnownPixelLoss([(1.0, cross_entropy), (1.0, dice)], certain)
    if name == "bce_jaccard":
        return KnownPixelLoss([(1.0, cross_entropy), (1.0, jaccard)], certain)
    if name == "focal_tversky":
        return KnownPixelLoss(
            [(1.0, smp.losses.TverskyLoss(binary, smooth=1.0, alpha=0.3, beta=0.7, gamma=4 / 3))], certain
        )
    if name == "lovasz":
        return KnownPixelLoss([(1.0, smp.losses.LovaszLoss(binary, per_image=False))], certain)
    raise ModelError(f"There is no loss {name!r}{suggestion(name, LOSSES)}")
