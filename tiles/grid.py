"""A raster's grid: where its pixels lie on Earth and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from affine import Affine
from pyproj import Geod, Transformer
from rasterio.crs import CRS
from shapely.geometry import Polygon

_WGS84 = CRS.from_epsg(4326)
_GEOD = Geod(ellps="WGS84")
# Areas are computed exactly on a lattice of at most this many cells a side and spread over the pixels between.
_LATTICE = 16
# No chip spans half the globe, so longitudes that do have jumped from 180 to -180.
_HALF_TURN = 180.0


@dataclass(frozen=True)
class Grid:
    """The grid of a raster: coordinate system, affine transform of pixel corners, and size.

    Attributes:
        crs: coordinate reference system.
        transform: maps (column, row) of pixel corners to coordinates of `crs`.
        width: columns.
        height: rows.
    """

    crs: CRS
    transform: Affine
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as numpy has it."""
        return self.height, self.width

    @cached_property
    def _to_wgs84(self) -> Transformer:
        return Transformer.from_crs(self.crs.to_wkt(), _WGS84.to_wkt(), always_xy=True)

    def lonlat(
        self, cols: npt.NDArray[np.float64], rows: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return longitude and latitude (degrees, WGS84) of pixel-corner coordinates (columns, rows)."""
        t = self.transform
        x = t.a * cols + t.b * rows + t.c
        y = t.d * cols + t.e * rows + t.f
        if self.crs == _WGS84:
            return x, y
        lon, lat = self._to_wgs84.transform(x, y)
        return np.asarray(lon), np.asarray(lat)

    def footprint(self, per_side: int = 4) -> Polygon:
        """Return the outline in WGS84 longitude and latitude, with `per_side` segments a side (curved edges).

        An outline across the antimeridian stays in one piece: its longitudes go on beyond 180.
        """
        s = np.linspace(0.0, 1.0, per_side, endpoint=False)
        one, nil = np.ones_like(s), np.zeros_like(s)
        cols = np.concatenate([s, one, 1 - s, nil]) * self.width
        rows = np.concatenate([nil, s, one, 1 - s]) * self.height
        lon, lat = self.lonlat(cols, rows)
        if np.ptp(lon) > _HALF_TURN and np.isfinite(lon).all():
            lon = np.where(lon < 0.0, lon + 360.0, lon)
        return Polygon(np.column_stack([lon, lat]))

    def offset_from(self, other: Grid) -> float:
        """Return the largest distance between the corners of this grid and another's, in this grid's pixels.

        Infinite where the sizes or the coordinate systems differ.
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

        Exact for cells of a lattice laid over the grid (Karney's geodesic polygon area, through pyproj.Geod), shared
        evenly by the pixels of a cell: the area of a pixel changes by less than 1e-4 of itself within a cell of a chip.
        """
        row_edges = np.unique(np.linspace(0, self.height, min(self.height, _LATTICE) + 1).round().astype(int))
        col_edges = np.unique(np.linspace(0, self.width, min(self.width, _LATTICE) + 1).round().astype(int))
        cols, rows = np.meshgrid(col_edges.astype(float), row_edges.astype(float))
        lon, lat = self.lonlat(cols, rows)
        out = np.empty(self.shape, dtype=np.float64)
        for i in range(len(row_edges) - 1):
            for j in range(len(col_edges) - 1):
                ring = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
                area, _ = _GEOD.polygon_area_perimeter([lon[p] for p in ring], [lat[p] for p in ring])
                window = np.s_[row_edges[i] : row_edges[i + 1], col_edges[j] : col_edges[j + 1]]
                out[window] = abs(area) / 1e6 / out[window].size
        return out
