"""Terrain, roads, and the flood that follows them: where water stands in a simulated chip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from tiles.simulate.patterns import (
    PARCEL_SIDE,
    BoolArray,
    FloatArray,
    IntArray,
    distance_to,
    distance_to_straight,
    fractal,
    lowest,
    meander,
    of_parcel,
    without_specks,
)
from tiles.simulate.places import Biome, Kind

PIXEL_M = 10.0
"""Size of a pixel on the ground in metres."""


@dataclass(frozen=True)
class Ground:
    """The lie of the land, all arrays of shape (size, size).

    Attributes:
        height: float32 terrain above the local water table, arbitrary units.
        permanent: bool, where water stands in a river's bed, flood or not.
        near_channel: float32 distance to the nearest channel's middle in pixels; large where there is none.
        fields: intp parcel index of each pixel.
    """

    height: FloatArray
    permanent: BoolArray
    near_channel: FloatArray
    fields: IntArray


def make_ground(rng: np.random.Generator, kind: Kind, size: int, fields: IntArray) -> Ground:
    """Return the terrain that belongs to what holds a chip's water."""
    nothing = np.zeros((size, size), dtype=np.bool_)
    far = np.full((size, size), np.float32(1000.0))
    if kind in ("river", "braided"):
        return _valley(rng, kind, size, fields)
    if kind == "lake":
        # A reservoir drowns a branching valley: creases of a smooth surface are the valleys' floors.
        crease = np.abs(fractal(rng, size, outer=280, slope=4.2))
        height = 1.3 * np.sqrt(crease) + 0.6 * fractal(rng, size, outer=400, slope=4.2) + _tilt(rng, size, 2.6)
        return Ground(height + 0.03 * fractal(rng, size, outer=30, slope=3.0), nothing, far, fields)
    if kind == "lagoon":
        shore = _tilt(rng, size, 4.0) + 0.5 * fractal(rng, size, outer=200, slope=3.6)
        spit = np.exp(-(((shore - rng.uniform(-0.9, -0.4)) / 0.09) ** 2)) * (
            fractal(rng, size, outer=150, slope=3.5) > -0.4
        )
        return Ground(np.asarray(shore + 3.0 * spit, dtype=np.float32), nothing, far, fields)
    roughness = 0.15 if kind == "wetland" else 0.4
    height = fractal(rng, size, outer=170, slope=3.8) + roughness * fractal(rng, size, outer=40, slope=3.0)
    return Ground(np.asarray(height, dtype=np.float32), nothing, far, fields)


def _tilt(rng: np.random.Generator, size: int, drop: float) -> FloatArray:
    """Return a plane that falls by `drop` from one side to the other, in a random direction."""
    direction = rng.uniform(0, 2 * np.pi)
    rows, cols = (np.mgrid[0:size, 0:size].astype(np.float32) + 0.5) / size - 0.5
    return np.asarray(drop * (rows * np.sin(direction) + cols * np.cos(direction)), dtype=np.float32)


def _valley(rng: np.random.Generator, kind: Kind, size: int, fields: IntArray) -> Ground:
    """Return a river's valley: its channels, the ridges and swales that it left behind, and slopes at both sides."""
    direction = rng.uniform(0, np.pi)
    if kind == "river":
        width = rng.uniform(5, 16)
        wavelength, bend = width * rng.uniform(14, 20), rng.uniform(0.7, 1.45)
        lines = [meander(rng, size, wavelength=wavelength, bend=bend, direction=direction, offset=rng.normal(0, 40))]
        half_widths = [width / 2]
    else:
        offsets = np.cumsum(rng.uniform(45, 120, rng.integers(3, 6)))
        lines, half_widths = [], []
        for offset in offsets - offsets.mean():
            width = rng.choice([5.0, 9.0, 18.0, 34.0]) * rng.uniform(0.8, 1.2)
            own = direction + rng.normal(0, 0.16)
            lines.append(
                meander(
                    rng,
                    size,
                    wavelength=rng.uniform(260, 420),
                    bend=rng.uniform(0.35, 0.7),
                    direction=own,
                    offset=float(offset),
                )
            )
            half_widths.append(width / 2)
    distance, which = distance_to(lines, size)
    ragged = fractal(rng, size, outer=60, slope=3.2)
    half = np.asarray(half_widths, dtype=np.float32)[which]
    permanent = distance < half * (1.0 + 0.25 * ragged)
    old = [
        meander(
            rng, size, wavelength=rng.uniform(110, 260), bend=rng.uniform(0.8, 1.6), direction=direction, offset=shift
        )
        for shift in rng.normal(0, 90, rng.integers(2, 5))
    ]
    old_distance, _ = distance_to(old, size)
    beyond = np.maximum(distance - half, 0)
    breadth = rng.uniform(60, 150) * (1.0 + 0.5 * fractal(rng, size, outer=250, slope=4.0).clip(-1.2, 2.0))
    slopes = 2.6 * (1 - np.exp(-((beyond / breadth.clip(20)) ** 2)))
    swales = 0.45 * np.sin(2 * np.pi * (distance + 9 * ragged) / rng.uniform(16, 34)) * np.exp(-distance / 130)
    # Bars and old levees lie along the flow.
    bars = fractal(rng, size, outer=60, slope=3.4, stretch=3.0, along=direction)
    height = slopes + swales - 1.2 * np.exp(-((old_distance / rng.uniform(3, 6)) ** 2)) + 0.6 * bars + 0.12 * ragged
    return Ground(np.asarray(height, dtype=np.float32), permanent, distance, fields)


def make_roads(rng: np.random.Generator, biome: Biome, size: int, angle: float) -> BoolArray:
    """Return where roads run, most of them on dykes that stay dry: along the fields, and now and then across."""
    road = np.zeros((size, size), dtype=np.bool_)
    if biome.upright:  # section roads, a mile apart
        mile = 1609.34 / PIXEL_M
        for turn in (angle, angle + np.pi / 2):
            start = rng.uniform(0, mile)
            for number in range(int(size / mile) + 2):
                at = start + number * mile
                through = (at, 0.0) if turn == angle else (0.0, at)
                road |= (np.abs(distance_to_straight(size, through, turn)) < 0.7) & (rng.random() < 0.85)
    for _ in range(rng.poisson(0.7)):
        through = (rng.uniform(0, size), rng.uniform(0, size))
        bend = rng.uniform(0, 12) * fractal(rng, size, outer=300, slope=4.5)
        line = distance_to_straight(size, through, rng.uniform(0, np.pi)) + bend
        road |= np.abs(line) < rng.uniform(0.7, 1.6)
    return road


def make_flood(rng: np.random.Generator, kind: Kind, ground: Ground, road: BoolArray, share: float) -> BoolArray:
    """Return where water stands: what always does, and what lies below the water level and is reached by it."""
    if kind == "dry":
        return np.zeros(road.shape, dtype=np.bool_)
    # Bunds and ditches: a field floods, or does not, as a whole more often than not.
    fields = of_parcel(rng.standard_normal(PARCEL_SIDE**2), ground.fields)
    if kind == "ponds":
        share = min(share, 0.3)
        low = scipy.ndimage.gaussian_filter(ground.height, 25)
        prone = low / max(float(low.std()), 1e-6) + 1.2 * fields
        paddies = lowest(np.asarray(prone, dtype=np.float32), share * 2.2)
        wet = paddies & (ground.height < np.quantile(ground.height, min(1.0, 0.25 + share * 1.5)))
        pools = lowest(fractal(rng, road.shape[0], outer=28, slope=3.6), share * 0.12)
        wet = without_specks(wet, 25) | without_specks(pools, 12)
        return wet & ~road
    height = ground.height + 0.12 * fields if kind in ("river", "wetland") else ground.height
    below = lowest(np.asarray(height, dtype=np.float32), share)
    if kind in ("river", "braided"):
        # Only what is joined to a channel fills, and some hollows that rain fills.
        patches, count = scipy.ndimage.label(below | ground.permanent)
        joined = np.zeros(count + 1, dtype=np.bool_)
        joined[np.unique(patches[ground.permanent])] = True
        joined |= rng.random(count + 1) < 0.35
        joined[0] = False
        below = joined[patches]
    wet = without_specks(below, 20) & ~road
    return wet | ground.permanent  # roads cross a river by bridges, which are too narrow to matter
