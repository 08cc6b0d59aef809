"""Scores that count: of the chips that a model has not seen, and in words what stands where there are none (contract 9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict, TypeVar

_Figures = TypeVar("_Figures")

Tally = dict[str, int]
"""How many chips are "seen", "unseen" and "unknown"."""


class CrossValidated(TypedDict):
    """How good a model is where it has never been, as its bundle records it; None for what is not recorded.

    `note` is a sentence that belongs to the figure wherever it is shown: what else was chosen in view of these chips.
    """

    micro: float
    ci: list[float] | None
    mean: float | None
    by: str
    chips: int
    groups: int | None
    note: str | None


def seen_words(seen: Mapping[str, int]) -> str:
    """Return in words how many of the scored chips of something the model was trained or calibrated on; "" for none.

    Args:
        seen: as `tally` returns it.
    """
    chips = sum(seen.values())
    if seen["seen"]:
        return "seen" if seen["seen"] == chips else f"{seen['seen']} of {chips} seen"
    return "perhaps seen" if seen["unknown"] else ""


def marked(name: str, seen: Mapping[str, int]) -> str:
    """Return a name with the words that its chips ask for."""
    told = seen_words(seen)
    return f"{name} ({told})" if told else name


def headline_of(seen: Mapping[str, int], everything: _Figures, unseen: _Figures | None) -> _Figures | None:
    """Return the figures that may be shown as a headline; None where none may.

    They count the chips that are new to the model. Of a model that tells nothing, they count all, and `headline_name` says so.

    Args:
        seen: as `tally` returns it.
        everything, unseen: figures over all chips, and over unseen ones.
    """
    return everything if not seen["seen"] and not seen["unseen"] else unseen


def headline_name(seen: Mapping[str, int]) -> str:
    """Return what the headline counts, in words."""
    if seen["unseen"]:
        return "all unseen" if seen["seen"] or seen["unknown"] else "all"
    return "all, perhaps seen" if seen["unknown"] else "all"


def tally(seen: Iterable[bool | None]) -> Tally:
    """Return how many chips are "seen", "unseen" and "unknown": those of which it cannot be told."""
    values = list(seen)
    return {
        "seen": sum(1 for v in values if v is True),
        "unseen": sum(1 for v in values if v is False),
        "unknown": sum(1 for v in values if v is None),
    }


def headline_sentence(seen: Mapping[str, int], name: str, crossvalidated: CrossValidated | None) -> str:
    """Return which chips the headline counts, and what stands in its place without; "" where every chip is new to the model.

    Args:
        seen: as `tally` returns it.
        name: of the model.
        crossvalidated: how good it is where it has never been, where that is recorded.
    """
    chips = sum(seen.values())
    elsewhere = _elsewhere(name, crossvalidated)
    if seen["unseen"]:
        left = chips - seen["unseen"]
        if not left:
            return ""
        why = "was trained or calibrated on" if not seen["unknown"] else "was trained on, or may have been,"
        return f"Counted are the {_chips(seen['unseen'])} of {chips} that are new to {name}; it {why} the others.{elsewhere}"
    if seen["seen"] == chips:
        return (
            f"None of these {_chips(chips)} is new to {name}: it was trained or calibrated on all of them, so there is no "
            f"headline score.{elsewhere}"
        )
    if seen["seen"]:
        return (
            f"{name} was trained or calibrated on {seen['seen']} of these {_chips(chips)}, and nobody can tell of the others, so "
            f"there is no headline score.{elsewhere}"
        )
    return (
        f"{name} does not tell what it was trained on, or these chips are too small to be recognised without a place, so their "
        "scores may be of what it has seen: take "
        f"none of them for its quality.{elsewhere}"
    )


def marks_sentence(seen: Mapping[str, int], name: str) -> str:
    """Return what the words of a report's rows mean, those that are in it; "" without any."""
    told = []
    if seen["seen"]:
        told.append(f'"seen": {name} was trained or calibrated on these chips, so their figures are no measure of it.')
    if seen["unknown"]:
        told.append(f'"perhaps seen": it cannot be told whether {name} was trained on these chips.')
    return " ".join(told)


def comparison_sentence(seen: Mapping[str, int], first: str, second: str) -> str:
    """Return which chips the headline difference of two models counts; "" where all are new to both."""
    names, chips = f"{first} and {second}", sum(seen.values())
    if seen["unseen"] == chips:
        return ""
    if seen["unseen"]:
        return f"Counted are the {_chips(seen['unseen'])} of {chips} that are new to both {names}."
    if seen["seen"]:
        return f"None of these {_chips(chips)} is known to be new to both {names}, so there is no headline difference."
    return f"{names} do not both tell what they were trained on, so one may have seen these chips."


def crossvalidated_sentence(name: str, crossvalidated: CrossValidated | None) -> str:
    """Return how good a model is where it has never been, by its own record, or "" where it records nothing."""
    return _elsewhere(name, crossvalidated).strip()


def _elsewhere(name: str, crossvalidated: CrossValidated | None) -> str:
    if crossvalidated is None:
        return ""
    interval = crossvalidated["ci"]
    told = f" [{interval[0]:.3f} to {interval[1]:.3f}]" if interval else ""
    note = f" {crossvalidated['note']}" if crossvalidated["note"] else ""
    return (
        f" Where it had never been, each {crossvalidated['by']} left out in turn, the micro IoU of {name} was "
        f"{crossvalidated['micro']:.3f}{told} over {_chips(crossvalidated['chips'])}.{note}"
    )


def _chips(count: int) -> str:
    return f"{count} chip{'' if count == 1 else 's'}"
