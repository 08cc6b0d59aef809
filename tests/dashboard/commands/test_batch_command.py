"""floodscope batch, as a user runs it: a scene and chips on a process of their own, and what cannot be done."""

from __future__ import annotations

import csv
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from command_line import FLOODSCOPE, Run
from rasterio.transform import from_origin

from model.predictors.local import WINDOW
from tests.waiting import eventually

pytestmark = pytest.mark.slow


def write_scene(path: Path, width: int, height: int) -> Path:
    """Write an image of dB in two bands: rivers in speckle, the same in each block."""
    rng = np.random.default_rng(7)
    row, col = np.mgrid[:256, :256]
    river = np.abs(np.sin(row / 40) * 60 + 128 - col) < 20
    block = np.where(river, -25.0, -15.0) + rng.normal(0, 2, river.shape)
    vh = np.tile(block.round(1).astype(np.float32), (-(-height // 256), -(-width // 256)))[:height, :width]
    profile = {"driver": "GTiff", "width": width, "height": height, "count": 2, "dtype": "float32", "crs": "EPSG:32633"}
    tiled = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "lzw"}
    with rasterio.open(path, "w", **profile, **tiled, transform=from_origin(600_000, 5_300_000, 10, 10)) as out:
        for number, (name, band) in enumerate((("VV", vh + 6), ("VH", vh)), 1):
            out.write(band, number)
            out.set_band_description(number, name)
    return path


def test_a_scene_and_chips_become_the_files_that_predict_writes(
    tmp_path: Path, simulated: Path, floodscope: Run
) -> None:
    scene = write_scene(tmp_path / "scene.tif", WINDOW + 80, WINDOW + 10)
    more = ["--model", "backscatter"]

    def predicted(command: str, *options: str | int) -> Path:
        out = tmp_path / command
        done = floodscope(
            command, scene, simulated, *more, "--data", tmp_path / f"{command}-data", "--out", out, *options
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("12 predicted, 0 were there, 0 failed")
        return out

    one, other = predicted("batch", "--workers", 1), predicted("predict")
    names = sorted(path.name for path in other.iterdir())
    assert len(names) == 2 * 12 + 1 and "scene_probability.tif" in names
    assert sorted(path.name for path in one.iterdir()) == names
    for name in names:
        if name.endswith(".tif"):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name
    tables = [list(csv.DictReader((out / "predictions.csv").open())) for out in (one, other)]
    for table in tables:
        for row in table:
            del row["seconds"], row["predicted"]
    assert tables[0] == tables[1]
    again = floodscope("predict", scene, simulated, *more, "--data", tmp_path / "batch-data")
    assert again.stdout.startswith("0 predicted, 12 were there"), again.stderr
    assert not list((tmp_path / "batch-data" / "under-way").iterdir()), "the work on a scene was left behind"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--workers", "2", "--scheduler", "tcp://host:1"], "exclude each other"),
        (["--scheduler", "host"], "no scheduler's address"),
        (["--workers", "0"], "0 is not in the range"),
        (["--data", "s3://b/p"], "need a database that all who use them reach"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    tmp_path: Path, simulated: Path, floodscope: Run, more: list[str], words: str
) -> None:
    data = [] if "--data" in more else ["--data", str(tmp_path / "data")]
    done = floodscope("batch", simulated, "--model", "backscatter", *data, *more)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_where_workers_may_not_write_rasters_the_folder_is_named_and_what_is_predicted_is_kept(
    tmp_path: Path, simulated: Path, floodscope: Run
) -> None:
    out, data = tmp_path / "out", tmp_path / "data"
    out.write_text("a file in its place")
    asked = ("batch", simulated, "--model", "backscatter", "--data", data, "--workers", 1, "--overwrite")
    done = floodscope(*asked, "--out", out / "rasters")
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert str(out / "rasters") in done.stderr and "choose another" in done.stderr
    out.unlink()
    again = floodscope(*asked, "--out", out / "rasters")
    assert again.returncode == 0 and again.stdout.startswith("0 predicted, 11 were there"), again.stderr
    assert len(list((out / "rasters").iterdir())) == 2 * 11 + 1


def test_where_no_chip_could_be_predicted_nothing_is_written_that_the_next_try_would_meet(
    tmp_path: Path, floodscope: Run
) -> None:
    (tmp_path / "chips").mkdir()
    write_scene(tmp_path / "chips" / "one.tif", 256, 256)
    damaged = tmp_path / "chips" / "one.tif"
    data = damaged.read_bytes()
    damaged.write_bytes(data[:2000] + bytes(9000) + data[11_000:])
    for command, *more in (("batch", "--workers", "1"), ("predict",)):
        out = tmp_path / command / "rasters"
        asked = (tmp_path / "chips", "--model", "backscatter", "--data", tmp_path / f"{command}-data", "--out", out)
        done = floodscope(command, *asked, *more)
        assert done.returncode == 1 and "cannot be written" not in done.stderr, done.stderr
        assert "0 predicted, 0 were there, 1 failed" in done.stdout, done.stderr
        assert done.stdout.rstrip().endswith(f"; nothing to write to {out}")
        assert not list(out.parent.rglob("*.*"))
    damaged.write_bytes(data)
    for command, *more in (("batch", "--workers", "1"), ("predict",)):
        out = tmp_path / command / "rasters"
        asked = (tmp_path / "chips", "--model", "backscatter", "--data", tmp_path / f"{command}-data", "--out", out)
        assert floodscope(command, *asked, *more).returncode == 0
        assert len(list(out.iterdir())) == 3


def test_an_interrupt_while_rasters_are_written_is_told_in_a_line(
    tmp_path: Path, simulated: Path, floodscope: Run
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    assert floodscope("predict", simulated, "--model", "backscatter", "--data", data).returncode == 0
    command = [FLOODSCOPE, "batch", simulated, "--model", "backscatter", "--data", data, "--workers", "1"]
    command += ["--out", out, "--task-chips", "1"]
    with subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: (out.exists() and any(out.glob("*_mask.tif"))) or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        told = process.stderr.read()
    assert "Traceback" not in told and "never retrieved" not in told, told
    assert process.returncode != 0 and "Interrupted" in told, told
    again = floodscope(*command[1:], "--overwrite")
    assert again.returncode == 0 and len(list(out.iterdir())) == 2 * 11 + 1, again.stderr
