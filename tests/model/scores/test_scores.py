"""Scores from histograms against the same scores counted pixel by pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model.scores.histogram import LEVELS, THRESHOLDS, Confusion, ScoreHistogram, mean_over_chips, water_area
from tiles.errors import UsageError
from tiles.probability import level

Bytes = npt.NDArray[np.uint8]

probabilities = hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)))
thresholds = st.one_of(st.floats(0, 1), st.integers(0, 254).map(lambda v: v / 254))


@st.composite
def chips(draw: st.DrawFn) -> tuple[Bytes, Bytes]:
    probability = draw(probabilities)
    label = draw(hnp.arrays(np.uint8, probability.shape, elements=st.sampled_from([0, 1, 255])))
    return probability, label


def count(probability: Bytes, label: Bytes, threshold: float) -> tuple[int, int, int, int]:
    """The competition's counting: pixels of unknown truth, and pixels without data, are left out."""
    known = (label != 255) & (probability != 255)
    predicted = (probability / 254.0 >= threshold - 1e-12)[known]
    truth = (label == 1)[known]
    tp = int((predicted & truth).sum())
    fp = int((predicted & ~truth).sum())
    fn = int((~predicted & truth).sum())
    return tp, fp, fn, int((~predicted & ~truth).sum())


def as_tuple(c: Confusion) -> tuple[int, int, int, int]:
    return c.tp, c.fp, c.fn, c.tn


def histogram(water: dict[int, int], dry: dict[int, int]) -> ScoreHistogram:
    w, d = np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64)
    for v, n in water.items():
        w[v] = n
    for v, n in dry.items():
        d[v] = n
    return ScoreHistogram(w, d)


@settings(deadline=None)
@given(chips(), thresholds)
def test_counts_at_any_threshold_equal_those_of_the_pixels(chip: tuple[Bytes, Bytes], threshold: float) -> None:
    assert as_tuple(ScoreHistogram.of(*chip).confusion(threshold)) == count(*chip, threshold)


@settings(deadline=None)
@given(st.lists(chips(), min_size=1, max_size=4), thresholds)
def test_micro_iou_of_a_group_is_the_iou_of_all_its_pixels_together(
    group: list[tuple[Bytes, Bytes]], threshold: float
) -> None:
    together = ScoreHistogram.sum_of(ScoreHistogram.of(*chip) for chip in group).confusion(threshold)
    probability = np.concatenate([p.ravel() for p, _ in group])
    label = np.concatenate([t.ravel() for _, t in group])
    tp, fp, fn, _ = count(probability, label, threshold)
    assert together.iou == (tp / (tp + fp + fn) if tp + fp + fn else None)


@settings(deadline=None)
@given(chips())
def test_the_vectorised_counts_equal_the_single_ones_at_all_255_levels(chip: tuple[Bytes, Bytes]) -> None:
    h = ScoreHistogram.of(*chip)
    every = h.confusions()
    assert every.tp.dtype == np.int64
    iou = every.values("iou")
    for v, threshold in enumerate(THRESHOLDS):
        single = h.confusion(float(threshold))
        assert as_tuple(every.at(float(threshold))) == as_tuple(single)
        assert (int(every.tp[v]), int(every.tn[v])) == (single.tp, single.tn)
        assert (None if np.isnan(iou[v]) else iou[v]) == single.iou


@settings(deadline=None)
@given(chips(), thresholds)
def test_f1_precision_recall_and_accuracy_follow_their_definitions(chip: tuple[Bytes, Bytes], threshold: float) -> None:
    c = ScoreHistogram.of(*chip).confusion(threshold)
    tp, fp, fn, tn = count(*chip, threshold)
    assert c.precision == (tp / (tp + fp) if tp + fp else None)
    assert c.recall == (tp / (tp + fn) if tp + fn else None)
    assert c.accuracy == ((tp + tn) / (tp + fp + fn + tn) if tp + fp + fn + tn else None)
    if tp:
        assert c.precision is not None and c.recall is not None
        assert c.f1 == pytest.approx(2 * c.precision * c.recall / (c.precision + c.recall))
    else:
        assert c.f1 == (0.0 if fp + fn else None)


@settings(deadline=None)
@given(chips())
def test_average_precision_is_the_area_under_the_steps_of_the_sorted_pixels(chip: tuple[Bytes, Bytes]) -> None:
    probability, label = chip
    known = (label != 255) & (probability != 255)
    p, truth = probability[known], label[known] == 1
    expected, last_recall = 0.0, 0.0
    for value in sorted(set(p.tolist()), reverse=True):
        predicted = p >= value
        recall = (predicted & truth).sum() / max(1, truth.sum())
        expected += (recall - last_recall) * (predicted & truth).sum() / predicted.sum()
        last_recall = recall
    found = ScoreHistogram.of(*chip).average_precision()
    assert found == (pytest.approx(expected) if truth.any() else None)


@settings(deadline=None)
@given(chips(), st.integers(1, 20))
def test_calibration_error_equals_a_loop_over_bins_of_the_pixels(chip: tuple[Bytes, Bytes], bins: int) -> None:
    probability, label = chip
    known = (label != 255) & (probability != 255)
    v, truth = probability[known].astype(int), label[known] == 1
    error = 0.0
    for m in range(bins):
        inside = (v * bins > m * 254) & (v * bins <= (m + 1) * 254) | ((m == 0) & (v == 0))
        if inside.any():
            error += inside.sum() / v.size * abs(truth[inside].mean() - (v[inside] / 254).mean())
    found = ScoreHistogram.of(*chip).calibration_error(bins)
    assert found == (pytest.approx(error, abs=1e-12) if v.size else None)


@settings(deadline=None)
@given(chips())
def test_no_threshold_beats_the_best_one(chip: tuple[Bytes, Bytes]) -> None:
    h = ScoreHistogram.of(*chip)
    best = h.best_threshold()
    if best is None:
        assert h.water_pixels == 0
        return
    reached = h.confusion(best).iou
    assert reached is not None
    assert all((h.confusion(float(t)).iou or 0.0) <= reached for t in THRESHOLDS)


@settings(max_examples=30, deadline=None)
@given(st.lists(chips(), min_size=2, max_size=4))
def test_adding_histograms_is_the_same_as_summing_them_and_survives_bytes(group: list[tuple[Bytes, Bytes]]) -> None:
    parts = [ScoreHistogram.of(*chip) for chip in group]
    added = parts[0]
    for part in parts[1:]:
        added = added + part
    assert added == ScoreHistogram.sum_of(parts)
    assert len(added.to_bytes()) == 2040
    assert ScoreHistogram.from_bytes(added.to_bytes()) == added
    assert added != added + histogram({0: 1}, {})


def test_the_stored_bytes_are_little_endian_water_first() -> None:
    data = histogram({1: 258}, {254: 7}).to_bytes()
    assert data[4:8] == bytes([2, 1, 0, 0])
    assert data[-4:] == bytes([7, 0, 0, 0])


def test_a_histogram_of_the_wrong_length_or_over_32_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="2040 bytes, not 8"):
        ScoreHistogram.from_bytes(b"\0" * 8)
    with pytest.raises(ValueError, match="2\\^32"):
        histogram({3: 2**32}, {}).to_bytes()
    with pytest.raises(ValueError, match="water must be 255 counts"):
        ScoreHistogram(np.zeros(256, np.int64), np.zeros(255, np.int64))
    with pytest.raises(ValueError, match="does not fit label"):
        ScoreHistogram.of(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))


def test_sums_of_counts_beyond_32_bits_do_not_wrap() -> None:
    big = histogram({254: 2**31}, {0: 2**31})
    assert ScoreHistogram.sum_of([big] * 4).confusion(0.5) == Confusion(tp=2**33, fp=0, fn=0, tn=2**33)


def test_a_histogram_cannot_be_changed_by_who_holds_it() -> None:
    h = histogram({254: 1}, {})
    with pytest.raises(ValueError, match="read-only"):
        h.water[0] = 1


def test_unknown_label_pixels_and_pixels_without_data_are_not_counted() -> None:
    probability = np.array([[254, 254, 0, 255, 255]], np.uint8)
    label = np.array([[1, 255, 255, 1, 0]], np.uint8)
    h = ScoreHistogram.of(probability, label)
    assert h.pixels == 1
    assert h.confusion(0.5) == Confusion(tp=1, fp=0, fn=0, tn=0)


def test_statistics_without_a_denominator_are_none_and_not_zero() -> None:
    dry = histogram({}, {0: 10})
    c = dry.confusion(0.5)
    assert (c.iou, c.f1, c.precision, c.recall, c.accuracy) == (None, None, None, None, 1.0)
    assert dry.average_precision() is None
    assert dry.best_threshold() is None
    assert Confusion(0, 0, 0, 0).accuracy is None
    assert ScoreHistogram.zero().calibration_error() is None


def test_equally_good_thresholds_give_the_one_in_the_middle() -> None:
    assert histogram({200: 5}, {10: 5}).best_threshold() == 0.5
    assert histogram({90: 5}, {10: 5}).best_threshold() == 90 / 254


def test_the_best_threshold_gives_its_own_level_back() -> None:
    assert [level(float(t)) for t in THRESHOLDS] == list(range(LEVELS))


def test_a_calibrated_model_has_no_calibration_error_and_a_sure_wrong_one_has_one() -> None:
    assert histogram({127: 50}, {127: 50}).calibration_error() == pytest.approx(0.0)
    assert histogram({0: 10}, {254: 10}).calibration_error() == pytest.approx(1.0)


def test_the_mean_over_chips_leaves_out_dry_chips_predicted_dry_and_counts_false_water_as_zero() -> None:
    perfect = histogram({254: 10}, {0: 10})
    half = histogram({254: 5, 0: 5}, {0: 10})
    dry = histogram({}, {0: 10})
    false_water = histogram({}, {254: 1, 0: 9})
    unlabelled = ScoreHistogram.zero()
    assert mean_over_chips([perfect, half, dry, unlabelled], 0.5) == pytest.approx(0.75)
    assert mean_over_chips([perfect, half, dry, false_water], 0.5) == pytest.approx(0.5)
    assert mean_over_chips([dry, unlabelled], 0.5) is None
    # the same four chips: micro is another number, and is not what this function gives
    assert ScoreHistogram.sum_of([perfect, half, dry, false_water]).confusion(0.5).iou == pytest.approx(15 / 21)


@settings(deadline=None)
@given(probabilities, thresholds)
def test_the_water_area_is_the_area_of_the_mask(probability: Bytes, threshold: float) -> None:
    area = np.random.default_rng(0).uniform(1e-5, 2e-4, probability.shape)
    valid = probability != 255
    by_value = np.bincount(probability[valid], weights=area[valid], minlength=LEVELS).astype(np.float64)
    mask = valid & (probability / 254.0 >= threshold - 1e-12)
    assert water_area(by_value, threshold) == pytest.approx(area[mask].sum(), abs=1e-12)


def test_a_threshold_outside_0_to_1_or_an_unknown_statistic_is_refused_with_a_reason() -> None:
    with pytest.raises(UsageError, match="not a probability"):
        ScoreHistogram.zero().confusion(1.5)
    with pytest.raises(UsageError, match="kappa"):
        Confusion(1, 1, 1, 1).value("kappa")  # type: ignore[arg-type]
