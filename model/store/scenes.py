"""Storing the prediction of a scene: raster, areas and scores are made strip by strip (contracts 2 and 3)."""

from __future__ import annotations

from collections.abc import Callable

from rasterio.windows import Window

from model.store.prediction import Counts, ModelIdentity, Prediction, prediction_of
from model.store.store import Also, Store
from model.store.streamed import Strips, write_probability
from tiles.chip import ChipRecord
from tiles.content import Content
from tiles.scenes.windows import Scene


def _counted(scene: Scene, strips: Strips, counts: Counts) -> Strips:
    """Yield strips as they are, and count them."""
    for top, values in strips:
        window = Window(0, top, values.shape[1], values.shape[0])
        counts.add(values, scene.label(window), scene.grid.part(window))
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
    also: Also | None = None,
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
        also: what else is written in the transaction of its row (`Store.put`).

    Raises:
        ChipError: the label is damaged inside.
        StoreError: it cannot be written.
        UsageError: the chip's id cannot be part of a file name.
    """
    revision, raster = store.new_raster(record.id)
    counts = Counts()
    tags = model.tags(record.id, revision)
    store.rasters.write_by(
        raster, lambda path: write_probability(path, _counted(scene, strips(), counts), scene.grid, tags)
    )
    prediction = prediction_of(counts, record, model, seconds, chip_revision, revision, raster)
    return store.keep(prediction, content, scene.notes, also)
