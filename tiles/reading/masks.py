"""What a file says is no data beside its nodata value: GDAL's masks, inside the file or beside it, and alpha bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from tiles.errors import UnreadableFileError

BoolArray = npt.NDArray[np.bool_]

MASK_ENDING = ".msk"
"""How GDAL names the mask that lies beside a raster: image.tif.msk."""


def mask_file(path: str) -> str | None:
    """Return the mask that lies beside a raster, or None. Looked for by its name: GDAL's own scans stay off."""
    beside = path + MASK_ENDING
    return beside if Path(beside).exists() else None


def has_own_mask(dataset: DatasetReader, band: int) -> bool:
    """Return whether a file holds a mask of a band, other than a nodata value and an alpha band."""
    flags = dataset.mask_flag_enums[band - 1]
    return MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags and MaskFlags.nodata not in flags


def own_mask(
    dataset: DatasetReader, band: int, alpha: int | None, path: str, window: Window | None = None
) -> BoolArray | None:
    """Return where a file says that a band is there, bool (H, W), by its internal mask and its alpha band; or None.

    Of `window` alone where it is given.

    Raises:
        UnreadableFileError: the mask is damaged.
    """
    there: BoolArray | None = None
    try:
        if has_own_mask(dataset, band):
            there = dataset.read_masks(band, window=window) != 0
        if alpha is not None and alpha != band:
            opaque = np.asarray(dataset.read(alpha, window=window) != 0)
            there = opaque if there is None else there & opaque
    except (RasterioError, OSError) as error:
        raise UnreadableFileError(
            "{file} is damaged inside, its mask cannot be unpacked: copy or download it again.", file=path
        ) from error
    return there


def mask_of(
    dataset: DatasetReader, path: str, band: int, shape: tuple[int, int], window: Window | None = None
) -> BoolArray:
    """Return where a mask file lets a band's pixels be, bool (H, W).

    Args:
        dataset: the mask file, opened.
        path: its name, for messages.
        band: of the raster; the mask has one band for all, or one each.
        shape: of the raster.
        window: the part that is wanted, None for all of it.

    Raises:
        UnreadableFileError: it does not fit the raster, or is damaged.
    """
    if dataset.shape != shape:
        raise UnreadableFileError(
            f"{{file}} is the mask of a raster of another size ({dataset.width} x {dataset.height} pixels): remove it, or "
            "make it anew.",
            file=path,
        )
    try:
        return np.asarray(dataset.read(band if dataset.count >= band else 1, window=window) != 0)
    except (RasterioError, OSError) as error:
        raise UnreadableFileError("{file} is damaged inside: remove it, or make it anew.", file=path) from error
