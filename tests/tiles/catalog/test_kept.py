"""What a large folder holds is kept: all of it, and only as long as every file is as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from tiles.catalog import kept
from tiles.catalog.catalog import open_catalog, read_source
from tiles.chip import ASSETS, Look
from tiles.reading import headers
from tiles.reading.raster import RasterInfo
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


# --- what is opened again -----------------------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose headers are read, as they are."""
    found: list[str] = []
    plain = headers.read_info

    def noted(path: str) -> RasterInfo:
        found.append(Path(path).name)
        return plain(path)

    monkeypatch.setattr(headers, "read_info", noted)
    return found


def _own_names(made: Path) -> Path:
    """Return the chips in a folder of VV, VH and label files, as people name them."""
    out = made.parent / "own"
    out.mkdir()
    for image in (made / "S1Hand").glob("*.tif"):
        label = made / "LabelHand" / image.name.replace("S1Hand", "LabelHand")
        with rasterio.open(image) as source:
            for band, name in ((1, "VV"), (2, "VH")):
                profile = {**source.profile, "count": 1}
                with rasterio.open(out / f"{image.stem.removesuffix('_S1Hand')}_{name}.tif", "w", **profile) as one:
                    one.write(source.read(band), 1)
        shutil.copy(label, out / f"{image.stem.removesuffix('_S1Hand')}_label.tif")
    return out


@pytest.fixture(params=["Sen1Floods11", "own names"])
def many(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kept, "WORTH", 1)
    made = simulate(tmp_path / "home" / "chips", chips=5, size=32)
    return made if request.param == "Sen1Floods11" else _own_names(made)


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.tif") if "abel" not in path.name)


def _labels(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.tif") if "abel" in path.name)


def _come(folder: Path) -> None:
    for path in [path for path in folder.rglob("*.tif") if path.name.startswith("Ghana")]:
        shutil.copy(path, path.with_name(path.name.replace("Ghana", "Togo")))


def _grow(path: Path) -> None:
    with rasterio.open(path) as source:
        profile, values = source.profile, source.read()
    profile.update(width=48, height=48)
    with rasterio.open(path, "w", **profile) as other:
        other.write(np.pad(values, [(0, 0), (0, 16), (0, 16)], mode="edge"))


def _world(path: Path) -> None:
    path.with_suffix(".tfw").write_text("0.001\n0\n0\n-0.001\n10\n50\n")


@pytest.mark.parametrize(
    ("change", "chips"),
    [
        (lambda folder: _touch(_images(folder)[0]), 1),
        (lambda folder: _grow(_labels(folder)[1]), 1),
        (lambda folder: _labels(folder)[1].unlink(), 1),
        (lambda folder: _images(folder)[0].write_bytes(b"no image"), 1),
        (lambda folder: _world(_images(folder)[0]), 1),
        (_come, 1),
        (lambda folder: [path.unlink() for path in folder.rglob("Ghana*.tif")], 0),
        (lambda folder: (folder.parent / "another").mkdir(), 0),
    ],
    ids=["touched", "label grows", "label goes", "damaged", "world file", "one more", "one less", "a folder beside"],
)
def test_of_a_folder_that_is_another_only_what_is_another_is_opened(
    many: Path, tmp_path: Path, opened: list[str], change: Change, chips: int
) -> None:
    data = tmp_path / "data"
    kept.kept_reading(many, data, read_source)
    change(many)
    opened.clear()
    found = kept.kept_reading(many, data, read_source)
    names = {record.id for record in found.records if any(record.id.split("_")[0] in name for name in opened)}
    assert len(names) == chips
    assert found == read_source(many)
    opened.clear()
    assert kept.kept_reading(many, data, read_source) == found
    assert opened == []


def test_what_was_read_while_others_came_is_kept_and_what_changed_meanwhile_is_opened_again(
    many: Path, tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, changed = tmp_path / "data", _images(many)[0]
    plain = headers.read_info

    def late(path: str) -> RasterInfo:
        """Read a header; then the file is written anew, and a folder comes beside."""
        info = plain(path)
        if Path(path) == changed:
            _touch(changed)
            (many.parent / "another").mkdir(exist_ok=True)
        return info

    with monkeypatch.context() as at_first:
        at_first.setattr(headers, "read_info", late)
        first = kept.kept_reading(many, data, read_source)
    opened.clear()
    assert kept.kept_reading(many, data, read_source) == first
    chips = {record.id for record in first.records if any(record.id.split("_")[0] in name for name in opened)}
    assert chips == {record.id for record in first.records if record.id.split("_")[0] in changed.name}
    opened.clear()
    assert kept.kept_reading(many, data, refuse) == first and opened == []  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["SIMULATED.json", "flood_test_data.csv"])
def test_where_more_than_images_is_another_all_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str], name: str
) -> None:
    monkeypatch.setattr(kept, "WORTH", 1)
    made, data = simulate(tmp_path / "home" / "chips", chips=5, size=32), tmp_path / "data"
    (made / "flood_test_data.csv").write_text("")
    kept.kept_reading(made, data, read_source)
    (made / name).unlink()
    opened.clear()
    assert kept.kept_reading(made, data, read_source) == read_source(made)
    assert {file for file in opened if "S1Hand" in file} == {path.name for path in _images(made)}


def test_an_answer_for_two_files_of_one_name_is_not_taken_for_another(tmp_path: Path, opened: list[str]) -> None:
    made = simulate(tmp_path / "chips", chips=2, size=32)
    records = read_source(made).records
    questions = headers.Told({}, Look())
    bare = [replace(r, footprint=None, width=None, height=None, label=None) for r in records]
    with headers.remembering(questions):
        one, other = (headers.inspected(record) for record in bare)
    known = headers.Told({questions.asked[r.vv.path, r.vh.path][0]: r for r in (one, other) if r.vv and r.vh}, Look())
    opened.clear()
    with headers.remembering(known):
        assert [headers.inspected(record) for record in bare] == [one, other] and opened == []
        assert headers.inspected(replace(bare[0], label=records[0].label)).label_problem is None
        assert headers.inspected(replace(bare[0], label=records[1].label)).label_problem is not None, (
            "it lies elsewhere"
        )
    assert opened != []
