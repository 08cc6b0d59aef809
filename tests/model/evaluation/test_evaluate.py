"""Evaluation over real and simulated chips, against plain numpy over the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from model.evaluation.evaluate import KNOWS_NOTHING, evaluate
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Store
from tiles.catalog.catalog import open_catalog

pytestmark = pytest.mark.slow


def counts_by_numpy(folder: Path, threshold_db: float) -> dict[str, tuple[int, int, int, int]]:
    """TP, FP, FN, TN of VH < threshold, straight from the GeoTIFFs of a Sen1Floods11 folder."""
    out = {}
    for image in sorted((folder / "S1Hand").glob("*.tif")):
        chip = image.name.removesuffix("_S1Hand.tif")
        with rasterio.open(image) as source:
            vv, vh = source.read(1), source.read(2)
        with rasterio.open(folder / "LabelHand" / f"{chip}_LabelHand.tif") as source:
            label = source.read(1)
        counted = np.isfinite(vv) & np.isfinite(vh) & (label != -1)
        wet, water = vh < threshold_db, label == 1
        out[chip] = tuple(
            int((counted & a & b).sum()) for a, b in ((wet, water), (wet, ~water), (~wet, water), (~wet, ~water))
        )
    return out


@pytest.mark.parametrize("threshold_db", [-22.0, -18.5])
def test_counts_agree_pixel_for_pixel_with_numpy_over_the_real_files(
    real_data: Path, tmp_path: Path, threshold_db: float
) -> None:
    expected = counts_by_numpy(real_data / "sen1floods11", threshold_db)
    catalog = open_catalog([real_data / "sen1floods11"])
    with Store(tmp_path) as store:
        report = evaluate(catalog.records(), BackscatterPredictor("fixed", threshold_db), store).report()
    found = {c["id"]: (c["tp"], c["fp"], c["fn"], c["tn"]) for c in report["chips"]}
    assert len(found) == 10  # Paraguay_34417 has no valid pixel, and the label of Ghana_83483 knows none
    assert {"id": "Ghana_83483", "reason": KNOWS_NOTHING}.items() <= next(
        skipped for skipped in report["skipped"] if skipped["id"] == "Ghana_83483"
    ).items()
    assert found == {chip: expected[chip] for chip in found}
    assert sum(expected["Paraguay_34417"]) == 0
    tp, fp, fn, tn = (sum(c[i] for c in expected.values()) for i in range(4))
    assert (report["micro"]["tp"], report["micro"]["fp"], report["micro"]["fn"], report["micro"]["tn"]) == (
        tp,
        fp,
        fn,
        tn,
    )
    assert report["micro"]["iou"] == pytest.approx(tp / (tp + fp + fn), abs=1e-12)
    groups = {g["name"]: g for g in report["groups"]}
    assert groups["Ghana"]["chips"] == 2
    assert groups["Ghana"]["scored"] == 2  # Ghana_83483's label is all unknown
    assert groups["India"]["iou_ci"] is None  # one chip gives no interval
    assert any(s["id"] == "Paraguay_34417" and "no valid pixel" in s["reason"] for s in report["skipped"])


def test_a_fixed_threshold_gives_the_known_iou_over_all_labelled_real_chips(real_data: Path, tmp_path: Path) -> None:
    catalog = open_catalog([real_data / "sen1floods11", real_data / "drivendata"])
    with Store(tmp_path) as store:
        report = evaluate(catalog.records(), BackscatterPredictor(), store).report()
    assert round(report["micro"]["iou"], 3) == 0.653


@pytest.mark.parametrize("by", ["country", "event", "chip", "split"])
def test_groups_sum_to_the_total_whatever_they_are(real_data: Path, tmp_path: Path, by: str) -> None:
    catalog = open_catalog([real_data / "sen1floods11"])
    with Store(tmp_path) as store:
        report = evaluate(catalog.records(), BackscatterPredictor(), store, by=by).report()  # type: ignore[arg-type]
    for count in ("tp", "fp", "fn", "tn", "chips", "scored"):
        assert sum(g[count] for g in report["groups"]) == report["micro"][count]


def test_a_second_evaluation_predicts_nothing_again(real_data: Path, tmp_path: Path) -> None:
    class Counting(BackscatterPredictor):
        calls = 0

        def predict(self, chips):  # type: ignore[no-untyped-def]
            Counting.calls += len(chips)
            return super().predict(chips)

    records = open_catalog([real_data / "drivendata"]).records()
    with Store(tmp_path) as store:
        first = evaluate(records, Counting(), store).report()
        assert Counting.calls == 4
        second = evaluate(records, Counting(), store).report()
    assert Counting.calls == 4
    assert first == second
