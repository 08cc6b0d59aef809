"""MBTiles: tiles in a table of SQLite, rows counted from the south (github.com/mapbox/mbtiles-spec, 1.3)."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dashboard.basemaps.pictures import (
    LOOKED_AT,
    MOST_BYTES,
    MOST_ZOOM,
    WORLD,
    About,
    bounds_of,
    damaged,
    no_pictures,
    plain,
    require_pictures,
    revision_of,
)

_VECTOR = {"pbf", "mvt", "mlt", "application/vnd.mapbox-vector-tile"}
_TILE = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
_ZOOMS = "SELECT MIN(zoom_level), MAX(zoom_level) FROM tiles"


class MbTiles:
    """An MBTiles file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def about(self) -> About:
        """Return what it tells of itself; see `TileFile`."""
        revision = revision_of(self.path)
        with self._reading() as database:
            names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            if not {"tiles", "metadata"} <= names:
                raise damaged(self.path, "it is a database without the tables `tiles` and `metadata`")
            told = {str(name): value for name, value in database.execute("SELECT name, value FROM metadata")}
            if str(told.get("format", "")).lower() in _VECTOR:
                raise no_pictures(self.path, "vector tiles")
            least, most = database.execute(_ZOOMS).fetchone()
            some = [data for (data,) in database.execute("SELECT tile_data FROM tiles LIMIT ?", (LOOKED_AT,))]
        require_pictures(self.path, some)
        if not (isinstance(least, int) and isinstance(most, int) and 0 <= least <= most <= MOST_ZOOM):
            raise damaged(self.path, f"its zooms go from {least} to {most}")
        return About(_bounds(told.get("bounds")), least, most, plain(told.get("attribution")), revision)

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """Return a tile; see `TileFile`."""
        with self._reading() as database:
            found = database.execute(_TILE, (z, x, (1 << z) - 1 - y)).fetchone()
        return found[0] if found and isinstance(found[0], bytes) else None

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        """Give the database, which nothing is written into, nor beside it.

        Raises:
            UnreadableFileError: what is read is not what it should be.
        """
        # What a program that still writes has not moved into the file yet lies beside it.
        written = self.path.with_name(f"{self.path.name}-wal")
        still = written.is_file() and written.stat().st_size
        uri = f"file:{quote(str(self.path.absolute()))}?mode=ro{'' if still else '&immutable=1'}"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as database:
                database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
                yield database
        except sqlite3.Error as error:
            raise damaged(self.path, f"SQLite says {str(error)!r}") from error


def _bounds(told: object) -> tuple[float, float, float, float]:
    """Return what "west,south,east,north" says; the world where it says nothing of use."""
    try:
        west, south, east, north = (float(part) for part in str(told).split(","))
    except ValueError:
        return WORLD
    return bounds_of(west, south, east, north) if math.isfinite(west + south + east + north) else WORLD
