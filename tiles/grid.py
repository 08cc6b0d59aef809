"""A raster's grid: where its pixels lie on Earth and how large they are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Self

import numpy as np
import numpy.typing as npt
from affine import Affine
from numpy.polynomial.legendre import legvander
from pyproj import Geod, Transformer
from pyproj.exceptions import ProjError
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.windows import Window
from shapely.geometry import Polygon

from tiles.antimeridian import HALF_TURN, TURN, turns_to_first

_WGS84 = CRS.from_epsg(4326)
_GEOD = Geod(ellps="WGS84")
# Areas are computed exactly on a lattice of at most this many cells a side, and spread over their pixels by polynomials
# of this degree, to which the area of a map's pixel is very close over a chip.
_LATTICE = 8
_DEGREE = 5
# The stand-in that a grid without a place is drawn on: pixels as large as Sentinel-1's, around where x and y are 0.
_DRAWN_CRS, _DRAWN_PIXEL_M = CRS.from_epsg(3857), 10.0
# EPSG:32632 is a name; the text of a whole coordinate system is not.
_LONG_NAME = 30


@lru_cache(maxsize=64)
def _between(wkt: str, other: str) -> Transformer:
    """Return what turns coordinates into another system's: made once a pair, since that takes a millisecond."""
    return Transformer.from_crs(wkt, other, always_xy=True)


def _to_wgs84(wkt: str) -> Transformer:
    return _between(wkt, _WGS84.to_wkt())


def turn_of(crs: CRS) -> float | None:
    """Return how much longitude a turn of the globe is in a geographic system's own unit, 360 for degrees; else None."""
    if crs == _WGS84:
        return 360.0
    if not crs.is_geographic:
        return None
    try:
        unit = float(crs.units_factor[1])  # radians
    except (CRSError, ValueError):
        return None
    turn = 2 * math.pi / unit if unit > 0 else math.nan
    return round(turn, 6) if math.isfinite(turn) else None


@dataclass(frozen=True)
class Grid:
    """The grid of a raster: coordinate system, affine transform of pixel corners, and size.

    A grid without a coordinate system is unplaced: its pixels have rows and columns, and no place on Earth. It has a
    size, and can be drawn as a picture; whatever needs a place must ask `placed` first.

    Attributes:
        crs: coordinate reference system; empty for an unplaced grid.
        transform: maps (column, row) of pixel corners to coordinates of `crs`; the identity for an unplaced grid.
        width: columns.
        height: rows.
    """

    crs: CRS
    transform: Affine
    width: int
    height: int

    @classmethod
    def unplaced(cls, width: int, height: int) -> Self:
        """Return the grid of a raster that has no place on Earth."""
        return cls(CRS(), Affine.identity(), width, height)

    @property
    def placed(self) -> bool:
        """Whether it has a place on Earth; footprint, areas in km2 and longitudes exist only then."""
        return bool(self.crs)

    @property
    def drawn(self) -> Grid:
        """The grid that pictures, tiles and clicks go by: itself, or for an unplaced grid a stand-in.

        The stand-in has square pixels around the origin of web mercator. It is a drawing board: its coordinates are told
        to nobody as a place.
        """
        if self.placed:
            return self
        pixel = _DRAWN_PIXEL_M
        corner = Affine(pixel, 0.0, -pixel * self.width / 2, 0.0, -pixel, pixel * self.height / 2)
        return Grid(_DRAWN_CRS, corner, self.width, self.height)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as numpy has it."""
        return self.height, self.width

    @cached_property
    def turn(self) -> float | None:
        """How much longitude a turn of the globe is, 360 for degrees; None where the grid is not geographic."""
        return turn_of(self.crs)

    @property
    def crs_name(self) -> str:
        """The coordinate system's name for messages: its code, else what it calls itself."""
        text = str(self.crs.to_string())
        return text if len(text) < _LONG_NAME or '"' not in text else text.split('"')[1]

    def lonlat(
        self, cols: npt.NDArray[np.float64], rows: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return longitude and latitude (degrees, WGS84) of pixel-corner coordinates (columns, rows).

        Raises:
            ValueError: the grid is unplaced.
        """
        if not self.placed:
            raise ValueError("an unplaced grid has no longitude and latitude")
        t = self.transform
        x = t.a * cols + t.b * rows + t.c
        y = t.d * cols + t.e * rows + t.f
        if self.crs == _WGS84:
            return x, y
        lon, lat = _to_wgs84(self.crs.to_wkt()).transform(x, y)
        return np.asarray(lon), np.asarray(lat)

    def pixel_at(self, lon: float, lat: float) -> tuple[int, int] | None:
        """Return row and column of the pixel at a place in WGS84 degrees, or None where it lies outside the grid."""
        x, y = lon, lat
        if self.crs != _WGS84:
            x, y = _to_wgs84(self.crs.to_wkt()).transform(lon, lat, direction="INVERSE")
        x = self._on_its_turn(x)
        if not (math.isfinite(x) and math.isfinite(y)):
            return None
        column, row = (math.floor(v) for v in ~self.transform @ (x, y))
        return (row, column) if 0 <= row < self.height and 0 <= column < self.width else None

    def pixels_at(
        self, lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return columns and rows, in pixel-corner coordinates, of places in WGS84 degrees, near the grid or on it.

        Longitudes must be on the turn of the globe that the footprint's are on.
        """
        x, y = lon, lat
        if self.crs != _WGS84:
            x, y = (np.asarray(v) for v in _to_wgs84(self.crs.to_wkt()).transform(lon, lat, direction="INVERSE"))
        turn = self.turn
        if turn is not None:
            middle, _ = self.transform @ (self.width / 2, self.height / 2)
            x = x + turn * np.round((middle - x) / turn)
        t = ~self.transform
        return t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f

    def coarser(self, width: int, height: int) -> Grid:
        """Return the grid of an overview of so many columns and rows; of an unplaced grid another unplaced one."""
        if not self.placed:
            return Grid.unplaced(width, height)
        return Grid(self.crs, self.transform @ Affine.scale(self.width / width, self.height / height), width, height)

    def footprint(self, per_side: int = 4) -> Polygon:
        """Return the outline in WGS84 longitude and latitude, with `per_side` segments a side (curved edges).

        It begins within -180 to 180; across the antimeridian it stays in one piece, and its longitudes go on beyond 180.
        """
        s = np.linspace(0.0, 1.0, per_side, endpoint=False)
        one, nil = np.ones_like(s), np.zeros_like(s)
        cols = np.concatenate([s, one, 1 - s, nil]) * self.width
        rows = np.concatenate([nil, s, one, 1 - s]) * self.height
        lon, lat = self.lonlat(cols, rows)
        if (
            np.isfinite(lon).all() and np.ptp(lon) > HALF_TURN
        ):  # no chip spans half the globe: they have jumped from 180 to -180
            lon = np.where(lon < 0.0, lon + TURN, lon)
        if np.isfinite(lon).all():
            lon = lon + TURN * turns_to_first(float(lon.min()))
        return Polygon(np.column_stack([lon, lat]))

    def offset_from(self, other: Grid) -> float:
        """Return the largest distance between the corners of this grid and another's, in this grid's pixels.

        It goes by where the corners lie, not by what their coordinate systems are called, and a turn of the globe is
        nothing. 0 where both are unplaced and of one size. Infinite where the sizes differ, or where the other's
        corners have no place in this grid's system.
        """
        if self.shape != other.shape:
            return math.inf
        inverse = ~self.transform
        worst = 0.0
        for corner in [(0, 0), (self.width, 0), (0, self.height), (self.width, self.height)]:
            x, y = other.transform @ corner
            if self.crs != other.crs:
                if not (self.placed and other.placed):
                    return math.inf
                try:
                    x, y = _between(other.crs.to_wkt(), self.crs.to_wkt()).transform(x, y)
                except ProjError:
                    return math.inf
            x = self._on_its_turn(x)
            if not (math.isfinite(x) and math.isfinite(y)):
                return math.inf
            col, row = inverse @ (x, y)
            worst = max(worst, abs(col - corner[0]), abs(row - corner[1]))
        return worst

    def part(self, window: Window) -> Grid:
        """Return the grid of a window of it; of an unplaced grid another unplaced one."""
        size = int(window.width), int(window.height)
        if not self.placed:
            return Grid.unplaced(*size)
        return Grid(self.crs, self.transform @ Affine.translation(window.col_off, window.row_off), *size)

    def shifted(self, x: float) -> Grid:
        """Return the grid moved along x, in units of its coordinate system."""
        t = self.transform
        return replace(self, transform=Affine(t.a, t.b, t.c + x, t.d, t.e, t.f))

    def beyond_antimeridian(self) -> Grid | None:
        """Return a geographic grid a turn of the globe farther west, where it goes on beyond 180 degrees; else None."""
        turn = self.turn
        if turn is None:
            return None
        t = self.transform
        east = t.c + max(t.a * self.width, 0.0) + max(t.b * self.height, 0.0)
        return self.shifted(-turn) if east > turn / 2 else None

    def _on_its_turn(self, x: float) -> float:
        """Return a longitude on the turn of the globe that the middle of a geographic grid is on; any other x as it is."""
        turn = self.turn
        if turn is None or not math.isfinite(x):
            return x
        middle, _ = self.transform @ (self.width / 2, self.height / 2)
        return float(x + turn * round((middle - x) / turn))

    def pixel_area_km2(self) -> npt.NDArray[np.float64]:
        """Return the geodesic area of each pixel on the WGS84 ellipsoid in km2, float64 of shape (H, W).

        The areas of the cells of a lattice laid over the grid are exact (Karney's geodesic polygon area, through
        pyproj.Geod). Between them the area per pixel is a polynomial of column and row, fitted so that its integrals
        over the cells are those areas; its own integral over a pixel is the pixel's area. Within 1e-5 of the pixel's
        own geodesic polygon, at 1/4000 of the cost.
        """
        row_edges, col_edges = _edges(self.height), _edges(self.width)
        cols, rows = np.meshgrid(col_edges, row_edges)
        lon, lat = self.lonlat(cols, rows)
        cells = np.empty((len(row_edges) - 1, len(col_edges) - 1))
        for i, j in np.ndindex(cells.shape):
            ring = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
            area, _ = _GEOD.polygon_area_perimeter([lon[p] for p in ring], [lat[p] for p in ring])
            cells[i, j] = abs(area) / 1e6
        over_rows, over_cols = _spread(row_edges, self.height), _spread(col_edges, self.width)
        # By einsum, not BLAS: so thin a product is no work, and BLAS threads would wait for busy cores.
        return np.asarray(np.einsum("ri,ic->rc", over_rows, np.einsum("ij,cj->ic", cells, over_cols)))


def _edges(size: int) -> npt.NDArray[np.float64]:
    """Return the edges of the lattice's cells along one side of so many pixels."""
    return np.unique(np.linspace(0, size, min(size, _LATTICE) + 1).round())


def _spread(edges: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """Return the matrix (pixels, cells) that spreads a quantity of cells over their pixels along one side.

    It fits the quantity's density by Legendre polynomials and integrates them over each pixel.
    """
    degree = min(_DEGREE, len(edges) - 2)

    def integrals(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        x = at * (2.0 / size) - 1.0
        p = legvander(x, degree + 1)
        k = np.arange(1, degree + 1)
        # The integral of P_k is (P_k+1 - P_k-1) / (2 k + 1), that of P_0 is P_1 (Abramowitz and Stegun, 8.9).
        sums = np.column_stack([p[:, 1], (p[:, 2:] - p[:, :-2]) / (2 * k + 1)])
        return np.asarray(np.diff(sums, axis=0))

    return np.asarray(integrals(np.arange(size + 1.0)) @ np.linalg.pinv(integrals(edges)))
