"""One chip under a change: the same figures as those of the robustness report, at every threshold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from model.evaluation.robustness import measure_robustness
from model.evaluation.transforms import TRANSFORMS, compare_transformed
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Store
from tests.predicting import predict_one
from tiles.chip import ChipRecord
from tiles.probability import level
from tiles.reading.door import read_chip

MakeRecord = Callable[..., ChipRecord]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_it_agrees_with_the_robustness_report(make_record: MakeRecord, tmp_path: Path, threshold: float) -> None:
    record, model = make_record("one"), BackscatterPredictor()
    chip = read_chip(record)
    with Store(tmp_path / "data") as store:
        prediction = predict_one(record, model, store)
        assert prediction.histogram is not None
        scored = [(record, prediction, prediction.histogram)]
        report = measure_robustness(scored, model, store, threshold, changes=TRANSFORMS).report()
        plain = store.read(prediction)
    for change, expected in zip(TRANSFORMS, report["changes"], strict=True):
        image = change.apply(chip)
        (probability,) = model.predict([image])
        found = compare_transformed(chip, change, image, probability, plain)
        assert found.changed is not None and found.plain is not None
        assert found.changed.confusion(threshold).iou == expected["iou"]
        assert found.plain.confusion(threshold).iou == expected["plain_iou"]
        assert found.differing[level(threshold)] / found.pixels == expected["differing_share"]


def test_a_chip_without_label_tells_the_pixels_that_change_alone(make_record: MakeRecord) -> None:
    model, chip = BackscatterPredictor(), read_chip(make_record("one", label=False))
    gain = next(change for change in TRANSFORMS if change.name == "gain+3")
    image = gain.apply(chip)
    (plain,), (changed,) = model.predict([chip]), model.predict([image])
    found = compare_transformed(chip, gain, image, changed, plain)
    assert (found.changed, found.plain) == (None, None)
    assert found.differing[127] == int(((plain >= 127) != (changed >= 127)).sum()) > 0
