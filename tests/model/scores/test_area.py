"""Scores inside an area: exact counts over the rasters, whatever the grid."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from affine import Affine
from pyproj import Geod
from rasterio.crs import CRS
from shapely.geometry import box, mapping

from model.scores.area import MAX_VERTICES, inside, polygon_of, score_area
from model.scores.histogram import LEVELS
from tiles.chip import Chip
from tiles.errors import UsageError
from tiles.grid import Grid

GRIDS = {
    "degrees": Grid(CRS.from_epsg(4326), Affine(8.98e-5, 0, 33.1, 0, -8.98e-5, -4.2), 200, 160),
    "UTM": Grid(CRS.from_epsg(32721), Affine(10, 0, 500_000, 0, -10, 7_245_000), 180, 210),
    "UTM far from its middle": Grid(CRS.from_epsg(32601), Affine(10, 0, 240_000, 0, -10, 6_900_000), 150, 150),
    "across 180 degrees": Grid(CRS.from_epsg(4326), Affine(1e-4, 0, 179.995, 0, -1e-4, -17.0), 120, 100),
    "turned": Grid(CRS.from_epsg(32633), Affine(9, 4, 400_000, 4, -9, 5_000_000), 140, 130),
}


def chip_of(grid: Grid, seed: int = 0) -> tuple[Chip, np.ndarray]:
    """Return a chip of noise on a grid, with nodata and unknown pixels, and probabilities."""
    random = np.random.default_rng(seed)
    valid = random.random(grid.shape) > 0.1
    vv, vh = (np.where(valid, random.normal(mean, 3, grid.shape), np.nan).astype(np.float32) for mean in (-11, -18))
    label = random.choice(np.array([0, 1, 255], dtype=np.uint8), grid.shape)
    probability = np.where(valid, random.integers(0, 255, grid.shape), 255).astype(np.uint8)
    return Chip("noise", vv, vh, valid, label, grid), probability


def random_ring(grid: Grid, random: np.random.Generator) -> list[list[float]]:
    """Return a star-shaped outline around a place of a grid, in longitude and latitude; parts may lie off the grid."""
    corners = int(random.integers(3, 12))
    angles = (
        np.sort(random.uniform(0, 2 * np.pi, corners)) if corners > 4 else np.linspace(0, 2 * np.pi, corners + 1)[:-1]
    )
    radius = random.uniform(0.15, 0.6) * min(grid.shape) * random.uniform(0.5, 1, corners)
    col, row = random.uniform(0.2, 0.8) * grid.width, random.uniform(0.2, 0.8) * grid.height
    lon, lat = grid.lonlat(col + radius * np.cos(angles), row + radius * np.sin(angles))
    lon = np.where(lon < lon[0] - 180, lon + 360, np.where(lon > lon[0] + 180, lon - 360, lon))
    return [*np.column_stack([lon, lat]).tolist(), [float(lon[0]), float(lat[0])]]


def crossings(ring: list[list[float]], lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Return which points lie in a ring, by the number of its edges east of each (Shimrat 1962): plain numpy."""
    out = np.zeros(lon.shape, dtype=bool)
    for (x1, y1), (x2, y2) in pairwise(ring):
        if y1 == y2:
            continue
        spans = (y1 > lat) != (y2 > lat)
        out ^= spans & (lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1)
    return out


def centres(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude of all pixel centres, one by one as pyproj or the transform has them."""
    cols, rows = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    return grid.lonlat(cols, rows)


@pytest.mark.parametrize("name", GRIDS)
def test_the_pixels_inside_are_those_whose_centre_is_and_their_counts_are_numpys(name: str) -> None:
    grid = GRIDS[name]
    chip, probability = chip_of(grid)
    assert chip.label is not None
    random = np.random.default_rng(1)
    lon, lat = centres(grid)
    for _ in range(10):
        ring = random_ring(grid, random)
        turned = np.where(lon < ring[0][0] - 180, lon + 360, np.where(lon > ring[0][0] + 180, lon - 360, lon))
        mask = crossings(ring, turned, lat)
        assert np.array_equal(inside(grid, polygon_of({"type": "Polygon", "coordinates": [ring]})), mask)
        if not mask.any():
            continue
        score = score_area(chip, probability, polygon_of({"type": "Polygon", "coordinates": [ring]}))
        assert score.pixels == mask.sum()
        assert score.valid_pixels == (mask & chip.valid).sum()
        assert score.histogram is not None
        for v in (0, 1, 77, 127, 254):
            wet = (probability >= v) & (probability != 255) & mask
            dry = (probability < v) & mask
            at = score.histogram.confusion(v / 254)
            assert (at.tp, at.fp, at.fn, at.tn) == (
                (wet & (chip.label == 1)).sum(),
                (wet & (chip.label == 0)).sum(),
                (dry & (chip.label == 1)).sum(),
                (dry & (chip.label == 0)).sum(),
            )
            km2 = grid.pixel_area_km2()
            assert score.area[v:].sum() == pytest.approx(km2[wet].sum(), rel=1e-12)
        assert score.label_water_km2 == pytest.approx(km2[mask & chip.valid & (chip.label == 1)].sum(), rel=1e-12)


@pytest.mark.parametrize("name", GRIDS)
def test_the_area_of_the_pixels_is_that_of_the_outline(name: str) -> None:
    """Within half a percent, for rectangles on a chip of 512 x 512 pixels that are 200 pixels wide and high."""
    grid = replace(GRIDS[name], width=512, height=512)
    chip, probability = chip_of(grid)
    random = np.random.default_rng(2)
    footprint = grid.footprint(16)
    west, south, east, north = footprint.bounds
    wide, high = 220 * (east - west) / 512, 220 * (north - south) / 512
    found = 0
    while found < 4:
        w, s = random.uniform(west, east), random.uniform(south, north)
        e, n = w + random.uniform(1, 2) * wide, s + random.uniform(1, 2) * high
        drawn = box(w, s, e, n)
        if not footprint.contains(drawn):
            continue
        found += 1
        score = score_area(chip, probability, polygon_of(mapping(drawn)))
        side = np.linspace(0, 1, 50)[:-1]
        lon = np.concatenate([w + side * (e - w), side * 0 + e, e - side * (e - w), side * 0 + w])
        lat = np.concatenate([side * 0 + s, s + side * (n - s), side * 0 + n, n - side * (n - s)])
        geodesic = abs(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0]) / 1e6
        assert score.polygon_km2 == pytest.approx(geodesic, rel=1e-5)
        assert score.km2 == pytest.approx(geodesic, rel=0.005)


def test_of_an_area_partly_off_the_chip_the_outline_on_the_chip_counts() -> None:
    grid = GRIDS["degrees"]
    chip, probability = chip_of(grid)
    whole = grid.footprint(16)
    score = score_area(chip, probability, polygon_of(mapping(whole.buffer(1.0))))
    assert score.pixels == grid.width * grid.height
    assert score.km2 == pytest.approx(grid.pixel_area_km2().sum(), rel=1e-12)
    assert score.polygon_km2 == pytest.approx(score.km2, rel=1e-4)


def test_holes_and_several_parts_are_followed() -> None:
    grid = GRIDS["UTM"]
    west, south, east, north = grid.footprint().bounds
    x, y = (east - west) / 10, (north - south) / 10
    outer = box(west + x, south + y, west + 8 * x, north - y)
    hole = box(west + 3 * x, south + 3 * y, west + 5 * x, south + 5 * y)
    other = box(west + 8.5 * x, south + y, west + 9 * x, south + 3 * y)
    masks = [inside(grid, shape) for shape in (outer, hole, other)]
    both = polygon_of(mapping(outer.difference(hole).union(other)))
    assert np.array_equal(inside(grid, both), (masks[0] & ~masks[1]) | masks[2])


def test_a_chip_without_a_label_has_areas_and_no_scores() -> None:
    grid = GRIDS["UTM"]
    labelled, probability = chip_of(grid)
    chip = Chip("plain", labelled.vv, labelled.vh, labelled.valid, None, grid)
    score = score_area(chip, probability, grid.footprint())
    assert score.histogram is None
    assert score.label_water_km2 is None
    assert score.area.shape == (LEVELS,)
    assert score.area.sum() > 0


RING = [[0, 0], [1, 0], [1, 1], [0, 0]]
BAD: dict[str, tuple[Any, str]] = {
    "a point": ({"type": "Point", "coordinates": [0, 0]}, "no GeoJSON Polygon"),
    "nothing": ({}, "no GeoJSON Polygon"),
    "no mapping": ([], "no GeoJSON Polygon"),
    "no coordinates": ({"type": "Polygon"}, "rings of"),
    "two corners": ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, "rings of"),
    "words": ({"type": "Polygon", "coordinates": [[["a", "b"], [1, 1], [2, 2], ["a", "b"]]]}, "rings of"),
    "empty": ({"type": "Polygon", "coordinates": []}, "empty"),
    "not finite": ({"type": "Polygon", "coordinates": [[[0, 0], [float("nan"), 0], [1, 1], [0, 0]]]}, "no place"),
    "latitude 95": ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 95], [0, 0]]]}, "no place"),
    "a bow tie": ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}, "crosses"),
    "a line": ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]}, "crosses"),
    "a tenth of a millionth": (mapping(box(33, -4, 33.0000001, -3.9999999)), "too small"),
    "a point of three corners": ({"type": "Polygon", "coordinates": [[[33, -4]] * 4]}, "too small"),
    "more than the Earth": (mapping(box(-500, -10, 500, 10)), "wider than the Earth"),
    "a hundred places at random": (
        {
            "type": "Polygon",
            "coordinates": [[*(places := np.random.default_rng(1).random((100, 2)).tolist()), places[0]]],
        },
        "crosses",
    ),
    "too many": (
        {
            "type": "Polygon",
            "coordinates": [[[i / 1e5, (i % 2) / 9] for i in range(MAX_VERTICES + 1)] + [[0, 9], [0, 0]]],
        },
        "more than",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_area_is_told_in_one_sentence(name: str) -> None:
    geometry, message = BAD[name]
    with pytest.raises(UsageError, match=message):
        polygon_of(geometry)


def test_an_area_off_the_chip_is_told() -> None:
    chip, probability = chip_of(GRIDS["degrees"])
    with pytest.raises(UsageError, match="No pixel of noise lies in the area"):
        score_area(chip, probability, polygon_of({"type": "Polygon", "coordinates": [RING]}))
    with pytest.raises(UsageError, match="larger than a pixel"):
        score_area(chip, probability, polygon_of(mapping(box(33.11001, -4.20999, 33.11002, -4.20998))))
    with pytest.raises(ValueError, match="does not fit"):
        score_area(chip, probability[:-1], polygon_of({"type": "Polygon", "coordinates": [RING]}))
