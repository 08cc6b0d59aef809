"""Chips that do not say where they lie: read, listed and drawn as pictures, and never given a place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from bad_files import gcps, patched
from chips import PLACE, SIZE, Array, backscatter, lake, write_pair, write_tiff
from served import decode, serve

from tiles.catalog.catalog import Catalog, counts, open_catalog
from tiles.catalog.metadata import chip_metadata
from tiles.chip import ChipRecord
from tiles.drawing.composite import composite
from tiles.drawing.thumbnail import composite_thumbnail
from tiles.errors import ChipError
from tiles.grid import Grid
from tiles.reading.door import read_chip

VV, VH = backscatter()
TRUTH = lake().astype(np.uint8)
NOWHERE: dict[str, object] = {"crs": None, "transform": None}


def unplaced(folder: Path, name: str = "chip", *, label: bool = True) -> ChipRecord:
    write_pair(folder, name, label=label, **NOWHERE)
    return open_catalog([folder]).get(name)


def _nameless_points(folder: Path) -> None:
    corners = [(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE)]
    write_pair(folder, "chip", label=False, transform=None, gcps=gcps(PLACE, corners))
    for band in ("vv", "vh"):
        patched(folder / f"chip_{band}.tif", 34735, new_tag=34730)  # the keys that hold the coordinate system


def test_a_chip_without_a_georeference_is_read_and_says_so(tmp_path: Path) -> None:
    record = unplaced(tmp_path)
    assert record.has_imagery and record.has_label and record.footprint is None and record.country is None
    assert (record.width, record.height) == (SIZE, SIZE)
    assert record.unplaced is not None and "no georeference" in record.unplaced and "not on the map" in record.unplaced
    assert str(tmp_path) not in record.unplaced and record.assumed_grid is None
    chip = read_chip(record)
    assert not chip.grid.placed and chip.label_problem is None
    np.testing.assert_array_equal(chip.vh, VH)
    np.testing.assert_array_equal(chip.label, TRUTH)


@pytest.mark.parametrize(
    ("profile", "found", "todo"),
    [
        ({"crs": None, "transform": None}, "no georeference", "export it again"),
        ({"crs": None}, "a pixel grid but no coordinate system (CRS)", "rio edit-info FILE --crs"),
        ({"transform": None}, "a coordinate system but no position", "with its geotransform"),
        (
            {"transform": None, "gcps": gcps(PLACE, [(0, 0), (10, 10), (20, 20), (30, 30)])},
            "4 ground control points that fix no place",
            "three or more",
        ),
        (None, "4 ground control points but no coordinate system for them", "say which it is"),
    ],
    ids=["nothing", "no CRS", "no geotransform", "points on a line", "points without a CRS"],
)
def test_half_a_place_is_none_and_what_is_missing_is_told(
    tmp_path: Path, profile: dict[str, object] | None, found: str, todo: str
) -> None:
    if profile is None:
        _nameless_points(tmp_path)
    else:
        write_pair(tmp_path, "chip", label=False, **profile)
    record = open_catalog([tmp_path]).get("chip")
    assert record.problem is None and record.footprint is None
    assert record.unplaced is not None and found in record.unplaced and todo in record.unplaced
    chip = read_chip(record)
    np.testing.assert_array_equal(chip.vh, VH)
    assert not chip.grid.placed


def test_a_place_that_cannot_be_is_refused_not_dropped(tmp_path: Path) -> None:
    write_pair(tmp_path, "chip", crs="EPSG:4326", transform=Affine(0.1, 0, 500, 0, -0.1, 60))
    record = open_catalog([tmp_path]).get("chip")
    assert record.unplaced is None and record.problem is not None and "off the Earth" in record.problem


@pytest.mark.parametrize("image_is_placed", [True, False])
def test_a_file_without_a_place_lies_on_the_image_where_it_has_its_size_and_that_is_told(
    tmp_path: Path, image_is_placed: bool
) -> None:
    write_pair(tmp_path, "chip", label=False, **({} if image_is_placed else NOWHERE))
    beside: dict[str, object] = NOWHERE if image_is_placed else {}
    write_tiff(tmp_path / "chip_label.tif", TRUTH, **beside)
    write_tiff(tmp_path / "chip_elevation.tif", np.full(TRUTH.shape, 100, np.float32), **beside)
    record = open_catalog([tmp_path]).get("chip")
    assert (record.unplaced is None) is image_is_placed
    assert record.label_problem is None and record.ancillary_problem is None
    assert record.assumed_grid is not None
    lacking = "The label has no georeference" if image_is_placed else "The image has no georeference"
    assert lacking in record.assumed_grid and "the elevation is as large as the image" in record.assumed_grid
    chip = read_chip(record)
    np.testing.assert_array_equal(chip.label, TRUTH)
    assert chip.elevation is not None and chip.grid.placed is image_is_placed


def test_a_file_without_a_place_and_of_another_size_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "chip", label=False)
    write_tiff(tmp_path / "chip_label.tif", TRUTH[:-2], **NOWHERE)
    record = open_catalog([tmp_path]).get("chip")
    assert record.label_problem is not None and f"{SIZE} x {SIZE - 2} pixels" in record.label_problem
    write_pair(tmp_path / "bands", "chip", label=False, **NOWHERE)
    write_tiff(tmp_path / "bands" / "chip_vh.tif", VH[:, :-1], **NOWHERE)
    assert "The VH" in (open_catalog([tmp_path / "bands"]).get("chip").problem or "")


@pytest.mark.parametrize("others", [True, False], ids=["beside placed ones", "alone"])
def test_a_catalog_keeps_what_it_knows_of_chips_without_a_place(tmp_path: Path, others: bool) -> None:
    folder = tmp_path / "chips"
    record = unplaced(folder)
    if others:
        write_pair(folder, "placed", seed=1)
        write_tiff(folder / "placed_label.tif", TRUTH, **NOWHERE)
    catalog = open_catalog([folder])
    catalog.to_parquet(tmp_path / "catalog.parquet")
    again = Catalog.from_parquet(tmp_path / "catalog.parquet")
    assert [r.id for r in again.records()] == [r.id for r in catalog.records()]
    kept = again.get("chip")
    for name in ("unplaced", "width", "height", "footprint", "assumed_grid"):
        assert getattr(kept, name) == getattr(record, name)
    assert kept.has_imagery and kept.series == "chip" and kept.country_group == "No place"
    if others:
        assert again.get("placed").assumed_grid == catalog.get("placed").assumed_grid is not None
    assert counts(again)["unplaced"] == 1
    assert counts(again)["imagery"] == 1 + others
    assert [r.id for r in again.records() if r.footprint] == (["placed"] if others else [])


def test_nothing_of_a_place_can_be_asked_of_a_grid_without_one() -> None:
    grid = Grid.unplaced(40, 30)
    assert not grid.placed and grid.shape == (30, 40) and grid.drawn.placed
    for question in (grid.footprint, grid.pixel_area_km2):
        with pytest.raises(ValueError, match="no longitude"):
            question()
    placed = Grid(grid.drawn.crs, PLACE, 4, 4)
    assert placed.drawn is placed


def test_the_stand_in_shows_the_first_row_above_and_square_pixels() -> None:
    board = Grid.unplaced(40, 30).drawn
    west, south, east, north = board.footprint().bounds
    assert (east - west) / (north - south) == pytest.approx(40 / 30, rel=1e-3)
    assert board.pixel_at(west + 1e-6, north - 1e-6) == (0, 0)
    assert board.pixel_at(east - 1e-6, south + 1e-6) == (29, 39)


def _shown(pixels: Array, folder: Path, record: ChipRecord) -> Array:
    """Return the false colour of a chip as the tiles over its stand-in show it, one colour a pixel of it."""
    service, _ = serve(folder, record)
    chip = read_chip(record)
    board, zoom = chip.grid.drawn, 15
    rows, cols = np.mgrid[: pixels.shape[1], : pixels.shape[2]] + 0.5
    lon, lat = board.lonlat(cols.ravel(), rows.ravel())
    x = (lon + 180.0) / 360.0 * 2**zoom
    y = (1.0 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2.0 * 2**zoom
    tiles = {
        at: decode(service.tile("composite", record.id, record.revision(), zoom, *at).data)
        for at in {(int(a), int(b)) for a, b in zip(x, y, strict=True)}
    }
    seen = [tiles[int(a), int(b)][int(b % 1 * 256), int(a % 1 * 256)] for a, b in zip(x, y, strict=True)]
    return np.array(seen, dtype=np.uint8).reshape(*pixels.shape[1:], -1)


def test_its_tiles_and_thumbnail_show_its_pixels_as_they_lie_in_the_file(tmp_path: Path) -> None:
    record = unplaced(tmp_path / "chips")
    pixels = composite(read_chip(record))
    np.testing.assert_array_equal(_shown(pixels, tmp_path, record), np.moveaxis(pixels, 0, -1))
    thumbnail = decode(composite_thumbnail(read_chip(record)))
    np.testing.assert_array_equal(thumbnail[..., :3], np.moveaxis(pixels[:3], 0, -1))


def test_other_maps_are_told_that_it_has_no_place(tmp_path: Path) -> None:
    record = unplaced(tmp_path / "chips")
    service, _ = serve(tmp_path, record)
    with pytest.raises(ChipError, match=r"no tiles for a map\. The image has no georeference"):
        service.tilejson("composite", record.id, "http://here/tiles")


def test_its_files_tell_their_size_and_what_they_lack(tmp_path: Path) -> None:
    for entry in chip_metadata(unplaced(tmp_path)):
        assert (entry["crs"], entry["bounds"], entry["pixel"]) == (None, None, None)
        assert entry["size"] == [SIZE, SIZE] and "no georeference" in entry["unplaced"]


def test_numbered_chips_that_name_no_flood_are_one_series() -> None:
    names = {
        name: ChipRecord(name).series for name in ("alabama_10_10", "alabama_9_34", "dfc-2", "tile7", "0042", "lake")
    }
    assert names == {"alabama_10_10": "alabama", "alabama_9_34": "alabama", "dfc-2": "dfc", "tile7": "tile", "0042": "numbers",
                     "lake": "lake"}  # fmt: skip
    assert ChipRecord("a_1", event="flood").series is None and ChipRecord("a_1", country="India").series is None
