"""Training ends with a bundle that is whole: calibrated, scored, with its card and pictures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.bundle.manifest import read_bundle
from model.predictors.local import LocalPredictor
from model.scores.histogram import ScoreHistogram
from model.training.calibrate import Calibration
from model.training.recipe import Recipe, change_recipe
from model.training.split import Split, split_by_group
from model.training.train import train
from tests.model.training.conftest import MakeChips
from tests.model.training.test_fit import HERE
from tiles.errors import UsageError
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow


def test_a_training_ends_with_a_bundle_its_card_and_its_pictures(
    make_chips: MakeChips, tiny: Recipe, tmp_path: Path
) -> None:
    recipe = change_recipe(tiny, {"epochs": 4, "steps_per_epoch": 8, "tta": "d4", "members": 2})
    split = split_by_group(make_chips(), "event", 0.3)
    done = train(recipe, split, tmp_path, machine=HERE)
    bundle = read_bundle(done.path)  # verifies hashes
    assert bundle.id == done.bundle.id
    assert len(bundle.members) == 2
    assert bundle.tta == "d4"
    assert bundle.training["recipe"]["name"] == "tiny"
    assert not set(bundle.training["train"]["chips"]) & set(bundle.training["validation"]["chips"])

    # The scores of model.json are those of the bundle as it lies there.
    predictor = LocalPredictor(done.path, "cpu", threads=1)
    histograms = []
    for record in split.validation:
        chip = read_chip(record)
        assert chip.label is not None
        (probability,) = predictor.predict([chip])
        assert len(np.unique(probability)) > 3  # probabilities: the capstone's endpoint gave a mask
        histograms.append(ScoreHistogram.of(probability, chip.label))
    total = ScoreHistogram.sum_of(histograms)
    micro = bundle.scores["validation"]["micro"]
    assert micro["iou"] == pytest.approx(total.confusion(bundle.threshold).iou, abs=1e-4)
    assert micro["calibration_error"] == pytest.approx(total.calibration_error(), abs=1e-4)
    best = total.best_threshold()
    assert best is not None
    assert (total.confusion(bundle.threshold).iou or 0) >= (total.confusion(best).iou or 0) - 0.002 - 1e-9

    card = (done.path / "README.md").read_text()
    for told in ("## Limits", bundle.id[:12], split.rule, "calibration.svg", f"{micro['iou']:.2f}"):
        assert told in card
    assert re.search(r"<circle ", (done.path / "calibration.svg").read_text())
    pictures = sorted(path.name for path in done.path.glob("*.png"))
    assert len(pictures) == len(split.validation)
    with Image.open(done.path / pictures[0]) as picture:
        assert picture.size == (4 * 64 + 3 * 8, 64)


def test_a_training_on_everything_takes_its_calibration_from_elsewhere(
    make_chips: MakeChips, tiny: Recipe, tmp_path: Path
) -> None:
    records = tuple(make_chips())
    scores = {"metric": "micro IoU", "threshold": 0.31, "micro": {"chips": 6, "iou": 0.5}, "countries": {}}
    found = (Calibration(1.7, 0.31), scores)
    done = train(
        change_recipe(tiny, {"epochs": 1}), Split(records, (), "all"), tmp_path / "a", machine=HERE, calibration=found
    )
    assert (done.bundle.temperature, done.bundle.threshold) == (1.7, 0.31)
    assert done.bundle.scores["cross_validation"]["micro"]["iou"] == 0.5
    assert "Scores (cross validation)" in (done.path / "README.md").read_text()
    with pytest.raises(UsageError, match="without validation"):
        train(tiny, split_by_group(list(records), "event"), tmp_path / "b", machine=HERE, calibration=found)
