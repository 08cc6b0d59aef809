"""Where and when simulated chips lie and what the land there is like: the terms in which `tiles.simulate.floods` says it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["river", "braided", "lake", "ponds", "lagoon", "wetland", "dry"]
"""What holds the water of a chip: a river in flood, an anabranching one, a reservoir, scattered ponds and flooded
parcels, a lagoon or sea, a flooded wetland; or nothing."""


@dataclass(frozen=True)
class Biome:
    """What the land of a flood event is like. Shares are of the land, 0 to 1; crops take what the others leave.

    Attributes:
        kinds: what its chips show, in turn.
        water: smallest and largest share of water in a chip that has any.
        forest, grass, bare: shares of tree cover, grass or savanna, smooth dry soil.
        towns: how many built-up places a chip holds on average.
        parcel: length and width of a field in metres.
        jitter: 0 for fields like bricks, 0.5 for irregular ones.
        upright: fields and roads run north and east.
        contrast: standard deviation of the mean backscatter between fields, dB.
        bare_db: mean VV and VH of smooth dry soil.
        crop_db: mean VV and VH of fields.
        wind: 0 calm water to 1 rough, the chips' mean.
        emergent: how much of the flood stands under vegetation, 0 to 1.
        relief: how much terrain modulates the land's backscatter, dB.
        looks_east: the satellite ascends and so looks east.
    """

    kinds: tuple[Kind, ...]
    water: tuple[float, float]
    forest: float
    grass: float
    bare: float
    towns: float
    parcel: tuple[float, float]
    jitter: float
    upright: bool
    contrast: float
    bare_db: tuple[float, float]
    crop_db: tuple[float, float]
    wind: float
    emergent: float
    relief: float
    looks_east: bool


@dataclass(frozen=True)
class Flood:
    """A flood event: its names, its image, and land near it.

    Attributes:
        event: the name in Sen1Floods11, first part of its chips' ids.
        country: the country's name, as both data sets write it.
        iso: ISO 3166 alpha-3 code.
        code: two letters, for five-letter chip ids.
        s1_date, s2_date: ISO dates of the Sentinel-1 image and the optical one it was labelled from.
        orbit, relative_orbit: of the Sentinel-1 image.
        centres: longitude and latitude of places on land that the flood touched, to a tenth of a degree.
        biome: the land there.
    """

    event: str
    country: str
    iso: str
    code: str
    s1_date: str
    s2_date: str
    orbit: Literal["ASCENDING", "DESCENDING"]
    relative_orbit: int
    centres: tuple[tuple[float, float], ...]
    biome: Biome


def cell(flood: Flood, number: int, step_lon: float, step_lat: float) -> tuple[float, float]:
    """Return longitude and latitude of the middle of a flood's `number`-th place, no two of which share ground.

    The places are cells of a lattice of `step_lon` by `step_lat` degrees: those that hold the flood's centres first, then
    ever wider rings around them, one cell a centre in turn.
    """
    return next(itertools.islice(_cells(flood, step_lon, step_lat), number, None))


def _cells(flood: Flood, step_lon: float, step_lat: float) -> Iterator[tuple[float, float]]:
    middles = [(math.floor(lon / step_lon), math.floor(lat / step_lat)) for lon, lat in flood.centres]
    taken: set[tuple[int, int]] = set()
    for ring in itertools.count():
        span = range(-ring, ring + 1)
        around = [(x, y) for y in span for x in span if max(abs(x), abs(y)) == ring]
        for (x, y), (column, row) in itertools.product(around, middles):
            place = (column + x, row + y)
            if place not in taken:
                taken.add(place)
                yield (place[0] + 0.5) * step_lon, (place[1] + 0.5) * step_lat
