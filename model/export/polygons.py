"""Water as polygons: outlines of a mask's pixels on the chip's own grid, in WGS84, each with its geodesic km2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from pyproj import Geod
from rasterio.features import shapes
from shapely.geometry import Polygon, shape
from shapely.geometry.base import BaseGeometry

from tiles.antimeridian import HALF_TURN, cut_at_antimeridian
from tiles.grid import Grid
from tiles.probability import NODATA, level

_GEOD = Geod(ellps="WGS84")


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
    water = (probability >= level(threshold)) & (probability != NODATA)
    if not water.any():
        return []
    # In columns and rows of pixel corners, which the grid turns into longitude and latitude in one call.
    found = shapes(water.view(np.uint8), mask=water, connectivity=4, transform=Affine.identity())
    outlines = np.array([shape(outline) for outline, _ in found], dtype=object)
    placed = shapely.transform(outlines, lambda corners: _lonlat(grid, corners))
    bodies = [part for outline in placed for part in _polygons(outline)]
    return [WaterBody(body, _km2(body)) for body in bodies]


def _lonlat(grid: Grid, corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lon, lat = grid.lonlat(corners[:, 0], corners[:, 1])
    if np.ptp(lon) > HALF_TURN:  # no chip spans half the globe: it crosses the antimeridian
        lon = np.where(lon < 0.0, lon + 360.0, lon)
    return np.column_stack([lon, lat])


def _polygons(outline: BaseGeometry) -> list[Polygon]:
    """Return an outline as valid polygons; nearly always it is one already."""
    return cut_at_antimeridian(outline if outline.is_valid else shapely.make_valid(outline))


def _km2(polygon: Polygon) -> float:
    """Return the geodesic area of a polygon, its holes left out (Karney's, through pyproj.Geod)."""

    def ring(coordinates: npt.NDArray[np.float64]) -> float:
        area, _ = _GEOD.polygon_area_perimeter(coordinates[:, 0], coordinates[:, 1])
        return abs(float(area)) / 1e6

    holes = sum(ring(shapely.get_coordinates(hole)) for hole in polygon.interiors)
    return ring(shapely.get_coordinates(polygon.exterior)) - holes
