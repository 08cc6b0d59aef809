"""A chip's pixels in the web-mercator grid: a display raster in memory, cut into tiles by rio-tiler; and their PNGs."""

from __future__ import annotations

import io
import weakref
from typing import Literal

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import MemoryFile
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.io import Reader

from tiles.chip import ByteArray
from tiles.grid import Grid
from tiles.reading.raster import GDAL_OPTIONS

MAX_ZOOM = 22
OVERVIEWS_ABOVE = 512
"""Pixels a side above which a display raster has overviews, as a cloud-optimised GeoTIFF has."""

Overviews = Literal["average", "nearest"]

_COLOURS = {
    2: (ColorInterp.gray, ColorInterp.alpha),
    4: (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha),
}
# GDAL then warps the tile as a whole, as long as all bands are asked for at once. Its other route goes block by block
# through the tile at the source's resolution: 3.5 s at zoom 7, where this one takes 0.04 s at most.
_WARP_OPTIONS = {**GDAL_OPTIONS, "GDAL_VRT_WARP_USE_DATASET_RASTERIO": "YES"}
# zlib's run-length strategy: against its default one, up to half the time and fewer bytes on filtered speckle.
_PNG_RUN_LENGTHS = 3


class DisplayRaster:
    """A chip's display pixels as an uncompressed GeoTIFF in memory, from which rio-tiler reads tiles of every zoom.

    It has no overviews, so a tile of any zoom shows the pixels that rio-tiler's nearest neighbour takes from the
    chip's own file: what is seen was measured, in imagery and scores alike. Only rasters of more than
    `OVERVIEWS_ABOVE` pixels a side have them: of 4096 x 4096 pixels a low zoom takes 0.8 to 1.8 s without.

    A geographic raster that goes on beyond 180 degrees is held a second time, a turn of the globe farther west: GDAL draws
    of each the part that lies within 180.

    Attributes:
        grid: the source grid.
        nbytes: memory that it holds.
    """

    def __init__(self, pixels: ByteArray, grid: Grid, overviews: Overviews) -> None:
        """Write the raster.

        Args:
            pixels: uint8 of shape (2, H, W), grey and alpha, or (4, H, W), red, green, blue and alpha.
            grid: where it lies.
            overviews: how overviews are made of a raster that needs them: averages for imagery (speckle evens out, as
                in multi-looking), nearest neighbours for scores, whose values must stay values.
        """
        self.grid = grid
        large = max(grid.shape) > OVERVIEWS_ABOVE
        self.nbytes = int(pixels.nbytes * 4 / 3) if large else pixels.nbytes
        beyond = grid.beyond_antimeridian()
        self._beyond = DisplayRaster(pixels, beyond, overviews) if beyond is not None else None
        if self._beyond is not None:
            self.nbytes *= 2
        self._file = MemoryFile(ext=".tif")
        # Without this the memory stays GDAL's after the object is gone.
        weakref.finalize(self, self._file.close)
        count = len(pixels)
        with (
            rasterio.Env(**GDAL_OPTIONS),
            self._file.open(
                driver="GTiff",
                dtype="uint8",
                count=count,
                width=grid.width,
                height=grid.height,
                crs=grid.crs,
                transform=grid.transform,
                photometric="RGB" if count == 4 else "MINISBLACK",
                alpha="YES",
                interleave="pixel",
                tiled=True,
                blockxsize=256,
                blockysize=256,
            ) as dataset,
        ):
            dataset.colorinterp = _COLOURS[count]
            dataset.write(pixels)
            if large:
                dataset.build_overviews([2**k for k in range(1, max(grid.shape).bit_length())], Resampling[overviews])

    @property
    def path(self) -> str:
        """GDAL's path of the raster in memory, for rasterio and rio-tiler."""
        return str(self._file.name)

    def tile(self, z: int, x: int, y: int, size: int = 256) -> ByteArray | None:
        """Return one tile by nearest neighbour, uint8 (size, size, 2 or 4); None where no pixel of it has data."""
        tile = self._tile(z, x, y, size)
        beyond = self._beyond._tile(z, x, y, size) if self._beyond is not None else None
        if tile is None or beyond is None:
            return beyond if tile is None else tile
        return np.where(tile[..., -1:] > 0, tile, beyond)

    def _tile(self, z: int, x: int, y: int, size: int) -> ByteArray | None:
        with rasterio.Env(**_WARP_OPTIONS), Reader(self.path) as reader:
            # rio-tiler adds alpha to the colours asked for: that makes all bands in one request.
            colours = tuple(range(1, reader.dataset.count))
            try:
                image = reader.tile(
                    x, y, z, tilesize=size, indexes=colours, resampling_method="nearest", reproject_method="nearest"
                )
            except TileOutsideBounds:
                return None
        alpha = image.alpha_mask
        if alpha is None or not alpha.any():
            return None
        tile = np.empty((size, size, len(colours) + 1), dtype=np.uint8)
        tile[..., :-1] = np.moveaxis(image.array.data, 0, -1)
        tile[..., -1] = alpha
        return tile


def encode_png(pixels: ByteArray) -> bytes:
    """Return uint8 pixels (H, W, 2 or 4), alpha last, as a lossless PNG; quick before small: speckle hardly compresses."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1, compress_type=_PNG_RUN_LENGTHS)
    return out.getvalue()


def encode_mask(mask: npt.NDArray[np.bool_], colour: tuple[int, int, int]) -> bytes:
    """Return a bool mask (H, W) as a two-colour PNG: `colour` where True, transparent elsewhere."""
    image = Image.fromarray(mask.astype(np.uint8))
    image.putpalette([0, 0, 0, *colour])
    out = io.BytesIO()
    image.save(out, "PNG", transparency=0, bits=1, compress_level=6)
    return out.getvalue()
