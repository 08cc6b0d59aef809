"""train, tune and evaluate --cross-validate as a user calls them: what they write, and every bad input in one line."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from command_line import Run
from torch import nn

import model.training.fit as fitting
from model.bundle.manifest import read_bundle
from model.bundle.regions import Regions
from model.scores.histogram import ScoreHistogram
from tests.model.predictors.bundles import write_random
from tiles.simulate import simulate

pytestmark = pytest.mark.slow

TINY = """
base = "quick"
encoder = "tu-mobilenetv3_small_050"
options = {encoder_depth = 3, decoder_channels = [16, 8, 8]}
crop = 32
batch = 4
steps_per_epoch = 2
epochs = 1
ema = 0.0
precision = "float32"
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A recipe of seconds."""
    torch.set_num_threads(1)
    (tmp_path / "tiny.toml").write_text(TINY)
    return tmp_path / "tiny.toml"


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four simulated chips of four countries, 64 x 64 pixels."""
    return simulate(tmp_path_factory.mktemp("few") / "chips", chips=4, size=64)


def labels_of(chips: Path) -> list[Path]:
    return sorted((chips / "LabelHand").glob("*.tif"))


def relabel(chips: Path, value: int, paths: list[Path] | None = None) -> Path:
    """Give every pixel of some labels one value."""
    for path in labels_of(chips) if paths is None else paths:
        with rasterio.open(path, "r+") as file:
            file.write(np.full_like(file.read(1), value), 1)
    return chips


def test_a_recipe_is_cross_validated_and_goes_on_where_it_stopped(
    floodscope: Run, few: Path, tiny: Path, tmp_path: Path
) -> None:
    out, report = tmp_path / "out", tmp_path / "r.json"
    asked = ["evaluate", few, "--cross-validate", "country", "--folds", 2, "--recipe", tiny, "--out", out]
    asked += ["--device", "cpu"]
    done = floodscope(*asked, "--json", report, "--csv", tmp_path / "r.csv")
    assert done.returncode == 0, done.stderr
    told = json.loads(report.read_text())
    assert told["by"] == "country"
    assert len(told["folds"]) == 2
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert len(rows) == 4
    tp, fp, fn = (sum(int(row[key]) for row in rows) for key in ("tp", "fp", "fn"))
    assert told["micro_iou"] == pytest.approx(tp / (tp + fp + fn))
    before = {p: p.stat().st_mtime_ns for p in out.glob("*/checkpoints/last.ckpt")}
    assert len(before) == 2
    table = floodscope(*asked)
    assert table.returncode == 0, table.stderr
    assert {p: p.stat().st_mtime_ns for p in out.glob("*/checkpoints/last.ckpt")} == before
    for said in (f"micro IoU {told['micro_iou']:.3f}", "mean over countries with water", "calibration error"):
        assert said in table.stdout
    # Another recipe in the same folder would be scored as if it were this one.
    other = floodscope(*asked, "--set", "loss=lovasz")
    assert other.returncode == 2
    assert "another recipe" in other.stderr


def test_two_epochs_on_44_simulated_chips_end_with_a_bundle(floodscope: Run, tiny: Path, tmp_path: Path) -> None:
    """The smallest form of a whole training."""
    chips = simulate(tmp_path / "chips", chips=44, size=64)
    asked = ["train", chips, "--recipe", tiny, "--set", "epochs=2", "--out", tmp_path / "out", "--device", "cpu"]
    done = floodscope(*asked)
    assert done.returncode == 0, done.stderr
    bundle = read_bundle(tmp_path / "out" / "bundle")
    assert bundle.training["epochs"] == [2]
    parts = [bundle.training[part]["simulated_chips"] for part in ("train", "validation")]
    assert min(parts) > 0
    assert sum(parts) <= 44
    assert (tmp_path / "out" / "bundle" / "README.md").exists()
    assert list((tmp_path / "out" / "bundle").glob("worst_*.png"))
    assert list((tmp_path / "out" / "bundle").glob("best_*.png"))


def test_trees_are_trained_by_a_recipe_and_join_networks(
    floodscope: Run, few: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.training.fit_trees._CROPS", 12)
    changes = ["--set", "trees=4", "--set", "combine=max", "--set", "crop=64", "--set", "grow=0.3"]
    asked = [
        "train",
        few,
        "--recipe",
        tiny,
        *changes,
        "--out",
        tmp_path / "out",
        "--device",
        "cpu",
        "--split",
        "country",
    ]
    done = floodscope(*asked)
    assert done.returncode == 0, done.stderr
    bundle = read_bundle(tmp_path / "out" / "bundle")
    assert [m.kind for m in bundle.members] == [None, "trees"]
    assert bundle.combine == "max"
    assert bundle.regions == Regions(grow=0.3, seed=0.88)
    card = (tmp_path / "out" / "bundle" / "README.md").read_text()
    assert "boosted trees" in card
    assert "regions from 0.3 on are water that hold enough from 0.88 on" in card
    again = floodscope(*asked, "--resume")
    assert again.returncode == 0, again.stderr
    assert read_bundle(tmp_path / "out" / "bundle").members[1].sha256 == bundle.members[1].sha256
    alone = floodscope(
        "train",
        few,
        "--recipe",
        "trees",
        "--set",
        "trees=3",
        "--set",
        "crop=64",
        "--split",
        "all",
        "--out",
        tmp_path / "t",
    )
    assert alone.returncode == 0, alone.stderr
    assert [m.kind for m in read_bundle(tmp_path / "t" / "bundle").members] == ["trees"]


def test_a_recipe_may_see_elevation_and_permanent_water(floodscope: Run, few: Path, tiny: Path, tmp_path: Path) -> None:
    chips = tmp_path / "chips"
    chips.mkdir()
    for i, label in enumerate(labels_of(few)):
        name = label.name.removesuffix("_LabelHand.tif")
        shutil.copy(few / "S1Hand" / f"{name}_S1Hand.tif", chips / f"{name}.tif")
        shutil.copy(label, chips / f"{name}_label.tif")
        with rasterio.open(label) as file:
            profile, shape = file.profile | {"dtype": "float32", "nodata": None}, file.shape
        for what, value in (("elevation", 100.0 * i), ("permanent_water", 0.1 * i)):
            with rasterio.open(chips / f"{name}_{what}.tif", "w", **profile) as file:
                file.write(np.full(shape, value, np.float32), 1)
    changes = ["--set", 'channels=["vv", "vh", "elevation", "permanent_water"]', "--seed", 7]
    out = tmp_path / "out"
    done = floodscope("train", chips, "--recipe", tiny, *changes, "--split", "all", "--out", out, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    bundle = read_bundle(out / "bundle")
    assert bundle.channels == ("vv", "vh", "elevation", "permanent_water")
    assert bundle.training["recipe"]["seed"] == 7
    assert bundle.normalisation.bands["elevation"].mean == pytest.approx(150.0, abs=1.0)
    without = floodscope("train", few, "--recipe", tiny, *changes, "--split", "all", "--out", tmp_path / "b")
    assert without.returncode == 2
    assert "No chip of the training set" in without.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["train", "FEW", "--out", "NEW", "--set", "los=lovasz"], 2, "did you mean loss"),
        (["train", "FEW", "--out", "NEW", "--set", "loss=lovas"], 2, "did you mean lovasz"),
        (["train", "FEW", "--out", "NEW", "--set", "epochs"], 2, "write field=value"),
        (["train", "FEW", "--out", "NEW", "--set", "epochs=0"], 2, "give a number from 1"),
        (["train", "FEW", "--out", "NEW", "--set", "members=0"], 2, "neither members nor trees"),
        (["train", "FEW", "--out", "NEW", "--recipe", "captone"], 1, "did you mean capstone"),
        (["train", "FEW", "--out", "NEW", "--recipe", "/nowhere.toml"], 1, "cannot be read"),
        (["train", "FEW", "--out", "NEW", "--recipe", "TINY", "--set", "architecture=Unett"], 1, "did you mean Unet"),
        (["train", "FEW", "--out", "NEW", "--recipe", "TINY", "--set", "encoder=resnet81"], 1, "did you mean resnet18"),
        (["train", "FEW", "--out", "NEW", "--recipe", "TINY", "--init", "/nowhere"], 1, "no model bundle at /nowhere"),
        (["train", "FEW", "--out", "NEW", "--from-study", "/nowhere"], 2, "holds no study"),
        (["train", "FEW", "--out", "NEW", "--calibration", "x.json"], 2, "goes with --split all"),
        (["tune", "FEW", "--out", "NEW", "--space", "/nowhere.toml"], 1, "cannot be read"),
        (["tune", "FEW", "--out", "NEW", "--recipe", "trees"], 2, "Tuning is of networks"),
        (["evaluate", "FEW", "--cross-validate", "country"], 2, "needs --out"),
        (["evaluate", "FEW", "--cross-validate", "chip", "--out", "NEW"], 2, "is not one of"),
        (["evaluate", "FEW", "--cross-validate", "event", "--out", "NEW", "--robustness"], 2, "--robustness is of"),
        (
            ["evaluate", "FEW", "--cross-validate", "event", "--out", "NEW", "--model", "backscatter"],
            2,
            "--model is of",
        ),
        (["evaluate", "FEW", "--recipe", "quick"], 2, "--recipe goes with --cross-validate"),
        (["evaluate", "FEW", "--cross-validate", "country", "--out", "NEW", "--folds", "9"], 2, "9 folds need as many"),
    ],
)
def test_wrong_use_of_training_is_one_line_and_an_exit_code(
    floodscope: Run, few: Path, tiny: Path, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    places = {"FEW": few, "NEW": tmp_path / "new", "TINY": tiny}
    result = floodscope(*[places.get(a, a) for a in arguments])
    assert (result.returncode, result.stdout) == (code, ""), result.stderr
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["train", "tune", "evaluate"])
@pytest.mark.parametrize("fault", ["no label", "unknown", "dry", "water", "one group", "water in one group"])
def test_chips_that_cannot_teach_are_told_in_one_line(
    floodscope: Run, few: Path, tiny: Path, tmp_path: Path, command: str, fault: str
) -> None:
    chips = tmp_path / "chips"
    shutil.copytree(few, chips)
    labels = labels_of(chips)
    if fault == "no label":
        shutil.rmtree(chips / "LabelHand")
        chips = chips / "S1Hand"
    elif fault == "one group":
        for path in labels[1:]:
            path.unlink()
    elif fault == "water in one group":
        relabel(chips, 0, labels[1:])
    else:
        relabel(chips, {"unknown": -1, "dry": 0, "water": 1}[fault])
    said = {
        "no label": "No chip has a label",
        "unknown": "known",
        "dry": "water",
        "water": "dry land",
        "one group": "one country" if command != "evaluate" else "2 folds need as many",
        "water in one group": "labelled pixel of water",
    }[fault]
    by = ["--cross-validate", "country"] if command == "evaluate" else ["--split", "country"]
    result = floodscope(command, chips, *by, "--recipe", tiny, "--out", tmp_path / "out", "--device", "cpu")
    assert result.returncode in {1, 2}, result.stderr
    assert result.returncode == (1 if fault == "no label" else 2)
    assert said in result.stderr
    assert "defect of floodscope" not in result.stderr
    assert not list((tmp_path / "out").rglob("model.json"))


def test_a_group_without_water_is_left_out_as_any_other(floodscope: Run, few: Path, tiny: Path, tmp_path: Path) -> None:
    """Ghana's real chips are dry or unknown: they teach, and have no IoU of water."""
    chips = tmp_path / "chips"
    shutil.copytree(few, chips)
    dry, unknown = labels_of(chips)[:2]
    relabel(chips, 0, [dry])
    relabel(chips, -1, [unknown])
    out = tmp_path / "out"
    asked = ["evaluate", chips, "--cross-validate", "country", "--recipe", tiny, "--out", out, "--device", "cpu"]
    result = floodscope(*asked, "--json", tmp_path / "r.json")
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "r.json").read_text())
    assert len(report["folds"]) == 3
    assert len(report["skipped"]) == 1
    assert "known label" in result.stderr
    wet = {c["country"] for f in report["folds"] for c in f["chips"] if c["tp"] + c["fn"]}
    assert len(wet) == 2
    ious = [report["countries"][name] or 0.0 for name in wet]
    assert report["mean_over_countries_with_water"] == pytest.approx(sum(ious) / 2)
    assert all(0.2 < fold["temperature"] < 10 for fold in report["folds"])


@pytest.mark.parametrize("damage", ["missing", "altered", "model.json"])
def test_a_bundle_that_is_not_whole_is_refused_by_its_file(
    floodscope: Run, few: Path, tiny: Path, tmp_path: Path, damage: str
) -> None:
    bundle = tmp_path / "bundle"
    write_random(bundle)
    file = bundle / ("model.json" if damage == "model.json" else "model.safetensors")
    if damage == "missing":
        file.unlink()
    elif damage == "altered":
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    else:
        file.write_text(file.read_text().replace('"threshold": 0.5', '"threshold": 0.4'))
    said = {
        "missing": "lacks model.safetensors",
        "altered": "model.safetensors was altered",
        "model.json": "was altered",
    }
    for command in (
        ["predict", few, "--model", bundle, "--data", tmp_path / "d"],
        ["evaluate", few, "--model", bundle, "--data", tmp_path / "d"],
        ["train", few, "--recipe", tiny, "--init", bundle, "--out", tmp_path / "out", "--split", "all"],
    ):
        result = floodscope(*command)
        assert result.returncode == 1, (command, result.stderr)
        assert said[damage] in result.stderr, command
        assert str(bundle) in result.stderr


def test_a_loss_that_is_no_number_ends_the_command_and_keeps_what_was_good(
    floodscope: Run, few: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    class Exploding(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            calls.append(self.training)
            answer: torch.Tensor = self.network(x)
            return answer * float("nan") if sum(calls) > 2 else answer

    original = fitting.build_network
    monkeypatch.setattr(fitting, "build_network", lambda *a, **k: Exploding(original(*a, **k)))
    asked = ["train", few, "--recipe", tiny, "--set", "epochs=3", "--out", tmp_path / "out", "--split", "country"]
    result = floodscope(*asked, "--device", "cpu")
    assert result.returncode == 1
    assert "The loss became nan in epoch 2, step 1, with crops of " in result.stderr
    *epochs, message = result.stderr.strip().splitlines()
    assert message.startswith("floodscope: ") and all(line.startswith("epoch=") for line in epochs)
    kept = torch.load(tmp_path / "out" / "checkpoints" / "best.ckpt", weights_only=True)
    assert kept["epoch"] == 0
    assert not (tmp_path / "out" / "bundle").exists()


def test_imagenet_weights_that_cannot_be_fetched_give_way_to_random_ones(
    floodscope: Run, few: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = fitting.build_network

    def unreachable(*arguments: object, encoder_weights: str | None = None, **more: object) -> nn.Module:
        if encoder_weights is not None:
            raise ConnectionError("no route to the hub")
        return original(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "build_network", unreachable)
    asked = ["train", few, "--recipe", tiny, "--set", "encoder_weights=imagenet", "--out", tmp_path / "out"]
    result = floodscope(*asked, "--split", "all", "--device", "cpu")
    assert result.returncode == 0, result.stderr
    training = read_bundle(tmp_path / "out" / "bundle").training
    assert (training["recipe"]["encoder_weights"], training["encoder_weights"]) == ("imagenet", "")


@pytest.mark.parametrize("logger", ["mlflow", "wandb"])
def test_a_logger_that_is_not_installed_says_what_to_install(
    floodscope: Run, few: Path, tiny: Path, tmp_path: Path, logger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lightning.pytorch import loggers

    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("no such module")

    monkeypatch.setattr(loggers, {"mlflow": "MLFlowLogger", "wandb": "WandbLogger"}[logger], missing)
    asked = ["train", few, "--recipe", tiny, "--logger", logger, "--out", tmp_path / "out", "--split", "all"]
    result = floodscope(*asked, "--device", "cpu")
    assert result.returncode == 2
    assert f"pip install 'floodscope[{logger}]'" in result.stderr


def test_the_share_error_of_a_cross_validation_reaches_the_answer_for_a_chip() -> None:
    from model.evaluation.answer import ShareError
    from model.training.crossvalidate import _share_error

    rng = np.random.default_rng(0)
    scored = []
    for group, share in zip("AABBCC", (0.1, 0.2, 0.3, 0.5, 0.7, 0.8), strict=True):
        truth = (rng.random((64, 64)) < share).astype(np.uint8)
        guess = np.clip(np.rint(254 * (0.2 + 0.6 * truth)), 0, 254).astype(np.uint8)
        scored.append((group, ScoreHistogram.of(guess, truth)))
    found = _share_error(scored)
    assert found is not None
    recorded = ShareError.recorded({"cross_validation": {"micro": {}, "share_error": found}})
    assert recorded is not None
    assert (recorded.chips, recorded.groups, recorded.origin) == (6, 3, "model")
    assert recorded.spread == found["spread"]
    assert _share_error(scored[:4]) is None
