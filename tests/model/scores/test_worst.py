"""The one rule of which chip is the worst: much missed water before ten false pixels on dry land."""

from __future__ import annotations

import pytest

from model.scores.histogram import Confusion
from model.scores.worst import ENOUGH, value, worst_first

KNOWN = 262_144


def counts(water: int, missed: int, false: int) -> Confusion:
    return Confusion(tp=water - missed, fp=false, fn=missed, tn=KNOWN - water - false)


MUCH_MISSED = counts(150_000, 75_000, 4_000)
TEN_FALSE_ON_DRY = counts(0, 0, 10)
TEN_FALSE_BESIDE_A_POND = counts(40, 40, 10)
HALF_OF_DRY_LAND_FALSE = counts(0, 0, KNOWN // 2)
GOOD = counts(100_000, 2_000, 1_000)
DRY_AND_RIGHT = counts(0, 0, 0)


def test_much_missed_water_comes_before_ten_false_pixels_on_dry_land_or_beside_a_pond() -> None:
    chips = [TEN_FALSE_ON_DRY, DRY_AND_RIGHT, TEN_FALSE_BESIDE_A_POND, GOOD, MUCH_MISSED]
    assert worst_first(chips, lambda c: c) == [
        MUCH_MISSED,
        GOOD,
        TEN_FALSE_BESIDE_A_POND,
        TEN_FALSE_ON_DRY,
        DRY_AND_RIGHT,
    ]


def test_dry_land_that_is_called_water_by_the_half_is_no_good_chip() -> None:
    assert value(HALF_OF_DRY_LAND_FALSE) == 0.5
    assert worst_first([GOOD, HALF_OF_DRY_LAND_FALSE], lambda c: c)[0] == HALF_OF_DRY_LAND_FALSE


def test_with_enough_water_it_is_the_iou() -> None:
    for chip in (MUCH_MISSED, GOOD, counts(round(0.011 * KNOWN), 500, 4_000)):
        assert value(chip) == pytest.approx(chip.iou)


def test_it_has_no_step_where_water_is_enough_and_where_it_begins() -> None:
    enough = round(ENOUGH * KNOWN)
    for water in (enough, 1):
        more, less = value(counts(water, 0, 5_000)), value(counts(water - 1, 0, 5_000))
        assert more is not None
        assert less == pytest.approx(more, abs=1e-3)


def test_of_equal_chips_the_one_with_more_wrong_pixels_is_first_and_unknown_ones_are_left_out() -> None:
    small, large = Confusion(1, 1, 1, 97), Confusion(100, 100, 100, 9_700)
    chips = {"small": small, "none": Confusion(0, 0, 0, 0), "large": large, "unscored": None}
    assert worst_first(chips, chips.__getitem__) == ["large", "small"]
