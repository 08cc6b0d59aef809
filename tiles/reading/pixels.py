"""Reading the pixels of one band of one raster file, whole or a window of it, with all that the file says of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window

from tiles.errors import BandError, GeoreferenceError, UnreadableFileError
from tiles.grid import Grid
from tiles.reading.masks import mask_file, mask_of, own_mask
from tiles.reading.raster import GDAL_OPTIONS, RasterInfo, info_of, open_raster
from tiles.sentences import Sentence


@dataclass(frozen=True, eq=False)
class Band:
    """One band as a file holds it.

    Attributes:
        values: (H, W) in the file's own type; float32 where it has a scale and offset, which are followed, or was warped.
        there: bool (H, W), False where a mask, an alpha band, the nodata of scaled numbers or the warp says that nothing is.
        nodata: the tagged nodata value that `values` may hold still, or None.
        grid: of the pixels.
        info: the file's header.
    """

    values: npt.NDArray[np.generic]
    there: npt.NDArray[np.bool_]
    nodata: float | None
    grid: Grid
    info: RasterInfo


def read_band(
    path: str, band: int, window: Window | None = None, info: RasterInfo | None = None, overview: int | None = None
) -> Band:
    """Read one band, or a window of it, with everything that the file says of where it is there.

    A file placed by ground control points is warped (nearest neighbour, so that values stay measured ones) to a regular
    grid in the points' coordinate system; pixels outside it are NaN, and the band is float32 then.

    Args:
        path: the file.
        band: counts from 1.
        window: the part that is wanted; None for all of it.
        info: the file's header, where it was read already.
        overview: reads this overview, counted from 0; `window` counts its pixels then (`overviews_of`).

    Raises:
        UnreadableFileError: the file is missing, damaged, too large to be held whole or not permitted to be read.
        GeoreferenceError: the place that it names cannot be, or a window is asked of what lies on no grid.
        BandError: it has no such band.
    """
    with open_raster(path, overview) as dataset:
        info = info or info_of(dataset, path)
        if window is None:
            info.require_whole()
            info.require_held()
        elif info.from_gcps:
            raise GeoreferenceError(points_alone(path))
        grid = info.grid if overview is None else info.grid.coarser(dataset.width, dataset.height)
        grid = grid if window is None else grid.part(window)
        if not 1 <= band <= info.count:
            raise BandError(
                f"{{file}} has {info.count} band(s), band {band} was asked for: give a file that holds it.", file=path
            )
        values, there = stored(dataset, info, band, window)
    nodata = info.nodata[band - 1]
    if info.scaled(band):
        if nodata is not None:
            there &= ~_equal(values, nodata)
        values, nodata = scaled(values, info.scales[band - 1], info.offsets[band - 1]), None
    if info.from_gcps:
        values = _warped(values, there, info)
        there = ~np.isnan(values)
    return Band(values, there, nodata, grid, info)


def overviews_of(path: str, band: int) -> list[tuple[int, int]]:
    """Return rows and columns of each overview that a file holds of a band, the finest first.

    Of one whose mask lies beside it there are none: a mask file need not have the same.

    Raises:
        UnreadableFileError: the file is missing, damaged or not permitted to be read.
    """
    if mask_file(path) is not None:
        return []
    sizes = []
    with open_raster(path) as dataset:
        count = len(dataset.overviews(band))
    for number in range(count):
        with open_raster(path, number) as dataset:
            sizes.append(dataset.shape)
    return sizes


def points_alone(path: str) -> Sentence:
    """Return what is said of a raster whose pixels lie on no grid, and that has to be warped first."""
    return Sentence(
        "{file} is placed by ground control points alone: warp it to a regular grid first "
        "(rio warp FILE OUT --dst-crs EPSG:4326), which leaves its band names and its scale behind.",
        file=path,
    )


def stored(
    dataset: DatasetReader, info: RasterInfo, band: int, window: Window | None = None
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
    """Return a band's numbers as they are stored, and where masks and the alpha band say that they are there.

    Args:
        dataset, info: the file, opened, and its header.
        band: counts from 1.
        window: the part that is wanted, None for all of it.

    Returns:
        Both of shape (H, W), the second bool. A tagged nodata value is among the numbers still.

    Raises:
        UnreadableFileError: the pixels, or a mask, are damaged.
    """
    path = info.path
    try:
        values = dataset.read(band, window=window)
    except (RasterioError, OSError) as error:
        raise UnreadableFileError(
            "{file} is damaged inside, its pixels cannot be unpacked: copy or download it again.", file=path
        ) from error
    there = own_mask(dataset, band, info.alpha, path, window)
    if there is None:
        there = np.ones(values.shape, dtype=np.bool_)
    if (beside := mask_file(path)) is not None:
        with open_raster(beside) as mask:
            there &= mask_of(mask, beside, band, (info.height, info.width), window)
    return values, there


def _equal(values: npt.NDArray[np.generic], nodata: float) -> npt.NDArray[np.bool_]:
    return np.isnan(values) if math.isnan(nodata) else np.asarray(values == nodata)


def scaled(numbers: npt.NDArray[np.generic], scale: float, offset: float) -> npt.NDArray[np.float32]:
    """Return stored numbers as the values that they stand for, float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (numbers.astype(np.float64) * scale + offset).astype(np.float32)


def _warped(values: npt.NDArray[np.generic], there: npt.NDArray[np.bool_], info: RasterInfo) -> npt.NDArray[np.float32]:
    """Return stored pixels on the grid of their ground control points, NaN outside of them; a tagged nodata stays a number."""
    warped = np.full(info.grid.shape, np.nan, dtype=np.float32)
    with rasterio.Env(**GDAL_OPTIONS):
        reproject(
            np.where(there, values.astype(np.float32), np.float32(np.nan)),
            warped,
            gcps=list(info.place.gcps),
            src_crs=info.place.gcp_crs,
            dst_crs=info.grid.crs,
            dst_transform=info.grid.transform,
            dst_nodata=np.nan,
            src_nodata=np.nan,
            resampling=Resampling.nearest,
        )
    return warped
