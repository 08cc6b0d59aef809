"""A folder of folders: a folder an event or a chip, each of a layout of its own, one or a few below the one that was given."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tiles.chip import ASSETS, ChipRecord
from tiles.errors import Problem
from tiles.layouts.folder import SPLITS, Reading, tiffs
from tiles.layouts.names import pair_key, part_of
from tiles.layouts.pairing import key_of
from tiles.naming import chip_id
from tiles.sentences import Sentence, shown

_DEPTH = 3
"""So many folders lie in each other at most: Kuro Siwo has activation, area and tile."""

Read = Callable[[Path], Reading | None]


def read_below(folder: Path, read: Read) -> Reading | None:
    """Return the chips of all folders in a folder, or None where none of them is one of chips.

    A folder of several chips is an event by its name, train, val and test are splits. Names of folders are part of the chips'
    ids, where a chip is not called so already.

    Args:
        folder: the one that was given.
        read: reads a folder by the layout that recognises it; None where none does.
    """
    found = list(_found(folder, read, _DEPTH))
    good = [(place, one) for place, one in found if any(record.has_imagery for record in one.records)]
    if not good:
        return (
            Reading([r for _, one in found for r in one.records], [p for _, one in found for p in one.problems])
            if found
            else None
        )
    names = [[part for part in place.relative_to(folder).parts if part.lower() not in SPLITS] for place, _ in good]
    level = _first_difference(names)
    several = any(len(one.records) > 1 for _, one in good)
    records, problems = [], list[Problem]()
    for (place, one), called in zip(good, names, strict=True):
        split = next((SPLITS[part.lower()] for part in place.relative_to(folder).parts if part.lower() in SPLITS), None)
        event = called[level] if len(called) > level and (several or len(called) > level + 1) else None
        for record in one.records:
            for name in reversed(called):
                record = placed_in(record, name, event=event)  # noqa: PLW2901
            records.append(replace(record, split=record.split or split))
        problems += one.problems
    return Reading(
        records, problems + _left_aside([place for place, one in found if (place, one) not in good], records)
    )


def left_below(folder: Path, records: Sequence[ChipRecord]) -> list[Problem]:
    """Say which folders in a folder of loose chips hold images, or labels, that belong to none of its chips."""
    if not records or any(r.vv is not None and Path(r.vv.path).parent != folder for r in records):
        return []
    files = [asset.path for record in records for name in ASSETS if (asset := getattr(record, name)) is not None]
    keys, problems = {key_of(record) for record in records}, list[Problem]()
    for place in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        there = [path for path in tiffs(place) if part_of(path).role in {"both", "vv", "vh"}]
        if not there or any(file.startswith(f"{place}{os.sep}") for file in files):
            continue
        text = "{file} holds GeoTIFFs too, which are left aside: name it as a source of its own, beside this one."
        if keys & {pair_key(path.stem) for path in there}:
            text = "{file} holds GeoTIFFs called as these chips, which are left aside; if they are labels, add --labels {file}"
        problems.append(Problem(shown(place.name), Sentence(text, file=place)))
    return problems


def _first_difference(names: Sequence[Sequence[str]]) -> int:
    """Return how many folders all places have in common: a folder that holds all of them is no event."""
    level = 0
    while len(names) > 1 and all(len(one) > level for one in names) and len({one[level] for one in names}) == 1:
        level += 1
    return level


def placed_in(record: ChipRecord, name: str | None, *, event: str | None = None) -> ChipRecord:
    """Return a chip that lies in a folder of some name: its id begins so, and it is of that event, or of the one given."""
    if name is None:
        return record
    called = record.id if chip_id(name) in record.id else chip_id(f"{name}_{record.id}")
    return replace(record, id=called, event=record.event or event)


def _found(folder: Path, read: Read, depth: int) -> Iterator[tuple[Path, Reading]]:
    with contextlib.suppress(OSError):
        for place in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
            one = read(place)
            if one is not None:
                yield place, one
            elif depth > 1:
                yield from _found(place, read, depth - 1)


def _left_aside(places: Sequence[Path], records: Sequence[ChipRecord]) -> list[Problem]:
    """Say of folders without an image that they are left aside, and where they are called as the images, how labels are given."""
    keys = {key_of(record) for record in records}
    others, problems = [], []
    for place in places:
        if keys & {pair_key(path.stem) for path in tiffs(place)}:
            text = "{file} holds no image, and is left aside; if it holds labels, add --labels {file}"
            problems.append(Problem(shown(place.name), Sentence(text, file=place)))
        else:
            others.append(place)
    if others:
        more = f" and {len(others) - 1} more folders hold" if len(others) > 1 else " holds"
        text = f"{{file}}{more} no image that can be used, and {'are' if len(others) > 1 else 'is'} left aside."
        problems.append(Problem(shown(others[0].name), Sentence(text, file=others[0])))
    return problems
