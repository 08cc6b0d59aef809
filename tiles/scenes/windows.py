"""A raster of any size through the one door: what it is, is decided once; windows of it are chips (contract 7)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from rasterio.windows import Window

from tiles.chip import ANCILLARY, Asset, ByteArray, Chip, ChipRecord, FloatArray
from tiles.decisions import Decision, notes
from tiles.errors import ChipError, Choice, GeoreferenceError
from tiles.grid import Grid
from tiles.reading.ancillary import ancillary_refusal, read_ancillary
from tiles.reading.door import beside_numbers, image_of, read_chip
from tiles.reading.labels import label_info, label_refusal
from tiles.reading.pixels import points_alone
from tiles.reading.raster import MAX_PIXELS
from tiles.scenes.image import Image
from tiles.scenes.truth import Truth


def is_scene(record: ChipRecord) -> bool:
    """Return whether an image is too large to be held in memory whole, as far as its headers were read."""
    return (record.width or 0) * (record.height or 0) > MAX_PIXELS


def part_of_chip(chip: Chip, window: Window) -> Chip:
    """Return a window of a chip that is in memory; its arrays are views of the same memory."""
    at = window.toslices()
    part = replace(chip, vv=chip.vv[at], vh=chip.vh[at], valid=chip.valid[at], grid=chip.grid.part(window))
    arrays = {
        name: array[at] for name in ("label", "rule_odds", *ANCILLARY) if (array := getattr(chip, name)) is not None
    }
    return replace(part, **arrays)


def windows_of(shape: tuple[int, int], size: int) -> list[Window]:
    """Return the windows that cut an image of so many rows and columns into squares of `size`, row by row."""
    height, width = shape
    return [
        Window(left, top, min(size, width - left), min(size, height - top))
        for top in range(0, height, size)
        for left in range(0, width, size)
    ]


class Scene:
    """A raster of any size of which windows are read as chips. Safe for threads; holds no file open.

    What a pixel is does not depend on the window that it is read in. An image of `MAX_PIXELS` at most is read whole, so
    that a chip is what it always was.

    Attributes:
        record: its record, with its files looked at (`ChipRecord.now`).
        grid: of the whole raster.
        decisions: what the door decided, once for all windows.
        label_problem: why a label that exists is not used, or None.
        choices: what the user may answer to have it used.
        whole: the chip, where the image is held in memory.
    """

    def __init__(self, record: ChipRecord, *, with_label: bool = True) -> None:
        """Open a raster: its headers, and a sample of its pixels.

        Args:
            record: the chip of the catalog, of any size.
            with_label: a label, where there is one, is read with each window; what its numbers mean is decided over all of it.

        Raises:
            ChipError: one of its kinds, naming the file and what to do.
        """
        try:
            self._open(record.now(), with_label)
        except ChipError as error:
            error.chip = record.id
            raise

    def _open(self, record: ChipRecord, with_label: bool) -> None:
        self.record = record
        self.whole: Chip | None = None
        vv, vh, infos, named = image_of(record)
        self.grid: Grid = infos[0].grid
        self.label_problem = record.label_problem
        self.choices: tuple[Choice, ...] = ()
        self._label: Truth | None = None
        self._decided, self._deciding = False, threading.Lock()
        if self.grid.width * self.grid.height <= MAX_PIXELS:
            self.whole = read_chip(record, with_label=with_label)
            self.decisions, self.label_problem = self.whole.decisions, self.whole.label_problem
            self.choices = self.whole.choices
            return
        if infos[0].from_gcps:
            raise GeoreferenceError(points_alone(vv.path))
        self._image = Image(record, (vv, vh), infos)
        looked = self._image.look()
        self.decisions = (named, *beside_numbers(record, *infos), *looked)
        if with_label:
            self.decide_label()

    def decide_label(self) -> None:
        """Look at a label that was left out when the scene was opened: it is read with each window from now on."""
        record = self.record
        with self._deciding:
            if self.whole is None and not self._decided and record.has_label and record.label is not None:
                self._decide_label(record.label)
            self._decided = True

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be told of the scene wherever it is used."""
        return notes(self.decisions)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.shape

    def read(self, window: Window, *, with_label: bool = True) -> Chip:
        """Return a window as a chip: VV and VH float32 dB, valid, label, its own grid, and the decisions of the whole.

        A window without a valid pixel is a chip without one.

        Raises:
            ChipError: a file is damaged there, or gone.
        """
        if self.whole is not None:
            return part_of_chip(self.whole, window)
        try:
            vv, vh, valid = self._image.read(window)
            grid = self.grid.part(window)
            label = self._label.read(window) if with_label and self._label is not None else None
            found, problem = self._ancillary(window)
        except ChipError as error:
            error.chip = self.record.id
            raise
        return Chip(
            self.record.id,
            vv,
            vh,
            valid,
            label,
            grid,
            self.label_problem,
            None if valid.any() else "every VV or VH value there is nodata",
            **found,
            ancillary_problem=problem,
            decisions=self.decisions,
            choices=self.choices,
        )

    def label(self, window: Window) -> ByteArray | None:
        """Return a window of the label alone, uint8: 0 dry, 1 water, 255 unknown; None where there is none that is used.

        Raises:
            ChipError: it is damaged there.
        """
        if self.whole is not None:
            return None if self.whole.label is None else self.whole.label[window.toslices()]
        return None if self._label is None else self._label.read(window)

    @property
    def image(self) -> Image | None:
        """VV and VH of what is not held in memory, None of what is (`whole`)."""
        return None if self.whole is not None else self._image

    @property
    def truth(self) -> Truth | None:
        """The label of what is not held in memory, None where there is none that is used."""
        return self._label

    def sample(self) -> list[Chip]:
        """Return windows, spread over the raster, of whose pixels statistics of all of it may be made; one with data at least.

        Of an image that is held it is all of it. Labels and what lies beside VV and VH are left out.
        """
        if self.whole is not None:
            return [self.whole]
        return [replace(chip, label=None) for chip, _ in self.sampled()]

    def sampled(self) -> Iterator[tuple[Chip, Window]]:
        """Yield as `sample` the windows of what is not held in memory, with their labels, and where they lie."""
        for window in self._image.looked:
            vv, vh, valid = self._image.read_sampled(window)
            if valid.any():
                yield Chip(self.record.id, vv, vh, valid, self.label(window), self.grid.part(window)), window

    def _decide_label(self, asset: Asset) -> None:
        try:
            self._label = Truth.decide(self._image, asset, label_info(asset, self._image.infos[0]))
            self.decisions = (*self.decisions, *self._label.decisions)
        except ChipError as error:
            self.label_problem = refusal = label_refusal(error)
            self.choices = error.choices
            self.decisions = (*self.decisions, Decision("truth", refusal.bare(), "values"))

    def _ancillary(self, window: Window) -> tuple[dict[str, FloatArray], str | None]:
        found: dict[str, FloatArray] = {}
        problem = self.record.ancillary_problem
        for name in ANCILLARY:
            asset: Asset | None = getattr(self.record, name)
            if asset is not None and problem is None:
                try:
                    found[name] = read_ancillary(name, asset, self._image.infos[0], window)
                except ChipError as error:
                    problem = ancillary_refusal(name, error)
        return found, problem
