"""Which files of a folder are new and whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import rasterio

from model.streams.folder import PATIENCE, FolderSource, Looked
from tests.model.streams.conftest import Drop
from tiles.errors import SourceError

pytestmark = pytest.mark.slow


class Clock:
    """A clock that is set by hand, from the time that a file was written at: a whole second, of which no sum is rounded."""

    def __init__(self, path: Path) -> None:
        self.now = float(int(path.stat().st_mtime))
        os.utime(path, (self.now, self.now))

    def __call__(self) -> float:
        return self.now


def files_of(looked: Looked) -> Mapping[str, str]:
    return {name: mark for item in looked.ready for name, mark in item.files.items()}


def test_a_file_is_read_once_it_has_not_changed_for_a_while(inbox: Path, drop: Drop) -> None:
    path = drop()
    clock = Clock(path)
    source = FolderSource(inbox, settle_s=10, clock=clock)
    assert (source.look({}).ready, source.look({}).waiting) == ([], ["a.tif"])
    clock.now += 9
    with path.open("ab") as file:
        file.write(b"more")
    os.utime(path, (clock.now, clock.now))
    clock.now += 9
    assert source.look({}).waiting == ["a.tif"]
    clock.now += 1
    found = source.look({})
    assert [item.record.id for item in found.ready if item.record] == ["a"]
    assert source.look(files_of(found)).ready == []


def test_a_file_whose_time_lies_ahead_is_known_by_not_changing_while_it_is_looked_at(inbox: Path, drop: Drop) -> None:
    path = drop()
    clock = Clock(path)
    os.utime(path, (clock.now + 1e6, clock.now + 1e6))
    source = FolderSource(inbox, settle_s=10, clock=clock)
    assert source.look({}).waiting == ["a.tif"]
    clock.now += 10
    assert len(source.look({}).ready) == 1


def test_a_file_in_place_of_another_is_new_and_one_that_was_dealt_with_is_not(inbox: Path, drop: Drop) -> None:
    source = FolderSource(inbox, clock=lambda: 2e9)
    path = drop()
    done = files_of(source.look({}))
    assert source.look(done).ready == []
    os.utime(path, ns=(5, 5))
    assert [item.name for item in source.look(done).ready] == ["a.tif"]


def test_half_a_pair_waits_for_its_other_half_and_is_told_when_it_does_not_come(
    inbox: Path, imagery: list[Path]
) -> None:
    with rasterio.open(imagery[0]) as dataset:
        profile, bands = dataset.profile, dataset.read()
    profile.update(count=1)
    for name, band in zip(("x_vv", "x_vh"), bands, strict=True):
        with rasterio.open(inbox / f"{name}.tif", "w", **profile) as dataset:
            dataset.write(band, 1)
    shutil.move(inbox / "x_vh.tif", inbox / "later")
    clock = Clock(inbox / "x_vv.tif")
    source = FolderSource(inbox, settle_s=10, clock=clock)
    clock.now += 20
    assert source.look({}).waiting == ["x_vv.tif"]
    clock.now += 10 * PATIENCE
    (item,) = source.look({}).ready
    assert item.problem is not None and "no VH partner" in item.problem
    shutil.move(inbox / "later", inbox / "x_vh.tif")
    clock.now += 20
    (whole,) = source.look(item.files).ready
    assert whole.problem is None and set(whole.files) == {"x_vv.tif", "x_vh.tif"}


def test_labels_hidden_files_and_folders_of_the_day_are_told_apart(inbox: Path, drop: Drop) -> None:
    drop("2026-11-26/a.tif")
    drop("2026-11-27/a.tif", 1)
    drop(".part-a.tif")
    with rasterio.open(inbox / "2026-11-26/a.tif") as dataset:
        profile = {**dataset.profile, "count": 1, "dtype": "uint8", "nodata": None}
    with rasterio.open(inbox / "2026-11-26/a_label.tif", "w", **profile) as dataset:
        dataset.write(np.zeros((dataset.height, dataset.width), np.uint8), 1)
    found = FolderSource(inbox, clock=lambda: 2e9).look({})
    assert [item.name for item in found.ready] == ["2026-11-26/a.tif", "2026-11-27/a.tif"]
    assert [item.record.has_label for item in found.ready if item.record] == [True, False]


def test_one_new_file_among_many_is_read_by_itself_and_is_called_the_same(inbox: Path, drop: Drop) -> None:
    source = FolderSource(inbox, clock=lambda: 2e9)
    for number in range(12):
        drop(f"c{number}.tif", number % 6)
    found = source.look({})
    done = dict(files_of(found))
    del done["c3.tif"]
    (alone,) = source.look(done).ready
    assert alone.record == next(item.record for item in found.ready if item.name == "c3.tif")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, inbox: Path) -> None:
    with pytest.raises(SourceError, match="nowhere is no folder that is there"):
        FolderSource(tmp_path / "nowhere")
    source = FolderSource(inbox)
    inbox.rmdir()
    with pytest.raises(SourceError, match="no folder that is there"):
        source.look({})
