"""Water as polygons: outlines of a mask's pixels on the chip's own grid, in WGS84, each with its geodesic km2."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod
from rasterio.windows import Window
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from model.export.outlines import Outlines, OutlinesByRows, outlines_of
from tiles.antimeridian import HALF_TURN, cut_at_antimeridian
from tiles.grid import Grid
from tiles.probability import NODATA, level

_GEOD = Geod(ellps="WGS84")
_EARTH_M, _BENT_PIXELS = 6.371e6, 0.05
"""A straight edge of a map of length L lies up to L² / 8R off the line between its ends at 45 degrees of latitude (R: the Earth's
radius). Edges have points so that this is no more than a share of a pixel: at 10 m one at least every 504 pixels."""
_CHECKED_CORNERS = 50_000
"""Outlines with more are not asked whether they are valid, which takes a minute at a million corners with holes that touch: on
the pixels they are by the way they are made, and no corner of theirs moves by as much as the distance to the next."""
_BLOCK_PIXELS = 4 << 20
"""Most pixels of a block of rows of a scene: with speckle, the outlines of such a block take about a hundred MB."""


@dataclass(frozen=True)
class WaterBody:
    """Water pixels that share edges.

    Attributes:
        geometry: its outline in WGS84 longitude and latitude, dry land inside it as holes; always valid.
        km2: area of the outline on the WGS84 ellipsoid (geodesic, not of a projection).
    """

    geometry: Polygon
    km2: float


def water_bodies(probability: npt.NDArray[np.uint8], threshold: float, grid: Grid) -> list[WaterBody]:
    """Return the water of a prediction at a threshold, from the north-west on.

    Pixels that touch at a corner alone are two bodies, so that every outline is a valid polygon. One that crosses the
    antimeridian is cut there into two, as RFC 7946 has it. Outlines follow the pixels' edges: nothing is smoothed, so the
    areas sum up to the mask's.

    Args:
        probability: uint8 (H, W), 0..254 is p = v / 254, 255 is nodata.
        threshold: smallest probability that is water, in [0, 1].
        grid: the chip's grid, of the same shape.

    Raises:
        UsageError: the threshold is not in [0, 1].
    """
    return _placed(outlines_of(_water(probability, threshold)), grid)


def scene_bodies(
    strips: Iterable[tuple[int, npt.NDArray[np.uint8]]], threshold: float, grid: Grid
) -> Iterator[list[WaterBody]]:
    """Yield the water of a scene at a threshold, a list a block of rows: the bodies that end there.

    They are those that `water_bodies` finds in the whole raster, each one polygon however many blocks it goes through. Memory
    grows with a block's polygons and with the corners of the bodies that go on below it, not with the scene.

    Args:
        strips: the raster (contract 2) in parts as wide as itself, each with its first row, from the top to the bottom.
        threshold: smallest probability that is water, in [0, 1].
        grid: the scene's.

    Raises:
        UsageError: the threshold is not in [0, 1].
    """
    joined = OutlinesByRows(grid.width)
    for top, values in strips:
        rows = max(1, _BLOCK_PIXELS // grid.width)
        for begin in range(0, values.shape[0], rows):
            block = _water(values[begin : begin + rows], threshold)
            last = top + begin + block.shape[0] == grid.height
            yield _placed(joined.add(top + begin, block, last=last), grid)


def _water(probability: npt.NDArray[np.uint8], threshold: float) -> npt.NDArray[np.bool_]:
    water: npt.NDArray[np.bool_] = (probability >= level(threshold)) & (probability != NODATA)
    return water


def _placed(outlines: Outlines, grid: Grid) -> list[WaterBody]:
    """Return bodies whose outlines are in columns and rows of pixel corners, which the grid turns in one call."""
    if not outlines.size:
        return []
    placed = shapely.transform(_with_points(outlines, grid), lambda corners: _lonlat(grid, corners))
    whole = shapely.bounds(placed)[:, 2] <= HALF_TURN
    checked = shapely.get_num_coordinates(placed) <= _CHECKED_CORNERS
    whole[checked] &= shapely.is_valid(placed[checked])
    bodies = [
        part
        for outline, good in zip(placed, whole, strict=True)
        for part in ((outline,) if good else _polygons(outline))
    ]
    return [WaterBody(body, km2) for body, km2 in zip(bodies, _km2(bodies), strict=True)]


def _with_points(outlines: Outlines, grid: Grid) -> Outlines:
    """Return outlines with points along what is straight for long: on the ellipsoid it is not."""
    row, col = grid.height // 2, grid.width // 2
    pixel_m = 1000.0 * math.sqrt(float(grid.part(Window(col, row, 1, 1)).pixel_area_km2()[0, 0]))
    longest = max(1.0, math.sqrt(8.0 * _BENT_PIXELS * _EARTH_M / pixel_m))
    corners, of = shapely.get_coordinates(outlines, return_index=True)
    # Between two rings of one polygon, too, which then is looked at and stays as it is.
    long = (of[1:] == of[:-1]) & (np.abs(np.diff(corners, axis=0)).max(axis=1) > longest)
    pointed: Outlines = outlines.copy()
    for number in np.unique(of[1:][long]):
        pointed[number] = _pointed(outlines[number], longest)
    return pointed


def _pointed(outline: Polygon, longest: float) -> Polygon:
    """Return an outline none of whose edges, along rows and columns, is longer; none is bent. GEOS would buffer it as well."""
    corners, of = shapely.get_coordinates(shapely.get_rings(outline), return_index=True)
    ways = np.where((of[1:] == of[:-1])[:, None], np.diff(corners, axis=0), 0.0)
    counts = np.maximum(1, np.ceil(np.abs(ways).max(axis=1) / longest)).astype(np.int64)
    steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    points = (
        np.repeat(corners[:-1], counts, axis=0) + np.repeat(ways / counts[:, None], counts, axis=0) * steps[:, None]
    )
    rings: Any = shapely.linearrings(
        np.concatenate([points, corners[-1:]]), indices=np.append(np.repeat(of[:-1], counts), of[-1])
    )
    return Polygon(rings[0], rings[1:])


def _lonlat(grid: Grid, corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lon, lat = grid.lonlat(corners[:, 0], corners[:, 1])
    if np.ptp(lon) > HALF_TURN:  # no chip spans half the globe: it crosses the antimeridian
        lon = np.where(lon < 0.0, lon + 360.0, lon)
    return np.column_stack([lon, lat])


def _polygons(outline: BaseGeometry) -> list[Polygon]:
    """Return an outline as valid polygons; nearly always it is one already."""
    return cut_at_antimeridian(outline if outline.is_valid else shapely.make_valid(outline))


def _km2(polygons: Sequence[Polygon]) -> npt.NDArray[np.float64]:
    """Return the geodesic area of each polygon, its holes left out (Karney's, through pyproj.Geod)."""
    rings, of = shapely.get_rings(np.array(polygons, dtype=object), return_index=True)
    lon, lat = shapely.get_coordinates(rings).T.copy()
    ends = np.append(0, np.cumsum(shapely.get_num_coordinates(rings))).tolist()
    areas = np.array([abs(_GEOD.polygon_area_perimeter(lon[a:b], lat[a:b])[0]) / 1e6 for a, b in pairwise(ends)])
    areas[1:][of[1:] == of[:-1]] *= -1.0  # the first ring of each is the outer one
    return np.bincount(of, weights=areas).astype(np.float64)
