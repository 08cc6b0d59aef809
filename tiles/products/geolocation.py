"""From a product's line and pixel to the map and back, by its grid of points; and the map grid that it is laid onto."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from affine import Affine
from pyproj import Transformer

from tiles.errors import GeoreferenceError
from tiles.products.annotation import Annotation
from tiles.products.container import Container

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

LATTICE = 8
"""Every so many pixels of the map are looked up exactly, those between linearly. At the grid's kinks, where terrain makes one
cell stretched and the next not, they are off by 2 pixels times the change of stretch: a third of a pixel in the Alps."""

_STEPS = 12
_CLOSE = 1e-3  # of a pixel
_MOST_NORTH, _MOST_SOUTH = 84.0, -80.0
_MOST_PIXELS = 4_000_000_000


@dataclass(frozen=True, eq=False)
class MapGrid:
    """A north-up grid in UTM.

    Attributes:
        epsg: its coordinate system.
        transform: from column and row (of pixels' corners) to metres.
        width, height: pixels.
    """

    epsg: int
    transform: Affine
    width: int
    height: int


class Geolocation:
    """A product's grid of points in a UTM zone.

    Between its points a place is linear in line and in pixel (as SNAP's ellipsoid correction by the geolocation grid takes
    it). The points stand at the heights of the terrain there; between them terrain is not followed.

    Attributes:
        epsg: of the zone in which most of the scene lies.
    """

    def __init__(self, annotation: Annotation, container: Container, file: str) -> None:
        """Lay the grid onto its zone.

        Raises:
            GeoreferenceError: it lies where UTM does not reach, or is folded.
        """
        self._annotation = annotation
        longitude, latitude = annotation.longitude, annotation.latitude
        middle = (float(longitude.mean()), float(latitude.mean()))
        if latitude.max() > _MOST_NORTH or latitude.min() < _MOST_SOUTH:
            raise GeoreferenceError(
                f"{{file}} reaches to latitude {latitude.flat[np.abs(latitude).argmax()]:.1f}, and UTM from -80 to 84 degrees: "
                "give the scene as an RTC product in a polar projection (ASF HyP3, OPERA RTC-S1).",
                file=container.file(file),
            )
        self.epsg = utm_of(*middle)
        to_map = Transformer.from_crs(4326, self.epsg, always_xy=True)
        self._x, self._y = (np.asarray(v, dtype=np.float64) for v in to_map.transform(longitude, latitude))
        self._require_unfolded(container, file)

    def _require_unfolded(self, container: Container, file: str) -> None:
        """Raise GeoreferenceError where a cell of the grid is turned over: its points contradict each other."""
        x, y = self._x, self._y
        along = np.diff(x, axis=1)[:-1], np.diff(y, axis=1)[:-1]
        down = np.diff(x, axis=0)[:, :-1], np.diff(y, axis=0)[:, :-1]
        turn = along[0] * down[1] - along[1] * down[0]
        step_x, step_y = np.diff(self._annotation.pixels), np.diff(self._annotation.lines)
        area = np.abs(turn) / (step_x[np.newaxis] * step_y[:, np.newaxis])
        nominal = self._annotation.spacing[0] * self._annotation.spacing[1]
        fits = nominal > 0 and (area > nominal / 10).all() and (area < nominal * 10).all()
        if not (fits and ((turn > 0).all() or (turn < 0).all()) and np.isfinite(x).all()):
            raise GeoreferenceError(
                "{file} has a geolocation grid whose points contradict each other or the pixels' spacing: download the product "
                "again.",
                file=container.file(file),
            )

    def place(self, line: npt.ArrayLike, pixel: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return easting and northing in metres of lines and pixels (0 is the centre of the first), linear beyond the grid."""
        x, y, *_ = self._forward(np.asarray(line, np.float64), np.asarray(pixel, np.float64))
        return x, y

    def _forward(self, line: Floats, pixel: Floats) -> tuple[Floats, ...]:
        """Return x, y and their four derivatives by pixel and line."""
        lines, pixels = self._annotation.lines, self._annotation.pixels
        i = np.clip(np.searchsorted(lines, line, side="right") - 1, 0, len(lines) - 2)
        j = np.clip(np.searchsorted(pixels, pixel, side="right") - 1, 0, len(pixels) - 2)
        step_line, step_pixel = lines[i + 1] - lines[i], pixels[j + 1] - pixels[j]
        v, u = (line - lines[i]) / step_line, (pixel - pixels[j]) / step_pixel
        out = []
        for grid in (self._x, self._y):
            a, b, c, d = grid[i, j], grid[i, j + 1], grid[i + 1, j], grid[i + 1, j + 1]
            top, bottom = a + (b - a) * u, c + (d - c) * u
            out += [
                top + (bottom - top) * v,
                ((b - a) * (1 - v) + (d - c) * v) / step_pixel,
                (bottom - top) / step_line,
            ]
        x, x_pixel, x_line, y, y_pixel, y_line = out
        return x, y, x_pixel, x_line, y_pixel, y_line

    @cached_property
    def _guess(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Centre and scale of the map, and quadratic fits of line and pixel over it, to begin a search with."""
        centre = np.array([self._x.mean(), self._y.mean()])
        scale = np.array([np.ptp(self._x), np.ptp(self._y)])
        line, pixel = np.meshgrid(self._annotation.lines, self._annotation.pixels, indexing="ij")
        basis = _quadratic((self._x - centre[0]) / scale[0], (self._y - centre[1]) / scale[1])
        design = basis.reshape(basis.shape[0], -1).T
        of_line, of_pixel = (np.linalg.lstsq(design, v.ravel(), rcond=None)[0] for v in (line, pixel))
        return centre, scale, np.asarray(of_line, np.float64), np.asarray(of_pixel, np.float64)

    def find(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return the line and pixel of places, by Newton's method; NaN where it finds none, as far outside.

        Args:
            x, y: metres, of one shape.
        """
        centre, scale, of_line, of_pixel = self._guess
        basis = _quadratic((x - centre[0]) / scale[0], (y - centre[1]) / scale[1])
        line = np.tensordot(of_line, basis, axes=1)
        pixel = np.tensordot(of_pixel, basis, axes=1)
        off = np.full(x.shape, np.inf)
        for _ in range(_STEPS):
            at_x, at_y, x_pixel, x_line, y_pixel, y_line = self._forward(line, pixel)
            miss_x, miss_y = x - at_x, y - at_y
            determinant = x_pixel * y_line - x_line * y_pixel
            step_pixel = (miss_x * y_line - miss_y * x_line) / determinant
            step_line = (miss_y * x_pixel - miss_x * y_pixel) / determinant
            line, pixel = line + step_line, pixel + step_pixel
            off = np.maximum(np.abs(step_line), np.abs(step_pixel))
            if not (off > _CLOSE).any():
                break
        lost = ~(off < 0.5)
        line[lost] = pixel[lost] = np.nan
        return line, pixel

    def map_grid(self, spacing: int) -> MapGrid:
        """Return the grid that the whole image is laid onto: corners of pixels at multiples of the spacing.

        Args:
            spacing: metres.
        """
        last_line, last_pixel = self._annotation.height - 1, self._annotation.width - 1
        # The outline bends between the grid's points only where they are: those and the corners hold the extremes.
        lines = np.unique([-0.5, *self._annotation.lines.clip(0, last_line), last_line + 0.5])
        pixels = np.unique([-0.5, *self._annotation.pixels.clip(0, last_pixel), last_pixel + 0.5])
        x, y = self.place(*(v.ravel() for v in np.meshgrid(lines, pixels, indexing="ij")))
        west, north = math.floor(x.min() / spacing) * spacing, math.ceil(y.max() / spacing) * spacing
        width, height = math.ceil((x.max() - west) / spacing), math.ceil((north - y.min()) / spacing)
        if width * height > _MOST_PIXELS:
            raise GeoreferenceError(f"A map of {width:,} x {height:,} pixels is more than is made of one product.")
        return MapGrid(self.epsg, Affine(spacing, 0, west, 0, -spacing, north), width, height)

    def lattice(self, grid: MapGrid, left: int, top: int, width: int, height: int) -> tuple[Floats32, Floats32]:
        """Return the line and pixel of each pixel of a part of a map grid, float32 (height, width); NaN where there is none."""
        rows, cols = -(-height // LATTICE) + 1, -(-width // LATTICE) + 1
        t = grid.transform
        x = t.c + t.a * (left + 0.5 + LATTICE * np.arange(cols))
        y = t.f + t.e * (top + 0.5 + LATTICE * np.arange(rows))
        line, pixel = self.find(*np.meshgrid(x, y))
        return _between(line, height, width), _between(pixel, height, width)

    def outline(self) -> list[tuple[float, float]]:
        """Return longitude and latitude of points around the image."""
        longitude, latitude = self._annotation.longitude, self._annotation.latitude
        ring = [(0, j) for j in range(longitude.shape[1])]
        ring += [(i, -1) for i in range(1, longitude.shape[0])]
        ring += [(-1, j) for j in range(longitude.shape[1] - 2, -1, -1)]
        ring += [(i, 0) for i in range(longitude.shape[0] - 2, 0, -1)]
        return [(float(longitude[at]), float(latitude[at])) for at in ring]


def utm_of(longitude: float, latitude: float) -> int:
    """Return the EPSG code of the UTM zone of a place, by the rule of six degrees a zone."""
    zone = int((longitude + 180) // 6) % 60 + 1
    return (32600 if latitude >= 0 else 32700) + zone


def _quadratic(x: Floats, y: Floats) -> Floats:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])


def _between(values: Floats, height: int, width: int) -> Floats32:
    """Return what lies between the nodes of a lattice, linearly: (rows, cols) to (height, width)."""
    nodes = values.astype(np.float32)
    share = (np.arange(LATTICE, dtype=np.float32) / LATTICE)[np.newaxis, np.newaxis]
    across = nodes[:, :-1, np.newaxis] + (nodes[:, 1:] - nodes[:, :-1])[:, :, np.newaxis] * share
    across = across.reshape(len(nodes), -1)[:, :width]
    down = across[:-1, np.newaxis] + (across[1:] - across[:-1])[:, np.newaxis] * share.reshape(1, LATTICE, 1)
    return np.ascontiguousarray(down.reshape(-1, across.shape[1])[:height])
