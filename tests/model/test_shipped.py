"""The model that comes with the program: small, whole, our own, and better than the threshold on what it was made for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from model.bundle.manifest import read_bundle, read_states
from model.bundle.regions import Regions
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.local import LocalPredictor
from model.predictors.select import known_models, open_predictor
from model.scores.histogram import ScoreHistogram
from model.seen.chips import read_seen_chips
from model.training.recipe import RECIPES
from model.weights import SHIPPED, WEIGHTS
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip
from tiles.reading.door import read_chip
from tiles.simulate import simulate

pytestmark = pytest.mark.slow

MOST_BYTES = 8_000_000


def test_it_is_the_first_model_on_offer_and_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert known_models()[0].spec == SHIPPED
    predictor = open_predictor(SHIPPED)
    assert isinstance(predictor, LocalPredictor)
    assert predictor.path == WEIGHTS


def test_its_files_are_small_whole_and_hold_no_code() -> None:
    files = sorted(path for path in WEIGHTS.iterdir() if path.is_file())
    assert {path.suffix for path in files} == {".json", ".md", ".safetensors", ".txt"}
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    bundle = read_bundle(WEIGHTS)
    assert len(read_states(WEIGHTS, bundle)) == len(bundle.members) == 2  # every hash is checked
    assert bundle.licence == "Apache-2.0"
    made_by = RECIPES["pretrain"]  # `make weights` makes it
    assert bundle.regions == Regions(made_by.grow, made_by.seed_from)


def test_its_card_tells_what_it_saw_and_how_it_does_where_it_has_never_been() -> None:
    bundle = read_bundle(WEIGHTS)
    assert bundle.training["train"]["chips"] == []  # no label of a real chip has taught it
    assert bundle.training["train"]["simulated_chips"] == 800
    seen = read_seen_chips(WEIGHTS, bundle)
    assert seen is not None
    assert {(chip.part, chip.simulated) for chip in seen.chips} == {("training", True), ("calibration", False)}
    scores = bundle.scores["cross_validation"]
    assert sum(not chip.simulated for chip in seen.chips) == 12 + 178 + 6  # those of the table that it was chosen by
    assert scores["by"] == "source"
    card = (WEIGHTS / "README.md").read_text(encoding="utf-8")
    assert bundle.id[:12] in card
    low, high = scores["micro"]["iou_ci"]
    assert f"{scores['micro']['iou']:.2f} [{low:.2f}–{high:.2f}]" in card
    assert len(scores["countries"]) == 11
    for country in scores["countries"]:
        assert country in card
    for source in ("etci2021", "dfc2024"):
        assert f"| {source} |" in card


def _micro(predict: object, chips: Sequence[Chip], threshold: float) -> float:
    histograms = []
    for chip in chips:
        assert chip.label is not None
        (probability,) = predict.predict([chip])  # type: ignore[attr-defined]
        histograms.append(ScoreHistogram.of(probability, chip.label))
    return ScoreHistogram.sum_of(histograms).confusion(threshold).iou or 0.0


def test_it_beats_the_threshold_on_simulated_chips_that_it_has_not_seen(tmp_path: Path) -> None:
    simulate(tmp_path / "chips", chips=4, seed=101, size=192)
    chips = [read_chip(record) for record in open_catalog([tmp_path / "chips"]).usable()]
    shipped = open_predictor(SHIPPED)
    assert _micro(shipped, chips, shipped.threshold) > _micro(BackscatterPredictor(), chips, 0.5) + 0.05


def test_it_answers_for_a_real_chip_with_holes_and_marks_them(real_data: Path) -> None:
    catalog = open_catalog([real_data / "drivendata"])
    chip = read_chip(catalog.get("awc00"))
    (probability,) = open_predictor(SHIPPED).predict([chip])
    np.testing.assert_array_equal(probability == 255, ~chip.valid)
    # A dry chip: no water worth a word.
    assert float((probability[chip.valid] >= 127).mean()) < 0.02
