"""What a source `stac:URL?collections=...&bbox=...&datetime=...` asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from tiles.archive.address import mended
from tiles.errors import UsageError
from tiles.sentences import shown

SCHEME = "stac:"
MOST_ITEMS = 10_000
"""Items that one source takes; a search that finds more is told."""

_KEYS = ("collections", "bbox", "datetime", "ids")
_TIME = r"\d{4}(?:-\d{2}(?:-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?)?)?"
_DATETIME = re.compile(rf"(?:{_TIME}|\.\.)(?:/(?:{_TIME}|\.\.))?")


@dataclass(frozen=True)
class Query:
    """A search.

    Attributes:
        address: of the archive: an http(s) URL, or a path of a catalog on this machine.
        collections, ids: only these, all where empty.
        bbox: west, south, east, north in degrees, None for everywhere.
        datetime: a day, month, year, time, or two of them with a slash between; None for any.
    """

    address: str
    collections: tuple[str, ...] = ()
    bbox: tuple[float, float, float, float] | None = None
    datetime: str | None = None
    ids: tuple[str, ...] = ()


def is_stac(source: str) -> bool:
    """Return whether a source is an archive."""
    return source[: len(SCHEME)].lower() == SCHEME


def parse(source: str) -> Query:
    """Return what a source asks for.

    Raises:
        UsageError: it is not written as such sources are.
    """
    rest = mended(source)[len(SCHEME) :]
    address, _, query = rest.partition("?")
    if not address:
        raise UsageError(
            f"{shown(source)[:80]} names no archive: give stac:https://HOST/API?collections=...&bbox=W,S,E,N."
        )
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", address) and urlsplit(address).scheme not in {"http", "https"}:
        raise UsageError(
            f"{shown(source)[:80]} is no archive that is read here: give one over https, or a catalog's file."
        )
    given = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := [key for key in given if key not in _KEYS]:
        raise UsageError(
            f"{shown(unknown[0])[:40]} is nothing that an archive is asked for here: {', '.join(_KEYS)} are."
        )
    when = given.get("datetime") or None
    if when is not None and not _DATETIME.fullmatch(when):
        raise UsageError(
            f"datetime={shown(when)[:60]} is no time: give a day (2024-09-21), or two with a slash between "
            "(2024-09-15/2024-09-30), .. for an open end."
        )
    return Query(
        address,
        _words(given.get("collections")),
        _bbox(given["bbox"]) if given.get("bbox") else None,
        when,
        _words(given.get("ids")),
    )


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def _bbox(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(word) for word in text.split(","))
    except ValueError:
        west = south = east = north = 0.0
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90 and west != east):
        raise UsageError(
            f"bbox={shown(text)[:60]} is no area: give west,south,east,north in degrees, such as bbox=16.2,47.9,16.6,48.3."
        )
    return west, south, east, north
