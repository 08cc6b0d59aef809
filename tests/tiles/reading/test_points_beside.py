"""A file that says no place beside one that ground control points place: its size tells where its pixels lie, or it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from bad_files import gcps
from chips import PLACE, SIZE, backscatter, lake, write_tiff
from rasterio.control import GroundControlPoint

from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.reading.door import read_chip
from tiles.reading.raster import read_info

VV, VH = backscatter()
TRUTH = lake().astype(np.uint8)
CORNERS = [(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE)]
NOWHERE: dict[str, Any] = {"crs": None, "transform": None}
TURNED: dict[str, Any] = {"transform": None, "gcps": gcps(PLACE @ Affine.rotation(30), CORNERS)}
"""Points that turn the image, so that the grid to which it is warped is larger."""
UPSIDE_DOWN: dict[str, Any] = {
    "transform": None,
    "gcps": gcps(PLACE @ Affine.translation(SIZE, SIZE) @ Affine.rotation(180), CORNERS),
}
STRAIGHT: dict[str, Any] = {"transform": None, "gcps": gcps(PLACE, CORNERS)}


def chip_of(folder: Path, vv: dict[str, Any], vh: dict[str, Any], label: dict[str, Any], **more: Any) -> ChipRecord:
    write_tiff(folder / "a_vv.tif", VV, **vv)
    write_tiff(folder / "a_vh.tif", VH, **vh)
    write_tiff(folder / "a_label.tif", more.get("truth", TRUTH), **label)
    return open_catalog([folder]).get("a")


def require_right(record: ChipRecord) -> None:
    """Require that the label says water where VH is dark, on every pixel that the image has."""
    assert record.problem is record.label_problem is None
    chip = read_chip(record)
    assert chip.label_problem is None and chip.label is not None
    assert chip.valid.sum() > 0.9 * SIZE**2
    np.testing.assert_array_equal(chip.label[chip.valid], (chip.vh < -22)[chip.valid])
    assert set(np.unique(chip.label[~chip.valid])) <= {255}


@pytest.mark.parametrize(
    ("vv", "vh", "label", "lacks"),
    [
        (TURNED, TURNED, NOWHERE, "label"),
        (TURNED, NOWHERE, NOWHERE, "VH"),
        (TURNED, NOWHERE, TURNED, "VH"),
        (STRAIGHT, STRAIGHT, NOWHERE, "label"),
        (NOWHERE, NOWHERE, TURNED, "image"),
        (NOWHERE, TURNED, NOWHERE, "image"),
    ],
    ids=["label", "VH and label", "VH", "label of an image that is not turned", "image", "VV and label"],
)
def test_what_says_no_place_lies_on_the_pixels_of_what_points_place(
    tmp_path: Path, vv: dict[str, Any], vh: dict[str, Any], label: dict[str, Any], lacks: str
) -> None:
    record = chip_of(tmp_path, vv, vh, label)
    require_right(record)
    assert record.assumed_grid is not None and f"The {lacks} has no georeference" in record.assumed_grid
    assert "as large as the image as it is stored, and taken to lie on its pixels" in record.assumed_grid
    assert (record.footprint is None) is (lacks == "image")


def test_elevation_without_a_place_is_warped_with_its_image(tmp_path: Path) -> None:
    metres = np.where(TRUTH == 1, 100, 200).astype(np.int16)
    write_tiff(tmp_path / "a_elevation.tif", metres, **NOWHERE)
    chip = read_chip(chip_of(tmp_path, TURNED, TURNED, NOWHERE))
    assert chip.elevation is not None and chip.ancillary_problem is None
    np.testing.assert_array_equal(chip.elevation[chip.valid] == 100, (chip.vh < -22)[chip.valid])


def test_a_label_as_large_as_the_grid_of_the_points_is_on_it_already(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a_vv.tif", VV, **TURNED)
    write_tiff(tmp_path / "a_vh.tif", VH, **TURNED)
    vh = read_chip(open_catalog([tmp_path]).get("a")).vh
    write_tiff(tmp_path / "a_label.tif", (vh < -22).astype(np.uint8), **NOWHERE)
    record = open_catalog([tmp_path]).get("a")
    assert record.assumed_grid is not None and record.assumed_grid.endswith(
        "is as large as the image, and taken to lie on it."
    )
    np.testing.assert_array_equal(read_chip(record).label, vh < -22)


def test_a_label_of_either_size_is_asked_where_the_points_turn_the_image(tmp_path: Path) -> None:
    """Upside down, an image keeps its size: the label may be drawn on the one or on the other."""
    record = chip_of(tmp_path, UPSIDE_DOWN, UPSIDE_DOWN, NOWHERE)
    assert record.label_problem is not None
    for words in ("nobody can tell", "as it is stored", "floodscope regrid FILE OUT --like IMAGE", "its place"):
        assert words in record.label_problem
    assert read_chip(record).label is None
    placed = chip_of(tmp_path / "placed", UPSIDE_DOWN, UPSIDE_DOWN, {}, truth=TRUTH[::-1, ::-1])
    require_right(placed)
    vh = chip_of(tmp_path / "vh", UPSIDE_DOWN, NOWHERE, NOWHERE)
    assert vh.problem is not None and "The VH " in vh.problem and "nobody can tell" in vh.problem


def test_a_label_of_neither_size_is_told_both(tmp_path: Path) -> None:
    record = chip_of(tmp_path, TURNED, TURNED, NOWHERE, truth=TRUTH[:40])
    rows, cols = read_info(str(tmp_path / "a_vv.tif")).grid.shape
    assert record.label_problem is not None and "give both" not in record.label_problem
    for words in (f"has {SIZE} x 40 pixels", f"{SIZE} x {SIZE} as it is stored", f"{cols} x {rows} on the grid"):
        assert words in record.label_problem


def test_points_across_the_antimeridian_that_turn_nothing_leave_pixels_where_they_are(tmp_path: Path) -> None:
    step, west = 9e-5, 179.998
    points = [
        GroundControlPoint(row, col, x - 360 if (x := west + step * col) > 180 else x, -16.79 - step * row)
        for col, row in CORNERS
    ]
    image: dict[str, Any] = {"transform": None, "crs": "EPSG:4326", "gcps": points}
    require_right(chip_of(tmp_path, image, image, NOWHERE))


def test_dry_land_that_is_tagged_as_nodata_is_warped_as_what_it_is(tmp_path: Path) -> None:
    record = chip_of(tmp_path, TURNED, TURNED, {**TURNED, "nodata": 0})
    require_right(record)
    assert any("nodata value is 0, which is read as dry land" in note for note in read_chip(record).notes)
