"""Fitting: the weights of the best epoch, the same ones after a kill, and a clear end where training goes wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from model.bundle.manifest import Bundle, Member, write_bundle
from model.bundle.normalisation import Normalisation, ZScore
from model.scores.histogram import ScoreHistogram
from model.training.fit import Fitted, Machine, fit
from model.training.loss import build_loss
from model.training.module import VALIDATION_IOU, WaterModule
from model.training.recipe import Recipe, change_recipe
from model.training.split import Split, split_by_group
from tests.model.training.conftest import MakeChips
from tiles.chip import ChipRecord
from tiles.errors import ModelError, TrainingError, UsageError

pytestmark = pytest.mark.slow

HERE = Machine(accelerator="cpu", loggers=("csv",), progress=False)
ROOT = Path(__file__).resolve().parents[3]


def everything(records: list[ChipRecord]) -> Split:
    return Split(tuple(records), (), "all")


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_training_learns_and_the_best_epoch_is_kept(make_chips: MakeChips, tiny: Recipe, tmp_path: Path) -> None:
    recipe = change_recipe(tiny, {"epochs": 6, "steps_per_epoch": 8})
    fitted = fit(recipe, split_by_group(make_chips(), "event", 0.3), tmp_path, machine=HERE)
    ious = [row[VALIDATION_IOU] for row in fitted.history]
    assert len(ious) == 6
    assert max(ious) > 0.5  # a dark lake in bright land
    assert ious[fitted.best_epoch - 1] == max(ious)
    assert (tmp_path / "logs" / "csv" / "metrics.csv").exists()
    assert not any(parameter.requires_grad for parameter in fitted.network.parameters())


def test_two_processes_train_one_network_and_one_of_them_goes_on(
    make_chips: MakeChips, tiny: Recipe, tmp_path: Path
) -> None:
    """Data-parallel on two CPU processes, as it is on two GPUs; what follows a training happens once."""
    recipe = change_recipe(tiny, {"epochs": 2, "steps_per_epoch": 4, "batch": 4})
    machine = replace(HERE, devices=2)
    split = split_by_group(make_chips(), "event", 0.3)
    fitted = fit(recipe, split, tmp_path / "two", machine=machine)
    assert [row["epoch"] for row in fitted.history] == [1, 2]
    assert all(VALIDATION_IOU in row for row in fitted.history)
    start = fit(change_recipe(recipe, {"epochs": 1, "learning_rate": 1e-9}), split, tmp_path / "one", machine=HERE)
    assert not same_weights(fitted.network, start.network)


def test_validation_and_evaluation_have_one_metric(make_chips: MakeChips, tiny: Recipe, tmp_path: Path) -> None:
    """The capstone validated by micro IoU and tested by a mean of batches: two numbers that nothing connects."""
    from model.predictors.local import LocalPredictor
    from tiles.reading.door import read_chip

    records = make_chips()
    recipe = change_recipe(tiny, {"epochs": 1})
    fitted = fit(recipe, split_by_group(records, "event", 0.3), tmp_path, machine=HERE)
    bundle = Bundle("tiny", recipe.architecture, recipe.encoder, fitted.normalisation, options=recipe.options)
    write_bundle(tmp_path / "bundle", bundle, [fitted.network.state_dict()])
    predictor = LocalPredictor(tmp_path / "bundle", "cpu", threads=1)
    histograms = []
    for record in fitted.validation:
        chip = read_chip(record)
        assert chip.label is not None
        histograms.append(ScoreHistogram.of(predictor.predict([chip])[0], chip.label))
    micro = ScoreHistogram.sum_of(histograms).confusion(0.5).iou or 0.0
    assert fitted.history[0][VALIDATION_IOU] == pytest.approx(micro, abs=1e-6)


@pytest.mark.parametrize("schedule", ["onecycle", "cosine", "constant"])
def test_the_learning_rate_follows_the_steps_whatever_the_loss_does(tiny: Recipe, schedule: str) -> None:
    """The capstone's plateau scheduler watched a step's loss as if more were better: 1e-8 after 100 steps."""
    recipe = change_recipe(tiny, {"schedule": schedule, "steps_per_epoch": 100, "epochs": 10})
    module = WaterModule(recipe, nn.Conv2d(2, 1, 1), build_loss("bce_dice"))
    chosen = module.configure_optimizers()
    if schedule == "constant":
        assert chosen.param_groups[0]["lr"] == recipe.learning_rate
        return
    rates = []
    for _ in range(recipe.steps):
        rates.append(chosen["optimizer"].param_groups[0]["lr"])
        chosen["optimizer"].step()
        chosen["lr_scheduler"]["scheduler"].step()
    assert chosen["lr_scheduler"]["interval"] == "step"
    assert rates[100] > recipe.learning_rate / 10
    assert max(rates) == pytest.approx(recipe.learning_rate, rel=1e-3)
    assert rates[-1] < recipe.learning_rate / 100


SCRIPT = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.model.training.test_fit import HERE, everything, rebuilt
from model.training.fit import fit
records, recipe = rebuilt(Path(sys.argv[1]))
def until_killed(row):
    if row["epoch"] == 3:  # two epochs are saved, the third one is not quite
        print("now", flush=True)
        time.sleep(600)
fit(recipe, everything(records), Path(sys.argv[2]), machine=HERE, on_epoch=until_killed)
"""


def rebuilt(file: Path) -> tuple[list[ChipRecord], Recipe]:
    """Return what another process wrote down for this one."""
    from tiles.catalog.catalog import open_catalog

    raw = json.loads(file.read_text())
    return list(open_catalog([Path(raw["catalog"])]).usable()), change_recipe(Recipe(), raw["recipe"])


def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(tiny: Recipe, tmp_path: Path) -> None:
    from tiles.simulate import simulate

    # With dropout, averaged weights and a schedule: everything that a restart could forget.
    recipe = change_recipe(
        tiny,
        {"encoder": "efficientnet-b0", "options": {"encoder_depth": 3, "decoder_channels": [16, 8, 8]}, "epochs": 4},
    )
    plan = tmp_path / "plan.json"
    plan.write_text(
        json.dumps({"catalog": str(simulate(tmp_path / "chips", chips=3, size=64)), "recipe": recipe.to_json()})
    )

    # The one that is killed is a process; those that end may run here, on one core as it does.
    torch.set_num_threads(1)
    killed = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(plan), str(tmp_path / "killed")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    assert "now" in map(str.strip, killed.stdout)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    records, _ = rebuilt(plan)
    trained: list[float] = []
    again = fit(
        recipe, everything(records), tmp_path / "killed", machine=HERE, resume=True,
        on_epoch=lambda row: trained.append(row["epoch"]),
    )  # fmt: skip
    assert 1 not in trained
    assert trained[-1] == 4
    whole = fit(recipe, everything(records), tmp_path / "whole", machine=HERE)
    assert same_weights(again.network, whole.network)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_weights(
    make_chips: MakeChips, tiny: Recipe, tmp_path: Path
) -> None:
    recipe = change_recipe(tiny, {"epochs": 3, "schedule": "constant", "clip": 0.0})
    seen: list[float] = []

    class Exploding(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = self.network(x)
            return answer * float("nan") if self.training and len(seen) >= 1 else answer

    import model.training.fit as fitting

    original = fitting.build_network
    patch = pytest.MonkeyPatch()
    patch.setattr(fitting, "build_network", lambda *a, **k: Exploding(original(*a, **k)))
    with pytest.raises(TrainingError, match=r"epoch 2, step 1, with crops of \w+_\d"):
        fit(recipe, split_by_group(make_chips(), "event", 0.3), tmp_path, machine=HERE, on_epoch=seen.append)
    patch.undo()
    for name in ("last", "best"):
        checkpoint = torch.load(tmp_path / "checkpoints" / f"{name}.ckpt", weights_only=True)
        assert checkpoint["epoch"] == 0
        assert all(bool(torch.isfinite(t).all()) for t in checkpoint["state_dict"].values() if t.is_floating_point())


def test_training_can_begin_with_the_weights_of_a_bundle(make_chips: MakeChips, tiny: Recipe, tmp_path: Path) -> None:
    records = make_chips()
    recipe = change_recipe(tiny, {"epochs": 1, "ema": 0.0})
    first = fit(recipe, everything(records), tmp_path / "first", machine=HERE)
    shifted = Normalisation({name: ZScore(-10.0, 5.0) for name in ("vv", "vh")})
    bundle = Bundle(
        "first", recipe.architecture, recipe.encoder, shifted, (Member("model.safetensors"),), options=recipe.options
    )
    write_bundle(tmp_path / "bundle", bundle, [first.network.state_dict()])
    still = change_recipe(recipe, {"learning_rate": 1e-9, "schedule": "constant", "weight_decay": 0.0})
    second = fit(still, everything(records), tmp_path / "second", init=tmp_path / "bundle", machine=HERE)
    assert second.normalisation == shifted
    for name, parameter in second.network.named_parameters():
        assert torch.allclose(parameter, first.network.get_parameter(name), atol=1e-6), name
    other = change_recipe(recipe, {"options": {"encoder_depth": 3, "decoder_channels": [8, 8, 8]}})
    with pytest.raises(ModelError, match="same options"):
        fit(other, everything(records), tmp_path / "third", init=tmp_path / "bundle", machine=HERE)


def test_a_folder_belongs_to_one_training(make_chips: MakeChips, tiny: Recipe, tmp_path: Path) -> None:
    records = make_chips()
    recipe = change_recipe(tiny, {"epochs": 1})
    done = fit(recipe, everything(records), tmp_path, machine=HERE)
    with pytest.raises(UsageError, match="--resume"):
        fit(recipe, everything(records), tmp_path, machine=HERE)
    with pytest.raises(UsageError, match="another recipe or other chips"):
        fit(recipe, everything(records[:4]), tmp_path, machine=HERE, resume=True)
    again: Fitted = fit(recipe, everything(records), tmp_path, machine=HERE, resume=True)
    assert same_weights(done.network, again.network)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"architecture": "Unett"}, "did you mean Unet"),
        ({"encoder": "resnet81"}, "resnet18"),
        ({"encoder": "tu-nosuchnet"}, "no encoder"),
    ],
)
def test_an_unknown_network_is_refused_with_the_nearest_name(
    make_chips: MakeChips, tiny: Recipe, tmp_path: Path, change: dict[str, str], told: str
) -> None:
    with pytest.raises(ModelError, match=told):
        fit(change_recipe(tiny, change), everything(make_chips()), tmp_path, machine=HERE)


def test_chips_that_cannot_teach_or_judge_are_refused(make_chips: MakeChips, tiny: Recipe, tmp_path: Path) -> None:
    records = make_chips()
    dry = [r for r in records if r.country == "Laputa"]
    import rasterio

    for record in dry:
        assert record.label is not None
        with rasterio.open(record.label.path, "r+") as file:
            file.write(file.read(1) * 0, 1)
    wet = tuple(r for r in records if r.country != "Laputa")
    with pytest.raises(UsageError, match="validation set hold no labelled pixel of water"):
        fit(tiny, Split(wet, tuple(dry), "dry"), tmp_path / "a", machine=HERE)
    with pytest.raises(UsageError, match="training set hold no labelled pixel of water"):
        fit(tiny, everything(dry), tmp_path / "b", machine=HERE)
    with pytest.raises(UsageError, match="No chip of the training set"):
        fit(tiny, everything([]), tmp_path / "c", machine=HERE)
