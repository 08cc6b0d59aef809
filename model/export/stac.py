"""A static STAC 1.1 collection of predictions: one item a chip, whose assets are its rasters.

Plain JSON by the core specification, with relative links: the folder may be moved, zipped or put on a web server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from model.export.formats import FLOOD
from model.store.prediction import Prediction
from tiles.antimeridian import smallest_box, within_half_turn
from tiles.chip import ChipRecord
from tiles.files import unwritable, write_whole
from tiles.grid import Grid

COLLECTION = "collection.json"
ITEMS = "items"
_VERSION = "1.1.0"
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_GEOJSON = "application/geo+json"
# Sentinel-1A's first day: an image without a date lies between it and its prediction.
_SENTINEL_1_BEGAN = "2014-04-03T00:00:00Z"
_BANDS = {
    "probability": {
        "title": "Probability of water: p = value / 254, 255 is no data",
        "roles": ["data"],
        "bands": [{"name": "probability", "data_type": "uint8", "nodata": 255}],
    },
    "mask": {
        "title": "Water at the threshold: 0 dry, 1 water, 255 no data",
        "roles": ["data", "classification"],
        "bands": [{"name": "water", "data_type": "uint8", "nodata": 255}],
    },
    FLOOD: {
        "title": "Flood at the threshold: 0 dry, 1 flood, 2 usual water, 3 usual water not found, 4 water not known to be "
        "usual or not, 255 no data",
        "roles": ["data", "classification"],
        "bands": [{"name": FLOOD, "data_type": "uint8", "nodata": 255}],
    },
}


def item(
    record: ChipRecord,
    prediction: Prediction,
    grid: Grid,
    threshold: float,
    assets: Mapping[str, str],
    seen: bool | None,
    flood_km2: float | None = None,
) -> dict[str, object]:
    """Return the STAC item of a chip's prediction.

    Args:
        record, prediction: what is described.
        grid: the raster's.
        threshold: of the mask, in [0, 1].
        assets: "probability", "mask" and "flood" to the path of the file, relative to the collection.
        seen: whether the model was trained on the chip, so that its IoU is no measure of it; None where that is not told.
        flood_km2: what of its water is flood; None where that is not told.
    """
    outline = within_half_turn(grid.footprint())
    counts = prediction.histogram.confusion(threshold) if prediction.histogram is not None else None
    properties: dict[str, object] = {
        **_when(record, prediction),
        "title": f"Water of {record.id} by {prediction.model_name}",
        "created": _utc(prediction.created),
        "floodscope:model": prediction.model_name,
        "floodscope:model_id": prediction.model_id,
        "floodscope:threshold": threshold,
        "floodscope:water_km2": prediction.water_km2(threshold),
        "floodscope:flood_km2": flood_km2,
        "floodscope:valid_share": prediction.valid_pixels / prediction.total_pixels,
        "floodscope:iou": counts.iou if counts else None,
        "floodscope:seen_in_training": seen,
        "floodscope:country": record.country,
        "floodscope:event": record.event,
        "floodscope:split": record.split,
        "floodscope:simulated": record.simulated,
        "floodscope:file": record.file,
    }
    return {
        "type": "Feature",
        "stac_version": _VERSION,
        "stac_extensions": [],
        "id": record.id,
        "collection": "floodscope-predictions",
        "geometry": mapping(outline),
        "bbox": _bbox(outline),
        "properties": properties,
        "links": [
            {"rel": name, "href": f"../{COLLECTION}", "type": "application/json"}
            for name in ("root", "parent", "collection")
        ],
        "assets": {name: {"href": f"../{path}", "type": _COG, **_BANDS[name]} for name, path in assets.items()},
    }


def write_collection(out: Path, items: Sequence[Mapping[str, Any]], simulated: bool) -> Path:
    """Write the items and the collection that lists them.

    Args:
        out: the folder; the collection lies in it, the items in its folder `items`.
        items: as `item` makes them; at least one.
        simulated: whether imagery among them is simulated.

    Raises:
        OutputError: a file cannot be written.
    """
    boxes = [one["bbox"] for one in items]
    times = [_span(one["properties"]) for one in items]
    collection = {
        "type": "Collection",
        "stac_version": _VERSION,
        "stac_extensions": [],
        "id": "floodscope-predictions",
        "title": "Water predicted by floodscope",
        "description": "Water in Sentinel-1 radar chips, predicted by floodscope: probability and mask of each chip."
        + (" Simulated chips are among these." if simulated else ""),
        "license": "other",
        "keywords": ["flood", "water", "sentinel-1", "sar"],
        "extent": {
            "spatial": {"bbox": [smallest_box(boxes)]},
            "temporal": {"interval": [[min(t[0] for t in times), max(t[1] for t in times)]]},
        },
        "links": [
            {"rel": "root", "href": f"./{COLLECTION}", "type": "application/json"},
            *({"rel": "item", "href": f"./{ITEMS}/{one['id']}.json", "type": _GEOJSON} for one in items),
        ],
    }
    try:
        (out / ITEMS).mkdir(parents=True, exist_ok=True)
        for one in items:
            write_whole(out / ITEMS / f"{one['id']}.json", _json(one))
        write_whole(out / COLLECTION, _json(collection))
    except OSError as error:
        raise unwritable(out, error) from error
    return out / COLLECTION


def _when(record: ChipRecord, prediction: Prediction) -> dict[str, str | None]:
    """Return when the image was taken: within its day, or, where no date is known, before it was predicted."""
    if record.date is None:
        return {
            "datetime": None,
            "start_datetime": _SENTINEL_1_BEGAN,
            "end_datetime": max(_SENTINEL_1_BEGAN, _utc(prediction.created)),
        }
    day = record.date
    return {
        "datetime": f"{day}T00:00:00Z",
        "start_datetime": f"{day}T00:00:00Z",
        "end_datetime": f"{day}T23:59:59Z",
    }


def _span(properties: Mapping[str, Any]) -> tuple[str, str]:
    return properties["start_datetime"], properties["end_datetime"]


def _utc(iso: str) -> str:
    """Return a time of the store (UTC, ISO 8601) with the Z that STAC asks for."""
    return iso.replace("+00:00", "Z")


def _bbox(outline: BaseGeometry) -> list[float]:
    """Return west, south, east, north; west above east where the outline crosses the antimeridian (RFC 7946, 5.2)."""
    return smallest_box([part.bounds for part in shapely.get_parts(outline)])


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
