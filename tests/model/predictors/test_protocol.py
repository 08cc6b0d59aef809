"""Quantisation and levels: what contract 2 promises, for every probability and threshold."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model.predictors.backscatter import BackscatterPredictor
from model.predictors.protocol import Predictor, quantise
from tiles.errors import PredictionError, UsageError
from tiles.probability import NODATA, PROBABILITY_MAX, level

PROBABILITIES = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.one_of(
        st.floats(0, 1, width=32),
        st.sampled_from([0.0, 0.5, 1.0, float(np.nextafter(np.float32(0.5), np.float32(0))), 126.5 / 254]),
    ),
)


@settings(deadline=None)
@given(PROBABILITIES)
def test_a_probability_of_one_half_or_more_is_127_or_more_and_no_other(p: np.ndarray) -> None:
    values = quantise(p, np.ones(p.shape, bool))
    assert np.array_equal(values >= 127, p >= 0.5)
    assert np.array_equal(values >= level(0.5), p >= 0.5)


@settings(deadline=None)
@given(PROBABILITIES)
def test_quantisation_is_to_the_nearest_but_just_below_one_half(p: np.ndarray) -> None:
    values = quantise(p, np.ones(p.shape, bool))
    assert values.dtype == np.uint8
    assert values.max() <= PROBABILITY_MAX
    error = np.abs(values / 254 - p.astype(np.float64)) * 254
    assert (error <= np.where((p < 0.5) & (p > 126.4 / 254), 1.0, 0.5 + 1e-4)).all()


@settings(deadline=None)
@given(PROBABILITIES, st.randoms())
def test_quantisation_marks_exactly_the_invalid_pixels_and_ignores_what_stands_there(p: np.ndarray, random) -> None:
    valid = np.array([random.random() < 0.5 for _ in range(p.size)]).reshape(p.shape)
    dirty = np.where(valid, p, np.nan).astype(np.float32)
    assert np.array_equal(quantise(dirty, valid) == NODATA, ~valid)
    assert np.array_equal(quantise(dirty, valid)[valid], quantise(p, np.ones(p.shape, bool))[valid])


@settings(deadline=None)
@given(PROBABILITIES)
def test_quantisation_keeps_the_order_and_leaves_its_input_alone(p: np.ndarray) -> None:
    before = p.copy()
    values = quantise(p, np.ones(p.shape, bool)).ravel()
    order = np.argsort(p.ravel(), kind="stable")
    assert (np.diff(values[order].astype(int)) >= 0).all()
    assert np.array_equal(p, before)


def test_probabilities_outside_0_to_1_are_clipped_and_never_become_nodata() -> None:
    p = np.array([[-0.5, 1.01, 255.0, np.inf, -np.inf]], np.float32)
    assert quantise(p, np.ones(p.shape, bool)).tolist() == [[0, 254, 254, 254, 0]]


def test_every_raster_value_survives_the_round_trip() -> None:
    values = np.arange(255, dtype=np.uint8)[None]
    assert np.array_equal(quantise((values / 254).astype(np.float32), np.ones(values.shape, bool)), values)


def test_a_valid_pixel_without_a_probability_is_an_error() -> None:
    p = np.array([[0.2, np.nan, np.nan]], np.float32)
    with pytest.raises(PredictionError, match="1 valid pixel"):
        quantise(p, np.array([[True, True, False]]))


def test_an_answer_of_another_shape_is_an_error() -> None:
    with pytest.raises(PredictionError, match=r"\(2, 2\).*\(2, 3\)"):
        quantise(np.zeros((2, 2), np.float32), np.ones((2, 3), bool))


@settings(deadline=None)
@given(st.floats(0, 1))
def test_a_level_is_the_smallest_value_that_reaches_the_threshold(threshold: float) -> None:
    v = level(threshold)
    assert v == max(0, math.ceil(threshold * 254 - 1e-9))  # the browser's formula
    assert v / 254 >= threshold - 1e-11
    assert v == 0 or (v - 1) / 254 < threshold


def test_the_level_of_k_of_254_is_k() -> None:
    assert [level(k / 254) for k in range(255)] == list(range(255))


@pytest.mark.parametrize("threshold", [-0.01, 1.01, math.nan, math.inf])
def test_a_threshold_that_is_no_probability_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        level(threshold)


def test_the_backscatter_predictor_is_a_predictor() -> None:
    predictor: Predictor = BackscatterPredictor()
    assert (predictor.model_id, predictor.device, predictor.threshold) == ("backscatter", "cpu", 0.5)


def test_choosing_and_running_the_baseline_loads_no_torch() -> None:
    code = (
        "import sys, numpy as np; import model.predictors.select as s; p = s.open_predictor('backscatter:otsu');"
        "s.known_models([]); assert 'torch' not in sys.modules and 'segmentation_models_pytorch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
