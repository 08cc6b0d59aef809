"""The page's pure modules, asked by `node --test` (*.test.mjs beside this file) with what Python says of the same things."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from shapely import Polygon, box

from dashboard.page.address import ADDRESS
from dashboard.workspace.following import Place
from dashboard.workspace.payloads import chip_payload
from dashboard.workspace.tables import catalog_columns, prediction_columns
from model.scores.histogram import ScoreHistogram
from model.scores.intervals import bootstrap_interval
from model.store.listed import Listed
from tests.page.node import NODE
from tests.page.test_scores_agree import random_histogram
from tiles.catalog.catalog import Catalog
from tiles.chip import Asset, ChipRecord
from tiles.drawing.layers import page_layers
from tiles.sentences import Sentence, named

HERE = Path(__file__).parent
THRESHOLD = 0.3


def said_by_python() -> dict[str, Any]:
    """Return layers, the components of the address, and chips of three countries with the scores of each."""
    random = np.random.default_rng(5)
    chips = [(f"chip{n}", ("Ghana", "India", "Spain")[n % 3], random_histogram(random)) for n in range(24)]
    countries = {}
    for country in sorted({country for _, country, _ in chips}):
        some = [h for _, name, h in chips if name == country and h.water.sum() + h.dry.sum()]
        total = ScoreHistogram.sum_of(some)
        interval = bootstrap_interval(some, THRESHOLD)
        countries[country] = {
            "iou": total.confusion(THRESHOLD).iou,
            "interval": interval and list(interval),
            "best": total.best_threshold(),
            "calibration": total.calibration_error(),
            "scored": len(some),
        }
    return {
        **_as_columns(),
        "layers": page_layers(),
        "components": [".".join(place) for place in ADDRESS],
        "threshold": THRESHOLD,
        "countries": countries,
        "chips": [
            {"id": name, "country": country, "histogram": base64.b64encode(h.to_bytes()).decode()}
            for name, country, h in chips
        ],
    }


def _as_columns() -> dict[str, Any]:
    """Return a catalog and predictions, as columns and as JSON."""
    random, files = np.random.default_rng(6), Asset("/nowhere/a.tif")
    slant = Polygon([(10.0, 50.0), (10.012346, 50.001), (10.011, 50.01), (9.999, 50.009)])
    image: dict[str, Any] = {"vv": files, "vh": files, "width": 64, "height": 64}
    catalog = Catalog(
        [
            ChipRecord(
                "placed", country="Ghana", date="2020-01-02", footprint=box(-3.2, 0.1, -3.1, 0.2), label=files, **image
            ),
            ChipRecord("slant", event="flood", source="/somewhere/images", footprint=slant, simulated=True, **image),
            ChipRecord("board", unplaced=Sentence("{file} has no place.", file="/nowhere/a.tif"), **image),
            ChipRecord("known", country="Côte d'Ivoire", footprint=box(1, 2, 3, 4)),
            ChipRecord("broken", problem="It is broken.", **image),
        ]
    )
    rows, predictions = [], []
    for n, (name, seen) in enumerate({"placed": True, "slant": False, "board": None}.items()):
        histogram = None if n == 1 else random_histogram(random).to_bytes()
        created = f"2026-01-02T03:04:0{n}.123+00:00"
        row = Listed(
            name, "1", f"{n:012x}", "Model", "cpu", 0.25 * n, created, 90 + n, 100, None if n == 2 else 0.125, histogram
        )
        rows.append(row)
        told = {"id": name, "seen": seen, "valid_share": row.valid_pixels / row.total_pixels}
        told |= {
            k: getattr(row, k)
            for k in ("revision", "model_name", "device", "seconds", "created", "valid_pixels", "uncertain")
        }
        predictions.append(told | {"histogram": histogram and base64.b64encode(histogram).decode()})
    bodies = {
        "chips": catalog_columns(catalog, "test"),
        "predictions": prediction_columns(
            [rows[:2], rows[2:]], {p["id"]: p["seen"] for p in predictions}, Place("log", 3)
        ),
    }
    return {
        "catalog": named([chip_payload(record) for record in catalog.records()]),
        "predictions": predictions,
        "columns": {name: base64.b64encode(content).decode() for name, content in bodies.items()},
    }


def test_what_node_asks_of_the_pure_modules_holds(tmp_path: Path) -> None:
    said = tmp_path / "said.json"
    said.write_text(json.dumps(said_by_python()), encoding="utf-8")
    files = sorted(map(str, HERE.glob("*.test.mjs")))
    done = subprocess.run(
        [NODE, "--test", *files], env={**os.environ, "SAID": str(said)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout or "ℹ fail 0" in done.stdout
