"""Random changes of one good GeoTIFF, from a seed: its numbers, its layout, what it says of itself, and damage.

What the pixels are in truth stays known: a mutation moves no pixel, but where it says so by a tag that a reader must follow.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning

from tests.door.inputs import amplitude, power
from tests.tiles.chips import PLACE, SIZE, UTM, Array, backscatter

Rng = np.random.Generator


@dataclass
class Draft:
    """A file that is being made: its bands, and whatever else it will hold."""

    bands: list[Array]
    names: list[str | None]
    profile: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    band_tags: dict[str, str] = field(default_factory=dict)
    units: list[str | None] = field(default_factory=list)
    scales: list[float] = field(default_factory=list)
    offsets: list[float] = field(default_factory=list)
    colours: list[ColorInterp] = field(default_factory=list)
    mask: Array | None = None
    damage: list[Callable[[bytearray], bytearray]] = field(default_factory=list)
    name: str = "lake.tif"
    said: dict[str, str] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)

    def written(self) -> bytes:
        """Return the bytes of the file."""
        settings = {
            "driver": "GTiff", "height": self.bands[0].shape[0], "width": self.bands[0].shape[1], "count": len(self.bands),
            "dtype": np.result_type(*self.bands), "crs": UTM, "transform": PLACE,
        } | self.profile  # fmt: skip
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            path = Path(folder) / "made.tif"
            known = {k: v for k, v in settings.items() if v is not None}
            options = rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_PAM_ENABLED="NO")
            with options, rasterio.open(path, "w", **known) as dataset:
                self._fill(dataset)
            data = bytearray(path.read_bytes())
        for damage in self.damage:
            data = damage(data)
        return bytes(data)

    def _fill(self, dataset: Any) -> None:
        if self.colours:
            dataset.colorinterp = (self.colours + [ColorInterp.undefined] * len(self.bands))[: len(self.bands)]
        for number, band in enumerate(self.bands, 1):
            dataset.write(band.astype(dataset.dtypes[0]), number)
            if self.band_tags:
                dataset.update_tags(number, **self.band_tags)
        for number, name in enumerate(self.names[: len(self.bands)], 1):
            if name is not None:
                dataset.set_band_description(number, name)
        if self.units:
            dataset.units = [(self.units * len(self.bands))[i] for i in range(len(self.bands))]
        if self.scales:
            dataset.scales = [(self.scales * len(self.bands))[i] for i in range(len(self.bands))]
            dataset.offsets = [(self.offsets * len(self.bands))[i] for i in range(len(self.bands))]
        if self.tags:
            dataset.update_tags(**self.tags)
        if self.mask is not None:
            dataset.write_mask(self.mask)


def mutated(seed: int) -> Draft:
    """Return one to three changes of a good file, the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    vv, vh = backscatter(seed=seed % 5)
    draft = Draft([vv, vh], ["VV", "VH"] if rng.random() < 0.6 else [None, None])
    for index in rng.choice(len(MUTATIONS), int(rng.integers(1, 4)), replace=False):
        change = MUTATIONS[int(index)]
        change(draft, rng)
        draft.story.append(change.__name__.strip("_"))
    return draft


def _one_of(rng: Rng, *values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


# --- what the bands say -------------------------------------------------------------------------------------------------
_SAID = (
    "VV", "VH", "HH", "HV", "vv", "vh", "Band 1", "", "b1", "Sigma0_VV", "Sigma0_VH", "Sigma0_VV_db", "Gamma0_VH_db", "VVdB",
    "Amplitude_VV", "Intensity_VH", "VV_power", "VH linear", "angle", "VV/VH", "ratio", "coherence", "Grün", "ascending", "red",
    "VV mean 2021", "VH_median", "vv_vh", "\t", "Polarisation=VH", "sigma nought VV [dB]", "x" * 300,
)  # fmt: skip


def _names(draft: Draft, rng: Rng) -> None:
    draft.names = [_one_of(rng, *_SAID), _one_of(rng, *_SAID)]


def _one_name(draft: Draft, rng: Rng) -> None:
    draft.names[int(rng.integers(len(draft.names)))] = _one_of(rng, *_SAID, None)


def _no_names(draft: Draft, rng: Rng) -> None:
    draft.names = [None] * len(draft.bands)


def _tags(draft: Draft, rng: Rng) -> None:
    key = _one_of(
        rng, "units", "UNIT", "scale", "SCALING", "scale_factor", "add_offset", "backscatter_units", "polarization"
    )
    draft.tags[key] = _one_of(
        rng, "dB", "decibel", "power", "linear", "amplitude", "10", "100", "0.01", "0.1", "VV", "m", ""
    )


def _band_tags(draft: Draft, rng: Rng) -> None:
    key = _one_of(rng, "units", "unittype", "scale_factor", "long_name", "polarization")
    draft.band_tags[key] = _one_of(rng, "dB", "power", "amplitude", "100", "VH", "sigma0")


def _units(draft: Draft, rng: Rng) -> None:
    draft.units = [_one_of(rng, "dB", "decibel", "linear", "power", "1", "amplitude", "m", "intensity"), "dB"]


def _called(draft: Draft, rng: Rng) -> None:
    draft.name = _one_of(
        rng, "lake_db.tif", "lake_linear.tif", "lake_amplitude.tif", "power plant.tif", "lake_vv.tif", "lake_hh.tif", "OPERA.tif",
        "lake_vv_vh.tif", "S1A_IW_20240101T000000_DVP_RTC30_G_gpuned_FD6A.tif", "S1A_IW_20240101T000000_DVP_RTC30_G_sduned_A.tif",
        "OPERA_L2_RTC-S1_T064-135524-IW2_20240101.tif", "s1a-iw.rtc.tif", "1.tif", "image.tiff",
    )  # fmt: skip


def _answers(draft: Draft, rng: Rng) -> None:
    said = {
        "units": _one_of(rng, "db", "power", "amplitude"),
        "bands": _one_of(rng, "VV,VH", "VH,VV", "-,VV,VH", "VV,VH,-"),
    }
    kept = _one_of(rng, "units", "bands")
    draft.said = {kept: said[kept]}


# --- what the bands are -------------------------------------------------------------------------------------------------
def _order(draft: Draft, rng: Rng) -> None:
    draft.bands.reverse()
    if rng.random() < 0.5:
        draft.names.reverse()


def _more_bands(draft: Draft, rng: Rng) -> None:
    first, last = draft.bands[0], draft.bands[-1]
    band, name = _one_of(
        rng,
        (np.full((SIZE, SIZE), 38.5, np.float32), "angle"),
        (np.full((SIZE, SIZE), 300, np.float32), "elevation"),
        (first.copy(), "VV_smooth"),
        (last * 0, None),
        ((first > -9).astype(np.float32), "mask"),
    )
    at = int(rng.integers(3))
    draft.bands.insert(at, band)
    draft.names.insert(at, name)


def _fewer_bands(draft: Draft, rng: Rng) -> None:
    at = int(rng.integers(2))
    del draft.bands[at], draft.names[at]


def _same_bands(draft: Draft, rng: Rng) -> None:
    draft.bands = [draft.bands[0].copy() for _ in draft.bands]


# --- units and types ----------------------------------------------------------------------------------------------------
def _changed(draft: Draft, change: Callable[[Array], Array], which: slice = slice(None)) -> None:
    chosen = range(*which.indices(len(draft.bands)))
    draft.bands = [change(band.real.astype(np.float64)) if i in chosen else band for i, band in enumerate(draft.bands)]


def _in_power(draft: Draft, rng: Rng) -> None:
    _changed(draft, power, _one_of(rng, slice(None), slice(None), slice(0, 1), slice(1, 2)))


def _in_amplitude(draft: Draft, rng: Rng) -> None:
    _changed(draft, amplitude, _one_of(rng, slice(None), slice(None), slice(0, 1), slice(1, 2)))


def _times(draft: Draft, rng: Rng) -> None:
    factor = _one_of(rng, -1.0, 0.1, 0.5, 2.0, 10.0, 100.0, 1000.0)
    _changed(draft, lambda band: (band * factor).astype(np.float32))


def _plus(draft: Draft, rng: Rng) -> None:
    # By a few dB chips differ from each other: no door can tell, so none is asked.
    shift = _one_of(rng, -40.0, -20.0, 20.0, 30.0, 83.0)
    which = _one_of(rng, slice(None), slice(0, 1), slice(1, 2))
    _changed(draft, lambda band: (band + shift).astype(np.float32), which)


def _stretched(draft: Draft, rng: Rng) -> None:
    kind = _one_of(rng, "0..1", "z", "0..255")
    if kind == "z":
        _changed(draft, lambda band: ((band - band.mean()) / max(float(band.std()), 1e-6)).astype(np.float32))
    else:
        top = 1.0 if kind == "0..1" else 255.0
        _changed(draft, lambda band: (np.clip((band + 30) / 30, 0, 1) * top).astype(np.float32))


def _whole(draft: Draft, rng: Rng) -> None:
    factor, kind = _one_of(rng, 1, 10, 100, 1000), _one_of(rng, "i2", "i4", "u2", "u1")
    with np.errstate(invalid="ignore", over="ignore"):
        _changed(draft, lambda band: np.nan_to_num(band * factor).round().astype(np.int64).astype(kind))


def _packed(draft: Draft, rng: Rng) -> None:
    """Pack the numbers as a scale and offset say: right ones."""
    scale, offset, kind = _one_of(rng, (0.01, 0.0, "i2"), (0.1, 0.0, "i2"), (0.2, -45.0, "u1"), (0.001, -50.0, "u2"))
    with np.errstate(invalid="ignore", over="ignore"):
        _changed(draft, lambda band: np.nan_to_num((band - offset) / scale).round().astype(np.int64).astype(kind))
    draft.scales, draft.offsets = [scale], [offset]


def _scales(draft: Draft, rng: Rng) -> None:
    """Say a scale and offset that are not so."""
    draft.scales = [_one_of(rng, 0.01, 0.1, 0.5, 0.9, 1.5, 2.0, 10.0, -1.0, 0.0, float("nan"), 1e300)]
    draft.offsets = [_one_of(rng, 0.0, 0.0, 3.0, -3.0, -20.0, float("inf"))]


def _types(draft: Draft, rng: Rng) -> None:
    kind = _one_of(rng, "f4", "f8", "i2", "i4", "u2", "u1", "c8", "c16", "i1", "u4")
    with np.errstate(invalid="ignore", over="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _changed(draft, lambda band: band.astype(kind))


# --- no data ------------------------------------------------------------------------------------------------------------
def _wedge(rng: Rng) -> Array:
    row, col = np.mgrid[:SIZE, :SIZE]
    return np.asarray(_one_of(rng, col < 12, row > 30, row + col < 30, (row // 8 + col // 8) % 2 == 0))


def _holes(draft: Draft, rng: Rng) -> None:
    fills = np.nan, 0.0, -9999.0, -99.0, -999.0, -32768.0, -3.4e38, np.inf, -np.inf, 1e20, 9999.0
    value, where = _one_of(rng, *fills), _wedge(rng)
    _changed(draft, lambda band: np.where(where, value, band.astype(np.float32)).astype(np.float32))


def _fill_tagged(draft: Draft, rng: Rng) -> None:
    value, where = _one_of(rng, -9999.0, 0.0, -77.0, 5.0, -25.0, 1.0, 255.0), _wedge(rng)
    _changed(draft, lambda band: np.where(where, value, band.astype(np.float32)).astype(np.float32))
    draft.profile["nodata"] = value


def _nodata(draft: Draft, rng: Rng) -> None:
    """Say a nodata value that need not be there."""
    draft.profile["nodata"] = _one_of(rng, 0.0, -9999.0, float("nan"), -16.0, 1.0, 255.0, -20.0, float("inf"))


def _masked(draft: Draft, rng: Rng) -> None:
    draft.mask = ~_wedge(rng) if rng.random() < 0.8 else np.zeros((SIZE, SIZE), np.bool_)


def _colours(draft: Draft, rng: Rng) -> None:
    kinds = (
        ColorInterp.gray,
        ColorInterp.alpha,
        ColorInterp.red,
        ColorInterp.undefined,
        ColorInterp.blue,
        ColorInterp.green,
    )
    draft.colours = [_one_of(rng, *kinds) for _ in draft.bands]
    draft.profile["photometric"] = "MINISBLACK"


def _noisy_edge(draft: Draft, rng: Rng) -> None:
    width, level = int(rng.integers(1, 10)), float(rng.uniform(-60, -41))
    _changed(draft, lambda band: np.where(np.arange(SIZE)[None] < width, np.float32(level), band).astype(np.float32))


# --- layout and place ---------------------------------------------------------------------------------------------------
def _layout(draft: Draft, rng: Rng) -> None:
    draft.profile |= _one_of(
        rng, {"tiled": True, "blockxsize": 16, "blockysize": 16}, {"interleave": "pixel"}, {"blockysize": 5}, {"BIGTIFF": "YES"},
        {"tiled": True, "blockxsize": 128, "blockysize": 64, "interleave": "pixel"}, {"SPARSE_OK": "TRUE"}, {"ENDIANNESS": "BIG"},
    )  # fmt: skip


def _compressed(draft: Draft, rng: Rng) -> None:
    kind = _one_of(rng, "deflate", "lzw", "zstd", "packbits", "lzma", "lerc")
    draft.profile |= {"compress": kind} | (
        {"predictor": 2} if kind in ("deflate", "lzw") and rng.random() < 0.5 else {}
    )


def _place(draft: Draft, rng: Rng) -> None:
    degrees = {"crs": "EPSG:4326", "transform": Affine(1e-4, 0, 11, 0, -1e-4, 47)}
    draft.profile |= _one_of(
        rng,
        {"crs": None},
        {"transform": None},
        {"crs": None, "transform": None},
        {"crs": "EPSG:3857"},
        {"crs": "EPSG:4326"},
        {"crs": "EPSG:32661"},
        degrees,
        degrees | {"transform": Affine(1e-4, 0, 349, 0, -1e-4, 47)},
        {"transform": PLACE @ Affine.scale(1, -1)},
        {"transform": PLACE @ Affine.rotation(30)},
        {"transform": Affine(0, 0, 1, 0, 0, 1)},
        {"transform": Affine(10, 0, float("nan"), 0, -10, 5e6)},
    )


# --- damage -------------------------------------------------------------------------------------------------------------
def _cut(draft: Draft, rng: Rng) -> None:
    share = float(rng.random())
    draft.damage.append(lambda data: data[: int(len(data) * share)])


def _longer(draft: Draft, rng: Rng) -> None:
    tail = rng.bytes(int(rng.integers(1, 3000)))
    draft.damage.append(lambda data: data + tail)


def _header_bytes(draft: Draft, rng: Rng) -> None:
    places, values = rng.integers(0, 400, 3), rng.integers(0, 256, 3)

    def damage(data: bytearray) -> bytearray:
        for at, value in zip(places, values, strict=True):
            if at < len(data):
                data[at] = value
        return data

    draft.damage.append(damage)


def _pixel_bytes(draft: Draft, rng: Rng) -> None:
    start, junk = float(rng.uniform(0.3, 0.9)), rng.bytes(200)

    def damage(data: bytearray) -> bytearray:
        at = int(len(data) * start)
        data[at : at + 200] = junk[: len(data) - at]
        return data

    draft.damage.append(damage)


MUTATIONS: tuple[Callable[[Draft, Rng], None], ...] = (
    _names, _one_name, _no_names, _tags, _band_tags, _units, _called, _answers, _order, _more_bands, _fewer_bands, _same_bands,
    _in_power, _in_amplitude, _times, _plus, _stretched, _whole, _packed, _scales, _types, _holes, _fill_tagged, _nodata, _masked,
    _colours, _noisy_edge, _layout, _compressed, _place, _cut, _longer, _header_bytes, _pixel_bytes,
)  # fmt: skip
