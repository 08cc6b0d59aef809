"""The baseline: its masks are exactly those of its threshold, and its scores on the real chips are the known ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model.predictors.backscatter import BackscatterPredictor, otsu_threshold
from tests.model.predictors.random_chips import labelled_real_chips, make_chip, random_chip
from tiles.chip import UNKNOWN, Chip
from tiles.errors import UsageError
from tiles.probability import NODATA, level

# 12 of Sen1Floods11 (one of them all NaN, one without a label of its own), and jja10, awc00 of DrivenData.
REAL_LABELLED = 14


def mask_of(predictor: BackscatterPredictor, chip: Chip, threshold: float = 0.5) -> np.ndarray:
    (values,) = predictor.predict([chip])
    return (values >= level(threshold)) & (values != NODATA)


@pytest.fixture(scope="module")
def real_chips(real_data: Path) -> list[Chip]:
    chips = labelled_real_chips(real_data)
    assert len(chips) == REAL_LABELLED
    return chips


def micro_iou(pairs: list[tuple[np.ndarray, Chip]]) -> float:
    """By hand: one count over all valid labelled pixels, unknown ones left out."""
    both = either = 0
    for mask, chip in pairs:
        assert chip.label is not None
        known = chip.valid & (chip.label != UNKNOWN)
        both += int((mask & (chip.label == 1) & known).sum())
        either += int(((mask | (chip.label == 1)) & known).sum())
    return both / either


@settings(deadline=None)
@given(
    hnp.arrays(np.float32, (4, 5), elements=st.floats(-60, 20, width=32)),
    st.floats(-40, 0),
    st.floats(0.01, 10),
)
def test_the_mask_at_one_half_is_exactly_vh_below_the_threshold(vh: np.ndarray, t: float, softness: float) -> None:
    vh[0, 0] = t
    vh[0, 1] = np.nextafter(np.float32(t), np.float32(-99))
    vh[0, 2] = np.nextafter(np.float32(t), np.float32(99))
    mask = mask_of(BackscatterPredictor("fixed", t, softness), make_chip(vh))
    assert np.array_equal(mask, vh < t)


def test_the_probability_is_the_logistic_curve_of_the_distance_to_the_threshold() -> None:
    vh = np.linspace(-30, -14, 400, dtype=np.float32).reshape(20, 20)
    (values,) = BackscatterPredictor("fixed", -22.0, 1.5).predict([make_chip(vh)])
    expected = 254 / (1 + np.exp((vh.astype(np.float64) + 22) / 1.5))
    assert np.abs(values - expected).max() <= 1.0


def test_values_far_from_the_threshold_are_certain_and_raise_no_warning() -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        (values,) = BackscatterPredictor("fixed", -22.0, 0.001).predict([make_chip(np.array([[-80.0, 30.0]]))])
    assert values.tolist() == [[254, 0]]


def test_invalid_pixels_are_nodata_and_the_chip_is_left_alone() -> None:
    chip = random_chip(40, 30, invalid=0.3)
    before = chip.vh.copy()
    for method in ("fixed", "otsu"):
        (values,) = BackscatterPredictor(method).predict([chip])
        assert np.array_equal(values == NODATA, ~chip.valid)
    assert np.array_equal(chip.vh, before, equal_nan=True)


@pytest.mark.parametrize("method", ["fixed", "otsu"])
def test_a_chip_without_a_valid_pixel_is_all_nodata(method: str) -> None:
    (values,) = BackscatterPredictor(method).predict([make_chip(np.full((6, 7), np.nan))])
    assert values.shape == (6, 7)
    assert (values == NODATA).all()


def test_a_batch_is_answered_in_order_with_each_chip_as_if_alone() -> None:
    chips = [random_chip(16, 24, seed) for seed in range(4)]
    predictor = BackscatterPredictor("otsu")
    assert all(
        np.array_equal(one, predictor.predict([chip])[0])
        for one, chip in zip(predictor.predict(chips), chips, strict=True)
    )
    assert predictor.predict([]) == []


def test_otsu_parts_two_clouds_of_values_between_them() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(-25, 1.0, 4000), rng.normal(-14, 1.5, 6000)]).astype(np.float32)
    assert -22.0 < otsu_threshold(values) < -17.0


@settings(deadline=None)
@given(hnp.arrays(np.float32, st.integers(2, 60), elements=st.floats(-50, 0, width=32)), st.integers(2, 40))
def test_otsu_finds_the_best_of_all_cuts_of_its_histogram(values: np.ndarray, bins: int) -> None:
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-3:
        return
    counts, edges = np.histogram(values, bins, (low, high))
    centres = (edges[1:] + edges[:-1]) / 2

    def between(k: int) -> float:
        a, b = counts[: k + 1], counts[k + 1 :]
        mean_a, mean_b = np.average(centres[: k + 1], weights=a), np.average(centres[k + 1 :], weights=b)
        return float(a.sum()) * float(b.sum()) * (mean_a - mean_b) ** 2

    found = int(np.argmin(np.abs(centres - otsu_threshold(values, bins))))
    assert between(found) >= max(between(k) for k in range(bins - 1)) * (1 - 1e-9)


def test_otsu_of_a_single_value_is_that_value_and_finds_no_water() -> None:
    chip = make_chip(np.full((5, 5), -13.25))
    assert otsu_threshold(chip.vh.ravel()) == -13.25
    assert not mask_of(BackscatterPredictor("otsu"), chip).any()


def test_fixed_vh_scores_0_653_on_the_labelled_real_chips(real_chips: list[Chip]) -> None:
    predictor = BackscatterPredictor("fixed")
    assert round(micro_iou([(mask_of(predictor, chip), chip) for chip in real_chips]), 3) == 0.653
    assert round(micro_iou([(chip.vh < -22, chip) for chip in real_chips]), 3) == 0.653


def test_otsu_vh_scores_0_355_on_the_labelled_pixels_of_the_real_chips(real_chips: list[Chip]) -> None:
    pairs = []
    for chip in real_chips:
        assert chip.label is not None
        values = chip.vh[chip.valid & (chip.label != UNKNOWN)]
        if values.size:
            pairs.append((mask_of(BackscatterPredictor("fixed", otsu_threshold(values)), chip), chip))
    assert round(micro_iou(pairs), 3) == 0.355


def test_otsu_vh_scores_0_357_where_it_may_not_look_which_pixels_are_labelled(real_chips: list[Chip]) -> None:
    predictor = BackscatterPredictor("otsu")
    assert round(micro_iou([(mask_of(predictor, chip), chip) for chip in real_chips]), 3) == 0.357


def test_the_parameters_name_all_that_decides_the_output() -> None:
    fixed, otsu = BackscatterPredictor("fixed", -21.5), BackscatterPredictor("otsu", -21.5)
    assert fixed.name == "VH threshold -21.5 dB"
    assert fixed.parameters == {"method": "fixed", "threshold_db": -21.5, "softness_db": 1.0}
    assert otsu.parameters == {"method": "otsu", "bins": 256, "softness_db": 1.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "kmeans"}, "fixed or otsu"),
        ({"threshold_db": float("nan")}, "number of dB"),
        ({"threshold_db": 99.0}, "99 dB is one that no VH backscatter reaches: give one from -50 to 10 dB"),
        ({"threshold_db": -50.1}, "no VH backscatter reaches"),
        ({"softness_db": 0.0}, "above 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BackscatterPredictor(**arguments)
