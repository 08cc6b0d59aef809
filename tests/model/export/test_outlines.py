"""Polygons of a scene, block of rows after block: the same as those of the whole raster in memory, wherever the seams lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import Polygon

from model.export import polygons
from model.export.outlines import OutlinesByRows, outlines_of
from model.export.polygons import WaterBody, scene_bodies, water_bodies
from tiles.grid import Grid

UTM = Affine(10, 0, 700_000, 0, -10, 5_230_000)


def grid(values: npt.NDArray[np.uint8], transform: Affine = UTM, epsg: int = 32632) -> Grid:
    return Grid(CRS.from_epsg(epsg), transform, values.shape[1], values.shape[0])


def strips(values: npt.NDArray[np.uint8], rows: int) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    for top in range(0, values.shape[0], rows):
        yield top, values[top : top + rows]


def by_rows(values: npt.NDArray[np.uint8], rows: int, of: Grid | None = None) -> list[WaterBody]:
    return [body for block in scene_bodies(strips(values, rows), 0.5, of or grid(values)) for body in block]


def normal(outlines: Sequence[Polygon]) -> list[bytes]:
    """Return outlines in an order and with beginnings that say nothing of how they came about."""
    return sorted(shapely.to_wkb(shapely.normalize(np.array(outlines, dtype=object))).tolist())


def pictured(*rows: str) -> npt.NDArray[np.uint8]:
    return np.array([[254 * (sign == "#") for sign in row] for row in rows], dtype=np.uint8)


def test_outlines_of_blocks_of_any_height_are_those_of_the_whole_to_the_corner() -> None:
    chance = np.random.default_rng(4)
    for _ in range(60):
        height, width = chance.integers(1, 40, 2)
        water = chance.random((height, width)) < chance.choice([0.3, 0.5, 0.6, 0.7, 0.85])
        joined, top, found = OutlinesByRows(width), 0, list[Polygon]()
        while top < height:
            bottom = min(height, top + int(chance.integers(1, 9)))
            found += list(joined.add(top, np.ascontiguousarray(water[top:bottom]), last=bottom == height))
            top = bottom
        whole = outlines_of(water)
        assert normal(found) == normal(whole)
        assert shapely.is_valid(np.array(found, dtype=object)).all()
        assert sum(polygon.area for polygon in found) == water.sum()


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 64])
def test_water_of_blocks_has_the_union_count_and_km2_of_the_whole(rows: int) -> None:
    values = np.random.default_rng(rows).integers(0, 255, (60, 50)).astype(np.uint8)
    values[:8, :8] = 255
    bodies, whole = by_rows(values, rows), water_bodies(values, 0.5, grid(values))
    assert len(bodies) == len(whole)
    assert normal([body.geometry for body in bodies]) == normal([body.geometry for body in whole])
    assert sorted(body.km2 for body in bodies) == pytest.approx(sorted(body.km2 for body in whole), rel=1e-12)
    union, expected = (shapely.union_all([body.geometry for body in some]) for some in (bodies, whole))
    assert shapely.equals(union, expected)


PICTURES = {
    "a lake across seams": (pictured(" ### ", " ### ", " ### ", " ### ", " ### ", " ### "), 1, 0),
    "a hole at a seam": (pictured("#####", "# ###", "# ###", "#####", "### #", "#####"), 1, 2),
    "a diagonal touch at a seam": (pictured("##   ", "##   ", "  ###", "  ###"), 2, 0),
    "one lake that touches itself at a seam": (pictured("#####", "##  #", "#  ##", "#####"), 1, 1),
    "dry land that touches at a seam, and the outside": (pictured("#### ", "## ##", "# ###", "#####"), 1, 1),
    "two arms that meet below": (pictured("# #", "# #", "# #", "###"), 1, 0),
    "an arm that meets nothing, above dry land": (pictured("# #", "# #", "   ", "###"), 3, 0),
    "a ring, and a lake in its hole": (pictured("#####", "#   #", "# # #", "# # #", "#   #", "#####"), 2, 1),
}


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_what_meets_at_a_seam_is_one_polygon_and_what_touches_at_a_corner_is_two(picture: str, rows: int) -> None:
    values, count, holes = PICTURES[picture]
    bodies = by_rows(values, rows)
    assert len(bodies) == count and sum(len(body.geometry.interiors) for body in bodies) >= holes
    assert normal([b.geometry for b in bodies]) == normal([b.geometry for b in water_bodies(values, 0.5, grid(values))])


def test_a_scene_across_the_antimeridian_is_cut_there_in_every_block() -> None:
    values = np.full((40, 60), 254, np.uint8)
    fiji = grid(values, Affine(1000, 0, 790_000, 0, -1000, 8_110_000), 32760)
    west, east = sorted((body.geometry.bounds for body in by_rows(values, 7, fiji)), key=lambda box: box[0])
    assert west[0] == pytest.approx(-180.0) and east[2] == pytest.approx(180.0)


def test_a_long_straight_edge_keeps_to_its_pixels() -> None:
    values = np.full((300, 20_000), 254, np.uint8)  # 200 km: the line between the two ends is 800 m off
    values[1:3, 9_999:10_001] = 0
    of = grid(values, Affine(10, 0, 400_000, 0, -10, 5_230_000))
    (body,) = by_rows(values, 100, of)
    assert body.geometry.is_valid and len(body.geometry.interiors) == 1
    area = of.pixel_area_km2()
    assert body.km2 == pytest.approx(float(area[values > 0].sum()), rel=1e-4)
    corners, ends = shapely.get_coordinates(body.geometry.exterior), np.array([0.0, 20_000.0])
    assert corners.shape[0] > 80
    columns, rows = of.pixels_at(corners[:, 0], corners[:, 1])
    assert np.abs(rows - np.clip(rows.round(-2), 0, 300))[(columns > 1) & (columns < ends[1] - 1)].max() < 0.01


def test_blocks_are_small_however_wide_a_strip_is(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).integers(0, 255, (40, 50)).astype(np.uint8)
    monkeypatch.setattr(polygons, "_BLOCK_PIXELS", 200)
    blocks = list(scene_bodies(strips(values, 40), 0.5, grid(values)))
    assert len(blocks) == 10
    whole = water_bodies(values, 0.5, grid(values))
    assert normal([b.geometry for some in blocks for b in some]) == normal([b.geometry for b in whole])
