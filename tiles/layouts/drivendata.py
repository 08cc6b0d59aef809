"""The layout of DrivenData's "STAC Overflow": train_features/, train_labels/, one metadata table."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from tiles.chip import Asset, ChipRecord
from tiles.errors import SourceError
from tiles.layouts.inspection import chip_id, inspected, tiffs
from tiles.places import country_at, country_name

NAME = "drivendata"
_TABLE = "flood-training-metadata.csv"


def recognises(folder: Path) -> bool:
    """Return whether the folder holds the competition's table or its features."""
    return (folder / _TABLE).is_file() or (folder / "train_features").is_dir()


def read(folder: Path) -> list[ChipRecord]:
    """Return every chip that the table or the features folder names, with imagery or without.

    Raises:
        SourceError: the table is damaged.
    """
    table = _table(folder / _TABLE)
    features: dict[str, dict[str, Path]] = {}
    if (folder / "train_features").is_dir():
        for path in tiffs(folder / "train_features"):
            stem, _, band = path.stem.rpartition("_")
            if band.lower() in {"vv", "vh"} and stem:
                features.setdefault(stem, {})[band.lower()] = path
    records = []
    for chip in sorted(set(table) | set(features), key=lambda c: (c not in features, c)):
        row, files = table.get(chip, {}), features.get(chip, {})
        label = folder / "train_labels" / f"{chip}.tif"
        record = ChipRecord(
            id=chip_id(chip),
            country=country_name(row.get("location")),
            event=row.get("flood_id"),
            date=row.get("scene_start"),
            layout=NAME,
            source=str(folder),
            vv=Asset(str(files["vv"])) if "vv" in files else None,
            vh=Asset(str(files["vh"])) if "vh" in files else None,
            label=Asset(str(label)) if label.exists() or label.is_symlink() else None,
            elevation=_extra(folder, chip, "nasadem"),
            permanent_water=_extra(folder, chip, "jrc_extent"),
            problem=_half(chip, files),
        )
        record = inspected(record)
        if record.country is None and record.footprint is not None:
            record = replace(record, country=country_at(record.footprint))
        records.append(record)
    return records


def _half(chip: str, files: dict[str, Path]) -> str | None:
    if len(files) != 1:
        return None
    here, missing = ("vv", "vh") if "vv" in files else ("vh", "vv")
    return f"{files[here]} has no partner {chip}_{missing}.tif: put the {missing.upper()} band beside it."


def _extra(folder: Path, chip: str, name: str) -> Asset | None:
    for place in ("supplementary", "train_features", "jrc_extent", "nasadem"):
        path = folder / place / f"{chip}_{name}.tif"
        if path.is_file():
            return Asset(str(path))
    return None


def _table(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} is not a readable CSV table: mend it or move it away.") from error
    if rows and "chip_id" not in rows[0]:
        raise SourceError(
            f"{path} has no column chip_id (found: {', '.join(map(str, rows[0]))}): give the original table."
        )
    return {row["chip_id"]: row for row in rows if row.get("chip_id")}
