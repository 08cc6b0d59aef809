"""The Sen1Floods11 layout: S1Hand/, LabelHand/, split lists, footprints of chips whose imagery is elsewhere."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from tiles.chip import Asset, ChipRecord
from tiles.errors import ChipError, SourceError
from tiles.layouts.inspection import chip_id, inspected, tiffs, two_band_assets
from tiles.places import country_at, country_name

NAME = "sen1floods11"
_SUFFIX = "_S1Hand"
_SPLIT_FILE = re.compile(r"flood_(train|valid|test|bolivia)_data", re.IGNORECASE)
_NESTED = ("", "HandLabeled", "data/flood_events/HandLabeled", "v1.1/data/flood_events/HandLabeled")


def _imagery_folder(folder: Path) -> Path | None:
    return next((folder / n for n in _NESTED if (folder / n / "S1Hand").is_dir()), None)


def recognises(folder: Path) -> bool:
    """Return whether the folder holds S1Hand/ or the footprints of Sen1Floods11's chips."""
    return _imagery_folder(folder) is not None or (folder / "chip_footprints.geojson").is_file()


def read(folder: Path) -> list[ChipRecord]:
    """Return the chips of a Sen1Floods11 folder, with imagery first, then those known by footprint alone.

    The event is the part of the name before the number; the country is the event's (the Mekong chips lie in
    Cambodia). Dates and footprints come from `chip_footprints.geojson` or the event metadata where they are there.

    Raises:
        SourceError: a metadata file is damaged.
    """
    known = _footprints(folder / "chip_footprints.geojson")
    dates = _event_dates(folder)
    splits = _splits(folder)
    home = _imagery_folder(folder)
    records: dict[str, ChipRecord] = {}
    for path in tiffs(home / "S1Hand") if home is not None else []:
        stem = path.stem.removesuffix(_SUFFIX)
        event = stem.rsplit("_", 1)[0]
        label = path.parent.parent / "LabelHand" / f"{stem}_LabelHand.tif"
        properties = known.get(stem, ({}, None))[0]
        record = ChipRecord(
            id=chip_id(stem),
            country=country_name(event),
            event=event,
            date=properties.get("s1_date") or dates.get(event.lower()),
            split=splits.get(stem),
            layout=NAME,
            source=str(folder),
            label=Asset(str(label)) if label.exists() or label.is_symlink() else None,
        )
        records[stem] = _with_imagery(record, path)
    for stem, (properties, footprint) in known.items():
        if stem not in records:
            records[stem] = ChipRecord(
                id=chip_id(stem),
                country=country_name(properties.get("event")) or (country_at(footprint) if footprint else None),
                event=properties.get("event"),
                date=properties.get("s1_date"),
                split=splits.get(stem),
                layout=NAME,
                source=str(folder),
                footprint=footprint,
            )
    return list(records.values())


def _with_imagery(record: ChipRecord, path: Path) -> ChipRecord:
    try:
        vv, vh, assumed = two_band_assets(str(path))
    except ChipError as error:
        return replace(record, problem=str(error))
    return inspected(replace(record, vv=vv, vh=vh, assumed_bands=assumed))


def _load_geojson(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["features"])
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise SourceError(f"{path} is not a readable GeoJSON feature collection: mend it or move it away.") from error


def _footprints(path: Path) -> dict[str, tuple[dict[str, Any], BaseGeometry | None]]:
    out: dict[str, tuple[dict[str, Any], BaseGeometry | None]] = {}
    for feature in _load_geojson(path):
        try:
            properties = feature["properties"]
            number = properties["id"]
            stem = f"{properties['event']}_{int(number) if isinstance(number, float) else number}"
            # Footprints are traced outlines with ragged corners; the hull of a chip is the chip.
            outline = shape(feature["geometry"]).minimum_rotated_rectangle
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"{path} has a feature without `event`, `id` or a geometry: mend it.") from error
        out[stem] = (properties, outline)
    return out


def _event_dates(folder: Path) -> dict[str, str]:
    out: dict[str, str] = {}
    for feature in _load_geojson(folder / "Sen1Floods11_Metadata.geojson"):
        properties = feature.get("properties", {})
        if properties.get("location") and properties.get("s1_date"):
            out[str(properties["location"]).lower()] = str(properties["s1_date"]).replace("/", "-")
    if "cambodia" in out:
        out["mekong"] = out["cambodia"]
    return out


def _splits(folder: Path) -> dict[str, str]:
    out: dict[str, str] = {}
    for place in ("splits", "splits/flood_handlabeled", "v1.1/splits/flood_handlabeled"):
        for path in sorted((folder / place).glob("flood_*_data.csv")) if (folder / place).is_dir() else []:
            match = _SPLIT_FILE.fullmatch(path.stem)
            if match is None:
                continue
            try:
                with path.open(newline="", encoding="utf-8") as lines:
                    for row in csv.reader(lines):
                        if row:
                            out[Path(row[0]).stem.removesuffix(_SUFFIX)] = match[1].lower()
            except (OSError, UnicodeDecodeError, csv.Error) as error:
                raise SourceError(f"{path} is not a readable split list: mend it or move it away.") from error
    return out
