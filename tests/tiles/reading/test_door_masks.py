"""No data beside the nodata value: masks inside a file and beside it, alpha bands; of images and of labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from chips import SIZE, lake, write_pair, write_tiff
from door_files import VH, VV, Array, read_files, sentences
from rasterio.enums import ColorInterp

from tiles.catalog.catalog import open_catalog
from tiles.chip import Asset, Chip, ChipRecord
from tiles.errors import UnreadableFileError
from tiles.reading.door import read_chip

HOLE = np.zeros((SIZE, SIZE), dtype=np.bool_)
HOLE[:6] = HOLE[20:30, 20:25] = True
TRUTH = lake().astype(np.uint8)


def mask(path: Path, hole: Array, *, inside: bool) -> Path:
    """Add a mask of 0 where the hole is, within the file or as .msk beside it."""
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(~hole)
    assert path.with_name(path.name + ".msk").exists() is not inside
    return path


def with_alpha(path: Path, *bands: Array, hole: Array, **profile: Any) -> Path:
    """Write bands, and an alpha band of 0 where the hole is."""
    alpha = np.where(hole, 0, 255).astype(bands[0].dtype)
    write_tiff(path, *bands, alpha, **profile)
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [*dataset.colorinterp[:-1], ColorInterp.alpha]
    with rasterio.open(path) as dataset:
        assert dataset.colorinterp[-1] == ColorInterp.alpha
    return path


def require_hole(chip: Chip) -> None:
    np.testing.assert_array_equal(chip.valid, ~HOLE)
    assert np.isnan(chip.vv[HOLE]).all() and np.isnan(chip.vh[HOLE]).all()
    np.testing.assert_array_equal(chip.vv[~HOLE], VV[~HOLE])
    assert any("says where the image holds data (by the file's tags)" in text for text in sentences(chip, "no data"))


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "beside"])
def test_a_mask_of_an_image_is_followed(tmp_path: Path, inside: bool) -> None:
    one = mask(write_tiff(tmp_path / "one.tif", VV, VH, names=("VV", "VH")), HOLE, inside=inside)
    require_hole(read_files(one))
    vh = mask(write_tiff(tmp_path / "x_vh.tif", VH), HOLE, inside=inside)
    require_hole(read_files(write_tiff(tmp_path / "x_vv.tif", VV), vh))


@pytest.mark.parametrize("name", ["dataMask", "data_mask", "Valid Mask"])
def test_a_band_that_is_described_as_a_data_mask_is_one(tmp_path: Path, name: str) -> None:
    there = np.where(HOLE, 0, 1).astype(np.float32)
    require_hole(read_files(write_tiff(tmp_path / "one.tif", VV, VH, there, names=("VV", "VH", name))))


@pytest.mark.parametrize("names", [("VV", "VH"), ()])
def test_an_alpha_band_is_followed_and_is_no_third_band(tmp_path: Path, names: tuple[str, ...]) -> None:
    require_hole(read_files(with_alpha(tmp_path / "one.tif", VV, VH, hole=HOLE, names=names)))


def test_an_alpha_band_of_one_of_two_files_is_followed(tmp_path: Path) -> None:
    vv = with_alpha(tmp_path / "x_vv.tif", VV, hole=HOLE)
    require_hole(read_files(vv, write_tiff(tmp_path / "x_vh.tif", VH)))


def test_mask_alpha_and_nodata_add_up(tmp_path: Path) -> None:
    vv = VV.copy()
    vv[40] = -9999
    path = mask(write_tiff(tmp_path / "x_vv.tif", vv, nodata=-9999), HOLE & (TRUTH == 1), inside=False)
    vh = with_alpha(tmp_path / "x_vh.tif", VH, hole=HOLE & (TRUTH == 0))
    chip = read_files(path, vh)
    expected = ~HOLE
    expected[40] = False
    np.testing.assert_array_equal(chip.valid, expected)


def labelled(folder: Path, label: Path) -> Chip:
    image = write_tiff(folder / "image.tif", VV, VH, names=("VV", "VH"))
    asset = Asset(str(image))
    return read_chip(ChipRecord("x", vv=asset, vh=asset, label=Asset(str(label))))


def test_masks_and_alpha_of_a_label_are_unknown(tmp_path: Path) -> None:
    made = [
        mask(write_tiff(tmp_path / "a_label.tif", TRUTH), HOLE, inside=True),
        mask(write_tiff(tmp_path / "b_label.tif", TRUTH), HOLE, inside=False),
        with_alpha(tmp_path / "c_label.tif", TRUTH, hole=HOLE),
    ]
    for path in made:
        chip = labelled(tmp_path, path)
        assert chip.label_problem is None and chip.label is not None, path
        np.testing.assert_array_equal(chip.label, np.where(HOLE, 255, TRUTH))
        assert chip.valid.all()


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    vv = write_tiff(tmp_path / "x_vv.tif", VV)
    vh = write_tiff(tmp_path / "x_vh.tif", VH)
    write_tiff(tmp_path / "other.tif", np.full((SIZE, SIZE - 8), 255, np.uint8)).rename(tmp_path / "x_vv.tif.msk")
    with pytest.raises(
        UnreadableFileError, match=r"x_vv.tif.msk is the mask of a raster of another size \(40 x 48 pixels\)"
    ):
        read_files(vv, vh)


@pytest.mark.parametrize(
    "damage", [b"", b"no TIFF at all", b"II*\0\xff\xff\xff\x7f"], ids=["empty", "a text", "cut off"]
)
def test_a_mask_file_that_is_none_is_refused_by_its_name(tmp_path: Path, damage: bytes) -> None:
    vv = write_tiff(tmp_path / "x_vv.tif", VV)
    vh = write_tiff(tmp_path / "x_vh.tif", VH)
    (tmp_path / "x_vv.tif.msk").write_bytes(damage)
    with pytest.raises(UnreadableFileError, match=r"x_vv\.tif\.msk"):
        read_files(vv, vh)


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "beside"])
def test_a_mask_that_cannot_be_unpacked_is_refused(tmp_path: Path, inside: bool) -> None:
    vv = write_tiff(tmp_path / "x_vv.tif", VV, compress="deflate")
    whole = len(vv.read_bytes())
    rng = np.random.default_rng(0)
    mask(vv, rng.random(HOLE.shape) < 0.5, inside=inside)
    damaged = vv if inside else vv.with_name(vv.name + ".msk")
    data = bytearray(damaged.read_bytes())
    start = whole if inside else 8
    with rasterio.open(damaged) as dataset:
        tiff = damaged.read_bytes()
    where = tiff.find(b"\x78", start)  # where zlib begins
    assert where > 0 and dataset.closed
    data[where : where + 40] = b"\xff" * 40
    damaged.write_bytes(data)
    with pytest.raises(UnreadableFileError, match="damaged inside"):
        read_files(vv, write_tiff(tmp_path / "x_vh.tif", VH))


@pytest.mark.parametrize("part", ["vv", "vh", "label"])
def test_a_mask_beside_a_file_changes_the_chips_revision(tmp_path: Path, part: str) -> None:
    write_pair(tmp_path, "x")
    before = open_catalog([tmp_path]).get("x").revision()
    mask(tmp_path / f"x_{part}.tif", HOLE, inside=False)
    record = open_catalog([tmp_path]).get("x")
    there = record.revision()
    assert there != before
    (tmp_path / f"x_{part}.tif.msk").unlink()
    assert record.revision() == before


def test_a_mask_file_is_no_chip_of_its_own(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    mask(tmp_path / "x_vv.tif", HOLE, inside=False)
    catalog = open_catalog([tmp_path])
    assert ([r.id for r in catalog.records()], catalog.problems()) == (["x"], [])
    require_hole(read_chip(catalog.get("x")))
