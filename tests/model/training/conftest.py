"""Small labelled chips of some countries, for the tests of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from model.training.recipe import Recipe, change_recipe
from tests.model.conftest import MakeRecord
from tiles.chip import ChipRecord

MakeChips = Callable[..., list[ChipRecord]]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Small networks are slower on two threads, and the order of sums is the same everywhere on one."""
    torch.set_num_threads(1)


@pytest.fixture
def make_chips(make_record: MakeRecord) -> MakeChips:
    """Write two chips a country, each country one flood."""

    def make(countries: tuple[str, ...] = ("Utopia", "Erewhon", "Laputa"), size: int = 64) -> list[ChipRecord]:
        return [
            replace(make_record(f"{country}_{i}", size), country=country, event=f"Flood of {country}")
            for country in countries
            for i in range(2)
        ]

    return make


@pytest.fixture
def tiny() -> Recipe:
    """Return a recipe of seconds."""
    return change_recipe(
        Recipe(),
        {
            "name": "tiny",
            "encoder": "tu-mobilenetv3_small_050",
            "options": {"encoder_depth": 3, "decoder_channels": [16, 8, 8]},
            "crop": 32,
            "batch": 4,
            "steps_per_epoch": 4,
            "epochs": 2,
            "patience": 0,
            "learning_rate": 1e-2,
            "ema": 0.5,
            "precision": "float32",
            "tta": "none",
        },
    )
