"""Recipes: presets, files and single changes; what is misspelt is refused with the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.training.recipe import RECIPES, Recipe, change_recipe, load_recipe
from tiles.errors import ModelError


def test_a_file_changes_its_base(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('base = "capstone"\nencoder = "resnet34"\nlearning_rate = 1\n[augmentation]\nzoom = 0.25\n')
    recipe = load_recipe(str(file), ["batch=4", "augmentation.blur=0.5"])
    assert (recipe.name, recipe.encoder, recipe.batch, recipe.loss) == ("mine", "resnet34", 4, "xe_dice")
    assert recipe.learning_rate == 1.0
    assert (recipe.augmentation.zoom, recipe.augmentation.blur, recipe.augmentation.symmetries) == (0.25, 0.5, True)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_its_own_json(name: str) -> None:
    recipe = RECIPES[name]
    assert change_recipe(Recipe(), recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("learning_rat=1e-3", "learning_rate"),
        ("loss=lovas", "lovasz"),
        ("architecture=3", "a text"),
        ("crop=abc", "a whole number"),
        ("crop=12.5", "a whole number"),
        ("batch=0", "from 1"),
        ("augmentation.zom=1", "zoom"),
        ("augmentation.symmetries=1", "true or false"),
        ("augmentation=3", "table"),
        ("minmax_db=[1,2,3]", "list"),
        ('channels=["vv","hv"]', "vh"),
        ("learning_rate", "field=value"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(change: str, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        load_recipe("floodscope", [change])


def test_an_unknown_recipe_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="did you mean capstone"):
        load_recipe("capston")
    with pytest.raises(ModelError, match="cannot be read"):
        load_recipe(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("= 3")
    with pytest.raises(ModelError, match="not TOML"):
        load_recipe(str(tmp_path / "bad.toml"))


def test_the_capstone_is_the_capstone() -> None:
    recipe = RECIPES["capstone"]
    assert (recipe.architecture, recipe.encoder, recipe.learning_rate) == ("Unet", "efficientnet-b0", 1e-3)
    assert (recipe.batch, recipe.patience, recipe.crop, recipe.loss) == (8, 5, 256, "xe_dice")
