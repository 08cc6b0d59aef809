# ruff: noqa: E402 - the search path comes first
"""The Oder in flood, September 2024: water before and after, and flood (after and not before) against Copernicus EMS.

    python tests/benchmarks/oder.py [MODEL ...]

Needs ../shared/data/oder2024 (six tiles of 2000 x 2000 pixels, pre/ post/ flood/). No chip of it has trained
anything, and no choice was made by its figure.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

# This folder holds a tiles.py, which would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

import numpy as np
import rasterio

from model.predictors.select import open_predictor
from tiles.catalog.catalog import open_catalog
from tiles.reading.door import read_chip

ODER = Path(__file__).resolve().parents[3] / "shared" / "data" / "oder2024"


def main() -> None:
    """Print a row a model."""
    for spec in sys.argv[1:] or ["backscatter", "backscatter:adaptive", "floodscope"]:
        predictor = open_predictor(spec)
        counts, km2, seconds = np.zeros(3), {"pre": 0.0, "post": 0.0}, 0.0
        masks: dict[tuple[str, str], np.ndarray] = {}
        for when in km2:
            for record in open_catalog([ODER / when]).usable():
                chip = read_chip(record)
                began = time.process_time()
                (raster,) = predictor.predict([chip])
                seconds += time.process_time() - began
                masks[when, record.id] = np.where(raster == 255, 2, raster >= 127)
                areas = np.broadcast_to(chip.grid.pixel_area_km2(), raster.shape)
                km2[when] += float(areas[(raster >= 127) & (raster < 255)].sum())
        for (when, name), after in masks.items():
            if when == "pre":
                continue
            before = masks["pre", name]
            with rasterio.open(ODER / "flood" / f"{name}_label.tif") as file:
                truth = file.read(1)
            known = (truth != 255) & (before != 2) & (after != 2)
            flood = (after == 1) & (before == 0) & known
            wet = (truth == 1) & known
            counts += (flood & wet).sum(), (flood & ~wet).sum(), (~flood & wet).sum()
        tp, fp, fn = counts
        print(
            f"{spec:24} water before {km2['pre']:.0f} km2, after {km2['post']:.0f}; flood IoU {tp / (tp + fp + fn):.3f}, "
            f"precision {tp / max(1, tp + fp):.2f}, recall {tp / max(1, tp + fn):.2f}; {seconds:.0f} s of processor time",
            flush=True,
        )


if __name__ == "__main__":
    main()
