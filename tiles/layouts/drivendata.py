"""The layout of DrivenData's "STAC Overflow": train_features/, train_labels/, one metadata table."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from tiles.chip import Asset, ChipRecord
from tiles.layouts.folder import Reading, permanent_water_of, tiffs, unnamed
from tiles.naming import chip_id, file_names
from tiles.places import country_at, country_name, iso_date
from tiles.reading.headers import inspected
from tiles.reading.sniff import shown

NAME = "drivendata"
_TABLE = "flood-training-metadata.csv"
_EXTRAS = (
    "_nasadem",
    "_jrc_extent",
    "_jrc_seasonality",
    "_jrc_occurrence",
    "_jrc_change",
    "_jrc_recurrence",
    "_jrc_transitions",
)

_USED = ("nasadem", "jrc_occurrence", "jrc_seasonality")


def recognises(folder: Path) -> bool:
    """Return whether the folder holds the competition's table or its features."""
    return (folder / _TABLE).is_file() or (folder / "train_features").is_dir()


def read(folder: Path) -> Reading:
    """Return every chip that the table or the features folder names, with imagery or without.

    A damaged table costs the chips their country, event and date, not more: it is told as a problem.
    """
    table, problems = _table(folder / _TABLE)
    features: dict[str, dict[str, Path]] = {}
    if (folder / "train_features").is_dir():
        problems += unnamed(folder / "train_features")
        for path in tiffs(folder / "train_features"):
            stem, _, band = path.stem.rpartition("_")
            if band.lower() in {"vv", "vh"} and stem:
                features.setdefault(stem, {}).setdefault(band.lower(), path)
            elif not path.stem.endswith(_EXTRAS):
                problems.append(
                    (shown(path.name), f"{shown(path)} is part of no chip: name it CHIP_vv.tif or CHIP_vh.tif.")
                )
    order = sorted(set(table) | set(features), key=lambda c: (c not in features, c))
    return Reading([_record(folder, chip, table.get(chip, {}), features.get(chip, {})) for chip in order], problems)


def _record(folder: Path, chip: str, row: dict[str, str], files: dict[str, Path]) -> ChipRecord:
    label = folder / "train_labels" / f"{chip}.tif"
    extras = {name: path for name in _USED if (path := _extra(folder, chip, name)) is not None}
    record = ChipRecord(
        id=chip_id(chip),
        country=country_name(row.get("location")),
        event=row.get("flood_id") or None,
        date=iso_date(row.get("scene_start")),
        layout=NAME,
        source=str(folder),
        file=file_names(*(files[band] for band in ("vv", "vh") if band in files)),
        legend=NAME,
        vv=Asset(str(files["vv"])) if "vv" in files else None,
        vh=Asset(str(files["vh"])) if "vh" in files else None,
        label=Asset(str(label)) if label.exists() or label.is_symlink() else None,
        elevation=Asset(str(extras["nasadem"])) if "nasadem" in extras else None,
        permanent_water=permanent_water_of(extras),
        problem=_half(chip, files),
    )
    record = inspected(record)
    if record.country is None and record.footprint is not None:
        record = replace(record, country=country_at(record.footprint))
    return record


def _half(chip: str, files: dict[str, Path]) -> str | None:
    if len(files) != 1:
        return None
    here, missing = ("vv", "vh") if "vv" in files else ("vh", "vv")
    return f"{shown(files[here])} has no partner {shown(chip)}_{missing}.tif: put the {missing.upper()} band beside it."


def _extra(folder: Path, chip: str, name: str) -> Path | None:
    places = (folder / place / f"{chip}_{name}.tif" for place in ("train_features", "supplementary", name))
    return next((path for path in places if path.is_file()), None)


def _table(path: Path) -> tuple[dict[str, dict[str, str]], list[tuple[str, str]]]:
    """Return the table's rows by chip, and what is wrong with it."""
    if not path.is_file():
        return {}, []
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problem = f"{shown(path)} is not a readable CSV table ({error}), so countries and dates are missing: mend it."
        return {}, [(path.name, problem)]
    if not rows or "chip_id" not in rows[0]:
        found = ", ".join(map(str, rows[0]))[:200] if rows else "no row"
        problem = f"{shown(path)} has no column chip_id (found: {shown(found)}): give the original table."
        return {}, [(path.name, problem)]
    return {row["chip_id"]: row for row in rows if row.get("chip_id")}, []
