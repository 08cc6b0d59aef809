"""Elevation and permanent water: how they are found, read, refused and kept."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from chips import SIZE, backscatter, write_pair, write_tiff

from tests.problems import pairs
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.chip import Asset, Chip, ChipRecord
from tiles.reading.door import read_chip

METRES = np.linspace(-3, 812, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.float32)
PERCENT = np.linspace(0, 100, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.uint8)


def only(folder: Path) -> ChipRecord:
    (record,) = open_catalog([folder]).usable()
    return record


def of_drivendata(folder: Path) -> Path:
    vv, vh = backscatter()
    write_tiff(folder / "train_features" / "abc00_vv.tif", vv, nodata=0.0)
    write_tiff(folder / "train_features" / "abc00_vh.tif", vh, nodata=0.0)
    return folder / "train_features"


def test_loose_files_are_found_by_their_names_in_metres_and_as_a_share(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "x_elevation.tif", METRES)
    write_tiff(tmp_path / "x_permanent_water.tif", (PERCENT / 100).astype(np.float32))
    assert open_catalog([tmp_path]).problems() == []
    chip = read_chip(only(tmp_path))
    assert chip.elevation is not None
    assert chip.permanent_water is not None
    assert chip.elevation.dtype == chip.permanent_water.dtype == np.float32
    np.testing.assert_array_equal(chip.elevation, METRES)
    np.testing.assert_allclose(chip.permanent_water, PERCENT / 100, atol=1e-6)
    assert chip.ancillary_problem is None


@pytest.mark.parametrize(
    ("layer", "stored", "share"),
    [
        ("jrc_occurrence", 37, 0.37),
        ("jrc_seasonality", 3, 0.25),
        ("jrc_occurrence", 100, 1.0),
        ("jrc_occurrence", 0, 0.0),
    ],
)
def test_percent_and_months_of_jrc_become_a_share(tmp_path: Path, layer: str, stored: int, share: float) -> None:
    features = of_drivendata(tmp_path)
    values = np.full((SIZE, SIZE), stored, np.uint8)
    values[0, 0] = 255
    write_tiff(features / f"abc00_{layer}.tif", values)
    water = read_chip(only(tmp_path)).permanent_water
    assert water is not None
    assert np.isnan(water[0, 0])
    assert water[1, 1] == pytest.approx(share)


def test_the_occurrence_goes_before_the_seasonality_and_the_extent_is_no_share_of_time(tmp_path: Path) -> None:
    features = of_drivendata(tmp_path)
    write_tiff(features / "abc00_jrc_extent.tif", np.ones((SIZE, SIZE), np.uint8))
    assert only(tmp_path).permanent_water is None
    write_tiff(features / "abc00_jrc_seasonality.tif", np.full((SIZE, SIZE), 12, np.uint8))
    write_tiff(features / "abc00_jrc_occurrence.tif", np.full((SIZE, SIZE), 50, np.uint8))
    water = read_chip(only(tmp_path)).permanent_water
    assert water is not None
    assert (water == 0.5).all()


def test_every_kind_of_nodata_is_nan(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    metres = METRES.copy()
    metres[0, :4] = [-32768, -9999, np.nan, 7777]
    write_tiff(tmp_path / "x_elevation.tif", metres, nodata=7777)
    share = np.full((SIZE, SIZE), 0.5, np.float32)
    share[0, :4] = [255, -1, np.nan, -9999]
    write_tiff(tmp_path / "x_permanent_water.tif", share)
    chip = read_chip(only(tmp_path))
    for plane in (chip.elevation, chip.permanent_water):
        assert plane is not None
        assert np.isnan(plane[0, :4]).all()
        assert np.isfinite(plane[1:]).all()


@pytest.mark.parametrize(
    ("name", "values", "profile", "said"),
    [
        ("elevation", METRES[:40], {}, "The elevation .*x_elevation.tif has 48 x 40 pixels, the image"),
        ("elevation", METRES, {"crs": "EPSG:32633"}, "The elevation .* is in EPSG:32633, the image"),
        (
            "elevation",
            METRES,
            {"transform": Affine(10, 0, 700_050, 0, -10, 5_230_000)},
            "lies 5.0 pixels off the image",
        ),
        ("elevation", METRES + 20_000, {}, "x_elevation.tif holds 19997: elevation is metres, -500 to 9000"),
        ("elevation", METRES.astype(np.complex64), {}, "x_elevation.tif holds complex64 numbers"),
        ("permanent_water", PERCENT, {}, r"holds \d+: permanent water is a share of the time, 0 to 1"),
    ],
    ids=["size", "crs", "place", "unit", "type", "percent"],
)
def test_one_that_cannot_be_used_is_told_and_the_chip_works(
    tmp_path: Path, name: str, values: np.ndarray, profile: dict[str, object], said: str
) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / f"x_{name}.tif", values, **profile)
    record = only(tmp_path)
    chip = read_chip(record)
    assert getattr(chip, name) is None
    assert (chip.valid.all(), chip.label is None) == (True, False)
    assert re.search(said, chip.ancillary_problem or "")


def test_a_file_that_is_damaged_or_gone_is_told_and_the_other_is_read(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "x_permanent_water.tif", np.zeros((SIZE, SIZE), np.float32))
    (tmp_path / "x_elevation.tif").write_text("no raster")
    catalog = open_catalog([tmp_path])
    ((chip_id, problem),) = pairs(catalog.problems())
    assert chip_id == "x"
    assert "The elevation is not used:" in problem
    assert "x_elevation.tif" in problem
    (tmp_path / "x_elevation.tif").unlink()
    chip = read_chip(catalog.get("x"))
    assert chip.elevation is None
    assert chip.permanent_water is not None
    assert "does not exist" in (chip.ancillary_problem or "")


def test_they_are_left_out_where_nobody_wants_them(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "x_elevation.tif", METRES)
    assert read_chip(only(tmp_path), with_ancillary=False).elevation is None


def test_a_catalog_on_disk_keeps_files_scales_and_problems(tmp_path: Path) -> None:
    features = of_drivendata(tmp_path / "source")
    write_tiff(features / "abc00_nasadem.tif", METRES[:40])
    write_tiff(features / "abc00_jrc_seasonality.tif", np.full((SIZE, SIZE), 6, np.uint8))
    before = only(tmp_path / "source")
    open_catalog([tmp_path / "source"]).to_parquet(tmp_path / "c.parquet")
    (after,) = Catalog.from_parquet(tmp_path / "c.parquet").records()
    assert after == before
    assert after.permanent_water == Asset(str(features / "abc00_jrc_seasonality.tif"), 1, 1 / 12)
    assert "has 48 x 40 pixels" in (after.ancillary_problem or "")


def test_a_catalog_that_knows_no_scales_is_read(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "x_elevation.tif", METRES)
    catalog = open_catalog([tmp_path])
    catalog.frame.drop(columns=["elevation_scale", "permanent_water_scale", "ancillary_problem"]).to_parquet(
        tmp_path / "old.parquet"
    )
    assert Catalog.from_parquet(tmp_path / "old.parquet").records() == catalog.records()


def test_a_prediction_is_of_the_elevation_that_it_saw(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    plain = only(tmp_path).revision()
    write_tiff(tmp_path / "x_elevation.tif", METRES)
    record = only(tmp_path)
    assert record.revision() != plain
    assert replace(record, elevation=None).revision() == plain


def test_the_real_chip_ayt12_has_its_elevation_and_its_months_of_water(real_data: Path) -> None:
    folder = real_data / "drivendata" / "supplementary"
    chip: Chip = read_chip(open_catalog([real_data / "drivendata"]).get("ayt12"))
    assert chip.ancillary_problem is None
    assert chip.elevation is not None
    assert chip.permanent_water is not None
    with (
        rasterio.open(folder / "ayt12_nasadem.tif") as metres,
        rasterio.open(folder / "ayt12_jrc_seasonality.tif") as months,
    ):
        np.testing.assert_array_equal(chip.elevation, metres.read(1).astype(np.float32))
        np.testing.assert_allclose(chip.permanent_water, months.read(1) / 12, atol=1e-6)
    assert (chip.elevation.min(), chip.elevation.max()) == (50, 144)
    assert chip.permanent_water.max() == pytest.approx(5 / 12)
    assert read_chip(open_catalog([real_data / "drivendata"]).get("awc00")).elevation is None


def test_the_permanent_water_of_sen1floods11_lies_beside_its_images(tmp_path: Path) -> None:
    vv, vh = backscatter()
    write_tiff(tmp_path / "S1Hand" / "Ghana_1_S1Hand.tif", vv, vh, names=("VV", "VH"))
    write_tiff(tmp_path / "JRCWaterHand" / "Ghana_1_JRCWaterHand.tif", (PERCENT > 50).astype(np.uint8))
    water = read_chip(only(tmp_path)).permanent_water
    assert water is not None
    np.testing.assert_array_equal(water, PERCENT > 50)


def test_the_occurrence_beside_a_loose_image_is_used_and_one_of_something_else_is_not(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "x_occurrence.tif", PERCENT)
    assert only(tmp_path).permanent_water is None
    write_tiff(tmp_path / "x_jrc_occurrence.tif", PERCENT)
    record = only(tmp_path)
    assert record.permanent_water == Asset(str(tmp_path / "x_jrc_occurrence.tif"), scale=0.01)
    np.testing.assert_allclose(read_chip(record).permanent_water, PERCENT / 100, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "values", "used"),
    [
        ("jrc_occurrence", (PERCENT / 100).astype(np.float32), False),  # shares
        ("jrc_seasonality", (PERCENT / 100).astype(np.float32), False),
        ("jrc_occurrence", (PERCENT > 50).astype(np.uint8), False),  # a mask
        ("jrc_seasonality", (PERCENT > 50).astype(np.float32), False),
        ("jrc_seasonality", (PERCENT > 50).astype(np.uint8), True),  # a month of water is a measure of JRC's
        ("jrc_occurrence", np.zeros((SIZE, SIZE), np.uint8), True),
        ("jrc_occurrence", np.eye(1, SIZE * SIZE, 5, dtype=np.uint8).reshape(SIZE, SIZE), SIZE * SIZE > 1000),
        ("permanent_water", (PERCENT > 50).astype(np.uint8), True),
    ],
)
def test_shares_where_percent_or_months_are_meant_are_refused_with_the_name_that_they_may_have(
    tmp_path: Path, layer: str, values: np.ndarray, used: bool
) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / f"x_{layer}.tif", values)
    chip = read_chip(only(tmp_path))
    assert (chip.permanent_water is not None) == used, chip.ancillary_problem
    if not used:
        assert "no number above 1, where its name says" in str(chip.ancillary_problem)
        (tmp_path / f"x_{layer}.tif").rename(tmp_path / "x_permanent_water.tif")
        assert read_chip(only(tmp_path)).permanent_water is not None, "the advice works"


def test_what_was_never_water_is_known_where_its_0_is_tagged_as_no_data_too(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "x_jrc_occurrence.tif", PERCENT, nodata=0)
    np.testing.assert_allclose(read_chip(only(tmp_path)).permanent_water, PERCENT / 100, atol=1e-6)


def test_what_lies_beside_an_image_is_among_what_was_decided_of_it(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "x_jrc_occurrence.tif", PERCENT)
    write_tiff(tmp_path / "x_elevation.tif", METRES + 1e6)
    told = [decision.sentence() for decision in read_chip(only(tmp_path)).decisions if decision.about == "beside"]
    assert len(told) == 2
    assert told[0].startswith("The elevation is not used: ")
    water = "x_jrc_occurrence.tif gives the permanent water, in numbers that are percent of the time (by its name)."
    assert told[1] == f"{tmp_path}/{water}"
