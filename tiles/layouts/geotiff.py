"""Loose GeoTIFFs: pairs named *_vv.tif and *_vh.tif, or two-band files; beside them *_label.tif, *_elevation.tif
(metres) and *_permanent_water.tif (share of the time, 0 to 1)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from tiles.chip import Asset, ChipRecord
from tiles.errors import BandError, ChipError
from tiles.layouts.folder import TIFF_ENDINGS, Reading, permanent_water_of, tiffs, unnamed
from tiles.naming import chip_id, file_names, nfc
from tiles.places import country_at, date_in
from tiles.reading.headers import Headers, inspected, two_band_assets
from tiles.reading.sniff import is_utf8, shown

NAME = "geotiff"
_BAND = re.compile(r"(?:^|[_\-. ])(vv|vh)(?=[_\-. ]|$)", re.IGNORECASE)
_LABEL = re.compile(r"[_\-.](label|labels|labelhand|mask|truth)$", re.IGNORECASE)
_ANCILLARY = re.compile(r"[_\-.](elevation|dem|nasadem|permanent_water|jrc_occurrence|jrc_seasonality)$", re.IGNORECASE)
# What lies beside rasters and is none: world files, statistics, overviews, notes, pictures to look at.
_SIDE_CARS = frozenset({".json", ".xml", ".csv", ".ovr", ".msk", ".tfw", ".prj", ".md5", ".sha256", ".geojson"})

# How Sen1Floods11 ends the name of an image, whose label ends in _LabelHand.
_IMAGE = re.compile(r"[_\-.]S1Hand$", re.IGNORECASE)

Role = Literal["vv", "vh", "both"]
SentRole = Literal["vv", "vh", "both", "label", "ancillary"]
Group = dict[Role, Path]
# A chip's name, its files, and what is wrong with them where it is known already.
Found = tuple[str, Group, str | None]


def recognises(folder: Path) -> bool:
    """Return whether the folder holds GeoTIFF files, or what calls itself VV or VH."""
    return bool(tiffs(folder) or _misnamed(folder))


def read(source: Path) -> Reading:
    """Return the chips of a folder of loose files, or of one file (with its VV or VH partner beside it).

    A file that should be part of a chip and is not becomes a record whose `problem` says why.
    """
    folder = source if source.is_dir() else source.parent
    files = tiffs(folder)
    labels = {_LABEL.sub("", nfc(p.stem)): p for p in reversed(files) if _LABEL.search(p.stem)}
    ancillary: dict[str, dict[str, Path]] = {}
    for path in reversed(files):
        if match := _ANCILLARY.search(nfc(path.stem)):
            ancillary.setdefault(match.string[: match.start()], {})[match[1].lower()] = path
    groups: dict[str, Group] = {}
    doubles: list[Found] = []
    for path in files:
        if _LABEL.search(path.stem) or _ANCILLARY.search(path.stem):
            continue
        key, role = _part(path)
        group = groups.setdefault(key if role != "both" else f"{key}\0both", {})
        if role in group:
            what = "second file of the chip" if role == "both" else f"second {role.upper()} of the chip"
            doubles.append(
                (key, {role: path}, f"{shown(path)} is a {what} {chip_id(key)}, beside {group[role].name}: rename one.")
            )
        else:
            group[role] = path
    found: list[Found] = [(key.partition("\0")[0], group, None) for key, group in groups.items()]
    known = {key for key, _, _ in found}
    misnamed = {entry[0]: entry for entry in reversed(_misnamed(folder))}
    found = [_completed(entry, misnamed.get(entry[0])) for entry in found]
    found += [entry for key, entry in misnamed.items() if key not in known]
    found += doubles
    if not source.is_dir():
        found = [entry for entry in found if source in entry[1].values()]
    records = [
        _record(folder, key, group, labels.get(key), ancillary.get(key, {}), problem)
        for key, group, problem in sorted(found, key=_order)
    ]
    stray = [labels[key] for key in sorted(set(labels) - known)] if source.is_dir() else []
    lonely = [(shown(p.name), f"{shown(p)} is the label of no chip here: name it IMAGE_label.tif.") for p in stray]
    return Reading(records, lonely + (unnamed(folder) if source.is_dir() else []))


def _completed(entry: Found, misnamed: Found | None) -> Found:
    """Say of half a chip that its other half is there under a wrong ending."""
    key, group, _ = entry
    if misnamed is None or "both" in group or len(group) == 2 or set(misnamed[1]) <= set(group):
        return entry
    return key, group, misnamed[2]


def _order(entry: Found) -> tuple[str, bool, str]:
    return entry[0], entry[2] is not None or "both" in entry[1], str(next(iter(entry[1].values())))


def _part(path: Path) -> tuple[str, Role]:
    """Return which chip a file belongs to, and which of its bands it holds, by its name."""
    stem = nfc(path.stem)
    named = {match[1].lower() for match in _BAND.finditer(stem)}
    if len(named) != 1:  # no polarization, or both of them, as in x_vv_vh.tif
        return stem, "both"
    role: Role = "vv" if "vv" in named else "vh"
    return _BAND.sub("", stem, count=1) or nfc(path.parent.name), role


def time_in(name: str) -> str | None:
    """Return the ISO date that a name holds, or None: see `tiles.places.date_in`."""
    return date_in(name)


def sent_part(name: str) -> tuple[str, SentRole]:
    """Return which chip a file belongs to, and what it is of it, by its name alone: for files that have no folder."""
    stem = _IMAGE.sub("", nfc(Path(name).stem))
    if _LABEL.search(stem):
        return _LABEL.sub("", stem), "label"
    if _ANCILLARY.search(stem):
        return _ANCILLARY.sub("", stem), "ancillary"
    key, role = _part(Path(f"{stem}.tif"))
    return key or "image", role


def _misnamed(folder: Path) -> list[Found]:
    """Return what calls itself VV or VH and has another ending than a GeoTIFF's, with what to do about it."""
    out: list[Found] = []
    for path in sorted(folder.iterdir()):
        ending = path.suffix.lower()
        stem = path.with_suffix("") if path.stem.lower().endswith(tuple(TIFF_ENDINGS)) else path
        ours = ending in TIFF_ENDINGS | _SIDE_CARS or path.name.startswith(".") or not is_utf8(path.name)
        if ours or not _BAND.search(stem.stem) or path.is_dir():
            continue
        problem = (
            f"{shown(path)} has the ending {shown(path.suffix) or '(none)'}: floodscope reads GeoTIFF files (.tif, .tiff), "
            "convert or rename it."
        )
        key, role = _part(stem)
        out.append((key, {role: path}, problem))
    return out


def _record(
    folder: Path, key: str, group: Group, label: Path | None, ancillary: dict[str, Path], problem: str | None
) -> ChipRecord:
    vv, vh = None, None
    headers: Headers = {}
    first = next(iter(group.values()))
    try:
        if problem is not None:
            pass
        elif "both" in group or len(group) == 1:
            vv, vh = _of_one_file(group, headers)
        else:
            vv, vh = Asset(str(group["vv"])), Asset(str(group["vh"]))
    except ChipError as error:
        problem = str(error)
    elevation = next((ancillary[name] for name in ("elevation", "dem", "nasadem") if name in ancillary), None)
    record = inspected(
        ChipRecord(
            id=chip_id(key),
            date=date_in(first.stem) or (date_in(first.parent.name) if key == first.parent.name else None),
            layout=NAME,
            source=str(folder),
            file=file_names(*(group[role] for role in get_args(Role) if role in group)),
            vv=vv,
            vh=vh,
            label=Asset(str(label)) if label is not None else None,
            elevation=Asset(str(elevation)) if elevation is not None else None,
            permanent_water=permanent_water_of(ancillary),
            problem=problem,
        ),
        headers,
    )
    if record.footprint is None:
        return record
    return replace(record, country=country_at(record.footprint))


def _of_one_file(group: Group, headers: Headers) -> tuple[Asset, Asset]:
    """Return VV and VH of a chip that is one file: of two bands, even where its name says VV or VH alone."""
    role, path = next(iter(group.items()))
    if role == "both":
        vv, vh, _ = two_band_assets(str(path), headers)
        return vv, vh
    try:
        vv, vh, assumed = two_band_assets(str(path), headers)
        if not assumed:
            return vv, vh
    except ChipError:
        if str(path) not in headers:  # the file itself is bad, which matters more than its partner
            raise
    missing = "VH" if role == "vv" else "VV"
    raise BandError(
        f"{shown(path)} has no {missing} partner: put a file of the same name with {missing} in it beside it."
    )
