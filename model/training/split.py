"""Which chips train and which validate. Chips of one flood never stand on both sides: they are near copies of each other."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shapely import STRtree

from tiles.antimeridian import within_half_turn
from tiles.chip import ChipRecord
from tiles.errors import UsageError

GroupBy = Literal["country", "event", "source"]

# Each chip of DrivenData lies on one of Sen1Floods11 by 89 to 99 %, on the same day: two folders, one source.
_ONE_SOURCE = {"sen1floods11": "Sen1Floods11 and DrivenData", "drivendata": "Sen1Floods11 and DrivenData"}

_NAMELESS = "they name no flood or country and have no place, so one scene may be on both sides and scores be too high"
_TRAINING = {"train", "training"}
_VALIDATION = {"valid", "validation", "val", "dev"}


@dataclass(frozen=True)
class Split:
    """Chips to train on, chips to validate on, and how they were told apart.

    Attributes:
        train, validation: chips with imagery and a label.
        rule: in words, for the model card.
    """

    train: tuple[ChipRecord, ...]
    validation: tuple[ChipRecord, ...]
    rule: str


@dataclass(frozen=True)
class Fold:
    """One turn of a cross-validation: `left_out` is scored by a model that has seen `train` alone."""

    name: str
    train: tuple[ChipRecord, ...]
    left_out: tuple[ChipRecord, ...]


def group_of(record: ChipRecord, by: GroupBy) -> str:
    """Return the group a chip belongs to. One flood may cross a border, so a country's group is not finer than an event.

    A source is a data set: the folder (or catalog) that was given, by its name, and folders of one name are one; all folders
    that are laid out as Sen1Floods11 or as DrivenData are one, since these two hold the same floods.

    Chips without any of it and without a place are grouped by their series of names, as the tiles of one scene are named.
    """
    if by == "source":
        return _ONE_SOURCE.get(record.layout) or Path(record.source).name or record.id
    value = record.country if by == "country" else record.event
    return value or record.event or record.country or record.series or record.id


def split_by_source(records: Sequence[ChipRecord]) -> Split:
    """Return the split that the source itself names; chips of its test split are on neither side.

    Raises:
        UsageError: no chip is of a training split, or none of a validation split.
    """
    train = tuple(r for r in records if (r.split or "").lower() in _TRAINING)
    validation = tuple(r for r in records if (r.split or "").lower() in _VALIDATION)
    if not train or not validation:
        raise UsageError(
            f"The sources' own split names {len(train)} labelled chip(s) to train on and {len(validation)} to validate on: "
            "use --split event or country, or give a source that has both."
        )
    return Split(train, validation, "the split of the source")


def split_by_group(records: Sequence[ChipRecord], by: GroupBy, share: float = 0.2, seed: int = 0) -> Split:
    """Return a split that keeps each event or country whole.

    Groups are taken for validation, in an order that the seed draws, until they hold `share` of the chips. Simulated chips
    validate only where there are no others: a model for real floods is judged by real floods.

    Where all are one series of names (see `group_of`), each chip stands for itself, and the rule says what that costs.

    Args:
        records: chips with imagery and a label.
        by: what is kept whole.
        share: of the chips to validate on, in (0, 1).
        seed: of the order.

    Raises:
        UsageError: there are fewer than two groups.
    """
    judges = [r for r in records if not r.simulated] or list(records)
    groups = _grouped(judges, by)
    nameless = len(groups) == 1 and len(judges) > 1 and all(r.series is not None for r in judges)
    if nameless:
        groups = {r.id: [r] for r in judges}
    if len(groups) < 2:
        raise UsageError(
            f"All {len(judges)} labelled chips are of one {by} ({next(iter(groups), 'none')}), so none can be kept apart to "
            f"validate on: give chips of another {by}, or a catalog with a split of its own (--split source)."
        )
    order = sorted(groups, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    wanted = share * len(judges)
    chosen: list[str] = []
    for name in order[: len(groups) - 1]:
        if chosen and sum(len(groups[n]) for n in chosen) >= wanted:
            break
        chosen.append(name)
    validation = tuple(r for name in sorted(chosen) for r in groups[name])
    left = ", ".join(sorted(chosen))
    if nameless:
        training = tuple(r for r in records if r not in validation)
        return Split(training, validation, f"by chip ({_NAMELESS}), left to validate: {left}")
    return Split(apart(records, validation), validation, f"by {by}, left to validate: {left}")


def k_fold(records: Sequence[ChipRecord], by: GroupBy, k: int | None, seed: int = 0) -> list[Fold]:
    """Return `k` folds of whole groups with about as many chips each; one a group where `k` is None.

    Raises:
        UsageError: there are fewer than two groups, or fewer than `k`.
    """
    real = [r for r in records if not r.simulated] or list(records)
    groups = _grouped(real, by)
    if len(groups) < max(2, k or 2):
        raise UsageError(
            f"The {len(real)} labelled chips are of {len(groups)} {by}(s): {k or 2} folds need as many. Give chips of others."
        )
    bins: list[list[str]]
    if k is None:
        bins = [[name] for name in sorted(groups)]
    else:
        bins = [[] for _ in range(k)]
        order = sorted(groups, key=lambda n: (-len(groups[n]), hashlib.sha256(f"{seed}:{n}".encode()).digest()))
        for name in order:
            min(bins, key=lambda b: sum(len(groups[n]) for n in b)).append(name)
    folds = []
    for names in bins:
        left_out = tuple(r for name in names for r in groups[name])
        folds.append(Fold(", ".join(sorted(names)), apart(records, left_out), left_out))
    return folds


def apart(records: Iterable[ChipRecord], judges: Sequence[ChipRecord]) -> tuple[ChipRecord, ...]:
    """Return the records that share nothing with those that judge: neither event nor ground, nor a series of names.

    Two sources may hold one flood under two names, with chips that lie on each other. A simulated chip shares nothing
    with a real one, wherever it is placed.
    """
    ids = {r.id for r in judges}
    kept = [r for r in records if r.id not in ids]
    for simulated in (False, True):
        others = [r for r in judges if r.simulated == simulated]
        events = {r.event for r in others if r.event}
        series = {r.series for r in others if r.series}
        ground = STRtree([within_half_turn(r.footprint) for r in others if r.footprint is not None])
        kept = [
            r
            for r in kept
            if r.simulated != simulated
            or not (
                r.event in events
                or r.series in series
                or (
                    r.footprint is not None and ground.query(within_half_turn(r.footprint), predicate="intersects").size
                )
            )
        ]
    return tuple(kept)


def _grouped(records: Iterable[ChipRecord], by: GroupBy) -> dict[str, list[ChipRecord]]:
    groups: defaultdict[str, list[ChipRecord]] = defaultdict(list)
    for record in records:
        groups[group_of(record, by)].append(record)
    return dict(groups)
