"""What nobody uses for a long time goes; how old it is is told by the disk it lies on, not by this process's clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model.store import work
from tiles.drawing import pyramid


@pytest.mark.parametrize(
    ("under", "name", "sweep"),
    [(work.FOLDER, "{}", work.sweep_work), (".", "{}.tif", pyramid.sweep_pyramids)],
    ids=["windows", "pyramids"],
)
def test_a_clock_that_is_a_year_ahead_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, under: str, name: str, sweep: Callable[[Path], None]
) -> None:
    folder = tmp_path / under
    make = Path.mkdir if under == work.FOLDER else Path.touch
    folder.mkdir(exist_ok=True)
    old, new = (folder / name.format(which) for which in ("old", "new"))
    for path in (old, new):
        make(path)
    os.utime(old, (1, 1))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 366 * 24 * 3600)
    sweep(tmp_path)
    assert list(folder.iterdir()) == [new]
