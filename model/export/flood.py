"""Flood, which is predicted water that is not usual: of chips beside which a file says where water is usual."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from model.export.formats import FLOOD, FLOOD_POLYGONS, RASTERS
from model.export.polygons import water_bodies
from model.export.rasters import is_streamed, raster_tags
from model.export.vectors import WaterPolygons
from model.store.prediction import Prediction
from model.store.probability import encode_flood
from tiles.chip import ByteArray, ChipRecord
from tiles.errors import ChipError
from tiles.files import write_whole
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
        files: what was written, relative to the export's folder.
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
        self.files: list[str] = []
        self._out, self._threshold = out, threshold
        self._rasters, self._asked = FLOOD in wanted, not {FLOOD, FLOOD_POLYGONS}.isdisjoint(wanted)
        self._tables = not {"csv", "json", "geoparquet"}.isdisjoint(wanted)
        self._scenes: list[str] = []
        self._without: list[str] = []
        self._problems: list[str] = []
        self._stack = ExitStack()
        self._polygons = self._stack.enter_context(WaterPolygons(out)) if FLOOD_POLYGONS in wanted else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def leave_scene(self, record: ChipRecord) -> None:
        """Note a scene, of which it is not told."""
        self._scenes.append(record.id)

    def takes(self, record: ChipRecord, prediction: Prediction) -> bool:
        """Return whether the raster of a chip has to be read for `take`, which is then called; notes why not."""
        if not (self._asked or self._tables):
            return False
        if is_streamed(prediction):
            self.leave_scene(record)
        elif record.permanent_water is None:
            self._without.append(record.id)
        else:
            return True
        return False

    def take(self, record: ChipRecord, prediction: Prediction, probability: ByteArray, grid: Grid) -> None:
        """Write the flood of a chip, and keep its areas; where its file cannot be used, keep the reason.

        Raises:
            OutputError: a file cannot be written.
        """
        try:
            usual = usual_water(record)
        except ChipError as error:
            self._problems.append(Sentence(f"Flood is not told of {record.id}: {{why}}", why=Sentence(str(error))))
            return
        if usual is None or usual.shape != probability.shape:  # its files are others than when it was predicted
            self._without.append(record.id)
            return
        classes = flood_classes(probability, usual, self._threshold)
        if grid.placed:
            size = grid.pixel_area_km2()
            flood, there, not_told = (float(size[classes == of].sum()) for of in (FLOODED, USUAL, NOT_TOLD))
            self.areas[record.id] = FloodArea(flood, there, not_told)
        else:
            self.areas[record.id] = FloodArea(None, None, None)
        if self._rasters:
            name = f"{RASTERS}/{record.id}_{FLOOD}.tif"
            tags = {"threshold": f"{self._threshold:g}", **raster_tags(record, prediction)}
            write_whole(self._out / name, encode_flood(classes, grid, tags))
            self.files.append(name)
        if self._polygons is not None and grid.placed:
            flooded = np.where(classes == FLOODED, np.uint8(PROBABILITY_MAX), np.uint8(0))
            bodies = water_bodies(flooded, 1.0, grid)
            self._polygons.add(record, bodies, self._threshold, prediction.model_name)

    def finish(self) -> None:
        """Write the file of polygons, where that is asked for and flood is told of a chip with a place.

        Raises:
            OutputError: it cannot be written.
        """
        if self._polygons is not None and any(area.flood is not None for area in self.areas.values()):
            self.files.append(self._polygons.write(self._out, FLOOD_POLYGONS).name)

    def notes(self) -> list[str]:
        """Return the sentences on what is told, and of what and why not: where flood was asked for, or is in a table."""
        told, known = len(self.areas), [area for area in self.areas.values() if area.flood is not None]
        chips = told + len(self._without) + len(self._problems) + len(self._scenes)
        if not self._asked and not told and not self._problems:
            return []
        said = []
        if known:
            flood = sum(area.flood or 0.0 for area in known)
            not_told = sum(area.not_told or 0.0 for area in known)
            rest = f", and {not_told:,.4g} km² of water of which the files do not say it" if not_told else ""
            said.append(
                f"Flood, which is water that is not usual: {flood:,.4g} km² on {told} of {chips} chip(s){rest}."
            )
        if self._without:
            which = "any chip" if len(self._without) == chips else _some(self._without)
            said.append(
                f"Flood is not told of {which}, beside which no file says where water is usual (such as ID_permanent_water.tif)."
            )
        if self._scenes:
            said.append(f"Flood is told of chips, not of scenes: {_some(self._scenes)} is left out of it.")
        return [*said, *self._problems]


def _some(ids: list[str]) -> str:
    return ids[0] + (f" and {len(ids) - 1} more" if len(ids) > 1 else "")
