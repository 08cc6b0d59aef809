"""What the file headers of a chip say: its footprint, its bands, and whatever makes it unusable."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from tiles.chip import Asset, ChipRecord, require_same_grid
from tiles.errors import BandError, ChipError, UnitError
from tiles.raster import BandInfo, read_info

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def chip_id(text: str) -> str:
    """Return a chip id made of `text`: other than letters, digits, `_`, `-` and `.` become `-`."""
    return _UNSAFE.sub("-", text).strip("-.") or "chip"


def polarization(description: str | None) -> str | None:
    """Return "VV" or "VH" where a band's description names exactly one of them, else None."""
    found = {name for name in ("VV", "VH") if description and name in description.upper()}
    return found.pop() if len(found) == 1 else None


def two_band_assets(path: str) -> tuple[Asset, Asset, bool]:
    """Find VV and VH in one file of two bands or more.

    Returns:
        The two assets, and whether the order was assumed (VV first) because no band is described.

    Raises:
        ChipError: the file cannot be read, or its bands are not VV and VH.
    """
    info = read_info(path)
    names = [polarization(d) for d in info.descriptions]
    if names.count("VV") == 1 and names.count("VH") == 1:
        return Asset(path, names.index("VV") + 1), Asset(path, names.index("VH") + 1), False
    if info.count == 1:
        raise BandError(
            f"{path} has one band, a chip needs VV and VH: give a two-band file, or two files named *_vv.tif and *_vh.tif."
        )
    if info.count == 2 and not any(names):  # "bands, bands" and the like say nothing
        return Asset(path, 1), Asset(path, 2), True
    described = ", ".join(d or "(no name)" for d in info.descriptions[:8])
    raise BandError(f"{path} has {info.count} bands described as {described}: describe one band as VV and one as VH.")


def _require_backscatter(info: BandInfo, band: int, name: str) -> None:
    dtype = info.dtypes[band - 1] if 1 <= band <= info.count else None
    if dtype is None:
        raise BandError(f"{info.path} has {info.count} band(s), {name} was expected in band {band}.")
    if not dtype.startswith("float"):
        raise UnitError(
            f"{info.path} holds {dtype} digital numbers, not backscatter: {name} must be float dB (calibrate it to sigma0 "
            "or gamma0, then 10 * log10)."
        )


def inspected(record: ChipRecord) -> ChipRecord:
    """Return the record with what its files' headers say; never raises for a file that is wrong.

    Fills `footprint` and `simulated`, and `problem` or `label_problem` with the sentence that says what is wrong.
    """
    if record.problem is not None or record.vv is None or record.vh is None:
        return record
    try:
        vv = read_info(record.vv.path)
        vh = vv if record.vh.path == record.vv.path else read_info(record.vh.path)
        _require_backscatter(vv, record.vv.band, "VV")
        _require_backscatter(vh, record.vh.band, "VH")
        for asset, info, name in ((record.vv, vv, "VV"), (record.vh, vh, "VH")):
            said = polarization(info.descriptions[asset.band - 1])
            if said not in (None, name):
                raise BandError(
                    f"{asset.path} is named {name} but its band is described as {said}: rename the file or describe the band."
                )
        require_same_grid(vh.path, vh.grid, vv.path, vv.grid)
        footprint = vv.grid.footprint()
        if not footprint.is_valid or not np.isfinite(footprint.bounds).all():
            raise BandError(f"{vv.path} lies outside the range of its coordinate system: check its transform and CRS.")
    except ChipError as error:
        return replace(record, problem=str(error))
    simulated = record.simulated or vv.tags.get("FLOODSCOPE_SIMULATED", "no") == "yes"
    return replace(record, footprint=footprint, simulated=simulated, label_problem=_label_problem(record, vv))


def _label_problem(record: ChipRecord, image: BandInfo) -> str | None:
    if record.label is None:
        return None
    try:
        info = read_info(record.label.path)
        require_same_grid(info.path, info.grid, image.path, image.grid)
    except ChipError as error:
        return str(error)
    return None


def tiffs(folder: Path) -> list[Path]:
    """Return the folder's GeoTIFF files by name, sorted, case of the ending ignored."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in {".tif", ".tiff"})
