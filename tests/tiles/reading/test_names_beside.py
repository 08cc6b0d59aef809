"""Files that say a raster's place are found by every name that people's tools give them, or told."""

from __future__ import annotations

from pathlib import Path

import pytest
from chips import PLACE, SIZE, UTM, backscatter, write_tiff
from rasterio.crs import CRS

from tiles.grid import Grid
from tiles.reading.raster import read_info
from tiles.sidecars import beside_mark

VV, _ = backscatter()
WKT = CRS.from_epsg(32632).to_wkt()
WORLD = f"10\n0.0\n0.0\n-10\n{PLACE.c + 5}\n{PLACE.f - 5}\n"
THERE = Grid(CRS.from_string(UTM), PLACE, SIZE, SIZE)
WHOLE = f"<PAMDataset><SRS>{WKT}</SRS><GeoTransform> {PLACE.c}, 10, 0.0, {PLACE.f}, 0.0, -1.0e+01</GeoTransform></PAMDataset>"


def bare(folder: Path, name: str = "a.tif", **profile: object) -> Path:
    """Write a raster that does not say where it lies."""
    return write_tiff(folder / name, VV, **{"crs": None, "transform": None, **profile})


@pytest.mark.parametrize("name", ["A.TFW", "A.tfw", "a.Tfw", "a.tif.tfw", "A.TIF.WLD"])
def test_a_world_file_in_another_letter_case_or_behind_the_whole_name_places_a_raster(
    tmp_path: Path, name: str
) -> None:
    image = bare(tmp_path, crs=UTM)
    before = beside_mark(str(image))
    (tmp_path / name).write_text(WORLD)
    info = read_info(str(image))
    assert info.grid == THERE
    assert (info.place.source, info.place.notes) == ((name,), ())
    assert beside_mark(str(image)) != before


def test_a_coordinate_system_in_another_letter_case_is_read(tmp_path: Path) -> None:
    image = bare(tmp_path)
    (tmp_path / "A.tfw").write_text(WORLD)
    (tmp_path / "A.Prj").write_text(WKT)
    assert read_info(str(image)).place.source == ("A.Prj", "A.tfw")
    (tmp_path / "A.TIF.AUX.XML").write_text(WHOLE)
    assert read_info(str(image)).place.source == ("A.TIF.AUX.XML",)
    assert read_info(str(image)).grid == THERE


def test_a_world_file_of_another_raster_whose_name_differs_by_letter_case_is_left_to_it(tmp_path: Path) -> None:
    image, other = bare(tmp_path, "a.tif", crs=UTM), bare(tmp_path, "A.tif", crs=UTM)
    (tmp_path / "A.TFW").write_text(WORLD)
    assert read_info(str(other)).grid == THERE
    lacks = read_info(str(image)).unplaced
    assert lacks is not None and "no position" in lacks[0]


def test_of_two_world_files_the_first_holds_and_the_other_is_told_where_it_says_another_place(tmp_path: Path) -> None:
    image = bare(tmp_path, crs=UTM)
    (tmp_path / "a.tfw").write_text(WORLD)
    (tmp_path / "A.WLD").write_text(WORLD)
    assert read_info(str(image)).place.notes == ()
    (tmp_path / "A.WLD").write_text(WORLD.replace("10\n0.0", "20\n0.0"))
    place = read_info(str(image)).place
    assert (place.source, place.transform) == (("a.tfw",), PLACE)
    assert place.notes == ("A.WLD beside it is not used: it says another place than a.tfw",)


@pytest.mark.parametrize("name", ["a.tab", "a.TAB", "a.points", "a.aux"])
def test_a_file_of_another_program_that_says_the_place_is_told_where_nothing_else_does(
    tmp_path: Path, name: str
) -> None:
    image = bare(tmp_path)
    (tmp_path / name).write_text("Definition Table")
    lacks = read_info(str(image)).unplaced
    assert lacks is not None and f"{name} beside it is no file that is read" in lacks[0]
    write_tiff(image, VV)
    assert read_info(str(image)).place.notes == ()
