"""The adaptive rule as a member of a bundle: the same answer as the rule alone, beside networks, in a folder or an archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.bundle.manifest import Member, read_bundle, write_bundle
from model.bundle.rule import RULE_TEXT, RuleMember
from model.predictors.adaptive import AdaptivePredictor
from model.predictors.local import LocalPredictor
from tests.model.predictors.bundles import NORMALISATION, UNET, networks_of, pack_bundle, write_random
from tests.model.predictors.random_chips import random_chip
from tiles.errors import BundleError

ALONE = replace(UNET, name="rule", architecture="", encoder="", members=(Member("adaptive.txt", kind="rule"),))


def test_a_bundle_of_the_rule_alone_answers_as_the_rule(tmp_path: Path) -> None:
    write_bundle(tmp_path / "rule", ALONE, [RULE_TEXT])
    chip = random_chip(96, 64, seed=2)
    (expected,) = AdaptivePredictor().predict([chip])
    (found,) = LocalPredictor(tmp_path / "rule", "cpu").predict([chip])
    np.testing.assert_array_equal(found == 255, expected == 255)
    # A network's input is float32 about the mean, so dB come back to a millionth.
    assert (np.abs(found.astype(int) - expected.astype(int))[chip.valid] <= 1).mean() > 0.999


def test_the_mean_of_a_network_and_the_rule_is_the_mean_of_both(tmp_path: Path) -> None:
    both = replace(UNET, members=(Member("model.safetensors"), Member("adaptive.txt", kind="rule")), combine="mean")
    network = networks_of(UNET)[0]
    write_bundle(tmp_path / "both", both, [network.state_dict(), RULE_TEXT])
    write_bundle(tmp_path / "rule", ALONE, [RULE_TEXT])
    write_random(tmp_path / "net")
    pack_bundle(tmp_path / "both", tmp_path / "both.tar.gz")
    chip = random_chip(96, 64, seed=3)
    (one,), (two,) = (LocalPredictor(tmp_path / name, "cpu").predict([chip]) for name in ("net", "rule"))
    for name in ("both", "both.tar.gz"):
        (found,) = LocalPredictor(tmp_path / name, "cpu").predict([chip])
        off = np.abs(found.astype(float) - (one.astype(float) + two) / 2)[chip.valid]
        assert off.max() <= 1.5


def test_a_member_weighs_in_a_mean_as_much_as_its_bundle_says(tmp_path: Path) -> None:
    members = (Member("model.safetensors"), Member("adaptive.txt", kind="rule", weight=1 / 3))
    bundle = replace(UNET, members=members, combine="mean")
    written = write_bundle(tmp_path / "both", bundle, [networks_of(UNET)[0].state_dict(), RULE_TEXT])
    assert read_bundle(tmp_path / "both").weights == (1.0, 1 / 3)
    assert written.id != replace(written, members=(members[0], replace(written.members[1], weight=None))).id
    write_bundle(tmp_path / "rule", ALONE, [RULE_TEXT])
    write_random(tmp_path / "net")
    chip = random_chip(96, 64, seed=3)
    one, two, found = (
        LocalPredictor(tmp_path / name, "cpu").predict([chip])[0].astype(float) for name in ("net", "rule", "both")
    )
    assert np.abs(found - (3 * one + two) / 4)[chip.valid].max() <= 1.5


@pytest.mark.parametrize("weight", [0.0, -1.0, True, "3"])
def test_a_weight_that_is_none_is_refused_by_its_name(tmp_path: Path, weight: object) -> None:
    members = (Member("model.safetensors"), Member("adaptive.txt", kind="rule", weight=weight))  # type: ignore[arg-type]
    with pytest.raises(BundleError, match=r"members\[1\]\.weight.*a number from 0\.001 to 1000"):
        write_bundle(tmp_path / "bad", replace(UNET, members=members), [networks_of(UNET)[0].state_dict(), RULE_TEXT])


def test_another_rule_and_a_file_of_another_name_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"names the rule 'adaptive 2.*update floodscope"):
        RuleMember("adaptive 2\n", ("vv", "vh"), NORMALISATION, "here/adaptive.txt")
    with pytest.raises(BundleError, match="needs VV and VH, but the bundle's channels are vv"):
        RuleMember(RULE_TEXT, ("vv",), NORMALISATION, "here/adaptive.txt")
    with pytest.raises(BundleError, match=r"plain file name that ends in \.txt"):
        write_bundle(tmp_path / "bad", replace(ALONE, members=(Member("rule.py", kind="rule"),)), [RULE_TEXT])
    written = write_bundle(tmp_path / "rule", ALONE, [RULE_TEXT])
    assert read_bundle(tmp_path / "rule").id == written.id
    (tmp_path / "rule" / "adaptive.txt").write_text("adaptive 2\n")
    with pytest.raises(BundleError, match="altered or damaged"):
        read_bundle(tmp_path / "rule")
