"""The answer for a chip: its interval holds the truth as often as it says, and one chip never vouches for itself."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from model.evaluation.alert import ShareErrors, alert_report, roc_area, roc_curve
from model.evaluation.answer import ASSUMED, MIN_CHIPS, ShareError, answer, fit_share_error, log_likelihoods
from model.evaluation.evaluate import evaluate
from model.predictors.backscatter import BackscatterPredictor
from model.scores.histogram import LEVELS, ScoreHistogram
from model.store.store import Store
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.errors import UsageError

PIXELS = 512 * 512


def sharp(share: float, pixels: int = PIXELS) -> np.ndarray:  # type: ignore[type-arg]
    """Counts of a chip whose model is nearly sure of every pixel."""
    counts = np.zeros(LEVELS, np.int64)
    counts[250] = round(share * pixels)
    counts[4] = pixels - counts[250]
    return counts


def drawn(rng: np.random.Generator, chips: int, spread: float) -> list[ScoreHistogram]:
    """Chips whose log-odds of the share are off by a normal error of that spread."""
    out = []
    for said in rng.uniform(0.02, 0.9, chips):
        weights = sharp(said)
        mean = float((weights / weights.sum()) @ (np.arange(LEVELS) / 254))
        truth = expit(logit(mean) + rng.normal(0, spread))
        water = np.floor(weights * truth).astype(np.int64)
        out.append(ScoreHistogram(water, weights - water))
    return out


@pytest.mark.parametrize("spread", [0.3, 1.0, 2.0])
def test_the_spread_of_drawn_chips_is_found_and_new_chips_lie_in_the_interval(spread: float) -> None:
    rng = np.random.default_rng(3)
    error = fit_share_error(log_likelihoods(drawn(rng, 60, spread)))
    assert error.origin == "labelled chips"
    assert error.chips == 60
    assert error.spread == pytest.approx(spread, rel=0.25)
    inside = []
    for h in drawn(rng, 400, spread):
        said = answer(h.water + h.dry, h.pixels, error, 0.05)
        assert said is not None
        inside.append(said.low <= h.water_pixels / h.pixels <= said.high)
    assert 0.92 <= np.mean(inside) <= 0.99


def test_with_few_chips_the_interval_still_holds_95_of_100() -> None:
    """The spread of six chips is a guess itself: t, not the normal distribution, keeps the promise."""
    rng, inside = np.random.default_rng(5), []
    for _ in range(60):
        error = fit_share_error(log_likelihoods(drawn(rng, 6, 1.2)))
        for h in drawn(rng, 10, 1.2):
            said = answer(h.water + h.dry, h.pixels, error, 0.05)
            assert said is not None
            inside.append(said.low <= h.water_pixels / h.pixels <= said.high)
    assert 0.92 <= np.mean(inside) <= 0.995


def test_the_interval_is_far_wider_than_independent_pixels_would_have_it() -> None:
    counts = sharp(0.2)
    p = np.arange(LEVELS) / 254
    independent = math.sqrt(float(counts @ (p * (1 - p)))) / PIXELS
    said = answer(counts, PIXELS, ShareError(0.5, 50, "model"), 0.05)
    assert said is not None
    assert said.high - said.low > 100 * independent


def test_the_answer_is_yes_exactly_where_the_median_share_is_above() -> None:
    for share in (0.0, 0.01, 0.04, 0.06, 0.3, 1.0):
        for above in (0.0, 0.02, 0.05, 0.5):
            said = answer(sharp(share), PIXELS, ShareError(0.8, 30, "model"), above)
            assert said is not None
            assert 0.0 <= said.low <= said.share <= said.high <= 1.0
            assert said.yes == (said.share >= above)
            assert 0.0 <= said.probability <= 1.0


def test_more_water_or_a_smaller_question_makes_yes_more_probable() -> None:
    error = ShareError(0.8, 30, "model")
    by_share = [answer(sharp(s), PIXELS, error, 0.05).probability for s in (0.01, 0.05, 0.2, 0.6)]  # type: ignore[union-attr]
    by_question = [answer(sharp(0.2), PIXELS, error, a).probability for a in (0.5, 0.2, 0.1, 0.01)]  # type: ignore[union-attr]
    assert by_share == sorted(by_share)
    assert by_question == sorted(by_question)


def test_areas_and_counts_of_the_same_shares_give_the_same_answer() -> None:
    counts = sharp(0.3)
    assert answer(counts, PIXELS, ASSUMED, 0.05) == answer(counts * 1e-4, PIXELS, ASSUMED, 0.05)


def test_fewer_pixels_and_unsharper_probabilities_say_less() -> None:
    error = ShareError(0.05, 200, "model")

    def width(counts: np.ndarray, pixels: int) -> float:  # type: ignore[type-arg]
        said = answer(counts, pixels, error, 0.05)
        assert said is not None
        return said.high - said.low

    unsharp = np.zeros(LEVELS, np.int64)
    unsharp[76] = PIXELS
    assert width(sharp(0.3), 20_000) > width(sharp(0.3), PIXELS)
    assert width(unsharp, PIXELS) > width(sharp(0.3), PIXELS)


def test_an_empty_chip_has_no_answer_and_a_share_over_1_no_question() -> None:
    assert answer(np.zeros(LEVELS), 0, ASSUMED, 0.05) is None
    for above in (-0.1, 1.0, 5.0, math.nan):
        with pytest.raises(UsageError, match="share"):
            answer(sharp(0.3), PIXELS, ASSUMED, above)


def test_a_few_labelled_chips_or_chips_without_water_end_in_no_spread_without_end() -> None:
    dry = ScoreHistogram(np.zeros(LEVELS, np.int64), sharp(0.05))
    assert fit_share_error(log_likelihoods([dry] * (MIN_CHIPS - 1))) == ASSUMED
    assert 0.05 <= fit_share_error(log_likelihoods([dry] * MIN_CHIPS)).spread < 5.0


def test_many_tiles_of_one_flood_do_not_make_the_model_look_sure_of_another() -> None:
    rng = np.random.default_rng(3)
    likelihoods = log_likelihoods([*drawn(rng, 8, 1.5), *drawn(rng, 160, 0.06)])
    groups = ["few"] * 8 + ["many"] * 160
    pooled, grouped = fit_share_error(likelihoods), fit_share_error(likelihoods, groups)
    assert pooled.spread < 0.6 < grouped.spread
    assert (grouped.chips, grouped.groups, pooled.groups) == (168, 2, None)
    # The spread is known from two groups, not from 168 chips: the interval says so.
    levels = sharp(0.3)
    wide, narrow = (answer(levels, PIXELS, ShareError(0.9, 168, "model", n), 0.05) for n in (2, None))
    assert wide is not None
    assert narrow is not None
    assert wide.high - wide.low > narrow.high - narrow.low


def test_groups_of_one_size_weigh_as_chips_alone_do() -> None:
    likelihoods = log_likelihoods(drawn(np.random.default_rng(1), 12, 0.8))
    assert fit_share_error(likelihoods, list("AABBCCDDEEFF")).spread == fit_share_error(likelihoods).spread


def test_a_bundle_s_record_is_used_and_a_damaged_one_is_not() -> None:
    for error in (ShareError(0.9, 40, "model"), ShareError(0.9, 40, "model", 3)):
        assert ShareError.recorded(json.loads(json.dumps({"share_error": error.to_json()}))) == error
    for bad in (None, 3, {}, {"spread": "x", "chips": 9}, {"spread": -1, "chips": 9}, {"spread": math.nan, "chips": 9}):
        assert ShareError.recorded({"share_error": bad}) is None
    assert ShareError.recorded({}) is None


def records(countries: str, **kind: bool) -> list[ChipRecord]:
    return [ChipRecord(id=f"{c}{i}", country=c, **kind) for i, c in enumerate(countries)]  # type: ignore[arg-type]


def test_a_chip_s_error_rests_on_chips_of_other_countries_only() -> None:
    rng = np.random.default_rng(0)
    labelled = list(zip(records("AAABBBCCC"), drawn(rng, 9, 1.0), strict=True))
    errors = ShareErrors(None, labelled)
    for record, _ in labelled:
        others = [h for r, h in labelled if r.country != record.country]
        countries = [r.country for r, _ in labelled if r.country != record.country]
        assert errors.of(record) == fit_share_error(log_likelihoods(others), countries)
    stranger = ChipRecord(id="new", country="D")
    assert errors.of(stranger).chips == 9
    assert errors.of(replace(stranger, simulated=True)) == ASSUMED  # real chips say nothing of simulated ones
    recorded = ShareError(0.4, 20, "model")
    assert ShareErrors(recorded, labelled).of(stranger) == recorded


def test_the_roc_area_is_the_share_of_pairs_in_the_right_order() -> None:
    assert roc_area([0.9, 0.8, 0.1], [True, True, False]) == 1.0
    assert roc_area([0.5, 0.5], [True, False]) == 0.5
    assert roc_area([0.2, 0.7, 0.4], [True, False, False]) == 0.0
    assert roc_area([0.2, 0.7], [True, True]) is None
    rng = np.random.default_rng(1)
    scores, truth = rng.integers(0, 6, 40) / 5, rng.random(40) > 0.6
    curve = roc_curve(scores.tolist(), truth.tolist())
    x, y = [p["false_alarm_rate"] for p in curve], [p["recall"] for p in curve]
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    area = sum((x[i + 1] - x[i]) * (y[i + 1] + y[i]) / 2 for i in range(len(x) - 1))
    assert roc_area(scores.tolist(), truth.tolist()) == pytest.approx(area)


def test_truth_and_answer_of_real_chips_are_about_the_same_pixels(real_data: Path, tmp_path: Path) -> None:
    catalog = open_catalog([real_data / "sen1floods11", real_data / "drivendata"])
    with Store(tmp_path) as store:
        evaluation = evaluate(catalog.records(), BackscatterPredictor(), store)
    report = evaluation.report(0.05)["alert"]
    chips = {c["id"]: c for c in evaluation.report()["chips"]}
    assert report["chips"] == len(report["answers"]) == report["tp"] + report["fp"] + report["fn"] + report["tn"]
    for said in report["answers"]:
        c = chips[said["id"]]
        assert said["true_share"] == pytest.approx(
            (c["tp"] + c["fn"]) / (c["tp"] + c["fp"] + c["fn"] + c["tn"]), abs=1e-12
        )
    assert report["coverage"] >= 0.8
    json.dumps(report, allow_nan=False)


def test_no_labelled_chip_is_no_error() -> None:
    report = alert_report([], None)
    assert report["chips"] == 0
    assert report["auc"] is report["coverage"] is report["precision"] is None
