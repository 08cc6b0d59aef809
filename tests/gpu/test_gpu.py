"""On a GPU: the CPU's masks, chips a second from GeoTIFF to COG beside the bare network, training steps a second, memory.

`make gpu` runs it with what it prints, in minutes. FLOODSCOPE_GPU names another device: `FLOODSCOPE_GPU=cpu` tries the
tests themselves. Without a CUDA device it is skipped. No time is asserted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from model.bundle.manifest import read_bundle
from model.bundle.network import load_ensemble
from model.inference.missing import predict_missing
from model.predictors.local import LocalPredictor
from model.store.store import Store
from model.training.fit import Machine
from model.training.recipe import PRETRAIN, change_recipe
from model.training.split import Split
from model.training.train import train
from model.weights import WEIGHTS
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.reading.door import read_chip
from tiles.simulate import simulate

DEVICE = os.environ.get("FLOODSCOPE_GPU", "cuda")
CHIPS, STEPS = (64, 200) if DEVICE != "cpu" else (2, 2)

pytestmark = [
    pytest.mark.skipif(
        DEVICE == "cuda" and not torch.cuda.is_available(), reason="no CUDA device here (FLOODSCOPE_GPU=cpu tries it)"
    ),
    pytest.mark.timeout(480),
]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[ChipRecord]:
    folder = simulate(tmp_path_factory.mktemp("gpu") / "chips", chips=CHIPS, seed=31, size=512 if CHIPS > 2 else 128)
    return list(open_catalog([folder]).usable())


@pytest.fixture(autouse=True)
def card() -> Iterator[None]:
    """Tell which card it was, and the memory that it took at most."""
    if DEVICE != "cpu":
        torch.cuda.reset_peak_memory_stats()
    yield
    if DEVICE != "cpu":
        print(f"\n{torch.cuda.get_device_name()}: at most {torch.cuda.max_memory_allocated() / 2**20:.0f} MiB")


def test_masks_are_those_of_the_cpu(records: list[ChipRecord]) -> None:
    there, here = LocalPredictor(WEIGHTS, DEVICE), LocalPredictor(WEIGHTS, "cpu")
    same = total = 0
    for record in records[:8]:
        chip = read_chip(record)
        (one,), (two,) = there.predict([chip]), here.predict([chip])
        np.testing.assert_array_equal(one == 255, two == 255)
        same += int(((one >= 127) == (two >= 127))[chip.valid].sum())
        total += int(chip.valid.sum())
    print(f"\n{there.device}: {same / total:.5%} of {total} pixels have the CPU's mask")
    assert same / total >= 0.999


def test_chips_a_second_from_geotiff_to_cog_beside_the_bare_network(records: list[ChipRecord], tmp_path: Path) -> None:
    predictor = LocalPredictor(WEIGHTS, DEVICE)
    predictor.predict([read_chip(records[0])])
    with Store(tmp_path / "data") as store:
        began = time.perf_counter()
        job = predict_missing(records, predictor, store)
        whole = time.perf_counter() - began
        assert job.snapshot().done == len(records)
    bundle = read_bundle(WEIGHTS)
    network = load_ensemble(WEIGHTS, bundle).networks[0].to(DEVICE, memory_format=torch.channels_last)
    x = torch.zeros(4, 2, 512, 512, device=DEVICE).contiguous(memory_format=torch.channels_last)
    rounds = max(1, len(records) // 4)
    with torch.inference_mode(), torch.autocast(DEVICE, torch.bfloat16):
        network(x)
        began = time.perf_counter()
        for _ in range(rounds):
            network(x).float().cpu()
        bare = time.perf_counter() - began
    print(
        f"\n{len(records) / whole:.1f} chips/s from GeoTIFF to COG, {4 * rounds / bare:.1f} through the bare network in bf16"
    )


def test_training_steps_a_second_and_a_loss_that_falls(records: list[ChipRecord], tmp_path: Path) -> None:
    recipe = change_recipe(PRETRAIN, {"epochs": 2, "steps_per_epoch": STEPS // 2, "crop": 192 if STEPS > 2 else 64})
    machine = Machine(accelerator="cuda" if DEVICE != "cpu" else "cpu", loggers=("csv",), progress=False)
    began = time.perf_counter()
    done = train(recipe, Split(tuple(records), (), "all train"), tmp_path / "run", machine=machine)
    print(
        f"\n{recipe.steps / (time.perf_counter() - began):.2f} steps/s of {recipe.batch} crops, data and start included"
    )
    assert all(np.isfinite(row["train_loss"]) for row in done.fitted[0].history)
