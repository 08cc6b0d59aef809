"""Scores inside an area drawn on the map: exact counts over the rasters, for one chip under one prediction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod
from rasterio.windows import Window
from shapely.errors import GEOSException
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.geometry.base import BaseGeometry

from model.scores.histogram import LEVELS, ScoreHistogram
from tiles.chip import UNKNOWN, BoolArray, ByteArray, Chip
from tiles.errors import UsageError
from tiles.grid import Grid
from tiles.probability import NODATA

MAX_VERTICES = 10_000
"""Corners that an area may have: more than a hand draws."""

_GEOD = Geod(ellps="WGS84")
_ROWS_AT_ONCE = 512
_ROWS_COUNTED = 128  # of a raster of 25,000 columns, whose areas are float64
# Between neighbours of this lattice a pixel's place is so close to linear that a cell's margin holds what is left.
_STEP = 16
_LONGITUDE_MAX, _LATITUDE_MAX = 720.0, 90.0
# Degrees. An address holds six digits of them, a decimetre: what is narrower is a line or a point when it is read back.
_NARROWEST, _WIDEST = 1e-6, 360.0


@dataclass(frozen=True, eq=False)
class AreaScore:
    """What a chip's pixels whose centre lies inside an area say. Of a chip without a place no area is known in km2.

    Attributes:
        pixels, valid_pixels: pixels inside, and those of them with data.
        km2: geodesic area of all pixels inside, None without a place.
        polygon_km2: geodesic area of the drawn outline, as far as it lies on the chip; None without a place.
        area: float64 (255,), km2 of the valid pixels at each probability value; without a place their number.
        histogram: the scores (contract 3), or None where the chip has no label.
        label_water_km2: area of the valid pixels whose label is water, or None where the chip has no label, or no
            place.
        placed: whether the chip has a place.
    """

    pixels: int
    valid_pixels: int
    km2: float | None
    polygon_km2: float | None
    area: npt.NDArray[np.float64]
    histogram: ScoreHistogram | None
    label_water_km2: float | None
    placed: bool = True


Counted = tuple[npt.NDArray[np.float64], int]
"""km2 of some valid pixels at each probability value, float64 (255,), and how many they are."""


def polygon_of(geometry: Mapping[str, Any]) -> BaseGeometry:
    """Return the area that a GeoJSON Polygon or MultiPolygon in WGS84 describes; holes are left out of it.

    Raises:
        UsageError: it is not one, has coordinates that are none, too many corners, or an outline that crosses itself; it is
            wider than the Earth, or too narrow for a pixel.
    """
    if not isinstance(geometry, Mapping) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise UsageError(
            "The area is no GeoJSON Polygon or MultiPolygon: draw it, or give its corners in WGS84 degrees."
        )
    try:
        with np.errstate(invalid="ignore"):
            area = shape(dict(geometry))
        corners = shapely.get_coordinates(area)
    except (GEOSException, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise UsageError(
            "The area's coordinates are not rings of [longitude, latitude] with three corners or more: draw it again."
        ) from error
    if not isinstance(area, Polygon | MultiPolygon) or area.is_empty:
        raise UsageError("The area is empty: draw a rectangle, or an outline of three corners or more.")
    if len(corners) > MAX_VERTICES:
        raise UsageError(f"The area has {len(corners)} corners, more than {MAX_VERTICES}: simplify its outline.")
    if (
        not np.isfinite(corners).all()
        or (abs(corners[:, 0]) > _LONGITUDE_MAX).any()
        or (abs(corners[:, 1]) > _LATITUDE_MAX).any()
    ):
        raise UsageError("The area has a corner that is no place on Earth: give longitude and latitude in degrees.")
    width, height = np.ptp(corners, axis=0)
    if width > _WIDEST:
        raise UsageError("The area is wider than the Earth: give longitudes that are 360 degrees apart at most.")
    if min(width, height) < _NARROWEST:
        raise UsageError("The area is too small to hold a pixel: draw a larger one.")
    if not area.is_valid or not area.area:
        raise UsageError("The area's outline crosses or covers itself: draw it again without a crossing.")
    return area


def inside(grid: Grid, area: BaseGeometry) -> BoolArray:
    """Return which pixels of a grid have their centre inside an area of WGS84, bool (H, W).

    Edges are straight in longitude and latitude, as GeoJSON has them (RFC 7946). Longitudes may differ by whole turns.
    """
    out = np.zeros(grid.shape, dtype=np.bool_)
    middle = (area.bounds[0] + area.bounds[2]) / 2
    rows, cols = _window(grid, area, middle)
    shapely.prepare(area)
    for start in range(rows.start, rows.stop, _ROWS_AT_ONCE):
        some = slice(start, min(start + _ROWS_AT_ONCE, rows.stop))
        x, y = np.meshgrid(np.arange(cols.start, cols.stop) + 0.5, np.arange(some.start, some.stop) + 0.5)
        lon, lat = _lonlat(grid, x, y, middle)
        out[some, cols] = shapely.contains_xy(area, lon, lat)
    return out


def _lonlat(
    grid: Grid, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], middle: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return longitude and latitude of pixel coordinates, longitudes on the turn of the globe that `middle` is on."""
    lon, lat = grid.lonlat(x, y)
    return lon + 360.0 * np.round((middle - lon) / 360.0), lat


def _window(grid: Grid, area: BaseGeometry, middle: float) -> tuple[slice, slice]:
    """Return rows and columns outside of which no pixel of a grid lies in an area."""
    row_edges, col_edges = (
        np.unique(np.append(np.arange(0, size, _STEP), size)).astype(np.float64) for size in grid.shape
    )
    lon, lat = _lonlat(grid, *np.meshgrid(col_edges, row_edges), middle)
    west, south, east, north = area.bounds

    def cells(values: npt.NDArray[np.float64], low: float, high: float) -> BoolArray:
        corners = np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, :-1], values[1:, 1:]])
        return np.asarray((corners.min(axis=0) <= high) & (corners.max(axis=0) >= low))

    touched = cells(lon, west, east) & cells(lat, south, north)
    if not touched.any():
        return slice(0, 0), slice(0, 0)
    found = []
    for axis, edges in ((1, row_edges), (0, col_edges)):
        where = np.flatnonzero(touched.any(axis=axis))
        low, high = max(where[0] - 1, 0), min(where[-1] + 2, len(edges) - 1)
        found.append(slice(int(edges[low]), int(edges[high])))
    return found[0], found[1]


def score_area(chip: Chip, probability: ByteArray, area: BaseGeometry) -> AreaScore:
    """Count a chip's pixels inside an area.

    Args:
        chip: with its label where it has one.
        probability: uint8 (H, W), contract 2.
        area: in WGS84, as `polygon_of` returns it; for an unplaced chip on its stand-in (`Grid.drawn`).

    Raises:
        UsageError: no pixel of the chip has its centre in the area.
        ValueError: the raster is of another shape than the chip.
    """
    if probability.shape != chip.grid.shape:
        raise ValueError(f"probability {probability.shape} does not fit chip {chip.grid.shape}")
    return score_parts(chip.id, [(chip, probability, chip.grid.drawn)], area, chip.grid)


def score_parts(name: str, parts: Iterable[tuple[Chip, ByteArray, Grid]], area: BaseGeometry, grid: Grid) -> AreaScore:
    """Count the pixels of an image inside an area, part by part.

    Args:
        name: of the image, for messages.
        parts: windows of it, that lie beside each other and cover the area: each with its raster (contract 2), and the part of
            the image's `Grid.drawn` that it lies on.
        area: as for `score_area`.
        grid: of the image.

    Raises:
        UsageError: no pixel has its centre in the area.
    """
    placed = grid.placed
    pixels = valid_pixels = 0
    km2 = water_km2 = 0.0
    counts: npt.NDArray[np.float64] = np.zeros(LEVELS)
    histogram: ScoreHistogram | None = None
    for chip, probability, drawn in parts:
        mask = inside(drawn, area)
        if not mask.any():
            continue
        size = chip.grid.pixel_area_km2() if placed else np.ones(chip.grid.shape)
        valid = mask & (probability != NODATA)
        pixels, valid_pixels = pixels + int(mask.sum()), valid_pixels + int(valid.sum())
        km2 += float(size[mask].sum())
        counts += np.bincount(probability[valid], weights=size[valid], minlength=LEVELS)
        if chip.label is not None:
            # Outside the area the truth counts as unknown, so that this is the very count of contract 3.
            found = ScoreHistogram.of(probability, np.where(mask, chip.label, np.uint8(UNKNOWN)))
            histogram = found if histogram is None else histogram + found
            water_km2 += float(size[valid & (chip.label == 1)].sum())
    if not pixels:
        raise UsageError(f"No pixel of {name} lies in the area: draw it over the chip, and larger than a pixel.")
    return AreaScore(
        pixels=pixels,
        valid_pixels=valid_pixels,
        km2=km2 if placed else None,
        polygon_km2=_geodesic_km2(area, grid) if placed else None,
        area=counts,
        histogram=histogram,
        label_water_km2=water_km2 if placed and histogram is not None else None,
        placed=placed,
    )


def count_inside(strips: Iterable[tuple[int, ByteArray]], grid: Grid, area: BaseGeometry) -> Counted:
    """Return what the pixels of a raster of any size add up to whose centre lies inside an area of WGS84.

    Args:
        strips: parts of the raster (contract 2) as wide as itself, each with its first row.
        grid: of the raster, which has a place.
        area: as for `inside`.
    """
    counts: npt.NDArray[np.float64] = np.zeros(LEVELS)
    valid_pixels = 0
    for top, strip in strips:
        for begin in range(0, len(strip), _ROWS_COUNTED):
            values = strip[begin : begin + _ROWS_COUNTED]
            part = grid.part(Window(0, top + begin, values.shape[1], values.shape[0]))
            valid = inside(part, area) & (values != NODATA)
            if valid.any():
                counts += np.bincount(values[valid], weights=part.pixel_area_km2()[valid], minlength=LEVELS)
                valid_pixels += int(np.count_nonzero(valid))
    return counts, valid_pixels


def _geodesic_km2(area: BaseGeometry, grid: Grid) -> float:
    footprint = grid.footprint(per_side=16)
    turns = round((area.centroid.x - footprint.centroid.x) / 360.0)
    moved = shapely.transform(footprint, lambda points: points + np.array([360.0 * turns, 0.0]))
    # A parallel is no geodesic: along the edges of a rectangle there are corners enough to follow it.
    part = shapely.segmentize(area.intersection(moved), 0.01)
    measured, _ = _GEOD.geometry_area_perimeter(shapely.orient_polygons(part) if not part.is_empty else part)
    return math.fabs(measured) / 1e6
