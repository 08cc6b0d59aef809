"""Imagery elsewhere as a source: an archive (stac:URL?...), or GeoTIFFs by their addresses, https:// and s3://."""

from __future__ import annotations

import re
from dataclasses import replace

from tiles.archive.address import bare, is_address, mended, named, said
from tiles.archive.query import is_stac, parse
from tiles.archive.records import read_archive
from tiles.archive.remote import remote_file
from tiles.chip import Asset, ChipRecord
from tiles.errors import ChipError, Problem, SourceError
from tiles.layouts.folder import Reading
from tiles.layouts.geotiff import no_partner
from tiles.naming import chip_id, file_names
from tiles.places import country_at, date_in
from tiles.reading.headers import inspected
from tiles.sentences import shown

NAME = "address"
# The last word of a file's name that says VV or VH: its partner is called the same with the other one there.
_BAND = re.compile(r"(?<![A-Za-z0-9])(vv|vh)(?=[^A-Za-z0-9/]*(?:\.[a-z0-9.]+)?$|[-_.])", re.IGNORECASE)


def recognises(source: str) -> bool:
    """Return whether a source is an archive or an address."""
    return is_stac(source) or is_address(mended(source))


def read(source: str) -> Reading:
    """Return the chips of an archive, or the chip of an address.

    Raises:
        SourceError: it does not answer, or is none.
        UsageError: an archive is asked for what it is not asked here.
    """
    try:
        if is_stac(source):
            records, problems = read_archive(parse(source), mended(source))
            return Reading(records, problems or _nothing(records, source))
        return _one(named(mended(source)))
    except ChipError as error:
        raise SourceError(str(error)) from error


def _nothing(records: list[ChipRecord], source: str) -> list[Problem]:
    if records:
        return []
    text = "The archive has nothing of that: ask for a larger area (bbox), other dates (datetime) or other collections."
    return [Problem(shown(source), text)]


def _one(url: str) -> Reading:
    """Return the chip of a GeoTIFF on a server: of both bands, or of one whose partner lies beside it under the other's name."""
    remote_file(url)  # what the server says of the one that was named comes first
    name = _file(url)
    vv, vh = url, url
    if (bands := list(_BAND.finditer(name))) and (other := _other(url, bands[-1])) is not None:
        own = bands[-1][1].lower()
        try:
            remote_file(other)
            vv, vh = (url, other) if own == "vv" else (other, url)
        except ChipError as error:
            if "no such file" not in str(error):
                raise
            return Reading([], [Problem(name, str(no_partner(said(url), own)))])
    key = _BAND.sub("", name.rpartition(".")[0] or name).strip("_-. ") or name
    record = inspected(
        ChipRecord(
            id=chip_id(key),
            date=date_in(name),
            layout=NAME,
            source=said(url).rpartition("/")[0],
            file=file_names(*dict.fromkeys((_file(vv), _file(vh)))),
            vv=Asset(vv, name=_file(vv)),
            vh=Asset(vh, name=_file(vh)),
        )
    )
    if record.footprint is not None:
        record = replace(record, country=country_at(record.footprint))
    return Reading([record])


def _other(url: str, band: re.Match[str]) -> str | None:
    """Return the address of the other band's file."""
    path, query = bare(url).partition("?")[0], bare(url).partition("?")[2]
    if query:  # signed for one file alone
        return None
    folder, _, name = path.rpartition("/")
    word = {"vv": "vh", "vh": "vv", "VV": "VH", "VH": "VV"}.get(band[1])
    if word is None:
        return None
    return named(f"{folder}/{name[: band.start()]}{word}{name[band.end() :]}")


def _file(url: str) -> str:
    return said(url).rpartition("/")[2] or "image"
