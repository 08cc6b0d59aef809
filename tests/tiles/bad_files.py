"""Damaged and wrong files, each with what it should be called: the table behind test_bad_input."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from chips import PLACE, SIZE, UTM, Array, backscatter, lake, write_pair, write_tiff
from PIL import Image
from rasterio.control import GroundControlPoint

from tiles.errors import (
    BandError,
    ChipError,
    GeoreferenceError,
    LabelError,
    NoValidPixelError,
    UnitError,
    UnreadableFileError,
)

Maker = Callable[[Path, str], None]


@dataclass(frozen=True)
class Case:
    """One way in which the files of a chip are wrong.

    Attributes:
        name: what is wrong.
        make: writes the chip `name` into a folder.
        error: what reading raises. None: reading sees nothing wrong, the catalog does (a name or a place).
        stage: where it is noticed: by the catalog's look at headers, by reading, by predicting, or in the label.
        words: what the message says was found and what to do; `{name}` stands for the chip.
    """

    name: str
    make: Maker
    error: type[ChipError] | None
    stage: str
    words: tuple[str, ...]


def gcps(transform: Affine, corners: list[tuple[float, float]]) -> list[GroundControlPoint]:
    """Return ground control points of a transform at pixel corners (column, row)."""
    return [GroundControlPoint(row=r, col=c, x=(transform @ (c, r))[0], y=(transform @ (c, r))[1]) for c, r in corners]


def patched(path: Path, tag: int, *, new_tag: int | None = None, value: int | None = None) -> None:
    """Change a tag of a little-endian TIFF's first directory (TIFF 6.0, section 2)."""
    data = bytearray(path.read_bytes())
    at = struct.unpack_from("<I", data, 4)[0]
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", data, at)[0], 12):
        if struct.unpack_from("<H", data, entry)[0] == tag:
            if new_tag is not None:
                struct.pack_into("<H", data, entry, new_tag)
            if value is not None:
                struct.pack_into("<I", data, entry + 8, value)
            path.write_bytes(data)
            return
    raise KeyError(tag)


def _both(change: Callable[[Array, Array], tuple[Array, Array]] | None = None, **profile: Any) -> Maker:
    """Make a pair whose values or profile differ from a good one's."""

    def make(folder: Path, name: str) -> None:
        vv, vh = backscatter()
        if change is not None:
            vv, vh = change(vv, vh)
        write_tiff(folder / f"{name}_vv.tif", vv, **profile)
        write_tiff(folder / f"{name}_vh.tif", vh, **profile)

    return make


def _filled(value: float) -> Maker:
    return _both(lambda vv, vh: (np.full_like(vv, value), np.full_like(vh, value)))


def _vv(write: Callable[[Path], object]) -> Maker:
    """Make a good pair and put something else in the place of its VV file."""

    def make(folder: Path, name: str) -> None:
        write_pair(folder, name)
        path = folder / f"{name}_vv.tif"
        path.unlink()
        write(path)

    return make


def _damaged(damage: Callable[[Path], object], **profile: Any) -> Maker:
    """Make a good pair and damage its VV file."""

    def make(folder: Path, name: str) -> None:
        write_pair(folder, name, **profile)
        damage(folder / f"{name}_vv.tif")

    return make


def _label(write: Callable[[Path], object]) -> Maker:
    def make(folder: Path, name: str) -> None:
        write_pair(folder, name, label=False)
        write(folder / f"{name}_label.tif")

    return make


def _one_file(*bands: Array, names: tuple[str, ...] = (), **profile: Any) -> Maker:
    return lambda folder, name: write_tiff(folder / f"{name}.tif", *bands, names=names, **profile) and None


def _vh(size: int = SIZE, **profile: Any) -> Maker:
    def make(folder: Path, name: str) -> None:
        write_pair(folder, name)
        write_tiff(folder / f"{name}_vh.tif", backscatter(size)[1], **profile)

    return make


def _ending(ending: str) -> Maker:
    def make(folder: Path, name: str) -> None:
        write_pair(folder, name)
        (folder / f"{name}_vv.tif").rename(folder / f"{name}_vv{ending}")

    return make


def _without(band: str) -> Maker:
    def make(folder: Path, name: str) -> None:
        write_pair(folder, name, label=False)
        (folder / f"{name}_{band}.tif").unlink()

    return make


def _png(path: Path) -> None:
    out = io.BytesIO()
    Image.fromarray(lake().astype(np.uint8)).save(out, "PNG")
    path.write_bytes(out.getvalue())


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.safe", "<xml/>")


def _vrt(path: Path) -> None:
    other = path.with_name(path.name.replace("_vv", "_vh"))
    path.write_text(
        f'<VRTDataset rasterXSize="{SIZE}" rasterYSize="{SIZE}"><SRS>{UTM}</SRS><VRTRasterBand dataType="Float32" band="1">'
        f'<SimpleSource><SourceFilename relativeToVRT="0">{other}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'
    )


def _sparse(path: Path, size: int, block: int) -> None:
    rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=size,
        height=size,
        count=1,
        dtype="float32",
        crs=UTM,
        transform=PLACE,
        SPARSE_OK="TRUE",
        tiled=True,
        blockxsize=block,
        blockysize=block,
    ).close()


def _cut(length: int) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(path.read_bytes()[:length])


def _scramble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3000:-2000] = b"\x55" * 1000
    path.write_bytes(data)


def _metadata(path: Path) -> None:
    with rasterio.open(path, "r+") as file:
        file.update_tags(**{f"k{number}": "x" * 900 for number in range(400)})


def _pages(path: Path) -> None:
    page = Image.fromarray(np.zeros((2, 2), np.uint8))
    page.save(path, "TIFF", save_all=True, append_images=[page] * 300)


def _loop(path: Path) -> None:
    other = path.with_name(f"{path.stem}.loop")
    other.symlink_to(path)
    path.symlink_to(other)


def _shape_label(shape: tuple[int, int]) -> Maker:
    return _label(lambda p: write_tiff(p, np.zeros(shape, np.uint8)))


def _truncated_label(path: Path) -> None:
    write_tiff(path, lake().astype(np.uint8))
    _cut(-500)(path)


def _no_size_label(path: Path) -> None:
    write_tiff(path, lake().astype(np.uint8))
    patched(path, 256, value=0)
    patched(path, 257, value=0)


def _classes(path: Path) -> None:
    write_tiff(path, (np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 4).astype(np.uint8))


VV, VH = backscatter()
TRUTH = lake().astype(np.uint8)
_UNREADABLE, _PLACE = UnreadableFileError, GeoreferenceError

CASES = [
    # --- no readable file
    Case(
        "cut in the data",
        _damaged(_cut(5000)),
        _UNREADABLE,
        "catalog",
        ("{name}_vv.tif is truncated", "5,000 bytes", "again"),
    ),
    Case(
        "cut before the directory",
        _damaged(_cut(8)),
        _UNREADABLE,
        "catalog",
        ("cut off in its header", "byte 8", "again"),
    ),
    Case("cut in the directory", _damaged(_cut(100)), _UNREADABLE, "catalog", ("header is damaged", "export it again")),
    Case(
        "more metadata than pixels", _damaged(_metadata), _UNREADABLE, "catalog", ("bytes of metadata", "without them")
    ),
    Case("hundreds of pages", _vv(_pages), _UNREADABLE, "catalog", ("more than 256 images", "of its own")),
    Case("zero bytes", _vv(Path.touch), _UNREADABLE, "catalog", ("{name}_vv.tif is empty (0 bytes)", "again")),
    Case(
        "all bytes zero",
        _vv(lambda p: p.write_bytes(bytes(4000))),
        _UNREADABLE,
        "catalog",
        ("a file of zeros", "export"),
    ),
    Case(
        "text",
        _vv(lambda p: p.write_text("VV backscatter\n")),
        _UNREADABLE,
        "catalog",
        ("but a text file", "as GeoTIFF"),
    ),
    Case(
        "an error page",
        _vv(lambda p: p.write_text("<!DOCTYPE html>")),
        _UNREADABLE,
        "catalog",
        ("HTML", "failed download"),
    ),
    Case(
        "binary nonsense",
        _vv(lambda p: p.write_bytes(b"\x01\x02\x03\x04" * 99)),
        _UNREADABLE,
        "catalog",
        ("unknown format",),
    ),
    Case(
        "PNG", _vv(_png), _UNREADABLE, "catalog", ("{name}_vv.tif", "but a PNG image", "export the raster as GeoTIFF")
    ),
    Case("ZIP", _vv(_zip), _UNREADABLE, "catalog", ("but a ZIP archive", "unpack it")),
    Case("VRT", _vv(_vrt), _UNREADABLE, "catalog", ("GDAL virtual raster (VRT)", "as GeoTIFF")),
    Case(
        "pixels damaged", _damaged(_scramble, compress="deflate"), _UNREADABLE, "read", ("is damaged inside", "again")
    ),
    Case(
        "unknown compression",
        _damaged(lambda p: patched(p, 259, value=60123), compress="deflate"),
        _UNREADABLE,
        "catalog",
        ("compressed in a way", "60123", "DEFLATE"),
    ),
    Case(
        "VV of 20,000 x 20,000 pixels",
        _vv(lambda p: _sparse(p, 20_000, 512)),
        GeoreferenceError,
        "catalog",
        ("20000 x 20000", "48 x 48 pixels", "floodscope regrid FILE OUT --like IMAGE"),
    ),
    Case(
        "blocks of 1 GiB",
        _vv(lambda p: _sparse(p, SIZE, 16_384)),
        _UNREADABLE,
        "catalog",
        ("blocks of 1,024 MiB", "floodscope regrid FILE OUT"),
    ),
    # --- no file at all
    Case("loop of links", _vv(_loop), _UNREADABLE, "catalog", ("loop of symbolic links", "put the file itself")),
    Case(
        "broken link",
        _vv(lambda p: p.symlink_to("moved.tif")),
        _UNREADABLE,
        "catalog",
        ("link to moved.tif", "mend the link"),
    ),
    Case("folder", _vv(Path.mkdir), _UNREADABLE, "catalog", ("{name}_vv.tif is a folder", "move it away")),
    Case("named pipe", _vv(os.mkfifo), _UNREADABLE, "catalog", ("is a named pipe", "save")),
    Case(
        "device", _vv(lambda p: p.symlink_to("/dev/zero")), _UNREADABLE, "catalog", ("is a device", "save the raster")
    ),
    Case(
        "ending .jp2",
        _ending(".jp2"),
        _UNREADABLE,
        "catalog",
        ("{name}_vv.jp2 has the ending .jp2", "rio convert FILE OUT.tif"),
    ),
    Case(
        "ending .img",
        _ending(".img"),
        _UNREADABLE,
        "catalog",
        ("{name}_vv.img has the ending .img", "rio convert FILE OUT.tif"),
    ),
    Case(
        "ending .tif.txt",
        _ending(".tif.txt"),
        _UNREADABLE,
        "catalog",
        ("{name}_vv.tif.txt has the ending .txt", "rename"),
    ),
    # --- a place that cannot be
    Case(
        "pixels without area",
        _both(transform=Affine(0, 0, 6e5, 0, 0, 5e6)),
        _PLACE,
        "catalog",
        ("without an area", "pixel size"),
    ),
    Case(
        "local CRS",
        _both(crs='LOCAL_CS["site",UNIT["metre",1]]'),
        None,
        "catalog",
        ("no place on Earth", "rio edit-info"),
    ),
    Case(
        "latitude 200",
        _both(crs="EPSG:4326", transform=Affine(1e-4, 0, 10, 0, -1e-4, 200)),
        None,
        "catalog",
        ("latitude 199.995 to 200", "check its geotransform"),
    ),
    Case(
        "easting of 900,000 km",
        _both(transform=Affine(10, 0, 9e8, 0, -10, 5e6)),
        None,
        "catalog",
        ("does not reach", "check"),
    ),
    Case(
        "round the pole",
        _both(crs="EPSG:3995", transform=Affine(1000, 0, -24_000, 0, -1000, 24_000)),
        None,
        "catalog",
        ("goes round a pole", "floodscope cut"),
    ),
    # --- no VV and VH
    Case("one band", _one_file(VV), BandError, "catalog", ("{name}.tif has one band", "give a two-band file")),
    Case(
        "three bands without names",
        _one_file(VV, VH, VV),
        None,
        "catalog",
        ("3 bands described as (no name)", "describe"),
    ),
    Case("two VV", _one_file(VV, VH, names=("VV", "VV_smooth")), None, "catalog", ("VV, VV_smooth", "one as VH")),
    Case("VH, VV without names", _one_file(VH, VV), BandError, "read", ("seem to be VH, VV", "--bands VH,VV")),
    Case(
        "VV is called VH",
        _both(names=("VH",)),
        None,
        "catalog",
        ("is named VV but its band is described as VH", "rename"),
    ),
    Case("VV without VH", _without("vh"), _UNREADABLE, "catalog", ("{name}_vv.tif has no VH partner", "put a file")),
    Case("VH without VV", _without("vv"), _UNREADABLE, "catalog", ("{name}_vh.tif has no VV partner", "put a file")),
    Case(
        "VH of another size",
        _vh(size=40),
        _PLACE,
        "catalog",
        ("The VH", "40 x 40 pixels", "48 x 48", "floodscope regrid"),
    ),
    Case(
        "VH in another CRS",
        _vh(crs="EPSG:32633"),
        _PLACE,
        "catalog",
        ("The VH", "EPSG:32633", "EPSG:32632", "--like IMAGE"),
    ),
    Case(
        "VH elsewhere",
        _vh(transform=PLACE @ Affine.translation(3, 0)),
        _PLACE,
        "catalog",
        ("The VH", "3.0 pixels off the VV", "geotransform"),
    ),
    # --- no dB
    Case(
        "digital numbers",
        _both(lambda a, b: (np.uint16(a + 99), np.uint16(b + 99))),
        UnitError,
        "catalog",
        ("uint16", "calibrate"),
    ),
    Case(
        "power or amplitude",
        _both(lambda a, b: (10 ** (a / 20 - 0.2), 10 ** (b / 20 - 0.2))),
        UnitError,
        "read",
        ("not dB", "10 * log10", "20 * log10", "normalised to 0..1", "--units power or --units amplitude"),
    ),
    Case(
        "normalised to 0..1",
        _both(lambda a, b: ((a + 50) / 51, (b + 50) / 51)),
        UnitError,
        "read",
        ("not dB", "normalised to 0..1", "take the original"),
    ),
    Case(
        "dB times 10",
        _both(lambda a, b: (a * 10, b * 10)),
        UnitError,
        "read",
        ("like dB times 10", "divide them by 10"),
    ),
    Case(
        "standardised",
        _both(lambda a, b: ((a - a.mean()) / a.std(), (b - b.mean()) / b.std())),
        UnitError,
        "read",
        ("both sides of 0", "standardised", "in dB"),
    ),
    Case(
        "VV in dB and VH in power",
        _both(lambda a, b: (a, 10 ** (b / 10))),
        UnitError,
        "read",
        ("one band of negative and one of positive numbers", "both in dB"),
    ),
    Case("VV twice", _both(lambda a, b: (a, a)), BandError, "read", ("the same numbers in VV and VH", "its own")),
    Case(
        "HH and HV",
        _one_file(VV, VH, names=("HH", "HV")),
        BandError,
        "catalog",
        ("polarization HH and HV", "VV and VH"),
    ),
    Case(
        "bands named for orbits",
        _one_file(VV, VH, names=("ascending", "descending")),
        BandError,
        "catalog",
        ("ascending", "--bands"),
    ),
    Case("a ratio for VH", _one_file(VV, VH, names=("VV", "VV/VH")), BandError, "catalog", ("VV, VV/VH", "one as VH")),
    Case("VV is coherence", _both(names=("coherence",)), BandError, "catalog", ("is described as coherence", "rename")),
    Case(
        "float digital numbers",
        _both(lambda a, b: (a * 9 + 500, b * 9 + 500)),
        UnitError,
        "read",
        ("digital numbers", "calibrate"),
    ),
    Case(
        "complex",
        _both(lambda a, b: (a.astype("c8"), b.astype("c8"))),
        UnitError,
        "catalog",
        ("complex64", "SLC", "multilook"),
    ),
    Case("all NaN", _filled(np.nan), NoValidPixelError, "predict", ("not a number (NaN)",)),
    Case("all 0", _filled(0.0), NoValidPixelError, "predict", ("{name}_vv.tif is 0", "fill value")),
    Case("all -9999", _filled(-9999.0), NoValidPixelError, "predict", ("{name}_vv.tif is -9999", "fill value")),
    Case("all infinite", _filled(np.inf), NoValidPixelError, "predict", ("infinite",)),
    Case(
        "VV and VH nowhere together",
        _both(lambda a, b: (np.where(lake(), a, np.nan).astype("f4"), np.where(lake(), np.nan, b).astype("f4"))),
        NoValidPixelError,
        "predict",
        ("no pixel", "both VV and VH"),
    ),
    # --- no label
    Case("label of zero bytes", _label(Path.touch), _UNREADABLE, "label", ("{name}_label.tif is empty", "again")),
    Case(
        "label is text",
        _label(lambda p: p.write_text("0 0 1 1 0 0 1 1 0 0")),
        _UNREADABLE,
        "label",
        ("label is not used", "a text file"),
    ),
    Case("label truncated", _label(_truncated_label), _UNREADABLE, "label", ("{name}_label.tif is truncated", "again")),
    Case("label of 0 x 0", _label(_no_size_label), _UNREADABLE, "label", ("label is not used", "is of no image")),
    Case("label of 1 x 1", _shape_label((1, 1)), _PLACE, "label", ("The label", "1 x 1 pixels", "floodscope regrid")),
    Case(
        "label of another size",
        _shape_label((47, 48)),
        _PLACE,
        "label",
        ("The label", "48 x 47 pixels", "48 x 48", "floodscope regrid"),
    ),
    Case(
        "label elsewhere",
        _label(lambda p: write_tiff(p, TRUTH, transform=PLACE @ Affine.translation(0, 5))),
        _PLACE,
        "label",
        ("The label", "5.0 pixels off the image", "onto that grid"),
    ),
    Case(
        "label in another CRS",
        _label(lambda p: write_tiff(p, TRUTH, crs="EPSG:4326", transform=Affine(1e-4, 0, 10, 0, -1e-4, 46))),
        _PLACE,
        "label",
        ("The label", "EPSG:4326", "--like IMAGE"),
    ),
    Case(
        "label is a picture",
        _label(lambda p: write_tiff(p, TRUTH, TRUTH, TRUTH)),
        LabelError,
        "label",
        ("3 bands", "one band of 0 dry"),
    ),
    Case(
        "label values 0 to 3",
        _label(_classes),
        LabelError,
        "label values",
        ("{name}_label.tif holds the label value(s) 2, 3", "--label-values water=1,dry=0,unknown=2,unknown=3"),
    ),
    Case(
        "label of 0 and 255",
        _label(lambda p: write_tiff(p, TRUTH * 255)),
        LabelError,
        "label values",
        ("holds 0 and 255 and no 1", "--label-values water=255,dry=0"),
    ),
    Case(
        "label of water alone",
        _label(lambda p: write_tiff(p, np.where(lake(), 1, np.nan).astype("f4"))),
        LabelError,
        "label values",
        ("one class alone, water", "--label-values water=1,dry=nan"),
    ),
    Case(
        "label of next to nothing",
        _label(
            lambda p: write_tiff(
                p, np.where(np.arange(SIZE * SIZE).reshape(SIZE, SIZE) < 20, 0, 255).astype("u1"), nodata=255
            )
        ),
        LabelError,
        "label values",
        ("knows 20 of the image's 2,304 pixels", "covers it"),
    ),
    Case(
        "label of probabilities",
        _label(lambda p: write_tiff(p, (TRUTH * 0.8 + 0.1).astype("f4"))),
        LabelError,
        "label values",
        ("no whole numbers", "like a probability"),
    ),
    Case(
        "label is complex",
        _label(lambda p: write_tiff(p, TRUTH.astype("c8"))),
        LabelError,
        "label",
        ("complex64 numbers", "whole numbers"),
    ),
]
