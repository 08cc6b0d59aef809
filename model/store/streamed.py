"""Rasters of scenes on disk: cloud-optimised GeoTIFFs that are written and read strip by strip."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from model.store.probability import MASK_COLOURS
from tiles.errors import ChipError, PredictionNotFoundError, StoreError
from tiles.files import replacing
from tiles.grid import Grid
from tiles.palette import MISSED, TRUTH
from tiles.probability import NODATA, level
from tiles.reading.pixels import read_band
from tiles.reading.raster import read_info
from tiles.scenes.cog import cog_writer

ByteArray = npt.NDArray[np.uint8]
Strips = Iterable[tuple[int, ByteArray]]
"""Parts of a raster as wide as itself, each with its first row, from the top to the bottom."""

FLOOD_COLOURS = MASK_COLOURS | {2: (*TRUTH, 255), 3: (*MISSED, 255), 4: (124, 136, 150, 255)}
ROWS = 512
"""Rows of a strip that is read: as many as the blocks of a raster have."""


def write_probability(path: Path, strips: Strips, grid: Grid, tags: Mapping[str, str]) -> None:
    """Write a probability raster (contract 2) as a cloud-optimised GeoTIFF; memory does not grow with it.

    Raises:
        OutputError: the disk is full, or the folder may not be written.
    """
    _write(path, strips, grid, "probability of water", {"scale": "p = value / 254; 255 is nodata", **tags}, None)


def write_mask(path: Path, strips: Strips, threshold: float, grid: Grid, tags: Mapping[str, str]) -> None:
    """Write the mask of a probability raster at a threshold alike: 0 dry, 1 water, 255 nodata.

    Raises:
        OutputError: as `write_probability`.
        UsageError: the threshold is not in [0, 1].
    """
    table = np.full(256, 0, dtype=np.uint8)
    table[level(threshold) :], table[NODATA] = 1, NODATA
    said = {"classes": "0 dry, 1 water, 255 nodata", "threshold": f"{threshold:g}", **tags}
    _write(path, ((top, table[values]) for top, values in strips), grid, "water", said, MASK_COLOURS)


def write_flood(path: Path, strips: Strips, grid: Grid, tags: Mapping[str, str]) -> None:
    """Write a raster of what `model.export.flood.flood_classes` gives, with a colour table.

    Raises:
        OutputError: as `write_probability`.
    """
    told = "0 dry, 1 flood, 2 usual water, 3 usual water not found, 4 water not known to be usual or not, 255 nodata"
    _write(path, strips, grid, "flood", {"classes": told, **tags}, FLOOD_COLOURS)


def _write(
    path: Path,
    strips: Strips,
    grid: Grid,
    description: str,
    tags: Mapping[str, str],
    colours: Mapping[int, tuple[int, int, int, int]] | None,
) -> None:
    """Write strips into a plain file beside, then copy that into order: tiles, overviews, directories first."""
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
    profile = {"count": 1, "nodata": NODATA}
    with replacing(path) as part, cog_writer(part, grid, profile, named=path) as dataset:
        if colours is not None:
            dataset.write_colormap(1, dict(colours))
        for top, values in strips:
            dataset.write(values, 1, window=Window(0, top, values.shape[1], values.shape[0]))
        dataset.set_band_description(1, description)
        dataset.update_tags(**tags)


Read = TypeVar("Read")


def grid_of_stored(path: Path) -> Grid:
    """Return the grid of a stored raster; raises as `read_strips`."""
    return _told(path, lambda: read_info(str(path)).grid)


def read_strips(path: Path, rows: int = ROWS) -> Iterator[tuple[int, ByteArray]]:
    """Yield a probability raster of any size in strips as wide as itself, each with its first row.

    Raises:
        PredictionNotFoundError: it is missing, damaged or no probability raster.
        StoreError: it may not be read, or the disk fails.
    """
    info = _told(path, lambda: read_info(str(path)))
    if info.dtypes[0] != "uint8":
        raise PredictionNotFoundError(
            f"The raster {{file}} holds {info.dtypes[0]}, not a prediction: predict the chip again.", file=path
        )
    for top in range(0, info.height, rows):
        window = Window(0, top, info.width, min(rows, info.height - top))
        values = _told(path, partial(read_band, str(path), 1, window, info)).values
        yield top, values.astype(np.uint8, copy=False)


def require_streamed(path: Path, total: int, valid: int) -> None:
    """Raise PredictionNotFoundError unless a raster has so many pixels, and so many with data."""
    seen = known = 0
    for _, values in read_strips(path):
        seen, known = seen + values.size, known + int(np.count_nonzero(values != NODATA))
    if (seen, known) != (total, valid):
        raise PredictionNotFoundError("The raster {file} is not the one that was stored: predict again.", file=path)


def _told(path: Path, read: Callable[[], Read]) -> Read:
    try:
        with path.open("rb") as file:
            file.read(1)
        return read()
    except FileNotFoundError as error:
        raise PredictionNotFoundError("The raster {file} is missing: predict the chip again.", file=path) from error
    except OSError as error:
        raise StoreError(
            f"The raster {{file}} cannot be read ({error.strerror}): check its permissions and its disk.", file=path
        ) from error
    except ChipError as error:
        raise PredictionNotFoundError("The raster {file} is damaged: predict the chip again.", file=path) from error
