"""What a large folder holds is kept: all of it, and only as long as every file is as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tiles.catalog import kept
from tiles.catalog.catalog import open_catalog, read_source
from tiles.chip import ASSETS, Look
from tiles.sentences import Sentence
from tiles.simulate import simulate

Change = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Chips, one of them damaged, one label of another size, and a file that belongs to none."""
    monkeypatch.setattr(kept, "WORTH", 1)
    made = simulate(tmp_path / "home" / "chips", chips=4, size=32)
    images, labels = (sorted((made / kind).iterdir()) for kind in ("S1Hand", "LabelHand"))
    images[0].write_bytes(b"no image")
    shutil.copy(simulate(tmp_path / "other", chips=1, size=64) / "LabelHand" / labels[0].name, labels[1])
    return made


def refuse(source: Path) -> None:
    raise AssertionError(f"{source} was read")


def test_what_was_found_is_found_again_with_no_file_opened(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first, again = kept.kept_reading(folder, data, read_source), kept.kept_reading(folder, data, refuse)  # type: ignore[arg-type]
    assert again == first
    assert len(first.records) == 4
    broken = [record for record in first.records if record.problem is not None]
    assert broken
    for one, other in zip(first.records, again.records, strict=True):
        for name in ("problem", "label_problem"):
            texts = [getattr(record, name) for record in (one, other)]
            assert isinstance(texts[1], Sentence) is isinstance(texts[0], Sentence)
            assert getattr(texts[1], "parts", None) == getattr(texts[0], "parts", None)
    assert open_catalog([folder], data=data).records() == open_catalog([folder]).records()


def _touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


CHANGES: dict[str, Change] = {
    "a file is written anew": lambda folder: _touch(next((folder / "S1Hand").iterdir())),
    "a label goes": lambda folder: next((folder / "LabelHand").iterdir()).unlink(),
    "an image comes": lambda folder: shutil.copy(
        next((folder / "S1Hand").glob("*.tif")), folder / "S1Hand" / "Ghana_9_S1Hand.tif"
    ),
    "a world file comes": lambda folder: next((folder / "S1Hand").glob("*.tif")).with_suffix(".tfw").touch(),
    "a list comes": lambda folder: (folder / "splits.csv").write_text("a"),
    "labels come beside it": lambda folder: (folder.parent / "labels").mkdir(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_folder_that_is_another_is_read_anew(folder: Path, tmp_path: Path, change: Change) -> None:
    kept.kept_reading(folder, tmp_path / "data", read_source)
    change(folder)
    with pytest.raises(AssertionError, match="was read"):
        kept.kept_reading(folder, tmp_path / "data", refuse)  # type: ignore[arg-type]


def test_parts_of_a_data_set_small_folders_and_damage_are_read(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    kept.kept_reading(folder / "S1Hand", data, read_source)
    assert not data.exists()
    found = kept.kept_reading(folder, data, read_source)
    (file,) = (data / kept.FOLDER).iterdir()
    file.write_bytes(file.read_bytes()[:200])
    assert kept.kept_reading(folder, data, read_source) == found


def test_many_files_are_looked_at_as_one_is(folder: Path) -> None:
    next((folder / "LabelHand").glob("*.tif")).with_suffix(".tfw").write_text("1\n0\n0\n-1\n0\n0\n")
    records, look = read_source(folder).records, Look()
    for record in records:
        assert record.revision(look) == record.revision()
        for name in ASSETS:
            asset = getattr(record, name)
            assert asset is None or look(asset) == asset.now().stamp
