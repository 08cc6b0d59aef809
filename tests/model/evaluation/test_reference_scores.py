"""Scores against torchmetrics and a plain count; the capstone's mistakes of scoring, each failing where it is put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torchmetrics.classification import BinaryJaccardIndex, JaccardIndex

from model.evaluation.evaluate import evaluate
from model.predictors.backscatter import BackscatterPredictor
from model.scores.histogram import ScoreHistogram
from model.store.store import Store, key_of
from tiles.catalog.catalog import open_catalog
from tiles.probability import level
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

Bytes = npt.NDArray[np.uint8]
Case = tuple[Bytes, Bytes, float]

CASES = 1000


def random_cases() -> Iterator[Case]:
    """Chips of all kinds: no water, all water, nothing known, no data, thresholds on and between the levels."""
    rng = np.random.default_rng(20_261_123)
    for _ in range(CASES):
        shape = tuple(rng.integers(1, 24, 2))
        probability = rng.integers(0, 255, shape).astype(np.uint8)
        probability[rng.random(shape) < rng.choice([0.0, 0.2, 1.0], p=[0.4, 0.55, 0.05])] = 255
        label = (rng.random(shape) < rng.choice([0.0, 0.02, 0.4, 1.0])).astype(np.uint8)
        label[rng.random(shape) < rng.choice([0.0, 0.3, 1.0], p=[0.3, 0.65, 0.05])] = 255
        yield probability, label, float(rng.choice([0.5, rng.random(), rng.integers(0, 255) / 254]))


def by_numpy(probability: Bytes, label: Bytes, threshold: float) -> tuple[int, int]:
    """Intersection and union of predicted and true water over known pixels with data."""
    known = (label != 255) & (probability != 255)
    wet, water = (probability.astype(np.float64) / 254 >= threshold - 1e-12) & known, (label == 1) & known
    return int((wet & water).sum()), int((wet | water).sum())


def test_iou_equals_torchmetrics_and_a_plain_count_on_1000_random_cases_with_unknown_pixels() -> None:
    undefined = 0
    for probability, label, threshold in random_cases():
        found = ScoreHistogram.of(probability, label).confusion(threshold).iou
        both, either = by_numpy(probability, label, threshold)
        assert found == (both / either if either else None)
        if found is None:  # torchmetrics calls it 0, we do not call it anything
            undefined += 1
            continue
        masks = torch.from_numpy((probability >= level(threshold)).astype(np.int64))
        truth = torch.from_numpy(np.where(probability == 255, 255, label).astype(np.int64))
        for metric in (BinaryJaccardIndex(ignore_index=255), JaccardIndex(task="binary", ignore_index=255)):
            assert found == pytest.approx(float(metric(masks, truth)), abs=1e-6)
    assert 0 < undefined < CASES / 2


def test_micro_iou_of_all_real_chips_equals_torchmetrics_and_a_plain_count(real_data: Path, tmp_path: Path) -> None:
    predictor = BackscatterPredictor()
    metric = BinaryJaccardIndex(ignore_index=255)
    both = either = chips = 0
    records = open_catalog([real_data / "sen1floods11", real_data / "drivendata"]).records()
    with Store(tmp_path) as store:
        report = evaluate(records, predictor, store).report()
        stored = store.fresh(records, key_of(predictor))
        for record in records:
            if record.id not in stored or stored[record.id].scored is None:
                continue
            probability, label = store.read(stored[record.id]), read_chip(record).label
            assert label is not None
            metric.update(
                torch.from_numpy((probability >= 127).astype(np.int64)),
                torch.from_numpy(np.where(probability == 255, 255, label).astype(np.int64)),
            )
            counted = by_numpy(probability, label, 0.5)
            both, either, chips = both + counted[0], either + counted[1], chips + 1
    assert chips == report["micro"]["chips"] >= 12
    assert report["micro"]["iou"] == both / either
    assert report["micro"]["iou"] == pytest.approx(float(metric.compute()), abs=1e-6)


def scene(water: int, found: int, false: int) -> ScoreHistogram:
    """A chip of 10,000 pixels: so much water, so much of it found, so much false water."""
    w, d = np.zeros(255, np.int64), np.zeros(255, np.int64)
    w[254], w[0], d[254], d[0] = found, water - found, false, 10_000 - water - false
    return ScoreHistogram(w, d)


def test_capstone_mistake_4_the_score_is_micro_iou_and_no_mean_of_batches() -> None:
    """A lake found and a puddle missed: 0.99 of the water was found, and the mean of the two IoUs says 0.5."""
    batches = [scene(5000, 5000, 0), scene(50, 0, 0)]
    mean_of_batches = np.mean([h.confusion(0.5).iou for h in batches])
    micro = ScoreHistogram.sum_of(batches).confusion(0.5).iou
    assert mean_of_batches == 0.5
    assert micro == 5000 / 5050


def test_capstone_mistake_4_the_report_s_micro_iou_is_the_same_in_whatever_batches_chips_come(
    real_data: Path, tmp_path: Path
) -> None:
    catalog = open_catalog([real_data / "sen1floods11"])
    with Store(tmp_path) as store:
        reports = [
            evaluate(r, BackscatterPredictor(), store).report() for r in (catalog.records(), catalog.records()[::-1])
        ]
    counts = [sum(c[k] for c in reports[0]["chips"]) for k in ("tp", "fp", "fn")]
    assert reports[0]["micro"]["iou"] == reports[1]["micro"]["iou"] == counts[0] / sum(counts)
    assert abs(reports[0]["micro"]["iou"] - reports[0]["mean_over_chips"]["iou"]) > 0.1  # and both are named


def test_capstone_mistake_7_unknown_truth_is_not_dry_land() -> None:
    """Water predicted where nobody knows the truth is neither right nor wrong."""
    probability = np.full((10, 10), 254, np.uint8)
    label = np.full((10, 10), 255, np.uint8)
    label[:2] = 1
    known = ScoreHistogram.of(probability, label)
    assert (known.pixels, known.confusion(0.5).iou) == (20, 1.0)
    mistaken = ScoreHistogram.of(probability, np.where(label == 255, 0, label).astype(np.uint8))
    assert mistaken.confusion(0.5).iou == 0.2


def test_capstone_mistake_7_unknown_pixels_of_a_real_chip_count_nowhere(real_data: Path, tmp_path: Path) -> None:
    """Ghana_97059 is labelled over a tenth of its pixels: the rest is no dry land."""
    catalog = open_catalog([real_data / "sen1floods11"])
    record = catalog.get("Ghana_97059")
    chip = read_chip(record)
    assert chip.label is not None
    with Store(tmp_path) as store:
        (row,) = evaluate([record], BackscatterPredictor(), store).report()["chips"]
    labelled = int(((chip.label != 255) & chip.valid).sum())
    assert row["tp"] + row["fp"] + row["fn"] + row["tn"] == labelled < 0.2 * chip.valid.sum()
