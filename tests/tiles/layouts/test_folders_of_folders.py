"""A folder of folders is a source: events, tiles, splits, each as it lies; labels are found from wherever in it one begins."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from chips import backscatter, lake, write_pair, write_tiff

from tiles.catalog.catalog import Catalog, open_catalog
from tiles.errors import SourceError
from tiles.reading.door import read_chip

VV, VH = backscatter()
TRUTH = lake().astype(np.uint8)


def _both(path: Path) -> None:
    write_tiff(path, VV, VH, names=("VV", "VH"))


def _events(catalog: Catalog) -> dict[str, str | None]:
    """Return the event of each chip that has imagery and a label."""
    return {record.id: record.event for record in catalog.usable() if record.has_label}


def test_a_folder_for_each_event_is_one_source_that_knows_the_events(tmp_path: Path) -> None:
    for event in ("EMSR107-1", "EMSR119-2"):  # as MMFlood has them
        for number in (0, 1):
            _both(tmp_path / event / "s1_raw" / f"{event}-{number}.tif")
            write_tiff(tmp_path / event / "mask" / f"{event}-{number}.tif", TRUTH)
    catalog = open_catalog([tmp_path])
    assert _events(catalog) == {f"{e}-{n}": e for e in ("EMSR107-1", "EMSR119-2") for n in (0, 1)}
    assert catalog.problems() == []


@pytest.mark.parametrize("above", ["", "all/of/it"])
def test_a_folder_for_each_chip_names_it_and_is_no_event(tmp_path: Path, above: str) -> None:
    for name in ("0a1b", "77fe"):
        for file, band in (("VV", VV), ("VH", VH), ("label", TRUTH)):
            write_tiff(tmp_path / above / name / f"{file}.tif", band)
    prefix = above.replace("/", "_") + "_" if above and above.count("/") < 2 else ""
    source = tmp_path / above if above.count("/") > 1 else tmp_path
    assert _events(open_catalog([source])) == {f"{prefix}0a1b": None, f"{prefix}77fe": None}


def test_an_id_tells_the_folder_where_files_of_two_folders_are_called_alike(tmp_path: Path) -> None:
    for event in ("bihar", "sindh"):
        for number in ("1", "2"):
            write_pair(tmp_path / event, number)
    wanted = {f"{event}_{number}": event for event in ("bihar", "sindh") for number in "12"}
    assert _events(open_catalog([tmp_path])) == wanted
    write_pair(tmp_path / "assam", "1")
    assert wanted.items() < _events(open_catalog([tmp_path])).items(), "no id moves when a folder is added"


def test_folders_of_splits_name_them_and_are_no_part_of_ids(tmp_path: Path) -> None:
    write_pair(tmp_path / "train", "a")
    write_pair(tmp_path / "Test", "b")
    assert {r.id: (r.split, r.event) for r in open_catalog([tmp_path]).records()} == {
        "a": ("train", None),
        "b": ("test", None),
    }


def test_kuro_siwo_is_read_with_its_legend_and_its_images_before_the_flood(tmp_path: Path) -> None:
    classes = np.where(np.arange(TRUTH.size).reshape(TRUTH.shape) % 48 < 4, 3, TRUTH * 2).astype(np.uint8)
    classes[30:][classes[30:] == 2] = 1
    for tile in ("e2eb", "f00d"):
        place = tmp_path / "1111013" / "01" / tile
        for image, day in (("MS1", "20170504"), ("SL1", "20170422")):
            write_tiff(place / f"{image}_IVV_1111013_01_{day}.tif", VV)
            write_tiff(place / f"{image}_IVH_1111013_01_{day}.tif", VH)
        for what, band in (("MLU", classes), ("MNA", TRUTH * 0 + 1), ("DEM", VV * 0 + 9), ("SLOPE", VV * 0)):
            write_tiff(place / f"MK0_{what}_1111013_01_20170504.tif", band)
    catalog = open_catalog([tmp_path])
    assert catalog.problems() == [] and len(catalog) == 4
    flood = [record for record in catalog.records() if record.has_label]
    assert {(r.legend, r.date, r.elevation is not None) for r in flood} == {("kurosiwo", "2017-05-04", True)}
    assert len({record.id for record in flood}) == 2
    chip = read_chip(flood[0])
    assert chip.label is not None and chip.notes == ()
    np.testing.assert_array_equal(chip.label, np.where(classes == 3, 255, TRUTH))


def test_etci_2021_is_read_with_its_legend_from_any_folder_of_it(tmp_path: Path) -> None:
    tiles = tmp_path / "train" / "bangladesh_20170314t115609" / "tiles"
    name = "bangladesh_20170314t115609_x-0_y-0"
    for folder, file, band in (("vv", f"{name}_vv", VV), ("vh", f"{name}_vh", VH), ("flood_label", name, TRUTH * 255)):
        write_tiff(tiles / folder / f"{file}.tif", band, crs=None, transform=None)
    write_tiff(tiles / "water_body_label" / f"{name}.tif", TRUTH * 0, crs=None, transform=None)
    for given in ("train", "train/bangladesh_20170314t115609", tiles, tiles / "vv", tiles / "vh" / f"{name}_vh.tif"):
        (record,) = open_catalog([tmp_path / given]).records()
        assert (record.id, record.legend) == (name, "etci2021")
        np.testing.assert_array_equal(read_chip(record).label, TRUTH)


@pytest.mark.parametrize("inner", ["train", "bihar"])
def test_labels_are_found_from_the_root_the_images_one_folder_of_them_and_one_file(tmp_path: Path, inner: str) -> None:
    _both(tmp_path / "images" / inner / "x.tif")
    write_tiff(tmp_path / "labels" / inner / "x.tif", TRUTH)
    for given in ("", "images", f"images/{inner}", f"images/{inner}/x.tif"):
        (record,) = open_catalog([tmp_path / given]).records()
        assert record.has_label, given
        assert (record.id, record.split, record.event) == (
            ("x", "train", None) if inner == "train" else ("bihar_x", None, "bihar")
        )


def test_labels_in_a_folder_below_their_images_are_found(tmp_path: Path) -> None:
    write_pair(tmp_path, "x", label=False)
    write_tiff(tmp_path / "labels" / "x.tif", TRUTH)
    for given in ("", "x_vv.tif"):
        assert _events(open_catalog([tmp_path / given])) == {"x": None}


def test_a_split_without_labels_is_told(tmp_path: Path) -> None:
    for split in ("train", "test"):
        _both(tmp_path / "images" / split / f"{split}.tif")
    write_tiff(tmp_path / "labels" / "train" / "train.tif", TRUTH)
    catalog = open_catalog([tmp_path])
    assert set(_events(catalog)) == {"train"} and len(catalog) == 2
    (problem,) = catalog.problems()
    assert "test is not there, so the images of that name have no label" in problem.message


def test_a_folder_without_images_is_told_and_how_to_give_it_as_labels(tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "x", label=False)
    write_tiff(tmp_path / "truth of x" / "x.tif", TRUTH)
    write_tiff(tmp_path / "else" / "y.tif", TRUTH)
    catalog = open_catalog([tmp_path])
    told = "\n".join(problem.message for problem in catalog.problems())
    assert "else holds no image that can be used, and is left aside" in told
    asked = re.search(r"if it holds labels, add --labels (.*)$", told, re.MULTILINE)
    assert asked is not None, told
    assert _events(open_catalog([tmp_path], labels=[Path(asked[1])])) == {"chips_x": None}


def test_where_no_folder_in_a_folder_holds_chips_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(SourceError, match=r"holds no chips that floodscope recognises .* and neither do folders in it"):
        open_catalog([tmp_path])


def test_folders_of_images_in_a_folder_of_loose_chips_are_told_to_be_left_aside(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    _both(tmp_path / "more" / "y.tif")
    _both(tmp_path / "drawn" / "x.tif")
    write_tiff(tmp_path / "notes" / "x_slope.tif", TRUTH)
    told = {problem.name: str(problem.message) for problem in open_catalog([tmp_path]).problems()}
    assert set(told) == {"more", "drawn"}
    assert told["more"].endswith(
        "more holds GeoTIFFs too, which are left aside: name it as a source of its own, beside this one."
    )
    assert told["drawn"].endswith(f"if they are labels, add --labels {tmp_path / 'drawn'}")
    assert [record.id for record in open_catalog([tmp_path, tmp_path / "more"]).usable()] == ["x", "y"], (
        "the advice works"
    )
