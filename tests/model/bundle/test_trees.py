"""Boosted trees as a member: what they see, what a damaged text may do (nothing), and how they join networks."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import torch

from model.bundle.manifest import Bundle, Member, canonical_json, read_bundle, read_states, write_bundle
from model.bundle.normalisation import MinMax, Normalisation, ZScore
from model.bundle.trees import FEATURES, WINDOWS, TreeMember, backscatter, features, format_trees, parse_trees
from model.predictors.local import LocalPredictor
from model.predictors.views import D4
from tests.model.predictors.bundles import NORMALISATION, UNET, networks_of, pack_bundle
from tests.model.predictors.random_chips import make_chip, random_chip
from tiles.errors import BundleError, ModelError

TREES = Bundle("Trees", "", "", NORMALISATION, members=(Member("trees.txt", kind="trees"),))


@pytest.fixture(scope="module")
def fitted() -> tuple[lightgbm.Booster, np.ndarray]:
    """A booster of LightGBM's own, and pixels that it can be asked about."""
    chip = random_chip(80, 80)
    x = features(chip.vv, chip.vh)
    noise = np.random.default_rng(1).normal(size=len(x))
    water = (np.nan_to_num(x[:, FEATURES.index("vh_mean_7")], nan=-18) + noise < -18).astype(int)
    settings = {"objective": "binary", "num_leaves": 7, "verbosity": -1, "num_threads": 1, "seed": 0}
    return lightgbm.train(settings, lightgbm.Dataset(x, water, feature_name=list(FEATURES)), 12), x


@pytest.fixture(scope="module")
def text(fitted: tuple[lightgbm.Booster, np.ndarray]) -> str:
    return format_trees(parse_trees(fitted[0].model_to_string(), "here"))


def test_features_are_those_of_the_pixels_with_data_alone() -> None:
    chip = random_chip(23, 19, invalid=0.3)
    found = features(chip.vv, chip.vh).reshape(23, 19, -1)
    planes = {"vv": chip.vv, "vh": chip.vh, "ratio": chip.vv - chip.vh}
    for row, column in [(0, 0), (11, 9), (22, 18), (5, 18)]:
        at = dict(zip(FEATURES, found[row, column], strict=True))
        for plane, values in planes.items():
            assert np.array_equal(at[plane], values[row, column], equal_nan=True)
            for side in WINDOWS:
                half = side // 2
                near = values[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1]
                near = near[np.isfinite(near)]
                if near.size:
                    assert at[f"{plane}_mean_{side}"] == pytest.approx(near.mean(), abs=2e-3)
                    assert at[f"{plane}_spread_{side}"] == pytest.approx(near.std(), abs=5e-3)
                else:
                    assert np.isnan(at[f"{plane}_mean_{side}"])


def test_what_is_written_of_trees_answers_as_lightgbm_does(
    fitted: tuple[lightgbm.Booster, np.ndarray], text: str
) -> None:
    booster, x = fitted
    again = lightgbm.Booster(model_str=text)
    assert np.array_equal(booster.predict(x, raw_score=True), again.predict(x, raw_score=True))
    assert format_trees(parse_trees(text, "here")) == text
    assert "parameters" not in text


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("a node that is its own child", lambda t: t.replace("left_child=", "left_child=0 ", 1).replace(" -", " ", 1)),
        ("a way down that never ends", lambda t: _line(t, "left_child", lambda v: ["0", *v[1:]])),
        ("a leaf that is not there", lambda t: _line(t, "right_child", lambda v: [*v[:-1], "-4000"])),
        ("a feature that is not there", lambda t: _line(t, "split_feature", lambda v: ["9999", *v[1:]])),
        ("a feature below the first", lambda t: _line(t, "split_feature", lambda v: ["-1", *v[1:]])),
        ("a threshold that is no number", lambda t: _line(t, "threshold", lambda v: ["nan", *v[1:]])),
        ("a missing threshold", lambda t: _line(t, "threshold", lambda v: v[1:])),
        ("a leaf without end", lambda t: _line(t, "leaf_value", lambda v: ["inf", *v[1:]])),
        ("a category", lambda t: t.replace("num_cat=0", "num_cat=1", 1)),
        ("a flag of categories", lambda t: _line(t, "decision_type", lambda v: ["1", *v[1:]])),
        ("a million leaves", lambda t: t.replace("num_leaves=7", "num_leaves=1000000", 1)),
        ("a word for a number", lambda t: t.replace("num_leaves=7", "num_leaves=seven", 1)),
        ("the features of another program", lambda t: t.replace("vv_mean_3", "vv_mean_5")),
        ("the end cut off", lambda t: t[: len(t) // 2]),
        ("nothing", lambda t: ""),
        ("a pickle", lambda t: "\x80\x04\x95tree\n"),
    ],
)
def test_a_damaged_text_never_reaches_lightgbm(text: str, kind: str, damage: Callable[[str], str]) -> None:
    broken = damage(text)
    assert broken != text, kind
    with pytest.raises(BundleError, match="here"):
        TreeMember(broken, ("vv", "vh"), NORMALISATION, "here")


def _line(text: str, name: str, change: Callable[[list[str]], list[str]]) -> str:
    """Change the values of a tree's first line of that name."""
    before, _, rest = text.partition(f"\n{name}=")
    values, _, after = rest.partition("\n")
    return f"{before}\n{name}={' '.join(change(values.split()))}\n{after}"


@pytest.mark.parametrize(
    "normalisation", [NORMALISATION, Normalisation({n: MinMax(-77.0, 26.0, -12.0) for n in ("vv", "vh")})]
)
def test_trees_see_the_same_backscatter_under_any_normalisation(normalisation: Normalisation) -> None:
    chip = random_chip(40, 40)
    vv, vh = backscatter(normalisation.apply({"vh": chip.vh, "vv": chip.vv}, chip.valid), ("vh", "vv"), normalisation)
    assert np.array_equal(np.isnan(vv), ~chip.valid)
    assert np.nanmax(np.abs(vv - chip.vv)) < 1e-4
    assert np.nanmax(np.abs(vh - chip.vh)) < 1e-4


@pytest.mark.parametrize("combine", ["mean", "max", "vote"])
def test_trees_join_a_network_in_one_bundle(tmp_path: Path, text: str, combine: str) -> None:
    both = replace(
        UNET, members=(Member("unet.safetensors"), Member("trees.txt", kind="trees")), combine=combine, temperature=1.5
    )
    (network,) = networks_of(UNET)
    write_bundle(tmp_path / "both", both, [network.state_dict(), text])
    pack_bundle(tmp_path / "both", tmp_path / "both.tar.gz")
    assert [m.kind for m in read_bundle(tmp_path / "both").members] == [None, "trees"]
    chip = random_chip(64, 64)
    x = torch.from_numpy(NORMALISATION.apply({"vv": chip.vv, "vh": chip.vh}, chip.valid))[None]
    with torch.inference_mode():
        alone = [m(x)[0, 0].numpy() for m in (network, TreeMember(text, ("vv", "vh"), NORMALISATION, "t"))]
    p = np.stack([1 / (1 + np.exp(-margin / 1.5)) for margin in alone])
    wanted = {"mean": p.mean(0), "max": p.max(0), "vote": (p >= 0.5).mean(0)}[combine]
    for path in ("both", "both.tar.gz"):
        (raster,) = LocalPredictor(tmp_path / path, "cpu", threads=1).predict([chip])
        assert np.array_equal(raster == 255, ~chip.valid)
        sure = chip.valid & (np.abs(p - 0.5) > 1e-4).all(0)
        # Half a step of rounding, a whole one just below one half (`quantise`).
        assert np.abs(raster / 254 - wanted)[sure].max() <= 1 / 254 + 1e-4


def test_a_bundle_of_before_there_were_trees_keeps_its_id() -> None:
    old = Bundle(
        "Two",
        "Unet",
        "resnet18",
        Normalisation({"vv": ZScore(-10.7, 5.0), "vh": ZScore(-17.5, 5.2)}),
        members=(Member("a.safetensors", "0" * 64), Member("b.safetensors", "1" * 64, architecture="FPN", options={})),
        threshold=0.45,
        combine="max",
    )
    assert old.id == "86533c3fc95b96dbd67a0249ba83550777f19d3169b543acae8f1e6172934ade"
    assert hashlib.sha256(canonical_json(old.to_json()).encode()).hexdigest() == old.id
    assert all("kind" not in member for member in old.to_json()["members"])


def test_long_chips_are_predicted_in_windows_without_a_seam(tmp_path: Path, text: str) -> None:
    write_bundle(tmp_path, TREES, [text])
    chip = random_chip(96, 200, invalid=0.02)
    whole, windows = LocalPredictor(tmp_path, "cpu", threads=1), LocalPredictor(tmp_path, "cpu", threads=1)
    windows.window = 96
    (one,), (other,) = whole.predict([chip]), windows.predict([chip])
    # A window's rim sees a part of its surroundings; the blend leaves it next to no weight.
    difference = np.abs(one.astype(int) - other)[chip.valid]
    assert difference.mean() < 2
    assert np.percentile(difference, 99) < 40


def test_with_d4_a_turned_chip_gives_the_turned_answer_of_trees(tmp_path: Path, text: str) -> None:
    write_bundle(tmp_path, replace(TREES, tta="d4"), [text])
    predictor = LocalPredictor(tmp_path, "cpu", threads=1)
    chip = random_chip(45, 70)
    (plain,) = predictor.predict([chip])
    for view in D4:
        turned = make_chip(view.apply(chip.vh), view.apply(chip.vv), np.ascontiguousarray(view.apply(chip.valid)))
        assert np.abs(predictor.predict([turned])[0].astype(int) - view.apply(plain)).max() <= 1


def test_without_lightgbm_trees_say_what_to_install_and_networks_work(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bundle(tmp_path / "trees", TREES, [text])
    write_bundle(tmp_path / "unet", UNET, [networks_of(UNET)[0].state_dict()])
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ModelError, match="pip install lightgbm"):
        LocalPredictor(tmp_path / "trees", "cpu").load()
    LocalPredictor(tmp_path / "unet", "cpu", threads=1).load()


def test_an_altered_or_missing_file_of_trees_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    bundle = write_bundle(tmp_path, TREES, [text])
    assert read_states(tmp_path, bundle) == [text]
    (tmp_path / "trees.txt").write_text(text.replace("shrinkage=1", "shrinkage=2"))
    with pytest.raises(BundleError, match=r"trees\.txt was altered"):
        LocalPredictor(tmp_path, "cpu").load()
    (tmp_path / "trees.txt").unlink()
    with pytest.raises(BundleError, match=r"lacks trees\.txt"):
        read_bundle(tmp_path)
    with pytest.raises(BundleError, match=r"ends in \.txt"):
        write_bundle(tmp_path / "b", replace(TREES, members=(Member("t.safetensors", kind="trees"),)), [text])


def test_trees_need_both_polarizations(text: str) -> None:
    only = Normalisation({"vv": ZScore(-10.7, 5.0)})
    with pytest.raises(BundleError, match="needs VV and VH"):
        TreeMember(text, ("vv",), only, "here")
