"""Opening a raster file and reading its header, with every way a file can be wrong turned into an error that says so."""

from __future__ import annotations

import contextlib
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import rasterio
import rasterio.session
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Interleaving
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from tiles.archive.address import is_address
from tiles.errors import FloodscopeError, UnreadableFileError
from tiles.grid import Grid
from tiles.reading.directory import foreign_metadata, snap_band_names
from tiles.reading.elsewhere import bytes_of, header_of, opened_elsewhere, opened_path, raster_of
from tiles.reading.masks import has_own_mask, mask_file
from tiles.reading.place import Place, find_place
from tiles.reading.sniff import require_tiff
from tiles.sentences import shown

MAX_PIXELS = 4096 * 4096
"""Largest image that is held in memory whole, in pixels: of a larger one, a scene, windows are read (`tiles.scenes`)."""

# GDAL holds one block of all its interleaved bands at least, however small the image that it belongs to.
_MAX_BLOCK_BYTES = 512 << 20

GDAL_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_CACHEMAX": 128,
    "GDAL_PAM_ENABLED": "NO",
}
"""GDAL's configuration for every read: no directory scans, no side-car files (ours: `sidecars`), a bounded block cache."""

# GDAL needs nobody's credentials here: what lies elsewhere is asked for by `tiles.archive`. Where the environment holds a key of
# AWS, rasterio would begin a session of boto3 in each of its environments, some of which are inside of its functions: a tile
# would take four times as long. This is what it does where boto3 is not installed.
rasterio.session.boto3 = None

# Sentinel Hub's band of 1 where there are data and 0 where not, as its scripts call it: an alpha band by another name.
_DATA_MASK = re.compile(r"(?:data|valid)[_ ]?mask", re.IGNORECASE)

# The one format read here, because some of GDAL's formats are programs in disguise (VRT reads other paths and runs
# Python), and these files may come from strangers.
DRIVER = "GTiff"


@dataclass(frozen=True)
class RasterInfo:
    """What a raster file's header says. Facts alone: what is wrong with them is told when they are asked for.

    Attributes:
        path: the file.
        width, height: pixels.
        count: number of bands.
        dtypes: numpy names of the bands' types.
        descriptions: the bands' names, None where a band has none.
        nodata: the tagged nodata value of each band.
        scales, offsets: of each band, value = stored * scale + offset; 1 and 0 where the file has none.
        tags: the file's metadata tags.
        band_tags: each band's own tags.
        units: what each band's numbers are called by GDAL's unit type, "" where it is not said.
        alpha: the band that says where the others are there, or None.
        masked: the file holds a mask beside its bands, or one lies beside it.
        crs, transform: as the file has them, None and the identity where it has none.
        gcps, gcp_crs: ground control points and their coordinate system.
        block_bytes: memory of one block.
        in_strips: blocks are as wide as the raster: of a window, whole rows are unpacked.
        size, ends_at: bytes in the file, and where its last blocks should end.
        lies_as: the place of another raster on whose pixels, as they are stored, these lie (`grids.fitted`); None where the
            file's own holds.
    """

    path: str
    width: int
    height: int
    count: int
    dtypes: tuple[str, ...]
    descriptions: tuple[str | None, ...]
    nodata: tuple[float | None, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    tags: dict[str, str]
    band_tags: tuple[dict[str, str], ...]
    units: tuple[str, ...]
    alpha: int | None
    masked: bool
    crs: CRS | None
    transform: Affine
    gcps: tuple[GroundControlPoint, ...]
    gcp_crs: CRS | None
    block_bytes: int
    in_strips: bool
    size: int
    ends_at: int
    lies_as: Place | None = None

    @property
    def data_bands(self) -> tuple[int, ...]:
        """The numbers of the bands that hold values, which an alpha band does not."""
        return tuple(band for band in range(1, self.count + 1) if band != self.alpha)

    def scaled(self, band: int) -> bool:
        """Return whether a band's stored numbers are to be scaled to become its values."""
        return (self.scales[band - 1], self.offsets[band - 1]) != (1.0, 0.0)

    @cached_property
    def place(self) -> Place:
        """Where the raster lies, by its header and the files beside it."""
        if self.lies_as is not None:
            return self.lies_as
        return find_place(self.path, (self.height, self.width), self.crs, self.transform, self.gcps, self.gcp_crs)

    @property
    def from_gcps(self) -> bool:
        """Whether the grid is made from ground control points."""
        return self.place.from_gcps and self.grid.placed

    @cached_property
    def grid(self) -> Grid:
        """The grid; for a file with ground control points, the regular grid that its pixels are warped to.

        Unplaced where the file does not say where it lies, or says half of it; `unplaced` tells which.

        Raises:
            GeoreferenceError: the place that it names cannot be.
        """
        return self.place.grid(self.width, self.height)

    @property
    def unplaced(self) -> tuple[str, str] | None:
        """What the file lacks for a place on Earth, and what to do about it; None where it has a place.

        Raises:
            GeoreferenceError: as `grid`.
        """
        return None if self.grid.placed else self.place.lack()

    def require_held(self) -> None:
        """Raise UnreadableFileError where the raster, or the grid that it is warped to, is too large to be held whole."""
        for width, height in ((self.width, self.height), (self.grid.width, self.grid.height)):
            if width * height > MAX_PIXELS:
                raise UnreadableFileError(
                    f"{{file}} has {width:,} x {height:,} pixels, and what is done here needs all of an image at once, "
                    f"{MAX_PIXELS:,} pixels at most: cut it into tiles for this (floodscope cut SOURCE --out DIR).",
                    file=self.path,
                )

    def require_whole(self) -> None:
        """Raise UnreadableFileError where the file is shorter than its header says, or its blocks are too large."""
        if self.ends_at > self.size:
            raise UnreadableFileError(
                f"{{file}} is truncated: it has {self.size:,} bytes, and its header says {self.ends_at:,} or "
                "more: copy or download it again.",
                file=self.path,
            )
        if self.block_bytes > _MAX_BLOCK_BYTES:
            raise UnreadableFileError(
                f"{{file}} is stored in blocks of {self.block_bytes / 2**20:,.0f} MiB, {_MAX_BLOCK_BYTES >> 20} MiB "
                "is the most: write it anew in small ones (floodscope regrid FILE OUT).",
                file=self.path,
            )


@contextlib.contextmanager
def open_raster(path: str, overview: int | None = None) -> Iterator[DatasetReader]:
    """Open a GeoTIFF, or a product's map, with every way in which that may fail told in a sentence.

    Args:
        path: the file.
        overview: opens this overview of it in its place, counted from 0; of files on this machine alone.

    Raises:
        UnreadableFileError: the file is missing, damaged or not permitted to be read.
    """
    path = raster_of(path)
    if not is_address(path):
        require_tiff(path)
    # A missing geotransform is told in our own words, to whom it concerns.
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
    with rasterio.Env(**GDAL_OPTIONS), opened_elsewhere(path) as elsewhere:
        if elsewhere is not None:
            yield elsewhere
            return
        try:
            # A resolved path, so that no part of a name can be taken for one of GDAL's virtual file systems.
            level = {} if overview is None else {"overview_level": overview}
            dataset = rasterio.open(Path(path).resolve(), driver=DRIVER, **level)
        except (RasterioError, OSError, ValueError) as error:
            if "codec" in str(error):
                raise UnreadableFileError(
                    f"{{file}} is compressed in a way that cannot be read here ({_reason(error)}): write it anew "
                    "with the compression DEFLATE, in a program that reads it.",
                    file=path,
                ) from error
            raise UnreadableFileError(
                "{file} begins as a TIFF, but its header is damaged or is of no image: copy or export it again.",
                file=path,
            ) from error
        with dataset:
            try:
                yield dataset
            except UnicodeDecodeError as error:
                raise UnreadableFileError(
                    f"{{file}} holds a name that is not UTF-8 ({shown(ascii(error.object)[:80])}): write it anew with "
                    "plain letters.",
                    file=path,
                ) from error


def _reason(error: Exception) -> str:
    """Return what GDAL says, without the file's name before it."""
    return shown(str(error).rpartition(": ")[2].rstrip("."))


def info_of(dataset: DatasetReader, path: str) -> RasterInfo:
    """Return what the header of an opened file says."""
    path, bands = opened_path(dataset, path), min(dataset.count, 16)
    gcps, gcp_crs = dataset.gcps
    foreign = None if is_address(path) else foreign_metadata(path)
    if foreign is None:
        named, units = tuple(dataset.descriptions), tuple(unit or "" for unit in dataset.units)
        tags, band_tags = dict(dataset.tags()), [dict(dataset.tags(number)) for number in range(1, bands + 1)]
    else:
        every = range(1, dataset.count + 1)
        named, units = (
            tuple(foreign.descriptions.get(n) for n in every),
            tuple(foreign.units.get(n, "") for n in every),
        )
        tags = {**dataset.tags(), **foreign.tags}
        band_tags = [{**dataset.tags(n), **foreign.band_tags.get(n, {})} for n in range(1, bands + 1)]
    if dataset.count > 1 and not any(named) and not is_address(path):
        named = snap_band_names(path, dataset.count) or named
    alphas = [number for number, kind in enumerate(dataset.colorinterp, 1) if kind == ColorInterp.alpha]
    alphas += [number for number, name in enumerate(named, 1) if name and _DATA_MASK.fullmatch(name)]
    packings = [
        _packing(scale, offset, {**tags, **(band_tags[i] if i < len(band_tags) else {})})
        for i, (scale, offset) in enumerate(zip(dataset.scales, dataset.offsets, strict=True))
    ]
    rows, cols = dataset.block_shapes[0]
    interleaved = dataset.count if dataset.interleaving == Interleaving.pixel else 1
    return RasterInfo(
        path=path,
        width=dataset.width,
        height=dataset.height,
        count=dataset.count,
        dtypes=tuple(str(d) for d in dataset.dtypes),
        descriptions=named,
        nodata=tuple(dataset.nodatavals),
        scales=tuple(scale for scale, _ in packings),
        offsets=tuple(offset for _, offset in packings),
        tags=tags,
        band_tags=tuple(band_tags),
        units=units,
        alpha=alphas[0] if alphas and dataset.count > 1 else None,
        masked=has_own_mask(dataset, 1) or mask_file(path) is not None,
        crs=dataset.crs,
        transform=dataset.transform,
        gcps=tuple(gcps),
        gcp_crs=gcp_crs,
        block_bytes=rows * cols * interleaved * _item_bytes(dataset.dtypes[0]),
        in_strips=cols == dataset.width,
        size=bytes_of(path),
        ends_at=max(_end_of(dataset, band, rows, cols) for band in range(1, bands + 1)),
    )


def _packing(scale: float, offset: float, tags: dict[str, str]) -> tuple[float, float]:
    """Return a band's scale and offset: those of GDAL, or where it has none those of the CF conventions, kept as plain tags.

    A tag scale_factor without an add_offset may as well be what numbers were multiplied by (`units.tens_in_tags`).
    """
    if (scale, offset) != (1.0, 0.0):
        return scale, offset
    said = {name.lower(): value for name, value in tags.items()}
    try:
        factor, shift = float(said["scale_factor"]), float(said["add_offset"])
    except (KeyError, ValueError):
        return scale, offset
    usable = math.isfinite(factor) and math.isfinite(shift) and factor != 0 and (shift != 0 or factor < 1)
    return (factor, shift) if usable else (scale, offset)


def _item_bytes(dtype: str) -> int:
    try:
        return np.dtype(dtype).itemsize
    except TypeError:  # complex_int16, which numpy lacks
        return 8


def _end_of(dataset: DatasetReader, band: int, rows: int, cols: int) -> int:
    """Return where the last block of a band ends in the file, in bytes; 0 where it is not stored (a sparse file)."""
    at = f"{(dataset.width - 1) // cols}_{(dataset.height - 1) // rows}"
    offset = dataset.get_tag_item(f"BLOCK_OFFSET_{at}", "TIFF", bidx=band)
    size = dataset.get_tag_item(f"BLOCK_SIZE_{at}", "TIFF", bidx=band)
    return int(offset) + int(size) if offset and size else 0


def read_info(path: str) -> RasterInfo:
    """Read the header of a raster file.

    Raises:
        UnreadableFileError: the file is missing, damaged or not permitted to be read.
    """
    try:
        if (known := header_of(path)) is not None:
            return RasterInfo(**known)
        with open_raster(path) as dataset:
            return info_of(dataset, path)
    except FloodscopeError:
        raise
    except (
        Exception
    ) as error:  # of a header, GDAL and what is built on it raise whatever they like; others are not affected
        raise UnreadableFileError(
            f"{{file}} has a header that cannot be understood ({shown(str(error))[:200] or type(error).__name__}): export it "
            "again.",
            file=path,
        ) from error
