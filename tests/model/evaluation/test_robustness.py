"""Robustness of models whose answer to a change is known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from model.evaluation import robustness
from model.evaluation.changes import Change
from model.evaluation.evaluate import Evaluation, evaluate
from model.evaluation.robustness import measure_robustness
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.protocol import Predictor
from model.store.store import Store, key_of
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip
from tiles.errors import PredictionError
from tiles.probability import NODATA
from tiles.simulate import simulate

pytestmark = pytest.mark.slow


class TopHalf(BackscatterPredictor):
    """A model that looks at no pixel: water is what lies in the upper half."""

    model_id = "top-half"

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        out = []
        for chip in chips:
            raster = np.zeros(chip.valid.shape, np.uint8)
            raster[: len(raster) // 2] = 254
            raster[~chip.valid] = NODATA
            out.append(raster)
        return out


@pytest.fixture(scope="module")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("robust") / "chips", chips=6, size=96)


def measured(folder: Path, store: Store, predictor: Predictor) -> tuple[Evaluation, dict]:  # type: ignore[type-arg]
    evaluation = evaluate(open_catalog([folder]).records(), predictor, store)
    found = measure_robustness(evaluation.predictions, predictor, store, evaluation.threshold)
    return evaluation, found.report()


def test_capstone_mistake_11_image_and_label_turn_together(chips: Path, tmp_path: Path) -> None:
    """A model of single pixels scores the same in every view, unless the label is left behind."""
    with Store(tmp_path) as store:
        _, report = measured(chips, store, BackscatterPredictor())
    views = [row for row in report["changes"] if row["family"] == "view"]
    assert len(views) == 8
    for row in views:
        assert row["delta"] == 0.0, row["name"]
        assert row["differing_share"] == 0.0
        assert row["iou"] == row["plain_iou"]
    assert report["spread_over_views"] == 0.0


def test_capstone_mistake_11_put_back_is_seen(chips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With labels that stay behind, the scores of turned chips fall: the test above can fail."""

    def only_the_image(self: Change, chip: Chip, seed: int = 0) -> Chip:
        changed = right(self, chip, seed)
        return replace(changed, label=chip.label)

    right = Change.apply
    monkeypatch.setattr(robustness.Change, "apply", only_the_image)
    with Store(tmp_path) as store:
        _, report = measured(chips, store, BackscatterPredictor())
    turned = [row for row in report["changes"] if row["family"] == "view" and row["name"] != "turn0"]
    assert all(row["delta"] < -0.05 for row in turned)


def test_capstone_mistake_10_a_model_that_flips_and_turns_change_is_told_apart(chips: Path, tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        _, report = measured(chips, store, TopHalf())
    rows = {row["name"]: row for row in report["changes"]}
    assert rows["turn0"]["delta"] == 0.0
    assert rows["turn0-mirror"]["differing_share"] == 0.0  # left and right swapped, the upper half stays
    assert rows["turn180"]["differing_share"] > 0.9
    assert rows["turn180"]["delta"] != 0.0
    assert report["spread_over_views"] > 0.0


def test_gain_moves_a_threshold_by_as_many_decibels(chips: Path, tmp_path: Path) -> None:
    """One dB more light is a threshold one dB lower: the changed chips' score is that of another threshold."""
    with Store(tmp_path) as store:
        _, report = measured(chips, store, BackscatterPredictor())
        lower, _ = measured(chips, store, BackscatterPredictor("fixed", -23.0))
    row = next(r for r in report["changes"] if r["name"] == "gain+1")
    assert row["iou"] == pytest.approx(lower.report()["micro"]["iou"], abs=2e-4)


def test_dropped_pixels_are_scored_nowhere_and_the_plain_score_is_of_the_same_pixels(
    chips: Path, tmp_path: Path
) -> None:
    with Store(tmp_path) as store:
        evaluation, report = measured(chips, store, BackscatterPredictor())
        found = measure_robustness(evaluation.predictions, BackscatterPredictor(), store, 0.5)
    row = next(r for r in report["changes"] if r["name"] == "dropout")
    assert row["delta"] == 0.0  # a model of single pixels says the same of those that remain
    members = next(m for c, m in found.results if c.name == "dropout")
    plain = sum(h.pixels for _, _, h in evaluation.predictions)
    assert sum(m.changed.pixels for m in members) == sum(m.plain.pixels for m in members)
    assert sum(m.changed.pixels for m in members) / plain == pytest.approx(0.9, abs=0.01)


def test_predictions_of_changed_chips_are_not_stored(chips: Path, tmp_path: Path) -> None:
    predictor = BackscatterPredictor()
    with Store(tmp_path) as store:
        evaluation = evaluate(open_catalog([chips]).records(), predictor, store)
        before = {i: p.revision for i, p in store.for_model(key_of(predictor)).items()}
        measure_robustness(evaluation.predictions, predictor, store, 0.5)
        assert {i: p.revision for i, p in store.for_model(key_of(predictor)).items()} == before
        assert len(store.models()) == 1


def test_every_country_has_its_row_and_they_hold_all_chips(chips: Path, tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        evaluation, report = measured(chips, store, BackscatterPredictor())
    countries = {g["name"]: g for g in evaluation.report()["groups"]}
    for row in report["changes"]:
        assert set(row["countries"]) == set(countries)
    for name, figures in report["changes"][0]["countries"].items():
        assert figures["iou"] == countries[name]["iou"]


def test_a_chip_that_fails_is_named_and_disturbs_no_other(chips: Path, tmp_path: Path) -> None:
    class FailsOnce(BackscatterPredictor):
        armed = ""

        def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
            if any(chip.id == self.armed for chip in chips):
                raise PredictionError("The network broke.")
            return super().predict(chips)

    predictor = FailsOnce()
    with Store(tmp_path) as store:
        evaluation = evaluate(open_catalog([chips]).records(), predictor, store)
        predictor.armed = evaluation.predictions[0][0].id
        report = measure_robustness(evaluation.predictions, predictor, store, 0.5).report()
    assert report["skipped"] == [{"id": predictor.armed, "reason": "The network broke."}]
    assert report["chips"] == len(evaluation.predictions) - 1
