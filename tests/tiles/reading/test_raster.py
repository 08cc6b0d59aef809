"""Reading of rasters: headers as facts, ground control points, scales, compressions, odd names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from bad_files import gcps
from chips import PLACE, SIZE, backscatter, write_pair, write_tiff

from tiles.catalog.catalog import open_catalog
from tiles.chip import Asset
from tiles.errors import BandError, UnreadableFileError
from tiles.reading.pixels import read_band
from tiles.reading.raster import read_info
from tiles.sentences import shown

VV, VH = backscatter()
CORNERS: list[tuple[float, float]] = [(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE), (SIZE / 2, SIZE / 3)]


def test_a_file_placed_by_ground_control_points_gets_the_grid_they_were_made_from(tmp_path: Path) -> None:
    path = str(write_tiff(tmp_path / "x.tif", VV, transform=None, gcps=gcps(PLACE, CORNERS)))
    info = read_info(path)
    assert info.from_gcps
    assert info.grid.shape == (SIZE, SIZE)
    assert info.grid.transform.almost_equals(PLACE, 1e-6)
    read = read_band(path, 1)
    values, grid = read.values, read.grid
    assert grid == info.grid
    np.testing.assert_array_equal(values, VV)


def test_a_file_turned_by_its_ground_control_points_is_warped_to_north_up_with_measured_values(tmp_path: Path) -> None:
    turned = PLACE @ Affine.rotation(30)
    path = str(write_tiff(tmp_path / "x.tif", VV, transform=None, gcps=gcps(turned, CORNERS), nodata=-99.0))
    read = read_band(path, 1)
    values, grid = read.values, read.grid
    assert (grid.transform.b, grid.transform.d) == (0.0, 0.0)
    inside = np.isfinite(values)
    assert 0.4 < inside.mean() < 0.7
    assert np.isin(values[inside], VV).all()
    rows, cols = np.nonzero(inside)
    x, y = grid.transform @ (cols + 0.5, rows + 0.5)
    col, row = ~turned @ (x, y)
    fit = (np.abs(col % 1 - 0.5) < 0.4) & (np.abs(row % 1 - 0.5) < 0.4)  # not on the border of two source pixels
    expected = VV[row[fit].astype(int), col[fit].astype(int)]
    np.testing.assert_array_equal(values[inside][fit], expected)


def test_a_files_own_geotransform_goes_before_its_ground_control_points(tmp_path: Path) -> None:
    info = read_info(str(write_tiff(tmp_path / "x.tif", VV)))
    assert not info.from_gcps
    assert info.grid.transform == PLACE


def test_scale_and_offset_are_followed_and_stored_nodata_is_not_there(tmp_path: Path) -> None:
    stored = np.full((4, 4), -2150, np.int16)
    stored[0, 0] = -32768
    path = write_tiff(tmp_path / "x.tif", stored, nodata=-32768, scale=0.01, offset=-1.0)
    read = read_band(str(path), 1)
    values = read.values
    assert read.nodata is None
    assert values.dtype == np.float32
    assert not read.there[0, 0] and read.there.sum() == 15
    np.testing.assert_allclose(values.ravel()[1:], -22.5, rtol=1e-6)


@pytest.mark.parametrize(
    "profile",
    [
        {"BIGTIFF": "YES"},
        {"ENDIANNESS": "BIG"},
        {"compress": "lzw", "predictor": 3},
        {"compress": "zstd", "tiled": True, "blockxsize": 16, "blockysize": 16},
        {"compress": "lerc"},
        {"compress": "lzma"},
        {"compress": "packbits"},
    ],
    ids=str,
)
def test_every_lossless_form_of_tiff_is_read_alike(tmp_path: Path, profile: dict[str, object]) -> None:
    path = write_tiff(tmp_path / "x.tif", VV, VH, **profile)
    for band, expected in ((1, VV), (2, VH)):
        np.testing.assert_array_equal(read_band(str(path), band).values, expected)


def test_only_the_directory_of_a_sparse_file_is_needed_to_refuse_its_size(tmp_path: Path) -> None:
    import rasterio

    path = tmp_path / "x.tif"
    rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=20_000,
        height=20_000,
        count=1,
        dtype="float32",
        crs="EPSG:32632",
        transform=PLACE,
        SPARSE_OK="TRUE",
        tiled=True,
    ).close()
    assert path.stat().st_size < 1e6
    import tracemalloc

    tracemalloc.start()
    try:
        with pytest.raises(UnreadableFileError, match="20,000 x 20,000"):
            read_band(str(path), 1)
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


def test_a_band_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BandError, match=r"has 1 band\(s\), band 2 was asked for"):
        read_band(str(write_tiff(tmp_path / "x.tif", VV)), 2)


def test_a_path_with_a_null_byte_is_refused_like_any_other() -> None:
    with pytest.raises(UnreadableFileError, match=r"cannot be reached \(embedded null byte\)"):
        read_info("/tmp/x\0.tif")


def test_a_name_that_looks_like_a_virtual_file_system_is_a_plain_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_tiff(tmp_path / "vsicurl" / "http:" / "x.tif", VV)
    assert read_info(str(path.relative_to(tmp_path))).grid.transform == PLACE
    with pytest.raises(UnreadableFileError, match="does not exist"):
        read_info("/vsimem/x.tif")
    with pytest.raises(UnreadableFileError, match="does not exist"):
        read_info("GTIFF_DIR:1:x.tif")


def test_a_path_is_shown_as_one_printable_line() -> None:
    assert shown("/a/b c/ü.tif") == "/a/b c/ü.tif"
    assert shown("/a\nb\t\x1b[31m.tif") == "/a\\nb\\t\\x1b[31m.tif"
    assert shown(b"/\xff.tif".decode("utf-8", "surrogateescape")) == "/\\udcff.tif"


def test_names_that_older_programs_wrote_in_latin_1_are_read_and_say_what_they_say(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", *backscatter(), names=("VH Uber", "VV (Uber)"))
    with rasterio.open(path, "r+") as file:
        file.update_tags(place="Uber", date="2020-02-03")
        file.update_tags(1, unit="dB Uber")
        file.units = ("dB Uber", "dB Uber")
    path.write_bytes(path.read_bytes().replace(b"Uber", b"\xdcber"))
    write_pair(tmp_path, "beside")
    info = read_info(str(path))
    assert info.descriptions == ("VH Über", "VV (Über)")
    assert info.units == ("dB Über", "dB Über")
    assert (info.tags["place"], info.tags["date"], info.band_tags[0]["unit"]) == ("Über", "2020-02-03", "dB Über")
    catalog = open_catalog([tmp_path])
    assert [(r.id, r.problem) for r in catalog.records()] == [("a", None), ("beside", None)]
    record = catalog.get("a")
    assert (record.vv, record.vh, record.date) == (Asset(str(path), 2), Asset(str(path), 1), "2020-02-03")
