"""Scenes in an export: rasters and water polygons of all of one, or of what is predicted so far, strip by strip."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from model.export.formats import RASTERS
from model.export.polygons import scene_bodies
from model.export.rasters import with_strips, write_strips
from model.export.vectors import WaterPolygons
from model.store.prediction import Prediction
from model.store.store import Store
from model.store.streamed import ROWS, Strips
from tiles.chip import ByteArray, ChipRecord
from tiles.grid import Grid

Tick = Callable[[int, int], None]
RASTER_FORMATS = ("probability", "mask")


class Steps:
    """How far an export is: a chip is one step; of a scene each strip is, for each file that is made of it."""

    def __init__(self, tick: Tick, total: int) -> None:
        """Begin; `tick` is told (steps done, steps in all), and what it raises ends the export."""
        self._tick, self._done, self._total = tick, 0, total

    def tell(self) -> None:
        """Tell how far it is."""
        self._tick(self._done, self._total)

    def take(self, count: int = 1) -> None:
        """Go on by some steps; what is done anew, after another process replaced a raster, counts for no more."""
        self._done = min(self._total, self._done + count)

    def each(self, strips: Strips) -> Iterator[tuple[int, ByteArray]]:
        """Yield strips as they are, and tell of each."""
        for strip in strips:
            self.tell()
            yield strip
            self.take()


@dataclass(frozen=True)
class PartOfScene:
    """What is predicted so far of a scene.

    Attributes:
        record: the scene.
        prediction: of the pixels that are predicted; it is stored nowhere.
        grid: of the whole scene.
        strips: gives the raster of the whole scene, 255 also where nothing is predicted, as often as it is asked.
    """

    record: ChipRecord
    prediction: Prediction
    grid: Grid
    strips: Callable[[], Strips]

    @property
    def share(self) -> float:
        """Share of the scene's pixels that are predicted, with data or without."""
        return self.prediction.total_pixels / (self.grid.width * self.grid.height)


def strips_of(height: int) -> int:
    """Return in how many strips a raster of so many rows is read."""
    return math.ceil(height / ROWS)


def write_scene(
    out: Path,
    record: ChipRecord,
    prediction: Prediction,
    store: Store,
    threshold: float,
    wanted: Collection[str],
    polygons: WaterPolygons | None,
    steps: Steps,
) -> tuple[Prediction, Grid, dict[str, str]]:
    """Write the rasters of a scene that were asked for, and take its polygons in; memory does not grow with its height.

    Returns:
        Whose they are, on which grid, and where each raster is, relative to the folder.

    Raises:
        OutputError: a file cannot be written.
        StoreError: the raster is missing or damaged.
    """
    assets = _assets(record, wanted)

    def use(of: Prediction, grid: Grid, strips: Callable[[], Strips]) -> None:
        _write(out, assets, PartOfScene(record, of, grid, strips), threshold, polygons, steps)

    prediction, grid = with_strips(record, prediction, store, use)
    return prediction, grid, assets


def write_part(
    out: Path,
    part: PartOfScene,
    threshold: float,
    wanted: Collection[str],
    polygons: WaterPolygons | None,
    steps: Steps,
) -> list[str]:
    """Write the rasters that were asked for of what is predicted of a scene, and take in its polygons; return the files.

    Raises:
        OutputError: a file cannot be written.
    """
    assets = _assets(part.record, wanted)
    _write(out, assets, part, threshold, polygons, steps)
    return list(assets.values())


def on_part(part: PartOfScene, threshold: float) -> str:
    """Return the sentence on a scene of which a part is taken away."""
    share = min(99, round(100 * part.share))
    water = part.prediction.water_km2(threshold)
    said = "" if water is None else f" ({water:,.2f} km² of water in it)"
    return (
        f"{part.record.id}: {share if share else 'less than 1'} % of the scene is predicted. Rasters and polygons are of that "
        f"part{said}; tables, STAC and report leave the scene out. Once it is predicted whole, take it away again."
    )


def _assets(record: ChipRecord, wanted: Collection[str]) -> dict[str, str]:
    return {name: f"{RASTERS}/{record.id}_{name}.tif" for name in RASTER_FORMATS if name in wanted}


def _write(
    out: Path,
    assets: dict[str, str],
    part: PartOfScene,
    threshold: float,
    polygons: WaterPolygons | None,
    steps: Steps,
) -> None:
    def strips() -> Strips:
        return steps.each(part.strips())

    to = {name: out / path for name, path in assets.items()}
    said = {} if part.share == 1.0 else {"predicted": f"{100 * part.share:.2f} % of the scene"}
    write_strips(
        part.record, part.prediction, part.grid, strips, threshold, to.get("probability"), to.get("mask"), said
    )
    if polygons is not None and part.grid.placed:
        with polygons.all_or_none():
            for bodies in scene_bodies(strips(), threshold, part.grid):
                if polygons.too_large_for_geojson and polygons.geojson_alone:
                    return
                polygons.add(part.record, bodies, threshold, part.prediction.model_name, part.share)
