"""The catalog: the 988 real chips, filters, places, GeoParquet, several sources, and sources that are none."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from chips import backscatter, write_pair, write_tiff

from tests.problems import pairs
from tiles.catalog.catalog import Catalog, counts, open_catalog
from tiles.chip import Asset, ChipRecord
from tiles.errors import ChipNotFoundError, SourceError, UnreadableFileError
from tiles.naming import chip_id
from tiles.reading.door import read_chip


@pytest.fixture(scope="module")
def real(real_data: Path) -> Catalog:
    return open_catalog([real_data / "sen1floods11", real_data / "drivendata"])


def test_the_real_catalog_has_988_chips_of_which_16_have_imagery(real: Catalog) -> None:
    assert real.problems() == []
    assert counts(real) == {
        "chips": 988,
        "imagery": 16,
        "labelled": 14,
        "outline_only": 434,
        "listed_only": 538,
        "unusable": 0,
        "simulated": 0,
        "unplaced": 0,
    }
    assert Counter(r.layout for r in real.records()) == {"sen1floods11": 446, "drivendata": 542}


def test_every_real_chip_has_a_country_of_natural_earth_a_date_and_an_event(real: Catalog) -> None:
    countries = Counter(r.country for r in real.records() if r.layout == "sen1floods11")
    assert None not in countries
    assert {"Cambodia", "Sri Lanka", "United States of America"} <= set(countries)
    assert len(countries) == 11
    for record in real.records():
        assert record.country
        assert record.event
        assert record.date is not None
        assert len(record.date) == 10
        assert record.date[4] + record.date[7] == "--"


def test_the_official_splits_are_those_of_the_lists(real: Catalog) -> None:
    splits = Counter(r.split for r in real.records() if r.layout == "sen1floods11")
    assert splits == {"train": 252, "test": 90, "valid": 89, "bolivia": 15}


def test_the_awkward_real_chips_are_what_the_data_sets_readme_says(real: Catalog) -> None:
    assert not read_chip(real.get("Paraguay_34417")).valid.any()
    assert "NaN" in (read_chip(real.get("Paraguay_34417")).empty or "")
    label = read_chip(real.get("Ghana_83483")).label
    assert label is not None
    assert (label == 255).all()
    assert read_chip(real.get("ayt12")).label is None
    assert real.get("ayt12").elevation is not None
    assert real.get("ayt12").permanent_water is not None
    assert read_chip(real.get("awc00")).valid.mean() == pytest.approx(0.733, abs=0.001)


def test_a_catalog_comes_back_from_geoparquet_record_for_record(real: Catalog, tmp_path: Path) -> None:
    real.to_parquet(tmp_path / "deep" / "catalog.parquet")
    again = open_catalog([tmp_path / "deep" / "catalog.parquet"])
    assert again.records() == real.records()
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["catalog.parquet"]
    frame = gpd.read_parquet(tmp_path / "deep" / "catalog.parquet")
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry.notna().sum() == 450


def test_filters_give_the_chips_that_match(real: Catalog) -> None:
    assert {r.country for r in real.filter(country="India").records()} == {"India"}
    assert len(real.filter(country="India", split="test")) == sum(
        r.country == "India" and r.split == "test" for r in real.records()
    )
    assert len(real.filter(event="nothing")) == 0


def test_one_source_given_twice_and_its_catalog_are_one(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_tiff(tmp_path / "bad one.tif", backscatter()[0])
    write_tiff(tmp_path / "bad+one.tif", backscatter()[0])
    once = open_catalog([tmp_path])
    assert [r.id for r in once.records()] == [chip_id("bad one"), chip_id("bad+one"), "x"]
    once.to_parquet(tmp_path / "catalog.parquet")
    assert open_catalog([tmp_path, tmp_path]).records() == once.records()
    assert open_catalog([tmp_path, tmp_path / "catalog.parquet"]).records() == once.records()
    assert open_catalog([tmp_path / "catalog.parquet", tmp_path]).records() == once.records()


def test_one_id_in_two_sources_names_two_chips(tmp_path: Path) -> None:
    for folder in ("a", "b", "c"):
        write_pair(tmp_path / folder, "x")
    catalog = open_catalog([tmp_path / "a", tmp_path / "b", tmp_path / "c"])
    by_folder = {Path(r.source).name: r.id for r in catalog.records()}
    assert by_folder["a"] == "x" and len(set(by_folder.values())) == 3
    assert all(re.fullmatch("x-[0-9a-f]{8}", by_folder[folder]) for folder in "bc")
    without = open_catalog([tmp_path / "a", tmp_path / "c"])
    assert [r.id for r in without.records()] == ["x", by_folder["c"]]  # what is called the same whoever else is there


def test_an_unknown_id_is_refused_with_the_nearest_known_one(tmp_path: Path) -> None:
    write_pair(tmp_path, "India_900498")
    catalog = open_catalog([tmp_path])
    with pytest.raises(ChipNotFoundError, match="did you mean India_900498"):
        catalog.get("india_90049")
    for path in ("../../etc/passwd", "", "x" * 10_000):
        with pytest.raises(ChipNotFoundError, match="catalog show"):
            catalog.get(path)


def test_a_chip_across_the_antimeridian_has_one_outline_and_is_read(tmp_path: Path) -> None:
    write_pair(tmp_path, "x", crs="EPSG:32660", transform=Affine(10, 0, 829_600, 0, -10, 1_000_000))
    catalog = open_catalog([tmp_path])
    assert catalog.problems() == []
    (record,) = catalog.usable()
    assert record.footprint is not None
    west, _, east, _ = record.footprint.bounds
    assert 179 < west < 180 < east < 181
    assert read_chip(record).valid.all()


def test_imagery_that_has_gone_since_the_catalog_was_built_is_told(tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "x")
    write_pair(tmp_path / "chips", "y")
    open_catalog([tmp_path / "chips"]).to_parquet(tmp_path / "c.parquet")
    (tmp_path / "chips" / "y_vh.tif").unlink()
    catalog = open_catalog([tmp_path / "c.parquet"])
    assert [r.id for r in catalog.usable()] == ["x"]
    ((name, problem),) = pairs(catalog.problems())
    assert name == "y"
    assert "y_vh.tif is gone since the catalog was built: put it back, or build" in problem
    with pytest.raises(UnreadableFileError, match="does not exist"):
        read_chip(replace(catalog.get("y"), problem=None))


def _bad_sources(folder: Path) -> dict[str, tuple[Path, str]]:
    """Return what is no source, and the words that say so."""
    write_pair(folder / "nested" / "inner", "x")
    for name in ("empty", "holds.tif", "nest", "nest/inner"):
        (folder / name).mkdir()
    (folder / "text.parquet").write_text("hello")
    (folder / "zero.parquet").touch()
    gpd.GeoDataFrame({"a": [1]}, geometry=gpd.points_from_xy([1], [2]), crs=4326).to_parquet(folder / "other.parquet")
    open_catalog([folder / "nested" / "inner"]).frame.assign(vv_band="two").to_parquet(folder / "rows.parquet")
    (folder / "notes.md").write_text("x")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "broken").symlink_to(folder / "gone")
    os.mkfifo(folder / "pipe")
    write_tiff(folder / "only" / "x_label.tif", backscatter()[0])
    return {
        "missing": (folder / "missing", "does not exist: check the path"),
        "empty folder": (folder / "empty", "holds no chips that floodscope recognises"),
        "folder of folders": (folder / "nest", "and neither do folders in it"),
        "no parquet": (folder / "text.parquet", "is not a readable GeoParquet file: build it again"),
        "empty parquet": (folder / "zero.parquet", "is not a readable GeoParquet file: build it again"),
        "another parquet": (
            folder / "other.parquet",
            "is no floodscope catalog (no column id, layout, vh_path, vv_path)",
        ),
        "parquet with bad rows": (folder / "rows.parquet", "has a row that is no chip"),
        "another file": (folder / "notes.md", "is neither a catalog (.parquet) nor a GeoTIFF"),
        "loop": (folder / "loop", "is a symbolic link that leads nowhere"),
        "broken link": (folder / "broken", "is a symbolic link that leads nowhere"),
        "pipe": (folder / "pipe", "is neither a file nor a folder"),
        "a label": (folder / "only" / "x_label.tif", "is a label by its name"),
        "a folder of labels": (folder / "only", "is the label of no chip here"),
    }


def test_what_is_no_source_is_refused_with_what_it_is(tmp_path: Path) -> None:
    for case, (source, words) in _bad_sources(tmp_path).items():
        with pytest.raises(SourceError) as refused:
            open_catalog([source])
        assert words in str(refused.value), case
        assert source.name in str(refused.value), case


def test_no_source_at_all_is_refused() -> None:
    with pytest.raises(SourceError, match="No source was given"):
        open_catalog([])


def test_ids_from_a_table_can_never_be_paths(tmp_path: Path) -> None:
    record = ChipRecord(id="../../x", vv=Asset("/nowhere/a.tif"), vh=Asset("/nowhere/b.tif"))
    Catalog([record]).to_parquet(tmp_path / "c.parquet")
    (only,) = open_catalog([tmp_path / "c.parquet"]).records()
    assert only.id == chip_id("../../x") == "x-55c35b3f"


def test_a_revision_changes_when_a_file_does(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    record = open_catalog([tmp_path]).get("x")
    before = record.revision()
    assert record.revision() == before
    assert len(before) == 12
    os.utime(tmp_path / "x_label.tif", ns=(1, 1))
    changed = record.revision()
    assert changed != before
    (tmp_path / "x_label.tif").unlink()
    assert record.revision() not in {before, changed}
    assert np.isfinite(read_chip(open_catalog([tmp_path]).get("x")).vv).all()


def test_a_record_that_was_looked_at_stays_of_the_same_files_until_it_is_looked_at_again(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    record = open_catalog([tmp_path]).get("x")
    seen = record.now()
    assert (seen, seen.revision()) == (record, record.revision())
    os.utime(tmp_path / "x_vv.tif", ns=(1, 1))
    assert seen.revision() != record.revision() == seen.now().revision() == record.now().revision()
    (tmp_path / "x_vh.tif").unlink()
    assert record.now().revision() == record.revision(), "also of a file that is gone"


def test_a_catalog_with_a_chip_more_or_less_is_another_one(tmp_path: Path) -> None:
    write_pair(tmp_path / "a", "lake")
    write_pair(tmp_path / "b", "lake")
    catalog, further = open_catalog([tmp_path / "a"]), open_catalog([tmp_path / "b"]).get("lake")
    more = catalog.added([further, further])
    assert [record.id for record in more.records()] == ["lake", "lake-2", "lake-3"]
    assert more.get("lake-2").vv == further.vv
    less = more.without("lake")
    assert list(less.frame["id"]) == ["lake-2", "lake-3"]
    assert list(catalog.frame["id"]) == ["lake"], "the one that it was made of is as it was"
    assert len({catalog.version, more.version, less.version}) == 3
    with pytest.raises(ChipNotFoundError):
        less.without("lake")


def test_a_catalog_moves_with_its_folder_and_may_move_alone(tmp_path: Path) -> None:

    for name, band in zip(("vv", "vh"), backscatter(), strict=True):
        write_tiff(tmp_path / "set" / "chips" / f"a_{name}.tif", band)
    for place in ("c.parquet", "catalogs/c.parquet"):
        catalog = tmp_path / "set" / place
        open_catalog([tmp_path / "set" / "chips"]).to_parquet(catalog)
        alone = tmp_path / "elsewhere" / "deep" / "c.parquet"
        alone.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(catalog, alone)
        assert open_catalog([alone]).get("a").vv == open_catalog([catalog]).get("a").vv
        assert len(open_catalog([catalog, tmp_path / "set" / "chips"])) == 1, "still the same chip"
    (tmp_path / "set").rename(tmp_path / "moved")
    for place in ("c.parquet", "catalogs/c.parquet"):
        record = open_catalog([tmp_path / "moved" / place]).get("a")
        assert record.problem is None
        assert record.vv is not None
        assert record.vv.path == str(tmp_path / "moved" / "chips" / "a_vv.tif")
        assert record.source == str(tmp_path / "moved" / "chips")


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    folders = [tmp_path / "flood/post", tmp_path / "flood/pre", tmp_path / "other/pre"]
    for folder in folders:
        write_pair(folder, "a")
        write_pair(folder, folder.parent.name)
    catalog = open_catalog(folders[:2])
    assert [record.file for record in catalog.records()] == [
        "post/a_vv.tif + a_vh.tif",
        "post/flood_vv.tif + flood_vh.tif",
        "pre/a_vv.tif + a_vh.tif",
        "pre/flood_vv.tif + flood_vh.tif",
    ]
    three = open_catalog([folders[1], folders[2], folders[0]])
    files = [record.file or "" for record in three.records() if "/a_vv" in (record.file or "")]
    assert [file.partition("/a_")[0] for file in files] == ["flood/pre", "other/pre", "post"]
    assert len({record.file for record in three.records()}) == 6
    assert next(r.file for r in three.records() if r.id == "other") == "other_vv.tif + other_vh.tif"
