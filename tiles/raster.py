"""Reading one band of one raster file, with every way a file can be wrong turned into an error that says so."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.io import DatasetReader
from rasterio.warp import Resampling, calculate_default_transform, reproject

from tiles.errors import BandError, GeoreferenceError, UnreadableFileError
from tiles.grid import Grid

MAX_PIXELS = 4096 * 4096
"""Largest chip, in pixels: it is read whole, so a bigger one would take gigabytes of memory."""

GDAL_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_CACHEMAX": 128,
    "GDAL_PAM_ENABLED": "NO",
}
"""GDAL's configuration for every read: no directory scans, no side-car files, a bounded block cache."""

# The one format read here, because some of GDAL's formats are programs in disguise (VRT reads other paths and runs
# Python), and these files may come from strangers.
DRIVER = "GTiff"


@dataclass(frozen=True)
class BandInfo:
    """What a raster file's header says.

    Attributes:
        path: the file.
        count: number of bands.
        dtypes: numpy names of the bands' types.
        descriptions: the bands' names, None where a band has none.
        grid: the grid; for a file with ground control points, the regular grid that its pixels are warped to.
        from_gcps: the grid comes from ground control points.
        nodata: the tagged nodata value of each band.
        tags: the file's metadata tags.
    """

    path: str
    count: int
    dtypes: tuple[str, ...]
    descriptions: tuple[str | None, ...]
    grid: Grid
    from_gcps: bool
    nodata: tuple[float | None, ...]
    tags: dict[str, str]


@contextlib.contextmanager
def _open(path: str) -> Iterator[DatasetReader]:
    file = Path(path)
    try:
        if not file.exists():
            raise UnreadableFileError(f"{path} does not exist: check the path, or build the catalog again.")
        if file.is_file() and file.stat().st_size == 0:
            raise UnreadableFileError(f"{path} is empty (0 bytes): copy or download it again.")
    except OSError as error:  # a loop of symbolic links, or a folder that may not be entered
        raise UnreadableFileError(
            f"{path} cannot be reached ({error.strerror}): mend the link or permission."
        ) from error
    with rasterio.Env(**GDAL_OPTIONS):
        try:
            with file.open("rb") as handle:
                handle.read(1)
            # A resolved path, so that no part of a name can be taken for one of GDAL's virtual file systems.
            dataset = rasterio.open(file.resolve(), driver=DRIVER)
        except PermissionError as error:
            raise UnreadableFileError(f"{path} may not be read: give read permission to it.") from error
        except (RasterioIOError, RasterioError, OSError) as error:
            raise UnreadableFileError(
                f"{path} is not a readable GeoTIFF (damaged, truncated or of another format): copy or export it again."
            ) from error
        with dataset:
            yield dataset


def _grid_of(dataset: DatasetReader, path: str) -> tuple[Grid, bool]:
    """Return the dataset's grid, and whether it was made from ground control points."""
    if dataset.width * dataset.height > MAX_PIXELS:
        raise UnreadableFileError(
            f"{path} has {dataset.width:,} x {dataset.height:,} pixels; a chip may have {MAX_PIXELS:,} at most: "
            "cut it into tiles first (gdal_retile.py -ps 2048 2048)."
        )
    gcps, gcp_crs = dataset.gcps
    if dataset.crs is not None and dataset.transform != Affine.identity():
        return Grid(dataset.crs, dataset.transform, dataset.width, dataset.height), False
    if gcps and gcp_crs is not None:
        transform, width, height = calculate_default_transform(
            gcp_crs, gcp_crs, dataset.width, dataset.height, gcps=gcps
        )
        return Grid(CRS.from_user_input(gcp_crs), transform, int(width), int(height)), True
    if dataset.crs is None and dataset.transform != Affine.identity():
        found = "a pixel grid but no coordinate system (CRS)"
        todo = "say which it is: gdal_edit.py -a_srs EPSG:... FILE"
    elif dataset.crs is not None:
        found = "a coordinate system but no position (identity transform)"
        todo = "export it again with its geotransform"
    else:
        found = "no georeferencing at all: no coordinate system, no transform, no ground control points"
        todo = "export it again as a GeoTIFF with its place on Earth"
    raise GeoreferenceError(f"{path} has {found}: {todo}.")


def read_info(path: str) -> BandInfo:
    """Read the header of a raster file.

    Raises:
        UnreadableFileError: the file is missing, damaged, too large or not permitted to be read.
        GeoreferenceError: it has no place on Earth.
    """
    with _open(path) as dataset:
        grid, from_gcps = _grid_of(dataset, path)
        return BandInfo(
            path=path,
            count=dataset.count,
            dtypes=tuple(str(d) for d in dataset.dtypes),
            descriptions=tuple(dataset.descriptions),
            grid=grid,
            from_gcps=from_gcps,
            nodata=tuple(dataset.nodatavals),
            tags=dict(dataset.tags()),
        )


def read_band(path: str, band: int) -> tuple[npt.NDArray[np.generic], Grid, float | None]:
    """Read one band in its own type, its grid and its tagged nodata value.

    A file placed by ground control points is warped (nearest neighbour, so that values stay measured ones) to a
    regular grid in the points' coordinate system; pixels outside it are NaN, and the band is float32 then.

    Raises:
        UnreadableFileError: the file is missing, damaged, too large or not permitted to be read.
        GeoreferenceError: it has no place on Earth.
        BandError: it has no such band.
    """
    with _open(path) as dataset:
        grid, from_gcps = _grid_of(dataset, path)
        if not 1 <= band <= dataset.count:
            raise BandError(
                f"{path} has {dataset.count} band(s), band {band} was asked for: give a file that holds it."
            )
        nodata = dataset.nodatavals[band - 1]
        try:
            values = dataset.read(band)
        except (RasterioIOError, RasterioError, OSError) as error:
            raise UnreadableFileError(f"{path} is truncated or damaged inside: copy or download it again.") from error
        if not from_gcps:
            return values, grid, nodata
        gcps, gcp_crs = dataset.gcps
        warped = np.full(grid.shape, np.nan, dtype=np.float32)
        reproject(
            values.astype(np.float32),
            warped,
            gcps=gcps,
            src_crs=gcp_crs,
            dst_crs=grid.crs,
            dst_transform=grid.transform,
            dst_nodata=np.nan,
            src_nodata=nodata,
            resampling=Resampling.nearest,
        )
        return warped, grid, nodata
