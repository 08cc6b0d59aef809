"""Images in two files, as people have them: VV and VH apart, right and wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from affine import Affine

from tests.door.inputs import TAKEN, TOLD, VH, VV, amplitude, power, written
from tests.tiles.chips import PLACE, backscatter


@dataclass(frozen=True)
class Pair:
    """Two files that hold an image, or should.

    Attributes:
        files: their bytes by name.
        verdict, words, said: as of `inputs.Image1`.
    """

    files: Callable[[], Mapping[str, bytes]]
    verdict: str
    words: tuple[str, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)


def _pair(vv: Callable[[], bytes], vh: Callable[[], bytes], stem: str = "lake_") -> Callable[[], Mapping[str, bytes]]:
    return lambda: {f"{stem}vv.tif": vv(), f"{stem}vh.tif": vh()}


def _vv() -> bytes:
    return written(VV, names=())


def _vh() -> bytes:
    return written(VH, names=())


_SMALL = backscatter(40)[1]
_HYP3 = "S1A_IW_20240101T000000_DVP_RTC30_G_gpuned_FD6A_"
_ANGLE = np.full_like(VV, 38.5)
_MASKED = np.arange(VV.size).reshape(VV.shape) % 7 > 0

PAIRS: dict[str, Pair] = {
    "a pair": Pair(_pair(_vv, _vh), TAKEN),
    "a pair that names its bands": Pair(
        _pair(lambda: written(VV, names=("VV",)), lambda: written(VH, names=("VH",))), TAKEN
    ),
    "a pair without a place": Pair(
        _pair(
            lambda: written(VV, names=(), crs=None, transform=None),
            lambda: written(VH, names=(), crs=None, transform=None),
        ),
        TAKEN,
    ),
    "VH without a place": Pair(_pair(_vv, lambda: written(VH, names=(), crs=None, transform=None)), TAKEN),
    "VH masked": Pair(_pair(_vv, lambda: written(VH, names=(), edit=lambda d: d.write_mask(_MASKED))), TAKEN),
    "VV with another nodata": Pair(
        _pair(lambda: written(np.where(_MASKED, VV, np.float32(-77)), names=(), nodata=-77), _vh), TAKEN
    ),
    "power, by the numbers": Pair(
        _pair(lambda: written(power(VV), names=()), lambda: written(power(VH), names=())), TOLD, ("linear power",)
    ),
    "power, by the products' names": Pair(
        _pair(lambda: written(power(VV), names=()), lambda: written(power(VH), names=()), _HYP3), TOLD, ("HyP3",)
    ),
    "amplitude, as said": Pair(
        _pair(lambda: written(amplitude(VV), names=()), lambda: written(amplitude(VH), names=())),
        TAKEN,
        said={"units": "amplitude"},
    ),
    "the angle beside each": Pair(
        _pair(
            lambda: written(_ANGLE, VV, names=("angle", "VV")),
            lambda: written(VH, _ANGLE, names=("Sigma0_VH_db", "angle")),
        ),
        TAKEN,
    ),
    "three days in each": Pair(
        _pair(lambda: written(VV, VV - 1, VV - 2, names=()), lambda: written(VH, VH - 1, VH - 2, names=())),
        "has 3 bands described as (no name), (no name), (no name), of which it cannot be told which one is meant",
    ),
    "one in dB, one in power": Pair(_pair(_vv, lambda: written(power(VH), names=())), "both in dB"),
    "two units by tags": Pair(
        _pair(
            lambda: written(VV, names=(), tags={"units": "dB"}), lambda: written(VH, names=(), tags={"units": "power"})
        ),
        "of two units",
    ),
    "digital numbers": Pair(_pair(_vv, lambda: written(np.uint16(VH + 99), names=())), "uint16 digital numbers"),
    "exchanged": Pair(_pair(_vh, _vv), "darker than VH"),
    "VV twice": Pair(_pair(_vv, _vv), "the same numbers"),
    "VV that says it is VH": Pair(_pair(lambda: written(VV, names=("VH",)), _vh), "described as VH"),
    "VV that is coherence": Pair(_pair(lambda: written(VV, names=("coherence",)), _vh), "described as coherence"),
    "a pair tagged HH": Pair(
        _pair(*(lambda b=band: written(b, names=(), tags={"POLARIZATION": "HH+HV"}) for band in (VV, VH))),
        "polarization HH and HV",
    ),
    "a pair of a product of 1SSV": Pair(
        _pair(_vv, _vh, "S1A_IW_GRDH_1SSV_20240101T000000_20240101T000025_051234_062F0A_1B2C_"), "polarization VV alone"
    ),
    "VH of another size": Pair(_pair(_vv, lambda: written(_SMALL, names=())), "40 x 40 pixels"),
    "VH in another system": Pair(_pair(_vv, lambda: written(VH, names=(), crs="EPSG:32633")), "EPSG:32633"),
    "VH elsewhere": Pair(
        _pair(_vv, lambda: written(VH, names=(), transform=PLACE @ Affine.translation(3, 0))), "3.0 pixels off"
    ),
    "VV cut off": Pair(_pair(lambda: _vv()[:5000], _vh), "is truncated"),
    "VH is a text": Pair(_pair(_vv, lambda: b"VH backscatter\n"), "a text file"),
    "VH is empty": Pair(_pair(_vv, lambda: b""), "is empty"),
    "VH of zeros": Pair(_pair(_vv, lambda: written(VH * 0, names=())), "0, which is a fill value"),
    "VV without VH": Pair(lambda: {"lake_vv.tif": _vv()}, "no VH partner"),
    "VH without VV": Pair(lambda: {"lake_vh.tif": _vh()}, "no VV partner"),
}
