"""Files are there whole or not at all. Without this file a killed writer could leave half a file under its final name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tiles.errors import OutputError
from tiles.files import replacing, unwritable, write_whole


def test_a_file_is_synced_before_it_takes_its_place_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, bool]] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: told.append((str(Path(f"/proc/self/fd/{handle}").readlink()), path.exists()))
    )
    path = tmp_path / "a.bin"
    write_whole(path, b"whole")
    (part, before), (folder, after) = told
    assert Path(part).parent == tmp_path and not before
    assert (folder, after) == (str(tmp_path), True)
    assert path.read_bytes() == b"whole"


def test_what_fails_half_way_leaves_the_file_that_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_whole(path, b"before")
    with pytest.raises(ValueError, match="half way"), replacing(path) as part:
        part.write_bytes(b"half")
        assert part.suffix == ".tif"  # GDAL goes by the ending
        raise ValueError("half way")
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]
    assert path.read_bytes() == b"before"


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replacing(path) as first, replacing(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # the last rename stays
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("place", ["missing/a.txt", "file/a.txt", "folder"])
def test_a_place_that_cannot_be_written_is_named_with_its_cause(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        OutputError, match=rf"{place} cannot be written \((No such file|Not a directory|Is a directory)"
    ):
        write_whole(tmp_path / place, b"")
    assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".")]


def test_an_error_with_a_number_and_no_words_is_put_into_words() -> None:
    error = OSError()
    error.errno = 28
    assert "cannot be written (No space left on device)" in str(unwritable(Path("a"), error))
