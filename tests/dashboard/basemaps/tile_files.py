"""Writes PMTiles and MBTiles files, whole ones and such as nobody should write."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from PIL import Image
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

Place = tuple[int, int, int]
"""Zoom, column, and row from the north."""


def picture(colour: tuple[int, int, int] = (200, 90, 160), kind: str = "PNG") -> bytes:
    """Return a tile of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(out, kind)
    return out.getvalue()


def write_mbtiles(path: Path, tiles: Mapping[Place, Any], **metadata: str) -> Path:
    """Write MBTiles."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE metadata (name text, value text)")
        database.execute(
            "CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)"
        )
        database.executemany("INSERT INTO metadata VALUES (?, ?)", metadata.items())
        rows = [(z, x, 2**z - 1 - y, data) for (z, x, y), data in tiles.items()]
        database.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
    return path


def write_pmtiles(
    path: Path,
    tiles: Mapping[Place, bytes],
    *,
    kind: TileType = TileType.PNG,
    packed: Compression = Compression.NONE,
    bounds: tuple[float, float, float, float] = (-180, -85, 180, 85),
    **metadata: str,
) -> Path:
    """Write PMTiles."""
    with path.open("wb") as file:
        writer = Writer(file)
        for z, x, y in sorted(tiles, key=lambda place: zxy_to_tileid(*place)):
            writer.write_tile(zxy_to_tileid(z, x, y), tiles[z, x, y])
        zooms = [z for z, _, _ in tiles] or [0]
        corners = zip(("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7"), bounds, strict=True)
        header = {name: round(value * 1e7) for name, value in corners}
        header |= {"min_zoom": min(zooms), "max_zoom": max(zooms), "center_zoom": 0}
        header |= {"center_lon_e7": 0, "center_lat_e7": 0}
        writer.finalize(header | {"tile_type": kind, "tile_compression": packed}, metadata)
    return path
