"""One picture that lies in a folder as two bands apart and as one file of both is one chip, and that is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_files import gcps
from chips import PLACE, SIZE, backscatter, write_pair, write_tiff

from tests.problems import pairs
from tiles.catalog.catalog import open_catalog

VV, VH = backscatter()
NAMES = ("VV", "VH")


def power(band: Any) -> Any:
    return (10 ** (band.astype(np.float64) / 10)).astype(np.float32)


def ids(folder: Path) -> list[str]:
    return sorted(record.id for record in open_catalog([folder]).records())


@pytest.mark.parametrize("name", ["x.tif", "x_S1Hand.tif", "x_vv_vh.tif", "X.TIF"])
@pytest.mark.parametrize("label", [True, False])
def test_a_file_of_both_bands_beside_its_pair_is_no_second_chip_and_is_told(
    tmp_path: Path, name: str, label: bool
) -> None:
    write_pair(tmp_path, "x", label=label)
    write_pair(tmp_path, "y", seed=3)
    write_tiff(tmp_path / name, VV, VH, names=NAMES)
    catalog = open_catalog([tmp_path])
    assert ids(tmp_path) == ["x", "y"]
    assert catalog.get("x").file == "x_vv.tif + x_vh.tif" and catalog.get("x").has_label is label
    ((file, text),) = pairs(catalog.problems())
    assert file == name
    assert text.startswith(f"{name} holds the pixels of x_vv.tif + x_vh.tif beside it, and is left aside")
    (alone,) = open_catalog([tmp_path / name]).records()  # what the sentence advises
    assert alone.file == name and alone.has_imagery


@pytest.mark.parametrize(
    ("bands", "profile"),
    [
        ((power(VV), power(VH)), {}),
        ((np.sqrt(power(VV)), np.sqrt(power(VH))), {}),
        ((np.rint(VV * 100).astype(np.int16), np.rint(VH * 100).astype(np.int16)), {"scale": 0.01}),
        ((VV, VH), {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}),
    ],
    ids=["power", "amplitude", "scaled integers", "tiled"],
)
def test_the_same_picture_in_another_unit_is_the_same_picture(
    tmp_path: Path, bands: tuple[Any, Any], profile: dict[str, Any]
) -> None:
    write_pair(tmp_path, "x", label=False)
    write_tiff(tmp_path / "x.tif", *bands, names=NAMES, **profile)
    assert ids(tmp_path) == ["x"]


def test_another_picture_of_the_same_name_is_another_chip(tmp_path: Path) -> None:
    write_pair(tmp_path, "x", label=False)
    write_tiff(tmp_path / "x.tif", *backscatter(seed=4), names=NAMES)
    write_pair(tmp_path, "y", label=False)
    write_tiff(tmp_path / "y.tif", VV[:40], VH[:40], names=NAMES)
    write_pair(tmp_path, "z", label=False)
    write_tiff(tmp_path / "z.tif", VV, VH + 1, names=NAMES)
    assert len(ids(tmp_path)) == 6
    assert open_catalog([tmp_path]).problems() == []


def test_where_the_middle_has_no_data_the_corners_tell(tmp_path: Path) -> None:
    size = 3 * SIZE
    for name, other in (("x", VV), ("y", VV + 1)):
        first, second = np.full((size, size), np.nan, np.float32), np.full((size, size), np.nan, np.float32)
        first[:SIZE, -SIZE:], second[:SIZE, -SIZE:] = VV, other
        write_tiff(tmp_path / f"{name}_vv.tif", first)
        write_tiff(tmp_path / f"{name}_vh.tif", first - 7)
        write_tiff(tmp_path / f"{name}.tif", second, second - 7, names=NAMES)
    assert len(ids(tmp_path)) == 3


def test_images_that_control_points_place_are_compared_too(tmp_path: Path) -> None:
    points = gcps(PLACE, [(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE)])
    write_pair(tmp_path, "x", label=False, transform=None, gcps=points)
    write_tiff(tmp_path / "x.tif", VV, VH, names=NAMES, transform=None, gcps=points)
    assert ids(tmp_path) == ["x"]


def test_a_folder_of_them_has_one_line(tmp_path: Path) -> None:
    for i in range(4):
        write_pair(tmp_path, f"c{i}", label=False, seed=i)
        write_tiff(tmp_path / f"c{i}.tif", *backscatter(seed=i), names=NAMES)
    ((_, text),) = pairs(open_catalog([tmp_path]).problems())
    assert text.startswith("c0.tif and 3 more hold the pixels of the VV and VH beside them, as c0_vv.tif + c0_vh.tif")
