"""The layout of DrivenData's "STAC Overflow": train_features/, train_labels/, one metadata table, or all in one folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tiles.chip import Asset, ChipRecord
from tiles.errors import Problem
from tiles.layouts.folder import Reading, permanent_water_of, tiffs, unnamed
from tiles.layouts.lists import TableError, read_rows
from tiles.naming import chip_id, file_names, nfc
from tiles.places import country_at, country_name, iso_date
from tiles.reading.headers import inspected
from tiles.sentences import Sentence, shown

NAME = "drivendata"
FOLDERS = "DrivenData"
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
_FEATURES = ("train_features", "test_features")


def is_part(folder: Path) -> bool:
    """Return whether a folder is by its name a part of the data set, whose table may lie above it."""
    return folder.name in _FEATURES


def recognises(folder: Path) -> bool:
    """Return whether the folder holds the competition's table or its features, or is the folder of features itself."""
    return (folder / _TABLE).is_file() or folder.name in _FEATURES or any((folder / n).is_dir() for n in _FEATURES)


def read(source: Path) -> Reading:
    """Return every chip that the table or the features name, with imagery or without; or the chip of one file.

    The features lie in train_features/ or test_features/, or all files in one folder beside the table. A damaged table
    costs the chips their country, event and date, not more: it is told as a problem.
    """
    only = None if source.is_dir() else source
    folder = source if only is None else source.parent
    alone = folder.name in _FEATURES
    root = folder.parent if alone else folder
    table, problems = _table(next((p / _TABLE for p in (folder, root) if (p / _TABLE).is_file()), folder / _TABLE))
    places = [folder] if alone else [folder / n for n in _FEATURES if (folder / n).is_dir()] or [folder]
    features: dict[str, dict[str, Path]] = {}
    bare: list[Path] = []
    for place in places:
        problems += unnamed(place)
        for path in tiffs(place):
            stem, _, band = nfc(path.stem).rpartition("_")
            if band.lower() in {"vv", "vh"} and stem:
                features.setdefault(stem, {}).setdefault(band.lower(), path)
            elif not path.stem.endswith((*_EXTRAS, "_label")):
                bare.append(path)
    problems += [
        Problem(shown(path.name), f"{shown(path)} is part of no chip: name it CHIP_vv.tif or CHIP_vh.tif.")
        for path in bare
        if nfc(path.stem) not in features or path.parent.name in _FEATURES
    ]
    if features and table and not set(table) & set(features):
        text = f"names none of the {len(features)} chips here, as {min(features)}: it is another table, or they were renamed."
        problems.append(Problem(_TABLE, f"{shown(root / _TABLE)} {text}"))
    listed = set() if alone or only is not None else set(table)
    order = sorted(listed | set(features), key=lambda c: (c not in features, c))
    if only is not None:
        order = [chip for chip in order if only in features.get(chip, {}).values()]
        problems = []
    return Reading([_record(root, chip, table.get(chip, {}), features.get(chip, {})) for chip in order], problems)


def _record(folder: Path, chip: str, row: dict[str, str], files: dict[str, Path]) -> ChipRecord:
    label = _label(folder, chip)
    extras = {name: path for name in _USED if (path := _extra(folder, chip, name)) is not None}
    record = ChipRecord(
        id=chip_id(chip),
        country=country_name(row.get("location")),
        event=row.get("flood_id") or None,
        date=iso_date(row.get("scene_start")),
        layout=NAME,
        source=str(folder),
        file=file_names(*(files[band] for band in ("vv", "vh") if band in files)),
        legend=NAME if label is not None else None,
        vv=Asset(str(files["vv"])) if "vv" in files else None,
        vh=Asset(str(files["vh"])) if "vh" in files else None,
        label=Asset(str(label)) if label is not None else None,
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
    partner = f"{shown(chip)}_{missing}.tif"
    return Sentence(f"{{file}} has no partner {partner}: put the {missing.upper()} band beside it.", file=files[here])


def _label(folder: Path, chip: str) -> Path | None:
    names = (f"train_labels/{chip}.tif", f"train_labels/{chip}_label.tif", f"{chip}.tif", f"{chip}_label.tif")
    places = (folder / name for name in names)
    return next((path for path in places if path.exists() or path.is_symlink()), None)


def _extra(folder: Path, chip: str, name: str) -> Path | None:
    places = (folder / place / f"{chip}_{name}.tif" for place in ("train_features", "supplementary", name, "."))
    return next((path for path in places if path.is_file()), None)


def _table(path: Path) -> tuple[dict[str, dict[str, str]], list[Problem]]:
    """Return the table's rows by chip, and what is wrong with it."""
    if not path.is_file():
        return {}, []
    try:
        head, *rows = read_rows(path) or [["no row"]]
    except TableError as error:
        problem = f"{shown(path)} is not a readable CSV table ({error}), so countries and dates are missing: mend it."
        return {}, [Problem(path.name, problem)]
    if "chip_id" not in head:
        found = ", ".join(head)[:200]
        problem = f"{shown(path)} has no column chip_id (found: {shown(found)}): give the original table."
        return {}, [Problem(path.name, problem)]
    table: dict[str, dict[str, str]] = {}
    torn: list[str] = []
    for cells in rows:
        row = dict(zip(head, cells, strict=False))
        chip = nfc(row["chip_id"]) if row.get("chip_id") else ""
        if chip and table.setdefault(chip, row) != row and _place(table[chip]) != _place(row):
            torn.append(chip)
    problems = []
    if torn:
        text = f"has {len(torn)} chip(s) twice with another place or flood, as {torn[0]}; the first row is followed: mend it."
        problems.append(Problem(path.name, f"{shown(path)} {text}"))
    return table, problems


def _place(row: dict[str, str]) -> tuple[str | None, str | None]:
    return row.get("location"), row.get("flood_id")
