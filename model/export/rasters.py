"""Predictions as files to take away: a probability raster and a mask a chip, and one table."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.store.probability import encode_mask, encode_probability
from model.store.store import Prediction, Store
from model.store.streamed import Strips, grid_of_stored, read_strips, write_mask, write_probability
from tiles.chip import PROVENANCE, ChipRecord
from tiles.errors import ChipError, OutputError, StoreError
from tiles.files import unwritable, write_whole
from tiles.grid import Grid
from tiles.reading.raster import MAX_PIXELS

TABLE = "predictions.csv"
_COLUMNS = (
    *PROVENANCE,
    *("water_km2", "water_share", "threshold", "valid_pixels", "total_pixels"),
    *("model", "model_id", "parameters", "device", "seconds", "predicted", "simulated", "probability", "mask", "file"),
)


Row = dict[str, str | int | float | bool | None]
"""A prediction in the table, by the names of its columns."""


def write_predictions(
    out: Path, predictions: Iterable[tuple[ChipRecord, Prediction]], store: Store, threshold: float
) -> Path:
    """Write each prediction's probability and mask as cloud-optimised GeoTIFFs, and a table of all.

    Args:
        out: the folder; files of the same names in it are replaced, each whole or not at all.
        predictions: what to write, each with its chip's record.
        store: where the rasters are.
        threshold: smallest probability that is water, for masks and areas.

    Returns:
        The table: one row a chip, with the geodesic km2 of water; empty for a chip without a place.

    Raises:
        OutputError: the folder cannot be written.
        StoreError: a raster is missing or damaged, or the disk is full.
    """
    return write_table(out, write_rasters(out, predictions, store, threshold))


def write_rasters(
    out: Path, predictions: Iterable[tuple[ChipRecord, Prediction]], store: Store, threshold: float
) -> list[Row]:
    """Write each prediction's two rasters, and return their rows of the table; see `write_predictions`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        return [_write(out, record, prediction, store, threshold) for record, prediction in predictions]
    except OSError as error:
        raise unwritable(out, error) from error


def write_table(out: Path, rows: Iterable[Row]) -> Path:
    """Write the table of rasters that lie in a folder, and return its path; see `write_predictions`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / TABLE, text.getvalue().encode())
    except OSError as error:
        raise unwritable(out, error) from error
    return out / TABLE


def require_new(out: Path, chips: Iterable[str]) -> None:
    """Raise OutputError where `write_predictions` would replace a file.

    Args:
        out: its folder.
        chips: ids of the chips that may be written.
    """
    for name in (TABLE, *(f"{chip}_{kind}.tif" for chip in chips for kind in ("probability", "mask"))):
        if os.path.lexists(out / name):
            raise OutputError(
                "{file} is there already, so nothing is predicted or written: give another folder with --out, or --overwrite.",
                file=out / name,
            )


def read_stored(
    record: ChipRecord, prediction: Prediction, store: Store
) -> tuple[Prediction, npt.NDArray[np.uint8], Grid]:
    """Read a prediction's raster and its grid; where another process has replaced it meanwhile, the new one.

    Raises:
        StoreError: the raster is missing or damaged.
    """
    while True:
        try:
            return prediction, store.read(prediction), store.grid(prediction)
        except (StoreError, ChipError):
            newer = store.get(record, prediction.key)
            if newer is None or newer.revision == prediction.revision:
                raise
            prediction = newer


def is_streamed(prediction: Prediction) -> bool:
    """Return whether a raster is that of a scene, which is read and written strip by strip."""
    return prediction.total_pixels > MAX_PIXELS


Use = Callable[[Prediction, Grid, Callable[[], Strips]], None]
"""Takes a scene's raster: whose it is, its grid, and what gives its strips from the top on, as often as it is asked."""


def with_strips(record: ChipRecord, prediction: Prediction, store: Store, use: Use) -> tuple[Prediction, Grid]:
    """Give the raster of a scene to what takes it, from its top again where another process has replaced it meanwhile.

    Returns:
        Whose raster it was in the end, and its grid.

    Raises:
        StoreError: the raster is missing or damaged.
    """
    while True:
        try:
            with store.rasters.file(prediction.raster) as path:
                grid = grid_of_stored(path)
                use(prediction, grid, partial(read_strips, path))
        except StoreError:
            newer = store.get(record, prediction.key)
            if newer is None or newer.revision == prediction.revision:
                raise
            prediction = newer
        else:
            return prediction, grid


def write_strips(
    record: ChipRecord,
    prediction: Prediction,
    grid: Grid,
    strips: Callable[[], Strips],
    threshold: float,
    probability: Path | None,
    mask: Path | None,
    said: Mapping[str, str] | None = None,
) -> None:
    """Write the probability and the mask of a scene, each where a path is given; `said` are tags besides.

    Raises:
        OutputError: a file cannot be written.
        StoreError: the raster is missing or damaged.
    """
    tags = raster_tags(record, prediction) | dict(said or {})
    if probability is not None:
        write_probability(probability, strips(), grid, tags)
    if mask is not None:
        write_mask(mask, strips(), threshold, grid, tags)


def raster_tags(record: ChipRecord, prediction: Prediction) -> dict[str, str]:
    """Return the tags of a raster that is taken away: which chip, which model, and whether the chip is simulated."""
    tags = {"chip": record.id, "model": prediction.model_id, "parameters": prediction.parameters}
    return tags | ({"simulated": "yes"} if record.simulated else {})


def _write(out: Path, record: ChipRecord, prediction: Prediction, store: Store, threshold: float) -> Row:
    names = f"{record.id}_probability.tif", f"{record.id}_mask.tif"
    if is_streamed(prediction):

        def both(of: Prediction, grid: Grid, strips: Callable[[], Strips]) -> None:
            write_strips(record, of, grid, strips, threshold, out / names[0], out / names[1])

        prediction, _ = with_strips(record, prediction, store, both)
    else:
        prediction, values, grid = read_stored(record, prediction, store)
        tags = raster_tags(record, prediction)
        write_whole(out / names[0], encode_probability(values, grid, tags))
        write_whole(out / names[1], encode_mask(values, threshold, grid, tags))
    km2 = prediction.water_km2(threshold)
    return {
        **record.provenance(),
        "water_km2": None if km2 is None else round(km2, 6),
        "water_share": round(prediction.water_share(threshold), 6),
        "threshold": threshold,
        "valid_pixels": prediction.valid_pixels,
        "total_pixels": prediction.total_pixels,
        "model": prediction.model_name,
        "model_id": prediction.model_id,
        "parameters": prediction.parameters,
        "device": prediction.device,
        "seconds": round(prediction.seconds, 4),
        "predicted": prediction.created,
        "simulated": record.simulated,
        "probability": names[0],
        "mask": names[1],
        "file": record.file,
    }
