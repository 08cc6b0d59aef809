"""Grids: pixel areas against a pixel by pixel computation, outlines, offsets."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from pyproj import Geod, Transformer
from rasterio.crs import CRS

from tiles.grid import Grid
from tiles.places import country_at

GRIDS = {
    "UTM 10 m": ("EPSG:32632", Affine(10, 0, 600_000, 0, -10, 5_200_000), 512),
    "UTM at the zone's edge": ("EPSG:32645", Affine(10, 0, 780_000, 0, -10, 2_700_000), 512),
    "UTM south, high latitude": ("EPSG:32719", Affine(20, 0, 350_000, 0, -20, 4_000_000), 300),
    "degrees": ("EPSG:4326", Affine(8.983e-5, 0, 78.2, 0, -8.983e-5, 26.4), 512),
    "degrees at 65 north": ("EPSG:4326", Affine(2e-4, 0, 20.0, 0, -1e-4, 65.0), 512),
    "degrees, coarse": ("EPSG:4326", Affine(2e-3, 0, 20.0, 0, -2e-3, -50.0), 64),
    "turned": ("EPSG:32632", Affine(10, 0, 600_000, 0, -10, 5_200_000) @ Affine.rotation(33), 300),
    "across the antimeridian": ("EPSG:32660", Affine(10, 0, 828_000, 0, -10, 1_000_000), 512),
    "web mercator": ("EPSG:3857", Affine(15, 0, 1_000_000, 0, -15, 6_000_000), 256),
}


@pytest.mark.parametrize(("crs", "transform", "size"), GRIDS.values(), ids=GRIDS)
def test_a_pixels_area_is_that_of_its_geodesic_polygon(crs: str, transform: Affine, size: int) -> None:
    grid = Grid(CRS.from_string(crs), transform, size, size - 7)
    areas = grid.pixel_area_km2()
    assert areas.shape == (size - 7, size)
    to_wgs84 = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    geod = Geod(ellps="WGS84")
    rng = np.random.default_rng(0)
    places = [(0, 0), (size - 8, size - 1), *zip(rng.integers(0, size - 7, 60), rng.integers(0, size, 60), strict=True)]
    for row, col in places:
        corners = [transform @ (float(col + c), float(row + r)) for c, r in ((0, 0), (1, 0), (1, 1), (0, 1))]
        lon, lat = to_wgs84.transform(*zip(*corners, strict=True))
        area, _ = geod.polygon_area_perimeter(lon, lat)
        assert areas[row, col] == pytest.approx(abs(area) / 1e6, rel=1e-5)


def test_the_areas_of_all_pixels_add_up_to_the_area_of_the_outline() -> None:
    grid = Grid(CRS.from_epsg(32632), Affine(10, 0, 600_000, 0, -10, 5_200_000), 512, 512)
    outline = grid.footprint(per_side=64)
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(outline)
    assert grid.pixel_area_km2().sum() == pytest.approx(abs(area) / 1e6, rel=1e-8)


def test_an_outline_across_the_antimeridian_stays_in_one_piece() -> None:
    footprint = Grid(CRS.from_epsg(32660), Affine(10, 0, 829_000, 0, -10, 1_000_000), 300, 300).footprint()
    west, _, east, _ = footprint.bounds
    assert west < 180 < east
    assert east - west < 0.1


def test_the_country_of_a_place_beyond_180_degrees_is_that_of_the_same_place() -> None:
    from shapely.affinity import translate
    from shapely.geometry import box

    vanua_levu = box(178.9, -16.7, 179.0, -16.6)
    assert country_at(vanua_levu) == "Fiji"
    chukotka = box(-172.1, 66.1, -172.0, 66.2)
    assert country_at(translate(chukotka, 360.0)) == country_at(chukotka) == "Russia"


def test_grids_are_apart_by_their_farthest_corner_in_pixels() -> None:
    here = Grid(CRS.from_epsg(32632), Affine(10, 0, 600_000, 0, -10, 5_200_000), 100, 50)
    moved = Grid(here.crs, Affine(10, 0, 600_025, 0, -10, 5_200_000), 100, 50)
    wider = Grid(here.crs, Affine(10.1, 0, 600_000, 0, -10, 5_200_000), 100, 50)
    assert here.offset_from(here) == 0.0
    assert here.offset_from(moved) == pytest.approx(2.5)
    assert here.offset_from(wider) == pytest.approx(1.0)
    assert here.offset_from(Grid(here.crs, here.transform, 99, 50)) == np.inf
    assert here.offset_from(Grid(CRS.from_epsg(32633), here.transform, 100, 50)) > 10_000, "the next zone"
