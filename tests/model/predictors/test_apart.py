"""A model in a process of its own answers as one in this process, and its end is no end of this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.bundle.normalisation import Normalisation, ZScore
from model.predictors.apart import ApartPredictor, apart
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.local import LocalPredictor
from model.weights import WEIGHTS
from tests.model.predictors.bundles import UNET, write_random
from tests.model.predictors.random_chips import random_chip
from tests.waiting import eventually
from tiles.errors import BandError, BundleError, PredictionError

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
from model.predictors.apart import ApartPredictor
from tests.model.predictors.random_chips import random_chip
predictor = ApartPredictor(sys.argv[1], "cpu")
predictor.predict([random_chip(64, 64)])
print("torch" in sys.modules, predictor.device)
"""


@pytest.fixture(scope="module")
def shipped() -> Iterator[ApartPredictor]:
    predictor = ApartPredictor(WEIGHTS, "cpu")
    yield predictor
    predictor.close()


def _pid(predictor: ApartPredictor) -> int:
    child = predictor._process._child
    assert child is not None
    return child.pid


def _die(predictor: ApartPredictor) -> None:
    os.kill(_pid(predictor), signal.SIGKILL)
    eventually(lambda: predictor.needs_loading)


def test_it_answers_to_the_byte_what_the_model_answers_in_this_process(shipped: ApartPredictor) -> None:
    local = LocalPredictor(WEIGHTS, "cpu")
    assert shipped.needs_loading
    assert (shipped.name, shipped.model_id, shipped.threshold) == (local.name, local.model_id, local.threshold)
    whole = random_chip(160, 96)
    parts = [random_chip(64, 64, seed=1), random_chip(64, 64, seed=2)]
    rule, expected = shipped.rule_over(whole), local.rule_over(whole)
    assert not shipped.needs_loading
    assert rule is not None and expected is not None
    np.testing.assert_array_equal(rule, expected)
    for one, other in ((shipped, local), (shipped.of_image([whole]), local.of_image([whole])), (shipped, local)):
        for mine, its in zip(one.predict([*parts, whole]), other.predict([*parts, whole]), strict=True):
            np.testing.assert_array_equal(mine, its)
    assert shipped.device == "cpu"


def test_the_process_that_asks_needs_no_torch() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT, WEIGHTS], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "cpu"]


def test_one_that_is_killed_between_two_questions_is_started_anew(shipped: ApartPredictor) -> None:
    chip = random_chip(64, 64)
    (before,) = shipped.predict([chip])
    _die(shipped)
    (after,) = shipped.predict([chip])
    np.testing.assert_array_equal(before, after)


def test_one_that_is_killed_while_it_predicts_fails_that_question_alone(shipped: ApartPredictor) -> None:
    shipped.load()
    large, failed = random_chip(1500, 1500), []

    def ask() -> None:
        try:
            shipped.predict([large])
        except PredictionError as error:
            failed.append(str(error))

    asking = threading.Thread(target=ask)
    used = _processor_seconds(_pid(shipped))
    asking.start()
    eventually(lambda: _processor_seconds(_pid(shipped)) > used + 0.3)  # it is at it
    os.kill(_pid(shipped), signal.SIGKILL)
    asking.join()
    assert len(failed) == 1 and "SIGKILL" in failed[0] and "ask again" in failed[0]
    assert shipped.predict([random_chip(64, 64)])[0].shape == (64, 64)


def _processor_seconds(pid: int) -> float:
    """Of a process, as /proc tells."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_one_that_nobody_asks_ends_and_the_next_question_starts_another(tmp_path: Path) -> None:
    write_random(tmp_path / "bundle")
    predictor, chip = ApartPredictor(tmp_path / "bundle", "cpu", idle_s=0), random_chip(64, 64)
    (before,) = predictor.predict([chip])
    first = _pid(predictor)
    eventually(lambda: predictor.needs_loading)
    assert predictor.device == "cpu"
    (after,) = predictor.predict([chip])
    np.testing.assert_array_equal(before, after)
    assert _pid(predictor) != first
    predictor.close()
    assert predictor.needs_loading


def test_what_a_model_raises_is_raised_here(tmp_path: Path) -> None:
    bands = {**UNET.normalisation.bands, "elevation": ZScore(60.0, 20.0)}
    write_random(tmp_path / "bundle", channels=("vv", "vh", "elevation"), normalisation=Normalisation(bands))
    predictor = ApartPredictor(tmp_path / "bundle", "cpu")
    with pytest.raises(BandError, match="has no elevation"):
        predictor.predict([random_chip(64, 64)])
    assert predictor.needs_loading  # nothing was started for that
    weights = tmp_path / "bundle" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8] + b"12345678")
    with pytest.raises(BundleError) as mine:
        predictor.load()
    with pytest.raises(BundleError) as its:
        LocalPredictor(tmp_path / "bundle", "cpu").load()
    assert str(mine.value) == str(its.value)
    assert predictor.needs_loading


def test_a_bundle_that_became_another_or_went_away_is_refused_and_not_taken_for_the_one_that_was_there(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "bundle"
    write_random(folder)
    predictor = ApartPredictor(folder, "cpu")
    write_random(folder, seed=1)
    with pytest.raises(BundleError, match="is another bundle than when the server began: start it again"):
        predictor.load()
    (folder / "model.json").unlink()
    with pytest.raises(BundleError):
        predictor.load()
    assert predictor.needs_loading


def test_a_rule_needs_no_process() -> None:
    rule = BackscatterPredictor()
    assert apart(rule) is rule
    assert isinstance(apart(LocalPredictor(WEIGHTS)), ApartPredictor)
