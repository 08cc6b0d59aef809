"""Where a raster lies: longitudes of any turn, one grid under many names, and files beside it that say its place."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from chips import PLACE, SIZE, UTM, backscatter, write_tiff
from rasterio.crs import CRS
from rasterio.enums import WktVersion

from tests.problems import pairs
from tiles.catalog.catalog import open_catalog
from tiles.catalog.metadata import chip_metadata
from tiles.chip import ChipRecord
from tiles.errors import GeoreferenceError
from tiles.grid import Grid
from tiles.reading.door import read_chip
from tiles.reading.grids import require_same_grid
from tiles.reading.pixels import read_band
from tiles.reading.raster import read_info
from tiles.sidecars import read_beside

VV, VH = backscatter()
STEP = 9e-5
WKT = CRS.from_epsg(32632).to_wkt()
WORLD = f"10\n0.0\n0.0\n-10\n{PLACE.c + 5}\n{PLACE.f - 5}\n"


def grid(crs: str, transform: Affine = PLACE) -> Grid:
    return Grid(CRS.from_string(crs), transform, SIZE, SIZE)


def lonlat(west: float, north: float = -16.79) -> Affine:
    return Affine(STEP, 0, west, 0, -STEP, north)


# --- longitudes ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("crs", "written", "west"),
    [
        ("EPSG:4326", 269.85, -90.15),
        ("EPSG:4326", 188.2, -171.8),
        ("EPSG:4326", 359.99, -0.01),
        ("EPSG:4326", 12.5, 12.5),
        ("EPSG:4326", -180.0, -180.0),
        ("EPSG:4326", 180.0, -180.0),
        ("EPSG:4326", 179.999, 179.999),
        ("EPSG:4326", -180.001, 179.999),
        ("EPSG:4326", -200.5, 159.5),
        ("EPSG:4269", 200.25, -159.75),
        ("EPSG:4807", 201.0, -199.0),  # the Paris meridian, in grads: 400 are a turn
    ],
)
def test_a_geographic_raster_begins_on_the_first_turn_of_the_globe(
    tmp_path: Path, crs: str, written: float, west: float
) -> None:
    info = read_info(str(write_tiff(tmp_path / "x.tif", VV, crs=crs, transform=lonlat(written, 30.0))))
    assert info.grid.transform.c == pytest.approx(west, abs=1e-9)
    assert info.grid.transform.f == 30.0


def test_metres_in_degrees_are_still_off_the_earth(tmp_path: Path) -> None:
    for west in (700_000.0, 500.0, -400.0):
        write_tiff(tmp_path / f"{west:.0f}_vv.tif", VV, crs="EPSG:4326", transform=lonlat(west, 45.0))
        write_tiff(tmp_path / f"{west:.0f}_vh.tif", VH, crs="EPSG:4326", transform=lonlat(west, 45.0))
    problems = pairs(open_catalog([tmp_path]).problems())
    assert len(problems) == 3
    assert all("off the Earth" in text or "like metres" in text for _, text in problems)


def test_two_bands_and_a_label_may_count_their_longitudes_from_different_turns(tmp_path: Path) -> None:
    for name, band, west in (("vv", VV, 184.8), ("vh", VH, -175.2), ("label", (VH < -22).astype(np.uint8), 184.8)):
        write_tiff(tmp_path / f"a_{name}.tif", band, crs="EPSG:4326", transform=lonlat(west))
    record = open_catalog([tmp_path]).get("a")
    assert record.problem is record.label_problem is None
    assert record.country == "Tonga" or record.footprint is not None
    chip = read_chip(record)
    assert chip.label is not None
    assert chip.grid.transform.c == pytest.approx(-175.2)


def test_ground_control_points_across_the_antimeridian_make_one_small_grid(tmp_path: Path) -> None:
    place = lonlat(179.998)
    points = []
    for row, col in ((0, 0), (0, SIZE), (SIZE, 0), (SIZE, SIZE)):
        x, y = place @ (col, row)
        points.append(rasterio.control.GroundControlPoint(row, col, x - 360 if x > 180 else x, y))
    path = write_tiff(tmp_path / "x.tif", VV, crs="EPSG:4326", transform=None, gcps=points)
    read = read_band(str(path), 1)
    values, found = read.values, read.grid
    assert found.transform.almost_equals(place, 1e-6)
    np.testing.assert_array_equal(values, VV)


def test_a_pixel_is_found_from_either_side_of_the_antimeridian() -> None:
    for crs in ("EPSG:4326", "EPSG:4269"):
        across = grid(crs, lonlat(179.998))
        middle = 179.998 + 30.5 * STEP
        assert middle > 180
        for lon in (middle, middle - 360, middle + 360):
            assert across.pixel_at(lon, -16.79 - 5.5 * STEP) == (5, 30)
        assert across.pixel_at(-179.9, -16.7905) is None


# --- one grid in other words ---------------------------------------------------------------------------------------------
UNKNOWN_DATUM = (
    'PROJCS["UTM Zone 32, Northern Hemisphere",GEOGCS["Unknown datum based upon the WGS 84 ellipsoid",'
    'DATUM["Not_specified_based_on_WGS_84_spheroid",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],'
    'PARAMETER["central_meridian",9],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],'
    'PARAMETER["false_northing",0],UNIT["metre",1]]'
)


@pytest.mark.parametrize(
    ("image", "other"),
    [
        (UTM, "+proj=utm +zone=32 +ellps=WGS84 +units=m +no_defs"),
        (UTM, "+proj=tmerc +lat_0=0 +lon_0=9 +k=0.9996 +x_0=500000 +y_0=0 +datum=WGS84 +units=m"),
        (UTM, UNKNOWN_DATUM),
        (UTM, CRS.from_epsg(32632).to_wkt(version=WktVersion.WKT1_ESRI)),
        (
            "EPSG:3857",
            "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +x_0=0 +y_0=0 +k=1 +units=m +nadgrids=@null",
        ),
    ],
)
def test_one_grid_in_other_words_is_one_grid(image: str, other: str) -> None:
    one, two = grid(image), grid(other)
    require_same_grid("label", "l.tif", two, "image", "i.tif", one)
    require_same_grid("label", "l.tif", one, "image", "i.tif", two)
    assert one.offset_from(two) < 0.01


@pytest.mark.parametrize(
    ("other", "transform"),
    [
        ("EPSG:32633", PLACE),  # the next zone, the same numbers
        ("EPSG:23032", PLACE),  # ED50: the same numbers lie some 100 m off
        ("EPSG:32732", PLACE),  # the southern hemisphere
        ("EPSG:4326", lonlat(11.6, 47.2)),
    ],
)
def test_grids_that_truly_differ_are_refused_with_both_systems(other: str, transform: Affine) -> None:
    with pytest.raises(GeoreferenceError, match=r"is in .*, the image i.tif in EPSG:32632.*floodscope regrid"):
        require_same_grid("label", "l.tif", grid(other, transform), "image", "i.tif", grid(UTM))


def test_a_shift_in_other_words_is_told_in_pixels() -> None:
    shifted = grid("+proj=utm +zone=32 +ellps=WGS84", PLACE @ Affine.translation(2.5, 0))
    with pytest.raises(GeoreferenceError, match=r"its corners lie 2\.5 pixels off"):
        require_same_grid("label", "l.tif", shifted, "image", "i.tif", grid(UTM))


# --- files beside it ----------------------------------------------------------------------------------------------------
def bare(folder: Path, name: str = "a.tif", **profile: object) -> Path:
    """Write a raster that does not say where it lies."""
    return write_tiff(folder / name, VV, **{"crs": None, "transform": None, **profile})


def pam(image: Path, *parts: str, root: str = "PAMDataset", before: str = "") -> Path:
    path = image.with_name(f"{image.name}.aux.xml")
    path.write_text(f"{before}<{root}>{''.join(parts)}</{root}>")
    return path


def srs(text: str = WKT) -> str:
    return f"<SRS dataAxisToSRSAxisMapping='1,2'>{text.replace('<', '&lt;')}</SRS>"


TRANSFORM = f"<GeoTransform> {PLACE.c}, 10, 0.0, {PLACE.f}, 0.0, -1.0e+01</GeoTransform>"


@pytest.mark.parametrize("ending", ["tfw", "TFW", "Tfw", "tifw", "TifW", "tfwx", "wld", "WLD"])
@pytest.mark.parametrize("name", ["a.tif", "a.b.tif", "A.TIF"])
def test_a_world_file_and_a_coordinate_system_beside_it_place_a_raster(tmp_path: Path, name: str, ending: str) -> None:
    image = bare(tmp_path, name)
    image.with_suffix(f".{ending}").write_text(WORLD)
    for beside in (image.with_suffix(".prj"), image.with_name(f"{name}.aux.xml")):
        beside.write_text(WKT if beside.suffix == ".prj" else f"<PAMDataset>{srs()}</PAMDataset>")
        info = read_info(str(image))
        assert info.grid == grid(UTM)
        assert info.place.source == (beside.name, image.with_suffix(f".{ending}").name)
        assert info.place.notes == ()
        beside.unlink()


def test_what_gdal_writes_beside_a_raster_is_read_as_gdal_reads_it(tmp_path: Path) -> None:
    image = tmp_path / "a.tif"
    with (
        rasterio.Env(GDAL_PAM_ENABLED="YES"),
        rasterio.open(
            image,
            "w",
            driver="GTiff",
            width=SIZE,
            height=SIZE,
            count=1,
            dtype="float32",
            profile="BASELINE",
            crs=UTM,
            transform=PLACE,
        ) as made,
    ):
        made.write(VV, 1)
    assert image.with_name("a.tif.aux.xml").is_file()
    with rasterio.open(image) as by_gdal:
        assert (by_gdal.crs, by_gdal.transform) == (CRS.from_string(UTM), PLACE)
    assert read_info(str(image)).grid == grid(UTM)


def test_sidecars_of_all_kinds_agree_with_gdal_and_name_what_contradicts(tmp_path: Path) -> None:
    elsewhere = PLACE @ Affine.translation(40, 0)
    image = write_tiff(tmp_path / "own.tif", VV)
    image.with_suffix(".tfw").write_text(f"10\n0\n0\n-10\n{elsewhere.c + 5}\n{elsewhere.f - 5}\n")
    place = read_info(str(image)).place
    assert read_info(str(image)).grid == grid(UTM), "the header goes before a world file"
    assert place.notes == ("own.tif is placed by own.tif itself; own.tfw says otherwise, by 40.0 pixels",)

    image = write_tiff(tmp_path / "overruled.tif", VV)
    pam(image, srs("EPSG:32632"), f"<GeoTransform>{elsewhere.c},10,0,{elsewhere.f},0,-10</GeoTransform>")
    place = read_info(str(image)).place
    assert "overruled.tif itself says otherwise, by 40.0 pixels" in place.notes[0]
    for name in ("own.tif", "overruled.tif"):
        with rasterio.open(tmp_path / name) as by_gdal:
            assert read_info(str(tmp_path / name)).grid.transform == by_gdal.transform


def test_a_world_file_that_agrees_is_not_spoken_of(tmp_path: Path) -> None:
    image = write_tiff(tmp_path / "a.tif", VV)
    image.with_suffix(".tfw").write_text(WORLD)
    image.with_suffix(".prj").write_text(CRS.from_epsg(32632).to_wkt(version=WktVersion.WKT1_ESRI))
    place = read_info(str(image)).place
    assert (place.source, place.notes) == ((), ())


def test_a_raster_that_knows_half_its_place_gets_the_other_half_from_beside(tmp_path: Path) -> None:
    gridded, named = bare(tmp_path, "gridded.tif", transform=PLACE), bare(tmp_path, "named.tif", crs=UTM)
    gridded.with_suffix(".prj").write_text("EPSG:32632\n")
    named.with_suffix(".tfw").write_text(WORLD.replace(".", ",").replace("\n", "\r\n"))
    assert read_info(str(gridded)).grid == read_info(str(named)).grid == grid(UTM)


def test_ground_control_points_beside_it_place_a_raster(tmp_path: Path) -> None:
    image = bare(tmp_path)
    corners = [(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE)]
    points = "".join(
        f'<GCP Id="{n}" Pixel="{col}" Line="{row}" X="{PLACE.c + 10 * col}" Y="{PLACE.f - 10 * row}"/>'
        for n, (col, row) in enumerate(corners)
    )
    pam(image, f'<GCPList Projection="EPSG:32632">{points}</GCPList>')
    read = read_band(str(image), 1)
    values, found = read.values, read.grid
    assert found.transform.almost_equals(PLACE, 1e-6)
    np.testing.assert_array_equal(values, VV)


def test_arcgis_coordinate_system_of_an_aux_xml_serves_a_world_file(tmp_path: Path) -> None:
    image = bare(tmp_path)
    image.with_suffix(".tfw").write_text(WORLD)
    pam(
        image,
        '<Metadata domain="xml:ESRI" format="xml"><GeodataXform xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:type="typens:IdentityXform"><SpatialReference>'
        f"<WKT>{CRS.from_epsg(32632).to_wkt(version=WktVersion.WKT1_ESRI)}</WKT>"
        "<WKID>32632</WKID></SpatialReference></GeodataXform></Metadata>",
    )
    assert grid(UTM).offset_from(read_info(str(image)).grid) < 0.001


BOMB = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>'
BAD = {
    "an entity": (".aux.xml", f"{BOMB}<PAMDataset>{srs()}</PAMDataset>", "declares a document type"),
    "a file of another": (
        ".aux.xml",
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><PAMDataset></PAMDataset>',
        "declares a document type",
    ),
    "no XML": (".aux.xml", "<PAMDataset><SRS>", "is no readable XML"),
    "a depth without end": (".aux.xml", "<a>" * 5000, "nested too deep"),
    "a shift grid": (
        ".aux.xml",
        f"<PAMDataset>{srs('+proj=longlat +nadgrids=/tmp/x.gsb')}</PAMDataset>",
        "open other files",
    ),
    "an address": (".prj", "https://elsewhere.example/epsg/32632", "does not name a coordinate system"),
    "a path": (".prj", "/etc/passwd", "does not name a coordinate system"),
    "a code that is none": (".prj", "EPSG:999999", "not understood"),
    "five numbers": (".tfw", "10\n0\n0\n-10\n700000\n", "six numbers"),
    "seven numbers": (".tfw", WORLD + "7\n", "six numbers"),
    "words": (".tfw", "ten\n0\n0\n-10\n0\n0\n", "six numbers"),
    "not a number": (".tfw", "nan\n0\n0\n-10\n0\n0\n", "without an area"),
    "a world without an area": (".tfw", "0\n0\n0\n0\n1\n1\n", "without an area"),
    "too much": (".tfw", " " * 5000, "5,000 bytes"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_beside_a_raster_is_named_and_never_followed(tmp_path: Path, kind: str) -> None:
    ending, text, why = BAD[kind]
    image = bare(tmp_path, "a_vv.tif")
    (image.with_name(f"{image.name}{ending}") if ending == ".aux.xml" else image.with_suffix(ending)).write_text(text)
    assert any(why in problem for problem in read_beside(str(image)).problems)
    lacks = read_info(str(image)).unplaced
    assert lacks is not None
    assert ending in lacks[0]
    assert why in lacks[0]
    placed = write_tiff(tmp_path / "a_vv.tif", VV)
    assert read_info(str(placed)).grid == grid(UTM)


def test_a_pipe_or_folder_named_like_a_sidecar_is_not_waited_for(tmp_path: Path) -> None:
    image = write_tiff(tmp_path / "a.tif", VV)
    os.mkfifo(image.with_suffix(".tfw"))
    image.with_name("a.tif.aux.xml").mkdir()
    assert read_info(str(image)).grid == grid(UTM)


def chip_beside(folder: Path) -> ChipRecord:
    for name, band in (("vv", VV), ("vh", VH)):
        write_tiff(folder / f"a_{name}.tif", band, crs=None, transform=None)
        (folder / f"a_{name}.tfw").write_text(WORLD)
        (folder / f"a_{name}.prj").write_text(WKT)
    return open_catalog([folder]).get("a")


def test_a_chip_that_is_placed_by_files_beside_it_is_read_and_its_metadata_tells(tmp_path: Path) -> None:
    record = chip_beside(tmp_path)
    assert record.problem is None
    assert record.country == "Austria"
    assert read_chip(record).grid == grid(UTM)
    assert chip_metadata(record)[0]["crs"] == "EPSG:32632 (from a_vv.prj, a_vv.tfw)"


def test_a_chips_revision_follows_the_files_that_place_it_and_no_others(tmp_path: Path) -> None:
    record = chip_beside(tmp_path)
    first = record.revision()
    image = tmp_path / "a_vv.tif"
    pam(image, '<PAMRasterBand band="1"><Metadata><MDI key="STATISTICS_MEAN">-9</MDI></Metadata></PAMRasterBand>')
    (tmp_path / "a_vv.tif.ovr").write_bytes(b"overviews")
    assert record.revision() == first, "statistics are no place"
    world = tmp_path / "a_vv.tfw"
    world.write_text(WORLD.replace(f"{PLACE.c + 5}", f"{PLACE.c + 15}"))
    moved = record.revision()
    assert moved != first
    pam(image, srs("EPSG:32633"))
    assert record.revision() not in {first, moved}


def test_a_place_that_a_file_beside_the_image_contradicts_is_told_of_the_chip(tmp_path: Path) -> None:
    for name, band in (("vv", VV), ("vh", VH)):
        write_tiff(tmp_path / f"a_{name}.tif", band)
    (tmp_path / "a_vh.tfw").write_text(f"10\n0\n0\n-10\n{PLACE.c + 105}\n{PLACE.f - 5}\n")
    record = open_catalog([tmp_path]).get("a")
    assert record.problem is None
    assert [record.assumed_grid] == ["a_vh.tif is placed by a_vh.tif itself; a_vh.tfw says otherwise, by 10.0 pixels."]


def test_metres_that_are_said_to_be_degrees_are_refused_for_what_they_are(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", VV, VH, names=("VV", "VH"), crs="EPSG:4326")
    (record,) = open_catalog([tmp_path]).records()
    assert "is said to be in EPSG:4326, whose coordinates are degrees" in (record.problem or "")
    assert "like metres: say which coordinate system they are in (rio edit-info FILE --crs EPSG:...)" in record.problem
    with rasterio.open(tmp_path / "a.tif", "r+") as image:
        image.crs = CRS.from_string(UTM)
    (record,) = open_catalog([tmp_path]).records()
    assert record.problem is None and record.footprint is not None
