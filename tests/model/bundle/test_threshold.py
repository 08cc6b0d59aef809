"""The threshold on despeckled VH: a bundle's member that nothing has trained."""

from __future__ import annotations

import numpy as np
import torch

from model.bundle.normalisation import Normalisation, ZScore
from model.bundle.threshold import SOFTNESS_DB, WINDOWS, threshold_trees
from model.bundle.trees import FEATURES, TreeMember, features

NORMALISATION = Normalisation({"vv": ZScore(-11.0, 4.0), "vh": ZScore(-18.0, 5.0)})


def answer(vv: np.ndarray, vh: np.ndarray, below_db: float) -> np.ndarray:
    member = TreeMember(threshold_trees(below_db), ("vv", "vh"), NORMALISATION, "test")
    image = torch.from_numpy(np.stack([(vv + 11) / 4, (vh + 18) / 5]).astype(np.float32))
    margin: np.ndarray = member(image[None])[0, 0].numpy()
    return margin


def test_its_log_odds_are_the_distance_of_the_averaged_vh_from_the_threshold() -> None:
    rng = np.random.default_rng(0)
    vv = rng.normal(-11, 4, (64, 80)).astype(np.float32)
    vh = (rng.normal(-22, 2, (64, 80)) + np.linspace(-3, 3, 80)).astype(np.float32)
    columns = features(vv, vh)
    means = [columns[:, FEATURES.index(f"vh_mean_{side}")].reshape(vh.shape) for side in WINDOWS]
    expected = np.mean([np.clip((-22.0 - mean) / SOFTNESS_DB, -4, 4) for mean in means], axis=0)
    found = answer(vv, vh, -22.0)
    assert np.abs(found - expected).max() < 0.07  # half a step, and the rounding of dB
    clear = np.abs(np.mean(means, axis=0) + 22.0) > 0.13
    assert clear.mean() > 0.8
    assert ((found > 0) == (np.mean(means, axis=0) < -22.0))[clear & (np.abs(expected) < 3.9)].all()


def test_where_there_is_no_data_it_is_dry() -> None:
    vv, vh = (np.full((40, 40), value, np.float32) for value in (-11.0, -18.0))  # the mean stands for no data
    assert (answer(vv, vh, -22.0) < 0).all()


def test_features_that_nobody_asks_for_are_not_computed_and_the_others_are_the_same() -> None:
    rng = np.random.default_rng(1)
    vv, vh = rng.normal(-15, 4, (2, 50, 50)).astype(np.float32)
    whole = features(vv, vh)
    for asked in ([0], [5], [10, 26], range(whole.shape[1])):
        part = features(vv, vh, asked)
        np.testing.assert_array_equal(part[:, list(asked)], whole[:, list(asked)])
