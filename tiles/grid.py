"""A raster's grid: where its pixels lie on Earth and how large they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
import numpy.typing as npt
from affine import Affine
from numpy.polynomial.legendre import legvander
from pyproj import Geod, Transformer
from rasterio.crs import CRS
from shapely.geometry import Polygon

_WGS84 = CRS.from_epsg(4326)
_GEOD = Geod(ellps="WGS84")
# Areas are computed exactly on a lattice of at most this many cells a side, and spread over their pixels by polynomials
# of this degree, to which the area of a map's pixel is very close over a chip.
_LATTICE = 8
_DEGREE = 5
# No chip spans half the globe, so longitudes that do have jumped from 180 to -180.
_HALF_TURN = 180.0
# The stand-in that a grid without a place is drawn on: pixels as large as Sentinel-1's, around where x and y are 0.
_DRAWN_CRS, _DRAWN_PIXEL_M = CRS.from_epsg(3857), 10.0
# EPSG:32632 is a name; the text of a whole coordinate system is not.
_LONG_NAME = 30


@lru_cache(maxsize=64)
def _to_wgs84(wkt: str) -> Transformer:
    """Return what turns coordinates into WGS84: made once a coordinate system, since that takes a millisecond."""
    return Transformer.from_crs(wkt, _WGS84.to_wkt(), always_xy=True)


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
        if self.crs == _WGS84:
            x += 360.0 * round((self.transform.c - lon) / 360.0)  # a map that goes on beyond 180 degrees
        else:
            x, y = _to_wgs84(self.crs.to_wkt()).transform(lon, lat, direction="INVERSE")
        if not (math.isfinite(x) and math.isfinite(y)):
            return None
        column, row = (math.floor(v) for v in ~self.transform @ (x, y))
        return (row, column) if 0 <= row < self.height and 0 <= column < self.width else None

    def footprint(self, per_side: int = 4) -> Polygon:
        """Return the outline in WGS84 longitude and latitude, with `per_side` segments a side (curved edges).

        An outline across the antimeridian stays in one piece: its longitudes go on beyond 180.
        """
        s = np.linspace(0.0, 1.0, per_side, endpoint=False)
        one, nil = np.ones_like(s), np.zeros_like(s)
        cols = np.concatenate([s, one, 1 - s, nil]) * self.width
        rows = np.concatenate([nil, s, one, 1 - s]) * self.height
        lon, lat = self.lonlat(cols, rows)
        if np.isfinite(lon).all() and np.ptp(lon) > _HALF_TURN:
            lon = np.where(lon < 0.0, lon + 360.0, lon)
        return Polygon(np.column_stack([lon, lat]))

    def offset_from(self, other: Grid) -> float:
        """Return the largest distance between the corners of this grid and another's, in this grid's pixels.

        Infinite where the sizes or the coordinate systems differ, 0 where both are unplaced and of one size.
        """
        if self.shape != other.shape or self.crs != other.crs:
            return float("inf")
        inverse = ~self.transform
        corners = [(0, 0), (self.width, 0), (0, self.height), (self.width, self.height)]
        worst = 0.0
        for corner in corners:
            col, row = inverse @ (other.transform @ corner)
            worst = max(worst, abs(col - corner[0]), abs(row - corner[1]))
        return worst

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
