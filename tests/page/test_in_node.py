"""The page's pure modules, asked by `node --test` (*.test.mjs beside this file) with what Python says of the same things."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.page.address import ADDRESS
from model.scores.histogram import ScoreHistogram
from model.scores.intervals import bootstrap_interval
from tests.page.node import NODE
from tests.page.test_scores_agree import random_histogram
from tiles.drawing.layers import page_layers

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
        "layers": page_layers(),
        "components": [".".join(place) for place in ADDRESS],
        "threshold": THRESHOLD,
        "countries": countries,
        "chips": [
            {"id": name, "country": country, "histogram": base64.b64encode(h.to_bytes()).decode()}
            for name, country, h in chips
        ],
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
