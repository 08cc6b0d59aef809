"""What a file of tiles tells of itself, and what a tile may be: a picture that every browser draws."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Protocol

from tiles.errors import UnreadableFileError, UsageError

WORLD = (-180.0, -85.0511, 180.0, 85.0511)
"""West, south, east and north of what web mercator holds."""
_TENTH = 0.1
MOST_ZOOM = 24
LOOKED_AT = 16
"""Tiles of a file that are looked at when it is opened: the very first may be one that is bad."""
MOST_BYTES = 16 << 20
"""Of a tile: a picture of 4,096 pixels a side has less."""
_GZIP = b"\x1f\x8b"
_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True)
class About:
    """What a file of tiles tells of itself.

    Attributes:
        bounds: west, south, east and north in degrees: there is nothing elsewhere.
        least: the smallest zoom that there are tiles of.
        most: the largest.
        attribution: whom to name, as plain text; "" where it does not say.
        revision: changes with the file.
    """

    bounds: tuple[float, float, float, float]
    least: int
    most: int
    attribution: str
    revision: str


class TileFile(Protocol):
    """A file of tiles: opened anew for each question, so that it may be replaced, and processes may be forked."""

    path: Path

    def about(self) -> About:
        """Return what it tells of itself.

        Raises:
            UsageError: it holds no pictures, or none at all.
            UnreadableFileError: it is damaged.
        """
        ...

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """Return the tile of a zoom, column and row (from the north), as it stands in the file; None where there is none.

        Raises:
            UnreadableFileError: it cannot be read.
        """
        ...


def picture_of(data: bytes) -> tuple[bytes, str] | None:
    """Return a tile's picture, unpacked where it is packed with gzip, and its media type; None where it is no picture."""
    if data.startswith(_GZIP):
        try:
            packed = zlib.decompressobj(wbits=31)
            data = packed.decompress(data, MOST_BYTES)
        except zlib.error:
            return None
        if not packed.eof:
            return None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return data, "image/webp"
    return next(((data, media) for magic, media in _PICTURES.items() if data.startswith(magic)), None)


def require_pictures(path: Path, some: Iterable[object]) -> None:
    """Raise where none of some tiles, the first of a file, is one that a browser draws.

    Raises:
        UsageError: there is none, or none is PNG, JPEG or WebP.
        UnreadableFileError: some are, and all of them are damaged.
    """
    tiles = list(some)
    pictures = [found[0] for tile in tiles if (found := picture_of(tile if isinstance(tile, bytes) else b""))]
    if not tiles:
        raise UsageError("--basemap {file} holds no tile: give a file that has some, or leave it out.", file=path)
    if not pictures:
        raise no_pictures(path, "something else than PNG, JPEG or WebP")
    if not any(_is_whole(picture) for picture in pictures):
        raise damaged(path, "its first tiles are no whole pictures")


def _is_whole(data: bytes) -> bool:
    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def no_pictures(path: Path, what: str) -> UsageError:
    """Return the error of a file whose tiles are `what`: "vector tiles"."""
    return UsageError(
        f"--basemap {{file}} holds {what}, which the page does not draw: give a file of pictures (PNG, JPEG or WebP). "
        "QGIS draws one of whatever it shows (Generate XYZ tiles, MBTiles).",
        file=path,
    )


def damaged(path: Path, why: str) -> UnreadableFileError:
    """Return the error of a file that is damaged: `why` is how that is seen, as a clause."""
    return UnreadableFileError(
        f"--basemap {{file}} is damaged or not whole: {why}. Copy or download it again.", file=path
    )


def bounds_of(west: float, south: float, east: float, north: float) -> tuple[float, float, float, float]:
    """Return the part of the world that bounds are of; all of it where they make no sense."""
    made = (max(west, WORLD[0]), max(south, WORLD[1]), min(east, WORLD[2]), min(north, WORLD[3]))
    nearly = all(abs(a - b) < _TENTH for a, b in zip(made, WORLD, strict=True))  # 85 degrees are often said
    return WORLD if nearly or made[0] >= made[2] or made[1] >= made[3] else made


def plain(text: object) -> str:
    """Return the text of an attribution, which may be written in HTML, on one line."""
    reader = _Words()
    reader.feed(text if isinstance(text, str) else "")
    reader.close()
    return " ".join("".join(reader.words).split())


class _Words(HTMLParser):
    """Gathers what stands between tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def revision_of(path: Path) -> str:
    """Return what changes with a file: its time and size.

    Raises:
        UnreadableFileError: it cannot be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadableFileError(
            f"--basemap {{file}} cannot be read ({error.strerror}): see where it is.", file=path
        ) from error
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"
