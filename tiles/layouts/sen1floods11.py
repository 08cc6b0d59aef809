"""The Sen1Floods11 layout: S1Hand/, LabelHand/, split lists, footprints of chips whose imagery is elsewhere."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from tiles.antimeridian import in_one_piece
from tiles.chip import Asset, ChipRecord
from tiles.errors import ChipError
from tiles.layouts.folder import Reading, tiffs, unnamed
from tiles.naming import chip_id, file_names
from tiles.places import country_at, country_name, iso_date
from tiles.reading.headers import Headers, inspected, two_band_assets
from tiles.reading.sniff import shown

NAME = "sen1floods11"
_SUFFIX = "_S1Hand"
_SPLIT_FILE = re.compile(r"flood_(train|valid|test|bolivia)_data", re.IGNORECASE)
Problems = list[tuple[str, str]]
_NESTED = ("", "HandLabeled", "data/flood_events/HandLabeled", "v1.1/data/flood_events/HandLabeled")


def _imagery_folder(folder: Path) -> Path | None:
    return next((folder / n for n in _NESTED if (folder / n / "S1Hand").is_dir()), None)


def recognises(folder: Path) -> bool:
    """Return whether the folder holds S1Hand/ or the footprints of Sen1Floods11's chips."""
    return _imagery_folder(folder) is not None or (folder / "chip_footprints.geojson").is_file()


def read(folder: Path) -> Reading:
    """Return the chips of a Sen1Floods11 folder, with imagery first, then those known by footprint alone.

    The event is the part of the name before the number; the country is the event's (the Mekong chips lie in
    Cambodia). Dates and footprints come from `chip_footprints.geojson` or the event metadata where they are there;
    such a file that is damaged is told as a problem, and costs what it would have said.
    """
    problems: Problems = []
    known = _footprints(folder / "chip_footprints.geojson", problems)
    dates = _event_dates(folder / "Sen1Floods11_Metadata.geojson", problems)
    splits = _splits(folder, problems)
    home = _imagery_folder(folder)
    records: dict[str, ChipRecord] = {}
    if home is not None:
        problems += unnamed(home / "S1Hand")
    for path in tiffs(home / "S1Hand") if home is not None else []:
        stem = path.stem.removesuffix(_SUFFIX)
        event = stem.rsplit("_", 1)[0]
        label = path.parent.parent / "LabelHand" / f"{stem}_LabelHand.tif"
        permanent = path.parent.parent / "JRCWaterHand" / f"{stem}_JRCWaterHand.tif"  # 0 or 1
        properties = known.get(stem, ({}, None))[0]
        record = ChipRecord(
            id=chip_id(stem),
            country=country_name(event),
            event=event,
            date=iso_date(properties.get("s1_date")) or dates.get(event.lower()),
            split=splits.get(stem),
            layout=NAME,
            source=str(folder),
            file=file_names(path),
            legend=NAME,
            label=Asset(str(label)) if label.exists() or label.is_symlink() else None,
            permanent_water=Asset(str(permanent)) if permanent.exists() else None,
        )
        records[stem] = _with_imagery(record, path)
    for stem, (properties, footprint) in known.items():
        if stem not in records:
            records[stem] = ChipRecord(
                id=chip_id(stem),
                country=country_name(str(properties["event"])) or country_at(footprint),
                event=str(properties["event"]),
                date=iso_date(properties.get("s1_date")),
                split=splits.get(stem),
                layout=NAME,
                source=str(folder),
                footprint=footprint,
            )
    return Reading(list(records.values()), problems)


def _with_imagery(record: ChipRecord, path: Path) -> ChipRecord:
    headers: Headers = {}
    try:
        vv, vh, _ = two_band_assets(str(path), headers)
    except ChipError as error:
        return replace(record, problem=str(error))
    return inspected(replace(record, vv=vv, vh=vh), headers)


def _load_geojson(path: Path, problems: Problems) -> list[Any]:
    if not path.is_file():
        return []
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        return list(features)
    except (ValueError, KeyError, TypeError, OSError, RecursionError):
        problems.append(
            (path.name, f"{shown(path)} is not a readable GeoJSON feature collection: mend it or move it away.")
        )
        return []


def _footprints(path: Path, problems: Problems) -> dict[str, tuple[dict[str, Any], BaseGeometry]]:
    out: dict[str, tuple[dict[str, Any], BaseGeometry]] = {}
    bad = 0
    for feature in _load_geojson(path, problems):
        try:
            properties = feature["properties"]
            number = properties["id"]
            stem = f"{properties['event']}_{int(number) if isinstance(number, float) else number}"
            # Footprints are traced outlines with ragged corners; the hull of a chip is the chip.
            outline = in_one_piece(shape(feature["geometry"])).minimum_rotated_rectangle
        except (KeyError, TypeError, ValueError, AttributeError, ShapelyError, OverflowError):
            bad += 1
            continue
        if outline.is_empty or not np.isfinite(outline.bounds).all():
            bad += 1
        else:
            out[stem] = (properties, outline)
    if bad:
        problems.append(
            (path.name, f"{shown(path)} has {bad} feature(s) without event, id or outline, left out: mend them.")
        )
    return out


def _event_dates(path: Path, problems: Problems) -> dict[str, str]:
    out: dict[str, str] = {}
    for feature in _load_geojson(path, problems):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        date = iso_date(properties.get("s1_date")) if isinstance(properties, dict) else None
        if isinstance(properties, dict) and properties.get("location") and date:
            out[str(properties["location"]).lower()] = date
    if "cambodia" in out:
        out["mekong"] = out["cambodia"]
    return out


def _splits(folder: Path, problems: Problems) -> dict[str, str]:
    out: dict[str, str] = {}
    for place in ("splits", "splits/flood_handlabeled", "v1.1/splits/flood_handlabeled"):
        for path in sorted((folder / place).glob("flood_*_data.csv")) if (folder / place).is_dir() else []:
            match = _SPLIT_FILE.fullmatch(path.stem)
            if match is None or not path.is_file():
                continue
            try:
                with path.open(newline="", encoding="utf-8") as lines:
                    names = [row[0] for row in csv.reader(lines) if row]
            except (OSError, UnicodeDecodeError, csv.Error) as error:
                problems.append(
                    (path.name, f"{shown(path)} is not a readable split list ({error}): mend it or move it away.")
                )
                continue
            out |= {Path(name).stem.removesuffix(_SUFFIX): match[1].lower() for name in names}
    return out
