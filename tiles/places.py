"""Countries and dates in one form: Natural Earth's name of a country, the country of a place, ISO dates."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import shapely
from pyproj import Geod
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.geometry.base import BaseGeometry

ASSETS = Path(__file__).resolve().parent.parent / "assets"
"""The folder of files that the browser gets; it lies beside the packages in a tree and in a wheel."""

_MOST_CORNERS = 10_000
# Of an outline: beyond 90 by a rounding error; across the antimeridian it goes on beyond 180.
_MOST_NORTH, _MOST_WEST, _MOST_EAST = 90.0 + 1e-6, -180.0 - 1e-6, 360.0 + 1e-6

# What the data sets call a country, or an event that is named after a river, beside Natural Earth's name.
_NAMES = {
    "usa": "United States of America",
    "us": "United States of America",
    "united states": "United States of America",
    "uk": "United Kingdom",
    "sri-lanka": "Sri Lanka",
    "mekong": "Cambodia",
}


def country_name(name: str | None) -> str | None:
    """Return Natural Earth's name for what a data set calls a country; None for nothing."""
    if name is None or not name.strip():
        return None
    return _NAMES.get(name.strip().lower(), name.strip())


_DATE = re.compile(r"\s*(\d{4})[-/]?(\d{2})[-/]?(\d{2})(?!\d)")


def iso_date(text: object) -> str | None:
    """Return YYYY-MM-DD for a date that begins so, with slashes or without any; None for anything else."""
    match = _DATE.match(str(text)) if text is not None else None
    return "-".join(match.groups()) if match else None


# As Sentinel-1 products have it (20180921T051229, in small letters too), and dates alone; both stand apart from other digits.
_STAMP = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})T\d{6}(?!\d)", re.IGNORECASE)
_DAY = re.compile(r"(?<!\d)((?:19|20)\d{2})([-_.]?)(\d{2})\2(\d{2})(?!\d)")
# Tags that say when an image was taken. TIFFTAG_DATETIME is left out: it is when a file was written.
_DATE_TAGS = ("acquisition_date", "acquisition_datetime", "acquisitiondatetime", "sensing_time", "datetime", "date")


def date_in(name: str) -> str | None:
    """Return the ISO date of an image from its name: of the first time stamp, else of the only date; None without one.

    Two different dates without a time, as of a pair before and after, tell no one date.
    """
    for year, month, day in (match.groups() for match in _STAMP.finditer(name)):
        if found := _day(year, month, day):
            return found
    days = {found for year, _, month, day in _DAY.findall(name) if (found := _day(year, month, day))}
    return days.pop() if len(days) == 1 else None


def date_in_tags(tags: Mapping[str, str]) -> str | None:
    """Return the ISO date that a file's tags give for its image, or None."""
    said = {name.lower(): text for name, text in tags.items()}
    for name in _DATE_TAGS:
        found = iso_date(said.get(name))
        if found and _day(*found.split("-")):
            return found
    return None


def _day(year: str, month: str, day: str) -> str | None:
    with contextlib.suppress(ValueError):
        return date(int(year), int(month), int(day)).isoformat()
    return None


@lru_cache(maxsize=1)
def _countries() -> tuple[list[str], shapely.STRtree]:
    features = json.loads((ASSETS / "countries.geojson").read_text(encoding="utf-8"))["features"]
    geometries = [shape(feature["geometry"]) for feature in features]
    return [str(feature["properties"]["name"]) for feature in features], shapely.STRtree(geometries)


def _centre(footprint: BaseGeometry) -> shapely.Point:
    centre = footprint.centroid
    # An outline across the antimeridian goes on beyond it.
    return shapely.Point(centre.x - 360.0, centre.y) if centre.x > 180.0 else centre


def country_at(footprint: BaseGeometry) -> str | None:
    """Return the country that a WGS84 footprint's centre lies in, or the nearest within half a degree, or None.

    The coast of a generalised world map lies a few kilometres off, hence the nearest.
    """
    names, tree = _countries()
    centre = _centre(footprint)
    inside = tree.query(centre, predicate="intersects")
    if len(inside):
        return names[int(inside[0])]
    nearest = tree.query_nearest(centre, max_distance=0.5)
    return names[int(np.atleast_1d(nearest)[0])] if len(nearest) else None


def nearest_country(footprint: BaseGeometry, among: Collection[str]) -> tuple[str, float] | None:
    """Return the one of some countries whose outline is nearest to a WGS84 footprint's centre, and the distance in km.

    The distance is geodesic, to the outline's corner that is nearest: within the spacing of a generalised world map's corners.
    None where none of the names is a country of the map.
    """
    names, tree = _countries()
    centre = _centre(footprint)
    ellipsoid = Geod(ellps="WGS84")
    found: list[tuple[float, str]] = []
    for name, outline in zip(names, tree.geometries, strict=True):
        if name in among:
            if outline.intersects(centre):
                return name, 0.0
            lon, lat = shapely.get_coordinates(outline).T
            _, _, metres = ellipsoid.inv(np.full_like(lon, centre.x), np.full_like(lat, centre.y), lon, lat)
            found.append((float(np.min(metres)) / 1000.0, name))
    if not found:
        return None
    km, name = min(found)
    return name, km


def outline_refusal(outline: object) -> str | None:
    """Return why a geometry cannot be a chip's outline, as "its outline is ...", or None where it can."""
    if not isinstance(outline, Polygon | MultiPolygon) or outline.is_empty:
        return "its outline is no polygon"
    if not np.isfinite(outline.bounds).all() or shapely.get_num_coordinates(outline) > _MOST_CORNERS:
        return "its outline has corners without end"
    west, south, east, north = outline.bounds
    if west < _MOST_WEST or east > _MOST_EAST or max(-south, north) > _MOST_NORTH or not outline.is_valid:
        return "its outline is off the Earth, or crosses itself"
    return None
