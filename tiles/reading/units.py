"""Backscatter in dB: what a band's numbers are, and which of them are data."""

from __future__ import annotations

import numpy as np

from tiles.chip import Asset, BoolArray, FloatArray
from tiles.errors import UnitError
from tiles.grid import Grid
from tiles.reading.raster import read_band
from tiles.reading.sniff import shown

# No C-band backscatter lies below this; -99, -9999 and -3.4e38 are fill values of one tool or another.
_FLOOR_DB = -90.0
_CEILING_DB = 60.0
# Power is not negative, but where thermal noise was subtracted a few pixels fall a little below 0; dB of a whole chip
# never stays above -1.
_LINEAR_FLOOR = -1.0


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


def read_backscatter(asset: Asset, name: str) -> tuple[FloatArray, BoolArray, Grid]:
    """Return a band in dB, where it holds data, and its grid."""
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
