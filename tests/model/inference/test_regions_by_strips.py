"""Regions of a raster that comes strip by strip: the same as of all of it at once, wherever it is cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from model.bundle.regions import Regions, grown
from model.inference import regions as by_strips
from model.inference.regions import looked_at
from model.predictors.local import RegionTable
from model.predictors.protocol import quantise
from tiles.probability import NODATA

LOOKED_AT = Regions(grow=0.4, seed=0.88)


def field(seed: int, shape: tuple[int, int] = (150, 90), smooth: int = 3) -> np.ndarray:
    """Random patches of all probabilities, thin and wide, some of no data."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(shape[0] + smooth, shape[1] + smooth))
    sums = sum(noise[r : r + shape[0], c : c + shape[1]] for r in range(smooth) for c in range(smooth))
    raster = np.clip(np.rint(100 + (sums / smooth - 0.7) * 150), 0, 254).astype(np.uint8)
    raster[rng.random(shape) < 0.02] = NODATA
    return raster


def at_once(raster: np.ndarray) -> np.ndarray:
    there = raster != NODATA
    return quantise(grown(np.where(there, raster / np.float32(254), np.float32(np.nan)), LOOKED_AT), there)


@pytest.mark.parametrize("height", [1, 2, 7, 64, 150])
@pytest.mark.parametrize("piece", [1, 5, 1000])
def test_wherever_it_is_cut_the_same_regions_are_water(
    monkeypatch: pytest.MonkeyPatch, height: int, piece: int
) -> None:
    monkeypatch.setattr(by_strips, "_MOST_PIXELS", piece * 90)
    for seed in range(4):
        raster = field(seed, smooth=2 + seed)

        def strips(raster: np.ndarray = raster) -> Iterator[tuple[int, np.ndarray]]:
            for top in range(0, len(raster), height):
                yield top, raster[top : top + height]

        found = list(looked_at(strips, RegionTable(LOOKED_AT)))
        assert [top for top, _ in found] == list(range(0, 150, height))
        expected = at_once(raster)
        assert 0.05 < (expected[expected != NODATA] >= 127).mean() < 0.95
        np.testing.assert_array_equal(np.concatenate([values for _, values in found]), expected)


def test_a_region_that_winds_through_many_strips_is_one_whose_seeds_lie_in_the_last() -> None:
    raster = np.full((40, 40), 20, dtype=np.uint8)
    for row in range(0, 40, 2):  # a line to and fro, joined at alternating ends
        raster[row] = 150
        raster[row + 1, -1 if row % 4 == 0 else 0] = 150
    seeds = int(np.ceil((raster == 150).sum() / 10))
    one, few = raster.copy(), raster.copy()
    one.reshape(-1)[np.flatnonzero(raster == 150)[-seeds:]] = 250
    few.reshape(-1)[np.flatnonzero(raster == 150)[-seeds + 1 :]] = 250

    def water(values: np.ndarray) -> np.ndarray:
        strips = looked_at(
            lambda: iter([(top, values[top : top + 4]) for top in range(0, 40, 4)]), RegionTable(LOOKED_AT)
        )
        return np.concatenate([strip for _, strip in strips]) >= 127

    np.testing.assert_array_equal(water(one), raster == 150)
    assert not water(few).any()


def test_regions_touch_over_corners_of_strips() -> None:
    raster = np.full((8, 8), 20, dtype=np.uint8)
    raster[2:4, 2:4], raster[4:6, 4:6], raster[4:6, 0:2] = 250, 120, 120
    strips = looked_at(lambda: iter([(0, raster[:4]), (4, raster[4:])]), RegionTable(LOOKED_AT))
    np.testing.assert_array_equal(np.concatenate([s for _, s in strips]) >= 127, raster >= 120)
