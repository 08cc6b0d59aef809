"""Scores by share of water: the bins and what falls into them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.evaluation.evaluate import evaluate
from model.predictors.backscatter import BackscatterPredictor
from model.scores.histogram import LEVELS, ScoreHistogram
from model.scores.water_share import BINS, by_water_share
from model.store.store import Store
from tiles.catalog.catalog import open_catalog


def chip(water: int, dry: int) -> ScoreHistogram:
    counts = np.zeros((2, LEVELS), np.int64)
    counts[0, 200], counts[1, 20] = water, dry
    return ScoreHistogram(counts[0], counts[1])


@pytest.mark.parametrize(
    ("water", "dry", "name"),
    [
        (0, 1000, "no water"),
        (1, 262_143, "up to 1 %"),
        (10, 990, "up to 1 %"),
        (11, 989, "1 to 5 %"),
        (50, 950, "1 to 5 %"),
        (51, 949, "5 to 20 %"),
        (200, 800, "5 to 20 %"),
        (201, 799, "20 to 50 %"),
        (500, 500, "20 to 50 %"),
        (501, 499, "over 50 %"),
        (1000, 0, "over 50 %"),
    ],
)
def test_a_chip_falls_into_the_bin_of_its_share_edges_to_the_lower(water: int, dry: int, name: str) -> None:
    assert [b.name for b, members in by_water_share([chip(water, dry)]) if members] == [name]


def test_a_chip_without_a_labelled_pixel_falls_into_none() -> None:
    assert all(not members for _, members in by_water_share([ScoreHistogram.zero()]))


def test_the_bins_of_the_report_hold_every_scored_chip_once(real_data: Path, tmp_path: Path) -> None:
    catalog = open_catalog([real_data / "sen1floods11", real_data / "drivendata"])
    with Store(tmp_path) as store:
        report = evaluate(catalog.records(), BackscatterPredictor(), store).report()
    bins = report["by_water_share"]
    assert [b["name"] for b in bins] == [b.name for b in BINS]
    for count in ("tp", "fp", "fn", "tn", "scored"):
        assert sum(b[count] for b in bins) == report["micro"][count]
    assert bins[0]["tp"] == bins[0]["fn"] == 0
