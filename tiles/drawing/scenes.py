"""Scenes as the tile service draws them: opened once in the background, then from their own overviews or a display pyramid."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from rasterio.windows import Window

from tiles.cache import BoundedCache
from tiles.chip import ByteArray, Chip, ChipRecord
from tiles.drawing.composite import composite
from tiles.drawing.levels import InBlocks, Levels, LevelsBy
from tiles.drawing.pyramid import IMAGE, LABEL, Kind, make_pyramid, pixels_of, pyramid_at, used
from tiles.errors import BusyError, FloodscopeError
from tiles.reading.elsewhere import is_at_hand
from tiles.reading.pixels import overviews_of
from tiles.reading.raster import info_of, open_raster
from tiles.scenes.image import Image
from tiles.scenes.truth import Truth
from tiles.scenes.windows import Scene

Found = TypeVar("Found")

_OPEN = 6
"""Scenes that are kept open: their samples and decisions, no files."""
_COARSEST = 2048
"""A file's own overviews serve where the smallest has no more pixels a side."""


class _Stopped(Exception):  # noqa: N818 - the program ends
    """What is being made is not wanted any more."""


def file_levels(path: Path | str, outside: int) -> Levels:
    """Return a uint8 raster of a file and its overviews as levels.

    Raises:
        UnreadableFileError: the file is missing or damaged.
    """
    name = str(path)
    with open_raster(name) as dataset:
        grid, sizes = info_of(dataset, name).grid, [dataset.shape]
    sizes += overviews_of(name, 1)
    return LevelsBy(grid, sizes, partial(_of_file, name), outside)


def _of_file(path: str, level: int, window: Window) -> ByteArray:
    with open_raster(path, level - 1 if level else None) as dataset:
        return pixels_of(dataset.read(window=window))


@dataclass(frozen=True)
class Drawing:
    """How far a scene is from being drawn.

    Attributes:
        ready: tiles of its image can be asked for.
        settled: its label is known too, or that there is none: so can all others.
        stage: what is being done: opening, truth (what its label's numbers mean), label or image (a display pyramid).
        share: of that, 0 to 1.
    """

    ready: bool = False
    settled: bool = False
    stage: str = "opening"
    share: float = 0.0


@dataclass
class _Entry:
    stage: str = "opening"
    share: float = 0.0
    scene: Scene | None = None
    settled: bool = False
    label: Levels | None = None
    image: Levels | None = None
    problem: FloodscopeError | None = None
    gone: bool = False


class Scenes:
    """The scenes of a tile service. Safe for threads; a scene that is asked for first is opened in a thread of its own."""

    def __init__(self, folder: Path, give_way: Callable[[], None] = lambda: None, *, cache_mb: int = 24) -> None:
        """Make it.

        Args:
            folder: where display pyramids are kept.
            give_way: called in the thread that has opened a scene, such as to let others go first from then on.
            cache_mb: bound of the blocks in memory, of which tiles are cut.
        """
        self._folder, self._give_way = folder, give_way
        self._blocks: BoundedCache[ByteArray] = BoundedCache(cache_mb << 20, lambda block: block.nbytes)
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._making, self._looking = threading.Lock(), threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._stopped = False

    def stop(self) -> None:
        """Give up what is being made."""
        self._stopped = True
        for thread in list(self._threads):
            thread.join()

    def look(self, record: ChipRecord) -> Drawing:
        """Return how far a scene is; one that is not open is begun. An error is told once, and then it is tried again.

        Raises:
            ChipError, OutputError, BusyError: it cannot be opened or drawn.
        """
        entry = self._entry(record)
        return Drawing(entry.image is not None, entry.settled, entry.stage, entry.share)

    def scene(self, record: ChipRecord) -> Scene:
        """Return a scene, open, with its label where that is settled.

        Raises:
            BusyError: it is being opened.
            ChipError, OutputError: it cannot be opened or drawn.
        """
        return _there(self._entry(record).scene, record)

    def image(self, record: ChipRecord) -> Levels:
        """Return the false colour of a scene, uint8 (H, W, 4) at every level; raises as `scene`."""
        return _there(self._entry(record).image, record)

    def label(self, record: ChipRecord, *, settled: bool = True) -> Levels | None:
        """Return the label of a scene, uint8 (H, W, 1); None where there is none that is used.

        Args:
            record: the scene.
            settled: it has to be known; else None is also told of one that is not decided yet.

        Raises:
            BusyError: it is not decided yet, and has to be known.
            ChipError, OutputError: as `scene`.
        """
        entry = self._entry(record)
        if settled:
            _there(entry.settled or None, record)
        return entry.label

    def at_hand(self, record: ChipRecord) -> tuple[Levels | None, Levels | None, bool]:
        """Return the image of a scene, its label, and whether the label is known, as far as they are there: nothing is made.

        Of a scene that is not open the image is drawn from its display pyramid, or its own overviews.

        Raises:
            ChipError: its files cannot be read.
        """
        key = record.id, record.revision()
        with self._lock:
            entry = self._entries.get(key)
        if entry is not None and entry.image is not None:
            return entry.image, entry.label, entry.settled
        made = [pyramid_at(self._folder, record, kind) for kind in (IMAGE, LABEL)]
        image, label = (
            file_levels(path, kind.filler) if path.is_file() else None
            for path, kind in zip(made, (IMAGE, LABEL), strict=True)
        )
        if image is None and record.vv is not None and is_at_hand(record.vv.path):
            with self._looking:  # one at a time: some squares are read to tell what its numbers are
                scene = Scene(record, with_label=False)
            image = None if scene.image is None else self._own_levels(scene, scene.image)
        return image, label, label is not None or not record.has_label

    def forget(self, record: ChipRecord) -> None:
        """Remove what was made of a scene's present files, before they go."""
        with self._lock:
            entry = self._entries.pop((record.id, record.revision()), None)
        if entry is not None:
            entry.gone = True
        for kind in (IMAGE, LABEL):
            with contextlib.suppress(OSError):  # what cannot be removed now goes when nobody opened it for long
                pyramid_at(self._folder, record, kind).unlink(missing_ok=True)

    def blocks(self, levels: Levels, *key: object) -> Levels:
        """Return levels that are read through the cache of blocks; the key tells them from all others."""
        return InBlocks(levels, self._blocks, key)

    def _entry(self, record: ChipRecord) -> _Entry:
        key = record.id, record.revision()
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry()
                while len(self._entries) > _OPEN:
                    self._entries.popitem(last=False)
                thread = threading.Thread(target=self._open, args=(record, entry), name="scene", daemon=True)
                self._threads.add(thread)
                thread.start()
            self._entries.move_to_end(key)
            if entry.problem is not None:
                del self._entries[key]
                raise entry.problem
            return entry

    def _open(self, record: ChipRecord, entry: _Entry) -> None:
        try:
            self._make(record, entry)
        except _Stopped:
            pass
        except FloodscopeError as error:
            entry.problem = error
        except Exception as error:  # a thread of its own: nobody else would tell
            entry.problem = BusyError(
                f"{record.id} cannot be drawn ({type(error).__name__}): open it again, and see the server's log."
            )
            raise
        finally:
            self._threads.discard(threading.current_thread())

    def _make(self, record: ChipRecord, entry: _Entry) -> None:
        """Open a scene, then see to what can be drawn at once, and then to what has to be made."""
        key = record.id, record.revision()
        scene = Scene(record, with_label=False)
        image, truth = scene.image, None
        if image is None:
            raise ValueError(f"{record.id} is held in memory: it is no scene")
        if own := self._own_levels(scene, image):
            entry.image = self.blocks(own, *key, "image")
        entry.scene, entry.stage = scene, "truth"
        self._give_way()  # to who looks at it, and to the model
        scene.decide_label()
        truth = scene.truth
        if truth is not None:
            entry.label = self.blocks(self._label(scene, truth, entry), *key, "label")
        entry.settled = True
        if entry.image is None:
            halved = not any(info.in_strips for info in image.infos)
            made = self._pyramid(scene, IMAGE, entry, halved, partial(_composite, scene, image, 0))
            entry.image = self.blocks(made, *key, "image")

    @staticmethod
    def _own_levels(scene: Scene, image: Image) -> Levels | None:
        """Return a scene's image by the overviews that its files hold; None where these do not serve."""
        of_bands = [overviews_of(asset.path, asset.band) for asset in image.assets]
        own = of_bands[0]
        if of_bands[1] != own or not own or max(own[-1]) > _COARSEST:
            return None
        return LevelsBy(scene.grid, [scene.shape, *own], partial(_composite, scene, image), 0)

    def _label(self, scene: Scene, truth: Truth, entry: _Entry) -> Levels:
        own = overviews_of(truth.asset.path, truth.asset.band)

        def read(level: int, window: Window) -> ByteArray:
            return truth.read(window, level - 1 if level else None)[..., None]

        if own and max(own[-1]) <= _COARSEST:
            return LevelsBy(scene.grid, [scene.shape, *own], read, 255)
        return self._pyramid(scene, LABEL, entry, not truth.info.in_strips, partial(read, 0))

    def _pyramid(
        self, scene: Scene, kind: Kind, entry: _Entry, halved: bool, finest: Callable[[Window], ByteArray]
    ) -> Levels:
        """Return levels of a pyramid, made where it is not there; the scene's own pixels come before what is halved."""

        def progress(share: float) -> None:
            if self._stopped or entry.gone:
                raise _Stopped
            entry.share = share

        target = pyramid_at(self._folder, scene.record, kind)
        entry.stage, entry.share = kind.name, 0.0
        if not used(target):
            with self._making:  # one at a time: each takes a core, and reads and writes all that there is
                make_pyramid(scene, kind, target, halved, progress)
        of_file = file_levels(target, kind.filler)
        if not halved:
            return LevelsBy(scene.grid, of_file.sizes, of_file.read, kind.filler)

        def read(level: int, window: Window) -> ByteArray:
            return finest(window) if level == 0 else of_file.read(level - 1, window)

        return LevelsBy(scene.grid, [scene.shape, *of_file.sizes], read, kind.filler)


def _there(found: Found | None, record: ChipRecord) -> Found:
    if found is None:
        raise BusyError(f"{record.id} is being made ready to be drawn: ask again in a moment.")
    return found


def _composite(scene: Scene, image: Image, level: int, window: Window) -> ByteArray:
    return pixels_of(composite(Chip(scene.record.id, *image.read_drawn(level, window), None, scene.grid)))
