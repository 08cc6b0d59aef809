"""Chips for the tests of predictors: made by hand, and the labelled real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from tiles.chip import Asset, Chip, ChipRecord
from tiles.grid import Grid
from tiles.reading.door import read_chip


def make_chip(
    vh: np.ndarray, vv: np.ndarray | None = None, valid: np.ndarray | None = None, name: str = "chip"
) -> Chip:
    vh = np.asarray(vh, np.float32).copy()
    vv = vh + np.float32(7.0) if vv is None else np.asarray(vv, np.float32).copy()
    valid = np.isfinite(vh) & np.isfinite(vv) if valid is None else valid
    vh[~valid] = np.nan
    vv[~valid] = np.nan
    grid = Grid(CRS.from_epsg(32632), Affine(10, 0, 5e5, 0, -10, 5e6), vh.shape[1], vh.shape[0])
    return Chip(name, vv, vh, valid, None, grid)


def random_chip(height: int, width: int, seed: int = 0, invalid: float = 0.1) -> Chip:
    """A chip of smooth random backscatter with speckle and missing pixels."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(height // 8 + 2, width // 8 + 2)).repeat(8, 0).repeat(8, 1)[:height, :width]
    vh = -18 + 4 * coarse + rng.normal(scale=1.5, size=(height, width))
    vv = vh + 7 + rng.normal(size=(height, width))
    return make_chip(vh, vv, rng.random((height, width)) >= invalid, f"random{seed}")


def labelled_real_chips(real_data: Path) -> list[Chip]:
    """The 14 labelled chips: 12 of Sen1Floods11, jja10 and awc00 of DrivenData."""
    records = []
    for path in sorted((real_data / "sen1floods11" / "S1Hand").glob("*_S1Hand.tif")):
        name = path.name.removesuffix("_S1Hand.tif")
        label = real_data / "sen1floods11" / "LabelHand" / f"{name}_LabelHand.tif"
        records.append(ChipRecord(name, vv=Asset(str(path), 1), vh=Asset(str(path), 2), label=Asset(str(label))))
    for name in ("jja10", "awc00"):
        features, labels = real_data / "drivendata" / "train_features", real_data / "drivendata" / "train_labels"
        records.append(
            ChipRecord(
                name,
                vv=Asset(str(features / f"{name}_vv.tif")),
                vh=Asset(str(features / f"{name}_vh.tif")),
                label=Asset(str(labels / f"{name}.tif")),
            )
        )
    return [read_chip(record) for record in records]
