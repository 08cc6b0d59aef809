"""What the door assumed is told by every command that uses chips: once, with the chips that it is about, each time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from command_line import Run

from tests.tiles.chips import backscatter, lake, write_pair, write_tiff

pytestmark = pytest.mark.slow

TAKEN = (
    "VV and VH are taken for linear power, which alone fits their numbers, and converted to dB; --units says otherwise"
)


def write_power(folder: Path, name: str, seed: int = 0) -> None:
    """Write a pair in linear power that does not say so, and its label."""
    for band, values in zip(("vv", "vh"), backscatter(seed=seed), strict=True):
        write_tiff(folder / f"{name}_{band}.tif", (10 ** (values / 10)).astype(np.float32))
    write_tiff(folder / f"{name}_label.tif", lake().astype(np.uint8))


@pytest.fixture
def chips(tmp_path: Path) -> Path:
    folder = tmp_path / "chips"
    for seed in range(5):
        write_power(folder, f"p{seed}", seed)
    write_pair(folder, "plain")
    return folder


def told(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if "linear power" in line]


@pytest.mark.parametrize("command", ["predict", "evaluate", "export"])
def test_a_note_is_told_once_with_its_chips_and_again_the_next_time(
    floodscope: Run, chips: Path, tmp_path: Path, command: str
) -> None:
    for turn in ("first", "second"):  # the second time predictions come from the store
        out = ["--out", tmp_path / turn] if command != "evaluate" else []
        done = floodscope(command, chips, "--data", tmp_path / "data", *out)
        assert done.returncode == 0, done.stderr
        assert told(done.stderr) == [f"floodscope: p0, p1, p2 and 2 more: {TAKEN} (assumed)."], turn
        assert "plain:" not in done.stderr and "linear power" not in done.stdout


def test_an_answer_ends_the_note_and_makes_predictions_anew(floodscope: Run, chips: Path, tmp_path: Path) -> None:
    (chips / "plain_vv.tif").unlink(), (chips / "plain_vh.tif").unlink(), (chips / "plain_label.tif").unlink()
    asked = ["evaluate", chips, "--data", tmp_path / "data", "--json", "-"]
    first, said = floodscope(*asked), floodscope(*asked, "--units", "power")
    assert (len(told(first.stderr)), told(said.stderr)) == (1, [])
    assert json.loads(first.stdout)["micro"] == json.loads(said.stdout)["micro"]
    wrong = floodscope(*asked, "--units", "db")
    assert wrong.returncode != 0 and "no dB, though --units db" in wrong.stderr


def test_the_report_of_a_prediction_holds_its_notes(floodscope: Run, chips: Path, tmp_path: Path) -> None:
    done = floodscope("predict", chips, "--data", tmp_path / "data", "--out", tmp_path / "out", "--json", "-")
    notes = {chip["id"]: chip["notes"] for chip in json.loads(done.stdout)["chips"]}
    assert notes["plain"] == [] and notes["p3"] == [f"{TAKEN} (assumed)."]


def test_training_tells_its_notes(floodscope: Run, chips: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(
        'encoder = "tu-mobilenetv3_small_050"\noptions = { encoder_depth = 3, decoder_channels = [16, 8, 8] }\ncrop = 32\n'
        'batch = 2\nsteps_per_epoch = 1\nepochs = 1\nema = 0.0\nprecision = "float32"\ntta = "none"\n'
    )
    done = floodscope(
        "train", chips, "--recipe", recipe, "--split", "all", "--out", tmp_path / "model", "--device", "cpu"
    )
    assert done.returncode == 0, done.stderr
    (line,) = told(done.stderr)
    assert re.fullmatch(rf"floodscope: (p\d, ){{2}}p\d and 2 more: {re.escape(TAKEN)} \(assumed\)\.", line), line


def test_why_shows_what_was_decided_of_a_chip_and_on_what_grounds(floodscope: Run, chips: Path) -> None:
    shown = floodscope("catalog", "show", chips, "--why", "p1")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == "p1: p1_vv.tif + p1_vh.tif"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["bands", "place", "unit", "truth"]
    assert "p1_vv.tif is VV and p1_vh.tif is VH (by its name)." in lines[1]
    assert f"{TAKEN} (assumed)." in lines[3]
    assert "The label is 0 dry, 1 water (by its values)." in lines[4]
    said = floodscope("catalog", "show", chips, "--why", "p1", "--units", "power")
    assert "VV and VH are linear power, converted to dB (as you said)." in said.stdout
    unknown = floodscope("catalog", "show", chips, "--why", "nothing")
    assert unknown.returncode != 0 and "nothing" in unknown.stderr


def test_answers_on_the_command_line_reach_files_that_were_refused(floodscope: Run, tmp_path: Path) -> None:
    vv, vh = backscatter()
    write_tiff(tmp_path / "one" / "x.tif", vv - 20, vh, vv, names=("a", "b", "c"))
    write_tiff(tmp_path / "one" / "x_label.tif", np.where(lake(), 255, 0).astype(np.uint8))
    asked = ["evaluate", tmp_path / "one", "--data", tmp_path / "data", "--json", "-"]
    refused = floodscope(*asked)
    assert refused.returncode != 0 and "--bands VV,VH,-" in refused.stderr
    half = floodscope(*asked, "--bands", "-,VH,VV")
    assert half.returncode != 0 and "--label-values water=255,dry=0" in half.stderr
    done = floodscope(*asked, "--bands", "-,VH,VV", "--label-values", "water=255,dry=0")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["micro"]["iou"] == 1.0


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--units", "decibel", "say db, power or amplitude"),
        ("--bands", "VV,VV", "does not say which band is VV"),
        ("--label-values", "water=1", "which number is dry"),
    ],
)
def test_an_answer_that_says_nothing_is_refused_before_anything_is_read(
    floodscope: Run, tmp_path: Path, option: str, value: str, words: str
) -> None:
    done = floodscope("catalog", "show", tmp_path / "nowhere", option, value)
    assert done.returncode != 0 and words in done.stderr and "Traceback" not in done.stderr


def test_a_catalog_keeps_the_answers_that_it_was_built_with(floodscope: Run, tmp_path: Path) -> None:
    write_power(tmp_path / "chips", "p")
    built = floodscope("catalog", "build", tmp_path / "chips", tmp_path / "c.parquet", "--units", "power")
    assert built.returncode == 0, built.stderr
    done = floodscope("evaluate", tmp_path / "c.parquet", "--data", tmp_path / "data", "--json", "-")
    assert (json.loads(done.stdout)["micro"]["iou"], told(done.stderr)) == (1.0, [])
