"""Searching a STAC archive: an API, or a static catalog by its URL or file. Items come as they are written, one after another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from tiles.archive.address import is_address, named, said
from tiles.archive.fetching import Fetcher
from tiles.archive.query import MOST_ITEMS, Query
from tiles.errors import ArchiveError
from tiles.files import read_small
from tiles.sentences import Sentence, shown

Item = dict[str, Any]

_MOST_JSON = 64 << 20
_PAGE = 500
_MOST_DOCUMENTS = 20_000
_SEARCH = "item-search"


def items(query: Query, fetcher: Fetcher) -> Iterator[tuple[Item, str]]:
    """Give the items that a query finds, each with the address of the document it stands in, `MOST_ITEMS` and one at most.

    Raises:
        ArchiveError: the archive does not answer, is none, or its answer cannot be understood; pystac-client is missing.
    """
    root = _Documents(query.address, fetcher).read(query.address)
    kind = root.get("type")
    found: Iterator[tuple[Item, str]]
    if kind == "Feature":
        found = iter([(root, query.address)])
    elif kind == "FeatureCollection":
        found = ((item, query.address) for item in root.get("features", []))
    elif kind in {"Catalog", "Collection"}:
        found = _searched(query, root, fetcher) if _is_api(root) else _walked(query, root, fetcher)
    else:
        raise ArchiveError(
            f"{_said(query.address)} is no STAC archive (its type is {shown(str(kind))[:30]}): give the address of the API's "
            "first page, or of a catalog.json."
        )
    for number, (item, address) in enumerate(found):
        if number > MOST_ITEMS:
            return
        if _asked_for(query, item):
            yield item, address


class _Documents:
    """Documents of one archive: over the network from machines in reach, or on this machine below the catalog's folder."""

    def __init__(self, address: str, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._folder = None if is_address(address) else Path(address).expanduser().resolve().parent

    def read(self, address: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            document = json.loads(self.text(address, method, body))
        except (ValueError, RecursionError) as error:
            raise ArchiveError(f"{_said(address)} is no JSON: give the address of a STAC API or catalog.") from error
        if not isinstance(document, dict):
            raise ArchiveError(f"{_said(address)} is no STAC document: give the address of a STAC API or catalog.")
        return document

    def text(self, address: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> str:
        if is_address(address):
            headers = {"Accept": "application/geo+json, application/json"}
            if body is not None:
                headers["Content-Type"] = "application/json"
            data = None if body is None else json.dumps(body).encode()
            answer = self._fetcher.get(address, _MOST_JSON, headers=headers, method=method, body=data)
            return answer.body.decode("utf-8", "replace")
        path = Path(address.removeprefix("file://")).expanduser()
        if self._folder is None or not path.resolve().is_relative_to(self._folder):
            raise ArchiveError(
                Sentence("{file} lies outside of the archive that points at it, and is not read.", file=path)
            )
        try:
            return read_small(path, _MOST_JSON).decode("utf-8", "replace")
        except OSError as error:
            raise ArchiveError(
                Sentence(f"{{file}} cannot be read ({error.strerror}): check the path.", file=path)
            ) from error


def _is_api(root: Mapping[str, Any]) -> bool:
    conforms = root.get("conformsTo")
    links = root.get("links")
    return (isinstance(conforms, list) and any(_SEARCH in str(one) for one in conforms)) or (
        isinstance(links, list) and any(isinstance(link, dict) and link.get("rel") == "search" for link in links)
    )


def _searched(query: Query, root: Mapping[str, Any], fetcher: Fetcher) -> Iterator[tuple[Item, str]]:
    """Ask a STAC API, page after page; pystac-client writes the question and follows the pages."""
    try:
        from pystac_client import ItemSearch  # noqa: PLC0415 - an extra
        from pystac_client.stac_api_io import StacApiIO  # noqa: PLC0415
    except ImportError as error:
        raise ArchiveError(
            "A STAC API is searched with pystac-client, which is not installed: pip install 'floodscope[archive]'."
        ) from error
    documents = _Documents(query.address, fetcher)

    class Reader(StacApiIO):
        """Asks through our fetcher, so that limits and reach hold for each page, and for where it leads."""

        def request(
            self,
            href: str,
            method: str | None = None,
            headers: dict[str, str] | None = None,
            parameters: dict[str, Any] | None = None,
        ) -> str:
            if (method or "GET").upper() == "GET":
                extra = urlencode(parameters or {}, doseq=True)
                joined = f"{href}{'&' if '?' in href else '?'}{extra}" if extra else href
                return documents.text(joined)
            return documents.text(href, "POST", parameters)

    links = [link for link in root.get("links", []) if isinstance(link, dict) and link.get("rel") == "search"]
    posts = [link for link in links if str(link.get("method", "GET")).upper() == "POST"]
    at = str((posts or links or [{"href": f"{query.address.rstrip('/')}/search"}])[0].get("href"))
    search = ItemSearch(
        at,
        method="POST" if posts else "GET",
        stac_io=Reader(),
        limit=_PAGE,
        max_items=MOST_ITEMS + 1,
        collections=list(query.collections) or None,
        bbox=list(query.bbox) if query.bbox else None,
        datetime=query.datetime,
        ids=list(query.ids) or None,
    )
    try:
        for page in search.pages_as_dicts():
            for item in page.get("features", []):
                yield item, at
    except ArchiveError:
        raise
    except Exception as error:  # of a page that is none, pystac-client raises whatever it meets
        raise ArchiveError(
            f"{_said(at)} answers what is no page of STAC items ({shown(str(error))[:80]}): check the address."
        ) from error


def _walked(query: Query, root: Mapping[str, Any], fetcher: Fetcher) -> Iterator[tuple[Item, str]]:
    """Give the items of a static catalog, by its links; what is linked twice is read once."""
    documents = _Documents(query.address, fetcher)
    waiting, seen = [(query.address, root)], {query.address}
    while waiting:
        address, document = waiting.pop(0)
        for link in document.get("links", []):
            if not isinstance(link, dict) or link.get("rel") not in {"item", "child", "items"}:
                continue
            at = joined(address, str(link.get("href", "")))
            if at in seen or len(seen) > _MOST_DOCUMENTS:
                continue
            seen.add(at)
            inner = documents.read(at)
            if inner.get("type") == "Feature":
                yield inner, at
            elif inner.get("type") == "FeatureCollection":
                yield from ((item, at) for item in inner.get("features", []))
            else:
                waiting.append((at, inner))


def joined(base: str, href: str) -> str:
    """Return where a link of a document leads: a URL, or of a document on this machine a path."""
    if urlsplit(href).scheme and href[1:3] != ":\\":
        return href
    if is_address(base):
        return urljoin(base, href)
    return str(Path(base).parent / href)


def _asked_for(query: Query, item: object) -> bool:
    """Return whether an item is what was asked for, whatever the server holds of the question."""
    if not isinstance(item, dict):
        return False
    if query.collections and item.get("collection") not in query.collections:
        return False
    if query.ids and item.get("id") not in query.ids:
        return False
    box = item.get("bbox")
    if query.bbox and isinstance(box, list) and len(box) in {4, 6}:
        half = len(box) // 2
        if not _meet(query.bbox, (*box[:2], *box[half : half + 2])):
            return False
    return query.datetime is None or _within(query.datetime, item.get("properties"))


def _meet(one: tuple[float, ...], other: tuple[Any, ...]) -> bool:
    try:
        west, south, east, north = (float(v) for v in other)
    except (TypeError, ValueError):
        return True

    def spans(left: float, right: float) -> list[tuple[float, float]]:
        return [(left, right)] if left <= right else [(left, 180.0), (-180.0, right)]

    across = any(a <= d and c <= b for a, b in spans(one[0], one[2]) for c, d in spans(west, east))
    return across and one[1] <= north and south <= one[3]


def _within(when: str, properties: object) -> bool:
    said_ = properties if isinstance(properties, dict) else {}
    begins = _moment(said_.get("datetime") or said_.get("start_datetime"))
    ends = _moment(said_.get("end_datetime")) or begins
    if begins is None or ends is None:
        return True
    first, _, last = when.partition("/")
    start = None if first == ".." else _moment(first)
    end = _end_of(last or first)
    return (start is None or ends >= start) and (end is None or begins < end)


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    filled = text + "0001-01-01"[len(text) :] if len(text) < 10 else text
    try:
        moment = datetime.fromisoformat(filled.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _end_of(text: str) -> datetime | None:
    """Return the first moment after a year, month, day or time; None of an open end."""
    moment = None if text == ".." else _moment(text)
    if moment is None:
        return None
    if len(text) == 4:
        return moment.replace(year=moment.year + 1)
    if len(text) == 7:
        return (moment + timedelta(days=32)).replace(day=1)
    return moment + (timedelta(days=1) if len(text) == 10 else timedelta(microseconds=1))


def _said(address: str) -> str:
    return said(address) if is_address(address) else shown(address)


def fetcher_for(query: Query) -> Fetcher:
    """Return who asks an archive: the user has named its machine."""
    return Fetcher(named(query.address)) if is_address(query.address) else Fetcher(query.address)
