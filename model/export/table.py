"""Scores and areas of predictions as CSV, JSON and GeoParquet: one row a chip, every score from its ScoreHistogram."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.export.flood import FloodArea
from model.scores.histogram import ScoreHistogram
from model.seen.headline import tally
from model.store.prediction import Prediction
from tiles.antimeridian import within_half_turn
from tiles.chip import PROVENANCE, ChipRecord
from tiles.files import replacing, write_whole

if TYPE_CHECKING:
    import geopandas as gpd

Chosen = Sequence[tuple[ChipRecord, Prediction]]

COLUMNS = (
    *PROVENANCE,
    *("water_km2", "flood_km2", "usual_water_km2", "not_told_km2", "water_share", "label_water_km2", "valid_km2"),
    *("threshold", "tp", "fp", "fn", "tn"),
    *("iou", "precision", "recall", "f1", "valid_pixels", "total_pixels"),
    *("model", "model_id", "parameters", "device", "seconds", "predicted", "simulated", "seen_in_training", "file"),
)
NOT_TOLD = FloodArea(None, None, None)
AREA = "geodesic, on the WGS84 ellipsoid"


def score_rows(
    chosen: Chosen, threshold: float, seen: Mapping[str, bool | None], floods: Mapping[str, FloodArea] | None = None
) -> list[dict[str, object]]:
    """Return one row a chip with the keys COLUMNS; scores are None where there is no label or no denominator, areas where
    the chip has no place, and what of the water is flood where no file beside the chip tells it.

    Args:
        chosen: the predictions, each with its chip's record.
        threshold: smallest probability that is water, in [0, 1].
        seen: whether the model was trained on a chip, by id; None, or no entry, where that is not told.
        floods: what of a chip's water is flood, by id.

    Raises:
        UsageError: the threshold is not in [0, 1].
    """
    of = floods or {}
    return [_row(record, p, threshold, seen.get(record.id), of.get(record.id, NOT_TOLD)) for record, p in chosen]


def _row(record: ChipRecord, p: Prediction, threshold: float, seen: bool | None, area: FloodArea) -> dict[str, object]:
    counts = p.histogram.confusion(threshold) if p.histogram is not None else None
    scored = {name: getattr(counts, name) if counts else None for name in ("tp", "fp", "fn", "tn")}
    scored |= {name: getattr(counts, name) if counts else None for name in ("iou", "precision", "recall", "f1")}
    return {
        **record.provenance(),
        "water_km2": p.water_km2(threshold),
        "flood_km2": area.flood,
        "usual_water_km2": area.usual,
        "not_told_km2": area.not_told,
        "water_share": p.water_share(threshold),
        "label_water_km2": p.label_water_km2,
        "valid_km2": p.valid_km2,
        "threshold": threshold,
        **scored,
        "valid_pixels": p.valid_pixels,
        "total_pixels": p.total_pixels,
        "model": p.model_name,
        "model_id": p.model_id,
        "parameters": p.parameters,
        "device": p.device,
        "seconds": round(p.seconds, 4),
        "predicted": p.created,
        "simulated": record.simulated,
        "seen_in_training": seen,
        "file": record.file,
    }


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows as CSV.

    Raises:
        OutputError: the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def write_json(path: Path, rows: Sequence[Mapping[str, Any]], chosen: Chosen, threshold: float) -> None:
    """Write the rows as JSON, with the micro scores of all labelled chips among them, and of those new to the model.

    Raises:
        OutputError: the file cannot be written.
    """
    areas = [row["water_km2"] for row in rows if row["water_km2"] is not None]
    marks = {row["id"]: row["seen_in_training"] for row in rows}
    labelled = [(r, score) for r, p in chosen if (score := p.scored) is not None]
    new = [h for r, h in labelled if marks[r.id] is False]
    report = {
        "metric": "micro: pixels of all chips counted together; unknown label pixels and pixels without data left out",
        "area": AREA,
        "threshold": threshold,
        "micro": {
            **_micro([h for _, h in labelled], threshold),
            "water_km2": sum(areas) if areas else None,
        },
        "micro_unseen": _micro(new, threshold) if new else None,
        "seen": tally(marks[r.id] for r, _ in labelled),
        "chips": [dict(row) for row in rows],
    }
    write_whole(path, (json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def _micro(histograms: Sequence[ScoreHistogram], threshold: float) -> dict[str, object]:
    total = ScoreHistogram.sum_of(histograms).confusion(threshold)
    return {name: getattr(total, name) for name in ("tp", "fp", "fn", "tn", "iou", "precision", "recall", "f1")}


def write_geoparquet(path: Path, rows: Sequence[Mapping[str, Any]], chosen: Chosen) -> None:
    """Write the rows as GeoParquet, EPSG:4326, the geometry of each the chip's outline.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as part:
        score_frame(rows, chosen).to_parquet(part, index=False)


def score_frame(rows: Sequence[Mapping[str, Any]], chosen: Chosen) -> gpd.GeoDataFrame:
    """Return the rows with the chips' outlines, in EPSG:4326."""
    import geopandas as gpd  # noqa: PLC0415 - a second to import

    frame = gpd.GeoDataFrame(
        [dict(row) for row in rows],
        columns=[*COLUMNS, "geometry"],
        geometry=[r.footprint and within_half_turn(r.footprint) for r, _ in chosen],
        crs="EPSG:4326",
    )
    numbers = (
        *("water_km2", "flood_km2", "usual_water_km2", "not_told_km2"),
        *("label_water_km2", "valid_km2", "iou", "precision", "recall", "f1"),
    )
    counts = ("tp", "fp", "fn", "tn")
    # Columns in which nothing is known keep their type, or two exports could not be joined.
    types = (
        dict.fromkeys(numbers, "float64")
        | dict.fromkeys(counts, "Int64")
        | dict.fromkeys((*PROVENANCE, "file"), "string")
    )
    return frame.astype(types)
