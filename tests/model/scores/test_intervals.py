"""Bootstrap intervals against the same resampling written out in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.scores.histogram import LEVELS, ScoreHistogram, Statistic
from model.scores.intervals import bootstrap_interval, lowbias32, resample_index


def plain_index(b: int, j: int, n: int) -> int:
    h = (b * n + j + 1) % 2**32
    h ^= h >> 16
    h = h * 0x7FEB352D % 2**32
    h ^= h >> 15
    h = h * 0x846CA68B % 2**32
    h ^= h >> 16
    return h * n // 2**32


def chip(tp: int, fp: int, fn: int, tn: int) -> ScoreHistogram:
    water, dry = np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64)
    water[254], water[0], dry[254], dry[0] = tp, fn, fp, tn
    return ScoreHistogram(water, dry)


counts = st.integers(0, 50)
groups = st.lists(st.builds(chip, counts, counts, counts, counts), min_size=0, max_size=8)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0, 0x00000000),
        (1, 0x688990C0),
        (2, 0xD1132181),
        (446, 0xFF26CDBF),
        (446_000, 0x04F91DA5),
        (0xFFFFFFFF, 0x6768824A),
    ],
)
def test_the_hash_gives_the_reference_values_that_the_browser_gives(x: int, expected: int) -> None:
    assert int(lowbias32(np.array([x], np.uint32))[0]) == expected


@settings(deadline=None)
@given(st.integers(1, 600), st.integers(0, 2**23))
def test_the_resamples_are_those_of_the_written_formula_also_where_the_counter_wraps(n: int, b: int) -> None:
    index = resample_index(b, 2, n)
    assert index.shape == (2, n)
    places = {0, n // 2, n - 1}
    assert {(r, j): int(index[r, j]) for r in (0, 1) for j in places} == {
        (r, j): plain_index(b + r, j, n) for r in (0, 1) for j in places
    }


def test_the_first_and_last_resample_of_known_groups_are_fixed_numbers() -> None:
    assert resample_index(0, 2, 5).tolist() == [[2, 4, 1, 4, 1], [3, 2, 4, 1, 3]]
    assert resample_index(999, 1, 446)[0, :6].tolist() == [298, 363, 62, 30, 77, 413]


@settings(max_examples=30, deadline=None)
@given(groups, st.sampled_from(["iou", "f1", "precision", "recall", "accuracy"]), st.sampled_from([0.5, 0.8, 0.95]))
def test_the_interval_equals_a_bootstrap_written_in_loops(
    group: list[ScoreHistogram], statistic: Statistic, level: float
) -> None:
    used = [h for h in group if h.pixels]
    n, values = len(used), []
    for b in range(40):
        total = ScoreHistogram.sum_of(used[plain_index(b, j, n)] for j in range(n))
        value = total.confusion(0.5).value(statistic)
        if value is not None:
            values.append(value)
    found = bootstrap_interval(group, 0.5, statistic, level, resamples=40)
    if n < 2 or not values:
        assert found is None
        return
    values.sort()
    expected = []
    for q in ((1 - level) / 2, 1 - (1 - level) / 2):
        t = q * (len(values) - 1)
        i = int(t)
        a, c = values[i], values[min(i + 1, len(values) - 1)]
        f = t - i
        expected.append(a + (c - a) * f if f < 0.5 else c - (c - a) * (1 - f))
    assert found == pytest.approx(tuple(expected), abs=1e-15)


def test_a_large_group_worked_on_in_blocks_gives_the_interval_of_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    group = [chip(*(int(v) for v in rng.integers(0, 99, 4))) for _ in range(30)]
    whole = bootstrap_interval(group, 0.5)
    monkeypatch.setattr("model.scores.intervals._BLOCK", 97)
    assert bootstrap_interval(group, 0.5) == whole


def test_the_interval_holds_the_micro_score_and_narrows_with_more_chips() -> None:
    rng = np.random.default_rng(1)
    many = [chip(*(int(v) for v in rng.integers(1, 99, 4))) for _ in range(200)]
    few = many[:10]
    wide, narrow = bootstrap_interval(few, 0.5), bootstrap_interval(many, 0.5)
    assert wide is not None and narrow is not None
    micro = ScoreHistogram.sum_of(many).confusion(0.5).iou
    assert micro is not None and narrow[0] < micro < narrow[1]
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


def test_about_95_of_100_intervals_hold_the_true_score_of_the_population() -> None:
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(100):
        share = rng.beta(4, 2, 60)  # of each chip's 1000 water pixels; the population's recall is 4 / 6
        group = [chip(int(1000 * s), 0, 1000 - int(1000 * s), 0) for s in share]
        interval = bootstrap_interval(group, 0.5, "recall", resamples=300)
        assert interval is not None
        held += interval[0] <= 4 / 6 <= interval[1]
    assert 88 <= held <= 99


def test_chips_without_labelled_pixels_do_not_change_the_interval() -> None:
    group = [chip(5, 1, 2, 9), chip(1, 3, 3, 9), chip(8, 0, 1, 9)]
    with_empty = [ScoreHistogram.zero(), group[0], ScoreHistogram.zero(), *group[1:]]
    assert bootstrap_interval(with_empty, 0.5) == bootstrap_interval(group, 0.5)


def test_resamples_without_any_water_are_left_out() -> None:
    dry, wet = chip(0, 0, 0, 9), chip(4, 1, 0, 4)
    assert bootstrap_interval([dry, wet], 0.5) == (0.8, 0.8)


def test_there_is_no_interval_of_one_chip_or_of_chips_without_water() -> None:
    dry = chip(0, 0, 0, 9)
    assert bootstrap_interval([], 0.5) is None
    assert bootstrap_interval([chip(5, 1, 2, 9)], 0.5) is None
    assert bootstrap_interval([dry, dry, dry], 0.5) is None
    assert bootstrap_interval([dry, dry, dry], 0.5, "accuracy") == (1.0, 1.0)
