"""Bringing a raster onto the grid of an image, or writing it anew on its own, with everything that it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import Resampling, reproject, transform
from rasterio.windows import Window

from tiles.cutting.copies import Said, part_of, place_of, write_copy
from tiles.errors import GeoreferenceError, OutputError
from tiles.grid import Grid
from tiles.reading.grids import as_stored
from tiles.reading.pixels import points_alone, stored
from tiles.reading.raster import GDAL_OPTIONS, MAX_PIXELS, RasterInfo, info_of, open_raster, read_info

Method = Literal["nearest", "bilinear"]

# Where the image's pixels lie in the raster is looked up on so many lines a side.
_LINES = 33
_MARGIN = 3
_MOST_PIXELS = 4 * MAX_PIXELS
"""Of an image, and of the part of the raster that lies on it: they are in memory whole."""


def regrid(file: Path, out: Path, like: Path | None = None, method: Method = "nearest") -> float:
    """Write a raster of labels, elevation or backscatter onto the grid of an image.

    Stored numbers, names, unit, scale, nodata and tags stay. What the raster does not cover is masked, never a number. One that
    says no place, and is as large as an image that ground control points place, lies on the image's pixels as they are stored.

    Args:
        file: the raster. It is not changed.
        out: a new GeoTIFF.
        like: the image whose grid is taken; None writes the raster anew on its own grid, in small blocks.
        method: "nearest" keeps numbers as they are (labels, backscatter); "bilinear" goes smoothly between them (elevation)
            and writes float32.

    Returns:
        The share of the image that it covers, 0 to 1.

    Raises:
        ChipError: one of the two cannot be read, has no place, or they lie apart.
        OutputError: `out` is there already, or cannot be written.
    """
    if out.exists():
        raise OutputError("{file} is there already: choose another name.", file=out)
    if out.suffix.lower() not in {".tif", ".tiff"}:
        raise OutputError("{file} does not end in .tif: what is written is a GeoTIFF.", file=out)
    info = read_info(str(file))
    if info.place.from_gcps:
        raise GeoreferenceError(points_alone(info.path))
    if like is None:
        window, place = Window(0, 0, info.width, info.height), place_of(info)
        _require_room(info, window)
        values, there = _read(info, window)
        write_copy(out, info, info.data_bands, values, there, place)
        return 1.0
    image = read_info(str(like))
    wanted = _placed(image)
    if wanted.width * wanted.height > _MOST_PIXELS:
        raise GeoreferenceError(
            f"{{file}} has {wanted.width:,} x {wanted.height:,} pixels, {_MOST_PIXELS:,} are the most: cut it into tiles "
            "first (floodscope cut SOURCE --out DIR).",
            file=like,
        )
    window, placed = _on_its_pixels(info, image) or _by_its_place(info, wanted)
    _require_room(info, window)
    values, there = _read(info, window)

    def warped(array: npt.NDArray[np.generic], fill: float | None, how: Resampling) -> npt.NDArray[np.generic]:
        onto = np.full(wanted.shape, fill or 0, dtype=array.dtype)
        with rasterio.Env(**GDAL_OPTIONS):
            reproject(
                array,
                onto,
                **placed,
                dst_transform=wanted.transform,
                dst_crs=wanted.crs,
                src_nodata=fill,
                dst_nodata=fill,
                resampling=how,
            )
        return onto

    covered = np.asarray(warped(there.astype(np.uint8), None, Resampling.nearest) != 0)
    said = Said()
    if method == "bilinear":
        smooth = [np.where(there & _known(v, info, b), v, np.nan).astype(np.float32) for v, b in _pairs(values, info)]
        bands = [warped(array, np.nan, Resampling.bilinear) for array in smooth]
        covered &= np.logical_and.reduce([np.isfinite(array) for array in bands])
        said = Said(nodata=float("nan"))
    else:
        bands = [warped(array, None, Resampling.nearest) for array in values]
    write_copy(out, info, info.data_bands, bands, covered, (wanted.crs, wanted.transform), said)
    return float(covered.mean())


def _on_its_pixels(info: RasterInfo, image: RasterInfo) -> tuple[Window, dict[str, Any]] | None:
    """Return all of a raster that says no place, placed by the ground control points of an image that is stored as large.

    None where it is none: it has a place, or the image has another size or says its place otherwise.
    """
    if not image.from_gcps or info.unplaced is None or not as_stored(info, image):
        return None
    points = {"gcps": list(image.place.gcps), "src_crs": image.place.gcp_crs}
    return Window(0, 0, info.width, info.height), points


def _by_its_place(info: RasterInfo, wanted: Grid) -> tuple[Window, dict[str, Any]]:
    """Return the part of a raster that lies on the wanted grid, and where it lies.

    Raises:
        GeoreferenceError: it has no place, or they lie apart.
    """
    grid = _placed(info)
    window = _seen_from(grid, wanted, info)
    crs, source = part_of((grid.crs, grid.transform), window)
    return window, {"src_transform": source, "src_crs": crs}


def _pairs(values: list[npt.NDArray[np.generic]], info: RasterInfo) -> list[tuple[npt.NDArray[np.generic], int]]:
    return list(zip(values, info.data_bands, strict=True))


def _known(values: npt.NDArray[np.generic], info: RasterInfo, band: int) -> npt.NDArray[np.bool_]:
    nodata = info.nodata[band - 1]
    known = np.isfinite(values)
    return np.asarray(known if nodata is None or not np.isfinite(nodata) else known & (values != nodata))


def _placed(info: RasterInfo) -> Grid:
    """Return the grid of a raster of any size.

    Raises:
        GeoreferenceError: it has no place.
    """
    grid = info.place.grid(info.width, info.height)
    if not grid.placed:
        found, todo = info.place.lack()
        raise GeoreferenceError(
            f"{{file}} has {found}, so nothing says where its pixels lie: {todo}.",
            file=info.path,
        )
    return grid


def _seen_from(grid: Grid, wanted: Grid, info: RasterInfo) -> Window:
    """Return the window of a raster that the wanted grid lies in.

    Raises:
        GeoreferenceError: they lie apart.
    """
    cols, rows = np.meshgrid(np.linspace(0, wanted.width, _LINES), np.linspace(0, wanted.height, _LINES))
    xs, ys = _at(wanted.transform, cols.ravel(), rows.ravel())
    there_xs, there_ys = transform(wanted.crs, CRS.from_user_input(grid.crs), xs, ys)
    across, down = _at(~grid.transform, np.asarray(there_xs), np.asarray(there_ys))
    seen = np.isfinite(across) & np.isfinite(down)
    if seen.any():
        left, right = np.floor(across[seen].min()) - _MARGIN, np.ceil(across[seen].max()) + _MARGIN
        top, bottom = np.floor(down[seen].min()) - _MARGIN, np.ceil(down[seen].max()) + _MARGIN
        left, right = max(0, int(left)), min(info.width, int(right))
        top, bottom = max(0, int(top)), min(info.height, int(bottom))
        if left < right and top < bottom:
            return Window(left, top, right - left, bottom - top)
    raise GeoreferenceError("{file} does not reach the image: take one of the same place.", file=info.path)


def _at(t: Affine, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    return t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f


def _require_room(info: RasterInfo, window: Window) -> None:
    if window.width * window.height > _MOST_PIXELS:
        raise GeoreferenceError(
            f"{{file}} has {window.width:,} x {window.height:,} pixels there, {_MOST_PIXELS:,} are the most: take a "
            "coarser one, or a smaller image.",
            file=info.path,
        )


def _read(info: RasterInfo, window: Window) -> tuple[list[npt.NDArray[np.generic]], npt.NDArray[np.bool_]]:
    """Return the stored numbers of all bands in a window, and where all of them are there."""
    there = np.ones((window.height, window.width), dtype=np.bool_)
    values = []
    with open_raster(info.path) as dataset:
        for band in info.data_bands:
            numbers, here = stored(dataset, info_of(dataset, info.path), band, window)
            values.append(numbers)
            there &= here
    return values, there
