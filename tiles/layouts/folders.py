"""Parallel folders: images in one, labels in another of a name that says so, or a folder each for VV, VH and labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tiles.errors import Problem
from tiles.layouts import geotiff
from tiles.layouts.folder import Reading, Truth, tiffs, unnamed
from tiles.layouts.names import Part, part_of
from tiles.layouts.pairing import labels_in, unpaired
from tiles.naming import nfc

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
_LABELS = frozenset(
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
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "test": "test",
}
# ETCI 2021 has its images and labels one folder deeper.
_WITHIN = ("", "tiles")


@dataclass(frozen=True)
class _Set:
    """Images and their labels: the folders of images (one, or VV's and VH's), that of labels, and the split."""

    images: tuple[Path, ...]
    labels: Path | None
    split: str | None = None


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
        if one.labels is not None and tiffs(one.labels):
            truth = labels_in(one.labels, problems)
        files = [pair for place in one.images for pair in _files(place)]
        found = geotiff.read_files(one.images[0], files, truth=truth, only=only)
        records += [replace(record, split=record.split or one.split) for record in found.records]
        problems += found.problems
        if only is None:
            problems += [problem for place in one.images for problem in unnamed(place)]
            problems += unpaired(one.labels, truth, found.records) if one.labels is not None and truth else []
    return Reading(records, problems if only is None else [])


def _files(place: Path) -> Iterator[tuple[Path, Part]]:
    """Give the files of a folder of images; of one that is named VV or VH, each file is that band whatever its name."""
    band = place.name.lower()
    for path in tiffs(place):
        part = part_of(path)
        if band in _BANDS and part.role == "both":
            part = Part(nfc(path.stem), "vv" if band == "vv" else "vh")
        yield path, part


def _sets(folder: Path) -> list[_Set]:
    if folder.name.lower() in _IMAGES and tiffs(folder):
        beside = _named(folder.parent, _LABELS)
        return [_Set((folder,), beside)] if beside else []
    if tiffs(folder):
        return []
    for within in _WITHIN:
        place = folder / within
        if (one := _set_of(place)) is not None:
            inner = [name for name in _SPLITS if all((p / name).is_dir() for p in one.images)]
            if inner and not any(tiffs(p) for p in one.images):
                return [
                    _Set(tuple(p / name for p in one.images), one.labels / name if one.labels else None, _SPLITS[name])
                    for name in inner
                    if one.labels is None or (one.labels / name).is_dir()
                ]
            return [one]
    split_sets = []
    for name, split in _SPLITS.items():
        for within in _WITHIN:
            one = _set_of(folder / name / within)
            if one is not None:
                split_sets.append(replace(one, split=split))
    return split_sets


def _set_of(place: Path) -> _Set | None:
    """Return the images and labels of a folder, or None where it does not hold both (or VV and VH)."""
    labels = _named(place, _LABELS)
    bands = [_named(place, frozenset({band})) for band in _BANDS]
    if all(bands):
        return _Set(tuple(band for band in bands if band is not None), labels)
    images = _named(place, _IMAGES)
    return _Set((images,), labels) if images is not None and labels is not None else None


def _named(place: Path, names: frozenset[str]) -> Path | None:
    if not place.is_dir():
        return None
    return next((p for p in sorted(place.iterdir()) if p.name.lower() in names and p.is_dir()), None)
