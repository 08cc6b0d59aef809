"""Storing the prediction of a scene: raster, areas and scores are made strip by strip (contracts 2 and 3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from model.scores.histogram import LEVELS, ScoreHistogram
from model.store.prediction import ModelIdentity, Prediction
from model.store.store import Store
from model.store.streamed import Strips, write_probability
from tiles.chip import ChipRecord
from tiles.content import Content
from tiles.probability import NODATA
from tiles.scenes.windows import Scene


class _Counts:
    """What the pixels of a scene add up to."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.area = np.zeros(LEVELS)
        self.valid = 0
        self.histograms: list[ScoreHistogram] = []
        self.label_water_km2 = 0.0

    def counted(self, strips: Strips) -> Strips:
        """Yield strips as they are, and count them."""
        for top, values in strips:
            window = Window(0, top, values.shape[1], values.shape[0])
            grid = self._scene.grid.part(window)
            label = self._scene.label(window)
            valid = values != NODATA
            if grid.placed:
                km2 = grid.pixel_area_km2()
                self.area += np.bincount(values[valid], weights=km2[valid], minlength=LEVELS)
                if label is not None:
                    self.label_water_km2 += float(km2[(label == 1) & valid].sum())
            else:
                self.area += np.bincount(values[valid], minlength=LEVELS)
            self.valid += int(np.count_nonzero(valid))
            if label is not None:
                self.histograms.append(ScoreHistogram.of(values, label))
            yield top, values


def put_scene(
    store: Store,
    record: ChipRecord,
    model: ModelIdentity,
    scene: Scene,
    strips: Callable[[], Strips],
    seconds: float,
    content: Content,
    chip_revision: str,
) -> Prediction:
    """Store a scene's prediction in place of the one of the same chip and model.

    Args:
        store: where.
        record: the scene's record.
        model: what predicted it.
        scene: for its grid, its label and its notes.
        strips: gives the raster (contract 2).
        seconds: that the model took.
        content: of its pixels.
        chip_revision: of its files, from before they were read.

    Raises:
        ChipError: the label is damaged inside.
        StoreError: it cannot be written.
        UsageError: the chip's id cannot be part of a file name.
    """
    revision, raster = store.new_raster(record.id)
    counts = _Counts(scene)
    tags = {"chip": record.id, "model": model.key.model_id, "parameters": model.key.parameters, "revision": revision}

    def write(path: Path) -> Prediction:
        write_probability(path, counts.counted(strips()), scene.grid, tags)
        labelled = bool(counts.histograms)
        return Prediction(
            chip_id=record.id,
            chip_revision=chip_revision,
            model_id=model.key.model_id,
            parameters=model.key.parameters,
            revision=revision,
            raster=raster,
            model_name=model.name,
            device=model.device,
            seconds=seconds,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            threshold=model.threshold,
            valid_pixels=counts.valid,
            total_pixels=scene.grid.width * scene.grid.height,
            area=counts.area,
            histogram=ScoreHistogram.sum_of(counts.histograms) if labelled else None,
            label_water_km2=counts.label_water_km2 if labelled and scene.grid.placed else None,
            country=record.country,
            event=record.event,
            split=record.split,
            placed=scene.grid.placed,
        )

    found: list[Prediction] = []
    store.rasters.write_by(raster, lambda path: found.append(write(path)))
    return store.keep(found[0], content, scene.notes)
