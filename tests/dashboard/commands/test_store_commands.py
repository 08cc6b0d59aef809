"""floodscope store, as a user runs it: what it finds, mends, copies and writes, and a sentence for whatever cannot be."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Run, call_floodscope

from tests.serving import dead_url

pytestmark = pytest.mark.slow

Prepare = Callable[[Path], None]


@pytest.fixture(scope="module")
def predicted(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store on disk that holds eleven predictions."""
    from click.testing import CliRunner

    from dashboard.cli import cli

    data = tmp_path_factory.mktemp("predicted") / "data"
    done = CliRunner().invoke(cli, ["predict", str(simulated), "--model", "backscatter", "--data", str(data)])
    assert done.exit_code == 0, done.output
    return data


@pytest.fixture
def data(predicted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(predicted, tmp_path / "data"))


def rasters(data: Path) -> list[Path]:
    return sorted((data / "predictions").rglob("*.tif"))


def test_what_a_hand_removed_is_named_and_mended(data: Path, floodscope: Run) -> None:
    whole = floodscope("store", "check", "--data", data)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.startswith("11 predictions are whole; 0 rows without their raster, 0 rasters without a row")
    lost = rasters(data)[0]
    lost.unlink()
    told = floodscope("store", "check", "--data", data)
    assert told.returncode == 1
    assert lost.name.split(".")[0] in told.stderr and "--mend" in told.stderr
    assert "10 predictions are whole; 1 rows without their raster," in told.stdout
    mended = floodscope("store", "check", "--mend", "--data", data)
    assert mended.returncode == 0
    assert "1 rows without their raster removed" in mended.stdout
    assert floodscope("store", "check", "--data", data).stdout.startswith("10 predictions are whole; 0 rows")


def test_a_store_is_copied_whole_and_once(data: Path, tmp_path: Path, floodscope: Run) -> None:
    there = tmp_path / "there"
    for _ in range(2):  # given again, it goes on
        done = floodscope("store", "copy", "--data", data, "--to-data", there)
        assert (done.returncode, done.stdout) == (0, "11 predictions copied\n"), done.stderr
    assert [path.read_bytes() for path in rasters(there)] == [path.read_bytes() for path in rasters(data)]
    tables = []
    for place in (data, there):
        out = tmp_path / "tables" / f"{place.name}.csv"
        assert floodscope("store", "export", "--data", place, out).stdout == f"11 predictions written to {out}\n"
        with out.open() as file:
            tables.append([{**row, "raster": Path(row["raster"]).name} for row in csv.DictReader(file)])
    assert tables[0] == tables[1]
    assert len(tables[0]) == 11 and float(tables[0][0]["water_km2"]) > 0


COMMANDS = {"check": ["check"], "copy": ["copy", "--to-data", "{tmp}/there"], "export": ["export", "{tmp}/out.csv"]}
BAD = {
    "no such folder": (["--data", "{tmp}/nowhere"], "holds no predictions of floodscope: name the place that does"),
    "a folder of other things": (["--data", "{tmp}"], "holds no predictions of floodscope"),
    "a file": (["--data", "{tmp}/file"], "is a file"),
    "no URL": (["--database", "flood.db"], "is no URL of a database"),
    "no such kind of database": (["--database", "nosuch://host/x"], "The database URL is not understood"),
    "a driver that is not there": (["--database", "mysql+pymysql://host/x"], "needs the Python package pymysql"),
    "nobody answers": (["--database", "postgresql+pg8000://me@{dead}/x"], "check that it runs"),
    "an empty database": (["--database", "sqlite:///{tmp}/empty.db"], "holds no predictions of floodscope"),
    "no such file": (["--database", "sqlite:///{tmp}/none.db"], "holds no predictions of floodscope"),
    "no database": (["--database", "sqlite:///{tmp}/file"], "not a database"),
    "a bucket without a database": (["--data", "s3://bucket/p"], "need a database that all who use them reach"),
    "no name of a bucket": (
        ["--data", "s3://B_", "--database", "sqlite:///{data}/floodscope.db"],
        "no place in an object",
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_place_that_holds_no_store_is_told_in_a_sentence_and_nothing_is_made(
    command: str, data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no database, but long enough for a header of one " * 9)
    (tmp_path / "empty.db").touch()
    before = sorted(tmp_path.rglob("*"))
    for name, (more, words) in BAD.items():
        places = {"tmp": tmp_path, "data": data, "dead": dead_url().split("/")[2]}
        given = [one.format(**places) for one in (*COMMANDS[command], *more)]
        done = call_floodscope(capfd, "store", *given)
        assert done.returncode in {1, 2}, name
        assert words in done.stderr, name
        assert "Traceback" not in done.stderr and done.stdout == "", name
    assert [path for path in sorted(tmp_path.rglob("*")) if path.suffix not in {".db-wal", ".db-shm"}] == before


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["copy"], "Nothing says where to"),
        (["copy", "--to-data", "{data}/../data"], "copied onto itself"),
        (["copy", "--to-data", "{tmp}/file"], "is a file"),
        (["copy", "--to-data", "{tmp}/file/inner"], "cannot be written"),
        (["copy", "--to-data", "s3://bucket/p"], "need a database that all who use them reach"),
        (["copy", "--to-database", "postgresql+pg8000://me@{dead}/x"], "check that it runs"),
        (["export"], "Missing argument"),
        (["export", "{tmp}"], "is a directory"),
        (["export", "{tmp}/file/out.csv"], "cannot be written"),
    ],
)
def test_what_cannot_be_copied_or_written_is_told(
    data: Path, tmp_path: Path, floodscope: Run, given: list[str], words: str
) -> None:
    (tmp_path / "file").touch()
    places = {"tmp": tmp_path, "data": data, "dead": dead_url().split("/")[2]}
    done = floodscope("store", *(one.format(**places) for one in given), "--data", data)
    assert done.returncode in {1, 2}
    assert words in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert floodscope("store", "check", "--data", data).stdout.startswith("11 predictions are whole")


def test_a_bucket_that_is_not_there_and_boto3_that_is_not_are_told(
    data: Path, floodscope: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.shared_stores import object_store

    given = ["--data", "s3://nobodys-bucket/p", "--database", f"sqlite:///{data}/floodscope.db"]
    with object_store():
        done = floodscope("store", "check", *given)
    assert done.returncode == 1
    assert "The bucket of s3://nobodys-bucket/p/ does not exist: make it, or name another with --data" in done.stderr
    monkeypatch.setattr("model.store.objects.find_spec", lambda _: None)
    done = floodscope("store", "check", *given)
    assert done.returncode == 1
    assert "need boto3, which is not installed: pip install 'floodscope[aws]'" in done.stderr
