"""Items of an archive as chips of the catalog: which of their files are VV and VH, and whether these may be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

from tiles.archive.address import Reach, bare, is_address, machine, named, said
from tiles.archive.query import MOST_ITEMS, Query
from tiles.archive.stac import Item, fetcher_for, items, joined
from tiles.chip import Asset, ChipRecord
from tiles.errors import ArchiveError, Problem
from tiles.naming import chip_id, file_names
from tiles.places import country_at, iso_date, outline_refusal
from tiles.sentences import Sentence, shown

LAYOUT = "stac"

_BESIDE = frozenset({"thumbnail", "overview", "metadata", "quicklook", "visual", "calibration", "noise"})
_WORDS = re.compile(r"[a-z0-9]+")
_BANDS = ("bands", "eo:bands", "raster:bands")
_TIFF = ("tiff", "geotiff")


@dataclass(frozen=True)
class Found:
    """An item of an archive.

    Attributes:
        name: its id.
        collection: what it is part of, or None.
        record: its chip, or None.
        error: why it has none, or None of an item without images of VV and VH.
        holds: names of its files.
    """

    name: str
    collection: str | None
    record: ChipRecord | None
    error: ArchiveError | None
    holds: str


def read_archive(query: Query, source: str) -> tuple[list[ChipRecord], list[Problem]]:
    """Return an archive's items as chips, and what is wrong with those that are none; no image is opened.

    Raises:
        ArchiveError: the archive cannot be searched.
    """
    found, problems = search(query, source)
    refused = [Problem(shown(one.name), str(one.error)) for one in found if one.error is not None]
    records = [one.record for one in found if one.record is not None]
    return records, _told_once(refused) + problems


def search(query: Query, source: str) -> tuple[list[Found], list[Problem]]:
    """Return the items of an archive, and what has to be told of all of them; no image is opened.

    Raises:
        ArchiveError: the archive cannot be searched.
    """
    fetcher = fetcher_for(query)
    reach = _Allowed(query.address)
    found: list[Found] = []
    problems: list[Problem] = []
    try:
        for item, address in items(query, fetcher):
            name = str(item.get("id") or f"item {len(found) + 1}")
            collection, holds = _text(item.get("collection")), _names(item)
            if len(found) == MOST_ITEMS:
                text = f"The archive holds more than {MOST_ITEMS:,} items of it: ask for less (bbox=..., datetime=...)."
                problems.append(Problem(shown(query.address), text))
                break
            try:
                record = _record(item, address, source, reach)
                found.append(Found(name, collection, record, None, holds))
            except ArchiveError as error:
                found.append(Found(name, collection, None, error, holds))
    finally:
        fetcher.close()
    return found, problems + _lacking([one for one in found if one.record is None and one.error is None])


class _Allowed:
    """Which files an archive's items may name: those of the open network, and of its own machine where the user named it."""

    def __init__(self, address: str) -> None:
        self._own = machine(address) if is_address(address) else None
        self._folder = None if self._own else Path(address).expanduser().resolve().parent
        self._reach = Reach(named(address) if self._own else "")
        self._known: dict[tuple[str, int], ArchiveError | None] = {}

    def path(self, href: str, document: str) -> str:
        """Return what `Asset.path` is of a file that an item names.

        Raises:
            ArchiveError: it may not be read.
        """
        at = joined(document, href)
        if not is_address(at):
            if self._folder is not None and "://" not in at and not at.startswith("/vsi"):
                path = Path(at).resolve()
                if path.is_relative_to(self._folder):
                    return str(path)
            raise ArchiveError(
                f"{shown(href)[:120]} is what its item names as an image: nothing on this machine is read for an archive."
            )
        if at.lower().startswith("s3://"):
            return bare(at)
        where = machine(at)
        if where == self._own:
            return named(at)
        if where not in self._known:
            try:
                self._reach.require(at)
                self._known[where] = None
            except ArchiveError as error:
                self._known[where] = error
        if (refusal := self._known[where]) is not None:
            raise refusal
        return bare(at)


def _record(item: Item, document: str, source: str, allowed: _Allowed) -> ChipRecord | None:
    found = images(item)
    if found is None:
        return None
    paths = [allowed.path(href, document) for href in found]
    vv, vh = (Asset(path, name=_file(path)) for path in paths)
    footprint = _footprint(item)
    said_ = item.get("properties")
    properties: dict[str, Any] = said_ if isinstance(said_, dict) else {}
    height, width = _shape(item)
    return ChipRecord(
        id=chip_id(str(item.get("id") or _file(paths[0]))),
        country=country_at(footprint) if footprint is not None else None,
        event=_text(item.get("collection")),
        date=iso_date(_text(properties.get("datetime")) or _text(properties.get("start_datetime"))),
        layout=LAYOUT,
        source=source,
        file=file_names(*dict.fromkeys(_file(path) for path in paths)),
        footprint=footprint,
        width=width,
        height=height,
        vv=vv,
        vh=vh,
    )


def images(item: Item) -> tuple[str, str] | None:
    """Return the addresses of VV and VH that an item names, one and the same where one file holds both; None without them.

    A file is known by its key, else by what it says of its polarization or bands, else by its name.
    """
    assets = item.get("assets")
    best: dict[str, tuple[int, str]] = {}
    for key, asset in assets.items() if isinstance(assets, dict) else ():
        if not isinstance(asset, dict) or not isinstance(asset.get("href"), str) or _is_beside(key, asset):
            continue
        for band, rank in _polarizations(str(key), asset).items():
            if band not in best or rank < best[band][0]:
                best[band] = (rank, asset["href"])
    if not {"vv", "vh"} <= set(best):
        return None
    return best["vv"][1], best["vh"][1]


def _is_beside(key: str, asset: Mapping[str, Any]) -> bool:
    roles = asset.get("roles")
    if isinstance(roles, list) and _BESIDE & {str(role).lower() for role in roles}:
        return True
    kind, href = str(asset.get("type") or "").lower(), str(asset["href"]).partition("?")[0].lower()
    if kind and not any(word in kind for word in _TIFF):
        return True
    if not kind and not href.endswith((".tif", ".tiff")):
        return True
    return bool(_BESIDE & set(_WORDS.findall(key.lower())))


def _polarizations(key: str, asset: Mapping[str, Any]) -> dict[str, int]:
    """Return which of VV and VH a file holds, with how it is known: the least number is the surest."""
    if key.lower() in {"vv", "vh"}:
        return {key.lower(): 0}
    held = asset.get("sar:polarizations")
    names = [str(name).lower() for name in held] if isinstance(held, list) else []
    for field in _BANDS:
        bands = asset.get(field)
        names += (
            [str(band.get("name", "")).lower() for band in bands if isinstance(band, dict)]
            if isinstance(bands, list)
            else []
        )
    if found := {name: 1 for name in names if name in {"vv", "vh"}}:
        return found
    for rank, text in ((2, key), (3, _file(str(asset["href"])))):
        words = _WORDS.findall(text.lower())
        if (one := [word for word in ("vv", "vh") if word in words]) and len(one) == 1:
            return {one[0]: rank}
    return {}


def _footprint(item: Item) -> BaseGeometry | None:
    geometry, bounds = item.get("geometry"), item.get("bbox")
    outline: BaseGeometry | None = None
    try:
        if isinstance(geometry, dict):
            outline = shape(geometry)
        elif isinstance(bounds, list) and len(bounds) == 4:
            west, south, east, north = (float(v) for v in bounds)
            outline = box(west, south, east, north)
    except (ShapelyError, ValueError, TypeError, LookupError, AttributeError):
        return None
    return None if outline is None or outline_refusal(outline) else outline


def _shape(item: Item) -> tuple[int | None, int | None]:
    """Return rows and columns that an item says of its images, by the projection extension."""
    places = (
        [item.get("properties"), *(item.get("assets") or {}).values()] if isinstance(item.get("assets"), dict) else []
    )
    for place in places:
        said_ = place.get("proj:shape") if isinstance(place, dict) else None
        if isinstance(said_, list) and len(said_) == 2 and all(isinstance(v, int) and 0 < v < 1 << 20 for v in said_):
            return said_[0], said_[1]
    return None, None


def _names(item: Item) -> str:
    assets = item.get("assets")
    return (
        ", ".join(shown(str(key))[:20] for key in list(assets)[:6]) if isinstance(assets, dict) and assets else "none"
    )


def _lacking(without: list[Found]) -> list[Problem]:
    if not without:
        return []
    first = without[0]
    many = "1 item has" if len(without) == 1 else f"{len(without):,} items have"
    text = f"{many} no GeoTIFFs that are VV and VH by their names, and nothing of it is taken; the first holds: {first.holds}."
    return [Problem(shown(first.name), text)]


def _told_once(problems: list[Problem]) -> list[Problem]:
    """Return the problems, those that say the same as one, with how many there are."""
    counted: dict[str, list[Problem]] = {}
    for problem in problems:
        counted.setdefault(problem.message, []).append(problem)
    out = []
    for message, ones in counted.items():
        more = f" ({len(ones) - 1:,} more items name the same)" if len(ones) > 1 else ""
        out.append(Problem(ones[0].name, Sentence(message + more)))
    return out


def _file(path: str) -> str:
    return (said(path) if is_address(path) else path).rpartition("/")[2] or "image"


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) and value and "\0" not in value else None
