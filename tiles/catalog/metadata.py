"""What the files of a chip say of themselves: coordinate system, bounds, size, nodata, tags, dates."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

from tiles.chip import ANCILLARY, Asset, ChipRecord
from tiles.errors import ChipError
from tiles.grid import Grid
from tiles.reading.place import Place
from tiles.reading.raster import read_info
from tiles.sentences import shown

_MAX_TAGS = 40
_MAX_TEXT = 300


def chip_metadata(record: ChipRecord) -> list[dict[str, object]]:
    """Return what each file of a chip says, a JSON-able entry a file; of one that cannot be read, why.

    An entry holds `roles` (which bands of the chip it is), `file`, and either `error` or `crs`, `size`, `pixel`, `bounds`
    (in the file's own coordinates: west, south, east, north), `dtypes`, `bands`, `nodata`, `tags`, `modified` and `bytes`.
    Of a file without a place `crs`, `pixel` and `bounds` are None, and `unplaced` says what it has instead.
    """
    files: dict[str, list[str]] = {}
    for role in ("vv", "vh", "label", *ANCILLARY):
        asset: Asset | None = getattr(record, role)
        if asset is not None:
            files.setdefault(asset.path, []).append(f"{role.replace('_', ' ')} (band {asset.band})")
    return [{"roles": roles, "file": Path(path).name, **_of_file(path)} for path, roles in files.items()]


def _of_file(path: str) -> dict[str, object]:
    try:
        info = read_info(path)
    except ChipError as error:
        return {"error": str(error)}
    try:
        grid = info.grid
        crs, pixel, bounds = _place(grid) if grid.placed else (None, None, None)
    except ChipError as error:
        return {"error": str(error)}
    stat = Path(path).stat()
    return {
        "crs": crs and crs + _from(info.place),
        "unplaced": info.unplaced[0] if info.unplaced else None,
        "size": [info.width, info.height],
        "pixel": pixel,
        "bounds": bounds,
        "dtypes": sorted(set(info.dtypes)),
        "bands": [name or f"band {number}" for number, name in enumerate(info.descriptions, 1)],
        "nodata": [_nodata(value) for value in info.nodata],
        "tags": {k[:80]: str(v)[:_MAX_TEXT] for k, v in sorted(info.tags.items())[:_MAX_TAGS]},
        "modified": datetime.fromtimestamp(stat.st_mtime, UTC).isoformat(timespec="seconds"),
        "bytes": stat.st_size,
    }


def _place(grid: Grid) -> tuple[str, list[float], list[float]]:
    """Return a grid's coordinate system, the size of its pixels and its bounds, in its own coordinates."""
    (x0, y0), (x1, y1) = (grid.transform @ corner for corner in ((0, 0), (grid.width, grid.height)))
    bounds = [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]
    return grid.crs_name, [abs(grid.transform.a), abs(grid.transform.e)], bounds


def _from(place: Place) -> str:
    """Return what gives a raster its place, where that is not its geotransform, and what contradicts it."""
    files = ", ".join(map(shown, place.source))
    how = f" from {files}" if files else ""
    how = f" from ground control points{f' of {files}' if files else ''}" if place.from_gcps else how
    said = "; ".join((how.strip(), *place.notes)).strip("; ")
    return f" ({said})" if said else ""


def _nodata(value: float | None) -> str:
    if value is None:
        return "not tagged"
    return "NaN" if math.isnan(value) else f"{value:g}"
