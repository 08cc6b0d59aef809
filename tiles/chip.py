"""One chip: its record in the catalog, and its arrays as every later step sees them (contract 1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

from tiles.errors import BandError, ChipError, GeoreferenceError, LabelError, MissingImageryError, UnitError
from tiles.grid import Grid
from tiles.raster import read_band

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

UNKNOWN = 255
"""Label value of a pixel whose truth is not known."""

# No C-band backscatter lies below this; -99, -9999 and -3.4e38 are fill values of one tool or another.
_FLOOR_DB = -90.0
_CEILING_DB = 60.0
# Two rasters that share a grid may differ by float noise in their transforms, never by a tenth of a pixel.
_GRID_TOLERANCE_PX = 0.1


@dataclass(frozen=True)
class Asset:
    """One band of one raster file. `band` counts from 1."""

    path: str
    band: int = 1


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

    @property
    def has_imagery(self) -> bool:
        """Whether VV and VH are there and, as far as the catalog could tell, usable."""
        return self.vv is not None and self.vh is not None and self.problem is None

    @property
    def has_label(self) -> bool:
        """Whether a usable label raster is there."""
        return self.label is not None and self.label_problem is None

    def revision(self) -> str:
        """Return 12 hex digits that change whenever a file of imagery or label changes (name, size, time).

        The folder does not count: a data set that is moved, or named by another path, keeps its predictions.
        """
        digest = hashlib.blake2b(digest_size=6)
        for asset in (self.vv, self.vh, self.label):
            if asset is None:
                digest.update(b"-")
                continue
            try:
                stat = Path(asset.path).stat()
                mark = f"{Path(asset.path).name}|{asset.band}|{stat.st_size}|{stat.st_mtime_ns}"
            except OSError:
                mark = f"{asset.path}|gone"
            digest.update(mark.encode())
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
    """

    id: str
    vv: FloatArray
    vh: FloatArray
    valid: BoolArray
    label: ByteArray | None
    grid: Grid
    label_problem: str | None = field(default=None)


def read_chip(record: ChipRecord, *, with_label: bool = True) -> Chip:
    """Read a chip's bands, and its label where it has one.

    A label that cannot be used does not fail the chip: `label` is None and `label_problem` says why.

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
    require_same_grid(record.vh.path, vh_grid, record.vv.path, grid)
    valid = vv_valid & vh_valid
    if record.assumed_bands and valid.any() and np.median(vv[valid]) < np.median(vh[valid]) - 1.0:
        raise BandError(
            f"{record.vv.path} does not name its bands, and the first ({np.median(vv[valid]):.1f} dB) is darker than the "
            f"second ({np.median(vh[valid]):.1f} dB), so they seem to be VH, VV: describe the bands as VV and VH."
        )
    vv[~valid] = np.nan
    vh[~valid] = np.nan
    label, label_problem = None, record.label_problem
    if with_label and record.has_label and record.label is not None:
        try:
            label = _read_label(record.label, record.vv.path, grid)
        except ChipError as error:
            label_problem = str(error)
    return Chip(record.id, vv, vh, valid, label, grid, label_problem)


def require_same_grid(path: str, grid: Grid, reference_path: str, reference: Grid) -> None:
    """Raise GeoreferenceError unless two rasters have one size, one coordinate system and one position (0.1 pixel)."""
    if grid.shape != reference.shape:
        raise GeoreferenceError(
            f"{path} has {grid.width} x {grid.height} pixels, {reference_path} has {reference.width} x "
            f"{reference.height}: both must lie on one grid (gdalwarp -tr -te)."
        )
    if grid.crs != reference.crs:
        raise GeoreferenceError(
            f"{path} is in {grid.crs.to_string()[:40]}, {reference_path} in {reference.crs.to_string()[:40]}: "
            "both must lie on one grid (gdalwarp -t_srs)."
        )
    offset = reference.offset_from(grid)
    if offset > _GRID_TOLERANCE_PX:
        raise GeoreferenceError(
            f"{path} lies {offset:.1f} pixels off {reference_path}: both must lie on one grid (gdalwarp -tr -te)."
        )


def _read_backscatter(asset: Asset, name: str) -> tuple[FloatArray, BoolArray, Grid]:
    values, grid, nodata = read_band(asset.path, asset.band)
    if not np.issubdtype(values.dtype, np.floating):
        raise UnitError(
            f"{asset.path} holds {values.dtype} digital numbers, not backscatter: {name} must be float dB "
            "(calibrate it to sigma0 or gamma0, then 10 * log10)."
        )
    band = values.astype(np.float32)
    valid = np.isfinite(band) & (band != 0.0) & (band > _FLOOR_DB)
    if nodata is not None and np.isfinite(nodata):
        valid &= band != np.float32(nodata)
    if valid.any():
        _require_db(band[valid], asset.path, name)
    return band, valid, grid


def _require_db(values: FloatArray, path: str, name: str) -> None:
    low, median, high = (float(v) for v in np.percentile(values[:: max(1, values.size // 20_000)], [1, 50, 99]))
    found = f"its values run from {low:.3g} to {high:.3g} (1 and 99 %), median {median:.3g}"
    if low >= 0.0 and high <= _CEILING_DB:
        raise UnitError(f"{path} is not in dB: {found}, like linear power; give {name} as 10 * log10 of it.")
    if median > 20.0 or high > _CEILING_DB:
        raise UnitError(f"{path} is not in dB: {found}, like digital numbers; calibrate {name} and give it in dB.")


def _read_label(asset: Asset, image_path: str, image_grid: Grid) -> ByteArray:
    values, grid, nodata = read_band(asset.path, asset.band)
    require_same_grid(asset.path, grid, image_path, image_grid)
    unknown = (values == -1) | (values == UNKNOWN) | ~np.isfinite(values)
    if nodata is not None and nodata not in (0.0, 1.0):  # a tag of 0 or 1 would make a class vanish
        unknown |= values == nodata
    dry, water = (values == 0) & ~unknown, (values == 1) & ~unknown
    strange = ~(unknown | dry | water)
    if strange.any():
        found = ", ".join(f"{v:g}" for v in np.unique(values[strange])[:5])
        raise LabelError(
            f"{asset.path} holds the label value(s) {found}: a label is 0 dry, 1 water, -1 or 255 unknown; map others to "
            "these."
        )
    label = np.full(values.shape, UNKNOWN, dtype=np.uint8)
    label[dry] = 0
    label[water] = 1
    return label
