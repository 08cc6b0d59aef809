"""What the commands say of chips without a place, run as a user runs them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from command_line import Run

from tests.tiles.chips import write_pair

pytestmark = pytest.mark.slow


@pytest.fixture
def chips(tmp_path: Path) -> Path:
    folder = tmp_path / "chips"
    for seed, name in enumerate(("tile_1", "tile_2")):
        write_pair(folder, name, seed=seed, crs=None, transform=None)
    return folder


def test_catalog_show_lists_them_and_says_once_why_they_have_no_place(floodscope: Run, chips: Path) -> None:
    write_pair(chips, "half", crs=None)
    write_pair(chips, "there")
    shown = floodscope("catalog", "show", chips)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert sum("image and label, no place" in line for line in lines) == 3
    assert "4 with imagery (4 labelled)" in shown.stdout and "; 3 with imagery have no place" in shown.stdout
    assert re.fullmatch(
        r"1 chip: The image has a pixel grid but no coordinate system .*: say which it is .*", lines[-2]
    )
    assert re.fullmatch(r"2 chips: The image has no georeference .*shown as a picture, not on the map.*", lines[-1])


def test_a_catalog_of_them_works_as_their_folder(floodscope: Run, chips: Path, tmp_path: Path) -> None:
    built = floodscope("catalog", "build", chips, tmp_path / "c.parquet")
    assert built.returncode == 0 and "2 with imagery have no place" in built.stdout
    reports = [
        json.loads(floodscope("evaluate", source, "--data", tmp_path / name, "--json", "-").stdout)
        for name, source in (("one", chips), ("two", tmp_path / "c.parquet"))
    ]
    assert reports[0]["micro"] == reports[1]["micro"] and reports[0]["micro"]["iou"] == 1.0


def test_evaluate_and_predict_leave_their_areas_empty(floodscope: Run, chips: Path, tmp_path: Path) -> None:
    data = ["--data", tmp_path / "data"]
    report = json.loads(floodscope("evaluate", chips, *data, "--json", "-").stdout)
    assert [c["water_km2"] for c in report["chips"]] == [None, None]
    assert [g["name"] for g in report["groups"]] == ["No place"]
    floodscope("evaluate", chips, *data, "--csv", tmp_path / "r.csv", "--html", tmp_path / "r.html")
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert [row["water_km2"] for row in rows] == ["", ""] and all(float(row["water_share"]) > 0 for row in rows)
    predicted = floodscope("predict", chips, *data, "--out", tmp_path / "out", "--alert-above", "5%")
    assert predicted.returncode == 3, predicted.stderr  # the lake is more than 5 %, by pixels
    assert re.search(r"water on \d+\.\d % of their pixels \(no km²: 2 chips have no place\)", predicted.stdout)
    assert "0.0 km²" not in predicted.stdout + (tmp_path / "r.html").read_text()


def test_an_export_says_what_is_left_out(floodscope: Run, chips: Path, tmp_path: Path) -> None:
    done = floodscope("export", chips, "--out", tmp_path / "out", "--data", tmp_path / "data")
    assert done.returncode == 0
    assert "tile_1 and 1 more have no place on Earth: polygons and STAC are not written" in done.stderr
    page = (tmp_path / "out" / "report.html").read_text()
    assert "2 chips have no place on Earth, and are not on it." in page and "0.00 km²" not in page
    readme = (tmp_path / "out" / "README.txt").read_text()
    assert "water on" in readme and "no km²: 2 chips have no place" in readme
