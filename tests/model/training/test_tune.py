"""Tuning: a study goes on where it stopped, survives what cannot be built, and hands its best recipe on."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from model.training.module import VALIDATION_IOU
from model.training.recipe import Recipe, change_recipe
from model.training.split import Split, split_by_group
from model.training.tune import PLOT, TABLE, best_recipe, read_space, tune
from tests.model.training.conftest import MakeChips
from tests.model.training.test_fit import HERE
from tiles.errors import ModelError, UsageError

pytestmark = pytest.mark.slow


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / TABLE).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.filterwarnings("error::FutureWarning")  # what Optuna is about to drop
def test_a_study_goes_on_and_hands_its_best_recipe_on(make_chips: MakeChips, tiny: Recipe, tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    # An encoder depth that the decoder does not fit: that trial fails, the study goes on.
    space.write_text(
        "learning_rate = {low = 1e-4, high = 1e-2, log = true}\n"
        "options = [{encoder_depth = 3, decoder_channels = [16, 8, 8]}, {encoder_depth = 3, decoder_channels = [8]}]\n"
        '"augmentation.zoom" = {low = 0.0, high = 0.5}\n'
    )
    split = split_by_group(make_chips(), "event", 0.3)
    recipe = change_recipe(tiny, {"steps_per_epoch": 2})
    seen: list[tuple[int, int]] = []
    tune(recipe, read_space(space), split, tmp_path / "study", 2, machine=HERE, on_trial=lambda *p: seen.append(p))
    study = tune(recipe, read_space(space), split, tmp_path / "study", 3, machine=HERE)
    assert seen[0] == (0, 2)
    assert seen[-1] == (2, 2)
    table = rows(tmp_path / "study")
    done = [row for row in table if row["state"] in {"complete", "pruned"}]
    assert len(done) == 3
    values = [float(row[VALIDATION_IOU]) for row in done]
    assert values == sorted(values, reverse=True)
    best = best_recipe(tmp_path / "study")
    assert best.learning_rate == pytest.approx(study.best_trial.params["learning_rate"])
    assert best.options["decoder_channels"] == [16, 8, 8]
    assert best.crop == recipe.crop
    page = (tmp_path / "study" / PLOT).read_text()
    assert "Plotly.newPlot" in page
    assert '<script src="http' not in page.replace("'", '"')


def test_a_space_that_makes_no_sense_is_refused_before_any_training(tmp_path: Path) -> None:
    for text, error, told in [
        ("", ModelError, "empty"),
        ("learning_rate = 3", ModelError, "list of values"),
        ("learning_rate = {low = 1, high = 0.1}", ModelError, "low below high"),
        ("learning_rate = {low = 0.0, high = 0.1, log = true}", ModelError, "above 0"),
        ('los = ["lovasz"]', ModelError, "did you mean loss"),
        ('loss = ["lovas"]', ModelError, "lovasz"),
        ("= 3", ModelError, "not TOML"),
    ]:
        file = tmp_path / "space.toml"
        file.write_text(text)
        with pytest.raises(error, match=told):
            read_space(file)
    with pytest.raises(ModelError, match="cannot be read"):
        read_space(tmp_path / "none.toml")


def test_the_default_space_is_the_capstones() -> None:
    assert [choice.field for choice in read_space(None)] == ["architecture", "encoder", "learning_rate", "loss"]


def test_tuning_needs_chips_to_judge_by(make_chips: MakeChips, tiny: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="chips to validate on"):
        tune(tiny, read_space(None), Split(tuple(make_chips()), (), "all"), tmp_path, 1, machine=HERE)
    with pytest.raises(UsageError, match="holds no study"):
        best_recipe(tmp_path)
