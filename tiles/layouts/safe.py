"""Sentinel-1 products as Copernicus delivers them: a folder of the ending .SAFE, or its zip, is one chip or scene."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from shapely.geometry import Polygon

from tiles.chip import Asset, ChipRecord
from tiles.errors import ChipError, Problem
from tiles.layouts.folder import Reading
from tiles.naming import chip_id
from tiles.places import country_at, iso_date
from tiles.products.container import MANIFEST
from tiles.products.product import POLARIZATIONS, Product
from tiles.sentences import shown

NAME = "safe"
_SAFE = re.compile(r"^S1[A-D]_.*\.SAFE(\.zip)?$", re.IGNORECASE)
_ZIPPED = re.compile(r"^S1[A-D]_(IW|EW|S\d|WV)_(GRD|SLC|RAW|OCN)\w*\.zip$", re.IGNORECASE)


def is_safe(path: Path) -> bool:
    """Return whether a file or folder is a Sentinel-1 product, by its name or its manifest."""
    if path.name.lower() == MANIFEST or _ZIPPED.match(path.name):
        return True
    if path.is_dir():
        return bool(_SAFE.match(path.name)) or (path / MANIFEST).is_file()
    return path.name.lower().endswith(".zip") and bool(_SAFE.match(path.name))


def recognises(folder: Path) -> bool:
    """Return whether a folder is a product, or holds one."""
    return bool(_products(folder))


def read(source: Path) -> Reading:
    """Return the products of a folder, or the one that a path is of; those of another kind are told."""
    records, problems = [], []
    for path in _products(source):
        try:
            records.append(record_of(path, source))
        except ChipError as error:
            problems.append(Problem(shown(path.name), str(error)))
    return Reading(records, problems)


def record_of(path: Path, source: Path) -> ChipRecord:
    """Return the record of a product; no pixel is read.

    Raises:
        ChipError: it is damaged, or of another kind.
    """
    product = Product(path.parent if path.name.lower() == MANIFEST else path)
    product.require_taken()
    grid = product.map_grid()
    bands = [Asset(product.path, band) for band in range(1, len(POLARIZATIONS) + 1)]
    footprint = Polygon(_on_the_first_turn(product.geolocation.outline()))
    record = ChipRecord(
        id=chip_id(product.container.name),
        date=iso_date(product.first.start),
        layout=NAME,
        source=str(source),
        file=path.parent.name if path.name.lower() == MANIFEST else path.name,
        footprint=footprint,
        width=grid.width,
        height=grid.height,
        vv=bands[0],
        vh=bands[1],
    )
    return replace(record, country=country_at(footprint))


def _products(source: Path) -> list[Path]:
    if is_safe(source):
        return [source]
    if not source.is_dir():
        return []
    return [path for path in sorted(source.iterdir()) if not path.name.startswith(".") and is_safe(path)]


def _on_the_first_turn(ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
    west = min(longitude for longitude, _ in ring)
    turn = -360.0 if west > 180 else 0.0
    return [(longitude + turn, latitude) for longitude, latitude in ring]
