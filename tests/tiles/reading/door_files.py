"""Files for the tests of the door, and what the door makes of them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from chips import backscatter, write_tiff

from tiles.answers import NOTHING_SAID, Answers
from tiles.catalog.catalog import open_catalog
from tiles.chip import Asset, Chip, ChipRecord
from tiles.reading.door import read_chip

Array = npt.NDArray[Any]

VV, VH = backscatter()
"""Bright land with a lake: medians of about -9 and -16 dB. As power it can be nothing else."""

DARK_VV, DARK_VH = VV - 7, VH - 7
"""Calm and dry: medians of about -16 and -23 dB. As amplitude it could be the power of a brighter place."""


def power(band: Array) -> Array:
    """Return dB as linear power, float32."""
    return (10 ** (band.astype(np.float64) / 10)).astype(np.float32)


def amplitude(band: Array) -> Array:
    """Return dB as amplitude, the root of power, float32."""
    return (10 ** (band.astype(np.float64) / 20)).astype(np.float32)


def whole(band: Array, times: int) -> Array:
    """Return dB times 10 or 100 as int16."""
    return np.round(band * times).astype(np.int16)


def read_pair(
    folder: Path, vv: Array, vh: Array, stem: str = "x", answers: Answers = NOTHING_SAID, **profile: Any
) -> Chip:
    """Write two files, STEM_vv.tif and STEM_vh.tif, and read them as a chip."""
    paths = [write_tiff(folder / f"{stem}_{name}.tif", band, **profile) for name, band in (("vv", vv), ("vh", vh))]
    return read_files(*paths, answers=answers)


def read_files(vv: Path, vh: Path | None = None, answers: Answers = NOTHING_SAID) -> Chip:
    """Read a chip from two files, or from one that holds both bands."""
    return read_chip(ChipRecord("x", vv=Asset(str(vv)), vh=Asset(str(vh or vv)), answers=answers))


def say_unit(path: Path, **said: Any) -> Path:
    """Add to a file what it says of its bands: `units` (GDAL's), `tags`, `band_tags`, `names`; the same for each band."""
    with rasterio.open(path, "r+") as dataset:
        for band in range(1, dataset.count + 1):
            if "units" in said:
                dataset.set_band_unit(band, said["units"])
            if "names" in said:
                dataset.set_band_description(band, said["names"])
            if "band_tags" in said:
                dataset.update_tags(band, **said["band_tags"])
        if "tags" in said:
            dataset.update_tags(**said["tags"])
    return path


def sentences(chip: Chip, about: str) -> list[str]:
    """Return what was decided about one question."""
    return [decision.sentence() for decision in chip.decisions if decision.about == about]


def write_snap(
    path: Path, *bands: Array, names: list[tuple[object, str]] | None = None, text: bytes | None = None, **entry: int
) -> Path:
    """Write bands without descriptions, and SNAP's own tag with (index, name) of each, as its GeoTIFF writer does.

    Args:
        path, bands: of the file.
        names: what stands in the tag; by default the bands' own numbers in order would have to be given.
        text: the tag's bytes in place of SNAP's XML.
        entry: parts of the directory's entry to write otherwise: `kind`, `size`, `offset`.
    """
    write_tiff(path, *bands)
    if text is None:
        parts = (
            f"<Spectral_Band_Info><BAND_INDEX>{index}</BAND_INDEX><BAND_DESCRIPTION/><BAND_NAME>{name}</BAND_NAME>"
            "</Spectral_Band_Info>"
            for index, name in names or []
        )
        xml = f'<?xml version="1.0"?><Dimap_Document name="x"><Image_Interpretation>{"".join(parts)}</Image_Interpretation>'
        text = xml.encode() + b"</Dimap_Document>\0"
    data = path.read_bytes()
    at = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, at)[0]
    entries = data[at + 2 : at + 2 + 12 * count]
    where = len(data) + len(data) % 2
    data = data.ljust(where, b"\0")
    tag = struct.pack("<HHII", 65000, entry.get("kind", 2), entry.get("size", len(text)), entry.get("offset", where))
    directory = where + len(text) + len(text) % 2
    data = data[:4] + struct.pack("<I", directory) + data[8:] + text.ljust(directory - where, b"\0")
    path.write_bytes(data + struct.pack("<H", count + 1) + entries + tag + struct.pack("<I", 0))
    return path


def real_chips(real_data: Path) -> list[Chip]:
    """Read the bands of every real chip that has data, of three processors: about 20."""
    names = ("sen1floods11", "drivendata", "dfc2024")
    sources = [real_data / name for name in names if (real_data / name).is_dir()]
    records = [record for source in sources for record in open_catalog([source]).usable()]
    found = [read_chip(record, with_label=False, with_ancillary=False) for record in records]
    return [chip for chip in found if chip.valid.any()]
