"""Which chip is the worst: one rule for every list that begins with it; assets/scores/worst.mjs has the same for the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from model.scores.histogram import Confusion

ENOUGH = 0.01
"""Share of the known pixels that is water in truth, from which on IoU alone says how good a mask is."""

RULE = (
    "Worst first: by IoU where 1 % of the truth or more is water; the less there is, the more the share of pixels that are "
    "right counts in its place, so that ten false pixels on dry land come after much missed water."
)
"""The rule, in words for people."""

_Item = TypeVar("_Item")


def value(counts: Confusion) -> float | None:
    """Return how good a mask is, from 0 to 1; None where no pixel is known.

    The IoU of a chip with little water says little: on dry land ten false pixels make it 0. So it counts in full from 1 % of
    water in the truth on, and below that with the share that the water has of this 1 %; the rest is the share of right pixels.
    """
    known = counts.tp + counts.fp + counts.fn + counts.tn
    if known == 0:
        return None
    right = (counts.tp + counts.tn) / known
    weight = min(1.0, (counts.tp + counts.fn) / known / ENOUGH)
    return weight * (counts.tp / (counts.tp + counts.fp + counts.fn)) + (1 - weight) * right if weight > 0 else right


def worst_first(items: Iterable[_Item], counts_of: Callable[[_Item], Confusion | None]) -> list[_Item]:
    """Return the items that have a known pixel, the worst first; of equal ones first that with more wrong pixels.

    Args:
        items: chips, in any form; equal in all of this they keep their order.
        counts_of: gives an item's counts, None where it has none.
    """
    ranked: list[tuple[float, int, _Item]] = []
    for item in items:
        counts = counts_of(item)
        if counts is not None and (how_good := value(counts)) is not None:
            ranked.append((how_good, -(counts.fp + counts.fn), item))
    return [item for _, _, item in sorted(ranked, key=lambda entry: entry[:2])]
