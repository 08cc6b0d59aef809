"""One chip: its record in the catalog, and its arrays as every later step sees them (contract 1)."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

from tiles.errors import (
    AncillaryError,
    BandError,
    ChipError,
    GeoreferenceError,
    LabelError,
    MissingImageryError,
    UnitError,
)
from tiles.grid import Grid
from tiles.raster import read_band, read_info
from tiles.sniff import shown

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

UNKNOWN = 255
"""Label value of a pixel whose truth is not known."""

LABEL_REFUSED = "The label is not used: "
"""How the sentence on a label that cannot be used begins, where it does not begin with the label anyway."""

# No C-band backscatter lies below this; -99, -9999 and -3.4e38 are fill values of one tool or another.
_FLOOR_DB = -90.0
_CEILING_DB = 60.0
# Power is not negative, but where thermal noise was subtracted a few pixels fall a little below 0; dB of a whole chip
# never stays above -1.
_LINEAR_FLOOR = -1.0
# Two rasters that share a grid may differ by float noise in their transforms, never by a tenth of a pixel.
_GRID_TOLERANCE_PX = 0.1


ANCILLARY = ("elevation", "permanent_water")
"""What a chip may hold beside VV and VH; a model bundle may name them as channels."""

PROVENANCE = ("id", "country", "event", "date", "split")
"""The fields of a record that every table and payload begins with."""

# Metres. The Dead Sea's shore lies at -430, no summit above 8849; what lies far below is a fill value (-9999, -32768).
_LOWEST_M, _HIGHEST_M, _FILL_M = -500.0, 9000.0, -1000.0
# JRC Global Surface Water stores "no observation" as 255, tagged or not.
_JRC_NODATA = 255


@dataclass(frozen=True)
class Asset:
    """One band of one raster file.

    Attributes:
        path: the file.
        band: counts from 1.
        scale: what the file's numbers are multiplied by to be in the asset's unit: 0.01 for a share in percent. Followed
            for elevation and permanent water; backscatter and labels are as they are.
    """

    path: str
    band: int = 1
    scale: float = 1.0


@dataclass(frozen=True)
class ChipRecord:
    """What the catalog knows of a chip.

    Attributes:
        id: unique in its catalog, made of letters, digits, `_`, `-` and `.`.
        country: Natural Earth's name, or None where neither the source nor the place tells.
        event: the flood event.
        date: ISO date of the image.
        split: train, valid, test or whatever the source calls it.
        layout: sen1floods11, drivendata or geotiff.
        source: the folder that the chip came from.
        footprint: outline in WGS84, or None where it is not known.
        vv, vh, label, elevation, permanent_water: the files, None where they do not exist.
        simulated: the imagery was made by tiles.simulate.
        assumed_bands: the file does not say which band is VV; the first was taken.
        problem: why the imagery cannot be used, or None.
        label_problem: why the label cannot be used, or None.
        ancillary_problem: why elevation or permanent water cannot be used, or None.
    """

    id: str
    country: str | None = None
    event: str | None = None
    date: str | None = None
    split: str | None = None
    layout: str = "geotiff"
    source: str = ""
    footprint: BaseGeometry | None = None
    vv: Asset | None = None
    vh: Asset | None = None
    label: Asset | None = None
    elevation: Asset | None = None
    permanent_water: Asset | None = None
    simulated: bool = False
    assumed_bands: bool = False
    problem: str | None = None
    label_problem: str | None = None
    ancillary_problem: str | None = None

    @property
    def has_imagery(self) -> bool:
        """Whether VV and VH are there and, as far as the catalog could tell, usable."""
        return self.vv is not None and self.vh is not None and self.problem is None

    @property
    def has_label(self) -> bool:
        """Whether a usable label raster is there."""
        return self.label is not None and self.label_problem is None

    def provenance(self) -> dict[str, str | None]:
        """Return what names the chip in a table, a file or a payload: the fields PROVENANCE, in that order."""
        return {name: getattr(self, name) for name in PROVENANCE}

    def revision(self) -> str:
        """Return 12 hex digits that change whenever a file of the chip changes (name, size, time).

        The folder does not count: a data set that is moved, or named by another path, keeps its predictions.
        """
        digest = hashlib.blake2b(digest_size=6)
        further = [asset for asset in (self.elevation, self.permanent_water) if asset is not None]
        for asset in (self.vv, self.vh, self.label, *further):
            if asset is None:
                digest.update(b"-")
                continue
            try:
                stat = Path(asset.path).stat()
                mark = f"{Path(asset.path).name}|{asset.band}|{stat.st_size}|{stat.st_mtime_ns}"
            except (OSError, ValueError):
                mark = f"{asset.path}|gone"
            digest.update(os.fsencode(mark))
        return digest.hexdigest()


@dataclass(frozen=True)
class Chip:
    """A chip in memory: no source's own nodata, unit or label convention is seen further in than here.

    Attributes:
        id: the chip's id.
        vv, vh: backscatter in dB, float32 of shape (H, W); NaN where `valid` is False.
        valid: bool of shape (H, W), True where both bands hold data.
        label: uint8 of shape (H, W), 0 dry, 1 water, 255 unknown; None where there is none.
        grid: the source grid.
        label_problem: why a label that exists was not used, or None.
        empty: what the files hold in place of data, where no pixel is valid; else None.
        elevation: metres above the geoid, float32 of shape (H, W), NaN where it is not known; None where there is none.
        permanent_water: share of the time in which the pixel is water, 0 to 1, by the record of decades (JRC Global
            Surface Water), float32 of shape (H, W), NaN where it is not known; None where there is none.
        ancillary_problem: why an elevation or permanent water that exists was not used, or None.
    """

    id: str
    vv: FloatArray
    vh: FloatArray
    valid: BoolArray
    label: ByteArray | None
    grid: Grid
    label_problem: str | None = field(default=None)
    empty: str | None = field(default=None)
    elevation: FloatArray | None = field(default=None)
    permanent_water: FloatArray | None = field(default=None)
    ancillary_problem: str | None = field(default=None)


def read_chip(record: ChipRecord, *, with_label: bool = True, with_ancillary: bool = True) -> Chip:
    """Read a chip's bands, and its label, elevation and permanent water where it has them.

    A label that cannot be used does not fail the chip: `label` is None and `label_problem` says why. So it is with
    elevation and permanent water, and `ancillary_problem`.

    Raises:
        ChipError: one of its kinds, naming the file and what to do.
    """
    if record.problem is not None:
        raise ChipError(record.problem)
    if record.vv is None or record.vh is None:
        where = record.source or "the source folder"
        raise MissingImageryError(f"Chip {record.id} has no imagery on disk: put its VV and VH files into {where}.")
    vv, vv_valid, grid = _read_backscatter(record.vv, "VV")
    vh, vh_valid, vh_grid = _read_backscatter(record.vh, "VH")
    require_same_grid("VH", record.vh.path, vh_grid, "VV", record.vv.path, grid)
    valid = vv_valid & vh_valid
    empty = None if valid.any() else _emptiness((record.vv, vv, vv_valid), (record.vh, vh, vh_valid))
    if record.assumed_bands and valid.any() and np.median(vv[valid]) < np.median(vh[valid]) - 1.0:
        raise BandError(
            f"{shown(record.vv.path)} does not name its bands, and the first ({np.median(vv[valid]):.1f} dB) is darker than the "
            f"second ({np.median(vh[valid]):.1f} dB), so they seem to be VH, VV: describe the bands as VV and VH."
        )
    vv[~valid] = np.nan
    vh[~valid] = np.nan
    label, label_problem = None, record.label_problem
    if with_label and record.has_label and record.label is not None:
        try:
            label = _read_label(record.label, record.vv.path, grid)
        except ChipError as error:
            label_problem = label_refusal(error)
    found: dict[str, FloatArray] = {}
    problems: list[str] = []
    for name in ANCILLARY if with_ancillary else ():
        asset: Asset | None = getattr(record, name)
        if asset is not None:
            try:
                found[name] = _read_ancillary(name, asset, record.vv.path, grid)
            except ChipError as error:
                problems.append(ancillary_refusal(name, error))
    problem = " ".join(problems) or None
    return Chip(record.id, vv, vh, valid, label, grid, label_problem, empty, **found, ancillary_problem=problem)


def _emptiness(*bands: tuple[Asset, FloatArray, BoolArray]) -> str:
    """Return what the bands of a chip without a valid pixel hold, in words."""
    for (asset, values, valid), name in zip(bands, ("VV", "VH"), strict=True):
        if valid.any():
            continue
        first = values.flat[0]
        if np.isnan(values).all():
            found = "not a number (NaN)"
        elif not np.isfinite(values).any():
            found = "infinite or not a number"
        elif (values == first).all():
            found = f"{first:g}, which is a fill value"
        else:
            found = "nodata of one kind or another"
        return f"every {name} value of {shown(asset.path)} is {found}"
    return f"no pixel of {shown(bands[0][0].path)} has data in both VV and VH"


def require_same_grid(
    name: str, path: str, grid: Grid, reference_name: str, reference_path: str, reference: Grid
) -> None:
    """Raise GeoreferenceError unless two rasters have one size, one coordinate system and one position (0.1 pixel).

    Args:
        name, path, grid: the raster that is judged: "VH" or "label", its file and grid.
        reference_name, reference_path, reference: the raster that it must fit.
    """
    one, two = f"The {name} {shown(path)}", f"the {reference_name} {shown(reference_path)}"
    if grid.shape != reference.shape:
        raise GeoreferenceError(
            f"{one} has {grid.width} x {grid.height} pixels, {two} {reference.width} x {reference.height}: cut or resample it "
            "to the same grid (gdalwarp -te -ts)."
        )
    if grid.crs != reference.crs:
        raise GeoreferenceError(
            f"{one} is in {grid.crs_name}, {two} in {reference.crs_name}: warp it to the same "
            "coordinate system and grid (gdalwarp -t_srs -te -ts)."
        )
    offset = reference.offset_from(grid)
    if offset > _GRID_TOLERANCE_PX:
        raise GeoreferenceError(
            f"{one} lies {offset:.1f} pixels off {two}: put it on the same grid (gdalwarp -te -ts), or mend its geotransform."
        )


def require_number_type(path: str, dtype: str, scaled: bool, name: str) -> None:
    """Raise UnitError unless a band's type can hold dB: real floats, or integers with a scale that makes them so."""
    if dtype.startswith("complex"):
        raise UnitError(
            f"{shown(path)} holds {dtype} amplitudes with phase (SLC), not backscatter: detect, multilook and calibrate "
            f"{name} first, then 10 * log10."
        )
    if not dtype.startswith("float") and not scaled:
        raise UnitError(
            f"{shown(path)} holds {dtype} digital numbers, not backscatter: {name} must be float dB (calibrate it to sigma0 "
            "or gamma0, then 10 * log10)."
        )


def _read_backscatter(asset: Asset, name: str) -> tuple[FloatArray, BoolArray, Grid]:
    values, grid, nodata = read_band(asset.path, asset.band)
    require_number_type(asset.path, str(values.dtype), False, name)
    with np.errstate(over="ignore"):  # -1.8e308 is a fill value too, and becomes -inf
        band = values.astype(np.float32)
    valid = has_data(band)
    if nodata is not None and np.isfinite(nodata):
        valid &= values != nodata
    if valid.any():
        require_db(band[valid], asset.path, name)
    return band, valid, grid


def has_data(band: FloatArray) -> BoolArray:
    """Return where a band of backscatter in dB holds data: finite, not 0, and above what C-band radar can measure."""
    there: BoolArray = np.isfinite(band) & (band != 0.0) & (band > _FLOOR_DB)
    return there


def require_db(values: FloatArray, path: str, name: str) -> None:
    """Raise UnitError where the valid values of a band, float32 (n,), n >= 1, are linear power or digital numbers."""
    low, median, high = (float(v) for v in np.percentile(values[:: max(1, values.size // 20_000)], [1, 50, 99]))
    found = f"its values run from {low:.3g} to {high:.3g} (1 and 99 %), median {median:.3g}"
    if low >= _LINEAR_FLOOR and high <= _CEILING_DB:
        raise UnitError(f"{shown(path)} is not in dB: {found}, like linear power; give {name} as 10 * log10 of it.")
    if median > 20.0 or high > _CEILING_DB:
        raise UnitError(
            f"{shown(path)} is not in dB: {found}, like digital numbers; calibrate {name} and give it in dB."
        )


def label_refusal(error: ChipError) -> str:
    """Return the sentence that says why a label is not used, and that it is the label: the image may be fine."""
    text = str(error)
    return text if text.startswith("The label ") else LABEL_REFUSED + text


def require_label_type(path: str, count: int, dtype: str) -> None:
    """Raise LabelError unless a raster of so many bands of this type can be a label."""
    if count != 1:
        raise LabelError(f"{shown(path)} has {count} bands, like a picture: a label is one band of 0 dry, 1 water.")
    if dtype.startswith("complex"):
        raise LabelError(f"{shown(path)} holds {dtype} numbers: a label is whole numbers, 0 dry, 1 water.")


def _read_label(asset: Asset, image_path: str, image_grid: Grid) -> ByteArray:
    info = read_info(asset.path)
    require_label_type(asset.path, info.count, info.dtypes[0])
    values, grid, nodata = read_band(asset.path, asset.band)
    require_same_grid("label", asset.path, grid, "image", image_path, image_grid)
    unknown = (values == -1) | (values == UNKNOWN) | ~np.isfinite(values)
    if nodata is not None and nodata not in (0.0, 1.0):  # a tag of 0 or 1 would make a class vanish
        unknown |= values == nodata
    dry, water = (values == 0) & ~unknown, (values == 1) & ~unknown
    strange = ~(unknown | dry | water)
    if strange.any():
        found = ", ".join(f"{v:g}" for v in np.unique(values[strange])[:5])
        raise LabelError(
            f"{shown(asset.path)} holds the label value(s) {found}: a label is 0 dry, 1 water, -1 or 255 unknown; map others to "
            "these."
        )
    label = np.full(values.shape, UNKNOWN, dtype=np.uint8)
    label[dry] = 0
    label[water] = 1
    return label


def ancillary_refusal(name: str, error: ChipError) -> str:
    """Return the sentence that says why elevation or permanent water is not used, and that it is not the image."""
    text, words = str(error), name.replace("_", " ")
    return text if text.startswith(f"The {words} ") else f"The {words} is not used: {text}"


def require_ancillary_type(path: str, dtype: str) -> None:
    """Raise AncillaryError unless a band's type can hold elevation or permanent water."""
    if dtype.startswith("complex"):
        raise AncillaryError(f"{shown(path)} holds {dtype} numbers: give real ones.")


def _read_ancillary(name: str, asset: Asset, image_path: str, image_grid: Grid) -> FloatArray:
    """Return elevation in metres or permanent water as a share, NaN where the file holds nodata of any kind."""
    stored, grid, nodata = read_band(asset.path, asset.band)
    require_ancillary_type(asset.path, str(stored.dtype))
    require_same_grid(name.replace("_", " "), asset.path, grid, "image", image_path, image_grid)
    numbers = stored.astype(np.float64)
    unknown = ~np.isfinite(numbers)
    if nodata is not None and np.isfinite(nodata):
        unknown |= numbers == nodata
    if name == "elevation":
        unknown |= numbers < _FILL_M
        low, high, unit = _LOWEST_M, _HIGHEST_M, "metres"
    else:
        unknown |= (numbers == _JRC_NODATA) | (numbers < 0)
        low, high, unit = 0.0, 1.0, "a share of the time"
    with np.errstate(over="ignore", invalid="ignore"):
        values: FloatArray = (numbers * asset.scale).astype(np.float32)
    values[unknown] = np.nan
    strange = values[(values < low) | (values > high * (1 + 1e-6))]
    if strange.size:
        raise AncillaryError(
            f"{shown(asset.path)} holds {strange[0]:g}: {name.replace('_', ' ')} is {unit}, {low:g} to {high:g}; convert it."
        )
    return values
