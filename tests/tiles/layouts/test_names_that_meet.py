"""Files that belong together and are called differently: they meet, or what parts them is told."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from chips import backscatter, lake, write_pair, write_tiff
from click.testing import CliRunner
from PIL import Image
from rasterio.rio.main import main_group

from tiles.catalog.catalog import open_catalog
from tiles.errors import SourceError
from tiles.layouts.names import part_of
from tiles.reading.door import read_chip

VV, VH = backscatter()
TRUTH = lake().astype(np.uint8)


def _both(path: Path) -> None:
    write_tiff(path, VV, VH, names=("VV", "VH"))


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("lake", "lake_gt"),
        ("lake", "lake_ground_truth"),
        ("lake", "lake_flood_label"),
        ("flood_7", "flood_7_label"),
        ("x_flood", "x_flood_label"),
        ("lake_s1", "lake_water_mask"),
        ("Chip01", "CHIP01_label"),
        ("s1_03", "gt_03"),
        ("S1", "label"),
        ("whatever", "LabelWater"),
        ("whatever", "flood_mask"),
        ("lake (1)", "lake_label (1)"),
    ],
)
def test_a_label_meets_its_image(tmp_path: Path, image: str, label: str) -> None:
    _both(tmp_path / f"{image}.tif")
    write_tiff(tmp_path / f"{label}.tif", TRUTH)
    for given in (tmp_path, tmp_path / f"{image}.tif"):
        (record,) = open_catalog([given]).records()
        np.testing.assert_array_equal(read_chip(record).label, TRUTH)


def test_vv_and_vh_meet_that_differ_in_capitals_alone(tmp_path: Path) -> None:
    write_tiff(tmp_path / "Chip01_VV.tif", VV)
    write_tiff(tmp_path / "chip01_vh.tif", VH)
    (record,) = open_catalog([tmp_path]).records()
    assert (record.id, record.has_imagery) == ("Chip01", True)
    write_tiff(tmp_path / "CHIP01_vh.tif", VH)
    assert not open_catalog([tmp_path]).usable(), "which VH is meant cannot be told"


def test_measurements_of_cloud_optimised_products_are_a_pair(tmp_path: Path) -> None:
    for band, number, values in (("vv", "001", VV), ("vh", "002", VH)):
        name = f"s1a-iw-grd-{band}-20230903t051229-20230903t051254-050153-0609a1-{number}-cog"
        write_tiff(tmp_path / f"{name}.tiff", values)
    (record,) = open_catalog([tmp_path]).records()
    assert record.has_imagery and record.date == "2023-09-03"


def test_where_a_label_may_be_of_two_images_it_is_of_none_and_told(tmp_path: Path) -> None:
    for name in ("lake_img", "lake_s1"):
        _both(tmp_path / f"{name}.tif")
    write_tiff(tmp_path / "lake_label.tif", TRUTH)
    write_tiff(tmp_path / "label.tif", TRUTH)
    catalog = open_catalog([tmp_path])
    assert not any(record.has_label for record in catalog.records())
    assert "label.tif and 1 more are labels of no chip here" in catalog.problems()[0].message


@pytest.mark.parametrize(
    "name",
    ["s1_rtc_086FA8_N13E025_2018_01_04_MASK", "T43RGM_20200721T051229_B02", "S2_2019-01-12_B8A", "MK0_MNA_111_01_2017"],
)
def test_further_layers_of_products_are_neither_truth_nor_chips(name: str) -> None:
    assert part_of(Path(f"{name}.tif")).role == "side"


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (".crdownload", "a download that has not ended"),
        (".part", "a download that has not ended"),
        (".icloud", "iCloud keeps elsewhere"),
        (".dvc", "fetch it with dvc pull"),
        (".gz", "is an archive: unpack it"),
        (".zip", "is an archive: unpack it"),
        (".jp2", "write it as one (rio convert FILE OUT.tif)"),
        (".npy", "has the ending .npy"),
    ],
)
def test_what_is_no_geotiff_yet_is_told_by_its_true_cause(tmp_path: Path, ending: str, words: str) -> None:
    for band in ("vv", "vh"):
        (tmp_path / f"a_{band}.tif{ending}").write_bytes(b"outs:\n")
    (record,) = open_catalog([tmp_path]).records()
    assert words in (record.problem or "")


def test_an_archive_is_told_as_one_whether_it_or_its_folder_is_given(tmp_path: Path) -> None:
    (tmp_path / "chips.zip").write_bytes(b"PK\3\4")
    for given in (tmp_path, tmp_path / "chips.zip"):
        with pytest.raises(SourceError, match=r"chips\.zip is an archive: unpack it"):
            open_catalog([given])


@pytest.mark.parametrize("where", ["beside", "in a folder", "given"])
def test_a_picture_of_a_label_is_told_and_can_be_converted_as_told(tmp_path: Path, where: str) -> None:
    images, labels = {
        "beside": (tmp_path, tmp_path),
        "in a folder": (tmp_path / "images", tmp_path / "masks"),
        "given": (tmp_path / "a", tmp_path / "b"),
    }[where]
    write_pair(images, "x", label=False)
    labels.mkdir(exist_ok=True)
    picture = labels / ("x_label.png" if where == "beside" else "x.png")
    Image.fromarray(TRUTH).save(picture)
    command = "rio convert FILE OUT.tif"
    if where == "given":
        with pytest.raises(
            SourceError, match=r"b holds no GeoTIFF, but x\.png, so no label: write it as one \(rio conv"
        ):
            open_catalog([images], labels=[labels])
    else:
        catalog = open_catalog([tmp_path])
        assert not catalog.get("x").has_label
        assert command in catalog.problems()[0].message
    typed = command.replace("FILE", str(picture)).replace("OUT.tif", str(picture.with_suffix(".tif")))
    assert CliRunner().invoke(main_group, shlex.split(typed)[1:]).exit_code == 0
    catalog = open_catalog([images if where == "given" else tmp_path], labels=[labels] if where == "given" else [])
    np.testing.assert_array_equal(read_chip(catalog.get("x")).label, TRUTH)
