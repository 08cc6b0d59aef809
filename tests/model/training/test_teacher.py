"""A student learns from a teacher's probabilities: chips need no label, a known truth pulls, and a stopped run goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.bundle.manifest import Bundle, Member, read_bundle, write_bundle
from model.bundle.rule import RULE_TEXT
from model.predictors.local import LocalPredictor
from model.seen.chips import read_seen_chips, seen_chips
from model.training.dataset import ChipCache, read_tensors, summarise
from model.training.loss import build_loss
from model.training.recipe import Recipe, change_recipe
from model.training.split import Split
from model.training.teacher import Teacher
from model.training.train import train
from tests.model.predictors.bundles import NORMALISATION
from tests.model.training.conftest import MakeChips
from tests.model.training.test_fit import HERE
from tiles.chip import ChipRecord
from tiles.content import content_of
from tiles.errors import UsageError
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    """A teacher that has learned nothing, and has seen nothing."""
    bundle = Bundle("rule", "", "", NORMALISATION, (Member("adaptive.txt", kind="rule"),))
    write_bundle(tmp_path / "rule", bundle, [RULE_TEXT], chips=seen_chips((), "training").to_bytes())
    return tmp_path / "rule"


def without_label(record: ChipRecord) -> ChipRecord:
    return replace(record, label=None)


def test_the_target_is_the_teachers_answer_and_a_known_truth_pulls_it(
    make_chips: MakeChips, rule: Path, tmp_path: Path
) -> None:
    record = make_chips(("Utopia",))[0]
    chip = read_chip(record)
    assert chip.label is not None
    (answer,) = LocalPredictor(rule, "cpu").predict([chip])
    told = {share: Teacher(rule, tmp_path / "t", share).target(chip, content_of(chip)) for share in (0.0, 0.25, 1.0)}
    np.testing.assert_array_equal(told[0.0], answer)
    known = (chip.label != 255) & chip.valid
    assert known.any()
    np.testing.assert_array_equal(told[1.0][known], np.where(chip.label == 1, 254, 0)[known])
    mixed = 0.25 * 254 * (chip.label == 1) + 0.75 * answer.astype(float)
    assert np.abs(told[0.25][known] - mixed[known]).max() <= 0.5
    np.testing.assert_array_equal(told[0.25][~known], answer[~known])


def test_a_chip_without_a_label_teaches_with_a_teacher_and_no_pixel_without_data_does(
    make_chips: MakeChips, rule: Path, tmp_path: Path
) -> None:
    record = without_label(make_chips(("Utopia",))[0])
    tensors = read_tensors(record, ("vv", "vh"), Teacher(rule, tmp_path / "t", 0.5))
    assert tensors.certain == 254
    there = read_chip(record).valid
    np.testing.assert_array_equal((tensors.label == 255).numpy(), ~there)
    summary = summarise(tensors)
    assert summary.water == int((tensors.label.numpy()[there] >= 128).sum())
    assert summary.water + summary.dry == int(there.sum())


def test_its_answers_are_kept_and_asked_for_once(
    make_chips: MakeChips, rule: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip = read_chip(make_chips(("Utopia",))[0])
    first = Teacher(rule, tmp_path / "t", 0.5).target(chip, content_of(chip))
    again = Teacher(rule, tmp_path / "t", 0.5)
    monkeypatch.setattr(again._predictor, "predict", lambda chips: pytest.fail("it was asked again"))
    np.testing.assert_array_equal(again.target(chip, content_of(chip)), first)


def test_the_loss_of_a_probability_is_least_at_that_probability() -> None:
    label = torch.full((1, 4, 4), 191, dtype=torch.uint8)  # 0.75
    label[0, 0] = 255
    loss = build_loss("bce_dice", 254)
    cross_entropy = replace_terms(loss)
    values = [float(cross_entropy(torch.full((1, 4, 4), z), label)) for z in (0.6, float(np.log(3.04)), 1.6)]
    assert values[1] < min(values[0], values[2])
    hard = build_loss("bce_dice")(torch.ones(1, 4, 4), torch.ones(1, 4, 4, dtype=torch.uint8))
    soft = loss(torch.ones(1, 4, 4), torch.full((1, 4, 4), 254, dtype=torch.uint8))
    assert float(hard) == pytest.approx(float(soft))


def replace_terms(loss: torch.nn.Module) -> torch.nn.Module:
    """The cross-entropy alone."""
    from model.training.loss import KnownPixelLoss

    assert isinstance(loss, KnownPixelLoss)
    return KnownPixelLoss(list(zip(loss.weights, loss.terms, strict=True))[:1], loss.certain)


def test_a_student_of_unlabelled_chips_is_whole_names_all_that_it_saw_and_resumes_to_the_same_weights(
    make_chips: MakeChips, rule: Path, tiny: Recipe, tmp_path: Path
) -> None:
    chips = [without_label(record) for record in make_chips()]
    split = Split(tuple(chips), (), "all chips train, none validates")
    done = train(tiny, split, tmp_path / "one", teacher=rule, machine=HERE)
    bundle = read_bundle(done.path)
    assert bundle.training["teacher"] == read_bundle(rule).id
    seen = read_seen_chips(done.path, bundle)
    assert seen is not None
    assert seen.complete
    assert {chip.content.digest for chip in seen.chips} == {content_of(read_chip(r)).digest for r in chips}
    again = train(tiny, split, tmp_path / "one", teacher=rule, resume=True, machine=HERE)
    assert again.bundle.members == done.bundle.members


def test_a_teacher_goes_with_no_validation_and_no_trees(
    make_chips: MakeChips, rule: Path, tiny: Recipe, tmp_path: Path
) -> None:
    chips = make_chips()
    with pytest.raises(UsageError, match="not validated on it: give --split all"):
        train(tiny, Split(tuple(chips[2:]), tuple(chips[:2]), "by hand"), tmp_path / "a", teacher=rule, machine=HERE)
    with pytest.raises(UsageError, match="Trees learn from labels"):
        trees = change_recipe(tiny, {"trees": 2})
        train(trees, Split(tuple(chips), (), "all"), tmp_path / "b", teacher=rule, machine=HERE)


def test_a_worker_process_gets_the_teacher_along(rule: Path, tmp_path: Path) -> None:
    import pickle

    cache = ChipCache(("vv", "vh"), teacher=Teacher(rule, tmp_path / "t", 0.5))
    copied = pickle.loads(pickle.dumps(cache))
    assert copied.teacher is not None
    assert copied.teacher.bundle.id == read_bundle(rule).id
