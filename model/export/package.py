"""Everything that can be taken away of some predictions, written into one folder, chip after chip."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.export import stac, table
from model.export.flood import Floods
from model.export.formats import FLOOD, PACKAGE, RASTERS, file_of
from model.export.polygons import water_bodies
from model.export.rasters import is_streamed, raster_tags, read_stored, with_strips
from model.export.scenes import RASTER_FORMATS, PartOfScene, Steps, Tick, on_part, strips_of, write_part, write_scene
from model.export.vectors import FLOOD_VECTORS, GEOJSON_LIMIT_BYTES, VECTORS, WaterPolygons
from model.store.prediction import Prediction, WaterTotal, water_total
from model.store.probability import encode_mask, encode_probability
from model.store.store import Store
from model.store.streamed import Strips
from tiles.chip import ChipRecord
from tiles.errors import UsageError
from tiles.files import unwritable, write_whole
from tiles.grid import Grid
from tiles.sentences import join


@dataclass
class Written:
    """What an export wrote.

    Attributes:
        files: relative to its folder, in the order of writing.
        notes: sentences on what was left out, and why.
        chips: how many chips.
        water: their predicted water.
    """

    files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    chips: int = 0
    water: WaterTotal = field(default_factory=lambda: water_total([], 0.5))


def write_package(
    out: Path,
    chosen: Sequence[tuple[ChipRecord, Prediction]],
    store: Store,
    threshold: float,
    formats: Collection[str],
    *,
    parts: Sequence[PartOfScene] = (),
    seen: Mapping[str, bool | None] | None = None,
    tick: Tick = lambda done, total: None,
    geojson_limit: int = GEOJSON_LIMIT_BYTES,
) -> Written:
    """Write predictions in the formats asked for; `stac` brings the rasters that it describes.

    Args:
        out: the folder; files of the same names in it are replaced, each whole or not at all.
        chosen: what to write, each with its chip's record.
        store: where the rasters are.
        threshold: smallest probability that is water, in [0, 1]: for masks, polygons, areas and scores.
        formats: which of `model.export.formats.PACKAGE`.
        parts: scenes of which a part is predicted: rasters and polygons of that, with a note; in nothing else.
        seen: whether the model was trained on a chip, by id (`model.evaluation.judge`); of others nothing is told.
        tick: told (steps done, steps in all) before each chip, strip of a scene and file; what it raises ends the export.
        geojson_limit: bytes above which no GeoJSON is written, and a note says so.

    Raises:
        OutputError: the folder cannot be written.
        StoreError: a raster is missing or damaged.
        UsageError: there is nothing to write, or only a GeoJSON that would be too large.
    """
    if not chosen and not parts:
        raise UsageError("No chip is predicted, so there is nothing to take away: predict some first.")
    wanted, marks = _wanted(formats), seen or {}
    written = Written(chips=len(chosen) + len(parts))
    every = [*chosen, *((part.record, part.prediction) for part in parts)]
    if not all(prediction.placed for _, prediction in every):
        wanted, note = _without_place(
            wanted, [record.id for record, prediction in every if not prediction.placed], len(every)
        )
        written.notes.append(note)
    vectors = [name for name in VECTORS if name in wanted]
    _make_folders(out, rasters=bool(wanted & {*RASTER_FORMATS, FLOOD}))
    with ExitStack() as stack:
        floods = stack.enter_context(Floods(out, threshold, wanted))
        steps, of_vector = _steps(chosen, parts, wanted, vectors, floods, tick)
        polygons: WaterPolygons | None = None
        if vectors:
            alone = vectors == ["geojson"]
            polygons = stack.enter_context(WaterPolygons(out, geojson_limit=geojson_limit, geojson_alone=alone))
        making = _Making(out, store, threshold, wanted, polygons, floods, steps, written)
        made = [making.chip(record, listed) for record, listed in chosen]
        for part in parts:
            making.part(part)
        steps.tell()
        if polygons is not None:
            making.vectors(polygons, vectors, of_vector)
            if parts or any(is_streamed(prediction) for _, prediction in chosen):
                written.notes += polygons.on_speckle("water")
        floods.finish()
    written.files += floods.files
    written.notes += floods.notes()
    if made:
        making.tables(made, marks)
    if "stac" in wanted:
        making.collection(made, marks)
    if not written.files:
        raise UsageError(join(written.notes))
    written.water = water_total([*(one.prediction for one in made), *(part.prediction for part in parts)], threshold)
    return written


def _make_folders(out: Path, *, rasters: bool) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        if rasters:
            (out / RASTERS).mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(out, error) from error


@dataclass(frozen=True)
class _Made:
    """What was written of a chip.

    Attributes:
        record: the chip.
        prediction: whose rasters they are: the newest, where another process replaced the listed one meanwhile.
        grid: on which grid; None where no raster was looked at.
        assets: where each raster is, by its format, relative to the folder.
    """

    record: ChipRecord
    prediction: Prediction
    grid: Grid | None
    assets: dict[str, str]


@dataclass(frozen=True)
class _Making:
    """An export that is being made: where, of what, at which threshold, in which formats."""

    out: Path
    store: Store
    threshold: float
    wanted: set[str]
    polygons: WaterPolygons | None
    floods: Floods
    steps: Steps
    written: Written

    def chip(self, record: ChipRecord, listed: Prediction) -> _Made:
        """Write the rasters of a chip that were asked for, and take in its polygons and its flood."""
        self.steps.tell()
        flood = self.floods.takes(record)
        if self.polygons is None and not flood and not self.wanted & set(RASTER_FORMATS):
            self.steps.take()
            return _Made(record, listed, None, {})
        if is_streamed(listed):
            return self._scene(record, listed, flood=flood)
        prediction, values, grid = read_stored(record, listed, self.store)
        made = _Made(record, prediction, grid, self._rasters(record, prediction, values, grid))
        if self.polygons is not None and grid.placed:
            bodies = water_bodies(values, self.threshold, grid)
            self.polygons.add(record, bodies, self.threshold, prediction.model_name)
        if flood:
            self.floods.take(record, prediction, grid, lambda: [(0, values)])
        self.steps.take()
        return made

    def _scene(self, record: ChipRecord, listed: Prediction, *, flood: bool) -> _Made:
        prediction, grid, assets = write_scene(
            self.out, record, listed, self.store, self.threshold, self.wanted, self.polygons, self.steps
        )
        self.written.files += assets.values()

        def take(of: Prediction, on: Grid, strips: Callable[[], Strips]) -> None:
            self.floods.take(record, of, on, lambda: self.steps.each(strips()))

        if flood:
            with_strips(record, prediction, self.store, take)
        return _Made(record, prediction, grid, assets)

    def _rasters(
        self, record: ChipRecord, prediction: Prediction, values: npt.NDArray[np.uint8], grid: Grid
    ) -> dict[str, str]:
        tags = raster_tags(record, prediction)
        assets = {name: f"{RASTERS}/{record.id}_{name}.tif" for name in RASTER_FORMATS if name in self.wanted}
        for name, path in assets.items():
            mask = name == "mask"
            data = encode_mask(values, self.threshold, grid, tags) if mask else encode_probability(values, grid, tags)
            write_whole(self.out / path, data)
            self.written.files.append(path)
        return assets

    def part(self, part: PartOfScene) -> None:
        """Write the rasters of what is predicted of a scene, and take in its polygons."""
        self.written.files += write_part(self.out, part, self.threshold, self.wanted, self.polygons, self.steps)
        self.written.notes.append(on_part(part, self.threshold))
        if self.floods.asked and self.floods.takes(part.record):
            strips = lambda: self.steps.each(part.strips())  # noqa: E731
            self.floods.take(part.record, part.prediction, part.grid, strips, part.share)

    def vectors(self, polygons: WaterPolygons, kinds: Sequence[str], of_each: int) -> None:
        """Write the files of polygons; each is so many steps."""
        for kind in kinds:
            reached = 0

            def told(share: float) -> None:
                nonlocal reached
                self.steps.take(int(share * of_each) - reached)
                reached = int(share * of_each)
                self.steps.tell()

            self.steps.tell()
            try:
                self.written.files.append(polygons.write(self.out, kind, told=told).name)
            except UsageError as error:  # too large for GeoJSON: the other files are as good as they are
                self.written.notes.append(str(error))
            self.steps.take(of_each - reached)

    def tables(self, made: Sequence[_Made], seen: Mapping[str, bool | None]) -> None:
        """Write the tables that were asked for."""
        current = [(one.record, one.prediction) for one in made]
        rows = table.score_rows(current, self.threshold, seen, self.floods.areas)
        writers: dict[str, Callable[[Path], None]] = {
            "csv": lambda file: table.write_csv(file, rows),
            "json": lambda file: table.write_json(file, rows, current, self.threshold),
            "geoparquet": lambda file: table.write_geoparquet(file, rows, current),
        }
        for name, write in writers.items():
            if name in self.wanted:
                write(self.out / file_of(name))
                self.written.files.append(file_of(name))

    def collection(self, made: Sequence[_Made], seen: Mapping[str, bool | None]) -> None:
        """Write the STAC collection of the chips that have a place, where there are such."""
        items = []
        for one in made:
            if one.grid is not None and one.grid.placed:
                flood = self.floods.areas.get(one.record.id)
                raster = self.floods.raster_of(one.record.id)
                assets = one.assets | ({} if raster is None else {FLOOD: raster})
                mark, km2 = seen.get(one.record.id), None if flood is None else flood.flood
                items.append(stac.item(one.record, one.prediction, one.grid, self.threshold, assets, mark, km2))
        if items:
            stac.write_collection(self.out, items, any(one.record.simulated for one in made))
            self.written.files += [stac.COLLECTION, *(f"{stac.ITEMS}/{one['id']}.json" for one in items)]


def _wanted(formats: Collection[str]) -> set[str]:
    unknown = [name for name in formats if name not in PACKAGE]
    if unknown or not formats:
        named = f"There is no format {unknown[0][:40]!r}" if unknown else "No format was chosen"
        raise UsageError(f"{named}: choose among {', '.join(PACKAGE)}.")
    wanted = set(formats)
    return wanted | {"probability", "mask"} if "stac" in wanted else wanted


def _without_place(wanted: set[str], unplaced: Sequence[str], chips: int) -> tuple[set[str], str]:
    """Return the formats that can be written of chips some of which have no place, and a sentence on what is left out."""
    places = {"stac", *VECTORS, *FLOOD_VECTORS}
    named = unplaced[0] + (f" and {len(unplaced) - 1} more" if len(unplaced) > 1 else "")
    lacking = f"{named} {'has' if len(unplaced) == 1 else 'have'} no place on Earth"
    if len(unplaced) < chips:
        where = "polygons and STAC leave them out, their rasters have no georeference, their areas are not known."
        return wanted, f"{lacking}: {where}"
    left = "polygons and STAC are not written" if wanted & places else "areas are not known"
    return wanted - places, f"{lacking}: {left}; rasters have no georeference."


def _steps(
    chosen: Sequence[tuple[ChipRecord, Prediction]],
    parts: Sequence[PartOfScene],
    wanted: Collection[str],
    vectors: Sequence[str],
    floods: Floods,
    tick: Tick,
) -> tuple[Steps, int]:
    """Return the steps of an export, and how many of them the writing of a file of polygons is."""
    scenes = [(strips_of(r.height or 0), r) for r, prediction in chosen if is_streamed(prediction)]
    begun = [(strips_of(part.grid.height), part.record) for part in parts]
    strips = sum(count for count, _ in (*scenes, *begun))
    files = sum(name in wanted for name in RASTER_FORMATS) + bool(vectors)
    told = (*scenes, *begun) if floods.asked else scenes  # what is predicted in part is in no table
    flooded = floods.passes * sum(count for count, record in told if record.permanent_water is not None)
    chips = len(chosen) - (len(scenes) if files else 0)
    return Steps(tick, chips + strips * (files + len(vectors)) + flooded), strips
