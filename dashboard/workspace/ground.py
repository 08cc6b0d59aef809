"""The ground near a chip: towns, rivers, lakes and borders from assets/ground.zip, a cell of ten degrees at a time."""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from tiles.places import ASSETS, country_at

CELL = 10
"""Degrees that a cell is wide and high; it is named by its west and south."""
STEPS = 1000
"""Steps of the coordinates in a degree."""
CITY = 100_000
"""People from which a town is one that is known far away."""
FAR_KM = 300.0
"""A town that is farther off tells nobody where a chip is."""

_GROUND = ASSETS / "ground.zip"
_WINDS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_TURN = 360
_NEAREST = 16
_LETTERS = 2
_KINDS = ("towns", "rivers", "lakes", "borders")


@dataclass(frozen=True)
class Near:
    """Where a place lies, seen from a town.

    Attributes:
        town: its name.
        km: from the town, geodesic on WGS84.
        wind: in which direction from the town, one of eight.
        people: who live there.
    """

    town: str
    km: float
    wind: str
    people: int


def cell(west: int, south: int) -> bytes | None:
    """Return the JSON of a cell: `towns` [name, lon, lat, people], and `rivers`, `lakes`, `borders` as lon, lat and steps on.

    Coordinates are whole numbers, `STEPS` to a degree. None where there is nothing, or no such cell.
    """
    parts = {kind: part for kind in _KINDS if (part := _part(west, south, kind)) is not None}
    if not parts:
        return None
    return b"{" + b",".join(b'"%s":%s' % (kind.encode(), part) for kind, part in parts.items()) + b"}"


@cache
def _ground() -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(_GROUND.read_bytes()))


def _part(west: int, south: int, kind: str) -> bytes | None:
    try:
        return _ground().read(f"{west}_{south}/{kind}.json")
    except KeyError:
        return None


@lru_cache(maxsize=64)
def _towns(west: int, south: int) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """Return the towns of a cell: names, and float64 (n, 3) of longitude and latitude in degrees, and people."""
    towns: list[Any] = json.loads(_part(west, south, "towns") or b"[]")
    table = np.array([town[1:] for town in towns], dtype=np.float64).reshape(-1, 3)
    return tuple(town[0] for town in towns), table / (STEPS, STEPS, 1)


@lru_cache(maxsize=1024)
def nearest(lat: float, lon: float) -> tuple[Near, ...]:
    """Return the nearest town of a place, and the nearest city where that is another; none where all are farther than `FAR_KM`.

    Args:
        lat: degrees, -90 to 90.
        lon: degrees; beyond 180 it is taken back by a turn.
    """
    west, south = int(lon // CELL) * CELL, int(lat // CELL) * CELL
    around = [((west + dx + 180) % _TURN - 180, south + dy) for dx in (-CELL, 0, CELL) for dy in (-CELL, 0, CELL)]
    cells = [_towns(*name) for name in around]
    names = [name for some, _ in cells for name in some]
    lons, lats, people = np.concatenate([table for _, table in cells]).T
    # The few that may be nearest by a flat map, then exactly: thousands of towns are around a place.
    east = (lons - lon + _TURN / 2) % _TURN - _TURN / 2
    flat = np.hypot(east * np.cos(np.radians(lat)), lats - lat)
    some = np.argsort(flat, kind="stable")
    few = np.unique(np.concatenate([some[:_NEAREST], some[people[some] >= CITY][:_NEAREST]]))
    if not few.size:
        return ()
    azimuth, _, metres = Geod(ellps="WGS84").inv(lons[few], lats[few], np.full(few.size, lon), np.full(few.size, lat))
    order = [int(i) for i in np.argsort(metres, kind="stable")]
    city = next((i for i in order if people[few[i]] >= CITY), order[0])
    found = []
    for i in dict.fromkeys((order[0], city)):
        if metres[i] <= 1000 * FAR_KM:
            wind = _WINDS[round(azimuth[i] / 45) % len(_WINDS)]
            found.append(Near(names[few[i]], float(metres[i]) / 1000, wind, int(people[few[i]])))
    return tuple(found)


@dataclass(frozen=True)
class Town:
    """A town that somebody looks for.

    Attributes:
        name: as GeoNames has it.
        plain: the name in letters of ASCII, where it has such.
        country: Natural Earth's name of the country that it lies in or near, or None.
        lat: degrees.
        lon: degrees.
        people: who live there.
    """

    name: str
    plain: str
    country: str | None
    lat: float
    lon: float
    people: int


def _plain(text: str) -> str:
    """Return a text without accents."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


@cache
def _all_towns() -> tuple[list[tuple[str, str]], npt.NDArray[np.float64]]:
    """Return every town: (folded name, name), the largest first, and float64 (n, 3) of longitude, latitude and people."""
    cells = sorted({name.split("/")[0] for name in _ground().namelist() if name.endswith("/towns.json")})
    found = [town for cell in cells for town in json.loads(_ground().read(f"{cell}/towns.json"))]
    found.sort(key=lambda town: (-town[3], town[0]))
    table = np.array([town[1:] for town in found], dtype=np.float64).reshape(-1, 3) / (STEPS, STEPS, 1)
    return [(_plain(town[0]).casefold(), town[0]) for town in found], table


def towns_like(text: str, most: int = 8) -> list[Town]:
    """Return the towns whose name begins as a text does, or has a word that does, whatever its case and accents.

    Args:
        text: of two letters or more; there is no town for less.
        most: how many at most: towns of that very name first, the larger before the smaller.
    """
    wanted = _plain(text).casefold().strip()
    if len(wanted) < _LETTERS:
        return []
    names, table = _all_towns()
    word = f" {wanted}"
    found = [i for i, (folded, _) in enumerate(names) if folded.startswith(wanted) or word in folded]
    found.sort(key=lambda i: names[i][0] != wanted)  # and the larger first, as they are kept
    out = []
    for i in found[:most]:
        lon, lat, people = (float(value) for value in table[i])
        name = names[i][1]
        out.append(Town(name, _plain(name), country_at(shapely.Point(lon, lat)), lat, lon, int(people)))
    return out
