"""Probability rasters on disk (contract 2): cloud-optimised GeoTIFFs that appear whole or not at all."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile

from tiles.chip import Chip
from tiles.errors import ChipError, PredictionError, PredictionNotFoundError, StoreError
from tiles.grid import Grid
from tiles.palette import WATER
from tiles.probability import NODATA, level
from tiles.reading.pixels import read_band
from tiles.reading.raster import GDAL_OPTIONS

_BLOCK = 256
# The smallest overview has about this many pixels a side: what a chip covers of one tile five zooms out.
_SMALLEST = 32
# Red, green, blue, alpha. A GeoTIFF's table keeps no alpha, so dry land is near white; nodata is clear by its tag.
MASK_COLOURS = {0: (248, 250, 252, 255), 1: (*WATER, 255), NODATA: (0, 0, 0, 0)}


def encode_probability(probability: npt.NDArray[np.uint8], grid: Grid, tags: Mapping[str, str]) -> bytes:
    """Return a probability raster as the bytes of a cloud-optimised GeoTIFF.

    Tiles of 256 x 256, DEFLATE, nodata 255, overviews by nearest neighbour: no value appears that was not predicted.

    Args:
        probability: uint8 (H, W), 0..254 is p = v / 254, 255 is nodata.
        grid: the chip's grid, of the same shape.
        tags: metadata of the file; the scale of the values is added.

    Raises:
        StoreError: GDAL cannot encode it.
    """
    tags = {"scale": "p = value / 254; 255 is nodata", **tags}
    return _encode(probability, grid, "probability of water", tags)


def encode_mask(probability: npt.NDArray[np.uint8], threshold: float, grid: Grid, tags: Mapping[str, str]) -> bytes:
    """Return the mask at a threshold as the bytes of a cloud-optimised GeoTIFF: 0 dry, 1 water, 255 nodata.

    It has a colour table, so that a map shows water in cyan, dry land near white and nodata not at all.

    Args:
        probability: uint8 (H, W), 0..254 is p = v / 254, 255 is nodata.
        threshold: smallest probability that is water, in [0, 1].
        grid: the chip's grid, of the same shape.
        tags: metadata of the file; the classes and the threshold are added.

    Raises:
        StoreError: GDAL cannot encode it.
        UsageError: the threshold is not in [0, 1].
    """
    mask = (probability >= level(threshold)).astype(np.uint8)
    mask[probability == NODATA] = NODATA
    tags = {"classes": "0 dry, 1 water, 255 nodata", "threshold": f"{threshold:g}", **tags}
    return _encode(mask, grid, "water", tags, MASK_COLOURS)


def _encode(
    values: npt.NDArray[np.uint8],
    grid: Grid,
    description: str,
    tags: Mapping[str, str],
    colours: Mapping[int, tuple[int, int, int, int]] | None = None,
) -> bytes:
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)  # a chip may have no place
    overviews = max(0, math.ceil(math.log2(max(grid.shape) / _SMALLEST)))
    try:
        with rasterio.Env(**GDAL_OPTIONS), MemoryFile() as memory:
            with memory.open(
                driver="COG",
                width=grid.width,
                height=grid.height,
                count=1,
                dtype="uint8",
                crs=grid.crs,
                transform=grid.transform,
                nodata=NODATA,
                compress="DEFLATE",
                level=1,  # a third less time than the default for 4 % more bytes
                blocksize=_BLOCK,
                overview_resampling="NEAREST",
                overview_count=overviews,
            ) as dataset:
                if colours is not None:
                    dataset.write_colormap(1, dict(colours))
                dataset.write(values, 1)
                dataset.set_band_description(1, description)
                dataset.update_tags(**tags)
            data: bytes = memory.read()
    except RasterioError as error:
        raise StoreError(f"A raster of {grid.width} x {grid.height} cannot be written: {error}.") from error
    return data


def read_probability(path: Path, called: str | None = None) -> npt.NDArray[np.uint8]:
    """Read a probability raster, uint8 (H, W).

    Args:
        path: the file.
        called: what it is called in messages, where the file is but a copy.

    Raises:
        PredictionNotFoundError: the file is missing, damaged or not a probability raster.
        StoreError: it may not be read, or the disk fails.
    """
    try:
        with path.open("rb") as file:
            file.read(1)
        values = read_band(str(path), 1).values
    except FileNotFoundError as error:
        raise PredictionNotFoundError(
            "The raster {file} is missing: predict the chip again.", file=called or path
        ) from error
    except OSError as error:
        raise StoreError(
            f"The raster {{file}} cannot be read ({error.strerror}): check its permissions and its disk.",
            file=called or path,
        ) from error
    except ChipError as error:
        raise PredictionNotFoundError(
            "The raster {file} is damaged: predict the chip again.", file=called or path
        ) from error
    if values.dtype != np.uint8:
        raise PredictionNotFoundError(
            f"The raster {{file}} holds {values.dtype}, not a prediction: predict the chip again.",
            file=called or path,
        )
    probability: npt.NDArray[np.uint8] = values.astype(np.uint8, copy=False)
    return probability


def require_contract(chip: Chip, name: str, probability: npt.NDArray[np.uint8]) -> None:
    """Raise PredictionError unless what a model of that name answered is a raster of a chip (contract 2)."""
    if probability.dtype != np.uint8 or probability.shape != chip.valid.shape:
        raise PredictionError(
            f"{name} gave {probability.dtype} {probability.shape} for chip {chip.id} of {chip.valid.shape}: a "
            "model must answer uint8 probabilities on the chip's grid."
        )
    if not np.array_equal(probability == NODATA, ~chip.valid):
        raise PredictionError(
            f"{name} did not answer 255 exactly where chip {chip.id} has no data: check how it masks nodata."
        )
