"""What in a catalog would spoil a score: found in the records alone, no raster is read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from shapely import STRtree, area, intersection

from tiles.antimeridian import within_half_turn
from tiles.chip import ChipRecord

DOMINANT = 0.5
"""Share of the labelled chips from which on a country is said to dominate."""
OVERLAP = 0.5
"""Share of the smaller footprint that two chips of one date must have in common to be one place."""

Kind = Literal["seen", "dominance", "leak", "duplicate", "no_imagery"]


@dataclass(frozen=True)
class Finding:
    """One thing that would spoil a score.

    Attributes:
        kind: seen, dominance, leak, duplicate or no_imagery.
        text: what it is, and what it does to a score.
        chips: the chips concerned, in the catalog's order.
    """

    kind: Kind
    text: str
    chips: tuple[str, ...]


def audit(
    records: Iterable[ChipRecord],
    seen: Callable[[ChipRecord], bool | None] | None = None,
    model: str = "the model",
    empty: Callable[[ChipRecord], bool] = lambda _: False,
) -> list[Finding]:
    """Return what would spoil a score of these chips, the gravest first.

    Args:
        records: the chips.
        seen: whether the model in use was trained on a chip; None where that is not known.
        model: its name.
        empty: whether a chip's label is known to know no pixel that has data: no score counts it.
    """
    chips = list(records)
    shown = [] if seen is None else _seen([r for r in chips if not empty(r)], seen, model)
    return [*shown, *_leaks(chips), *_duplicates(chips), *_dominance(chips), *_without_imagery(chips)]


def _seen(records: Sequence[ChipRecord], seen: Callable[[ChipRecord], bool | None], model: str) -> list[Finding]:
    """Return the labelled chips that the model was trained on: how well it does on them says nothing of others."""
    labelled = [r for r in records if r.has_imagery and r.has_label]
    chips = tuple(r.id for r in labelled if seen(r))
    if not chips:
        return []
    left = len(labelled) - len(chips)
    rest = "none is left to judge it by" if not left else f"{left} {'is' if left == 1 else 'are'} left to judge it by"
    text = (
        f"{model} was trained or calibrated on {len(chips)} of {len(labelled)} labelled "
        f"chip{'' if len(labelled) == 1 else 's'}: how it does on {'it' if len(chips) == 1 else 'them'} is no measure of it; "
        f"{rest}."
    )
    return [Finding("seen", text, chips)]


def _leaks(records: Sequence[ChipRecord]) -> list[Finding]:
    """Return the floods of which chips are in two splits: a model is then tested on a flood that it has seen."""
    floods: dict[tuple[str, str], list[ChipRecord]] = defaultdict(list)
    for record in records:
        if record.event and record.split:
            floods[record.source, record.event].append(record)
    found = []
    for (_, event), chips in sorted(floods.items()):
        splits = Counter(r.split for r in chips)
        if len(splits) > 1:
            parts = ", ".join(f"{count} in {split}" for split, count in sorted(splits.items(), key=lambda s: str(s[0])))
            text = f"Chips of one flood, {event}, are in several splits ({parts}): a test on them says little of a new flood."
            found.append(Finding("leak", text, tuple(r.id for r in chips)))
    return found


def _duplicates(records: Sequence[ChipRecord]) -> list[Finding]:
    """Return the pairs of sources that show one place on one date."""
    dated: dict[str, list[ChipRecord]] = defaultdict(list)
    for record in records:
        if record.date and record.footprint is not None:
            dated[record.date[:10]].append(record)
    pairs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for chips in dated.values():
        if len({r.source for r in chips}) < 2:
            continue
        shapes = np.array([within_half_turn(r.footprint) for r in chips if r.footprint is not None])
        one, two = STRtree(shapes).query(shapes, predicate="intersects")
        new = np.array(
            [i < j and chips[i].source != chips[j].source for i, j in zip(one, two, strict=True)], dtype=bool
        )
        one, two = one[new], two[new]
        common = area(intersection(shapes[one], shapes[two])) / np.minimum(area(shapes[one]), area(shapes[two]))
        for i, j in zip(one[common > OVERLAP], two[common > OVERLAP], strict=True):
            pairs[_layouts(chips[i], chips[j])] += [chips[i].id, chips[j].id]
    found = []
    for (first, second), ids in sorted(pairs.items()):
        count = len(ids) // 2
        text = (
            f"{count} place{'' if count == 1 else 's'} on the same date {'is' if count == 1 else 'are'} in two sources "
            f"({first} and {second}): they count twice, and must not be in training and test."
        )
        found.append(Finding("duplicate", text, tuple(dict.fromkeys(ids))))
    return found


def _layouts(one: ChipRecord, other: ChipRecord) -> tuple[str, str]:
    first, second = sorted((one.layout, other.layout))
    return first, second


def _dominance(records: Sequence[ChipRecord]) -> list[Finding]:
    """Return the country that most labelled chips are of, where there are three countries or more."""
    labelled = [r for r in records if r.has_imagery and r.has_label]
    countries = Counter(r.country_group for r in labelled)
    if len(countries) < 3:
        return []
    country, count = countries.most_common(1)[0]
    if count <= DOMINANT * len(labelled):
        return []
    text = (
        f"{count} of {len(labelled)} labelled chips ({100 * count / len(labelled):.0f} %) are of {country}: the micro IoU of "
        "all chips is mostly that of one country."
    )
    return [Finding("dominance", text, tuple(r.id for r in labelled if r.country_group == country))]


def _without_imagery(records: Sequence[ChipRecord]) -> list[Finding]:
    """Return the chips with a label whose imagery is not there."""
    chips = tuple(r.id for r in records if r.label is not None and not r.has_imagery)
    if not chips:
        return []
    text = (
        f"{len(chips)} chip{' has' if len(chips) == 1 else 's have'} a label and no usable imagery: "
        f"{'it is' if len(chips) == 1 else 'they are'} not scored."
    )
    return [Finding("no_imagery", text, chips)]
