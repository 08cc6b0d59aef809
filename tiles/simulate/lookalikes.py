"""What a wide simulation adds to a scene: dry land that looks like water, and water that is hard to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.ndimage

from tiles.simulate.patterns import (
    PARCEL_SIDE,
    BoolArray,
    FloatArray,
    distance_to,
    distance_to_straight,
    fractal,
    lowest,
    meander,
    of_parcel,
    parcels,
)
from tiles.simulate.scene import Scene

# Open water from glassy to wind-roughened, VV and VH in dB, as in tiles.simulate.scene.
_CALM_DB, _ROUGH_DB = (-21.0, -28.6), (-10.6, -25.8)
_SHADOW_POWER = 1e-4  # nothing comes back: what is measured there is the receiver's noise
_BRIGHTEST = 8.0  # layover gathers several slopes in one pixel, at most so many times one slope's power


@dataclass(frozen=True)
class _Lookalike:
    """One addition: how often a wide chip has it, and what it does."""

    chance: float
    add: Callable[[np.random.Generator, Scene], Scene]


def add_lookalikes(rng: np.random.Generator, scene: Scene) -> Scene:
    """Return the scene with some of what looks like water and is not, and of water that is small or rough.

    Ranges of backscatter are those of C-band at 30 to 45 degrees that the literature gives for such surfaces (Ulaby and
    Dobson 1989, Handbook of Radar Scattering Statistics for Terrain); how often each occurs is set by hand; three of
    four chips have at least one.
    """
    for lookalike in _ALL:
        # Every draw is made, so that one addition does not move the next one's randomness.
        own = np.random.default_rng(rng.integers(1 << 62))
        if own.random() < lookalike.chance:
            scene = lookalike.add(own, scene)
    return scene


def add_fields(rng: np.random.Generator, scene: Scene) -> Scene:
    """Return the scene with dry land that looks like water, and nothing else: dark fields in groups, at times a runway.

    No water is added and none is changed, so what a network learns of them is about land alone.
    """
    for lookalike in _LAND:
        own = np.random.default_rng(rng.integers(1 << 62))
        if own.random() < lookalike.chance:
            scene = lookalike.add(own, scene)
    return scene


def _mountains(rng: np.random.Generator, scene: Scene) -> Scene:
    """Hills away from the water: bright slopes towards the radar, layover, and radar shadow behind them.

    A point lies in shadow where the line of sight to it, which falls by cot(incidence) a metre, meets ground before it; a
    facing slope shows sin(incidence) / sin(incidence - slope) times the power of flat land (Ulander 1996, IEEE TGRS 34(5)).
    """
    size = scene.water.shape[0]
    far = scipy.ndimage.distance_transform_edt(~scene.water) if scene.water.any() else np.full((size, size), 999.0)
    rise = np.clip((far - 12) / 50, 0, 1)
    height = np.abs(fractal(rng, size, outer=rng.uniform(60, 200), slope=rng.uniform(3.6, 4.2)))
    height = scipy.ndimage.gaussian_filter(height, 1.0) * rise * rng.uniform(2, 14)  # in pixels of 10 m
    incidence = np.radians(rng.uniform(31, 45))
    looks_right = rng.random() < 0.5
    seen = height if looks_right else height[:, ::-1]
    along = np.arange(size) / np.tan(incidence)
    reach = seen + along
    shadow = np.maximum.accumulate(reach, axis=1) > reach + 1e-3
    slope = np.arctan(np.gradient(seen, axis=1))
    local = np.clip(incidence - slope, 0.05, np.pi / 2)
    factor = np.clip(np.sin(incidence) / np.sin(local), 0.3, _BRIGHTEST)
    factor = np.where(shadow, 0.0, factor)
    factor = factor if looks_right else factor[:, ::-1]
    dry = ~scene.water
    bands = [np.where(dry, band * factor + _SHADOW_POWER, band) for band in (scene.vv, scene.vh)]
    return _with(scene, *bands)


def _smooth_fields(rng: np.random.Generator, scene: Scene) -> Scene:
    """Fields that are harrowed, wet and bare, or young and low: nearly as dark as water, each in its own way."""
    size = scene.water.shape[0]
    fields = parcels(
        rng,
        size,
        length=rng.uniform(12, 60),
        width=rng.uniform(8, 40),
        angle=rng.uniform(0, np.pi),
        jitter=rng.uniform(0.1, 0.5),
    )
    chosen = of_parcel(rng.random(PARCEL_SIDE**2), fields) < rng.uniform(0.05, 0.4)
    dark = of_parcel(rng.random(PARCEL_SIDE**2), fields)
    vv_db = -13.0 - 6.0 * dark + 0.5 * fractal(rng, size, outer=20, slope=2.0)
    vh_db = -20.5 - 5.0 * dark + of_parcel(rng.normal(0, 0.8, PARCEL_SIDE**2), fields)
    return _painted(scene, chosen, vv_db, vh_db)


def _dark_fields(rng: np.random.Generator, scene: Scene) -> Scene:
    """Groups of fields of every level between land and water: harrowed, bare or stubble, large ones and clearings.

    Bare soil falls from rough to smooth by some 8 dB in VV and less in VH, and its VV stays 5 to 9 dB above its VH (Oh,
    Sarabandi and Ulaby 1992, IEEE TGRS 30(2)).
    """
    size = scene.water.shape[0]
    fields = parcels(
        rng,
        size,
        length=np.exp(rng.uniform(np.log(8), np.log(90))),
        width=np.exp(rng.uniform(np.log(6), np.log(50))),
        angle=rng.uniform(0, np.pi),
        jitter=rng.uniform(0.05, 0.5),
    )
    # A field is dark as a whole, and dark ones lie beside each other.
    surface = fractal(rng, size, outer=rng.uniform(60, 300), slope=3.2)
    count = np.bincount(fields.ravel(), minlength=PARCEL_SIDE**2).clip(1)
    mean = np.bincount(fields.ravel(), surface.ravel(), minlength=PARCEL_SIDE**2) / count
    group = lowest(of_parcel(mean, fields), rng.uniform(0.1, 0.8))
    chosen = group & (of_parcel(rng.random(PARCEL_SIDE**2), fields) < rng.uniform(0.1, 0.7))
    dark = of_parcel(rng.beta(1.2, 1.2, PARCEL_SIDE**2), fields)
    apart = rng.uniform(5.5, 8.5) + of_parcel(rng.normal(0, 0.7, PARCEL_SIDE**2), fields)
    vh_db = -18.5 - 6.0 * dark + 0.6 * fractal(rng, size, outer=25, slope=2.4)
    return _painted(scene, chosen, vh_db + apart, vh_db)


def _flats(rng: np.random.Generator, scene: Scene) -> Scene:
    """Sand, dry lake beds and tidal flats: wide, smooth, with slow texture and no edge."""
    size = scene.water.shape[0]
    surface = fractal(rng, size, outer=rng.uniform(60, 400), slope=3.6)
    flat = lowest(surface, rng.uniform(0.05, 0.6))
    depth = rng.uniform(0, 1) + 0.25 * fractal(rng, size, outer=120, slope=3.0)
    soft = np.clip(-surface + surface[flat].max(), 0, 0.6) / 0.6  # fades in over the rim
    vv_db = 10 * np.log10(scene.vv) * (1 - soft) + (-15.0 - 5.0 * depth) * soft
    vh_db = 10 * np.log10(scene.vh) * (1 - soft) + (-22.0 - 4.5 * depth) * soft
    return _painted(scene, flat, vv_db, vh_db)


def _runways(rng: np.random.Generator, scene: Scene) -> Scene:
    """Asphalt: straight, a few pixels wide, as dark as calm water."""
    size = scene.water.shape[0]
    paved = np.zeros((size, size), dtype=np.bool_)
    for _ in range(int(rng.integers(1, 5))):
        through = (rng.uniform(0, size), rng.uniform(0, size))
        turn = rng.uniform(0, np.pi)
        across = np.abs(distance_to_straight(size, through, turn)) < rng.uniform(1.0, 3.5)
        ends = np.abs(distance_to_straight(size, through, turn + np.pi / 2)) < rng.uniform(40, 400)
        paved |= across & ends
    level = rng.uniform(0, 1)
    return _painted(scene, paved, np.float32(-17.0 - 4.0 * level), np.float32(-24.0 - 4.0 * level))


def _wet_snow(rng: np.random.Generator, scene: Scene) -> Scene:
    """Wet snow, which swallows the signal: 3 to 7 dB darker in both (Nagler and Rott 2000 take 3 dB for its sign)."""
    size = scene.water.shape[0]
    snow = lowest(fractal(rng, size, outer=rng.uniform(80, 400), slope=3.4), rng.uniform(0.2, 0.9)) & ~scene.water
    loss = np.float32(10 ** (-rng.uniform(3, 7) / 10))
    return _with(scene, np.where(snow, scene.vv * loss, scene.vv), np.where(snow, scene.vh * loss, scene.vh))


def _small_water(rng: np.random.Generator, scene: Scene) -> Scene:
    """A narrow river and ponds, some with wind on them."""
    size = scene.water.shape[0]
    rows, cols = np.mgrid[0:size, 0:size].astype(np.float32)
    wet = np.zeros((size, size), dtype=np.bool_)
    if rng.random() < 0.7:
        line = meander(
            rng,
            size,
            wavelength=rng.uniform(60, 200),
            bend=rng.uniform(0.6, 1.5),
            direction=rng.uniform(0, np.pi),
            offset=rng.normal(0, 100),
        )
        distance, _ = distance_to([line], size)
        wet |= distance < rng.uniform(0.8, 3.0)
    ragged = fractal(rng, size, outer=30, slope=3.0)
    for _ in range(int(rng.poisson(10))):
        row, col, radius = rng.uniform(0, size), rng.uniform(0, size), rng.lognormal(np.log(4), 0.6)
        oval = np.hypot((rows - row) * rng.uniform(0.6, 1.6), cols - col)
        wet |= oval < radius * (1 + 0.25 * ragged)
    vv_db, vh_db = _open_water(rng)
    added = _painted(scene, wet, np.float32(vv_db), np.float32(vh_db), over_water=True)
    return replace(added, water=scene.water | wet)


def _rough_water(rng: np.random.Generator, scene: Scene) -> Scene:
    """Gusts over part of the open water: VV as bright as land, VH a few dB below it."""
    size = scene.water.shape[0]
    gust = np.clip(rng.uniform(0, 1) + 0.4 * fractal(rng, size, outer=rng.uniform(60, 300), slope=3.0), 0, 1)
    lift_vv = 10 ** (gust * rng.uniform(3, 9) / 10)
    lift_vh = 10 ** (gust * rng.uniform(0.5, 4) / 10)
    open_water = scene.water & ~scene.vegetated
    return _with(
        scene, np.where(open_water, scene.vv * lift_vv, scene.vv), np.where(open_water, scene.vh * lift_vh, scene.vh)
    )


_ALL = (
    _Lookalike(0.18, _mountains),
    _Lookalike(0.3, _smooth_fields),
    _Lookalike(0.15, _flats),
    _Lookalike(0.12, _runways),
    _Lookalike(0.06, _wet_snow),
    _Lookalike(0.25, _small_water),
    _Lookalike(0.2, _rough_water),
)

# For `add_fields`: a chip may have two kinds of dark fields, each with its own shape.
_LAND = (_Lookalike(0.9, _dark_fields), _Lookalike(0.5, _dark_fields), _Lookalike(0.1, _runways))


def _open_water(rng: np.random.Generator) -> tuple[float, float]:
    wind = rng.uniform(0, 1)
    vv, vh = (calm + (rough - calm) * wind for calm, rough in zip(_CALM_DB, _ROUGH_DB, strict=True))
    return float(vv), float(vh)


def _painted(
    scene: Scene,
    where: BoolArray,
    vv_db: FloatArray | np.float32,
    vh_db: FloatArray | np.float32,
    *,
    over_water: bool = False,
) -> Scene:
    """Return the scene with a surface of so many dB where no water stands, or over the water too; its rim one pixel soft."""
    where = where if over_water else where & ~scene.water
    share = scipy.ndimage.gaussian_filter(where.astype(np.float32), 0.6)
    if not over_water:
        share = np.where(scene.water, 0, share)
    bands = [
        band * (1 - share) + np.power(10.0, np.asarray(db) / 10) * share
        for band, db in ((scene.vv, vv_db), (scene.vh, vh_db))
    ]
    return _with(scene, *bands)


def _with(scene: Scene, vv: FloatArray, vh: FloatArray) -> Scene:
    return replace(scene, vv=np.asarray(vv, dtype=np.float32), vh=np.asarray(vh, dtype=np.float32))
