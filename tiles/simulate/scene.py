"""The true scene under a simulated chip: terrain and water, land cover, and each pixel's mean backscatter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from tiles.simulate.patterns import PARCEL_SIDE, BoolArray, FloatArray, fractal, lowest, of_parcel, parcels
from tiles.simulate.places import Biome, Kind
from tiles.simulate.terrain import PIXEL_M, Ground, make_flood, make_ground, make_roads


class Cover(IntEnum):
    """What covers the land where no water stands."""

    CROP = 0
    FOREST = 1
    GRASS = 2
    BARE = 3
    TOWN = 4
    ROAD = 5


# Mean VV and VH in dB of the covers that a biome does not set itself. C-band, IW, 30 to 45 degrees of incidence.
_COVER_DB: dict[Cover, tuple[float, float]] = {
    Cover.FOREST: (-8.2, -14.0),
    Cover.GRASS: (-9.9, -16.5),
    Cover.TOWN: (-5.5, -13.0),
    Cover.ROAD: (-11.5, -18.5),
}
# Open water from glassy to wind-roughened: Bragg scattering lifts VV by 9 dB, VH by 3.
_CALM_DB, _ROUGH_DB = (-21.0, -28.6), (-10.6, -25.8)
# Corner reflections between a water surface and stems, on top of the vegetation's own backscatter.
_DOUBLE_BOUNCE_DB = (-9.2, -19.5)


@dataclass(frozen=True)
class Scene:
    """A scene of 10 m pixels, all arrays of shape (size, size).

    Attributes:
        cover: uint8, a `Cover` where no water stands (and what stands under it where one does).
        water: bool, the ground truth: open water, permanent or flood, and flooded vegetation.
        vegetated: bool, the part of `water` with so many plants above it that they hide it.
        vv, vh: float32 true sigma0, linear power, without speckle or noise.
    """

    cover: npt.NDArray[np.uint8]
    water: BoolArray
    vegetated: BoolArray
    vv: FloatArray
    vh: FloatArray


@dataclass(frozen=True)
class _Setting:
    """What a scene is made of before the radar looks at it: the land, what covers it, and where the water is."""

    biome: Biome
    kind: Kind
    ground: Ground
    cover: npt.NDArray[np.uint8]
    water: BoolArray


def build_scene(rng: np.random.Generator, biome: Biome, kind: Kind, size: int) -> Scene:
    """Make up the scene of one chip.

    Args:
        rng: every random choice comes from it.
        biome: what the land is like.
        kind: what holds the water.
        size: rows and columns.
    """
    angle = rng.normal(0, 0.02) if biome.upright else rng.uniform(0, np.pi)
    fields = parcels(
        rng,
        size,
        length=biome.parcel[0] / PIXEL_M,
        width=biome.parcel[1] / PIXEL_M,
        angle=angle,
        jitter=biome.jitter,
    )
    ground = make_ground(rng, kind, size, fields)
    road = make_roads(rng, biome, size, angle)
    share = rng.uniform(*biome.water)
    water = make_flood(rng, kind, ground, road, share)
    cover = _cover(rng, biome, ground, road)
    setting = _Setting(biome, kind, ground, cover, water)
    return _fill(rng, setting, _land_db(rng, setting))


def _cover(rng: np.random.Generator, biome: Biome, ground: Ground, road: BoolArray) -> npt.NDArray[np.uint8]:
    size = road.shape[0]
    cover = np.full((size, size), Cover.CROP, dtype=np.uint8)
    patchy = _by_parcel(rng, ground)
    wide = fractal(rng, size, outer=220, slope=3.4)
    # Grass and crops part along field walls, forest ends where it likes, more often on a slope or beside a channel.
    by_field = 2.0 if biome.upright else 0.6
    cover[lowest(np.asarray(wide + by_field * patchy, dtype=np.float32), biome.grass / max(1e-6, 1 - biome.forest))] = (
        Cover.GRASS
    )
    trees = fractal(rng, size, outer=130, slope=2.6) - 0.35 * ground.height
    trees -= 1.4 * np.exp(-(((ground.near_channel - 14) / 9) ** 2))
    cover[lowest(np.asarray(trees, dtype=np.float32), biome.forest)] = Cover.FOREST
    # Half of the smooth soil is fallow fields, half is pans: smooth low ground that water left long ago.
    fallow = of_parcel(rng.random(PARCEL_SIDE**2), ground.fields) < biome.bare * 0.6
    pans = lowest(fractal(rng, size, outer=90, slope=3.8) + 0.4 * ground.height, biome.bare * 0.5)
    cover[(fallow & (cover != Cover.FOREST)) | pans] = Cover.BARE
    cover[road] = Cover.ROAD
    cover[_towns(rng, biome, size)] = Cover.TOWN
    return cover


def _by_parcel(rng: np.random.Generator, ground: Ground) -> FloatArray:
    """Return a surface of one normal value a field."""
    return of_parcel(rng.standard_normal(PARCEL_SIDE**2), ground.fields)


def _towns(rng: np.random.Generator, biome: Biome, size: int) -> BoolArray:
    built = np.zeros((size, size), dtype=np.bool_)
    towns = rng.poisson(biome.towns * (size / 512) ** 2)
    if not towns:
        return built
    rows, cols = np.mgrid[0:size, 0:size].astype(np.float32)
    ragged = fractal(rng, size, outer=40, slope=2.4)
    for _ in range(towns):
        radius = rng.lognormal(np.log(16), 0.7)
        row, col = rng.uniform(0, size, 2)
        turn, block = rng.uniform(0, np.pi), rng.uniform(8, 13)
        across = (rows - row) * np.cos(turn) - (cols - col) * np.sin(turn)
        down = (rows - row) * np.sin(turn) + (cols - col) * np.cos(turn)
        houses = (np.mod(across, block) > 1.4) & (np.mod(down, block * 1.6) > 1.4)
        inside = np.hypot(across * rng.uniform(0.7, 1.3), down) < radius * (1 + 0.45 * ragged)
        built |= inside & houses
    return built


def _land_db(rng: np.random.Generator, setting: _Setting) -> tuple[FloatArray, FloatArray]:
    """Return mean VV and VH in dB of the dry land."""
    biome, ground, cover = setting.biome, setting.ground, setting.cover
    # A chip's season and soil moisture shift both bands together.
    season = rng.normal(0, 0.8)
    common = _by_parcel(rng, ground)
    planted = np.isin(cover, (Cover.CROP, Cover.BARE, Cover.GRASS))
    relief = _relief(ground.height, biome)
    means = {**_COVER_DB, Cover.CROP: biome.crop_db, Cover.BARE: biome.bare_db}
    bands = []
    for band in (0, 1):
        table = np.array([means[Cover(code)][band] for code in range(len(Cover))], dtype=np.float32)
        own = _by_parcel(rng, ground)
        contrast = biome.contrast * np.where(cover == Cover.CROP, 1.0, 0.55)
        fields = np.where(planted, contrast * (0.75 * common + 0.65 * own), 0)
        texture = 0.75 * fractal(rng, cover.shape[0], outer=120, slope=2.2)
        bands.append(np.asarray(table[cover] + season + fields + texture + relief, dtype=np.float32))
    return bands[0], bands[1]


def _relief(height: FloatArray, biome: Biome) -> FloatArray:
    """Return how many dB brighter slopes that face the radar are."""
    along = np.gradient(scipy.ndimage.gaussian_filter(height, 3.0), axis=1)
    facing = along if biome.looks_east else -along
    return np.asarray(biome.relief * (facing / max(float(facing.std()), 1e-9)).clip(-2.5, 2.5), dtype=np.float32)


def _fill(rng: np.random.Generator, setting: _Setting, land: tuple[FloatArray, FloatArray]) -> Scene:
    """Put the water over the land, in linear power: open, wind-roughened, or with plants standing out of it."""
    water = setting.water
    gusts = fractal(rng, water.shape[0], outer=200, slope=3.0)
    wind = (setting.biome.wind + rng.normal(0, 0.16) + 0.08 * gusts).clip(0, 1).astype(np.float32)
    stands = _emergent_share(rng, setting)
    bands = []
    for band in (0, 1):
        open_db = _CALM_DB[band] + (_ROUGH_DB[band] - _CALM_DB[band]) * wind
        open_power = 10 ** (open_db / 10)
        plants = 10 ** (land[band] / 10)
        bounce = 10 ** (_DOUBLE_BOUNCE_DB[band] / 10) * 4 * stands * (1 - stands)
        wet = (1 - stands) * open_power + stands * plants + bounce
        power = np.where(water, wet, plants)
        bands.append(power)
    targets = _bright_points(rng, setting)
    bands[0] = bands[0] + targets
    bands[1] = bands[1] + targets * rng.uniform(0.06, 0.16)
    # The impulse response: 20 m of resolution on 10 m pixels.
    vv, vh = (scipy.ndimage.gaussian_filter(b.astype(np.float32), 0.75) for b in bands)
    return Scene(setting.cover, water, water & (stands > 0.35), vv, vh)


def _emergent_share(rng: np.random.Generator, setting: _Setting) -> FloatArray:
    """Return the share of each pixel that plants above the water hide, 0 to 1: more where it is shallow or wooded."""
    water, ground = setting.water, setting.ground
    deep = setting.kind in ("lake", "lagoon")
    if not water.any():
        return np.zeros(water.shape, dtype=np.float32)
    # Where most neighbours are wet, the water is taken to be deep.
    depth = scipy.ndimage.gaussian_filter(water.astype(np.float32), 6)
    patches = fractal(rng, water.shape[0], outer=90, slope=3.4) + 0.5 * _by_parcel(rng, ground)
    likely = patches - 2.0 * (depth - 0.6) + 0.9 * (setting.cover == Cover.FOREST)
    # Reservoirs and lagoons are too deep for plants except near the shore.
    amount = setting.biome.emergent * rng.lognormal(0, 0.4) * (0.3 if deep else 1.0)
    edge = np.quantile(likely[water], 1 - min(0.95, amount))
    # Some floods end at a wall of reeds, others thin out: plants stand in most of the water, more or less.
    softness = rng.uniform(0.1, 0.4)
    share = 0.85 / (1 + np.exp(-((likely - edge) / softness).clip(-30, 30)))
    if deep:
        share = np.where(depth > 0.9, 0, share)
    return np.asarray(np.where(ground.permanent, 0, share), dtype=np.float32)


def _bright_points(rng: np.random.Generator, setting: _Setting) -> FloatArray:
    """Return the linear power of corner reflectors: walls in towns, lone houses, pylons and greenhouses on the land."""
    cover = setting.cover
    chance = np.where(cover == Cover.TOWN, 0.07, 0.00035 * setting.biome.towns)
    chance = np.where(setting.water | (cover == Cover.FOREST), 0, chance)
    hits = rng.random(cover.shape) < chance
    strength = rng.lognormal(np.log(0.9), 0.9, cover.shape).clip(0, 25)
    return np.asarray(np.where(hits, strength, 0), dtype=np.float32)
