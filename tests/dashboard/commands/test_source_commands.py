"""What the command line makes of sources: labels from elsewhere, exit codes, files beside ids, addresses."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from command_line import Run

from dashboard.commands.prediction import assumed
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.select import open_predictor
from model.store.store import Store
from tests.predicting import predict_one
from tests.tiles.chips import backscatter, lake, write_pair, write_tiff
from tiles.catalog.catalog import open_catalog

pytestmark = pytest.mark.slow

TRUTH = lake().astype(np.uint8)


@pytest.fixture
def split_up(tmp_path: Path) -> tuple[str, str]:
    """Two chips of which the labels lie elsewhere."""
    for name in ("a", "b"):
        write_pair(tmp_path / "chips", name, label=False)
        write_tiff(tmp_path / "truth" / f"{name}_mask.tif", TRUTH)
    return str(tmp_path / "chips"), str(tmp_path / "truth")


def test_every_command_that_takes_a_source_takes_labels(floodscope: Run) -> None:
    for command in ("dashboard", "predict", "export", "evaluate", "train", "tune", "catalog show", "catalog build"):
        assert "--labels FOLDER" in floodscope(*command.split(), "--help").stdout, command


def test_labels_from_elsewhere_are_scored_and_kept_in_a_catalog(
    floodscope: Run, split_up: tuple[str, str], tmp_path: Path
) -> None:
    chips, truth = split_up
    common = ("--model", "backscatter", "--data", str(tmp_path / "data"))
    done = floodscope("evaluate", chips, "--labels", truth, *common, "--json", "-")
    report = json.loads(done.stdout)
    assert report["micro"]["iou"] == 1.0 and {c["file"] for c in report["chips"]} == {
        "a_vv.tif + a_vh.tif",
        "b_vv.tif + b_vh.tif",
    }
    built = str(tmp_path / "c.parquet")
    assert floodscope("catalog", "build", chips, built, "--labels", truth).returncode == 0
    assert "2 labelled" in floodscope("catalog", "show", built).stdout


def test_predictions_and_scores_name_the_file_of_each_row(floodscope: Run, tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "鄱阳湖 1")
    common = ("--model", "backscatter", "--data", str(tmp_path / "data"))
    floodscope("predict", str(tmp_path / "chips"), *common, "--out", str(tmp_path / "out"))
    floodscope("evaluate", str(tmp_path / "chips"), *common, "--csv", str(tmp_path / "scores.csv"))
    for table in (tmp_path / "out" / "predictions.csv", tmp_path / "scores.csv"):
        (row,) = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
        assert row["file"] == "鄱阳湖 1_vv.tif + 鄱阳湖 1_vh.tif"
        assert row["id"].startswith("鄱阳湖-1-")
    shown = floodscope("catalog", "show", str(tmp_path / "chips")).stdout
    assert "鄱阳湖 1_vv.tif + 鄱阳湖 1_vh.tif" in shown


def test_showing_a_source_of_which_nothing_can_be_used_ends_with_1_and_says_so(floodscope: Run, tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "a")
    assert floodscope("catalog", "show", str(tmp_path / "chips")).returncode == 0
    for file in (tmp_path / "chips").glob("*_v?.tif"):
        file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")
    done = floodscope("catalog", "show", str(tmp_path / "chips"))
    assert done.returncode == 1
    assert "1 cannot be used" in done.stdout and "None of the 1 chip(s) can be used" in done.stderr
    assert "git lfs pull" in done.stderr


def test_what_gdal_says_of_a_file_in_latin_1_is_not_heard_beside_the_sentence(floodscope: Run, tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "beside")
    path = write_tiff(tmp_path / "chips" / "a.tif", *backscatter(), names=("VV", "VH"))
    whole = path.read_bytes()
    path.write_bytes(
        whole.replace(b">VV</Item>\n  <Item ", b">VV<b\xdc></c>       ")
    )  # GDAL complains of it as it stands
    shown = floodscope("catalog", "show", str(tmp_path / "chips"))
    assert "beside" in shown.stdout and "Exception ignored" not in shown.stderr + shown.stdout


def test_the_download_that_is_advised_for_an_address_fetches_the_file(floodscope: Run, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    write_pair(tmp_path / "served", "a", label=False)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    (tmp_path / "here").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        for band in ("vv", "vh"):
            url = f"http://127.0.0.1:{server.server_address[1]}/a_{band}.tif"
            refused = floodscope("catalog", "show", url)
            assert refused.returncode == 1
            command = refused.stderr.partition("download it first (")[2].partition("),")[0]
            subprocess.run(["sh", "-c", command], cwd=tmp_path / "here", check=True, capture_output=True)
        server.shutdown()
        thread.join()
    assert "1 with imagery" in floodscope("catalog", "show", str(tmp_path / "here")).stdout


def test_a_source_without_chips_is_told_while_the_others_go_on_and_the_exit_code_says_so(
    floodscope: Run, tmp_path: Path
) -> None:
    write_pair(tmp_path / "chips", "a", label=True)
    (tmp_path / "empty").mkdir()
    common = ("--model", "backscatter", "--data", tmp_path / "data")
    done = floodscope("evaluate", tmp_path / "empty", tmp_path / "chips", tmp_path / "gone", *common)
    assert done.returncode == 1
    assert "floodscope: empty: " in done.stderr and "floodscope: gone: " in done.stderr
    assert "all (micro)" in done.stdout
    assert floodscope("evaluate", tmp_path / "chips", *common).returncode == 0
    alone = floodscope("evaluate", tmp_path / "empty", tmp_path / "gone", *common)
    assert alone.returncode == 1 and "holds no chips" in alone.stderr and alone.stdout == ""


def test_predictions_replace_no_file_unless_that_is_said(floodscope: Run, tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "a", label=False)
    asked = (
        "predict",
        tmp_path / "chips",
        "--model",
        "backscatter",
        "--data",
        tmp_path / "data",
        "--out",
        tmp_path / "out",
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out/predictions.csv").write_text("mine")
    refused = floodscope(*asked)
    assert (
        refused.returncode == 1
        and "predictions.csv is there already, so nothing is predicted or written" in refused.stderr
    )
    assert (tmp_path / "out/predictions.csv").read_text() == "mine" and len(list((tmp_path / "out").iterdir())) == 1
    assert floodscope(*asked, "--overwrite").returncode == 0
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert "--overwrite" in floodscope(*asked).stderr


def test_a_batch_replaces_no_file_unasked_either(floodscope: Run, tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "a", label=False)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a_mask.tif").write_text("mine")
    refused = floodscope(
        "batch", tmp_path / "chips", "--model", "backscatter", "--data", tmp_path / "data", "--out", tmp_path / "out"
    )
    assert refused.returncode == 1 and "a_mask.tif is there already" in refused.stderr
    assert (tmp_path / "out/a_mask.tif").read_text() == "mine" and len(list((tmp_path / "out").iterdir())) == 1


def test_a_label_of_which_it_is_assumed_where_it_lies_is_told_by_every_command(floodscope: Run, tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "a", label=False)
    write_tiff(tmp_path / "chips/a_label.tif", TRUTH, crs=None, transform=None)
    common = (tmp_path / "chips", "--model", "backscatter", "--data", tmp_path / "data")
    for command in (("evaluate",), ("predict",), ("export", "--out", tmp_path / "out")):
        done = floodscope(command[0], *common, *command[1:])
        assert "floodscope: a: " in done.stderr and "the label is as large as the image" in done.stderr, done.stderr
    report = json.loads(floodscope("evaluate", *common, "--json", "-").stdout)
    assert "the label is as large as the image" in report["chips"][0]["notes"][0]


def test_a_reading_that_takes_long_tells_how_far_it_is_without_a_terminal_too(
    floodscope: Run, split_up: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show = ("catalog", "show", split_up[0])
    assert "reading chips" not in floodscope(*show).stderr, "what is read at once needs no word"
    monkeypatch.setattr("dashboard.commands.options._TOLD_EVERY_S", 0)
    told = floodscope(*show).stderr.splitlines()
    assert told[:2] == [f"floodscope: reading chips, {count} so far" for count in (1, 2)]


def test_of_scenes_under_an_endpoint_it_is_told_that_each_window_was_an_image_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("model.inference.scenes.WINDOW", 60)
    for name, size in (("chip", 48), ("scene", 96)):
        vv, vh = backscatter(size)
        write_tiff(tmp_path / f"{name}_vv.tif", vv)
        write_tiff(tmp_path / f"{name}_vh.tif", vh)
    found, endpoint = open_catalog([tmp_path]), open_predictor("http://127.0.0.1:9/invocations")
    with Store(tmp_path / "data") as store:
        stored = {record.id: predict_one(record, BackscatterPredictor(), store) for record in found.usable()}
        assert set(stored) == {"chip", "scene"}
        told = {
            name: assumed(found, stored, store, model)
            for name, model in (("here", BackscatterPredictor()), ("there", endpoint))
        }
    assert set(told["there"]) - set(told["here"]) == {"scene"}
    assert "scene: the endpoint was sent each window as an image of its own" in capsys.readouterr().err
