"""A TIFF's directories as they stand in the file: what has to be known before GDAL reads it, or beside what GDAL reads."""

from __future__ import annotations

import html
import os
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

GDAL_METADATA = 42112
"""GDAL's own tag: an XML of items, which hold the file's and the bands' metadata, names and units."""

_WIDTH, _LENGTH = 256, 257
_ASCII = 2
_MOST_ENTRIES = 4096
# Bytes of a value by its type (TIFF 6.0, section 2; the last three are BigTIFF's).
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_ITEM = re.compile(r"<Item\s([^>]{1,400})>([^<]*)</Item>")
_ATTRIBUTE = re.compile(r"""(name|sample|role)\s*=\s*["']([^"']*)["']""")
_MOST_METADATA = 1 << 20
# BEAM-DIMAP's XML, as SNAP's GeoTIFF writer stores it (org.esa.snap.core.dataio.geotiff, private tag).
_SNAP = 65000
_MOST_DIMAP = 4 << 20
_BAND = re.compile(r"<Spectral_Band_Info>(.*?)</Spectral_Band_Info>", re.DOTALL)


@dataclass(frozen=True)
class ForeignMetadata:
    """GDAL's metadata of a file whose letters are not UTF-8, as older programs write them: taken for Latin-1.

    Attributes:
        tags: the file's.
        band_tags, descriptions, units: of each band, by its number from 1.
    """

    tags: dict[str, str] = field(default_factory=dict)
    band_tags: dict[int, dict[str, str]] = field(default_factory=dict)
    descriptions: dict[int, str] = field(default_factory=dict)
    units: dict[int, str] = field(default_factory=dict)


def tag_bytes(path: str, tag: int) -> int:
    """Return how many bytes a tag of the first directory says that it has; 0 where it is not there."""
    with Path(path).open("rb") as file:
        found = _find(file, tag)
    return found[1] if found else 0


def read_tag(path: str, tag: int, most: int) -> bytes | None:
    """Return the text of a tag of the first directory, or None where it is not there, no text, or has more than `most` bytes."""
    with Path(path).open("rb") as file:
        found = _find(file, tag)
        if found is None or found[0] != _ASCII or found[1] > most:
            return None
        file.seek(found[2])
        return file.read(found[1])


def foreign_metadata(path: str) -> ForeignMetadata | None:
    """Return GDAL's metadata where it is not UTF-8: GDAL's readers then leave items out, or fail. None where it is."""
    data = read_tag(path, GDAL_METADATA, _MOST_METADATA)
    if data is None:
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return _parse(data)
    return None


def _parse(data: bytes) -> ForeignMetadata:
    found = ForeignMetadata()
    for attributes, content in _ITEM.findall(data.decode("latin-1")):
        said = {name: html.unescape(_letters(value)) for name, value in _ATTRIBUTE.findall(attributes)}
        name, text = said.get("name", ""), html.unescape(_letters(content))
        sample = said.get("sample", "")
        band = int(sample) + 1 if sample.isdecimal() and len(sample) < 6 else None
        if band is None:
            found.tags[name] = text
        elif said.get("role") == "description":
            found.descriptions[band] = text
        elif said.get("role") == "unittype":
            found.units[band] = text
        elif "role" not in said:
            found.band_tags.setdefault(band, {})[name] = text
    return found


def _letters(text: str) -> str:
    """Return one item's text: an item may be UTF-8 where another one is not."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


@dataclass(frozen=True)
class _Shape:
    """How directories are written: in which order of bytes, and with which sizes (TIFF 6.0, section 2; BigTIFF: 8 bytes)."""

    number: struct.Struct
    entry: struct.Struct
    offset: struct.Struct
    first: int

    @classmethod
    def of(cls, head: bytes) -> _Shape | None:
        """Return that of a file by its first 16 bytes, None where it is no TIFF."""
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None or len(head) < 16:
            return None
        big = head[2:4] in (b"+\0", b"\0+")
        number, entry, offset = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
        where = struct.Struct(order + offset)
        first = where.unpack_from(head, 8 if big else 4)[0]
        return cls(struct.Struct(order + number), struct.Struct(order + entry), where, first)


def _find(file: BinaryIO, tag: int) -> tuple[int, int, int] | None:
    """Return a tag's type, how many bytes it has, and where they begin; None where the first directory does not hold it."""
    shape = _Shape.of(file.read(16))
    if shape is None or shape.first > _size(file):
        return None
    file.seek(shape.first)
    count = file.read(shape.number.size)
    if len(count) < shape.number.size:
        return None
    length = shape.entry.size + shape.offset.size
    entries = file.read(length * min(shape.number.unpack(count)[0], _MOST_ENTRIES))
    for start in range(0, len(entries) - length + 1, length):
        found, kind, values = shape.entry.unpack_from(entries, start)
        if found == tag:
            total = int(values) * _SIZES.get(kind, 1)
            if total <= shape.offset.size:
                return kind, total, shape.first + shape.number.size + start + shape.entry.size
            begins = int(shape.offset.unpack_from(entries, start + shape.entry.size)[0])
            return (kind, total, begins) if begins + total <= _size(file) else None
    return None


def pixels_of(file: BinaryIO) -> int:
    """Return how many pixels the first image of an opened TIFF says that it has; 0 where it does not say it."""
    sides = []
    for tag in (_WIDTH, _LENGTH):
        file.seek(0)
        order: Literal["little", "big"] = "big" if file.read(2) == b"MM" else "little"
        file.seek(0)
        found = _find(file, tag)
        if found is None:
            return 0
        file.seek(found[2])
        sides.append(int.from_bytes(file.read(min(found[1], 8)), order))
    return sides[0] * sides[1]


def _size(file: BinaryIO) -> int:
    at = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(at)
    return end


def has_more_directories(path: str, most: int) -> bool:
    """Return whether a TIFF holds more than so many images, masks and overviews, one after another."""
    with Path(path).open("rb") as file:
        shape = _Shape.of(file.read(16))
        at, seen, size = shape.first if shape else 0, set[int](), _size(file)
        while shape is not None and 0 < at < size and at not in seen:
            seen.add(at)
            if len(seen) > most:
                return True
            file.seek(at)
            count = file.read(shape.number.size)
            if len(count) < shape.number.size:
                return False
            ends = at + len(count) + shape.number.unpack(count)[0] * (shape.entry.size + shape.offset.size)
            if ends > size:
                return False
            file.seek(ends)
            following = file.read(shape.offset.size)
            at = shape.offset.unpack(following)[0] if len(following) == shape.offset.size else 0
    return False


def snap_band_names(path: str, count: int) -> tuple[str, ...] | None:
    """Return the bands' names in a TIFF that SNAP wrote, or None where it holds none that fit.

    Args:
        path: a file that begins as a TIFF.
        count: how many bands it has; as many names must be there, numbered 0, 1, ...
    """
    text = _tag_text(path)
    if text is None or "Dimap_Document" not in text[:2000]:
        return None
    names: dict[int, str] = {}
    for entry in _BAND.findall(text):
        index, name = _element(entry, "BAND_INDEX"), _element(entry, "BAND_NAME")
        if index is None or name is None or not index.isdigit():
            return None
        names[int(index)] = name
    if sorted(names) != list(range(count)):
        return None
    return tuple(names[i] for i in range(count))


def _element(text: str, name: str) -> str | None:
    match = re.search(rf"<{name}>([^<]{{1,200}})</{name}>", text)
    return html.unescape(match[1].strip()) if match else None


def _tag_text(path: str) -> str | None:
    """Return the text of the tag, or None."""
    data = read_tag(path, _SNAP, _MOST_DIMAP)
    return None if data is None else data.rstrip(b"\0").decode("utf-8", "replace")
