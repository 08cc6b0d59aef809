"""Calibration finds the temperature that makes probabilities honest, and the best threshold nearest to one half."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from model.scores.histogram import ScoreHistogram
from model.training.calibrate import Margins, fit_temperature, fit_threshold


def samples(temperature: float, views: int = 1) -> list[Margins]:
    """Pixels whose logits are `temperature` times too large."""
    rng = np.random.default_rng(0)
    honest = rng.normal(0.0, 2.0, 20_000)
    water = rng.random(20_000) < expit(honest)
    values = np.repeat((honest * temperature).astype(np.float32)[:, None, None], views, axis=2)
    return [Margins(values, water, 1.0)]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("views", [1, 8])
def test_the_temperature_is_found(temperature: float, views: int) -> None:
    assert fit_temperature(samples(temperature, views)) == pytest.approx(temperature, rel=0.05)


def test_votes_and_no_pixels_have_no_temperature() -> None:
    assert fit_temperature(samples(3.0), "vote") == 1.0
    assert fit_temperature([]) == 1.0


def test_a_pixel_weighs_what_it_stands_for() -> None:
    sharp, flat = samples(4.0)[0], samples(1.0)[0]
    both = fit_temperature([sharp, flat])
    more = fit_temperature([Margins(sharp.values, sharp.water, 50.0), flat])
    assert 1.0 < both < more <= 4.2


def histogram(water: dict[int, int], dry: dict[int, int]) -> ScoreHistogram:
    def counts(values: dict[int, int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        out = np.zeros(255, np.int64)
        for value, count in values.items():
            out[value] = count
        return out

    return ScoreHistogram(counts(water), counts(dry))


def test_the_threshold_is_that_of_the_best_iou_over_all_chips() -> None:
    chips = [histogram({60: 100}, {20: 500}), histogram({200: 10}, {20: 10})]
    assert 20 / 254 < fit_threshold(chips) <= 60 / 254 + 1e-3
    assert ScoreHistogram.sum_of(chips).confusion(fit_threshold(chips)).iou == 1.0


def test_where_the_curve_is_flat_the_threshold_is_near_one_half() -> None:
    flat = histogram({30: 1, 240: 10_000}, {10: 10_000})
    assert fit_threshold([flat]) == 0.5
    assert fit_threshold([histogram({}, {5: 3})]) == 0.5


@pytest.mark.parametrize("value", [1, 2, 77, 126, 127, 128, 200, 253])
def test_a_stored_threshold_makes_the_mask_that_it_was_chosen_for(value: int) -> None:
    chip = histogram({value: 1000}, {value - 1: 1000})  # one threshold alone is right
    assert ScoreHistogram.sum_of([chip]).confusion(fit_threshold([chip])).iou == 1.0
