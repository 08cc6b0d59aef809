"""What is said of a prediction without a label: the range that its model's record gives, and where it was held out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely

from model.evaluation.predicted import prediction_report
from model.evaluation.trust import trust_in
from model.inference.missing import predict_missing
from model.predictors.protocol import Predictor
from model.predictors.select import open_predictor
from model.store.prediction import Prediction
from model.store.store import Store, key_of
from model.weights import SHIPPED
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.simulate import simulate

Predicted = tuple[ChipRecord, Prediction, Predictor]


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Predicted:
    folder = tmp_path_factory.mktemp("trust")
    record = open_catalog([simulate(folder / "chips", chips=1, size=128)]).usable()[0]
    predictor = open_predictor(SHIPPED)
    with Store(folder / "data") as store:
        predict_missing([record], predictor, store)
        return record, store.fresh([record], key_of(predictor))[record.id], predictor


def test_the_range_is_that_of_the_report_and_says_what_it_rests_on(predicted: Predicted) -> None:
    record, prediction, predictor = predicted
    (chip,) = prediction_report([(record, prediction)], predictor, 0.5)["chips"]
    told = trust_in(record, prediction, predictor)["range"]
    assert told is not None
    assert [told["low"], told["high"]] == chip["share_ci"]
    assert 0.0 <= told["low"] < told["high"] <= 1.0
    assert predictor.bundle is not None
    recorded = predictor.bundle.scores["cross_validation"]["share_error"]
    assert (told["chips"], told["groups"], told["by"]) == (recorded["chips"], recorded["groups"], "source")


def test_held_out_figures_are_those_of_the_chips_country_as_the_bundle_records_them(predicted: Predicted) -> None:
    record, prediction, predictor = predicted
    assert predictor.bundle is not None
    scores = predictor.bundle.scores["cross_validation"]
    for country, row in scores["countries"].items():
        held = trust_in(replace(record, country=country), prediction, predictor)["held_out"]
        assert held is not None and held["here"] is not None and held["nearest"] is None
        assert (held["here"]["chips"], held["iou"]) == (row["chips"], scores["micro"]["iou"])
        assert held["here"]["iou"] == (row["iou"] if row["water_share"] else None), "dry labels measure no IoU"


def test_elsewhere_the_nearest_country_with_water_is_named_with_its_distance(predicted: Predicted) -> None:
    record, prediction, predictor = predicted
    nairobi = replace(record, country="Kenya", unplaced=None, footprint=shapely.box(36.8, -1.3, 36.9, -1.2))
    held = trust_in(nairobi, prediction, predictor)["held_out"]
    assert held is not None and held["here"] is None and held["nearest"] is not None
    assert held["nearest"]["country"] == "Somalia"
    assert held["nearest"]["km"] == pytest.approx(490, abs=60)
    nowhere = trust_in(replace(nairobi, country=None, unplaced="It has no place."), prediction, predictor)["held_out"]
    assert nowhere is not None and nowhere["nearest"] is None


def test_a_rule_records_nothing_and_a_model_that_is_gone_tells_nothing(predicted: Predicted) -> None:
    record, prediction, _ = predicted
    rule = trust_in(record, prediction, open_predictor("backscatter"))
    assert rule["range"] is None and rule["held_out"] is None and rule["fails"]
    assert trust_in(record, prediction, None) == {"range": None, "held_out": None, "fails": None}
