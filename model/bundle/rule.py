"""The adaptive rule as a member of a bundle: it is called as a network is, and has learned nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from model.bundle.adaptive import water_log_odds
from model.bundle.normalisation import Normalisation
from model.bundle.trees import backscatter
from tiles.errors import BundleError

RULE_TEXT = "adaptive 1\n"
"""What the file of the member holds: the name of the rule, and its version: a rule that answers otherwise gets another."""


class RuleMember(nn.Module):
    """The adaptive rule: normalised float32 (N, C, H, W) -> log-odds (N, 1, H, W). Computes on the CPU.

    Args:
        text: what its file holds.
        channels: the input's channels; "vv" and "vh" are among them.
        normalisation: of the input; it is undone, since the rule is of dB.
        where: the file, for messages.

    Raises:
        BundleError: the file names a rule that this floodscope does not have, or a polarization is missing.
    """

    def __init__(self, text: str, channels: Sequence[str], normalisation: Normalisation, where: str) -> None:
        super().__init__()
        if text != RULE_TEXT:
            raise BundleError(
                f"{{file}} names the rule {text[:40]!r}, but this floodscope has {RULE_TEXT.strip()!r}: update floodscope.",
                file=where,
            )
        missing = {"vv", "vh"} - set(channels)
        if missing:
            raise BundleError(
                f"{{file}} needs VV and VH, but the bundle's channels are {', '.join(channels)}.", file=where
            )
        self.text = text
        self._channels, self._normalisation = tuple(channels), normalisation

    def forward(self, x: Tensor) -> Tensor:
        """Return the log-odds of water."""
        answers = []
        for image in x.detach().float().cpu().numpy():
            _, vh = backscatter(image, self._channels, self._normalisation)
            there = np.isfinite(vh)
            answers.append(water_log_odds(np.where(there, vh, np.float32(0.0)), there)[None])
        return torch.from_numpy(np.stack(answers)).to(x.device)
