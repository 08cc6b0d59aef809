"""Loose GeoTIFFs: pairs named *_vv.tif and *_vh.tif, or two-band files; labels beside them as *_label.tif."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from tiles.chip import Asset, ChipRecord
from tiles.errors import ChipError
from tiles.layouts.inspection import chip_id, inspected, tiffs, two_band_assets
from tiles.places import country_at

NAME = "geotiff"
_BAND = re.compile(r"(?:^|[_\-. ])(vv|vh)(?=[_\-. ]|$)", re.IGNORECASE)
_LABEL = re.compile(r"[_\-.](label|labels|labelhand|mask|truth)$", re.IGNORECASE)
_TIME = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})T\d{6}(?!\d)")


def recognises(folder: Path) -> bool:
    """Return whether the folder holds GeoTIFF files."""
    return bool(tiffs(folder))


def read(source: Path) -> list[ChipRecord]:
    """Return the chips of a folder of loose files, or of one file (with its VV or VH partner beside it).

    A file that is part of no chip becomes a record whose `problem` says why.
    """
    folder = source if source.is_dir() else source.parent
    files = _candidates(folder)
    labels = {_LABEL.sub("", p.stem): p for p in files if _LABEL.search(p.stem)}
    images = [p for p in files if not _LABEL.search(p.stem)]
    groups: dict[str, dict[str, Path]] = {}
    for path in images:
        match = _BAND.search(path.stem)
        key = (_BAND.sub("", path.stem, count=1) or path.parent.name) if match else path.stem
        role = match[1].lower() if match else "both"
        groups.setdefault(key, {})[role] = path
    if not source.is_dir():
        groups = {k: g for k, g in groups.items() if source in g.values()}
    return [_record(folder, key, group, labels.get(key)) for key, group in sorted(groups.items())]


def _candidates(folder: Path) -> list[Path]:
    """Return the folder's rasters, and what calls itself VV or VH with another ending, so that it can be told."""
    named = [p for p in folder.iterdir() if _BAND.search(p.stem) and p.suffix.lower() not in {".tif", ".tiff"}]
    return tiffs(folder) + sorted(
        p for p in named if not p.is_dir() and p.suffix.lower() not in {".json", ".xml", ".csv"}
    )


def _record(folder: Path, key: str, group: dict[str, Path], label: Path | None) -> ChipRecord:
    vv, vh, assumed, problem = None, None, False, None
    if "both" in group:
        try:
            vv, vh, assumed = two_band_assets(str(group["both"]))
        except ChipError as error:
            problem = str(error)
    else:
        vv = Asset(str(group["vv"])) if "vv" in group else None
        vh = Asset(str(group["vh"])) if "vh" in group else None
        if vv is None or vh is None:
            here = next(iter(group.values()))
            missing = "VV" if vv is None else "VH"
            problem = f"{here} has no {missing} partner: put a file of the same name with {missing} in it beside it."
    wrong = [p for p in group.values() if p.suffix.lower() not in {".tif", ".tiff"}]
    if wrong:
        problem = (
            f"{wrong[0]} has the ending {wrong[0].suffix or '(none)'}: floodscope reads GeoTIFF files (.tif, .tiff)."
        )
    time = _TIME.search(next(iter(group.values())).stem)
    record = inspected(
        ChipRecord(
            id=chip_id(key),
            date="-".join(time.groups()) if time else None,
            layout=NAME,
            source=str(folder),
            vv=vv,
            vh=vh,
            label=Asset(str(label)) if label is not None else None,
            assumed_bands=assumed,
            problem=problem,
        )
    )
    if record.footprint is None:
        return record
    return replace(record, country=country_at(record.footprint))
