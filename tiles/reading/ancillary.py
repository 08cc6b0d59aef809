"""What may lie beside VV and VH: elevation and permanent water, which is the water that is usual there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from tiles.chip import UNKNOWN, Asset, ByteArray, ChipRecord, FloatArray
from tiles.errors import AncillaryError, ChipError
from tiles.reading.grids import fitted
from tiles.reading.pixels import read_band
from tiles.reading.raster import RasterInfo, read_info
from tiles.sentences import Sentence

# Metres. The Dead Sea's shore lies at -430, no summit above 8849; what lies far below is a fill value (-9999, -32768).
_LOWEST_M, _HIGHEST_M, _FILL_M = -500.0, 9000.0, -1000.0
# JRC Global Surface Water stores "no observation" as 255, tagged or not.
_JRC_NODATA = 255

_UNITS = {0.01: "percent of the time", 1 / 12: "months of a year"}
# Of an image's pixels: as many of 1, and none above, are no hundredths of the time.
_MANY = 0.001
USUAL = 0.5
"""Water is usual where it was there in this share of the time or more."""


def ancillary_refusal(name: str, error: ChipError) -> str:
    """Return the sentence that says why elevation or permanent water is not used, and that it is not the image."""
    text, words = str(error), name.replace("_", " ")
    return text if text.startswith(f"The {words} ") else Sentence(f"The {words} is not used: {{why}}", why=text)


def told_unit(name: str, asset: Asset) -> str:
    """Return the words on what the numbers of a file of elevation or permanent water are taken to be."""
    unit = "metres" if name == "elevation" else _UNITS.get(asset.scale, "a share of 0 to 1")
    return Sentence(f"{{file}} gives the {name.replace('_', ' ')}, in numbers that are {unit}", file=asset.path)


def require_ancillary_type(path: str, dtype: str) -> None:
    """Raise AncillaryError unless a band's type can hold elevation or permanent water."""
    if dtype.startswith("complex"):
        raise AncillaryError(f"{{file}} holds {dtype} numbers: give real ones.", file=path)


def read_ancillary(name: str, asset: Asset, image: RasterInfo, window: Window | None = None) -> FloatArray:
    """Return elevation in metres or permanent water as a share, NaN where the file holds nodata of any kind.

    Args:
        name: "elevation" or "permanent_water".
        asset: its file and band.
        image: header of the image that it belongs to.
        window: the part that is wanted; None for all of it.

    Raises:
        ChipError: it cannot be read, is not on the image's grid, or holds what is neither.
    """
    info = fitted(name.replace("_", " "), read_info(asset.path), "image", image)
    band = read_band(asset.path, asset.band, window, info)
    stored, nodata = band.values, band.nodata
    require_ancillary_type(asset.path, str(stored.dtype))
    numbers = stored.astype(np.float64)
    unknown = ~band.there | ~np.isfinite(numbers)
    # Of usual water, 0 is an answer whatever a tag says: Earth Engine writes what was never water as masked pixels.
    if nodata is not None and np.isfinite(nodata) and not (name == "permanent_water" and nodata == 0):
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
    if name == "permanent_water" and asset.scale != 1.0:
        whole = numbers.shape == (image.height, image.width)
        _require_scale(asset, numbers[~unknown], str(stored.dtype), whole=whole)
    strange = values[(values < low) | (values > high * (1 + 1e-6))]
    if strange.size:
        raise AncillaryError(
            f"{{file}} holds {strange[0]:g}: {name.replace('_', ' ')} is {unit}, {low:g} to {high:g}; convert it.",
            file=asset.path,
        )
    return values


def _require_scale(asset: Asset, numbers: npt.NDArray[np.float64], dtype: str, *, whole: bool) -> None:
    """Raise AncillaryError where percent, or months of a year, are rather shares of 0 to 1, which would be no water at all."""
    if not numbers.size or numbers.max() > 1.0 or not numbers.any():
        return
    unit, most = ("percent", 100) if asset.scale == 0.01 else ("months of a year", 12)
    # A hundredth of the time, or a month, is known of some places; of all water of an image, or as a fraction, it is not.
    share = bool((numbers % 1 != 0).any())
    mask = whole and (dtype.startswith("float") or unit == "percent") and (numbers == 1).mean() > _MANY
    if share or mask:
        raise AncillaryError(
            f"{{file}} holds no number above {numbers.max():g}, where its name says {unit}, 0 to {most}: if 1 is water that is "
            "always there, name it ..._permanent_water.tif; else convert it.",
            file=asset.path,
        )


def usual_water(record: ChipRecord, window: Window | None = None) -> ByteArray | None:
    """Return where water is usual on a chip, uint8 (H, W): 1 usual, 0 not, 255 not known; None where no file says it.

    Args:
        record: the chip, or a scene.
        window: the part that is wanted; None for all of it.

    Raises:
        ChipError: the file that should say it cannot be used, with the sentence to show.
    """
    if record.permanent_water is None or record.vv is None:
        return None
    try:
        share = read_ancillary("permanent_water", record.permanent_water, read_info(record.vv.path), window)
    except ChipError as error:
        raise AncillaryError(ancillary_refusal("permanent_water", error)) from error
    known = np.isfinite(share)
    usual: ByteArray = np.where(known, np.where(known, share, 0.0) >= USUAL, np.uint8(UNKNOWN)).astype(np.uint8)
    return usual
