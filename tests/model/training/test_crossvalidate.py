"""Cross-validation: a chip is scored by networks, a temperature and a threshold that never saw it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.bundle.manifest import read_bundle
from model.scores.histogram import ScoreHistogram
from model.seen.chips import read_seen_chips
from model.training.calibrate import fit_threshold
from model.training.crossvalidate import REPORT, cross_validate, read_calibration, read_calibration_chips
from model.training.recipe import Recipe, change_recipe
from model.training.split import k_fold
from tests.model.training.conftest import MakeChips
from tests.model.training.test_fit import HERE
from tiles.errors import UsageError

pytestmark = pytest.mark.slow


def test_what_is_left_out_is_seen_by_nothing_that_scores_it(
    make_chips: MakeChips, tiny: Recipe, tmp_path: Path
) -> None:
    records = make_chips()
    recipe = change_recipe(tiny, {"epochs": 2, "steps_per_epoch": 6})
    told: list[str] = []
    done = cross_validate(
        recipe, k_fold(records, "country", None), tmp_path, machine=HERE, by="country",
        on_fold=lambda name, *_: told.append(name),
    )  # fmt: skip
    assert told == ["Erewhon", "Laputa", "Utopia", ""]
    for fold in done.folds:
        bundle = read_bundle(fold.path)
        assert fold.name not in bundle.training["train"]["countries"]
        assert not {s.record.id for s in fold.scored} & set(bundle.training["train"]["chips"])
        others = [s.histogram for other in done.folds if other is not fold for s in other.scored]
        assert fold.calibration.threshold == fit_threshold(others)
        assert (bundle.temperature, bundle.threshold) == (fold.calibration.temperature, fold.calibration.threshold)

    report = json.loads((tmp_path / REPORT).read_text())
    counts = [chip for fold in report["folds"] for chip in fold["chips"]]
    assert sorted(chip["id"] for chip in counts) == sorted(record.id for record in records)
    tp, fp, fn = (sum(chip[key] for chip in counts) for key in ("tp", "fp", "fn"))
    assert report["micro_iou"] == pytest.approx(tp / (tp + fp + fn))
    total = ScoreHistogram.sum_of(done.histograms)
    assert report["calibration_error"] == pytest.approx(total.calibration_error())
    # Each fold's bundle names what trained it and what calibrated it, and no chip that it is scored on.
    for fold in done.folds:
        named = read_seen_chips(fold.path, read_bundle(fold.path))
        assert named is not None
        assert {c.id for c in named.chips} == {r.id for r in records} - {s.record.id for s in fold.scored}
    assert {chip["seen_in_training"] for chip in counts} == {False}
    assert (report["at_one_threshold"]["by"], report["at_one_threshold"]["groups"]) == ("country", 3)
    calibrated = read_calibration_chips(tmp_path / REPORT)
    assert calibrated is not None
    assert {(c.id, c.part) for c in calibrated.chips} == {(r.id, "calibration") for r in records}
    assert read_calibration_chips(tmp_path / "elsewhere" / REPORT) is None

    calibration, scores = read_calibration(tmp_path / REPORT)
    assert calibration == done.calibration
    assert scores["micro"]["chips"] == len(records)

    # A second run finds every fold there.
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/checkpoints/last.ckpt")}
    again = cross_validate(recipe, k_fold(records, "country", None), tmp_path, machine=HERE)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/checkpoints/last.ckpt")} == before
    assert again.report()["micro_iou"] == report["micro_iou"]


def test_a_file_that_is_no_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    for name in ("x.json", "none.json"):
        with pytest.raises(UsageError, match="no report of a cross-validation"):
            read_calibration(tmp_path / name)
