"""The display pyramid of a scene whose files hold no overviews: made once, kept in a folder, drawn from ever after."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from tiles.chip import ByteArray, Chip, ChipRecord
from tiles.claims import alone, clock
from tiles.drawing.composite import composite
from tiles.files import replacing, unwritable
from tiles.grid import Grid
from tiles.scenes.cog import cog_writer
from tiles.scenes.windows import Scene, windows_of

FORGOTTEN_S = 90 * 24 * 3600.0
"""Age since its last use at which a pyramid is removed: it is made again when the scene is opened."""

_SIDE = 1024
_WRITTEN = 0.8
"""Share of the work that is done when the pixels are written; then overviews are made of them."""
# Goes up when pyramids are made otherwise than before.
_VERSION = "1"

Progress = Callable[[float], None]
"""Told which share is done, 0 to 1; what it raises ends the work."""


@dataclass(frozen=True)
class Kind:
    """What a pyramid is made of.

    Attributes:
        name: in its file's name.
        bands: of its pixels.
        read: a window of the scene drawn, uint8 (bands, H, W).
        halved: such pixels at half the resolution.
        resampling: of its overviews.
        filler: what its bands hold outside the scene.
    """

    name: str
    bands: int
    read: Callable[[Scene, Window], ByteArray]
    halved: Callable[[ByteArray], ByteArray]
    resampling: str
    filler: int


def _drawn(scene: Scene, window: Window) -> ByteArray:
    if scene.image is None:
        raise ValueError("a scene that is held needs no pyramid")
    return composite(Chip(scene.record.id, *scene.image.read_drawn(0, window), None, scene.grid))


def _averaged(pixels: ByteArray) -> ByteArray:
    """Return RGBA at half the resolution: the mean of those of four pixels that have data."""
    parts = [pixels[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    there = [(part[3] > 0).astype(np.uint16) for part in parts]
    count = np.maximum(sum(there[1:], there[0]), 1)
    out = np.empty_like(parts[0])
    for band in range(3):
        total = sum(part[band] * one for part, one in zip(parts, there, strict=True))
        out[band] = (total + count // 2) // count
    out[3] = np.where(sum(there[1:], there[0]) > 0, np.uint8(255), np.uint8(0))
    return out


def _truth(scene: Scene, window: Window) -> ByteArray:
    label = scene.label(window)
    return np.full((1, window.height, window.width), 255, np.uint8) if label is None else label[None]


def _every_second(pixels: ByteArray) -> ByteArray:
    return np.ascontiguousarray(pixels[:, ::2, ::2])


IMAGE = Kind("image", 4, _drawn, _averaged, "AVERAGE", 0)
LABEL = Kind("label", 1, _truth, _every_second, "NEAREST", 255)


def pyramid_at(folder: Path, record: ChipRecord, kind: Kind) -> Path:
    """Return where the pyramid of a scene's present files is kept, made or not."""
    files = [asset.path for asset in (record.vv, record.vh, record.label) if asset is not None]
    said = "\n".join([_VERSION, record.revision(), *files])
    digest = hashlib.blake2b(said.encode(errors="surrogateescape"), digest_size=8).hexdigest()
    name = record.id.encode()[:100].decode(errors="ignore")
    return folder / f"{name}_{kind.name}_{digest}.tif"


def used(target: Path) -> bool:
    """Return whether a pyramid is there; its time then says that it was used."""
    with contextlib.suppress(OSError):
        os.utime(target)
        return True
    return False


def make_pyramid(scene: Scene, kind: Kind, target: Path, halved: bool, progress: Progress) -> None:
    """Make the pyramid of a scene, a cloud-optimised GeoTIFF; what is begun and not ended leaves nothing behind.

    Args:
        scene: that is not held in memory.
        kind: of what.
        target: where; nothing is done where it is there.
        halved: its finest level has half the scene's resolution; else all of it, as of files whose windows are slow to read.
        progress: told how far it is.

    Raises:
        ChipError: the scene is damaged.
        OutputError: the folder cannot be written, or has no room.
    """
    folder = target.parent
    lock = folder / f".{target.stem}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(lock):
            if not used(target):
                sweep_pyramids(folder)
                with replacing(target) as part:
                    _write(scene, kind, part, halved, progress)
        lock.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def _write(scene: Scene, kind: Kind, part: Path, halved: bool, progress: Progress) -> None:
    by = 2 if halved else 1
    height, width = (math.ceil(length / by) for length in scene.shape)
    grid = _grid(scene.grid, by, width, height)
    profile = {"count": kind.bands, "interleave": "pixel", "compress": "deflate", "zlevel": 1}
    if kind.bands == 4:
        profile |= {"photometric": "RGB", "alpha": "YES"}
    with cog_writer(part, grid, profile, resampling=kind.resampling, least_overviews=1) as dataset:
        if kind.bands == 4:
            dataset.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
        for share, at, pixels in _parts(scene, kind, by):
            dataset.write(pixels, window=at)
            progress(_WRITTEN * share)


def _parts(scene: Scene, kind: Kind, by: int) -> Iterator[tuple[float, Window, ByteArray]]:
    """Yield the parts of a pyramid's finest level, each with the share of the scene that is read then, and its place."""
    windows = windows_of(scene.shape, _SIDE)
    for number, window in enumerate(windows, 1):
        pixels = kind.read(scene, window)
        if by == 2:
            odd = [(0, length % 2) for length in pixels.shape[1:]]
            pixels = kind.halved(np.pad(pixels, [(0, 0), *odd], constant_values=kind.filler))
        at = Window(window.col_off // by, window.row_off // by, pixels.shape[2], pixels.shape[1])
        yield number / len(windows), at, pixels


def _grid(grid: Grid, by: int, width: int, height: int) -> Grid:
    if not grid.placed:
        return Grid.unplaced(width, height)
    return Grid(grid.crs, grid.transform @ grid.transform.scale(by), width, height)


def sweep_pyramids(folder: Path) -> None:
    """Remove the pyramids that nobody used for a long time."""
    with contextlib.suppress(OSError):
        now = clock(folder)
        for path in folder.glob("*.tif"):
            if now - path.stat().st_mtime > FORGOTTEN_S:
                path.unlink(missing_ok=True)


def pixels_of(values: npt.NDArray[np.generic]) -> ByteArray:
    """Return what rasterio reads, (bands, H, W), with the bands last."""
    return np.ascontiguousarray(np.moveaxis(values.astype(np.uint8, copy=False), 0, -1))
