"""Inputs larger than a window: read and predicted window by window, and left between two of them where others have come."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from shapely.geometry.base import BaseGeometry

from model.inference.ahead import LoadedChip, load_chip
from model.inference.scenes import SceneRun, in_windows
from model.predictors.local import WINDOW
from model.scores.area import inside
from model.streams.source import Item
from tiles.archive.address import is_address
from tiles.chip import ChipRecord
from tiles.reading.raster import read_info
from tiles.scenes.windows import Scene, is_scene, windows_of


@dataclass
class Pace:
    """How long a round may stay with scenes.

    Attributes:
        stop: when it is set, the scene at hand is left after the window that it is at.
        until: as `time.monotonic` has it: then a scene is left as well, so that what came meanwhile goes first.
        spent: whether a scene was left.
    """

    stop: threading.Event | None = None
    until: float = math.inf
    spent: bool = False

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be begun."""
        return self.stop is not None and self.stop.is_set()

    def leaves(self, done: int) -> bool:
        """Return whether a scene is left of which so many windows were predicted in this round: each look does one at least."""
        self.spent = self.stopped or (done > 0 and time.monotonic() > self.until)
        return self.spent


def is_large(item: Item) -> bool:
    """Return whether an input is predicted by windows, as far as is known before it is opened."""
    return item.record is not None and item.problem is None and in_windows(item.record)


def chips_first(items: Iterable[Item]) -> Iterator[Item]:
    """Yield inputs in their order, those that are predicted by windows after all others."""
    large: list[Item] = []
    for item in items:
        if is_large(item):
            large.append(item)
        else:
            yield item
    yield from large


def measured(record: ChipRecord) -> ChipRecord:
    """Return the record of an image on a server with the size that its header says: what its archive says may be none.

    Raises:
        ChipError: its server does not give it, or it is no GeoTIFF.
    """
    if record.vv is None or not is_address(record.vv.path):
        return record
    rows, cols = read_info(record.vv.path).grid.shape
    return replace(record, width=cols, height=rows)


def opened(record: ChipRecord) -> LoadedChip | Scene:
    """Read a chip, or open a scene.

    Raises:
        ChipError: it cannot be read, or has no valid pixel.
    """
    return Scene(record, with_label=not is_scene(record)) if in_windows(record) else load_chip(record)


def has_data_in(image: LoadedChip | Scene, area: BaseGeometry) -> bool:
    """Return whether a pixel with data has its centre in an area of WGS84.

    Raises:
        ChipError: a scene is damaged there.
    """
    if isinstance(image, LoadedChip):
        return bool((inside(image.chip.grid, area) & image.chip.valid).any())
    for window in windows_of(image.shape, WINDOW):
        there = inside(image.grid.part(window), area)
        if there.any() and (there & image.read(window, with_label=False).valid).any():
            return True
    return False


def left_after(run: SceneRun, pace: Pace) -> Iterator[int]:
    """Predict the windows of a scene that are left, and yield after each how many are done in this round.

    Raises:
        ChipError, ModelError, PredictionError, StoreError: as `SceneRun.step`.
    """
    done = 0
    while run.left and not pace.leaves(done):
        run.step()
        done += 1
        yield done
