"""What strangers may read of a sentence or an answer: files by their names, or relative to the folder they were given in."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from tiles.reading.sniff import shown

if TYPE_CHECKING:
    from tiles.catalog.catalog import Catalog
    from tiles.catalog.live import LiveCatalog

_FILES = (".tif", ".tiff", ".parquet")
# Before a path stands nothing that could belong to a path or a URL. In JSON a line's end is written with a letter.
_BEFORE = rb"(?:(?<![A-Za-z0-9_.\-/])|(?<=\\n)|(?<=\\r)|(?<=\\t)|(?<=file://))"
_BEHIND = rb"(?![A-Za-z0-9_.\-])"


class PublicText:
    """Takes folders of this machine out of what is sent: a file below one stays as its path from there.

    Args:
        folders: gives the folders, absolute paths; one may lie in another. It is asked at each use.
    """

    def __init__(self, folders: Callable[[], Collection[str]]) -> None:
        self._folders = folders

    def of(self, text: str) -> str:
        """Return a sentence without the folders."""
        return self.of_bytes(os.fsencode(text)).decode("utf-8", "surrogateescape")

    def of_bytes(self, data: bytes) -> bytes:
        """Return a body of text or JSON without the folders, whichever way its writer escapes letters beyond ASCII."""
        ways = _ways(frozenset(self._folders()))
        found = {way: name for way, name in ways.items() if way in data}  # nearly always none, and this is quick
        if not found:
            return data
        longest = sorted(found, key=len, reverse=True)
        pattern = re.compile(_BEFORE + b"(" + b"|".join(map(re.escape, longest)) + b")(?:(/)|" + _BEHIND + b")")
        return pattern.sub(lambda match: b"" if match[2] else found[match[1]], data)


@functools.lru_cache(maxsize=8)
def _ways(folders: frozenset[str]) -> dict[bytes, bytes]:
    """Return the ways in which folders may be written in a text or in JSON, each with the folder's own name."""
    ways: dict[bytes, bytes] = {}
    for folder in folders:
        for path in {folder, os.path.realpath(folder)}:
            plain = path.rstrip("/")
            if not plain.startswith("/"):  # the root of all, or no absolute path
                continue
            for text in {plain, shown(plain)}:
                name = text.rpartition("/")[2]
                for ascii_only in (True, False):
                    way, its_name = (
                        json.dumps(part, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogateescape")
                        for part in (text, name)
                    )
                    ways[way] = its_name
                ways[text.encode("utf-8", "surrogateescape")] = name.encode("utf-8", "surrogateescape")
    return ways


class CatalogFolders:
    """The folders that the files of the catalog in use are in. Safe from any thread."""

    def __init__(self, catalog: LiveCatalog) -> None:
        catalog.listen(self._follow)

    def _follow(self, catalog: Catalog) -> None:
        self._folders = _folders_of(catalog)

    def __call__(self) -> frozenset[str]:
        """Return them."""
        return self._folders


def _folders_of(catalog: Catalog) -> frozenset[str]:
    folders: set[str] = set()
    for record in catalog.records():
        source = os.path.dirname(record.source) if record.source.lower().endswith(_FILES) else record.source  # noqa: PTH120
        folders.add(source)
        for asset in (record.vv, record.vh, record.label, record.elevation, record.permanent_water):
            if asset is not None and not (source and asset.path.startswith(source.rstrip("/") + "/")):
                folders.add(os.path.dirname(asset.path))  # noqa: PTH120
    return frozenset(folders)
