"""The layouts of data sets: what becomes a chip, what a damaged table costs, and the real folders."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from chips import backscatter, lake, write_pair, write_tiff

from tests.problems import pairs
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.reading.door import read_chip

VV, VH = backscatter()
TRUTH = lake().astype(np.uint8)


def _ids(catalog: Catalog) -> set[str]:
    return {r.id for r in catalog.usable()}


# --- loose GeoTIFFs


@pytest.mark.parametrize(
    "files",
    [
        ("x_vv.tif", "x_vh.tif"),
        ("x_VV.TIF", "x_VH.tiff"),
        ("x-vv.tif", "x-vh.tif"),
        ("vv_x.tif", "vh_x.tif"),
        ("S1A_IW_20190304T101112_VV_x.tif", "S1A_IW_20190304T101112_VH_x.tif"),
    ],
    ids=lambda files: files[0],
)
def test_a_pair_of_files_is_found_by_its_names(tmp_path: Path, files: tuple[str, str]) -> None:
    for name, band in zip(files, (VV, VH), strict=True):
        write_tiff(tmp_path / name, band)
    catalog = open_catalog([tmp_path])
    (record,) = catalog.usable()
    np.testing.assert_array_equal(read_chip(record).vh, VH)
    assert record.date == ("2019-03-04" if "T101112" in files[0] else None)
    assert catalog.problems() == []


@pytest.mark.parametrize("name", ["x.tif", "x_vv_vh.tif", "x_VVVH.tif", "x_vv.tif"])
def test_one_file_with_named_bands_is_a_chip_whatever_its_name_and_band_order(tmp_path: Path, name: str) -> None:
    write_tiff(tmp_path / name, TRUTH.astype("f4"), VH, VV, names=("angle", "Sigma0_VH_db", "Sigma0_VV_db"))
    (record,) = open_catalog([tmp_path]).usable()
    chip = read_chip(record)
    np.testing.assert_array_equal(chip.vv, VV)
    np.testing.assert_array_equal(chip.vh, VH)


def test_bands_swapped_by_description_are_followed(tmp_path: Path) -> None:
    write_tiff(tmp_path / "x.tif", VH, VV, names=("VH", "VV"))
    chip = read_chip(open_catalog([tmp_path]).get("x"))
    np.testing.assert_array_equal(chip.vv, VV)
    np.testing.assert_array_equal(chip.vh, VH)


def test_one_file_of_a_pair_is_enough_to_name_the_chip(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_pair(tmp_path, "y")
    (record,) = open_catalog([tmp_path / "x_vh.tif"]).records()
    assert (record.id, record.has_imagery, record.has_label) == ("x", True, True)


@pytest.mark.parametrize(
    ("name", "chip_id"),
    [
        ("Tirol 2024, Süd", "Tirol-2024-Süd-b42b78c0"),
        ("line\nbreak", "line-break-f7a9b38e"),
        ("a..b", "a..b"),
        ("-rm -rf", "rm--rf-62ff0697"),
        ("'; DROP TABLE chips; --", "DROP-TABLE-chips-5d92b453"),
        ("x" * 200, "x" * 151 + "-01d7de14"),
        ("سيل_بغداد", "سيل_بغداد"),
        ("鄱阳湖", "鄱阳湖"),
        ("洪" * 70, "洪" * 50 + "-d17733b5"),
        ("🌊", "image-b81ca1f9"),
    ],
    ids=[
        "spaces and umlauts",
        "line break",
        "dots",
        "options",
        "SQL",
        "long",
        "Arabic",
        "Chinese",
        "long Chinese",
        "emoji",
    ],
)
def test_names_of_any_kind_become_ids_and_are_read(tmp_path: Path, name: str, chip_id: str) -> None:
    write_pair(tmp_path, name)
    catalog = open_catalog([tmp_path])
    assert catalog.problems() == []
    (record,) = catalog.usable()
    assert record.id == chip_id
    np.testing.assert_array_equal(read_chip(record).vh, VH)


def test_names_that_become_one_id_are_told_apart(tmp_path: Path) -> None:
    write_pair(tmp_path, "a b")
    write_pair(tmp_path, "a+b")
    both = _ids(open_catalog([tmp_path]))
    assert len(both) == 2 and all(re.fullmatch("a-b-[0-9a-f]{8}", name) for name in both)


def test_an_id_means_the_same_files_however_many_come_in(tmp_path: Path) -> None:
    names = ["সিলেট", "a b", "b", "鄱阳湖", "a+b", "العراق", "a-b", "aa", "A", "a_b", "x" * 190, "x" * 191]
    known: dict[str, str | None] = {}
    for name in names:
        write_pair(tmp_path, name, label=False)
        now = {r.id: r.file for r in open_catalog([tmp_path]).usable()}
        assert known.items() <= now.items() and len(now) == len(known) + 1
        known = now


def test_a_two_band_file_that_comes_to_a_pair_of_its_name_leaves_the_pairs_id(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "x.tif", VV + 1, VH, names=("VV", "VH"))
    catalog = open_catalog([tmp_path])
    assert catalog.get("x").file == "x_vv.tif + x_vh.tif"
    (other,) = _ids(catalog) - {"x"}
    assert catalog.get(other).file == "x.tif"


def test_a_name_composed_and_the_same_name_decomposed_are_one_chip(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "rivière_Sénégal") for form in ("NFC", "NFD"))
    write_tiff(tmp_path / f"{composed}_vv.tif", VV)
    write_tiff(tmp_path / f"{decomposed}_vh.tif", VH)
    write_tiff(tmp_path / f"{decomposed}_label.tif", TRUTH)
    (record,) = open_catalog([tmp_path]).records()
    assert (record.id, record.has_imagery, record.has_label) == (composed, True, True)
    np.testing.assert_array_equal(read_chip(record).vh, VH)


def test_a_name_that_is_not_utf8_is_told_and_the_others_work(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    odd = tmp_path / b"\xff\xfe_vv.tif".decode("utf-8", "surrogateescape")
    try:
        odd.hardlink_to(tmp_path / "x_vv.tif")
    except OSError as error:
        pytest.skip(f"this file system has no such names ({error})")
    catalog = open_catalog([tmp_path])
    assert _ids(catalog) == {"x"}
    ((name, problem),) = pairs(catalog.problems())
    assert name == "\\udcff\\udcfe_vv.tif"
    assert "not UTF-8: rename it" in problem


def test_side_cars_hidden_files_and_pictures_are_no_chips(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    beside = ("x_vv.tif.aux.xml", "x_vv.tfw", "x_vv.Tfwx", "x_vv.WLD", "x_vv.tifw", "x_vv.tab", "x_vv.points")
    for name in (*beside, "x_vv.json", "x_vv.png", "x_vv.tif.ovr", "._x_vv.tif", "readme.txt"):
        (tmp_path / name).write_text("not a raster")
    catalog = open_catalog([tmp_path])
    assert _ids(catalog) == {"x"}
    assert catalog.problems() == []


def test_a_wrong_ending_does_not_take_the_place_of_a_good_file_but_is_told_where_one_is_missing(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_pair(tmp_path, "y")
    (tmp_path / "x_vv.img").write_bytes(b"1")
    (tmp_path / "y_vh.tif").rename(tmp_path / "y_vh.jp2")
    catalog = open_catalog([tmp_path])
    assert _ids(catalog) == {"x"}
    assert "y_vh.jp2 has the ending .jp2" in (catalog.get("y").problem or "")


def test_a_second_file_of_the_same_band_is_told_and_the_first_is_used(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "x_vv.tiff", VH)
    catalog = open_catalog([tmp_path])
    assert _ids(catalog) == {"x"}
    np.testing.assert_array_equal(read_chip(catalog.get("x")).vv, VV)
    (second,) = [r for r in catalog.records() if r.id != "x"]
    assert "x_vv.tiff is a second VV of the chip x, beside x_vv.tif: rename one" in (second.problem or "")


def test_a_label_of_no_chip_is_told(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "z_label.tif", TRUTH)
    catalog = open_catalog([tmp_path])
    ((name, problem),) = pairs(catalog.problems())
    assert name == "z_label.tif"
    assert "is the label of no chip here" in problem


def test_a_link_to_a_good_file_is_followed(tmp_path: Path) -> None:
    write_pair(tmp_path / "store", "x", label=False)
    chips = tmp_path / "chips"
    chips.mkdir()
    for band in ("vv", "vh"):
        (chips / f"y_{band}.tif").symlink_to(tmp_path / "store" / f"x_{band}.tif")
    assert _ids(open_catalog([chips])) == {"y"}


# --- DrivenData and Sen1Floods11: damaged tables


def _drivendata(folder: Path) -> None:
    write_tiff(folder / "train_features" / "abc00_vv.tif", VV)
    write_tiff(folder / "train_features" / "abc00_vh.tif", VH)
    write_tiff(folder / "train_labels" / "abc00.tif", TRUTH)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00garbage\x00", "is not a readable CSV table"),
        (b'"' + b"x" * 140_000, "is not a readable CSV table"),
        (b"id,place\n1,2\n", "has no column chip_id (found: id, place)"),
        (b"", "has no column chip_id (found: no row)"),
    ],
    ids=["bytes", "one endless field", "columns", "empty"],
)
def test_a_damaged_table_costs_its_countries_not_the_chips(tmp_path: Path, content: bytes, words: str) -> None:
    _drivendata(tmp_path)
    (tmp_path / "flood-training-metadata.csv").write_bytes(content)
    catalog = open_catalog([tmp_path])
    record = catalog.get("abc00")
    assert (record.has_imagery, record.has_label) == (True, True)
    assert record.country == "Austria"  # from its place, as the table does not say
    ((name, problem),) = pairs(catalog.problems())
    assert name == "flood-training-metadata.csv"
    assert words in problem


def test_half_a_drivendata_chip_and_a_stray_file_are_told(tmp_path: Path) -> None:
    _drivendata(tmp_path)
    write_tiff(tmp_path / "train_features" / "abc01_vv.tif", VV)
    write_tiff(tmp_path / "train_features" / "stray.tif", VV)
    (tmp_path / "flood-training-metadata.csv").write_text(
        "chip_id,flood_id,location,scene_start\nabc00,abc,Bolivia,2018-02-15\n"
    )
    catalog = open_catalog([tmp_path])
    assert _ids(catalog) == {"abc00"}
    assert (catalog.get("abc00").country, catalog.get("abc00").date) == ("Bolivia", "2018-02-15")
    told = dict(pairs(catalog.problems()))
    assert "has no partner abc01_vh.tif: put the VH band beside it" in told["abc01"]
    assert "is part of no chip" in told["stray.tif"]


def _sen1floods11(folder: Path, home: str = "") -> None:
    write_tiff(folder / home / "S1Hand" / "India_1_S1Hand.tif", VV, VH, names=("VV", "VH"))
    write_tiff(folder / home / "LabelHand" / "India_1_LabelHand.tif", TRUTH.astype(np.int16))


@pytest.mark.parametrize(
    "home", ["", "HandLabeled", "data/flood_events/HandLabeled", "v1.1/data/flood_events/HandLabeled"]
)
def test_the_public_buckets_folders_are_recognised_at_every_depth(tmp_path: Path, home: str) -> None:
    _sen1floods11(tmp_path, home)
    (record,) = open_catalog([tmp_path]).records()
    assert (record.id, record.country, record.layout, record.has_label) == ("India_1", "India", "sen1floods11", True)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("chip_footprints.geojson", b'{"features": [', "is not a readable GeoJSON"),
        ("chip_footprints.geojson", b'{"features": 7}', "is not a readable GeoJSON"),
        ("chip_footprints.geojson", b"[" * 100_000, "is not a readable GeoJSON"),
        ("chip_footprints.geojson", b'{"features": [{}, 1, {"properties": null}]}', "has 3 feature(s) without event"),
        (
            "chip_footprints.geojson",
            b'{"features": [{"properties": {"event": "X", "id": 1}, "geometry": {"type": "Polygon", "coordinates": [[[0]]]}}]}',
            "has 1 feature(s) without",
        ),
        ("Sen1Floods11_Metadata.geojson", b"\xff", "is not a readable GeoJSON"),
        ("splits/flood_train_data.csv", b"\xff\xfe", "is not a readable split list"),
    ],
)
def test_a_damaged_metadata_file_costs_what_it_would_have_said(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    _sen1floods11(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    catalog = open_catalog([tmp_path])
    assert _ids(catalog) == {"India_1"}
    ((told, problem),) = pairs(catalog.problems())
    assert told == Path(name).name
    assert words in problem


def test_odd_event_metadata_is_passed_over(tmp_path: Path) -> None:
    _sen1floods11(tmp_path)
    features = [
        {"properties": None},
        5,
        {"properties": {"location": "India", "s1_date": 7}},
        {"properties": {"location": "India", "s1_date": "2016/08/12"}},
    ]
    (tmp_path / "Sen1Floods11_Metadata.geojson").write_text(json.dumps({"features": features}))
    assert open_catalog([tmp_path]).get("India_1").date == "2016-08-12"


def test_a_good_feature_beside_bad_ones_is_kept(tmp_path: Path) -> None:
    ring = [[10, 46], [10.1, 46], [10.1, 46.1], [10, 46.1], [10, 46]]
    good = {
        "properties": {"event": "Ghana", "id": 5.0, "s1_date": "2018-09-18"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    (tmp_path / "chip_footprints.geojson").write_text(json.dumps({"features": [good, {}]}))
    catalog = open_catalog([tmp_path])
    (record,) = catalog.records()
    assert (record.id, record.country, record.date, record.has_imagery) == ("Ghana_5", "Ghana", "2018-09-18", False)
    assert len(catalog.problems()) == 1


# --- the real folders


def test_the_real_scenes_are_taken_or_refused_for_what_they_are(real_data: Path) -> None:
    scenes = real_data / "scenes"
    rtc = open_catalog([scenes / "s1_rtc_tiles"])
    assert len(rtc.usable()) == 5 == len(rtc)
    for record in rtc.usable():
        chip = read_chip(record)
        assert chip.valid.mean() > 0.9
        assert np.nanmedian(chip.vv) > np.nanmedian(chip.vh)
    land_cover = open_catalog([scenes / "s1_rtc_tiles_lulc"])
    assert [("has one band, a chip needs VV and VH" in text) for _, text in pairs(land_cover.problems())] == [True] * 5
    ((_, grd),) = pairs(open_catalog([scenes / "s1a_iw_grd_decimated"]).problems())
    assert "iw-vv.tiff holds uint16 digital numbers, not backscatter" in grd
    assert "calibrate VV to sigma0" in grd
    *folders, (_, single) = sorted(
        pairs(open_catalog([scenes]).problems()), key=lambda problem: "partner" in problem[1]
    )
    assert {name for name, text in folders if "left aside: name it as a source of its own" in text} >= {"s1_rtc_tiles"}
    assert "_VV_grd_mli_geo_norm_db.tif has no VH partner" in single


def test_the_real_scenes_ground_control_points_place_it_where_it_was_taken(real_data: Path, tmp_path: Path) -> None:
    import rasterio

    from tiles.reading.raster import read_info

    source = real_data / "scenes" / "s1a_iw_grd_decimated"
    for band in ("vv", "vh"):
        with rasterio.open(source / f"iw-{band}.tiff") as scene:
            numbers, gcps = scene.read(1), scene.gcps[0]
        with np.errstate(divide="ignore"):
            db = np.where(numbers > 0, 20 * np.log10(numbers) - 60, np.nan).astype(np.float32)
        write_tiff(tmp_path / f"scene_{band}.tif", db, transform=None, crs="EPSG:4326", gcps=gcps)
    (record,) = open_catalog([tmp_path]).usable()
    chip = read_chip(record)
    assert record.country == "India"
    west, south, east, north = chip.grid.footprint().bounds
    points = read_info(str(tmp_path / "scene_vv.tif")).gcps
    assert west <= min(p.x for p in points) + 0.01 and east >= max(p.x for p in points) - 0.01
    assert south <= min(p.y for p in points) + 0.01 and north >= max(p.y for p in points) - 0.01
    assert 0.3 < chip.valid.mean() < 1.0
    assert np.nanmedian(chip.vv) > np.nanmedian(chip.vh)
