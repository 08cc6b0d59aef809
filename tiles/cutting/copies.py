"""Parts of a raster written anew as GeoTIFF, with everything that its file says of them: names, unit, scale, nodata, masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.windows import Window

from tiles.files import replacing, unwritable
from tiles.reading.raster import GDAL_OPTIONS, RasterInfo

# Tags that are true of the whole file's pixels, or of how its transform is to be read, which is done by now.
_OF_THE_WHOLE = ("STATISTICS_", "AREA_OR_POINT")
_CREATION = {"driver": "GTiff", "tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"}


@dataclass(frozen=True)
class Said:
    """What is written otherwise than the file has it; None keeps what it has.

    Attributes:
        description: the bands' name.
        unit: the bands' unit.
        nodata: the nodata value.
    """

    description: str | None = None
    unit: str | None = None
    nodata: float | None = None


def place_of(info: RasterInfo) -> tuple[CRS | None, Affine]:
    """Return the coordinate system and transform to write of a raster, None and the identity where it has none.

    A half of a place stays the half that it is.

    Raises:
        GeoreferenceError: the place that the file names cannot be.
    """
    grid = info.place.grid(info.width, info.height)
    return (grid.crs, grid.transform) if grid.placed else (info.place.crs, info.place.transform)


def part_of(place: tuple[CRS | None, Affine], window: Window) -> tuple[CRS | None, Affine]:
    """Return the place of a window of a raster that lies at `place`."""
    crs, transform = place
    if transform == Affine.identity():
        return place
    return crs, transform @ Affine.translation(window.col_off, window.row_off)


def write_copy(
    path: Path,
    info: RasterInfo,
    bands: Sequence[int],
    values: Sequence[npt.NDArray[np.generic]],
    there: npt.NDArray[np.bool_],
    place: tuple[CRS | None, Affine],
    said: Said | None = None,
) -> None:
    """Write bands as a GeoTIFF that says of them what their file says; a mask inside it where not all is there.

    Args:
        path: the new file.
        info: the header of the file that they are of.
        bands: their numbers in it, from 1.
        values: the stored numbers of each, (H, W), all of one type.
        there: bool (H, W).
        place: coordinate system and transform, as `place_of` gives them.
        said: what is to be said otherwise.

    Raises:
        OutputError: it cannot be written.
    """
    said = said or Said()
    height, width = values[0].shape
    crs, transform = place
    settings: dict[str, object] = {**_CREATION, "height": height, "width": width, "count": len(bands)}
    settings["dtype"] = values[0].dtype
    if crs is not None:
        settings["crs"] = crs
    if transform != Affine.identity():
        settings["transform"] = transform
    nodata = info.nodata[bands[0] - 1] if said.nodata is None else said.nodata
    if nodata is not None:
        settings["nodata"] = nodata
    try:
        with (
            replacing(path) as part,
            rasterio.Env(**{**GDAL_OPTIONS, "GDAL_TIFF_INTERNAL_MASK": "YES"}),
            rasterio.open(part, "w", **settings) as dataset,
        ):
            dataset.update_tags(**_kept(info.tags))
            for number, (band, stored) in enumerate(zip(bands, values, strict=True), 1):
                dataset.write(stored, number)
                name = said.description or info.descriptions[band - 1]
                if name:
                    dataset.set_band_description(number, name)
                if unit := said.unit or info.units[band - 1]:
                    dataset.set_band_unit(number, unit)
                if band <= len(info.band_tags):
                    dataset.update_tags(number, **_kept(info.band_tags[band - 1]))
            if any(info.scaled(band) for band in bands):
                dataset.scales = [info.scales[band - 1] for band in bands]
                dataset.offsets = [info.offsets[band - 1] for band in bands]
            if not there.all():
                dataset.write_mask(there)
    except (RasterioError, ValueError) as error:
        raise unwritable(path, error) from error


def _kept(tags: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith(_OF_THE_WHOLE)}
