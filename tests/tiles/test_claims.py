"""Folders under way belong to the process that works in them, whatever any clock says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tiles.claims import CLAIM, Claim, clock, sweep

WORKER = """
import sys, time
from pathlib import Path
from tiles.claims import Claim
mine = Claim(Path(sys.argv[1]), "work-")
print(mine.folder.name, flush=True)
sys.stdin.read()
"""


def test_a_folder_goes_when_its_process_is_killed_and_not_before_however_old_it_looks(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", WORKER, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        name = worker.stdout.readline().strip()
        mine = Claim(tmp_path, "work-")
        (mine.folder / "half").write_text("written")
        for path in (tmp_path / name, mine.folder, *mine.folder.iterdir()):
            os.utime(path, (1, 1))  # a clock that was ahead for decades
        sweep(tmp_path, "work-")
        assert {path.name for path in tmp_path.iterdir()} == {name, mine.folder.name}
        worker.kill()
        worker.wait()
    sweep(tmp_path, "work-")
    assert [path.name for path in tmp_path.iterdir()] == [mine.folder.name]
    mine.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_claim_is_left_until_it_is_old_and_a_link_always(tmp_path: Path) -> None:
    (tmp_path / "work-new").mkdir()
    (tmp_path / "work-old").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / CLAIM).touch()
    (tmp_path / "work-link").symlink_to(tmp_path / "elsewhere")
    os.utime(tmp_path / "work-old", (1, 1))
    sweep(tmp_path, "work-")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "work-link", "work-new"]


def test_the_time_is_that_of_the_disk_and_asking_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "before").touch()
    now = clock(tmp_path)
    (tmp_path / "after").touch()
    assert (tmp_path / "before").stat().st_mtime <= now <= (tmp_path / "after").stat().st_mtime
    assert sorted(one.name for one in tmp_path.iterdir()) == ["after", "before"]
