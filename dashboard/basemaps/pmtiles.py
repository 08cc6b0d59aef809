"""PMTiles, version 3: one file of tiles, found by directories that are packed in it (github.com/protomaps/PMTiles)."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from pmtiles.reader import Reader, all_tiles
from pmtiles.tile import Compression, MagicNumberNotFound, SpecVersionUnsupported, TileType

from dashboard.basemaps.pictures import (
    LOOKED_AT,
    MOST_BYTES,
    MOST_ZOOM,
    About,
    bounds_of,
    damaged,
    no_pictures,
    plain,
    require_pictures,
    revision_of,
)
from tiles.errors import UnreadableFileError, UsageError

_VECTOR = {TileType.MVT, TileType.MLT}
_PACKED = {Compression.UNKNOWN, Compression.NONE, Compression.GZIP}
_E7 = 1e7
# What the reader raises where bytes are not what they should be.
_NOT_WHOLE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, OverflowError, MemoryError, RecursionError),
    zlib.error,
    MagicNumberNotFound,
)


class PmTiles:
    """A PMTiles file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def about(self) -> About:
        """Return what it tells of itself; see `TileFile`."""
        revision = revision_of(self.path)
        with self._reading() as reader:
            try:
                header = reader.header()
            except SpecVersionUnsupported as error:
                raise UsageError(
                    "--basemap {file} is PMTiles of another version than 3: make it anew with a current program, "
                    "or give MBTiles.",
                    file=self.path,
                ) from error
            if header["tile_type"] in _VECTOR:
                raise no_pictures(self.path, "vector tiles")
            if header["internal_compression"] is not Compression.GZIP or header["tile_compression"] not in _PACKED:
                raise UsageError(
                    "--basemap {file} is packed otherwise than with gzip, which is not read here: make it anew with gzip, "
                    "or give MBTiles.",
                    file=self.path,
                )
            if header["tile_data_offset"] + header["tile_data_length"] > self.path.stat().st_size:
                raise damaged(self.path, "its tiles go on beyond its end")
            some = [data for _, data in islice(all_tiles(reader.get_bytes), LOOKED_AT)]  # type: ignore[no-untyped-call]
            metadata = reader.metadata() if header["metadata_length"] else {}
        require_pictures(self.path, some)
        least, most = header["min_zoom"], header["max_zoom"]
        if not least <= most <= MOST_ZOOM:
            raise damaged(self.path, f"its zooms go from {least} to {most}")
        west, south, east, north = (
            header[name] / _E7 for name in ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")
        )
        attribution = metadata.get("attribution") if isinstance(metadata, dict) else ""
        return About(bounds_of(west, south, east, north), least, most, plain(attribution), revision)

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """Return a tile; see `TileFile`."""
        with self._reading() as reader:
            found: bytes | None = reader.get(z, x, y)
        return found

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        """Give a reader of the file.

        Raises:
            UnreadableFileError: what is read is not what it should be.
        """
        handle = -1
        try:
            handle = os.open(self.path, os.O_RDONLY)
            size = os.fstat(handle).st_size

            def some(offset: int, length: int) -> bytes:  # not mapped: a file that shrinks would end the process
                if length > MOST_BYTES or offset + length > size:
                    raise EOFError
                return os.pread(handle, length, offset)

            yield Reader(some)  # type: ignore[no-untyped-call]
        except (UnreadableFileError, UsageError):
            raise
        except _NOT_WHOLE as error:
            raise damaged(self.path, "its directories lead to nothing") from error
        finally:
            if handle >= 0:
                os.close(handle)
