"""Loose GeoTIFFs: pairs named *_vv.tif and *_vh.tif, or two-band files; beside them *_label.tif, *_elevation.tif
(metres) and *_permanent_water.tif (share of the time, 0 to 1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from tiles.chip import Asset, ChipRecord
from tiles.errors import BandError, ChipError, Problem
from tiles.layouts.endings import cause, pictured_labels
from tiles.layouts.folder import TIFF_ENDINGS, Reading, Truth, permanent_water_of, tiffs, unnamed
from tiles.layouts.meeting import met
from tiles.layouts.names import Part, pair_key, part_of, says_band
from tiles.layouts.twice import once
from tiles.naming import chip_id, file_names, nfc
from tiles.places import country_at, date_in
from tiles.reading.headers import Headers, inspected, two_band_assets
from tiles.reading.raster import read_info
from tiles.reading.sniff import is_utf8
from tiles.sentences import Sentence, shown
from tiles.sidecars import PRJ, UNREAD, WORLD

NAME = "geotiff"
FOLDERS = "*_vv.tif with *_vh.tif, two-band GeoTIFFs"
# What lies beside rasters and is none: world files, statistics, overviews, notes, pictures to look at, ENVI's headers.
_SIDE_CARS = frozenset(
    {".json", ".xml", ".csv", ".ovr", ".msk", ".md5", ".sha256", ".geojson", ".hdr", *WORLD, *PRJ, *UNREAD}
)

ImageRole = Literal["both", "vv", "vh"]
Group = dict[ImageRole, Path]
# A chip's name, its files, and what is wrong with them where it is known already.
Found = tuple[str, Group, str | None]


@dataclass
class _Sorted:
    """The files of a folder by what they are: truth and masks by chip, ancillary data by chip and name, the rest."""

    labels: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)
    ancillary: dict[str, dict[str, Path]] = field(default_factory=dict)
    sides: list[tuple[Path, Part]] = field(default_factory=list)
    images: list[tuple[Path, Part]] = field(default_factory=list)


def recognises(folder: Path) -> bool:
    """Return whether the folder holds GeoTIFF files, or what calls itself VV or VH."""
    return bool(tiffs(folder) or _misnamed(folder))


def read(source: Path) -> Reading:
    """Return the chips of a folder of loose files, or of one file (with its VV or VH partner beside it).

    A file that should be part of a chip and is not becomes a record whose `problem` says why.
    """
    folder = source if source.is_dir() else source.parent
    only = None if source.is_dir() else source
    found = read_files(folder, ((path, part_of(path)) for path in tiffs(folder)), only=only)
    return found if only else Reading(found.records, found.problems + pictured_labels(folder) + unnamed(folder))


def read_files(
    folder: Path,
    files: Iterable[tuple[Path, Part]],
    *,
    truth: Mapping[str, Truth] | None = None,
    only: Path | None = None,
) -> Reading:
    """Return the chips that some files make, whose names tell what each of them is.

    Args:
        folder: where they come from.
        files: each with what it is.
        truth: labels that lie elsewhere, by the part of their names that image and label share (`pair_key`).
        only: the one image that is asked for; None asks for all.
    """
    sorted_ = _by_role(files)
    found = _chips(folder, sorted_)
    if only is not None:
        found = [entry for entry in found if only in entry[1].values()]
    known = {key for key, _, _ in found}
    labels = {key: Truth(path, legend_of(path)) for key, path in sorted_.labels.items()}
    assumed: list[Path] = []
    records = []
    for key, group, problem in sorted(found, key=_order):
        label = (truth or {}).get(pair_key(key)) or labels.get(key)
        mask = sorted_.masks.get(key)
        if label is None and mask is not None:
            if _is_prediction(mask):
                sorted_.sides.append((mask, Part(key, "side", "a prediction of floodscope", told=True)))
            else:
                label = Truth(mask)
                assumed.append(mask)
        ancillary = sorted_.ancillary.get(key, {})
        records.append(_record(folder, key, group, label, ancillary, problem))
    if only is not None:
        return Reading(records, _assumed(assumed))
    records, twice = once(records)
    lonely = [path for key, path in (*sorted_.labels.items(), *sorted_.masks.items()) if key not in known]
    aside = _left_aside(folder, sorted_.sides, bool(records))
    return Reading(records, _of_no_chip(lonely) + _assumed(assumed) + twice + aside)


def legend_of(path: Path) -> str | None:
    """Return the data set whose documents say what the numbers of a label mean, by the label's name, or None."""
    name = path.stem.lower()
    if name.endswith("_labelhand"):
        return "sen1floods11"
    if name.startswith("mk0_mlu_"):
        return "kurosiwo"
    if path.parent.name == "flood_label" and (path.parent.parent / "water_body_label").is_dir():
        return "etci2021"
    return "s1s2water" if name.startswith("sentinel12_") and name.endswith("_msk") else None


def _by_role(files: Iterable[tuple[Path, Part]]) -> _Sorted:
    out = _Sorted()
    for path, part in met(files, lambda path: path.stem, _is_single_band):
        if part.role == "label":
            out.labels.setdefault(part.key, path)
        elif part.role == "mask":
            out.masks.setdefault(part.key, path)
        elif part.role == "ancillary":
            out.ancillary.setdefault(part.key, {}).setdefault(part.what, path)
        elif part.role == "side":
            out.sides.append((path, part))
        else:
            out.images.append((path, part))
    chips = {part.key for _, part in out.images}
    for path, part in [(path, part) for path, part in out.sides if not part.sure and part.key not in chips]:
        if not _is_single_band(path):  # study_area.tif may be an image
            out.sides.remove((path, part))
            out.images.append((path, Part(nfc(path.stem), "both")))
    return out


def _chips(folder: Path, files: _Sorted) -> list[Found]:
    """Return what the images make together, and what makes none."""
    groups: dict[str, Group] = {}
    doubles: list[Found] = []
    for path, part in files.images:
        role: ImageRole = part.role  # type: ignore[assignment]
        group = groups.setdefault(part.key if role != "both" else f"{part.key}\0both", {})
        if role in group:
            what = "second file of the chip" if role == "both" else f"second {role.upper()} of the chip"
            beside = f"a {what} {chip_id(part.key)}, beside {group[role].name}"
            text = Sentence(f"{{file}} is {beside}: rename one.", file=path)
            doubles.append((part.key, {role: path}, text))
        else:
            group[role] = path
    for key in [key for key, group in groups.items() if {"vv", "vh"} <= set(group)]:
        bare = groups.get(f"{key}\0both", {}).get("both")
        if bare is not None and key not in files.labels and _is_single_band(bare):
            files.labels[key] = bare  # as DrivenData calls the label of abc00_vv.tif and abc00_vh.tif: abc00.tif
            del groups[f"{key}\0both"]
    found: list[Found] = [(key.partition("\0")[0], group, None) for key, group in groups.items()]
    known = {key for key, _, _ in found}
    misnamed = {entry[0]: entry for entry in reversed(_misnamed(folder))}
    found = [_completed(entry, misnamed.get(entry[0])) for entry in found]
    found += [entry for key, entry in misnamed.items() if key not in known]
    return found + doubles


def _is_single_band(path: Path) -> bool:
    """Return whether a file has one band, and so is no image by itself; False where it cannot be read."""
    try:
        return read_info(str(path)).count == 1
    except ChipError:
        return False


def _is_prediction(mask: Path) -> bool:
    """Return whether floodscope wrote a mask: it says of which model it is."""
    try:
        return {"chip", "model"} <= set(read_info(str(mask)).tags)
    except ChipError:
        return False


def _several(paths: list[Path]) -> str:
    """Return the first of several files, and how many more there are."""
    more = len(paths) - 1
    return shown(paths[0]) + (f" and {more} more" if more else "")


def _of_no_chip(labels: list[Path]) -> list[Problem]:
    if not labels:
        return []
    labels = sorted(labels)
    text = f"{shown(labels[0])} is the label of no chip here: name it IMAGE_label.tif."
    if len(labels) > 1:
        text = f"{_several(labels)} are labels of no chip here: name each IMAGE_label.tif."
    return [Problem(shown(labels[0].name), text)]


def _assumed(masks: list[Path]) -> list[Problem]:
    if not masks:
        return []
    what = "is taken for the truth of its chip" if len(masks) == 1 else "are taken for the truth of their chips"
    text = (
        f"{_several(masks)} {what}, though _mask may be a mask of anything: rename to _label where that is right, and move "
        "away where it is not."
    )
    return [Problem(shown(masks[0].name), text)]


def _left_aside(folder: Path, sides: list[tuple[Path, Part]], any_chip: bool) -> list[Problem]:
    """Say of a product's own layers that they are no truth, where somebody might take them for it: one line a folder."""
    notable = [path for path, part in sides if part.told or not any_chip]
    if not notable:
        return []
    whats = sorted({part.what for path, part in sides if path in set(notable)})
    are = "is" if len(notable) == 1 else "are"
    text = f"{_several(notable)} {are} neither image nor truth by name, and left aside: {', '.join(whats)}."
    if not any_chip:
        text = f"{shown(folder)} holds no image: {text}"
    return [Problem(shown(notable[0].name), text)]


def _completed(entry: Found, misnamed: Found | None) -> Found:
    """Say of half a chip that its other half is there under a wrong ending."""
    key, group, _ = entry
    if misnamed is None or "both" in group or len(group) == 2 or set(misnamed[1]) <= set(group):
        return entry
    return key, group, misnamed[2]


def _order(entry: Found) -> tuple[str, bool, str]:
    return entry[0], entry[2] is not None or "both" in entry[1], str(next(iter(entry[1].values())))


def _misnamed(folder: Path) -> list[Found]:
    """Return what calls itself VV or VH and has another ending than a GeoTIFF's, with what to do about it."""
    out: list[Found] = []
    for path in sorted(folder.iterdir()):
        ending = path.suffix.lower()
        stem = path.with_suffix("") if path.stem.lower().endswith(tuple(TIFF_ENDINGS)) else path
        ours = ending in TIFF_ENDINGS | _SIDE_CARS or path.name.startswith(".") or not is_utf8(path.name)
        if ours or not says_band(stem.stem) or path.is_dir():
            continue
        part = part_of(stem)
        if part.role not in get_args(ImageRole):
            continue
        out.append((part.key, {part.role: path}, cause(path)))  # type: ignore[dict-item]
    return out


def _record(
    folder: Path, key: str, group: Group, label: Truth | None, ancillary: dict[str, Path], problem: str | None
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
        if isinstance(error, BandError) and not _one_band(first, headers):  # it may be said what its bands are
            vv = vh = Asset(str(first))
    elevation = next((ancillary[name] for name in ("elevation", "dem", "nasadem") if name in ancillary), None)
    record = inspected(
        ChipRecord(
            id=chip_id(key),
            date=date_in(first.stem) or (date_in(first.parent.name) if key == first.parent.name else None),
            layout=NAME,
            source=str(folder),
            file=file_names(*(group[role] for role in get_args(ImageRole) if role in group)),
            legend=label.legend if label is not None else None,
            vv=vv,
            vh=vh,
            label=Asset(str(label.path)) if label is not None else None,
            elevation=Asset(str(elevation)) if elevation is not None else None,
            permanent_water=permanent_water_of(ancillary),
            problem=problem,
        ),
        headers,
    )
    if record.simulated and record.legend is None:
        record = replace(record, legend="floodscope")
    if record.footprint is None:
        return record
    return replace(record, country=country_at(record.footprint))


def _of_one_file(group: Group, headers: Headers) -> tuple[Asset, Asset]:
    """Return VV and VH of a chip that is one file: of two bands, even where its name says VV or VH alone."""
    role, path = next(iter(group.items()))
    try:
        vv, vh = two_band_assets(str(path), headers)
    except ChipError:
        if role != "both" and _one_band(path, headers):
            raise no_partner(str(path), role) from None
        raise
    return vv, vh


def no_partner(path: str, role: str) -> BandError:
    """Return the error of a VV or VH that lies there alone.

    Args:
        path: its file.
        role: "vv" or "vh", which of both it is.
    """
    missing = "VH" if role == "vv" else "VV"
    todo = f"put a file of the same name with {missing} in it beside it"
    return BandError(f"{{file}} has no {missing} partner: {todo}.", file=path)


def _one_band(path: Path, headers: Headers) -> bool:
    return str(path) in headers and len(headers[str(path)].data_bands) == 1
