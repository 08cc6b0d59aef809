"""What is in the table of layouts is found and read, from a folder and from a file; nothing else lists them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tiles.chips import write_pair
from tiles.catalog import catalog
from tiles.catalog.catalog import open_catalog
from tiles.errors import SourceError
from tiles.layouts import geotiff, uploads
from tiles.layouts.known import LAYOUTS


def test_each_has_a_name_of_its_own() -> None:
    names = [layout.NAME for layout in LAYOUTS]
    assert len(set(names)) == len(names)


def test_a_layout_that_is_one_more_entry_is_recognised_read_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = SimpleNamespace(
        NAME="mine",
        FOLDERS="folders with MINE.txt",
        recognises=lambda folder: (folder / "MINE.txt").is_file(),
        read=lambda source: geotiff.read(source / "inside" if source.is_dir() else source),
    )
    monkeypatch.setattr(catalog, "LAYOUTS", (mine, *LAYOUTS))
    write_pair(tmp_path / "set" / "inside", "lake")
    (tmp_path / "empty").mkdir()
    assert [record.layout for record in open_catalog([tmp_path / "set"]).records()] == [
        "geotiff"
    ]  # a folder of the folder
    assert [record.id for record in open_catalog([tmp_path / "set"]).records()] == ["inside_lake"]
    (tmp_path / "set" / "MINE.txt").touch()
    assert [record.id for record in open_catalog([tmp_path / "set"]).records()] == ["lake"]
    with pytest.raises(SourceError, match=r"recognises \(folders with MINE\.txt, .*Sen1Floods11, "):
        open_catalog([tmp_path / "empty"])


def test_an_image_beside_uploads_is_read_as_any_other(tmp_path: Path) -> None:
    write_pair(tmp_path, "lake")
    (tmp_path / uploads.MARK).touch()
    assert [record.id for record in open_catalog([tmp_path / "lake_vv.tif"]).records()] == ["lake"]
