"""The browser computes the scores that Python computes: assets/scores/ beside model/scores/."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from model.scores.histogram import LEVELS, Confusion, ScoreHistogram
from model.scores.intervals import bootstrap_interval, lowbias32, paired_interval
from model.scores.worst import RULE, worst_first
from model.scores.worst import value as how_good
from tests.page.node import ask
from tiles.probability import level

TOLERANCE = 1e-12
FIGURES = ["iou", "f1", "precision", "recall", "accuracy"]
LEVEL = 'import { level } from "./scores/histogram.mjs"; export default (ts) => ts.map(level);'
HASH = 'import { hash } from "./scores/intervals.mjs"; export default (ns) => ns.map(hash);'
COMPUTE = """
import * as scores from "./scores/histogram.mjs";
import * as intervals from "./scores/intervals.mjs";
import * as worst from "./scores/worst.mjs";
export default ({ groups, thresholds }) => {
  const ranked = (counts) => ({ ...scores.figures(counts), worst: worst.value(counts) });
  return groups.map((group) => {
    const chips = group.map(scores.histogram);
    return thresholds.map((t) => {
      const counts = chips.map((h) => scores.confusion(h, scores.level(t)));
      const half = Math.floor(counts.length / 2);
      return {
        each: counts.map(ranked), all: ranked(scores.sum(counts)), interval: intervals.interval(counts),
        paired: intervals.pairedInterval(counts.slice(0, half), counts.slice(half, 2 * half)),
      };
    });
  });
};"""
CURVES = """
import * as scores from "./scores/histogram.mjs";
import * as curves from "./scores/curves.mjs";
export default (groups) => groups.map((group) => {
  const h = curves.sumOf(group.map(scores.histogram));
  const bins = curves.reliability(h);
  return {
    best: curves.bestThreshold(h), calibration: curves.calibrationError(h), precision: curves.averagePrecision(h),
    iou: curves.iou(h), pr: curves.precisionRecall(h), bins: bins.map((b) => [b.pixels, b.predicted, b.observed]),
  };
});"""
ORDER = """
import * as worst from "./scores/worst.mjs";
export default (rows) => [worst.RULE, rows.map((c, i) => ({ i, worst: worst.value(c), wrong: c.fp + c.fn }))
  .filter((row) => row.worst !== null).sort(worst.compare).map(({ i }) => i)];"""


def random_histogram(random: np.random.Generator) -> ScoreHistogram:
    """Return counts as chips have them: none, few or many, of one class or both, spread out or at one value."""
    counts = []
    for _ in range(2):
        pixels = int(random.choice([0, 0, 1, 30, 5_000, 262_144]))
        values = np.floor(random.beta(random.uniform(0.3, 3), random.uniform(0.3, 3), size=pixels) * LEVELS).astype(int)
        counts.append(np.bincount(np.minimum(values, LEVELS - 1), minlength=LEVELS))
    return ScoreHistogram(*counts)


def test_levels_of_all_thresholds_agree() -> None:
    thresholds = [*(i / 1000 for i in range(1001)), *(v / 254 for v in range(255)), 0.5, 0.25, 1 / 3]
    assert ask(LEVEL, thresholds) == [level(t) for t in thresholds]


def test_hashes_agree() -> None:
    numbers = [0, 1, 2, 446, 446_000, 2**31 - 1, 2**31, 2**32 - 1]
    expected = lowbias32(np.array(numbers, dtype=np.uint32)).tolist()
    assert ask(HASH, numbers) == expected


def test_counts_figures_and_intervals_of_random_groups_agree() -> None:
    random = np.random.default_rng(7)
    groups = [[random_histogram(random) for _ in range(random.integers(1, 14))] for _ in range(80)]
    thresholds = [0.0, 0.3, 0.5, 0.77, 1.0]
    encoded = [[base64.b64encode(h.to_bytes()).decode() for h in group] for group in groups]
    answers = ask(COMPUTE, {"groups": encoded, "thresholds": thresholds})
    worst = 0.0
    for group, answer in zip(groups, answers, strict=True):
        for threshold, shown in zip(thresholds, answer, strict=True):
            confusions = [h.confusion(threshold) for h in group]
            total = ScoreHistogram.sum_of(group).confusion(threshold)
            for expected, figures in zip([*confusions, total], [*shown["each"], shown["all"]], strict=True):
                assert [figures[k] for k in ("tp", "fp", "fn", "tn")] == [
                    expected.tp, expected.fp, expected.fn, expected.tn,
                ]  # fmt: skip
                worst = max(worst, difference([figures[k] for k in FIGURES], [expected.value(k) for k in FIGURES]))  # type: ignore[arg-type]
                worst = max(worst, difference([figures["worst"]], [how_good(expected)]))
            worst = max(worst, difference(shown["interval"], bootstrap_interval(group, threshold)))
            half = len(group) // 2
            paired = paired_interval(confusions[:half], confusions[half : 2 * half])
            names = ("difference", "low", "high", "share_above")
            worst = max(
                worst,
                difference(
                    shown["paired"] and [shown["paired"][k] for k in ("difference", "low", "high", "above")],
                    paired and [getattr(paired, name) for name in names],
                ),
            )
    assert worst <= TOLERANCE


def test_what_follows_from_all_thresholds_agrees() -> None:
    random = np.random.default_rng(11)
    groups = [[random_histogram(random) for _ in range(random.integers(1, 5))] for _ in range(60)]
    encoded = [[base64.b64encode(h.to_bytes()).decode() for h in group] for group in groups]
    answers = ask(CURVES, encoded)
    for group, shown in zip(groups, answers, strict=True):
        total = ScoreHistogram.sum_of(group)
        expected = [total.best_threshold(), total.calibration_error(), total.average_precision()]
        assert difference([shown["best"], shown["calibration"], shown["precision"]], expected) <= TOLERANCE
        assert difference(shown["iou"], nones(total.confusions().values("iou"))) <= TOLERANCE
        curve = total.pr_curve()
        defined = ~(np.isnan(curve.precision) | np.isnan(curve.recall))
        pairs = np.column_stack([curve.recall, curve.precision])[defined]
        assert np.allclose(np.array(shown["pr"]).reshape(-1, 2), pairs, atol=TOLERANCE, rtol=0)
        r = total.reliability()
        for bin_shown, bin_expected in zip(
            shown["bins"], zip(r.pixels, r.predicted, r.observed, strict=True), strict=True
        ):
            assert difference(bin_shown, nones(np.array(bin_expected, dtype=float))) <= TOLERANCE


def test_the_order_of_the_worst_is_the_same_and_is_told_in_the_same_words() -> None:
    random = np.random.default_rng(23)
    shares = [0, 1e-5, 1e-3, 0.009, 0.011, 0.3, 1]
    chips = []
    for _ in range(300):
        known = int(random.choice([0, 100, 27_394, 262_144]))
        water = int(known * random.choice(shares))
        missed, false = (int(n * random.choice(shares)) for n in (water, known - water))
        chips.append(Confusion(water - missed, false, missed, known - water - false))
    rows = [{"tp": c.tp, "fp": c.fp, "fn": c.fn, "tn": c.tn} for c in chips]
    rule, shown = ask(ORDER, rows)
    assert shown == worst_first(range(len(chips)), lambda i: chips[i])
    assert rule == RULE


def nones(values: Any) -> list[float | None]:
    """Return numbers as JSON has them: None where there is none."""
    return [None if np.isnan(v) else float(v) for v in values]


def difference(shown: Any, expected: Any) -> float:
    """Return the largest difference of two sequences of figures; infinite where one is missing in one of them only."""
    if shown is None or expected is None:
        return 0.0 if shown is expected else float("inf")
    pairs = zip(shown, expected, strict=True)
    return max(
        (0.0 if a is b else float("inf")) if a is None or b is None else abs(float(a) - float(b)) for a, b in pairs
    )
