"""What a product's annotation says: what it is, how large, when, and where its grid of points lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt

from tiles.errors import ChipError, UnreadableFileError
from tiles.products.container import Container
from tiles.sentences import shown

Floats = npt.NDArray[np.float64]

_MOST_SIDE = 200_000
_MOST_POINTS = 100_000


@dataclass(frozen=True, eq=False)
class Annotation:
    """One polarization's annotation.

    Attributes:
        mode, kind, polarization: as "IW", "GRD", "VV".
        start: UTC of the first line, ISO 8601.
        width, height: pixels of the measurement.
        spacing: metres of a pixel, in range and in azimuth.
        lines, pixels: of the grid's rows (n) and columns (m).
        longitude, latitude: of the grid's points, degrees, (n, m); longitudes go on beyond 180 where the scene does.
        heights: metres above the ellipsoid that the points were computed for, (n, m).
    """

    mode: str
    kind: str
    polarization: str
    start: str
    width: int
    height: int
    spacing: tuple[float, float]
    lines: Floats
    pixels: Floats
    longitude: Floats
    latitude: Floats
    heights: Floats


def text_of(root: ET.Element, path: str, container: Container, file: str) -> str:
    """Return the text of an element.

    Raises:
        UnreadableFileError: it is not there.
    """
    found = root.findtext(path)
    if found is None or not found.strip():
        raise UnreadableFileError(
            f"{{file}} lacks {path}, which a Sentinel-1 product has: download the product again.",
            file=container.file(file),
        )
    return found.strip()


def number_of(root: ET.Element, path: str, container: Container, file: str) -> float:
    """Return the number that an element holds.

    Raises:
        UnreadableFileError: it is not there, or no finite number.
    """
    text = text_of(root, path, container, file)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UnreadableFileError(
            f"{{file}} has {shown(text)[:30]!r} for {path}, which is no number: download the product again.",
            file=container.file(file),
        )
    return number


def read_annotation(container: Container, file: str) -> Annotation:
    """Read one annotation, its grid of points included.

    The grid (geolocationGrid) has some 10 x 21 points: line and pixel count from 0 at the centre of the first pixel;
    latitude, longitude and height are on and above the WGS84 ellipsoid (Sentinel-1 Product Specification, S1-RS-MDA-52-7441,
    6.3.1.11).

    Raises:
        UnreadableFileError: it is damaged, or says what cannot be.
    """
    root = container.xml(file)

    def text(path: str) -> str:
        return text_of(root, path, container, file)

    def number(path: str) -> float:
        return number_of(root, path, container, file)

    info = "imageAnnotation/imageInformation"
    width, height = number(f"{info}/numberOfSamples"), number(f"{info}/numberOfLines")
    if not (2 <= width <= _MOST_SIDE and 2 <= height <= _MOST_SIDE):
        raise UnreadableFileError(
            f"{{file}} says that the image has {width:,.0f} x {height:,.0f} pixels, which no product has: download it again.",
            file=container.file(file),
        )
    lines, pixels, values = _grid(root, container, file)
    _require_spanning(lines, pixels, (height, width), container, file)
    return Annotation(
        mode=text("adsHeader/mode"),
        kind=text("adsHeader/productType"),
        polarization=text("adsHeader/polarisation"),
        start=text("adsHeader/startTime"),
        width=int(width),
        height=int(height),
        spacing=(number(f"{info}/rangePixelSpacing"), number(f"{info}/azimuthPixelSpacing")),
        lines=lines,
        pixels=pixels,
        longitude=_joined(values["longitude"]),
        latitude=values["latitude"],
        heights=values["height"],
    )


def _grid(root: ET.Element, container: Container, file: str) -> tuple[Floats, Floats, dict[str, Floats]]:
    points = root.findall("geolocationGrid/geolocationGridPointList/geolocationGridPoint")
    if not points or len(points) > _MOST_POINTS:
        raise _gridless(container, file, f"has {len(points):,} points of a geolocation grid")
    names = ("line", "pixel", "latitude", "longitude", "height")
    try:
        table = np.array([[float(point.findtext(name, "nan")) for name in names] for point in points])
    except ValueError:
        table = np.full((1, len(names)), np.nan)
    if not np.isfinite(table).all() or (np.abs(table[:, 2]) > 90).any() or (np.abs(table[:, 3]) > 360).any():
        raise _gridless(container, file, "has points of its geolocation grid that are no places")
    lines, row = np.unique(table[:, 0], return_inverse=True)
    pixels, col = np.unique(table[:, 1], return_inverse=True)
    if len(lines) * len(pixels) != len(table) or min(len(lines), len(pixels)) < 2:
        raise _gridless(container, file, f"has {len(table)} points that make no grid of lines and pixels")
    values = {}
    for number, name in enumerate(names[2:], 2):
        grid = np.full((len(lines), len(pixels)), np.nan)
        grid[row, col] = table[:, number]
        values[name] = grid
    if any(np.isnan(grid).any() for grid in values.values()):
        raise _gridless(container, file, "has two points of its geolocation grid at one line and pixel")
    return lines, pixels, values


def _gridless(container: Container, file: str, what: str) -> ChipError:
    return UnreadableFileError(
        f"{{file}} {what}, so the image has no place: download the product again.", file=container.file(file)
    )


def _require_spanning(
    lines: Floats, pixels: Floats, shape: tuple[float, float], container: Container, file: str
) -> None:
    for name, at, size in (("lines", lines, shape[0]), ("pixels", pixels, shape[1])):
        step = float(np.diff(at).max())
        if at[0] > step or at[-1] < size - 1 - step:
            raise _gridless(
                container,
                file,
                f"has a geolocation grid of {name} {at[0]:,.0f} to {at[-1]:,.0f} for {size:,.0f} {name}",
            )


def _joined(longitude: Floats) -> Floats:
    """Return longitudes that go on beyond 180 where they would jump there."""
    if longitude.max() - longitude.min() <= 180:
        return longitude
    return np.where(longitude < 0, longitude + 360, longitude)
