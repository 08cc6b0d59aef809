# ruff: noqa: E402 - the search path comes first
"""Draw the errors of a cross-validation: each country as the model that had not seen it predicts it, weakest first.

Run `.venv/bin/python tests/benchmarks/left_out_pictures.py FOLDER PICTURE.png`, where FOLDER is what
`floodscope evaluate ... --cross-validate country --out FOLDER` wrote.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

# This folder holds a tiles.py, which would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot
from matplotlib.patches import Patch

from model.predictors.backscatter import BackscatterPredictor
from model.predictors.local import LocalPredictor
from model.scores.histogram import ScoreHistogram
from model.training.crossvalidate import REPORT
from tiles.catalog.catalog import open_catalog
from tiles.chip import UNKNOWN
from tiles.probability import NODATA, level
from tiles.reading.door import read_chip

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
COLUMNS = 5
# As on the map: told apart under every common colour blindness.
CLASSES = {
    "true water": "#1da583",
    "false water": "#d95012",
    "missed water": "#eb8edc",
    "dry": "#262a30",
    "unknown": "#6e6e6e",
}


def _plain(name: str) -> str:
    return "".join(c for c in name if c.isalnum())


def main() -> None:
    """Predict what every fold left out, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    catalog = open_catalog([DATA / "sen1floods11", DATA / "drivendata"])
    baseline = BackscatterPredictor()
    panels = []
    for fold in json.loads((arguments.folder / REPORT).read_text())["folds"]:
        (bundle,) = (p for p in arguments.folder.glob("*/bundle") if _plain(p.parent.name) == _plain(fold["left_out"]))
        predictor = LocalPredictor(bundle)
        for entry in fold["chips"]:
            chip = read_chip(catalog.get(entry["id"]))
            assert chip.label is not None
            (probability,) = predictor.predict([chip])
            iou = ScoreHistogram.of(probability, chip.label).confusion(fold["threshold"]).iou
            if iou is None or not (chip.label[chip.valid] == 1).any():
                continue
            simple = ScoreHistogram.of(baseline.predict([chip])[0], chip.label).confusion(0.5).iou or 0.0
            known, water = (probability != NODATA) & (chip.label != UNKNOWN), chip.label == 1
            predicted = probability >= level(fold["threshold"])
            kind = np.select([~known, predicted & water, predicted, water], [4, 0, 1, 2], 3)
            panels.append((iou, simple, fold["left_out"], kind))
    panels.sort(key=lambda panel: panel[0])
    colours = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CLASSES.values()], np.uint8)
    rows = -(-(len(panels) + 1) // COLUMNS)
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(2.2 * COLUMNS, 2.55 * rows), layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for axis, (iou, simple, country, kind) in zip(axes.flat, panels, strict=False):
        axis.imshow(colours[kind], interpolation="nearest")
        axis.set_title(f"{country}\nIoU {iou:.2f}, VH < −22 dB {simple:.2f}", fontsize=8)
    axes.flat[-1].legend(
        handles=[Patch(color=c, label=n) for n, c in CLASSES.items()], loc="center", fontsize=8, frameon=False
    )
    figure.savefig(arguments.picture, dpi=90)


if __name__ == "__main__":
    main()
