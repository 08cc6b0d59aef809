"""Units of backscatter: dB, linear power, amplitude, scaled dB; what tags and names say of them, and how they become dB."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tiles.answers import Units
from tiles.chip import FloatArray
from tiles.errors import UnitError
from tiles.reading.bands import unit_in
from tiles.reading.raster import RasterInfo
from tiles.sentences import shown

Scale = Literal["db", "power", "amplitude", "db10", "db100"]

WORDS: dict[Scale, str] = {
    "db": "dB",
    "power": "linear power",
    "amplitude": "amplitude",
    "db10": "dB times 10",
    "db100": "dB times 100",
}
"""What people call them."""

_NOISE_FLOOR_DB = -50.0
"""What power of 0 or less becomes where it is no fill value: below anything that Sentinel-1 measures, about -22 to -30 dB."""

_WHOLE_FILLS = (0, -9999, -32767, -32768, -(2**31))
_PRODUCTS: tuple[tuple[re.Pattern[str], Units, str], ...] = (
    # HyP3: ..._RTC30_G_gpuned_FD6A_VV, of which the second small letter is p, a or d.
    (re.compile(r"_RTC\d\d_[A-Z]_[gs]p[uw][nf][ec][dm]", re.IGNORECASE), "power", "HyP3 RTC"),
    (re.compile(r"_RTC\d\d_[A-Z]_[gs]a[uw][nf][ec][dm]", re.IGNORECASE), "amplitude", "HyP3 RTC"),
    (re.compile(r"_RTC\d\d_[A-Z]_[gs]d[uw][nf][ec][dm]", re.IGNORECASE), "db", "HyP3 RTC"),
    (re.compile(r"^OPERA_L2_RTC-S1", re.IGNORECASE), "power", "OPERA RTC-S1"),
    # Planetary Computer: ...iw-vv.rtc.tiff.
    (re.compile(r"[-_.](?:vv|vh)[-_.]rtc$", re.IGNORECASE), "power", "Planetary Computer RTC"),
)
_UNIT_TAGS = re.compile(
    r"(?:backscatter_?|radiometric_?|output_?|data_?)?(?:units?|unit_?type|scale|scaling)", re.IGNORECASE
)


@dataclass(frozen=True)
class Numbers:
    """One band's numbers, and what is said of them.

    Attributes:
        name: "VV" or "VH".
        where: what messages call the file.
        values: the numbers, of any real type, (H, W), scale and offset followed.
        there: bool (H, W), where the file says that there are data.
        integer: they are whole numbers without a scale.
        packing: the scale and offset that were followed, in words, or None.
        tagged: what tags or the band's description say, and which words.
        named: what a product's way of naming files says, and which words.
        tens: 10 or 100 where a tag says that numbers are dB times that.
    """

    name: str
    where: str
    values: npt.NDArray[np.generic]
    there: npt.NDArray[np.bool_]
    integer: bool = False
    packing: str | None = None
    tagged: tuple[Units, str] | None = None
    named: tuple[Units, str] | None = None
    tens: int | None = None


def said_by_tags(info: RasterInfo, band: int) -> tuple[Units, str] | None:
    """Return the unit that a band's description, GDAL unit or tags say, and the words; None where they are silent."""
    said: list[tuple[str, str]] = [
        (info.descriptions[band - 1] or "", "its band is described as"),
        (info.units[band - 1], "its unit is"),
    ]
    tags = [*(info.band_tags[band - 1] if band <= len(info.band_tags) else {}).items(), *info.tags.items()]
    said += [(value, f"its tag {key} is") for key, value in tags if _UNIT_TAGS.fullmatch(key)]
    for text, how in said:
        if (unit := unit_in(text)) is not None:
            return unit, f"{how} {shown(text)[:60]}"
    return None


def said_by_name(path: str) -> tuple[Units, str] | None:
    """Return the unit that a product's way of naming files says, and the words; None where the name is silent."""
    stem = Path(path).stem
    for pattern, unit, product in _PRODUCTS:
        if pattern.search(stem):
            return unit, f"it is named like a product of {product}"
    unit_word = unit_in(stem)
    return (unit_word, f"its name says {WORDS[unit_word]}") if unit_word else None


def tens_in_tags(info: RasterInfo) -> int | None:
    """Return 10 or 100 where a tag scale_factor says that the numbers are dB times that, or its inverse; else None."""
    text = next((value for key, value in info.tags.items() if key.lower() == "scale_factor"), None)
    try:
        factor = float(text) if text is not None else 0.0
    except ValueError:
        return None
    return {10.0: 10, 100.0: 100, 0.1: 10, 0.01: 100}.get(factor)


def packing_of(info: RasterInfo, band: int) -> str | None:
    """Return the scale and offset of a band's stored numbers in words, "x 0.01" or "x 0.096 - 23.6, of float32"; or None."""
    if not info.scaled(band):
        return None
    scale, offset, dtype = info.scales[band - 1], info.offsets[band - 1], info.dtypes[band - 1]
    shift = f" {'-' if offset < 0 else '+'} {abs(offset):g}" if offset else ""
    return f"x {scale:g}{shift}" + ("" if "int" in dtype else f", of {dtype}")


def require_number_type(info: RasterInfo, band: int, name: str) -> None:
    """Raise UnitError unless a band's type can hold backscatter: real floats, scaled or signed integers."""
    dtype = info.dtypes[band - 1]
    if dtype.startswith("complex"):
        raise UnitError(
            f"{{file}} holds {dtype} amplitudes with phase (SLC), not backscatter: detect, multilook and calibrate "
            f"{name} first.",
            file=info.path,
        )
    if dtype.startswith("uint") and not info.scaled(band):
        raise UnitError(
            f"{{file}} holds {dtype} digital numbers, not backscatter: calibrate {name} to sigma0 or gamma0, or, "
            "where these are scaled dB, write the scale and offset into the file.",
            file=info.path,
        )


def has_data(values: npt.NDArray[Any], there: npt.NDArray[np.bool_], integer: bool) -> npt.NDArray[np.bool_]:
    """Return where numbers may be backscatter in any unit: there, finite, not 0, and no fill value.

    -9999, -32768 and -3.4e38 are fill values of one tool or another; -99 and -999 too, where numbers are not whole.
    """
    if integer:
        return np.asarray(there & ~np.isin(values, _WHOLE_FILLS))
    with np.errstate(invalid="ignore", over="ignore"):
        fine = there & np.isfinite(values) & (values != 0) & (values > -9990) & (values < 1e30)
        return np.asarray(fine & (values != -99) & (values != -999))


def to_db(values: npt.NDArray[np.generic], scale: Scale) -> FloatArray:
    """Return numbers in dB, float32; what no unit can hold becomes NaN or -inf.

    Power of 0 or less is what is left of water where the thermal noise was subtracted: it becomes -50 dB.
    """
    numbers = values.astype(np.float64)
    if scale == "power":
        numbers = np.where(numbers < 0, 10 ** (_NOISE_FLOOR_DB / 10), numbers)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if scale == "power":
            numbers = 10 * np.log10(numbers)
        elif scale == "amplitude":
            numbers = 20 * np.log10(numbers)
        elif scale != "db":
            numbers = numbers / (10 if scale == "db10" else 100)
        return np.asarray(numbers, dtype=np.float32)
