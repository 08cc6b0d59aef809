"""Rasters of any size as Cloud Optimized GeoTIFFs, written part by part: memory does not grow with them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter

from tiles.errors import OutputError
from tiles.grid import Grid
from tiles.reading.raster import GDAL_OPTIONS

_BLOCK = 512
_SMALLEST = 256
"""The smallest overview has about this many pixels a side: one tile."""


@contextmanager
def cog_writer(
    part: Path,
    grid: Grid,
    profile: Mapping[str, Any],
    *,
    resampling: str = "NEAREST",
    least_overviews: int = 0,
    named: Path | None = None,
) -> Iterator[DatasetWriter]:
    """Give a plain uint8 raster to write into, and put it in order at the end: tiles, overviews, directories first.

    Args:
        part: the file that is written; a plain one stands beside it meanwhile.
        grid: of its pixels.
        profile: what rasterio shall know of the plain file beside size, type, place and blocks: `count` at least.
        resampling: of the overviews.
        least_overviews: so many are made of the smallest raster too.
        named: the file in an error's sentence; None is `part`.

    Raises:
        OutputError: the disk is full, or the folder may not be written.
    """
    plain = part.with_suffix(".plain.tif")
    whole = {"driver": "GTiff", "width": grid.width, "height": grid.height, "dtype": "uint8", "crs": grid.crs}
    whole |= {"transform": grid.transform, "BIGTIFF": "IF_SAFER"}
    whole |= {"tiled": True, "blockxsize": _BLOCK, "blockysize": _BLOCK, **profile}
    try:
        with rasterio.Env(**GDAL_OPTIONS):
            with rasterio.open(plain, "w", **whole) as dataset:
                yield dataset
            rasterio.shutil.copy(
                plain,
                part,
                driver="COG",
                compress="DEFLATE",
                level=1,
                blocksize=_BLOCK,
                bigtiff="IF_SAFER",
                overview_resampling=resampling,
                overview_count=max(least_overviews, math.ceil(math.log2(max(grid.shape) / _SMALLEST))),
            )
    except RasterioError as error:
        raise OutputError(f"{{file}} cannot be written ({error}): free some space.", file=named or part) from error
    finally:
        plain.unlink(missing_ok=True)
