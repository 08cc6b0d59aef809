"""The adaptive rule: each step as its paper has it, guards where they are needed, and masks that are its own everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from model.bundle.adaptive import (
    FIXED_DB,
    despeckle,
    grow,
    guarded_threshold,
    two_modes,
    water_log_odds,
)
from model.predictors.adaptive import AdaptivePredictor
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.select import open_predictor
from model.scores.histogram import ScoreHistogram
from tests.model.predictors.random_chips import labelled_real_chips, make_chip, random_chip
from tiles.chip import Chip
from tiles.probability import NODATA


def two_gaussians(
    dark: float, bright: float, *, share: float = 0.5, spreads: tuple[float, float] = (1.0, 1.0), count: int = 200_000
) -> np.ndarray:
    """Two Gaussians without chance: their quantiles."""
    parts = [
        norm.ppf((np.arange(n) + 0.5) / n, mean, spread)
        for mean, spread, n in zip(
            (dark, bright), spreads, (round(share * count), round((1 - share) * count)), strict=True
        )
    ]
    return np.concatenate(parts).astype(np.float32)


def test_kittler_and_illingworth_cut_two_gaussians_of_one_spread_and_size_in_the_middle() -> None:
    modes = two_modes(two_gaussians(-27.0, -16.0))
    assert modes is not None
    assert modes.threshold == pytest.approx(-21.5, abs=0.3)
    assert modes.peaks == pytest.approx((-27.0, -16.0), abs=0.3)
    assert modes.valley < 0.02


def test_the_least_error_is_where_bayes_parts_gaussians_of_unlike_spread_and_size() -> None:
    modes = two_modes(two_gaussians(-28.0, -16.0, share=0.2, spreads=(0.8, 2.0)))
    assert modes is not None
    at = np.linspace(-28, -16, 4001)
    odds = 0.2 * norm.pdf(at, -28, 0.8) - 0.8 * norm.pdf(at, -16, 2.0)
    assert modes.threshold == pytest.approx(at[np.argmax(odds < 0)], abs=0.4)


def test_ashmans_d_of_two_gaussians_is_that_of_its_definition() -> None:
    modes = two_modes(two_gaussians(-28.0, -16.0, spreads=(1.0, 1.5)))
    assert modes is not None
    assert modes.separation == pytest.approx(np.sqrt(2) * 12 / np.hypot(1.0, 1.5), rel=0.03)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (two_gaussians(-16.0, -16.0), "land alone"),
        (two_gaussians(-26.0, -26.0), "water alone"),
        (two_gaussians(-20.5, -14.0, spreads=(0.7, 0.7)), "a dark land beside a bright one"),
        (two_gaussians(-29.0, -22.0, spreads=(0.7, 0.7)), "calm water beside rough, and no land"),
        (two_gaussians(-24.0, -19.0, spreads=(2.0, 2.0)), "modes that run into each other"),
        (np.full(100, -18.0, np.float32), "one value"),
        (np.full(1, -18.0, np.float32), "one pixel"),
        (np.full(9, -90.0, np.float32), "nothing that a histogram holds"),
    ],
)
def test_the_fixed_threshold_stays_where_the_histogram_is_not_that_of_water_and_land(
    values: np.ndarray, why: str
) -> None:
    assert guarded_threshold(values) == FIXED_DB, why


def test_the_threshold_follows_water_and_land_that_are_apart_and_stays_in_bounds() -> None:
    assert guarded_threshold(two_gaussians(-25.0, -15.0)) == pytest.approx(-20.0, abs=0.3)
    assert guarded_threshold(two_gaussians(-32.0, -19.0)) == -24.0
    assert guarded_threshold(two_gaussians(-22.5, -10.0)) == -19.5


def test_despeckling_keeps_an_edge_and_takes_speckle() -> None:
    rng = np.random.default_rng(3)
    clean = np.where(np.arange(96) < 48, -26.0, -15.0) * np.ones((96, 1))
    noisy = (clean + rng.normal(0, 2.2, clean.shape)).astype(np.float32)
    smooth = despeckle(noisy, np.ones(noisy.shape, bool))
    assert np.abs(smooth - clean)[:, :44].std() < 0.8
    assert ((smooth < -20.5) == (clean < -20.5)).mean() > 0.995


def test_regions_grow_from_seeds_and_without_enough_of_them_do_not() -> None:
    smooth = np.full((40, 80), -15.0, np.float32)
    smooth[5:35, 5:35] = -21.0  # dark, but no seed in it
    smooth[5:35, 45:75] = -21.0
    smooth[10:20, 50:62] = -25.0  # 120 seeds of 900 pixels
    there = np.ones(smooth.shape, bool)
    wet = grow(smooth, there, -22.0)
    assert not wet[:, :40].any()
    assert wet[5:35, 45:75].all()
    assert wet.sum() == 900
    smooth[10:20, 50:62] = -21.0
    smooth[10, 50:60] = -25.0  # 10 seeds: less than a tenth
    assert not grow(smooth, there, -22.0).any()


def test_the_mask_at_one_half_is_where_the_log_odds_are_above_zero_and_holes_stay_holes() -> None:
    chip = random_chip(120, 90, seed=4)
    (raster,) = AdaptivePredictor().predict([chip])
    odds = water_log_odds(chip.vh, chip.valid)
    np.testing.assert_array_equal(raster == NODATA, ~chip.valid)
    np.testing.assert_array_equal((raster >= 127) & chip.valid, (odds > 0) & chip.valid)


def test_what_stands_where_there_is_no_data_changes_nothing() -> None:
    chip = random_chip(64, 64, seed=5)
    vh = np.where(chip.valid, chip.vh, np.float32(-60.0))
    np.testing.assert_array_equal(
        water_log_odds(vh, chip.valid)[chip.valid], water_log_odds(chip.vh, chip.valid)[chip.valid]
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 2), (513, 7)])
def test_chips_of_any_size_have_an_answer(shape: tuple[int, int]) -> None:
    chip = make_chip(np.full(shape, -25.0))
    (raster,) = AdaptivePredictor().predict([chip])
    assert raster.shape == shape


def test_a_chip_without_data_is_all_nodata_and_a_dark_one_all_water_but_for_specks() -> None:
    dark, none = make_chip(np.full((30, 30), -27.0)), make_chip(np.full((30, 30), np.nan))
    one, two = AdaptivePredictor().predict([dark, none])
    assert (one >= 127).all()
    assert (two == NODATA).all()


def test_it_is_a_model_by_name_and_needs_no_torch() -> None:
    predictor = open_predictor("backscatter:adaptive")
    assert isinstance(predictor, AdaptivePredictor)
    assert predictor.parameters["method"] == "adaptive"


def micro_iou(predictor: AdaptivePredictor | BackscatterPredictor, chips: list[Chip]) -> float:
    histograms = [
        ScoreHistogram.of(raster, chip.label)
        for chip, raster in zip(chips, predictor.predict(chips), strict=True)
        if chip.label is not None
    ]
    return ScoreHistogram.sum_of(histograms).confusion(0.5).iou or 0.0


def test_on_the_real_chips_it_beats_the_fixed_threshold(real_data: Path) -> None:
    chips = [chip for chip in labelled_real_chips(real_data) if chip.valid.any()]
    assert micro_iou(BackscatterPredictor(), chips) == pytest.approx(0.653, abs=0.001)
    assert micro_iou(AdaptivePredictor(), chips) == pytest.approx(0.721, abs=0.003)
