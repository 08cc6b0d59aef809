"""Files of tiles: which kind one is, by its first bytes."""

from __future__ import annotations

from pathlib import Path

from dashboard.basemaps.pictures import TileFile
from tiles.errors import UsageError

SUFFIXES = (".pmtiles", ".mbtiles")
_PMTILES, _MBTILES = b"PMTiles", b"SQLite format 3\0"


def open_tiles(path: Path) -> TileFile:
    """Return a file of tiles.

    Raises:
        UsageError: it is not there, or none.
    """
    if path.is_dir():
        raise UsageError("--basemap {file} is a folder: give a PMTiles or MBTiles file.", file=path)
    try:
        with path.open("rb") as file:
            begin = file.read(16)
    except FileNotFoundError as error:
        raise UsageError(
            "--basemap {file} is not there: see where the file lies, and give its path.", file=path
        ) from error
    except OSError as error:
        raise UsageError(
            f"--basemap {{file}} cannot be read ({error.strerror}): see who may read it.", file=path
        ) from error
    if begin.startswith(_PMTILES):  # only who has such a file pays for its reader
        from dashboard.basemaps.pmtiles import PmTiles  # noqa: PLC0415

        return PmTiles(path)
    if begin.startswith(_MBTILES):
        from dashboard.basemaps.mbtiles import MbTiles  # noqa: PLC0415

        return MbTiles(path)
    if not begin:
        raise UsageError("--basemap {file} is empty: copy or download it again.", file=path)
    raise UsageError(
        "--basemap {file} is neither PMTiles nor MBTiles: give one of these, or an address with {z}, {x} and {y} in it.",
        file=path,
    )
