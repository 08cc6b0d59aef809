"""Regions of a probability: what grows from what is surely water, what does not, and how a bundle says that it looks at them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.bundle.manifest import parse_bundle, read_bundle
from model.bundle.regions import Regions, grown, parse_regions
from model.predictors.local import LocalPredictor
from model.predictors.protocol import quantise
from model.predictors.views import D4
from tests.model.predictors.bundles import write_random
from tests.model.predictors.random_chips import random_chip
from tiles.chip import Chip
from tiles.errors import BundleError

LOOKED_AT = Regions(grow=0.4, seed=0.88)


def field(*patches: tuple[slice, slice, float]) -> np.ndarray:
    p = np.full((20, 30), 0.1, dtype=np.float32)
    for rows, columns, value in patches:
        p[rows, columns] = value
    return p


def water(p: np.ndarray, regions: Regions = LOOKED_AT) -> np.ndarray:
    return np.asarray(grown(p, regions) >= 0.5)


def test_water_grows_from_seeds_to_all_that_is_likely_and_joined_to_them() -> None:
    likely = (slice(2, 8), slice(2, 8), 0.42)
    sure = (slice(2, 4), slice(2, 4), 0.9)
    apart = (slice(12, 18), slice(2, 8), 0.85)  # more likely than most of the other, but nowhere sure
    found = water(field(likely, sure, apart))
    expected = np.zeros_like(found)
    expected[2:8, 2:8] = True
    np.testing.assert_array_equal(found, expected)


def test_regions_join_over_corners() -> None:
    found = water(field((slice(2, 6), slice(2, 6), 0.95), (slice(6, 9), slice(6, 9), 0.5)))
    assert found[6:9, 6:9].all()


@pytest.mark.parametrize(("seeds", "stays"), [(3, False), (4, True)])
def test_a_region_needs_four_seeds(seeds: int, stays: bool) -> None:
    assert water(field((slice(2, 3), slice(2, 10), 0.6), (slice(2, 3), slice(2, 2 + seeds), 0.95))).any() == stays


@pytest.mark.parametrize(("seeds", "stays"), [(9, False), (10, True)])
def test_a_tenth_of_a_region_is_seeds(seeds: int, stays: bool) -> None:
    large = (slice(2, 12), slice(2, 12), 0.6)
    assert water(field(large, (slice(2, 3), slice(2, 2 + seeds), 0.95))).any() == stays


def test_the_line_lies_at_one_half_afterwards_and_order_is_kept_within_a_region() -> None:
    p = field((slice(2, 8), slice(2, 8), 0.95))
    p[7, 2:8] = [0.4, 0.41, 0.5, 0.6, 0.8, 0.99]
    answer = grown(p, LOOKED_AT)
    assert answer[7, 2] == 0.5
    assert (np.diff(answer[7, 2:8]) > 0).all()
    below = np.float32(0.39)
    assert grown(np.full((3, 3), below), LOOKED_AT).max() < 0.5
    values = quantise(grown(field((slice(2, 8), slice(2, 8), 0.8)), LOOKED_AT), np.ones((20, 30), dtype=bool))
    assert values.max() < 127  # what had no seeds is no water in the raster either


def test_where_no_number_is_there_is_no_water_and_none_afterwards() -> None:
    p = field((slice(2, 8), slice(2, 14), 0.6), (slice(2, 8), slice(2, 6), 0.95))
    p[:, 8] = np.nan  # parts the region in two, of which one has no seeds
    answer = grown(p, LOOKED_AT)
    np.testing.assert_array_equal(np.isnan(answer), np.isnan(p))
    assert (answer[2:8, 2:8] >= 0.5).all()
    assert not (answer[:, 9:] >= 0.5).any()


def test_a_turned_probability_has_the_turned_answer() -> None:
    rng = np.random.default_rng(3)
    p = np.repeat(np.repeat(rng.random((24, 40), dtype=np.float32), 2, 0), 2, 1)
    expected = grown(p, LOOKED_AT)
    assert 0.02 < (expected >= 0.5).mean() < (p >= 0.4).mean()
    for view in D4:
        np.testing.assert_array_equal(view.undo(grown(view.apply(p), LOOKED_AT)), expected)


@pytest.mark.slow
def test_a_bundle_that_looks_at_regions_answers_so_and_is_another_model(tmp_path: Path) -> None:
    plain = write_random(tmp_path / "plain")
    looks = write_random(tmp_path / "looks", regions=LOOKED_AT)
    assert read_bundle(tmp_path / "looks").regions == LOOKED_AT
    assert looks.id != plain.id
    assert "regions" not in plain.to_json()  # bundles of before keep their id
    chip = random_chip(96, 128, invalid=0.2)
    predictor = LocalPredictor(tmp_path / "plain", "cpu")
    predictor.load()
    (p,) = predictor._probabilities([chip])
    expected = quantise(grown(np.where(chip.valid, p, np.nan), LOOKED_AT), chip.valid)
    (found,) = LocalPredictor(tmp_path / "looks", "cpu").predict([chip])
    np.testing.assert_array_equal(found, expected)
    mask = (found >= 127) & chip.valid
    assert mask.any()
    assert not np.array_equal(mask, (p >= 0.4) & chip.valid)
    dirty = Chip(chip.id, np.where(chip.valid, chip.vv, 1e9).astype(np.float32), chip.vh, chip.valid, None, chip.grid)
    np.testing.assert_array_equal(LocalPredictor(tmp_path / "looks", "cpu").predict([dirty])[0], found)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"grow": 0.4}, r"regions\.seed is missing"),
        ({"grow": 0.4, "seed": 0.3}, r"regions\.seed is 0\.3: give at least regions\.grow, 0\.4"),
        ({"grow": 0, "seed": 0.3}, r"regions\.grow is 0: give a number from 0\.01 to 0\.99"),
        ({"grow": 0.4, "seed": True}, r"regions\.seed is true: give a number"),
        ({"grow": 0.4, "seed": 0.9, "share": 1}, r"regions\.share is not known"),
    ],
)
def test_regions_that_are_none_are_refused_by_their_field(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(BundleError, match=said):
        parse_regions(raw, "here/model.json")


def test_regions_that_are_no_object_are_refused(tmp_path: Path) -> None:
    assert parse_regions(None, "here/model.json") is None
    write_random(tmp_path / "looks", regions=LOOKED_AT)
    raw = json.loads((tmp_path / "looks" / "model.json").read_text())
    with pytest.raises(BundleError, match=r"the field regions is 0\.4: give an object"):
        parse_bundle(json.dumps(raw | {"regions": 0.4}), "here/model.json")
