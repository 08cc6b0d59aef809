"""A chip's pixels in the web-mercator grid: a display raster with overviews, cut into tiles by rio-tiler."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import MemoryFile
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.io import Reader

from tiles.chip import ByteArray
from tiles.grid import Grid
from tiles.raster import GDAL_OPTIONS

MAX_ZOOM = 22
Overviews = Literal["average", "nearest"]


class DisplayRaster:
    """A chip's RGBA pixels as an uncompressed GeoTIFF in memory, with overviews down to one pixel.

    rio-tiler reads tiles of every zoom from it. The overviews are what makes low zooms quick: without them one
    512 x 512 chip costs seconds at zoom 7. They are averages for imagery (speckle evens out, as in multi-looking) and
    nearest neighbours for scores, whose values must stay values.

    Attributes:
        grid: the source grid.
        nbytes: memory that it holds.
    """

    def __init__(self, rgba: ByteArray, grid: Grid, overviews: Overviews) -> None:
        """Write the raster.

        Args:
            rgba: uint8 of shape (4, H, W).
            grid: where it lies.
            overviews: how overviews are made.
        """
        self.grid = grid
        self.nbytes = int(rgba.nbytes * 4 / 3)
        self._file = MemoryFile(ext=".tif")
        levels = [2**k for k in range(1, max(grid.shape).bit_length())]
        with (
            rasterio.Env(**GDAL_OPTIONS),
            self._file.open(
                driver="GTiff",
                dtype="uint8",
                count=4,
                width=grid.width,
                height=grid.height,
                crs=grid.crs,
                transform=grid.transform,
                photometric="RGB",
                alpha="YES",
                interleave="pixel",
                tiled=True,
                blockxsize=256,
                blockysize=256,
            ) as dataset,
        ):
            dataset.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
            dataset.write(rgba)
            dataset.build_overviews(levels, Resampling[overviews])

    @property
    def path(self) -> str:
        """GDAL's path of the raster in memory, for rasterio and rio-tiler."""
        return str(self._file.name)

    def tile(self, z: int, x: int, y: int, size: int = 256) -> ByteArray | None:
        """Return one tile as uint8 RGBA (size, size, 4), by nearest neighbour; None where it lies outside the raster."""
        with rasterio.Env(**GDAL_OPTIONS), Reader(self.path) as reader:
            try:
                image = reader.tile(
                    x,
                    y,
                    z,
                    tilesize=size,
                    indexes=(1, 2, 3, 4),
                    resampling_method="nearest",
                    reproject_method="nearest",
                )
            except TileOutsideBounds:
                return None
        return np.ascontiguousarray(np.moveaxis(image.array.data.astype(np.uint8, copy=False), 0, -1))

    def close(self) -> None:
        """Free the memory."""
        self._file.close()


def encode_png(rgba: ByteArray) -> bytes:
    """Return uint8 RGBA (H, W, 4) as a lossless PNG; quick rather than small, since speckle does not compress."""
    out = io.BytesIO()
    Image.fromarray(rgba, mode="RGBA").save(out, "PNG", compress_level=1)
    return out.getvalue()


def encode_mask(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]], colour: tuple[int, int, int]) -> bytes:
    """Return a bool mask (H, W) as a two-colour PNG: `colour` where True, transparent elsewhere."""
    image = Image.fromarray(mask.astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, *colour])
    out = io.BytesIO()
    image.save(out, "PNG", transparency=0, bits=1, compress_level=6)
    return out.getvalue()
