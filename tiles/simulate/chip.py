"""One simulated chip: its arrays out of scene and radar, its place on Earth, its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.ndimage
from affine import Affine
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.io import MemoryFile

from tiles.grid import Grid
from tiles.simulate.floods import FLOODS
from tiles.simulate.lookalikes import add_fields, add_lookalikes
from tiles.simulate.patterns import BoolArray, FloatArray, fractal, lowest
from tiles.simulate.places import Biome, Kind, cell
from tiles.simulate.radar import measure, other_noise, other_processor
from tiles.simulate.scene import build_scene
from tiles.simulate.terrain import PIXEL_M

Layout = Literal["sen1floods11", "drivendata"]
"""The data sets whose files the simulator can imitate."""
Variety = Literal["floods", "wide", "fields"]
"""What chips show: floods as eleven real ones were, or these with what looks like water beside them and of other processors, or
these with dark land, every second one without water."""

TAG = {"FLOODSCOPE_SIMULATED": "yes"}
"""The metadata tag of every GeoTIFF that holds simulated data."""

# Sen1Floods11's pixel: 10 m of the equator in degrees, and its corners are whole multiples of it.
_DEGREES = 8.983152841195215e-05
# Chips stand this many chip widths apart, and each is moved by up to this share of its width.
_SPACING, _SHIFT = 1.15, 0.05
# Noise equivalent sigma0 in dB. The product specification allows -22; measured ones are -25 to -30 across the swath.
_NOISE_DB = {"vv": -28.5, "vh": -27.0}


@dataclass(frozen=True)
class SimulatedChip:
    """The arrays of one chip, all of shape (size, size).

    Attributes:
        vv, vh: float32 backscatter in dB, NaN where there is no data.
        label: uint8, 0 dry, 1 water, 255 unknown.
    """

    vv: FloatArray
    vh: FloatArray
    label: npt.NDArray[np.uint8]


def draw_chip(seed: int, number: int, size: int, variety: Variety = "floods") -> SimulatedChip:
    """Make up chip `number` of a series; it depends on nothing but these four."""
    flood = FLOODS[number % len(FLOODS)]
    turn = number // len(FLOODS)
    kind = flood.biome.kinds[turn % len(flood.biome.kinds)]
    if variety == "fields" and number % 2:
        kind = "dry"
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    longitude_shrinks = float(np.cos(np.radians(flood.centres[0][1])))
    return _draw(
        rng,
        flood.biome,
        kind,
        size,
        pixel_m=(PIXEL_M, PIXEL_M * longitude_shrinks),
        unknown=rng.uniform(0.05, 0.3) if number % 3 == 1 else 0.0,
        missing=rng.uniform(0.08, 0.3) if number % 9 == 4 else 0.0,
        # A stream of its own: the chip under what is added is that of "floods".
        more=np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, 2))),
        variety=variety,
    )


def _draw(
    rng: np.random.Generator,
    biome: Biome,
    kind: Kind,
    size: int,
    *,
    pixel_m: tuple[float, float],
    unknown: float,
    missing: float,
    more: np.random.Generator,
    variety: Variety,
) -> SimulatedChip:
    scene = build_scene(rng, biome, kind, size)
    # The processor's noise vectors are never quite the noise: more or less of it is left.
    removed = rng.uniform(0.75, 0.97)
    noise: Mapping[str, float] = _NOISE_DB
    if variety == "fields":
        scene = add_fields(more, scene)
    if variety == "wide":
        scene = add_lookalikes(more, scene)
        removed, noise = other_noise(more, removed, noise)
    vv = measure(rng, scene.vv, noise_db=noise["vv"], removed=removed, pixel_m=pixel_m)
    vh = measure(rng, scene.vh, noise_db=noise["vh"], removed=removed, pixel_m=pixel_m)
    if variety == "wide":
        vv, vh = other_processor(more, vv, vh)
    # A labeller draws outlines, and leaves out what is one pixel wide.
    outlined = scipy.ndimage.uniform_filter(scene.water.astype(np.float32), 3) > 0.5
    label = outlined.astype(np.uint8)
    if unknown:  # clouds in the optical image that the label was made from
        label[lowest(fractal(rng, size, outer=110, slope=4.0), unknown)] = 255
    if missing:
        gone = _wedge(rng, size, missing)
        vv[gone], vh[gone], label[gone] = np.nan, np.nan, 255
    return SimulatedChip(vv, vh, label)


def _wedge(rng: np.random.Generator, size: int, share: float) -> BoolArray:
    """Return the part of a chip beyond the edge of the swath, whose side leans as the satellite's track does."""
    rows, cols = np.mgrid[0:size, 0:size].astype(np.float32)
    lean = rng.choice([-1.0, 1.0]) * np.tan(np.radians(rng.uniform(9, 14)))
    beyond = cols + lean * rows
    return lowest(np.asarray(beyond * rng.choice([-1.0, 1.0]), dtype=np.float32), share)


def place_chip(seed: int, number: int, size: int, layout: Layout) -> Grid:
    """Return the grid of chip `number`: at its flood, on the real data set's kind of grid, clear of the other chips."""
    flood = FLOODS[number % len(FLOODS)]
    # A stream of its own, so that a chip's place and its pixels do not depend on each other.
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, 1)))
    across = size * _DEGREES
    # A chip of square metres is wider in degrees than one of square degrees.
    squeeze = np.cos(np.radians(flood.centres[0][1])) if layout == "drivendata" else 1.0
    lon, lat = cell(flood, number // len(FLOODS), across / squeeze * _SPACING, across * _SPACING)
    lon += across / squeeze * rng.uniform(-_SHIFT, _SHIFT)
    lat += across * rng.uniform(-_SHIFT, _SHIFT)
    if layout == "sen1floods11":
        left, top = round((lon - across / 2) / _DEGREES), round((lat + across / 2) / _DEGREES)
        transform = Affine(_DEGREES, 0.0, left * _DEGREES, 0.0, -_DEGREES, top * _DEGREES)
        return Grid(CRS.from_epsg(4326), transform, size, size)
    zone = int((lon + 180) // 6) + 1
    crs = CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)
    x, y = Transformer.from_crs(4326, crs.to_epsg(), always_xy=True).transform(lon, lat)
    west, north = (round(v / PIXEL_M) * PIXEL_M for v in (x - size / 2 * PIXEL_M, y + size / 2 * PIXEL_M))
    return Grid(crs, Affine(PIXEL_M, 0.0, west, 0.0, -PIXEL_M, north), size, size)


def write_chip(folder: Path, name: str, chip: SimulatedChip, grid: Grid, layout: Layout) -> None:
    """Write a chip's GeoTIFFs in a layout's types, nodata and names, each tagged as simulated."""
    if layout == "sen1floods11":
        bands = np.stack([chip.vv, chip.vh])
        label = np.where(chip.label == 255, -1, chip.label.astype(np.int16)).astype(np.int16)
        _write(folder / "S1Hand" / f"{name}_S1Hand.tif", bands, grid, nodata=np.nan, names=("VV", "VH"))
        _write(folder / "LabelHand" / f"{name}_LabelHand.tif", label[None], grid, nodata=None)
        return
    for band, values in (("vv", chip.vv), ("vh", chip.vh)):
        filled = np.nan_to_num(values, nan=0.0)
        _write(folder / "train_features" / f"{name}_{band}.tif", filled[None], grid, nodata=0.0, tiled=True)
    _write(folder / "train_labels" / f"{name}.tif", chip.label[None], grid, nodata=255, tiled=True)


def _write(
    path: Path,
    bands: npt.NDArray[np.generic],
    grid: Grid,
    *,
    nodata: float | None,
    names: tuple[str, ...] = (),
    tiled: bool = False,
) -> None:
    blocks = {"tiled": True, "blockxsize": 256, "blockysize": 256} if tiled else {"blockysize": grid.height}
    # Made in memory, so that a full disk is an error of the operating system, which says so in one line.
    with (
        MemoryFile() as memory,
        memory.open(
            driver="GTiff",
            width=grid.width,
            height=grid.height,
            count=len(bands),
            dtype=bands.dtype,
            crs=grid.crs,
            transform=grid.transform,
            nodata=nodata,
            compress="deflate",
            zlevel=1,  # speckle does not compress: more effort takes three times as long for 2 %
            interleave="band",
            **blocks,
        ) as raster,
    ):
        raster.write(bands)
        raster.update_tags(**TAG)
        for number, name in enumerate(names, start=1):
            raster.set_band_description(number, name)
        raster.close()
        path.write_bytes(memory.read())
