"""Images in one file as people have them: right, wrong and ambiguous, each with what every door should make of it."""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

from tests.tiles.chips import PLACE, SIZE, UTM, Array, backscatter, lake, write_tiff

TAKEN, TOLD = "taken", "told"
VV, VH = backscatter()
NAMES = ("VV", "VH")
TRUE = lake()
_ROW, _COL = np.mgrid[:SIZE, :SIZE]
_WEDGE = np.asarray(_COL < 9)


@dataclass(frozen=True)
class Image1:
    """One file that holds an image, or should.

    Attributes:
        content: its bytes.
        verdict: TAKEN without a word; TOLD: taken with a note; else a part of the sentence that refuses it.
        words: parts of the note.
        name: what it is called.
        said: the user's answers, by the names that they have in a Content-Type and an address.
    """

    content: Callable[[], bytes]
    verdict: str
    words: tuple[str, ...] = ()
    name: str = "lake.tif"
    said: Mapping[str, str] = field(default_factory=dict)


def written(
    *bands: Array, names: tuple[str, ...] = NAMES, edit: Callable[[Any], None] | None = None, **profile: Any
) -> bytes:
    """Return bands as the bytes of a GeoTIFF at a place; `edit` gets the dataset, opened to be changed."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_tiff(Path(folder) / "made.tif", *bands, names=names, **profile)
        if edit is not None:
            with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
                edit(dataset)
        return path.read_bytes()


def power(band: Array) -> Array:
    """Return dB as linear power."""
    return np.asarray(10 ** (band.astype(np.float64) / 10), dtype=np.float32)


def amplitude(band: Array) -> Array:
    """Return dB as amplitude."""
    return np.asarray(10 ** (band.astype(np.float64) / 20), dtype=np.float32)


def tag_changed(data: bytes, tag: int, value: int) -> bytes:
    """Return a little-endian TIFF with another value in a tag of its first directory (TIFF 6.0, section 2)."""
    changed = bytearray(data)
    at = struct.unpack_from("<I", changed, 4)[0]
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", changed, at)[0], 12):
        if struct.unpack_from("<H", changed, entry)[0] == tag:
            struct.pack_into("<I", changed, entry + 8, value)
            return bytes(changed)
    raise KeyError(tag)


def _good(**options: Any) -> Callable[[], bytes]:
    return lambda: written(VV, VH, **options)


def _of(one: Array, two: Array, *more: Array, **options: Any) -> Callable[[], bytes]:
    return lambda: written(one, two, *more, **options)


def _without(value: float) -> tuple[Array, Array]:
    return np.where(_WEDGE, np.float32(value), VV), np.where(_WEDGE, np.float32(value), VH)


def _points() -> list[GroundControlPoint]:
    corners = [(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE)]
    return [GroundControlPoint(row=r, col=c, x=(PLACE @ (c, r))[0], y=(PLACE @ (c, r))[1]) for c, r in corners]


def _alpha(dataset: Any) -> None:
    dataset.colorinterp = (ColorInterp.gray, ColorInterp.undefined, ColorInterp.alpha)


def _png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(TRUE.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("lake.tif", b"")
    return out.getvalue()


def _sparse(size: int, block: int) -> bytes:
    options = {"tiled": True, "blockxsize": block, "blockysize": block, "SPARSE_OK": "TRUE"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.tif"
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=size,
            height=size,
            count=2,
            dtype="float32",
            crs=UTM,
            transform=PLACE,
            **options,
        ).close()
        return path.read_bytes()


def _scrambled() -> bytes:
    data = bytearray(written(VV, VH, compress="deflate"))
    data[-3000:-2000] = b"\x55" * 1000
    return bytes(data)


_FRINGE = np.asarray(_COL < 5)
_DN = np.uint16(VV + 99), np.uint16(VH + 99)
_SHIFTED = tuple(np.round((band + 100) * 100).astype(np.uint16) for band in (VV, VH))
_HUNDREDS = np.round(VV * 100).astype(np.int16), np.round(VH * 100).astype(np.int16)
_TENS = np.round(VV * 10).astype(np.int16), np.round(VH * 10).astype(np.int16)
_BYTES = np.round((VV + 40) * 5).astype(np.uint8), np.round((VH + 40) * 5).astype(np.uint8)
_ANGLE = np.full_like(VV, 38.5)
_DEM = np.full_like(VV, 512.0)
_RARELY = np.full_like(VV, 0.1)
_HALF = np.where(TRUE, VV, np.float32("nan")), np.where(TRUE, np.float32("nan"), VH)
_POLE = Affine(1000, 0, -24_000, 0, -1000, 24_000)
_LOCAL = 'LOCAL_CS["site",UNIT["metre",1]]'
_HYP3 = "S1A_IW_20240101T000000_DVP_RTC30_G_gpuned_FD6A.tif"

_DAYS = ("VV_20200101", "VV_20200113")
_PRODUCT = "S1A_{}_20240101T000000_20240101T000025_051234_062F0A_1B2C.tif"


def _tagged(*polarizations: str) -> Callable[[Any], None]:
    def edit(dataset: Any) -> None:
        for band, polarization in enumerate(polarizations, 1):
            dataset.update_tags(band, polarization=polarization)

    return edit


IMAGES: dict[str, Image1] = {
    # --- as they should be
    "VV and VH in dB": Image1(_good(), TAKEN),
    "VH first, and named": Image1(_of(VH, VV, names=("VH", "VV")), TAKEN),
    "names of SNAP": Image1(_good(names=("Sigma0_VV_db", "Sigma0_VH_db")), TAKEN),
    "float64": Image1(_of(VV.astype("f8"), VH.astype("f8")), TAKEN),
    "whole numbers with a scale": Image1(_of(*_HUNDREDS, scale=0.01), TAKEN),
    "nodata is tagged": Image1(_of(*_without(-9999), nodata=-9999), TAKEN),
    "nodata is an odd number": Image1(_of(*_without(-77), nodata=-77), TAKEN),
    "nodata is NaN": Image1(_of(*_without(np.nan)), TAKEN),
    "nodata is 0": Image1(_of(*_without(0)), TAKEN),
    "a mask inside": Image1(_good(edit=lambda d: d.write_mask(~_WEDGE)), TAKEN),
    "an alpha band": Image1(_of(VV, VH, np.float32(~_WEDGE), names=("VV", "VH", "alpha"), edit=_alpha), TAKEN),
    "a band dataMask": Image1(_of(VV, VH, np.float32(~_WEDGE), names=("VV", "VH", "dataMask")), TAKEN),
    "tiles and deflate": Image1(_good(tiled=True, blockxsize=16, blockysize=16, compress="deflate", predictor=3), TAKEN),
    "pixel by pixel, LZW": Image1(_good(interleave="pixel", compress="lzw"), TAKEN),
    "big endian": Image1(_good(ENDIANNESS="BIG"), TAKEN),
    "BigTIFF": Image1(_good(BIGTIFF="YES"), TAKEN),
    "degrees": Image1(_good(crs="EPSG:4326", transform=Affine(1e-4, 0, 11, 0, -1e-4, 47)), TAKEN),
    "longitudes to 360": Image1(_good(crs="EPSG:4326", transform=Affine(1e-4, 0, 349, 0, -1e-4, 47)), TAKEN),
    "across 180 degrees": Image1(_good(crs="EPSG:4326", transform=Affine(1e-4, 0, 179.998, 0, -1e-4, -17)), TAKEN),
    "ground control points": Image1(_good(transform=None, crs=UTM, gcps=_points()), TAKEN),
    "rows and columns for a place": Image1(_good(transform=Affine(1, 0, 0, 0, -1, SIZE)), TAKEN),
    "no place": Image1(_good(transform=None, crs=None), TAKEN),
    "a coordinate system and no position": Image1(_good(transform=None), TAKEN),
    "VV, VH and the angle": Image1(_of(VV, VH, _ANGLE, names=("VV", "VH", "angle")), TAKEN),
    "SNAP's four bands": Image1(
        _of(power(VV), power(VH), VV, VH, names=("Sigma0_VV", "Sigma0_VH", "Sigma0_VV_db", "Sigma0_VH_db")), TAKEN
    ),
    "elevation and water beside": Image1(
        _of(VV, VH, _DEM, _RARELY, names=("VV", "VH", "elevation", "permanent_water")), TAKEN
    ),
    "one pixel wide": Image1(_of(VV[:, :1], VH[:, :1]), TAKEN),
    # --- in other units, said by the file
    "power, said by its names": Image1(_of(power(VV), power(VH), names=("VV_linear", "VH_linear")), TAKEN),
    "power, said by a tag": Image1(_of(power(VV), power(VH), tags={"units": "linear power"}), TAKEN),
    "amplitude, said by a tag": Image1(_of(amplitude(VV), amplitude(VH), tags={"scale": "amplitude"}), TAKEN),
    # --- taken, and told
    "no names": Image1(_good(names=()), TOLD, ("not named", "--bands")),
    "power, by its numbers": Image1(_of(power(VV), power(VH)), TOLD, ("linear power", "--units")),
    "amplitude, by its numbers": Image1(_of(amplitude(VV), amplitude(VH)), TOLD, ("amplitude", "--units")),
    "dB times 100": Image1(_of(*_HUNDREDS), TOLD, ("divided by 100",)),
    "dB times 10": Image1(_of(*_TENS), TOLD, ("divided by 10",)),
    "dB in 8 bits": Image1(_of(*_BYTES, scale=0.2, offset=-40), TOLD, ("unpacked", "0.2")),
    "dB cut off": Image1(
        _of(np.maximum(VV, -18), np.maximum(VH, -22)), TOLD, ("VV seems to be cut off at -18.0", "VH seems to be cut off at -22")
    ),
    "nothing left of dark water in VH": Image1(
        _of(power(VV), np.where(VH < -26, np.float32(0), power(VH)), tags={"units": "power"}), TOLD, ("or infinite in VH alone",)
    ),
    "whole dB": Image1(_of(*(np.round(band).astype(np.int8) for band in (VV, VH))), TOLD, ("rounded to whole dB",)),
    "a scale and offset in plain tags": Image1(
        _of(*_SHIFTED, tags={"scale_factor": "0.01", "add_offset": "-100"}), TOLD, ("x 0.01 - 100",)
    ),
    "border noise": Image1(
        _of(np.where(_FRINGE, VV / 100 - 46, VV), np.where(_FRINGE, VH / 100 - 47, VH)), TOLD, ("border noise",)
    ),
    "border noise of one pixel": Image1(
        _of(np.where(_COL == 0, VV / 100 - 46, VV), np.where(_COL == 0, VH / 100 - 47, VH)), TOLD, ("border noise",)
    ),
    "filled with -30": Image1(
        _of(np.where(_FRINGE, np.float32(-30), VV), np.where(_FRINGE, np.float32(-30), VH)), TOLD, ("as a tool fills",)
    ),
    "filled with 9999, untagged": Image1(_of(*_without(9999)), TOLD, ("no radar measures", "left out")),
    "unusually dark": Image1(_of(VV - 15, VH - 15), TOLD, ("unusual",)),
    "power, by HyP3's name": Image1(_of(power(VV), power(VH)), TOLD, ("HyP3",), _HYP3),
    "amplitude, by a name": Image1(_of(amplitude(VV), amplitude(VH)), TOLD, ("its name",), "lake_amplitude.tif"),
    # --- what the user says
    "power, as said": Image1(_of(power(VV), power(VH)), TAKEN, said={"units": "power"}),
    "amplitude, as said": Image1(_of(amplitude(VV), amplitude(VH)), TAKEN, said={"units": "amplitude"}),
    "VH first, as said": Image1(_of(VH, VV, names=()), TAKEN, said={"bands": "VH,VV"}),
    "the angle first, as said": Image1(_of(_ANGLE, VV, VH, names=()), TAKEN, said={"bands": "-,VV,VH"}),
    "dB, said to be power": Image1(_good(), "no linear power", said={"units": "power"}),
    "two bands, three said": Image1(_good(names=()), "has 2 bands, and --bands names 3", said={"bands": "VV,VH,-"}),
    # --- ambiguous: asked
    "power or amplitude": Image1(
        _of(*(10 ** (band / 20 - 0.2) for band in (VV, VH))), "--units power or --units amplitude"
    ),
    "normalised to 0..1": Image1(_of((VV + 50) / 51, (VH + 50) / 51), "take the original"),
    "three bands without names": Image1(_of(VV, VH, VV, names=()), "--bands VV,VH"),
    "VH first, without names": Image1(_of(VH, VV, names=()), "--bands VH,VV"),
    "two bands in a file for one": Image1(_good(names=()), "--bands VV,VH", name="lake_vv.tif"),
    # --- no VV and VH
    "one band": Image1(lambda: written(VV, names=("VV",)), "has one band"),
    "two VV": Image1(_good(names=("VV", "VV_smooth")), "describe one band as VV and one as VH"),
    "HH and HV": Image1(_good(names=("HH", "HV")), "polarization HH and HV"),
    "HH by its name": Image1(_good(names=()), "polarization HH", name="lake_hh.tif"),
    "HH and HV by a tag": Image1(_good(names=(), tags={"POLARIZATION": "HH+HV"}), "polarization HH and HV"),
    "HH by a tag, said to be VV": Image1(
        _good(names=(), tags={"polarization": "HH"}), "polarization HH,", said={"bands": "VV,VH"}
    ),
    "HH by tags of its bands": Image1(_good(names=(), edit=_tagged("HH", "HV")), "polarization HH and HV"),
    "VH first, by tags of its bands": Image1(_of(VH, VV, names=(), edit=_tagged("VH", "VV")), TAKEN),
    "VV by a tag, two bands": Image1(_good(names=(), tags={"polarization": "VV"}), "--bands VV,VH"),
    "a product of 1SDH": Image1(_good(names=()), "polarization HH and HV", name=_PRODUCT.format("EW_GRDM_1SDH")),
    "a product of 1SDH, named VV": Image1(_good(), "polarization HH and HV", name=_PRODUCT.format("EW_GRDM_1SDH")),
    "a product of 1SSH": Image1(_good(names=()), "polarization HH,", name=_PRODUCT.format("IW_GRDH_1SSH")),
    "a product of 1SSV": Image1(_good(names=()), "polarization VV alone", name=_PRODUCT.format("IW_GRDH_1SSV")),
    "a product of 1SDV": Image1(_good(), TAKEN, name=_PRODUCT.format("IW_GRDH_1SDV")),
    "HH and HV by its name": Image1(_good(names=()), "polarization HH and HV", name="lake_hh_hv.tif"),
    "VV of two days": Image1(_good(names=_DAYS), "each is VV"),
    "VV of two days, said to be VV and VH": Image1(_good(names=_DAYS), "each is VV", said={"bands": "VV,VH"}),
    "VV, its coherence, as said": Image1(
        _good(names=("VV", "VV_coh")), "VV_coh (coh) is no backscatter", said={"bands": "VV,VH"}
    ),
    "coherence and difference": Image1(_good(names=("VV_coh", "VV_diff")), "are no backscatter"),
    "a ratio, as said": Image1(
        _good(names=("VV", "VV/VH")), "VV/VH (VH and VV) is no backscatter", said={"bands": "VV,VH"}
    ),
    "VV, and a band without a name, as said": Image1(_good(names=("VV", "second")), TAKEN, said={"bands": "VV,VH"}),
    "two orbits": Image1(_good(names=("ascending", "descending")), "ascending, descending"),
    "a ratio": Image1(_good(names=("VV", "VV/VH")), "VV, VV/VH"),
    "names exchanged": Image1(_good(names=("VH", "VV")), "darker than VH"),
    "VV twice": Image1(_of(VV, VV), "the same numbers"),
    # --- no backscatter
    "complex": Image1(_of(VV.astype("c8"), VH.astype("c8")), "complex64"),
    "digital numbers": Image1(_of(*_DN), "uint16 digital numbers"),
    "whole positive numbers": Image1(_of(*(band.astype(np.int16) for band in _DN)), "whole positive numbers"),
    "standardised": Image1(_of(VV - VV.mean(), VH - VH.mean()), "both sides of 0"),
    "VV in dB, VH in power": Image1(_of(VV, power(VH)), "both in dB"),
    "dB times 10 in float": Image1(_of(VV * 10, VH * 10), "divide them by 10"),
    "a unit that is not so": Image1(_good(tags={"units": "linear power"}), "no linear power"),
    "all NaN": Image1(_of(VV * np.float32("nan"), VH * np.float32("nan")), "not a number (NaN)"),
    "all 0": Image1(_of(VV * 0, VH * 0), "0, which is a fill value"),
    "all masked": Image1(_good(edit=lambda d: d.write_mask(np.zeros_like(TRUE))), "is masked"),
    "nowhere together": Image1(_of(*_HALF), "in both VV and VH"),
    # --- no readable file
    "cut in its pixels": Image1(lambda: written(VV, VH)[:12_000], "is truncated"),
    "cut in its directory": Image1(lambda: written(VV, VH)[:100], "header is damaged"),
    "cut before its directory": Image1(lambda: written(VV, VH)[:8], "cut off in its header"),
    "a text": Image1(lambda: b"VV backscatter\n", "a text file"),
    "an error page": Image1(lambda: b"<!DOCTYPE html>", "failed download"),
    "a PNG": Image1(_png, "a PNG image"),
    "a ZIP": Image1(_zip, "a ZIP archive"),
    "zeros": Image1(lambda: bytes(4000), "a file of zeros"),
    "an unknown compression": Image1(lambda: tag_changed(written(VV, VH, compress="deflate"), 259, 60123), "missing codec"),
    "pixels damaged": Image1(_scrambled, "is damaged inside"),
    "blocks of two GiB": Image1(lambda: _sparse(SIZE, 16_384), "in blocks of 2,048 MiB"),
    # --- a place that cannot be
    "pixels without an area": Image1(_good(transform=Affine(0, 0, 6e5, 0, 0, 5e6)), "without an area"),
    "a local system": Image1(_good(crs=_LOCAL), "no place on Earth"),
    "latitude 200": Image1(_good(crs="EPSG:4326", transform=Affine(1e-4, 0, 10, 0, -1e-4, 200)), "off the Earth"),
    "900,000 km east": Image1(_good(transform=Affine(10, 0, 9e8, 0, -10, 5e6)), "does not reach"),
    "round the pole": Image1(_good(crs="EPSG:3995", transform=_POLE), "goes round a pole"),
}  # fmt: skip
