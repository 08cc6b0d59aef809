"""A product becomes a map: sigma0 in dB of VV and VH on a UTM grid, written window by window as a cloud-optimised GeoTIFF."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.shutil import copy as raster_copy
from rasterio.windows import Window

from tiles.errors import OutputError
from tiles.files import unwritable
from tiles.products.container import room_at
from tiles.products.geolocation import MapGrid
from tiles.products.measurement import BLOCK, OPTIONS, border, opened, sigma0
from tiles.products.product import POLARIZATIONS, Channel, Product

Bools = npt.NDArray[np.bool_]
Progress = Callable[[float], None]
"""Told which share of the work is done, 0 to 1."""

GEOCODED = "FLOODSCOPE_GEOCODED"
"""The tag that says how a map was made."""
SCALE, NODATA = 0.01, -32768
"""Pixels are dB in hundredths, int16: half a step is 0.005 dB, and half the disk that floats take."""
_LEAST_POWER = 1e-5  # what noise taken off leaves below this is -50 dB, as tiles.reading.units has it
_SIDE = 2048
_BORDER_SHARE, _WINDOWS_SHARE = 0.08, 0.77
_THREADS = 2
_MARGIN = 256 << 20


@dataclass(frozen=True, eq=False)
class _Source:
    """One polarization, with its measurement to read."""

    channel: Channel
    path: Path
    said: Path


def tags_of(product: Product, spacing: int) -> dict[str, str]:
    """Return the tags that a map says of itself."""
    return {
        "PRODUCT": product.container.name,
        "acquisition_datetime": product.first.start,
        "units": "dB",
        GEOCODED: (
            f"sigma0 without the thermal noise, laid onto {spacing} m by the product's geolocation grid: no terrain correction, "
            "so what rises above its surroundings lies off its place, by one to two times its height"
        ),
    }


def bytes_needed(product: Product, spacing: int) -> int:
    """Return how much of the disk is used while a map is made: the whole of it twice, and copies out of a zip."""
    grid = product.map_grid(spacing)
    copies = product.container.room_needed(tuple(product.file("measurement", name) for name in POLARIZATIONS))
    return int(grid.width * grid.height * 2 * 2 * 2.4) + copies + _MARGIN


def make(product: Product, target: Path, spacing: int, folder: Path, progress: Progress = lambda share: None) -> None:
    """Make the map of a product.

    Args:
        product: what `Product.require_taken` lets through.
        target: the GeoTIFF to write; it is there afterwards whole, or what is raised says why not.
        spacing: metres of a pixel.
        folder: an empty one, for what is needed on the way.
        progress: told of the share that is done.

    Raises:
        UnreadableFileError, BandError, GeoreferenceError: the product is damaged.
        OutputError: there is no room.
    """
    product.require_taken()
    grid = product.map_grid(spacing)
    needed = bytes_needed(product, spacing)
    try:
        free = room_at(folder)
        if free < needed:
            raise OutputError(
                f"{{file}} has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed to lay {product.container.name} "
                "onto a map: free some space, or name another folder (FLOODSCOPE_SCENES).",
                file=folder,
            )
        sources = []
        for name in POLARIZATIONS:
            channel = product.channel(name)
            said = product.container.file(channel.measurement)
            sources.append(_Source(channel, product.container.on_disk(channel.measurement, folder), said))
        _write(product, sources, grid, folder / "map.tif", target, spacing, progress)
    except RasterioError as error:
        raise unwritable(target, error) from error
    except OSError as error:
        raise unwritable(folder, error) from error


def _write(
    product: Product,
    sources: list[_Source],
    grid: MapGrid,
    flat: Path,
    target: Path,
    spacing: int,
    progress: Progress,
) -> None:
    with rasterio.Env(**OPTIONS):
        with contextlib.ExitStack() as stack:
            datasets = [stack.enter_context(opened(s.path, s.channel, s.said)) for s in sources]
            fringe = border(
                datasets[0], sources[0].channel, sources[0].said, lambda share: progress(share * _BORDER_SHARE)
            )
        profile = {
            "driver": "GTiff",
            "width": grid.width,
            "height": grid.height,
            "count": len(sources),
            "dtype": "int16",
            "nodata": NODATA,
            "crs": CRS.from_epsg(grid.epsg),
            "transform": grid.transform,
            "tiled": True,
            "blockxsize": 512,
            "blockysize": 512,
            "SPARSE_OK": True,
            "BIGTIFF": "YES",
        }
        with rasterio.open(flat, "w", **profile) as out:
            out.scales, out.offsets = (SCALE,) * len(sources), (0.0,) * len(sources)
            out.descriptions, out.units = POLARIZATIONS, ("dB",) * len(sources)
            out.update_tags(**tags_of(product, spacing))
            windows = list(_windows(grid))
            worker = _Worker(product, sources, grid, fringe, spacing)
            for done, (window, pixels) in enumerate(_in_threads(worker, windows), 1):
                if pixels is not None:
                    out.write(pixels, window=Window(*window))
                progress(_BORDER_SHARE + _WINDOWS_SHARE * done / len(windows))
        _pack(flat, target)
    flat.unlink()
    progress(1.0)


def _pack(flat: Path, target: Path) -> None:
    """Write the cloud-optimised file: packed, with overviews of the mean of dB."""
    options = {
        "COMPRESS": "DEFLATE",
        "LEVEL": "1",
        "PREDICTOR": "YES",
        "BLOCKSIZE": "512",
        "OVERVIEW_RESAMPLING": "AVERAGE",
        "NUM_THREADS": str(_THREADS),
        "BIGTIFF": "IF_SAFER",
    }
    raster_copy(flat, target, driver="COG", **options)


def _windows(grid: MapGrid) -> Iterator[tuple[int, int, int, int]]:
    """Give left, top, width and height of each window; neighbours follow each other."""
    for top, left in itertools.product(range(0, grid.height, _SIDE), range(0, grid.width, _SIDE)):
        yield left, top, min(_SIDE, grid.width - left), min(_SIDE, grid.height - top)


class _Worker:
    """Makes windows, in several threads: each opens the measurements for itself."""

    def __init__(self, product: Product, sources: list[_Source], grid: MapGrid, fringe: Bools, spacing: int) -> None:
        self._geolocation = product.geolocation
        self._shape = (product.first.height, product.first.width)
        # So many lines and pixels are averaged that the mean covers a pixel of the map.
        own = product.first.spacing
        self._looks = (max(1, round(spacing / own[1])), max(1, round(spacing / own[0])))
        self._sources, self._grid, self._fringe = sources, grid, fringe
        self._local = threading.local()
        self._open: list[contextlib.ExitStack] = []

    def close(self) -> None:
        """Close what the threads have opened."""
        for stack in self._open:
            stack.close()

    def _datasets(self) -> list[DatasetReader]:
        if not hasattr(self._local, "datasets"):
            stack = contextlib.ExitStack()
            self._open.append(stack)
            self._local.datasets = [stack.enter_context(opened(s.path, s.channel, s.said)) for s in self._sources]
        found: list[DatasetReader] = self._local.datasets
        return found

    def pixels(self, window: tuple[int, int, int, int]) -> npt.NDArray[np.int16] | None:
        """Return both bands of a window of the map, int16 (2, H, W); None where the image does not reach."""
        with rasterio.Env(**OPTIONS):
            return self._pixels(window)

    def _pixels(self, window: tuple[int, int, int, int]) -> npt.NDArray[np.int16] | None:
        line, pixel = self._geolocation.lattice(self._grid, *window)
        height, width = self._shape
        rows, cols = self._looks
        # Of an even number of looks the middle lies between two samples.
        with np.errstate(invalid="ignore"):
            line += np.float32(0.5 - (rows - 1) / 2)
            pixel += np.float32(0.5 - (cols - 1) / 2)
            np.floor(line, out=line)
            np.floor(pixel, out=pixel)
            inside = (line >= 0) & (line <= height - rows) & (pixel >= 0) & (pixel <= width - cols)
        if not inside.any():
            return None
        top, bottom = int(line[inside].min()), int(line[inside].max()) + rows
        left, right = int(pixel[inside].min()), int(pixel[inside].max()) + cols
        line[~inside], pixel[~inside] = top, left
        at = (line - top).astype(np.int32) * np.int32(right - left - cols + 1) + (pixel - left).astype(np.int32)
        part = (top, bottom, left, right)
        out = np.empty((len(self._sources), *line.shape), np.int16)
        gone = self._gone(part)
        for band, (dataset, source) in enumerate(zip(self._datasets(), self._sources, strict=True)):
            power = sigma0(dataset, source.channel, source.said, *part)
            if gone is not None:
                power[gone] = np.nan
            power = _mean(power, rows, cols)
            db = np.maximum(np.take(power.ravel(), at), np.float32(_LEAST_POWER))
            np.log10(db, out=db)
            db *= np.float32(10 / SCALE)
            np.rint(db, out=db)
            nothing = np.isnan(db) | ~inside
            db[nothing] = NODATA
            out[band] = db
        both = (out != NODATA).all(axis=0)
        out[:, ~both] = NODATA
        return out if both.any() else None

    def _gone(self, part: tuple[int, int, int, int]) -> Bools | None:
        """Return where border noise lies in a part of the image, or None where it does not."""
        top, bottom, left, right = part
        blocks = self._fringe[top // BLOCK : math.ceil(bottom / BLOCK), left // BLOCK : math.ceil(right / BLOCK)]
        if not blocks.any():
            return None
        fine = np.repeat(np.repeat(blocks, BLOCK, axis=0), BLOCK, axis=1)
        return fine[top % BLOCK :, left % BLOCK :][: bottom - top, : right - left]


def _mean(power: npt.NDArray[np.float32], rows: int, cols: int) -> npt.NDArray[np.float32]:
    """Return the mean of rows x cols neighbours in linear power, the first of which gives the place."""
    if rows == cols == 1:
        return power
    height, width = power.shape[0] - rows + 1, power.shape[1] - cols + 1
    total = np.zeros((height, width), np.float32)
    for row, col in itertools.product(range(rows), range(cols)):
        total += power[row : row + height, col : col + width]
    total /= rows * cols
    return total


def _in_threads(
    worker: _Worker, windows: list[tuple[int, int, int, int]]
) -> Iterator[tuple[tuple[int, int, int, int], npt.NDArray[np.int16] | None]]:
    """Give each window with its pixels, as they come; few are held at a time."""
    threads = min(_THREADS, os.cpu_count() or 1)
    ahead = iter(windows)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="product")
    pending: dict[Future[npt.NDArray[np.int16] | None], tuple[int, int, int, int]] = {}
    try:
        while True:
            for window in itertools.islice(ahead, threads + 1 - len(pending)):
                pending[pool.submit(worker.pixels, window)] = window
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                yield pending.pop(future), future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        worker.close()
