"""Parallel folders: images in one, labels in another of a name that says so, or a folder each for VV, VH and labels; each as a
whole, or in a folder for each split or event. Also labels in a folder below their images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tiles.errors import Problem
from tiles.layouts import geotiff
from tiles.layouts.endings import lack_of_labels
from tiles.layouts.folder import SPLITS, Reading, Truth, tiffs, unnamed
from tiles.layouts.names import Part, part_of
from tiles.layouts.nested import placed_in
from tiles.layouts.pairing import labels_in, unpaired
from tiles.naming import nfc
from tiles.sentences import shown

NAME = "folders"
FOLDERS = "images/ with labels/"
_IMAGES = frozenset(
    {
        "image",
        "images",
        "img",
        "imgs",
        "s1",
        "s1_raw",
        "s1raw",
        "sentinel1",
        "sentinel-1",
        "sentinel_1",
        "sar",
        "s1_img",
        "chips",
    }
)
LABELS = frozenset(
    {
        "label",
        "labels",
        "mask",
        "masks",
        "msk",
        "truth",
        "gt",
        "ground_truth",
        "groundtruth",
        "annotation",
        "annotations",
    }
    | {"flood_label", "flood_labels", "water_label", "flood_mask", "flood_masks", "s1_label", "labelhand"}
)
_BANDS = ("vv", "vh")
# ETCI 2021 has its images and labels one folder deeper.
_WITHIN = ("", "tiles")
_UP = 3  # tiles/images/train


@dataclass(frozen=True)
class _Set:
    """Images and their labels: the folders of images (one, or VV's and VH's), that of labels, the split, the event."""

    images: tuple[Path, ...]
    labels: Path | None
    split: str | None = None
    event: str | None = None


def is_part(folder: Path) -> bool:
    """Return whether a folder may be read together with others than those beside it: by its name, or those above it."""
    names = {one.name.lower() for one in list(folder.parents)[:_UP]}
    return folder.name.lower() in _BANDS or bool(names & {*_IMAGES, *_BANDS})


def recognises(folder: Path) -> bool:
    """Return whether images and labels lie in folders of documented names, here or in a folder for each split."""
    return bool(_sets(folder))


def read(source: Path) -> Reading:
    """Return the chips of parallel folders, or the chip of one file in them; a label that has no image is told, and so are
    images without one."""
    only = None if source.is_dir() else source
    folder = source if only is None else source.parent
    records, problems = [], list[Problem]()
    for one in _sets(folder):
        truth: dict[str, Truth] = {}
        if one.labels is not None:
            if (lack := lack_of_labels(one.labels)) is None:
                truth = labels_in(one.labels, problems)
            else:
                problems.append(Problem(shown(one.labels.name), lack))
        files = [pair for place in one.images for pair in _files(place)]
        found = geotiff.read_files(one.images[0], files, truth=truth, only=only)
        records += [
            placed_in(replace(record, split=record.split or one.split), one.event, event=one.event)
            for record in found.records
        ]
        problems += found.problems
        if only is None:
            problems += [problem for place in one.images for problem in unnamed(place)]
            problems += unpaired(one.labels, truth, found.records) if one.labels is not None and truth else []
    if only is not None:
        return Reading(records)
    return Reading(records, problems)


def _files(place: Path) -> Iterator[tuple[Path, Part]]:
    """Give the files of a folder of images; of one that is named VV or VH, each file is that band whatever its name."""
    band = place.name.lower()
    for path in tiffs(place):
        part = part_of(path)
        if band in _BANDS and part.role == "both":
            part = Part(nfc(path.stem), "vv" if band == "vv" else "vh")
        yield path, part


def _sets(folder: Path) -> list[_Set]:
    """Return the images and labels of a folder: those below it, or those that it is a part of, as images/ or images/train/."""
    if tiffs(folder):
        labels = _named(folder, LABELS)
        if labels is not None and tiffs(labels):
            return [_Set((folder,), labels)]
    elif sets := _sets_below(folder):
        return sets
    names = {folder.name.lower()}
    for root in list(folder.parents)[:_UP]:
        if names & {*_IMAGES, *_BANDS}:
            mine = [one for one in _sets_below(root) if any(folder in (place, *place.parents) for place in one.images)]
            if mine:
                return mine
        names.add(root.name.lower())
    return []


def _sets_below(folder: Path) -> list[_Set]:
    for within in _WITHIN:
        one = _set_of(folder / within)
        if one is not None:
            return _parts(one) or [one]
    return [
        replace(one, split=split)
        for name, split in SPLITS.items()
        for within in _WITHIN
        if (one := _set_of(folder / name / within)) is not None
    ]


def _parts(one: _Set) -> list[_Set]:
    """Return images and labels that lie in a folder each for a split or an event, of the same name below both."""
    if any(map(tiffs, one.images)):
        return []
    inner = [{place.name for place in images.iterdir() if place.is_dir() and tiffs(place)} for images in one.images]
    parts = []
    for name in sorted(set.intersection(*inner)):
        split = SPLITS.get(name.lower())
        labels = None if one.labels is None else one.labels / name
        parts.append(_Set(tuple(images / name for images in one.images), labels, split, None if split else name))
    return parts


def _set_of(place: Path) -> _Set | None:
    """Return the images and labels of a folder, or None where it does not hold both (or VV and VH)."""
    labels = _named(place, LABELS)
    bands = [_named(place, frozenset({band})) for band in _BANDS]
    if all(bands):
        return _Set(tuple(band for band in bands if band is not None), labels)
    images = _named(place, _IMAGES)
    return _Set((images,), labels) if images is not None and labels is not None else None


def _named(place: Path, names: frozenset[str]) -> Path | None:
    if not place.is_dir():
        return None
    return next((p for p in sorted(place.iterdir()) if p.name.lower() in names and p.is_dir()), None)
