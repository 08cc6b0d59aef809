"""Comparisons of models: differences, their intervals, and what moved, against plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.evaluation.comparison import compare
from model.evaluation.evaluate import Evaluation, evaluate
from model.predictors.backscatter import BackscatterPredictor
from model.scores.histogram import Confusion
from model.scores.intervals import paired_interval, resample_index
from model.store.store import Store
from tiles.catalog.catalog import open_catalog
from tiles.errors import UsageError
from tiles.simulate import simulate

counts = st.builds(Confusion, *[st.integers(0, 40)] * 4)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(counts, counts), max_size=7))
def test_the_paired_interval_equals_a_bootstrap_written_in_loops(pairs: list[tuple[Confusion, Confusion]]) -> None:
    found = paired_interval([a for a, _ in pairs], [b for _, b in pairs], resamples=40)
    used = [(a, b) for a, b in pairs if a != Confusion(0, 0, 0, 0) or b != Confusion(0, 0, 0, 0)]
    if len(used) < 2:
        assert found is None
        return
    index, nil = resample_index(0, 40, len(used)), Confusion(0, 0, 0, 0)
    differences = []
    for drawn in index:
        first, second = (sum((used[i][side] for i in drawn), nil).iou for side in (0, 1))
        if first is not None and second is not None:
            differences.append(first - second)
    whole = [sum((pair[side] for pair in used), nil).iou for side in (0, 1)]
    if not differences or whole[0] is None or whole[1] is None:
        assert found is None
        return
    assert found is not None
    assert found.difference == pytest.approx(whole[0] - whole[1])
    assert [found.low, found.high] == pytest.approx(np.quantile(differences, [0.025, 0.975]).tolist())
    assert found.share_above == pytest.approx(np.mean(np.array(differences) > 0))


def test_models_that_are_hard_put_by_the_same_chips_differ_by_a_narrow_interval() -> None:
    """Pairing: the chips differ by 0.8 IoU, the models by 0.01 everywhere, and the interval knows."""
    first = [Confusion(100 * k + 10, 0, 1000 - 100 * k - 10, 0) for k in range(1, 9)]
    second = [Confusion(100 * k, 0, 1000 - 100 * k, 0) for k in range(1, 9)]
    found = paired_interval(first, second)
    assert found is not None
    assert found.low == pytest.approx(0.01)
    assert found.high == pytest.approx(0.01)
    assert found.share_above == 1.0


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory: pytest.TempPathFactory) -> list[Evaluation]:
    folder = tmp_path_factory.mktemp("compare")
    chips: Path = simulate(folder / "chips", chips=8, size=96)
    models = [BackscatterPredictor(), BackscatterPredictor("otsu"), BackscatterPredictor("fixed", -18.0)]
    with Store(folder / "store") as store:
        return [evaluate(open_catalog([chips]).records(), model, store) for model in models]


def test_the_first_model_is_held_against_each_other(evaluations: list[Evaluation]) -> None:
    found = compare(evaluations)
    micro = [e.report()["micro"] for e in evaluations]
    assert [m["iou"] for m in found["models"]] == [m["iou"] for m in micro]
    assert [p["second"] for p in found["pairs"]] == [e.model["name"] for e in evaluations[1:]]
    for pair, other in zip(found["pairs"], micro[1:], strict=True):
        assert pair["first"] == evaluations[0].model["name"]
        assert pair["difference"] == pytest.approx(micro[0]["iou"] - other["iou"])
        assert pair["difference_ci"][0] <= pair["difference"] <= pair["difference_ci"][1]
        assert {c["name"] for c in pair["countries"]} == {g["name"] for g in evaluations[0].report()["groups"]}
        assert sum(c["chips"] for c in pair["countries"]) == found["chips"]


def test_the_chips_that_moved_most_are_those_with_the_most_pixels_set_right_or_wrong(
    evaluations: list[Evaluation],
) -> None:
    first, second = evaluations[0].report(), evaluations[1].report()
    wrong = [{c["id"]: c["fp"] + c["fn"] for c in report["chips"]} for report in (first, second)]
    expected = sorted(wrong[0], key=lambda i: (-abs(wrong[0][i] - wrong[1][i]), i))
    moved = compare(evaluations)["pairs"][0]["moved_most"]
    assert [m["id"] for m in moved] == [i for i in expected if wrong[0][i] != wrong[1][i]][:10]
    for m in moved:
        assert m["fewer_wrong_pixels"] == wrong[1][m["id"]] - wrong[0][m["id"]]


def test_what_cannot_be_compared_is_told(evaluations: list[Evaluation]) -> None:
    with pytest.raises(UsageError, match="two models"):
        compare(evaluations[:1])
    with pytest.raises(UsageError, match="the same"):
        compare([evaluations[0], evaluations[0]])
    nothing = Evaluation({**evaluations[1].model}, 0.5, "country", [], [])
    with pytest.raises(UsageError, match="No chip"):
        compare([evaluations[0], nothing])
