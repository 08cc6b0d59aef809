"""A raster is brought onto an image's grid: numbers, names and scale as they were, and what it does not cover is no data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from bad_files import gcps
from chips import PLACE, SIZE, UTM, backscatter, lake, write_pair, write_tiff
from rasterio.crs import CRS

from tiles.catalog.catalog import open_catalog
from tiles.chip import UNKNOWN, Chip
from tiles.cutting.regrid import regrid
from tiles.errors import ChipError, OutputError
from tiles.reading.door import read_chip

LARGE = 96


def _only(folder: Path) -> Chip:
    (record,) = open_catalog([folder]).records()
    assert record.problem is None
    return read_chip(record)


@pytest.mark.parametrize("silent", [0, 255])
def test_a_label_of_a_larger_place_becomes_the_images_own_and_what_it_does_not_cover_is_unknown(
    tmp_path: Path, silent: int
) -> None:
    write_pair(tmp_path / "chips", "a", label=False)
    truth = np.random.default_rng(1).integers(0, 2, (LARGE, LARGE), dtype=np.uint8)
    truth[30, 30] = silent
    label = write_tiff(tmp_path / "label.tif", truth, transform=PLACE @ Affine.translation(-20, 6))
    covered = regrid(label, tmp_path / "chips/a_label.tif", tmp_path / "chips/a_vv.tif")
    read = _only(tmp_path / "chips").label
    assert read is not None
    np.testing.assert_array_equal(read[6:], truth[:42, 20:68])
    assert (read[:6] == UNKNOWN).all()
    assert covered == pytest.approx(42 / 48)


def test_backscatter_of_another_coordinate_system_keeps_its_names_scale_nodata_and_numbers(tmp_path: Path) -> None:
    vv, vh = (np.round(band * 100).astype(np.int16) for band in backscatter())
    vv[:5] = -32768
    write_tiff(tmp_path / "image.tif", vv, vh)
    lonlat = Affine(1e-4, 0, 11.63, 0, -1e-4, 47.20)
    source = write_tiff(
        tmp_path / "wgs84.tif",
        np.tile(vv, (10, 10)),
        np.tile(vh, (10, 10)),
        names=("Sigma0_VV_db", "Sigma0_VH_db"),
        crs="EPSG:4326",
        transform=lonlat,
        scale=0.01,
        nodata=-32768,
        tags={"ORBIT": "descending"},
    )
    assert regrid(source, tmp_path / "out.tif", tmp_path / "image.tif") == 1.0
    with rasterio.open(tmp_path / "out.tif") as out, rasterio.open(source) as before:
        assert (out.crs, out.transform, out.shape) == (CRS.from_string(UTM), PLACE, (SIZE, SIZE))
        assert out.descriptions == before.descriptions
        assert (out.scales, out.nodatavals, out.dtypes) == (before.scales, before.nodatavals, before.dtypes)
        assert out.tags()["ORBIT"] == "descending"
        xs, ys = out.xy(*np.mgrid[:SIZE, :SIZE].reshape(2, -1))
        from rasterio.warp import transform

        lon, lat = transform(out.crs, before.crs, xs, ys)
        expected = np.array(list(before.sample(zip(lon, lat, strict=True)))).T.reshape(2, SIZE, SIZE)
        assert np.mean(out.read() == expected) > 0.99


def test_elevation_goes_smoothly_between_its_pixels_and_never_mixes_with_nodata(tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "a")
    cols = np.mgrid[:40, :40][1]
    heights = (1000 + 30.0 * cols).astype(np.float32)
    heights[:, 33:] = -9999
    coarse = write_tiff(
        tmp_path / "dem.tif", heights, nodata=-9999, transform=PLACE @ Affine.translation(-60, -30) @ Affine.scale(3)
    )
    regrid(coarse, tmp_path / "chips/a_elevation.tif", tmp_path / "chips/a_vv.tif", "bilinear")
    read = _only(tmp_path / "chips").elevation
    assert read is not None
    known = np.isfinite(read)
    assert known[:, :38].all()
    assert not known.all()
    expected = 1000 + 10 * (np.arange(SIZE) + 60.5) - 15
    np.testing.assert_allclose(read[:, :37], np.tile(expected[:37], (SIZE, 1)), atol=0.1)
    assert read[known].min() > 1000


def test_written_anew_on_its_own_grid_nothing_changes_but_the_blocks(tmp_path: Path) -> None:
    vv, vh = backscatter()
    there = ~lake()
    source = write_tiff(tmp_path / "old.tif", vv, vh, names=("VV", "VH"), blockysize=SIZE)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"), rasterio.open(source, "r+") as dataset:
        dataset.write_mask(there)
    regrid(source, tmp_path / "new.tif")
    with rasterio.open(tmp_path / "new.tif") as new:
        np.testing.assert_array_equal(new.read(), [vv, vh])
        np.testing.assert_array_equal(new.read_masks(1) != 0, there)
        assert new.block_shapes == [(256, 256)] * 2
        assert (new.descriptions, new.transform) == (("VV", "VH"), PLACE)


def test_what_cannot_be_brought_there_says_why_and_nothing_is_written(tmp_path: Path) -> None:
    image = write_tiff(tmp_path / "image.tif", *backscatter(), names=("VV", "VH"))
    truth = lake().astype(np.uint8)
    nowhere = write_tiff(tmp_path / "nowhere.tif", truth, crs=None, transform=None)
    half = write_tiff(tmp_path / "half.tif", truth, crs=None)
    far = write_tiff(tmp_path / "far.tif", truth, transform=PLACE @ Affine.translation(500, 0))
    points = write_tiff(tmp_path / "points.tif", truth, crs=None, transform=None)
    with rasterio.open(points, "r+") as dataset:
        dataset.gcps = (gcps(PLACE, [(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE)]), CRS.from_string(UTM))
    out = tmp_path / "out.tif"
    for file, like, words in (
        (nowhere, image, "no georeference"),
        (image, nowhere, "no georeference"),
        (half, image, "rio edit-info FILE --crs"),
        (far, image, "does not reach the image"),
        (points, image, "rio warp FILE OUT --dst-crs"),
        (points, None, "ground control points alone"),
        (tmp_path / "missing.tif", image, "does not exist"),
    ):
        with pytest.raises(ChipError, match=words):
            regrid(file, out, like)
        assert not out.exists()
    for taken in (image, tmp_path / "out.img"):
        with pytest.raises(OutputError, match=r"is there already|does not end in"):
            regrid(far, taken, image)
