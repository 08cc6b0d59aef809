"""The wheel holds all that the program needs. Without this file an install could lack a room, the map or the model."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parent.parent


def test_a_wheel_is_built_and_predicts_where_there_is_no_source(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("floodscope-*.whl")
    home = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(home)
    packages = ("assets", "dashboard", "model", "tiles")
    files = [path for package in packages for path in (REPOSITORY / package).rglob("*") if path.is_file()]
    assert {p.relative_to(REPOSITORY).as_posix() for p in files if p.suffix != ".pyc"} <= names
    assert not {name for name in names if name.startswith(("tests/", "docs/"))}

    def floodscope(*arguments: str) -> str:
        code = (
            "import sys, dashboard, model, tiles\n"
            f"assert all(m.__file__.startswith({str(home)!r}) for m in (dashboard, model, tiles))\n"
            "from dashboard.cli import main\nmain()"
        )
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(home), "FLOODSCOPE_DATA": str(tmp_path / "data")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    floodscope("simulate", "chips", "--chips", "1")
    floodscope("predict", "chips", "--out", "out")
    assert list((tmp_path / "out").glob("*_probability.tif"))
