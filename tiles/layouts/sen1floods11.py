"""The Sen1Floods11 layout in the shapes that people have it: S1Hand/ or S1GRDHand/ with LabelHand/ beside, one flat folder,
split lists near it, footprints of chips whose imagery is elsewhere, the weakly labelled part."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from tiles.antimeridian import in_one_piece
from tiles.chip import Asset, ChipRecord
from tiles.errors import BandError, ChipError, Problem
from tiles.files import read_small
from tiles.layouts.folder import Reading, tiffs, unnamed
from tiles.layouts.lists import read_splits, split_lists
from tiles.layouts.names import part_of, sen1floods11_chip
from tiles.naming import chip_id, file_names, nfc
from tiles.places import country_at, country_name, iso_date, outline_refusal
from tiles.reading.headers import Headers, inspected, two_band_assets
from tiles.sentences import shown

NAME = "sen1floods11"
FOLDERS = "Sen1Floods11"
_FOOTPRINTS, _EVENTS = "chip_footprints.geojson", "Sen1Floods11_Metadata.geojson"
_HAND = ("S1Hand", "S1GRDHand")  # the bucket's name, and that of the copy for terratorch and TerraMind
_WEAK = {"S1Weak": ("S1OtsuLabelWeak", "S2IndexLabelWeak"), "S1Perm": ("JRCPerm",)}
# Folders of the bucket and its copies that hold others.
_WAYS = frozenset({"v1.1", "data", "flood_events", "handlabeled", "weaklylabeled", "perm_water", "sen1floods11"})
_DEPTH = 5
_MOST_BYTES, _LONGEST = 256 << 20, 200  # of a GeoJSON, and letters of an event with its number
_SPLITS = ("splits", "splits/flood_handlabeled", "")


def recognises(folder: Path) -> bool:
    """Return whether the folder holds images of Sen1Floods11 by the names of folders or files, or its chips' footprints."""
    return bool(_imagery_folders(folder)) or (folder / _FOOTPRINTS).is_file()


def is_part(folder: Path) -> bool:
    """Return whether a folder is by its name a part of the data set, whose lists and labels may lie beside or above it."""
    return folder.name in (*_HAND, *_WEAK) or folder.name.lower() in _WAYS


def _imagery_folders(folder: Path) -> list[Path]:
    """Return the folders that images lie in: this one, or some below it on the data set's own ways."""
    if folder.name in (*_HAND, *_WEAK) or _is_flat(folder):
        return [folder]
    return list(_below(folder, _DEPTH))


def _is_flat(folder: Path) -> bool:
    """Return whether a folder holds images by Sen1Floods11's names, and no others."""
    images = [path for path in tiffs(folder) if part_of(path).role in {"both", "vv", "vh"}]
    return bool(images) and all(sen1floods11_chip(path.stem) != nfc(path.stem) for path in images)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    for path in sorted(p for p in folder.iterdir() if p.is_dir()) if depth else []:
        if path.name in (*_HAND, *_WEAK):
            yield path
        elif path.name.lower() in _WAYS or path.name.lower().startswith("sen1floods11"):
            yield from _below(path, depth - 1)


def read(source: Path) -> Reading:
    """Return the chips of a Sen1Floods11 folder (or of one image in it), with imagery first, then those known by footprint.

    The event is the part of the name before the number; the country is the event's (the Mekong chips lie in
    Cambodia). Dates and footprints come from `chip_footprints.geojson` or the event metadata where they are there;
    such a file that is damaged is told as a problem, and costs what it would have said.
    """
    only = None if source.is_dir() else source
    folder = source if only is None else source.parent
    problems: list[Problem] = []
    homes = _imagery_folders(folder)
    near = [folder, *_above(homes[0] if homes else folder)]
    known = _footprints(_first(near, _FOOTPRINTS), problems) if only is None else {}
    dates = _event_dates(_first(near, _EVENTS), problems)
    records: dict[str, ChipRecord] = {}
    for home in homes:
        problems += unnamed(home) if only is None else []
        problems += _weak_labels(home)
        labels, permanents = _Beside(home, "LabelHand"), _Beside(home, "JRCWaterHand")
        for path in tiffs(home):
            stem = sen1floods11_chip(path.stem)
            if not _is_image(path, home) or (only is not None and path != only):
                continue
            if stem in records:
                problems.append(Problem(path.name, f"{shown(path)} is a second image of the chip {stem}: rename one."))
                continue
            event = stem.rsplit("_", 1)[0]
            properties = known.get(stem, ({}, None))[0]
            label = labels.of(stem) if home.name not in _WEAK else None
            permanent = permanents.of(stem)  # 0 or 1
            record = ChipRecord(
                id=chip_id(stem),
                country=country_name(event),
                event=event,
                date=iso_date(properties.get("s1_date")) or dates.get(event.lower()),
                layout=NAME,
                source=str(folder),
                file=file_names(path),
                legend=NAME if label else None,
                label=Asset(str(label)) if label else None,
                permanent_water=Asset(str(permanent)) if permanent else None,
            )
            records[stem] = _with_imagery(record, path)
    for stem, (properties, footprint) in known.items():
        if stem not in records:
            records[stem] = ChipRecord(
                id=chip_id(stem),
                country=country_name(str(properties["event"])) or country_at(footprint),
                event=str(properties["event"]),
                date=iso_date(properties.get("s1_date")),
                layout=NAME,
                source=str(folder),
                footprint=footprint,
            )
    splits = _splits(near, records, problems if only is None else [])
    return Reading([replace(r, split=splits.get(stem)) for stem, r in records.items()], problems)


def _is_image(path: Path, home: Path) -> bool:
    """Return whether a file is an image: by its ending where images and labels share a folder, else whatever it is called."""
    return home.name in (*_HAND, *_WEAK) or sen1floods11_chip(path.stem) != nfc(path.stem)


class _Beside:
    """The files of one kind, as labels, from the folder of that name beside the images' or from the images' own."""

    def __init__(self, home: Path, kind: str) -> None:
        """List the folders that they may lie in: a file in each of many places is not asked for a hundred thousand times."""
        self._kind = kind
        self._places = [(place, _names(place)) for place in (home.parent / kind, home / kind, home)]

    def of(self, stem: str) -> Path | None:
        """Return a chip's file."""
        for place, names in self._places:
            for name in (f"{stem}_{self._kind}", stem) if place.name == self._kind else (f"{stem}_{self._kind}",):
                for ending in (".tif", ".tiff", ".TIF"):
                    if f"{name}{ending}" in names:
                        return place / f"{name}{ending}"
        return None


def _names(folder: Path) -> frozenset[str]:
    """Return the names in a folder; raises OSError where it is there and cannot be listed."""
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208 - a hundred thousand names
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def _weak_labels(home: Path) -> list[Problem]:
    """Say of labels that no person drew why they are no truth here, and how they are used all the same."""
    kinds = [home.parent / kind for kind in _WEAK.get(home.name, ()) if (home.parent / kind).is_dir()]
    if not kinds:
        return []
    names = " and ".join(kind.name for kind in kinds)
    text = (
        f"The labels in {names} are weak, drawn by a rule and not by a person, so the chips of {shown(home)} are listed without "
        f"truth: to take them as truth all the same, add --labels {shlex.quote(shown(kinds[0]))}"
    )
    return [Problem(home.name, text)]


def _above(folder: Path) -> list[Path]:
    """Return a folder and those that it lies in, as far as they are of the data set."""
    out = [folder]
    while len(out) <= _DEPTH and (out[-1].name in (*_HAND, *_WEAK) or out[-1].name.lower() in _WAYS):
        out.append(out[-1].parent)
    return out


def _first(places: list[Path], name: str) -> Path:
    return next((place / name for place in places if (place / name).is_file()), places[0] / name)


def _splits(near: list[Path], records: dict[str, ChipRecord], problems: list[Problem]) -> dict[str, str]:
    """Return the split of each chip, from the lists nearest to the images."""
    for place in dict.fromkeys([*near, near[0] / "v1.1"]):
        lists = split_lists([place / name for name in _SPLITS])
        if lists:
            return read_splits(lists, records, problems)
    return {}


def _with_imagery(record: ChipRecord, path: Path) -> ChipRecord:
    headers: Headers = {}
    try:
        vv, vh = two_band_assets(str(path), headers)
    except ChipError as error:
        if isinstance(error, BandError):  # it may be said what its bands are
            record = replace(record, vv=Asset(str(path)), vh=Asset(str(path)))
        return replace(record, problem=str(error))
    return inspected(replace(record, vv=vv, vh=vh), headers)


def _load_geojson(path: Path, problems: list[Problem]) -> list[Any]:
    if not path.is_file():
        return []
    try:
        features = json.loads(read_small(path, _MOST_BYTES))["features"]
        return list(features)
    except (ValueError, KeyError, TypeError, OSError, RecursionError):
        problems.append(
            Problem(path.name, f"{shown(path)} is not a readable GeoJSON feature collection: mend it or move it away.")
        )
        return []


def _footprints(path: Path, problems: list[Problem]) -> dict[str, tuple[dict[str, object], BaseGeometry]]:
    out: dict[str, tuple[dict[str, object], BaseGeometry]] = {}
    bad = 0
    for feature in _load_geojson(path, problems):
        try:
            properties = feature["properties"]
            number = properties["id"]
            stem = f"{properties['event']}_{int(number) if isinstance(number, float) else number}"
            stem.encode()  # JSON can spell letters that no file can hold
            # Footprints are traced outlines with ragged corners; the hull of a chip is the chip.
            outline = in_one_piece(shape(feature["geometry"])).minimum_rotated_rectangle
        except (LookupError, TypeError, ValueError, AttributeError, ShapelyError, OverflowError):
            bad += 1
            continue
        if outline_refusal(outline) or len(stem) > _LONGEST:
            bad += 1
        else:
            out[stem] = (properties, outline)
    if bad:
        problems.append(
            Problem(path.name, f"{shown(path)} has {bad} feature(s) without event, id or outline, left out: mend them.")
        )
    return out


def _event_dates(path: Path, problems: list[Problem]) -> dict[str, str]:
    out: dict[str, str] = {}
    for feature in _load_geojson(path, problems):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        date = iso_date(properties.get("s1_date")) if isinstance(properties, dict) else None
        if isinstance(properties, dict) and properties.get("location") and date:
            out[str(properties["location"]).lower()] = date
    if "cambodia" in out:
        out["mekong"] = out["cambodia"]
    return out
