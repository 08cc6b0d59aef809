"""A catalog's paths in its file: named from where the catalog lies, so that it moves with its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiles.chip import ANCILLARY

if TYPE_CHECKING:
    import geopandas as gpd

_PATHS = (*(f"{name}_path" for name in ("vv", "vh", "label", *ANCILLARY)), "source")


def relative(frame: gpd.GeoDataFrame, folder: Path) -> gpd.GeoDataFrame:
    """Return a catalog's rows whose files lie below the catalog's folder, or beside it, named from there: both may move.

    `built_in` keeps where the catalog was written, so that the catalog may move alone, too.
    """

    def named(path: object) -> object:
        if not isinstance(path, str) or not path or "://" in path or path.startswith("stac:"):
            return path
        from_here = os.path.relpath(os.path.abspath(path), folder)  # noqa: PTH100
        return path if from_here.startswith(os.path.join("..", "..")) else from_here  # noqa: PTH118

    moved = frame.copy()
    for column in _PATHS:
        moved[column] = [named(path) for path in frame[column]]
    moved["built_in"] = str(folder)
    return moved


def anchored(row: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a row whose paths are whole again: from where the catalog lies now, else from where it was written."""

    def whole(path: object) -> object:
        if not isinstance(path, str) or not path or os.path.isabs(path) or "://" in path:  # noqa: PTH117
            return path
        here = os.path.normpath(folder / path)
        built = row.get("built_in")
        there = os.path.normpath(Path(built) / path) if isinstance(built, str) else here
        return there if not os.path.exists(here) and os.path.exists(there) else here  # noqa: PTH110

    return {name: whole(value) if name in _PATHS else value for name, value in row.items()}
