"""Splits keep each flood whole, and say so when they cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shapely.geometry import box

from model.training.split import apart, k_fold, split_by_group, split_by_source
from tiles.chip import Asset, ChipRecord
from tiles.errors import UsageError


def record(name: str, country: str, event: str | None = None, **more: object) -> ChipRecord:
    asset = Asset("none.tif")
    return ChipRecord(id=name, country=country, event=event or country, vv=asset, vh=asset, label=asset, **more)  # type: ignore[arg-type]


CHIPS = [record(f"{country}{i}", country) for country in ("A", "B", "C", "D", "E") for i in range(3)]


@pytest.mark.parametrize("seed", range(10))
def test_chips_of_one_flood_never_stand_on_both_sides(seed: int) -> None:
    split = split_by_group(CHIPS, "event", 0.2, seed)
    assert not {r.event for r in split.train} & {r.event for r in split.validation}
    assert len(split.train) + len(split.validation) == len(CHIPS)
    assert len(split.validation) == 3
    assert split.validation[0].event is not None
    assert split.validation[0].event in split.rule


def test_a_seed_gives_one_split() -> None:
    splits = {split_by_group(CHIPS, "country", 0.2, seed).validation for seed in range(20)}
    assert split_by_group(CHIPS, "country", 0.2, 3) == split_by_group(CHIPS, "country", 0.2, 3)
    assert len(splits) > 1


def test_each_country_is_left_out_once() -> None:
    folds = k_fold(CHIPS, "country", None)
    assert [fold.name for fold in folds] == ["A", "B", "C", "D", "E"]
    for fold in folds:
        assert {r.country for r in fold.left_out} == {fold.name}
        assert fold.name not in {r.country for r in fold.train}
        assert len(fold.train) == 12


def test_each_source_is_left_out_whole_and_the_two_sets_of_the_same_floods_are_one() -> None:
    chips = [
        record("a", "A", layout="sen1floods11", source="/data/hand"),
        record("b", "B", layout="drivendata", source="/other/stac"),
        record("c", "C", source="/data/lakes"),
        record("d", "D", source="/data/lakes"),
        record("e", "E", source="/data/rivers"),
        record("s", "E", source="/data/made", simulated=True),
    ]
    folds = k_fold(chips, "source", None)
    left = {fold.name: [r.id for r in fold.left_out] for fold in folds}
    assert left == {"Sen1Floods11 and DrivenData": ["a", "b"], "lakes": ["c", "d"], "rivers": ["e"]}
    trained = {fold.name: [r.id for r in fold.train] for fold in folds}
    assert trained["lakes"] == ["a", "b", "e", "s"]
    assert trained["Sen1Floods11 and DrivenData"] == ["c", "d", "e", "s"]


def test_a_source_that_shares_a_flood_with_another_is_not_trained_on_when_that_is_left_out() -> None:
    chips = [
        record("a", "A", "one flood", source="/data/first"),
        record("b", "A", "one flood", source="/data/second"),
        record("c", "C", "another", source="/data/second"),
    ]
    first = next(fold for fold in k_fold(chips, "source", None) if fold.name == "first")
    assert [r.id for r in first.train] == ["c"]


def test_folds_hold_about_as_many_chips_and_each_chip_once() -> None:
    folds = k_fold(CHIPS, "event", 2)
    assert sorted(len(fold.left_out) for fold in folds) == [6, 9]
    assert sorted(r.id for fold in folds for r in fold.left_out) == sorted(r.id for r in CHIPS)


def test_simulated_chips_train_in_every_fold_and_judge_none() -> None:
    simulated = [record(f"s{i}", "A", simulated=True) for i in range(4)]
    for fold in k_fold([*CHIPS, *simulated], "country", None):
        assert [r.id for r in fold.train if r.simulated] == ["s0", "s1", "s2", "s3"]
        assert not any(r.simulated for r in fold.left_out)
    assert not any(r.simulated for r in split_by_group([*CHIPS, *simulated], "country").validation)
    # Where there are no others, they judge too.
    assert all(
        r.simulated for r in split_by_group([*simulated, record("t", "B", simulated=True)], "country").validation
    )


def test_one_flood_under_two_names_is_kept_whole() -> None:
    ground = box(0, 0, 1, 1)
    judged = record("one", "A", "flood of 2018", footprint=ground)
    same_ground = record("two", "B", "awc", footprint=box(0.5, 0.5, 1.5, 1.5))
    same_event = record("three", "C", "flood of 2018", footprint=box(5, 5, 6, 6))
    other = record("four", "D", "another", footprint=box(8, 8, 9, 9))
    simulated = record("five", "A", "flood of 2018", footprint=ground, simulated=True)
    kept = apart([judged, same_ground, same_event, other, simulated], [judged])
    assert [r.id for r in kept] == ["four", "five"]


def test_the_split_of_the_source_is_followed() -> None:
    chips = [replace(r, split=s) for r, s in zip(CHIPS, ["train", "valid", "test"] * 5, strict=True)]
    split = split_by_source(chips)
    assert {r.split for r in split.train} == {"train"}
    assert {r.split for r in split.validation} == {"valid"}
    with pytest.raises(UsageError, match="--split event"):
        split_by_source(CHIPS)


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(UsageError, match="of one country"):
        split_by_group(CHIPS[:3], "country")
    with pytest.raises(UsageError, match="1 country"):
        k_fold(CHIPS[:3], "country", None)
    with pytest.raises(UsageError, match="9 folds"):
        k_fold(CHIPS, "event", 9)
