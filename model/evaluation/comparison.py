"""Models side by side: the same chips, the difference of their scores with its interval, the chips that moved most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from model.evaluation.report import Comparison, Difference, MarkedDifference, Pair
from model.scores.histogram import Confusion
from model.scores.intervals import paired_interval
from model.seen.headline import tally
from tiles.chip import ChipRecord
from tiles.errors import UsageError

if TYPE_CHECKING:
    from model.evaluation.evaluate import Evaluation

MOVERS = 10
"""How many of the chips that moved most are named."""

_Pair = tuple[ChipRecord, Confusion, Confusion]


def compare(evaluations: Sequence[Evaluation]) -> Comparison:
    """Compare the first model with each other, each at its own evaluation's threshold, on the chips that all have scored.

    A difference is the first model's micro IoU less the other's: above 0, the first is better. Its interval is a paired
    bootstrap over chips (`model.scores.intervals.paired_interval`). A chip's movement is the number of pixels that the first
    model has wrong and the other has not, less the reverse: that is what moves a micro score, while the IoU of a chip with a
    few water pixels jumps for nothing.

    Returns:
        JSON-able values: `models` with their scores on the common chips, and `pairs`, one for each other model: the
        difference over all common chips, over those that are new to both models (`micro_unseen`, None without any; `seen`
        counts them), and per country; and the chips that moved most.

    Raises:
        UsageError: fewer than two models, two alike, or no chip in common.
    """
    if len(evaluations) < 2:
        raise UsageError("A comparison needs two models at least: give --compare M1 M2.")
    keys = [(e.model["id"], tuple(sorted(e.model["parameters"].items())), e.threshold) for e in evaluations]
    if len(set(keys)) < len(keys):
        raise UsageError("Two of the models to compare are the same at the same threshold: give different ones.")
    counts = [{record.id: h.confusion(e.threshold) for record, _, h in e.predictions if h.pixels} for e in evaluations]
    common = [record for record, _, _ in evaluations[0].predictions if all(record.id in c for c in counts)]
    if not common:
        raise UsageError("No chip was scored under all of the models to compare: see what was skipped.")
    return {
        "metric": "micro IoU of the first model less that of the other, on the chips that all models have scored",
        "interval": "95 %, paired bootstrap over chips",
        "chips": len(common),
        "models": [
            {
                "model": e.model,
                "threshold": e.threshold,
                "seen": tally(e.seen.get(r.id) for r in common),
                "iou": _total([c[r.id] for r in common]).iou,
                "f1": _total([c[r.id] for r in common]).f1,
                "precision": _total([c[r.id] for r in common]).precision,
                "recall": _total([c[r.id] for r in common]).recall,
            }
            for e, c in zip(evaluations, counts, strict=True)
        ],
        "pairs": [
            _pair(
                evaluations[0].model["name"],
                other.model["name"],
                [(r, counts[0][r.id], theirs[r.id]) for r in common],
                {r.id: seen_by_either(evaluations[0].seen.get(r.id), other.seen.get(r.id)) for r in common},
            )
            for other, theirs in zip(evaluations[1:], counts[1:], strict=True)
        ],
    }


def seen_by_either(first: bool | None, second: bool | None) -> bool | None:
    """Return whether one of two models has seen a chip; None where one does not tell and the other has not."""
    if first or second:
        return True
    return None if first is None or second is None else False


def _pair(first_name: str, second_name: str, chips: Sequence[_Pair], seen: Mapping[str, bool | None]) -> Pair:
    countries: dict[str, list[_Pair]] = {}
    for chip in chips:
        countries.setdefault(chip[0].country_group, []).append(chip)
    moved = sorted(chips, key=lambda chip: (-abs(_movement(chip)), chip[0].id))
    return {
        "first": first_name,
        "second": second_name,
        **_marked(chips, seen),
        "countries": [{"name": name, **_marked(group, seen)} for name, group in sorted(countries.items())],
        "moved_most": [
            {
                "id": record.id,
                "country": record.country,
                "fewer_wrong_pixels": -_movement((record, first, second)),
                "first_iou": first.iou,
                "second_iou": second.iou,
                "seen_in_training": seen[record.id],
            }
            for record, first, second in moved[:MOVERS]
            if _movement((record, first, second))
        ],
    }


def _marked(chips: Sequence[_Pair], seen: Mapping[str, bool | None]) -> MarkedDifference:
    new = [chip for chip in chips if seen[chip[0].id] is False]
    return {
        **_difference(chips),
        "micro_unseen": _difference(new) if new else None,
        "seen": tally(seen[record.id] for record, _, _ in chips),
    }


def _difference(chips: Sequence[_Pair]) -> Difference:
    first, second = [a for _, a, _ in chips], [b for _, _, b in chips]
    one, two = _total(first).iou, _total(second).iou
    interval = paired_interval(first, second)
    return {
        "chips": len(chips),
        "first_iou": one,
        "second_iou": two,
        "difference": None if one is None or two is None else one - two,
        "difference_ci": None if interval is None else [interval.low, interval.high],
        "share_of_resamples_above_0": None if interval is None else interval.share_above,
    }


def _total(counts: Sequence[Confusion]) -> Confusion:
    return sum(counts, Confusion(0, 0, 0, 0))


def _movement(chip: _Pair) -> int:
    """Return how many more pixels of a chip the first model has wrong."""
    _, first, second = chip
    return first.fp + first.fn - second.fp - second.fn
