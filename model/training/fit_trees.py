"""Fits boosted trees to pixels of the crops that a network would see: the same balance, augmentation and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from model.bundle.normalisation import Normalisation
from model.bundle.trees import FEATURES, WINDOWS, TreeMember, backscatter, features, require_lightgbm
from model.training.dataset import (
    ChipCache,
    CropDataset,
    fit_normalisation,
    usable_split,
)
from model.training.fit import Fitted
from model.training.plan import plan_of, take_folder
from model.training.recipe import Recipe
from model.training.split import Split
from tiles.chip import UNKNOWN
from tiles.errors import UsageError
from tiles.files import write_whole

TREES = "trees.txt"
"""Name of the fitted trees, in the folder of their training."""

# Pixels in all, and of one crop: neighbours say the same.
_PIXELS = 400_000
_CROPS = 400
# Small trees that many pixels must agree on: chips are few, and their pixels are not independent.
_SETTINGS: Mapping[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 200,
    "lambda_l2": 10.0,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def fit_trees(
    recipe: Recipe,
    split: Split,
    folder: Path,
    *,
    normalisation: Normalisation | None = None,
    resume: bool = False,
    cache: ChipCache | None = None,
) -> Fitted:
    """Fit `recipe.trees` boosted trees and return them as a member. Validation chips decide nothing.

    Args:
        recipe: channels, crops, augmentation, balance, number of trees, seed.
        split: on what.
        folder: gets the trees' text; where it holds that already and `resume` is asked for, nothing is fitted.
        normalisation: of the bundle that the trees shall join; that of the training chips where it is None.
        resume: as in `model.training.fit.fit`.
        cache: decoded chips, where several trainings share them.

    Raises:
        UsageError: the chips cannot teach, `recipe` lacks VV or VH, or `folder` holds another training.
        ModelError: LightGBM is not installed.
    """
    lightgbm = require_lightgbm("A recipe with trees")
    if not {"vv", "vh"} <= set(recipe.channels):
        raise UsageError("Trees are of VV and VH: give the recipe both as channels, or trees = 0.")
    cache = cache or ChipCache(recipe.channels)
    train, judges, refused = usable_split(split, cache)
    normalisation = normalisation or fit_normalisation(recipe, train)
    if cache.teacher is not None:
        raise UsageError("Trees learn from labels, not from a teacher: leave trees at 0 in the recipe of its student.")
    take_folder(folder, plan_of(recipe, normalisation, train, judges, None), resume)
    done = folder / TREES
    if not done.exists():
        x, y = sample_pixels(CropDataset(train, recipe, normalisation, cache), recipe, normalisation)
        data = lightgbm.Dataset(x, y, feature_name=list(FEATURES), free_raw_data=True)
        settings = {**_SETTINGS, "seed": recipe.seed, "num_threads": torch.get_num_threads()}
        text: str = lightgbm.train(settings, data, recipe.trees).model_to_string()
        whole = TreeMember(text, recipe.channels, normalisation, str(done)).text
        write_whole(done, whole.encode("ascii"))
    member = TreeMember(done.read_text(encoding="ascii"), recipe.channels, normalisation, str(done))
    return Fitted(
        network=member.eval(),
        normalisation=normalisation,
        train=tuple(record for record, _ in train),
        validation=tuple(record for record, _ in judges),
        refused=refused,
        history=(),
        best_epoch=0,
    )


def sample_pixels(
    crops: CropDataset, recipe: Recipe, normalisation: Normalisation
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return features float32 (n, len(FEATURES)) and labels uint8 (n,) of known pixels drawn from seeded crops.

    Pixels nearer to a crop's rim than half the widest window are not drawn: their surroundings are cut off.
    """
    rim = min(max(WINDOWS) // 2, recipe.crop // 4)
    xs, ys = [], []
    for i in range(_CROPS):
        image, label = crops[(0, i)]
        known = label.numpy().copy()
        known[:rim], known[-rim:], known[:, :rim], known[:, -rim:] = UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN
        pixels = np.flatnonzero(known != UNKNOWN)
        if not pixels.size:
            continue
        rng = np.random.default_rng((recipe.seed, i))
        drawn = rng.choice(pixels, min(_PIXELS // _CROPS, pixels.size), replace=False)
        xs.append(features(*backscatter(image.numpy(), recipe.channels, normalisation))[drawn])
        ys.append(known.reshape(-1)[drawn])
    return np.concatenate(xs), np.concatenate(ys)
