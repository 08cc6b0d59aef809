"""Images and labels that lie in two places: paired by what their names have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tiles.chip import Asset, ChipRecord
from tiles.errors import Problem, SourceError
from tiles.layouts.endings import lack_of_labels
from tiles.layouts.folder import Truth, tiffs
from tiles.layouts.geotiff import legend_of
from tiles.layouts.names import pair_key, part_of, sen1floods11_chip
from tiles.naming import nfc
from tiles.reading.headers import inspected
from tiles.sentences import shown


def labels_in(folder: Path, problems: list[Problem]) -> dict[str, Truth]:
    """Return the GeoTIFFs of a folder of labels, by what their names share with their images'; a second one is told.

    Raises:
        SourceError: it is no folder, cannot be read, or holds no GeoTIFF.
    """
    name = shown(folder)
    if not folder.is_dir():
        raise SourceError(f"{name} is no folder: give the folder that the labels lie in.")
    try:
        lack, found = lack_of_labels(folder), tiffs(folder)
    except OSError as error:
        raise SourceError(f"{name} cannot be read ({error.strerror}): give permission to it.") from error
    if lack is not None:
        raise SourceError(lack)
    out: dict[str, Truth] = {}
    second: list[Path] = []
    for path in found:
        part = part_of(path)
        if part.role == "side" and part.sure and not part.told:
            continue
        key = pair_key(sen1floods11_chip(path.stem))
        if key in out:
            second.append(path)
        else:
            out[key] = Truth(path, legend_of(path))
    if second:
        text = f"{len(second)} label(s) of {name} have the name of another, as {shown(second[0].name)}: rename them."
        problems.append(Problem(shown(second[0].name), text))
    return out


def key_of(record: ChipRecord) -> str | None:
    """Return what a chip's image has in common with its label, by its file's name; None of a chip without a file."""
    if record.vv is None:
        return None
    part = part_of(Path(record.vv.path))
    return pair_key(part.key if part.role in {"both", "vv", "vh"} else nfc(Path(record.vv.path).stem))


def unpaired(folder: Path, truth: dict[str, Truth], records: Sequence[ChipRecord]) -> list[Problem]:
    """Say which images have no label in a folder, and which labels no image: one line each, with how many and an example."""
    keys = {key: record for record in records if (key := key_of(record)) is not None}
    lone = [record.id for key, record in keys.items() if key not in truth]
    stray = [label.path.name for key, label in truth.items() if key not in keys]
    problems: list[Problem] = []
    if lone:
        have = "has" if len(lone) == 1 else "have"
        text = f"{len(lone)} of {len(keys)} images {have} no label in {shown(folder)}, as {lone[0]}: name the label as its image."
        problems.append(Problem(lone[0], text))
    if stray:
        belong = "label belongs" if len(stray) == 1 else "labels belong"
        which = f"{shown(stray[0])} in {shown(folder)}"
        text = f"{len(stray)} of {len(truth)} {belong} to no image, as {which}: name it as its image."
        problems.append(Problem(shown(stray[0]), text))
    return problems


def labelled(records: Sequence[ChipRecord], folder: Path) -> tuple[list[ChipRecord], list[Problem]]:
    """Return chips with the labels of a folder in place of their own, and what has no partner.

    Raises:
        SourceError: the folder holds no label, or none of them belongs to one of the chips.
    """
    problems: list[Problem] = []
    truth = labels_in(folder, problems)
    out = []
    for record in records:
        key = key_of(record)
        label = truth.get(key) if key is not None else None
        if label is None:
            out.append(record)
            continue
        given = replace(record, label=Asset(str(label.path)), legend=label.legend, label_problem=None)
        out.append(inspected(given) if record.problem is None else given)
    if not any(key_of(record) in truth for record in records):
        first = next(iter(truth.values())).path.name
        example = next((record.file for record in records if record.file), None)
        beside = f"{shown(first)} there, {shown(example)} here" if example else shown(first)
        raise SourceError(
            f"No label in {{file}} belongs to an image, by their names ({beside}): name each label as its image.",
            file=folder,
        )
    return out, problems + unpaired(folder, truth, records)
