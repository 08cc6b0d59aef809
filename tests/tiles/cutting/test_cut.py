"""Scenes that are too large for chips become chips: every pixel, name, scale, mask and label as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from bad_files import gcps
from chips import PLACE, UTM, backscatter, lake, write_tiff
from rasterio.crs import CRS
from rasterio.enums import ColorInterp

from tests.problems import pairs
from tiles.answers import Answers
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.cutting.cut import CutReport, cut
from tiles.errors import OutputError, UnreadableFileError
from tiles.reading import raster
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

WIDTH, HEIGHT, EMPTY = 5000, 4200, 1700
SIDE = 300
"""A small scene, for everything but its size."""


def _pattern(tile: np.ndarray[Any, Any], height: int, width: int) -> np.ndarray[Any, Any]:
    rows, cols = -(-height // tile.shape[0]), -(-width // tile.shape[1])
    return np.tile(tile, (rows, cols))[:height, :width]


def _cut(folder: Path, out: Path, size: int = 2048, **said: Any) -> CutReport:
    return cut(open_catalog([folder], Answers(**said)).records(), out, size)


def _chips(folder: Path, **said: Any) -> dict[str, ChipRecord]:
    return {record.id: record for record in open_catalog([folder], Answers(**said)).records()}


def test_a_scene_of_5000_x_4200_pixels_becomes_chips_whose_pixels_names_scale_and_label_are_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = tmp_path / "scene", tmp_path / "tiles"
    vv, vh = (np.round(_pattern(band, HEIGHT, WIDTH) * 100).astype(np.int16) for band in backscatter(size=250))
    vv[:, :EMPTY] = -32768
    stored: dict[str, Any] = {"scale": 0.01, "nodata": -32768, "compress": "deflate", "tags": {"ORBIT": "ascending"}}
    write_tiff(folder / "S1A_20180921T051229_vv.tif", vv, names=("Sigma0_VV_db",), **stored)
    write_tiff(folder / "S1A_20180921T051229_vh.tif", vh, names=("Sigma0_VH_db",), **stored)
    truth = _pattern(lake(250).astype(np.uint8), HEIGHT, WIDTH).copy()
    truth[:10] = 255
    write_tiff(folder / "S1A_20180921T051229_label.tif", truth, compress="deflate")

    whole = _chips(folder)["S1A_20180921T051229"]
    assert whole.problem is None
    with pytest.raises(UnreadableFileError, match=r"5,000 x 4,200 pixels.*\(floodscope cut SOURCE --out DIR\)"):
        read_chip(whole)

    report = _cut(folder, out)
    assert (report.scenes, report.tiles, report.empty, report.problems) == (1, 6, 3, [])
    tiles = _chips(out)
    assert sorted(tiles) == [f"S1A_20180921T051229_{r}_{c}" for r in range(3) for c in (1, 2)]
    assert {record.date for record in tiles.values()} == {"2018-09-21"}

    monkeypatch.setattr(raster, "MAX_PIXELS", WIDTH * HEIGHT)
    scene = read_chip(_chips(folder)["S1A_20180921T051229"])
    assert scene.label is not None
    seen = np.zeros((HEIGHT, WIDTH), dtype=int)
    for record in tiles.values():
        chip = read_chip(record)
        col, row = ~PLACE @ (chip.grid.transform.c, chip.grid.transform.f)
        part = np.s_[round(row) : round(row) + chip.grid.height, round(col) : round(col) + chip.grid.width]
        assert chip.grid.crs == CRS.from_string(UTM)
        np.testing.assert_array_equal(chip.vv, scene.vv[part])
        np.testing.assert_array_equal(chip.vh, scene.vh[part])
        np.testing.assert_array_equal(chip.label, scene.label[part])
        seen[part] += 1
    np.testing.assert_array_equal(seen[:, EMPTY:], 1)
    with rasterio.open(out / "S1A_20180921T051229_0_1_vv.tif") as tile:
        assert tile.descriptions == ("Sigma0_VV_db",)
        assert (tile.scales, tile.nodata, tile.tags()["ORBIT"]) == ((0.01,), -32768, "ascending")


def _small_scene(folder: Path, *, names: tuple[str, ...] = ("VV", "VH"), **profile: Any) -> None:
    write_tiff(folder / "scene.tif", *backscatter(SIDE), names=names, **profile)


def _parts_equal(folder: Path, out: Path, size: int, **said: Any) -> dict[str, ChipRecord]:
    """Cut a small scene, and compare each tile with the part of the scene that it is of; return the tiles."""
    report = _cut(folder, out, size, **said)
    assert report.problems == []
    tiles = _chips(out)
    assert len(tiles) == report.tiles > 1
    (record,) = _chips(folder, **said).values()
    scene = read_chip(record)
    side = scene.grid.height // round(np.sqrt(report.tiles + report.empty))
    for tile in tiles.values():
        row, col = (int(n) * side for n in tile.id.split("_")[-2:])
        chip = read_chip(tile)
        part = np.s_[row : row + side, col : col + side]
        np.testing.assert_array_equal(chip.vv, scene.vv[part])
        np.testing.assert_array_equal(chip.vh, scene.vh[part])
        np.testing.assert_array_equal(chip.valid, scene.valid[part])
        if scene.label is not None:
            np.testing.assert_array_equal(chip.label, scene.label[part])
        for more in ("elevation", "permanent_water"):
            if getattr(scene, more) is not None:
                np.testing.assert_array_equal(getattr(chip, more), getattr(scene, more)[part])
    return tiles


def test_a_mask_an_alpha_band_and_a_mask_beside_the_file_go_with_the_tiles(tmp_path: Path) -> None:
    there = np.ones((SIDE, SIDE), dtype=bool)
    there[:, :120] = False
    _small_scene(tmp_path / "inside")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"), rasterio.open(tmp_path / "inside/scene.tif", "r+") as scene:
        scene.write_mask(there)
    vv, vh = backscatter(SIDE)
    write_tiff(tmp_path / "alpha/scene.tif", vv, vh, (255.0 * there).astype(np.float32), names=("VV", "VH"))
    with rasterio.open(tmp_path / "alpha/scene.tif", "r+") as scene:
        scene.colorinterp = (ColorInterp.gray, ColorInterp.undefined, ColorInterp.alpha)
    _small_scene(tmp_path / "beside")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="NO"), rasterio.open(tmp_path / "beside/scene.tif", "r+") as scene:
        scene.write_mask(there)
    assert (tmp_path / "beside/scene.tif.msk").exists()
    for how in ("inside", "alpha", "beside"):
        tiles = _parts_equal(tmp_path / how, tmp_path / f"{how}_tiles", 100)
        assert sorted(tiles) == [f"scene_{r}_{c}" for r in range(3) for c in (1, 2)], how
        assert not read_chip(tiles["scene_0_1"]).valid[:, :20].any()


def test_elevation_water_in_percent_and_a_label_without_water_in_a_tile_mean_the_same_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "scene"
    _small_scene(folder)
    rng = np.random.default_rng(5)
    truth = np.zeros((SIDE, SIDE), dtype=np.uint8)
    truth[220:, 220:] = 1
    truth[:50, :50] = 255  # unknown, since there is water elsewhere; in its own tile nothing tells
    write_tiff(folder / "scene_label.tif", truth)
    write_tiff(folder / "scene_elevation.tif", rng.uniform(100, 300, truth.shape).astype(np.float32), nodata=-9999)
    write_tiff(folder / "scene_jrc_occurrence.tif", rng.integers(0, 101, truth.shape, dtype=np.uint8), nodata=255)
    tiles = _parts_equal(folder, tmp_path / "tiles", 100)
    assert len(tiles) == 9
    first = read_chip(tiles["scene_0_0"])
    assert first.label is not None
    assert first.label_problem is None


def test_what_the_user_says_of_a_scene_is_said_by_its_tiles(tmp_path: Path) -> None:
    vv, vh = (10 ** (band / 20 - 0.2) for band in backscatter(SIDE))  # power, or amplitude: the numbers fit both
    write_tiff(tmp_path / "a/scene_vv_vh.tif", vh.astype(np.float32), vv.astype(np.float32))
    write_tiff(tmp_path / "a/scene_vv_vh_label.tif", lake(SIDE).astype(np.uint8) * 255)
    said: dict[str, Any] = {
        "units": "amplitude",
        "bands": ("VH", "VV"),
        "label_values": ((255.0, "water"), (0.0, "dry")),
    }
    tiles = _parts_equal(tmp_path / "a", tmp_path / "tiles", 150, **said)
    assert sorted(tiles) == ["scene_0_0", "scene_0_1", "scene_1_0", "scene_1_1"]
    assert read_chip(tiles["scene_0_1"]).label is not None


def test_a_unit_that_only_the_files_name_says_goes_with_the_tiles(tmp_path: Path) -> None:
    vv, vh = (10 ** (band / 10) for band in backscatter(SIDE))
    write_tiff(tmp_path / "a/s1a-iw-grd-vv.rtc.tif", vv)
    write_tiff(tmp_path / "a/s1a-iw-grd-vh.rtc.tif", vh)
    tiles = _parts_equal(tmp_path / "a", tmp_path / "tiles", 150)
    decided = [d for d in read_chip(next(iter(tiles.values()))).decisions if d.about == "unit"]
    assert [d.basis for d in decided] == ["tag"]


def test_a_scene_without_a_place_is_cut_too(tmp_path: Path) -> None:
    _small_scene(tmp_path / "a", crs=None, transform=None)
    tiles = _parts_equal(tmp_path / "a", tmp_path / "tiles", 150)
    assert all(record.unplaced for record in tiles.values())


def test_tiles_are_never_larger_than_asked_and_never_slivers(tmp_path: Path) -> None:
    vv, vh = backscatter(SIDE)
    write_tiff(tmp_path / "a/scene.tif", vv[:210, :101], vh[:210, :101], names=("VV", "VH"))
    assert _cut(tmp_path / "a", tmp_path / "tiles", 100).tiles == 6
    sizes = {(r.height, r.width) for r in _chips(tmp_path / "tiles").values()}
    assert sizes == {(70, 50), (70, 51)}


def test_what_cannot_be_cut_says_why_and_the_others_are(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    _small_scene(folder)
    vv, vh = backscatter(SIDE)
    for name, band in (("points_vv.tif", vv), ("points_vh.tif", vh)):
        write_tiff(folder / name, band, crs=None, transform=None)
        with rasterio.open(folder / name, "r+") as scene:
            corners: list[tuple[float, float]] = [(0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE)]
            scene.gcps = (gcps(PLACE, corners), CRS.from_string(UTM))
    write_tiff(folder / "shifted_vv.tif", vv)
    write_tiff(folder / "shifted_vh.tif", vh, transform=PLACE @ Affine.translation(4, 0))
    write_tiff(folder / "little_vv.tif", vv[:90, :90])
    write_tiff(folder / "little_vh.tif", vh[:90, :90])
    write_tiff(folder / "scene_label.tif", lake(90).astype(np.uint8))
    report = _cut(folder, tmp_path / "tiles", 100)
    said = dict(pairs(report.problems))
    assert sorted(said) == ["points", "scene", "shifted"]
    assert "ground control points alone" in said["points"]
    assert "4.0 pixels off" in said["shifted"]
    assert said["scene"].startswith("The label ")
    assert (report.scenes, report.tiles, report.small) == (1, 9, 1)
    assert not any(record.label for record in _chips(tmp_path / "tiles").values())


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path: Path) -> None:
    _small_scene(tmp_path / "a")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/mine.txt").write_text("mine")
    for out in (tmp_path / "taken", tmp_path / "taken/mine.txt", tmp_path / "a"):
        with pytest.raises(OutputError, match="is there already"):
            _cut(tmp_path / "a", out, 100)
    assert (tmp_path / "taken/mine.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert _cut(tmp_path / "a", tmp_path / "empty", 100).tiles == 9
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "empty", "taken"]


def test_nothing_is_left_where_nothing_could_be_cut(tmp_path: Path) -> None:
    _small_scene(tmp_path / "a")
    assert _cut(tmp_path / "a", tmp_path / "out", 300).small == 1
    write_tiff(tmp_path / "b/scene.tif", *(np.full((SIDE, SIDE), np.nan, dtype=np.float32),) * 2, names=("VV", "VH"))
    assert _cut(tmp_path / "b", tmp_path / "out", 100).empty == 9
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
