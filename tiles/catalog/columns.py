"""Tables as columns in one body: how the catalog and the predictions of a model travel to the page (assets/data/columns.mjs).

A body is, in this order, all numbers little-endian:

    4 bytes     "FSC1"
    uint32      length of the header in bytes
    header      JSON in UTF-8, filled up with blanks so that what follows begins at a multiple of 8:
                {"rows": N, "about": {...}, "columns": {NAME: {"type", "at", "count", "values"}}}
    columns     each at "at" bytes after the header's end, a multiple of 8

A column is one number a row, or `count` of them, of a `type`: u1, u2, u4, i2, i4, f4, f8. With `values` it is a text: each number
is the place of the row's text among them, counted from 1, and 0 is none; where it has no `type`, `values` are the texts of the
rows themselves, null for none.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MAGIC = b"FSC1"
MIMETYPE = "application/vnd.floodscope.columns"
_TYPES = {
    "u1": np.uint8,
    "u2": np.uint16,
    "u4": np.uint32,
    "i2": np.int16,
    "i4": np.int32,
    "f4": np.float32,
    "f8": np.float64,
}
_NAMES = {np.dtype(kind): name for name, kind in _TYPES.items()}


class Columns:
    """A table that is written column by column."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._columns: dict[str, dict[str, Any]] = {}
        self._parts: list[bytes] = []
        self._size = 0

    def numbers(self, name: str, values: npt.NDArray[Any]) -> None:
        """Add numbers, one a row, in the type that they have; whole ones of 64 bits in the narrowest that holds them."""
        array = narrow(values)
        self._put(name, {"type": _NAMES[array.dtype]}, array)

    def whole(self, name: str, values: npt.NDArray[Any]) -> None:
        """Add numbers as `numbers` does, however many there are."""
        array = narrow(values)
        self._put(name, {"type": _NAMES[array.dtype], "count": len(array)}, array)

    def texts(self, name: str, values: Sequence[str | None]) -> None:
        """Add texts, by a dictionary where some are there more than once."""
        places: dict[str, int] = {}
        for value in values:
            if value is not None and value not in places:
                places[value] = len(places) + 1
        if 2 * len(places) > len(values):
            self._columns[name] = {"values": list(values)}
            return
        codes = [0 if value is None else places[value] for value in values]
        array = narrow(np.array(codes, dtype=np.int64))
        self._put(name, {"type": _NAMES[array.dtype], "values": list(places)}, array)

    def _put(self, name: str, column: dict[str, Any], array: npt.NDArray[Any]) -> None:
        content = np.ascontiguousarray(array).tobytes()
        self._columns[name] = {**column, "at": self._size}
        filled = content + bytes(-len(content) % 8)
        self._parts.append(filled)
        self._size += len(filled)

    def to_bytes(self, about: Mapping[str, Any] | None = None) -> bytes:
        """Return the body, with what is said of the whole table beside it."""
        said = {"rows": self._rows, "about": about or {}, "columns": self._columns}
        header = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        header += b" " * (-(len(header) + 8) % 8)
        return b"".join([MAGIC, struct.pack("<I", len(header)), header, *self._parts])


class Table:
    """What `Columns.to_bytes` wrote.

    Attributes:
        rows: how many.
        about: what is said of the whole table.
    """

    def __init__(self, body: bytes) -> None:
        """Read a body.

        Raises:
            ValueError: it is none.
        """
        if body[: len(MAGIC)] != MAGIC:
            raise ValueError("these bytes are no table of columns")
        begin = 8 + struct.unpack_from("<I", body, 4)[0]
        said = json.loads(body[8:begin])
        self.rows, self.about = int(said["rows"]), said["about"]
        self._columns, self._body, self._begin = said["columns"], body, begin

    def numbers(self, name: str) -> npt.NDArray[Any]:
        """Return a column of numbers."""
        column = self._columns[name]
        kind, count = np.dtype(_TYPES[column["type"]]).newbyteorder("<"), column.get("count", self.rows)
        return np.frombuffer(self._body, kind, count, self._begin + column["at"])

    def texts(self, name: str) -> list[str | None]:
        """Return a column of texts."""
        values: list[str | None] = self._columns[name]["values"]
        if "type" not in self._columns[name]:
            return values
        known = [None, *values]
        return [known[code] for code in self.numbers(name).tolist()]


def narrow(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return whole numbers in the narrowest type of a column that holds them; others, and truths, as they are or as bytes."""
    if array.dtype == bool:
        return array.astype(np.uint8)
    if array.dtype.kind not in "iu" or array.dtype.itemsize < np.dtype(np.int64).itemsize:
        return array
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low < 0:
        small = np.iinfo(np.int16)
        return array.astype(np.int16 if small.min <= low and high <= small.max else np.int32)
    return array.astype(next(kind for kind in (np.uint8, np.uint16, np.uint32) if high <= np.iinfo(kind).max))
