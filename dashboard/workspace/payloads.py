"""What the browser is sent: the catalog, predictions with their histograms, the answer to an opened chip."""

from __future__ import annotations

import base64
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shapely import get_coordinates

from dashboard.workspace.ground import nearest
from model.scores.histogram import LEVELS
from tiles.catalog.catalog import Catalog, counts
from tiles.chip import UNKNOWN, ChipRecord
from tiles.errors import FloodscopeError
from tiles.grid import Grid
from tiles.probability import NODATA
from tiles.reading.ancillary import USUAL, usual_water
from tiles.scenes.windows import is_scene

if TYPE_CHECKING:
    from model.evaluation.trust import Trust
    from model.inference.job import Job
    from model.store.store import Prediction
    from tiles.drawing.service import TileService


def chip_payload(record: ChipRecord) -> dict[str, Any]:
    """Return what the map and the tables show of a chip. Coordinates are WGS84, rounded to about a metre.

    `frame` is where the browser draws the chip: its `bounds`, or for an unplaced one those of its stand-in (`Grid.drawn`),
    which are no place.
    """
    ring, bounds = None, None
    if record.footprint is not None:
        ring = [[round(x, 5), round(y, 5)] for x, y in get_coordinates(record.footprint).tolist()]
        bounds = [round(v, 5) for v in record.footprint.bounds]
    return {
        **record.provenance(),
        "file": record.file,
        "layout": record.layout,
        "source": Path(record.source).name,
        "imagery": record.has_imagery,
        "labelled": record.has_imagery and record.has_label,
        "simulated": record.simulated,
        "problem": record.problem,
        "scene": record.has_imagery and is_scene(record),
        "revision": record.revision() if record.has_imagery else None,
        "ring": ring,
        "bounds": bounds,
        "frame": bounds or board_of(record),
        "unplaced": record.unplaced,
        "assumed_grid": record.assumed_grid,
    }


def board_of(record: ChipRecord) -> list[float] | None:
    """Return where the browser draws an image that has no place; None of any other chip."""
    if record.footprint is not None or record.unplaced is None or not record.has_imagery:
        return None
    if not (record.width and record.height):
        return None
    return [round(v, 7) for v in Grid.unplaced(record.width, record.height).drawn.footprint().bounds]


def catalog_info(catalog: Catalog, name: str) -> dict[str, Any]:
    """Return what is told of the whole catalog, and its version."""
    count = counts(catalog)
    return {
        "name": name,
        "version": catalog.version,
        "counts": count,
        "simulated": count["simulated"] > 0,
        "countries": sorted({r.country for r in catalog.records() if r.country and r.footprint is not None}),
    }


def catalog_payload(catalog: Catalog, name: str) -> dict[str, Any]:
    """Return the whole catalog as JSON-able values, for programs; pages take columns (`tables`)."""
    chips = [chip_payload(record) for record in catalog.records()]
    return {"chips": chips, "info": catalog_info(catalog, name)}


def near_payload(record: ChipRecord) -> list[dict[str, Any]]:
    """Return where a chip lies, seen from towns, the nearest first; nothing of one that has no place."""
    if record.unplaced is not None or record.footprint is None:
        return []
    west, south, east, north = record.footprint.bounds
    return [asdict(near) for near in nearest((south + north) / 2, (west + east) / 2)]


def prediction_payload(prediction: Prediction, seen: bool | None) -> dict[str, Any]:
    """Return what tables and tiles need of a prediction; the histogram as base64 of its stored bytes (contract 3).

    Args:
        prediction: what is stored.
        seen: whether the model has seen the chip (contract 9); None where that cannot be told.
    """
    histogram = prediction.histogram
    return {
        "id": prediction.chip_id,
        "revision": prediction.revision,
        "histogram": base64.b64encode(histogram.to_bytes()).decode() if histogram is not None else None,
        "valid_share": prediction.valid_pixels / prediction.total_pixels,
        "valid_pixels": prediction.valid_pixels,
        "uncertain": prediction.uncertain_share,
        "model_name": prediction.model_name,
        "device": prediction.device,
        "seconds": prediction.seconds,
        "created": prediction.created,
        "seen": seen,
    }


def usual_payload(record: ChipRecord, prediction: Prediction, tiles: TileService) -> dict[str, Any] | None:
    """Return what of the predicted water is usual there: km2 (pixels, without a place) at each value, as `area` has them.

    None where no file beside the chip says where water is usual, and of scenes; `problem` where such a file cannot be used.
    """
    if record.permanent_water is None or is_scene(record):
        return None
    try:
        usual = usual_water(record)
        raster = tiles.probability(record, prediction.revision)
    except FloodscopeError as error:
        return {"problem": str(error)}
    grid = tiles.chip(record).grid
    size = grid.pixel_area_km2() if grid.placed else np.ones(grid.shape)

    def counts(of: int) -> str:
        there = (usual == of) & (raster != NODATA)
        return _encoded(np.bincount(raster[there], weights=size[there], minlength=LEVELS).astype(np.float64))

    return {"area": counts(1), "unknown": counts(UNKNOWN), "least": USUAL}


def _encoded(numbers: npt.NDArray[np.float64]) -> str:
    return base64.b64encode(numbers.astype("<f8").tobytes()).decode()


def detail_payload(record: ChipRecord, prediction: Prediction, trust: Trust, tiles: TileService) -> dict[str, Any]:
    """Return what only the open chip needs: km2 of the valid pixels at each value, km2 of true water, how far to trust
    it, and what of it is usual (`usual_payload`).

    Of a chip without a place it is the number of the pixels, and `placed` is false.
    """
    return {
        "area": _encoded(prediction.area),
        "usual": usual_payload(record, prediction, tiles),
        "label_water_km2": prediction.label_water_km2,
        "placed": prediction.placed,
        "trust": trust,
    }


def progress_payload(job: Job) -> dict[str, Any]:
    """Return how far work in the background is."""
    progress = job.snapshot()  # before the failures: "not running" must mean that all of them are there
    failed = [{"id": p.name, "message": p.message, "unusable": p.unusable} for p in job.failed.values()]
    return asdict(progress) | {"failed": failed}
