"""The commands: as processes where the process matters, as calls of their entry point elsewhere."""

from __future__ import annotations

import csv
import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import rasterio
from command_line import Run

from tiles.catalog.catalog import Catalog

pytestmark = pytest.mark.slow


def test_help_names_every_command(process: Run) -> None:
    result = process("--help")
    assert result.returncode == 0
    for command in ("demo", "dashboard", "catalog", "simulate", "download", "predict", "evaluate"):
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["evaluate"], 2, "Missing argument"),
        (["evaluate", "--nonsense"], 2, "No such option"),
        (["nonsense"], 2, "No such command"),
        (["evaluate", "SIMULATED", "--json", "-", "--csv", "-"], 2, "cannot both be written to stdout"),
        (["evaluate", "SIMULATED", "--csv", "r", "--json", "r"], 2, "cannot both be written to r"),
        (["evaluate", "/nowhere"], 1, "/nowhere does not exist"),
        (["catalog", "build", ".", "catalog.csv"], 2, "must end in .parquet"),
        (["evaluate", "SIMULATED", "--model", "bakscatter"], 1, "did you mean backscatter"),
        (["evaluate", "SIMULATED", "--threshold", "1.5"], 2, "is not in the range"),
        (["predict", "SIMULATED", "--data", "/proc/nowhere"], 1, "cannot be written"),
        (["download", "sen1floods11", "FOLDER", "--base-url", "ftp://example.org"], 2, "https"),
        (["demo", "--port", "99999"], 2, "range"),
        (["evaluate", "SIMULATED", "--model", "backscatter:99"], 2, "no VH backscatter reaches"),
        (["predict", "SIMULATED", "--device", "cuda"], 2, "runs on the cpu alone"),
        (["predict", "SIMULATED", "--database", "mine.db"], 2, "no URL of a database"),
        (["predict", "SIMULATED", "--model", "/nowhere/bundle"], 1, "There is no model"),
        (["predict", "SIMULATED", "--data", "FOLDER", "--out", "/proc/nowhere"], 1, "cannot be written"),
        (["evaluate", "SIMULATED", "--data", "FOLDER", "--json", "/proc/nowhere"], 1, "cannot be written"),
        (["evaluate", "SIMULATED", "--data", "FOLDER", "--csv", "/dev/full"], 1, "No space left"),
        (["evaluate", "--json", "x.tif", "SIMULATED", "--data", "FOLDER"], 2, "named like an image"),
        (["catalog", "build", "SIMULATED", "/proc/nowhere.parquet"], 1, "cannot be written"),
        (["simulate", "/proc/nowhere"], 1, "cannot be written"),
        (["simulate", "SIMULATED", "--layout", "drivendata"], 1, "holds 11 other simulated chips"),
        (["dashboard", "SIMULATED", "--bundle", "/nowhere", "--port", "0"], 1, "no model bundle at /nowhere"),
        (["dashboard", "SIMULATED", "--host", "203.0.113.1"], 1, "choose another with --host"),
    ],
)
def test_an_error_is_one_line_on_stderr_and_an_exit_code(
    floodscope: Run, simulated: Path, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    places = {"SIMULATED": str(simulated), "FOLDER": str(tmp_path)}
    result = floodscope(*[places.get(a, a) for a in arguments])
    assert result.returncode == code, result.stderr
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("floodscope: ")
    assert result.stdout == ""


def test_an_error_is_one_line_and_an_exit_code_of_the_process_too(process: Run, tmp_path: Path) -> None:
    result = process("evaluate", tmp_path / "nowhere")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith("floodscope: ")


def test_debug_shows_the_traceback(floodscope: Run) -> None:
    result = floodscope("--debug", "evaluate", "/nowhere")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_a_catalog_is_built_shown_and_used_like_its_source(floodscope: Run, simulated: Path, tmp_path: Path) -> None:
    built = floodscope("catalog", "build", simulated, tmp_path / "c.parquet")
    assert built.returncode == 0, built.stderr
    assert "11 with imagery (11 labelled)" in built.stdout
    assert "11 are simulated" in built.stdout
    assert len(Catalog.from_parquet(tmp_path / "c.parquet").usable()) == 11
    shown = floodscope("catalog", "show", tmp_path / "c.parquet", "--country", "USA")
    assert "United States of America" in shown.stdout
    reports = [
        json.loads(floodscope("evaluate", source, "--json", "--data", tmp_path / name).stdout)
        for source, name in ((simulated, "a"), (tmp_path / "c.parquet", "b"))
    ]
    assert reports[0] == reports[1]
    assert reports[0]["simulated"] is True


def test_evaluate_writes_json_csv_and_a_table_that_agree(floodscope: Run, simulated: Path, tmp_path: Path) -> None:
    result = floodscope(
        "evaluate", simulated, "--data", tmp_path / "d", "--json", tmp_path / "r.json", "--csv", tmp_path / "r.csv"
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""  # no progress bar where stderr is no terminal
    report = json.loads((tmp_path / "r.json").read_text())
    for key in ("model", "threshold", "micro", "mean_over_chips", "groups", "chips"):
        assert key in report
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert [r["id"] for r in rows] == [c["id"] for c in report["chips"]]
    assert sum(int(r["tp"]) for r in rows) == report["micro"]["tp"]
    table = floodscope("evaluate", simulated, "--data", tmp_path / "d").stdout
    assert f"{report['micro']['iou']:.3f}" in table
    assert "SIMULATED" in table


def test_each_file_that_a_command_writes_a_report_to_is_told(floodscope: Run, simulated: Path, tmp_path: Path) -> None:
    evaluate = ("evaluate", simulated, "--data", tmp_path / "d", "--model", "backscatter")
    files = [tmp_path / f"r.{name}" for name in ("json", "csv", "html")]
    options = [word for file in files for word in (f"--{file.suffix[1:]}", file)]
    assert floodscope(*evaluate, *options).stdout.splitlines() == [f"Written to {file}" for file in files]
    aside = floodscope(*evaluate, "--json", "--csv", files[1])
    assert json.loads(aside.stdout) and aside.stderr == f"Written to {files[1]}\n"
    predicted = floodscope("predict", *evaluate[1:], "--json", files[0])
    assert predicted.stdout.endswith(f"\nWritten to {files[0]}\n")


def test_predict_writes_masks_that_match_the_probabilities(floodscope: Run, simulated: Path, tmp_path: Path) -> None:
    result = floodscope("predict", simulated, "--data", tmp_path / "d", "--out", tmp_path / "out", "--threshold", "0.3")
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader((tmp_path / "out" / "predictions.csv").open()))
    assert len(rows) == 11
    for row in rows:
        with (
            rasterio.open(tmp_path / "out" / row["probability"]) as p,
            rasterio.open(tmp_path / "out" / row["mask"]) as m,
        ):
            probability, mask = p.read(1), m.read(1)
            assert p.transform == m.transform
            assert m.nodata == 255
        valid = probability != 255
        assert np.array_equal(mask[valid], (probability[valid] / 254 >= 0.3).astype(np.uint8))
        assert (mask[~valid] == 255).all()
        assert int(valid.sum()) == int(row["valid_pixels"])
    again = floodscope("predict", simulated, "--data", tmp_path / "d")
    assert again.stdout.startswith("0 predicted, 11 were there")


def test_predict_predicts_again_what_the_data_folder_has_lost(floodscope: Run, simulated: Path, tmp_path: Path) -> None:
    def predict(out: str) -> str:
        where = ("--data", tmp_path / "d", "--out", tmp_path / out)
        result = floodscope("predict", simulated, "--model", "backscatter", *where)
        assert result.returncode == 0, result.stderr
        assert len({p.name.split(".")[0] for p in (tmp_path / "d" / "predictions").glob("*/*.tif")}) == 11
        assert len(list((tmp_path / out).glob("*_mask.tif"))) == 11
        return result.stdout[: result.stdout.index(",")]

    assert predict("first") == "11 predicted"
    removed, cut, *_ = sorted((tmp_path / "d" / "predictions").glob("*/*.tif"))
    removed.unlink()
    cut.write_bytes(cut.read_bytes()[:700])
    assert predict("second") == "2 predicted"
    shutil.rmtree(tmp_path / "d" / "predictions")
    assert predict("third") == "11 predicted"
    assert predict("fourth") == "0 predicted"


def test_simulate_writes_both_layouts(floodscope: Run, tmp_path: Path) -> None:
    for layout in ("sen1floods11", "drivendata"):
        result = floodscope("simulate", tmp_path / layout, "--chips", "1", "--layout", layout)
        assert result.returncode == 0, result.stderr
        assert "1 with imagery (1 labelled)" in floodscope("catalog", "show", tmp_path / layout).stdout


def test_a_port_in_use_is_told_before_anything_is_served(floodscope: Run, simulated: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = floodscope("dashboard", simulated, "--port", port, "--no-browser", "--data", tmp_path)
    assert result.returncode == 1
    assert f"Port {port}" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["uploads", "exports"])
def test_a_data_folder_that_cannot_be_written_is_told_before_anything_is_served(
    floodscope: Run, simulated: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).symlink_to("/proc/self")  # where nobody may write, root neither
    result = floodscope("dashboard", simulated, "--port", 0, "--no-browser", "--data", tmp_path)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.stderr
    assert f"{tmp_path / name} cannot be written" in result.stderr
    assert "--data" in result.stderr


def test_the_environment_sets_options(
    floodscope: Run, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOODSCOPE_PREDICT_DATA", str(tmp_path / "from-environment"))
    assert floodscope("predict", simulated).returncode == 0
    assert (tmp_path / "from-environment" / "floodscope.db").is_file()
