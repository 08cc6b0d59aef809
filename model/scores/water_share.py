"""Scores by how much of a chip is water: thin rivers and wide lakes are different tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from model.scores.histogram import ScoreHistogram


@dataclass(frozen=True)
class ShareBin:
    """Chips whose labelled share of water lies above `low` and at or below `high`; the first bin is 0 alone."""

    name: str
    low: float
    high: float

    def holds(self, histogram: ScoreHistogram) -> bool:
        """Return whether a chip belongs here; one without a labelled valid pixel belongs nowhere."""
        if not histogram.pixels:
            return False
        # By whole numbers, so that a share on an edge never falls to the wrong side.
        water, pixels = histogram.water_pixels, histogram.pixels
        return (
            water == 0
            if self.high == 0.0
            else round(self.low * 1e4) * pixels < water * 10_000 <= self.high * 1e4 * pixels
        )


BINS: tuple[ShareBin, ...] = (
    ShareBin("no water", 0.0, 0.0),
    ShareBin("up to 1 %", 0.0, 0.01),
    ShareBin("1 to 5 %", 0.01, 0.05),
    ShareBin("5 to 20 %", 0.05, 0.20),
    ShareBin("20 to 50 %", 0.20, 0.50),
    ShareBin("over 50 %", 0.50, 1.0),
)
"""Every chip with a labelled valid pixel is in exactly one of them."""


def by_water_share(histograms: Iterable[ScoreHistogram]) -> list[tuple[ShareBin, Sequence[ScoreHistogram]]]:
    """Return the chips of each bin, by the share of their labelled valid pixels that is water; all bins, also empty ones."""
    members = list(histograms)
    return [(b, [h for h in members if b.holds(h)]) for b in BINS]
