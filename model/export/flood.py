"""Flood, which is predicted water that is not usual: of chips beside which a file says where water is usual."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from rasterio.windows import Window

from model.export.formats import FLOOD, FLOOD_POLYGONS, RASTERS
from model.export.polygons import scene_bodies
from model.export.rasters import is_streamed, raster_tags
from model.export.vectors import WaterPolygons
from model.store.prediction import Prediction
from model.store.streamed import Strips, write_flood
from tiles.chip import ByteArray, ChipRecord
from tiles.errors import AncillaryError, ChipError
from tiles.grid import Grid
from tiles.probability import NODATA, PROBABILITY_MAX, level
from tiles.reading.ancillary import usual_water
from tiles.sentences import Sentence

DRY, FLOODED, USUAL, NOT_FOUND, NOT_TOLD = range(5)


@dataclass(frozen=True)
class FloodArea:
    """What of a chip's predicted water is flood, in km²; None where the chip has no place on Earth.

    Attributes:
        flood: where water is not usual.
        usual: where it is.
        not_told: where the file does not say.
    """

    flood: float | None
    usual: float | None
    not_told: float | None


def flood_classes(probability: ByteArray, usual: ByteArray, threshold: float) -> ByteArray:
    """Return what each pixel is, uint8 (H, W).

    0 is dry, or not known to be usual water; 1 flood; 2 usual water; 3 usual water that is not predicted as water; 4 water
    of which it is not known whether it is usual; 255 no data.

    Args:
        probability: uint8 (H, W), 0..254 is p = v / 254, 255 is nodata.
        usual: uint8 (H, W), as `tiles.reading.ancillary.usual_water` gives it.
        threshold: smallest probability that is water, in [0, 1].

    Raises:
        UsageError: the threshold is not in [0, 1].
    """
    wet = probability >= level(threshold)
    classes = np.where(wet, np.uint8(NOT_TOLD), np.uint8(DRY))
    classes[wet & (usual == 0)] = FLOODED
    classes[wet & (usual == 1)] = USUAL
    classes[~wet & (usual == 1)] = NOT_FOUND
    classes[probability == NODATA] = NODATA
    return classes


class Floods:
    """The flood of the chips of one export: rasters, polygons, areas, and sentences on what could not be told.

    Attributes:
        areas: of the chips of which it is told, by id.
        asked: whether rasters or polygons of it are wanted; else it is for the tables alone.
    """

    def __init__(self, out: Path, threshold: float, wanted: Collection[str]) -> None:
        """Begin; rasters and polygons are made where they are asked for.

        Args:
            out: the folder of the export, which is there.
            threshold: smallest probability that is water, in [0, 1].
            wanted: the formats of the export.

        Raises:
            OutputError: the folder cannot be written.
        """
        self.areas: dict[str, FloodArea] = {}
        self._files: dict[str, None] = {}  # in order; a scene that is replaced meanwhile is written again
        self._out, self._threshold = out, threshold
        self._rasters, self.asked = FLOOD in wanted, not {FLOOD, FLOOD_POLYGONS}.isdisjoint(wanted)
        self._tables = not {"csv", "json", "geoparquet"}.isdisjoint(wanted)
        self._without: dict[str, None] = {}
        self._problems: dict[str, str] = {}
        self._scenes = False
        self._stack = ExitStack()
        self._polygons = self._stack.enter_context(WaterPolygons(out)) if FLOOD_POLYGONS in wanted else None

    @property
    def files(self) -> list[str]:
        """What was written, relative to the export's folder."""
        return list(self._files)

    def raster_of(self, chip_id: str) -> str | None:
        """Return the raster of a chip, relative to the export's folder; None where there is none."""
        name = _raster(chip_id)
        return name if name in self._files else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def takes(self, record: ChipRecord) -> bool:
        """Return whether `take` is to be called for a chip, whose raster has to be read for it; notes where no file tells."""
        if not (self.asked or self._tables):
            return False
        if record.permanent_water is None:
            self._without[record.id] = None
        return record.permanent_water is not None

    @property
    def passes(self) -> int:
        """How often `take` asks for the strips of a scene."""
        return 1 + self._rasters + (self._polygons is not None) if self.asked or self._tables else 0

    def take(
        self, record: ChipRecord, prediction: Prediction, grid: Grid, strips: Callable[[], Strips], share: float = 1.0
    ) -> None:
        """Write the flood of a chip or a scene, and keep its areas; where its file cannot be used, keep the reason.

        Args:
            record: the chip; one that `takes`.
            prediction: whose raster it is.
            grid: of the raster.
            strips: gives the raster from its top, as often as it is asked (`passes`); of a chip one strip.
            share: how much of it is predicted.

        Raises:
            OutputError: a file cannot be written.
            StoreError: the raster is missing or damaged.
        """

        def classes() -> Strips:
            for top, values in strips():
                usual = usual_water(record, Window(0, top, values.shape[1], values.shape[0]))
                if usual is None or usual.shape != values.shape:
                    raise AncillaryError("The image is another than when it was predicted: predict it again.")
                yield top, flood_classes(values, usual, self._threshold)

        try:
            self.areas[record.id] = _area(grid, classes())
            if self._rasters:
                name = _raster(record.id)
                tags = {"threshold": f"{self._threshold:g}", **raster_tags(record, prediction)}
                write_flood(self._out / name, classes(), grid, tags)
                self._files[name] = None
            self._scenes |= is_streamed(prediction) or share < 1
            if self._polygons is not None and grid.placed:
                flooded = (
                    (top, np.where(of == FLOODED, np.uint8(PROBABILITY_MAX), np.uint8(0))) for top, of in classes()
                )
                with self._polygons.all_or_none():
                    for bodies in scene_bodies(flooded, 1.0, grid):
                        self._polygons.add(record, bodies, self._threshold, prediction.model_name, share)
        except ChipError as error:
            self.areas.pop(record.id, None)
            why = Sentence(f"Flood is not told of {record.id}: {{why}}", why=Sentence(str(error)))
            self._problems[record.id] = why

    def finish(self) -> None:
        """Write the file of polygons, where that is asked for and flood is told of a chip with a place.

        Raises:
            OutputError: it cannot be written.
        """
        if self._polygons is not None and any(area.flood is not None for area in self.areas.values()):
            self._files[self._polygons.write(self._out, FLOOD_POLYGONS).name] = None

    def notes(self) -> list[str]:
        """Return the sentences on what is told, and of what and why not: where flood was asked for, or is in a table."""
        known = [area for area in self.areas.values() if area.flood is not None]
        chips = len(self.areas) + len(self._without) + len(self._problems)
        if not self.asked and not self.areas and not self._problems:
            return []
        said = []
        if known:
            flood = sum(area.flood or 0.0 for area in known)
            not_told = sum(area.not_told or 0.0 for area in known)
            rest = f", and {not_told:,.4g} km² of water of which the files do not say it" if not_told else ""
            said.append(
                f"Flood, which is water that is not usual: {flood:,.4g} km² on {len(known)} of {chips} chip(s){rest}."
            )
        if unplaced := [name for name, area in self.areas.items() if area.flood is None]:
            said.append(f"{_some(unplaced)}: no place on Earth, so the km² of flood are not known.")
        if self._polygons is not None and self._scenes:
            said += self._polygons.on_speckle("flood")
        if self._without:
            which = "any chip" if len(self._without) == chips else _some(self._without)
            said.append(
                f"Flood is not told of {which}, beside which no file says where water is usual (such as ID_permanent_water.tif)."
            )
        return [*said, *self._problems.values()]


def _raster(chip_id: str) -> str:
    return f"{RASTERS}/{chip_id}_{FLOOD}.tif"


def _area(grid: Grid, strips: Strips) -> FloodArea:
    """Return the areas of the classes of a raster."""
    km2 = np.zeros(256)
    for top, classes in strips:
        if grid.placed:
            size = grid.part(Window(0, top, classes.shape[1], classes.shape[0])).pixel_area_km2()
            km2 += np.bincount(classes.ravel(), weights=size.ravel(), minlength=256)
    return FloodArea(*map(float, km2[[FLOODED, USUAL, NOT_TOLD]])) if grid.placed else FloodArea(None, None, None)


def _some(ids: Collection[str]) -> str:
    first = next(iter(ids))
    return first + (f" and {len(ids) - 1} more" if len(ids) > 1 else "")
