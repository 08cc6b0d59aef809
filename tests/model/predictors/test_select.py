"""From a model's name to its predictor."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model.bundle.manifest import write_bundle
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.local import LocalPredictor
from model.predictors.select import FAMILIES, ModelChoice, known_models, open_predictor
from tests.model.predictors.bundles import UNET, pack_bundle
from tiles.errors import BundleError, ModelError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "models" / "unet", UNET, [{"w": torch.zeros(1)}])
    return tmp_path / "models" / "unet"


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("backscatter", "VH threshold -22 dB"),
        ("backscatter:otsu", "VH Otsu threshold"),
        ("backscatter:-21.5", "VH threshold -21.5 dB"),
        ("backscatter:-20", "VH threshold -20 dB"),
    ],
)
def test_the_baseline_is_opened_by_its_name(spec: str, name: str) -> None:
    predictor = open_predictor(spec)
    assert isinstance(predictor, BackscatterPredictor)
    assert predictor.name == name


def test_a_bundle_is_opened_by_its_path(folder: Path) -> None:
    pack_bundle(folder, folder.with_name("unet.tar.gz"))
    for path in (folder, str(folder), folder.with_name("unet.tar.gz")):
        predictor = open_predictor(path, "cpu")
        assert isinstance(predictor, LocalPredictor)
        assert predictor.name == "Test U-Net"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("floodscop", "did you mean floodscope"),
        ("backscater", "'backscater': did you mean backscatter"),
        ("backscatter:osu", "did you mean backscatter:otsu"),
        ("backscatter:adaptve", "did you mean backscatter:adaptive"),
        ("backscatter:", "no model 'backscatter:'"),
        ("backscatter:nan", "no model 'backscatter:nan'"),
        ("", "no model ''"),
        ("s3://bucket/model", "no model 's3://bucket/model': give floodscope, backscatter, .*path of a model bundle"),
        ("unet\0", "no model"),
        ("x" * 100_000, "no model 'xxx"),
    ],
)
def test_an_unknown_model_is_refused_with_what_is_known(spec: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        open_predictor(spec)
    assert "model bundle" in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_threshold_out_of_range_and_another_device_for_the_baseline_are_wrong_use() -> None:
    with pytest.raises(UsageError, match="no VH backscatter reaches"):
        open_predictor("backscatter:99")
    with pytest.raises(UsageError, match="backscatter:otsu runs on the cpu alone: leave the device cuda out"):
        open_predictor("backscatter:otsu", "cuda")
    assert open_predictor("backscatter", "cpu").device == "cpu"


def test_a_folder_that_is_no_bundle_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"lacks model\.json"):
        open_predictor(tmp_path)
    with pytest.raises(BundleError, match="no model bundle at"):
        open_predictor(tmp_path / "none.tar.gz")


def test_the_models_of_a_folder_are_listed_after_those_that_come_with_the_program_each_once(folder: Path) -> None:
    models = folder.parent
    (models / "notes.txt").write_text("no bundle")
    (models / "empty").mkdir()
    baseline = known_models()
    assert [choice.spec for choice in baseline] == [spec for family in FAMILIES for spec in family.offered]
    assert [choice.spec for choice in baseline[:2]] == ["floodscope", "backscatter"]
    choices = known_models([models, folder])
    assert choices == [*baseline, ModelChoice(str(folder), "Test U-Net")]
    assert all(open_predictor(choice.spec).name == choice.name for choice in choices)


def test_a_damaged_bundle_is_listed_with_its_problem_and_hides_no_other(folder: Path) -> None:
    (folder.parent / "bad.tar.gz").write_bytes(b"nothing")
    bad, good = known_models([folder.parent])[len(known_models()) :]
    assert bad.name == "bad.tar.gz"
    assert bad.problem is not None
    assert "not a whole .tar.gz" in bad.problem
    assert good == ModelChoice(str(folder), "Test U-Net")


def test_a_path_that_does_not_exist_is_listed_with_its_problem(tmp_path: Path) -> None:
    (choice,) = known_models([tmp_path / "none"])[len(known_models()) :]
    assert choice.problem is not None
    assert "no model bundle at" in choice.problem
