"""A product's digital numbers: opened with care, and where along the image's edges they are noise alone."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from tiles.errors import UnreadableFileError
from tiles.products.product import Channel

Floats32 = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

BLOCK = 8
"""Border noise is looked for in blocks of so many lines and pixels: the mean of 64 tells noise from ground."""
OPTIONS = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO", "GDAL_CACHEMAX": 256}
"""GDAL's configuration while a product is made: the measurements of some products are stored line by line, and a turned window
touches some 2,500 whole lines of 50 kB."""

_STRIP = 512
_FRINGE_DB = -40.0  # as tiles.reading.border has it
_LEAST = 4  # blocks


@contextlib.contextmanager
def opened(path: Path, channel: Channel, said: Path) -> Iterator[DatasetReader]:
    """Open a measurement.

    Args:
        path: the file.
        channel: what it should be of.
        said: what a message calls it by.

    Raises:
        UnreadableFileError: it is damaged, or not what the annotation says.
    """
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
    try:
        dataset = rasterio.open(path.resolve(), driver="GTiff")
    except (RasterioError, OSError, ValueError) as error:
        raise UnreadableFileError("{file} is no readable GeoTIFF: download the product again.", file=said) from error
    with dataset:
        kind = dataset.dtypes[0]
        if "complex" in kind:
            raise UnreadableFileError(
                "{file} holds complex samples, as SLC products do: give the IW GRD product of the same pass.", file=said
            )
        if kind != "uint16" or dataset.count != 1:
            raise UnreadableFileError(
                f"{{file}} holds {dataset.count} band(s) of {kind}, the measurement of a GRD product one of uint16: download "
                "the product again.",
                file=said,
            )
        size = (channel.annotation.width, channel.annotation.height)
        if (dataset.width, dataset.height) != size:
            raise UnreadableFileError(
                f"{{file}} has {dataset.width:,} x {dataset.height:,} pixels and its annotation says {size[0]:,} x {size[1]:,}: "
                "download the product again.",
                file=said,
            )
        _require_whole(dataset, path, said)
        yield dataset


def _require_whole(dataset: DatasetReader, path: Path, said: Path) -> None:
    rows, cols = dataset.block_shapes[0]
    at = f"{(dataset.width - 1) // cols}_{(dataset.height - 1) // rows}"
    offset = dataset.get_tag_item(f"BLOCK_OFFSET_{at}", "TIFF", bidx=1)
    length = dataset.get_tag_item(f"BLOCK_SIZE_{at}", "TIFF", bidx=1)
    has, needs = path.stat().st_size, int(offset or 0) + int(length or 0)
    if needs > has:
        raise UnreadableFileError(
            f"{{file}} is truncated: it has {has:,} bytes, and its header says {needs:,} or more: download the product again.",
            file=said,
        )


def numbers(dataset: DatasetReader, said: Path, top: int, bottom: int, left: int, right: int) -> npt.NDArray[np.uint16]:
    """Return the digital numbers of lines top..bottom - 1 and pixels left..right - 1.

    Raises:
        UnreadableFileError: they are damaged.
    """
    try:
        found: npt.NDArray[np.uint16] = dataset.read(1, window=Window(left, top, right - left, bottom - top))
    except (RasterioError, OSError) as error:
        raise UnreadableFileError(
            f"{{file}} is damaged inside, lines {top:,} to {bottom:,} cannot be unpacked: download the product again.",
            file=said,
        ) from error
    return found


def sigma0(
    dataset: DatasetReader, channel: Channel, said: Path, top: int, bottom: int, left: int, right: int
) -> Floats32:
    """Return sigma0 of a part of the image, linear power without the thermal noise, float32; NaN where nothing was measured.

    sigma0 = (DN^2 - noise) / A^2 (ESA-EOPG-CSCOP-TN-0002, 2015; MPC-0392, 2017). What is left of water where the noise is taken
    off may be below 0.
    """
    digital = numbers(dataset, said, top, bottom, left, right)
    power = digital.astype(np.float32)
    np.multiply(power, power, out=power)
    power -= channel.noise.rows(top, bottom, left, right)
    table = channel.calibration.rows(top, bottom, left, right)
    power /= table * table
    power[digital == 0] = np.nan
    return power


def border(dataset: DatasetReader, channel: Channel, said: Path, progress: Callable[[float], None]) -> Bools:
    """Return which blocks of `BLOCK` x `BLOCK` pixels are the fringe of noise along the image's edges, bool.

    Inside of the swath the echo and the thermal noise add up, so that no surroundings average below the noise alone. Blocks that
    average below half of it (or below -40 dB, whichever is more), and that such blocks or blocks without numbers
    connect with an edge of the image, are the fringe of products before March 2018 (ESA MPC-0243, "Masking no-value pixels on GRD
    products").

    Raises:
        UnreadableFileError: the file is damaged, or holds nothing but zeros.
    """
    height, width = channel.annotation.height, channel.annotation.width
    shape = (-(-height // BLOCK), -(-width // BLOCK))
    dark, empty = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    centres = np.minimum(np.arange(shape[1]) * BLOCK + BLOCK // 2, width - 1)
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        strip = numbers(dataset, said, top, bottom, 0, width)
        row = top // BLOCK
        mean, share = _blocks(strip, shape[1])
        rows = slice(row, row + len(mean))
        at = np.minimum(top + np.arange(len(mean)) * BLOCK + BLOCK // 2, height - 1)
        noise = np.stack([channel.noise.rows(a, a + 1, 0, width)[0, centres] for a in at])
        table = np.stack([channel.calibration.rows(a, a + 1, 0, width)[0, centres] for a in at])
        least = np.maximum(noise / 2, table**2 * 10 ** (_FRINGE_DB / 10))
        empty[rows] = share == 0
        dark[rows] = (mean < least) & ~empty[rows]
        progress(bottom / height)
    if empty.all():
        raise UnreadableFileError("{file} holds zeros alone, so nothing was measured: download it again.", file=said)
    return _from_edges(dark, empty)


def _blocks(strip: npt.NDArray[np.uint16], cols: int) -> tuple[Floats32, Floats32]:
    """Return the mean square of the numbers above 0 of each block, and their share."""
    rows = -(-strip.shape[0] // BLOCK)
    padded = np.zeros((rows * BLOCK, cols * BLOCK), np.float32)
    padded[: strip.shape[0], : strip.shape[1]] = strip
    there = np.add.reduceat(np.add.reduceat(padded > 0, np.arange(0, rows * BLOCK, BLOCK), axis=0, dtype=np.float32),
                            np.arange(0, cols * BLOCK, BLOCK), axis=1)  # fmt: skip
    np.multiply(padded, padded, out=padded)
    total = padded.reshape(rows, BLOCK, cols, BLOCK).sum(axis=(1, 3))
    return np.asarray(total / np.maximum(there, 1), np.float32), np.asarray(there / BLOCK**2, np.float32)


def _from_edges(dark: Bools, empty: Bools) -> Bools:
    if np.count_nonzero(dark) < _LEAST:
        return np.zeros_like(dark)
    from scipy import ndimage  # noqa: PLC0415 - a third of a second to import, and rarely needed

    around = np.ones((3, 3))
    parts, count = ndimage.label(np.pad(dark | empty, 1, constant_values=True), structure=around)
    outside = parts[0, 0]
    fringe = (parts == outside)[1:-1, 1:-1] & dark
    if count == 0 or np.count_nonzero(fringe) < _LEAST:
        return np.zeros_like(dark)
    # A block that is noise in part lies beside one that is noise whole.
    return np.asarray(ndimage.binary_dilation(fringe, structure=around))
