"""What is no GeoTIFF on this machine, at the door: a Sentinel-1 product, whose map is made when pixels are asked for, and a
file on a server, which is read in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from rasterio.crs import CRS
from rasterio.io import DatasetReader

from tiles.archive.address import is_address
from tiles.archive.remote import open_remote, remote_file
from tiles.chip import ChipRecord
from tiles.decisions import Decision
from tiles.errors import FloodscopeError
from tiles.products.background import background
from tiles.products.container import is_product
from tiles.products.kept import kept_at, kept_map
from tiles.products.make import GEOCODED, NODATA, SCALE, tags_of
from tiles.products.product import POLARIZATIONS, SPACING, Product

_BLOCK = 512


def raster_of(path: str) -> str:
    """Return the file to read pixels from: of a product its map, made now where it is not there yet; else the path itself.

    Raises:
        ChipError: the product cannot be laid onto a map.
        OutputError: there is no room for it.
        BusyError: maps are made in the background, and this one is not made yet.
    """
    if not is_product(path):
        return path
    product = Product(path)
    return str(background().require(product) if background().on else kept_map(product))


def is_at_hand(path: str) -> bool:
    """Return whether a file's pixels can be read as it lies on this machine, with no map to be made of it first."""
    if is_address(path):
        return False
    try:
        return not is_product(path) or kept_at(Product(path)).is_file()
    except FloodscopeError:
        return False


def make_maps(records: Iterable[ChipRecord], progress: Callable[[str, float], None]) -> None:
    """Make the maps of all products among some chips that are not made yet; what fails is told when its pixels are asked for.

    Args:
        records: the chips.
        progress: told of which product, and which share of it is done.
    """
    paths = {record.vv.path for record in records if record.vv is not None and is_product(record.vv.path)}
    for path in sorted(paths):
        product = Product(path)
        with suppress(FloodscopeError):
            kept_map(product, partial(progress, product.container.name))


@contextmanager
def opened_elsewhere(path: str) -> Iterator[DatasetReader | None]:
    """Give a file on a server, opened; None of a file on this machine.

    Raises:
        ArchiveError, UnreadableFileError: the server does not give it, or it is no GeoTIFF.
    """
    if not is_address(path):
        yield None
        return
    with open_remote(path) as dataset:
        yield dataset


def bytes_of(path: str) -> int:
    """Return how many bytes a file has, here or on its server."""
    return remote_file(path).size if is_address(path) else Path(path).stat().st_size


def opened_path(dataset: DatasetReader, path: str) -> str:
    """Return the path of the file that was opened: of a product, that of its map."""
    return str(dataset.name) if is_product(path) else path


def laid(tags: Mapping[str, str]) -> list[Decision]:
    """Return what has to be told of the place of a map that was made of a product."""
    return [Decision("place", tags[GEOCODED], "tag", told=True)] if GEOCODED in tags else []


def header_of(path: str) -> dict[str, Any] | None:
    """Return the fields of the `RasterInfo` of a product's map, whether it is made or not; None of any other file.

    Raises:
        ChipError: it is no product that can be laid onto a map.
    """
    if not is_product(path):
        return None
    product = Product(path)
    product.require_taken()
    grid = product.map_grid()
    bands = len(POLARIZATIONS)
    return {
        "path": path,
        "width": grid.width,
        "height": grid.height,
        "count": bands,
        "dtypes": ("int16",) * bands,
        "descriptions": POLARIZATIONS,
        "nodata": (float(NODATA),) * bands,
        "scales": (SCALE,) * bands,
        "offsets": (0.0,) * bands,
        "tags": {**tags_of(product, SPACING), "AREA_OR_POINT": "Area"},
        "band_tags": ({},) * bands,
        "units": ("dB",) * bands,
        "alpha": None,
        "masked": False,
        "crs": CRS.from_epsg(grid.epsg),
        "transform": grid.transform,
        "gcps": (),
        "gcp_crs": None,
        "block_bytes": _BLOCK * _BLOCK * 2 * bands,
        "in_strips": False,
        "size": product.container.path.stat().st_size,
        "ends_at": 0,
    }
