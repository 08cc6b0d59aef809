"""Small images as people send them: good ones, and forms to send them in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.io import MemoryFile

SIZE = 40
PLACE = Affine(10, 0, 700_000, 0, -10, 5_230_000)
UTM = "EPSG:32632"

Array = npt.NDArray[Any]
Form = list[tuple[str, bytes]]


def lake() -> npt.NDArray[np.bool_]:
    row, col = np.mgrid[:SIZE, :SIZE] / SIZE
    return np.asarray(np.hypot(row - 0.45, col - 0.6) < 0.25)


def backscatter(seed: int = 0) -> tuple[Array, Array]:
    """Return VV and VH in dB; the baseline finds the lake exactly."""
    rng = np.random.default_rng(seed)
    vh = np.where(lake(), -26.0, -16.0) + rng.uniform(-3, 3, lake().shape)
    return (vh + 6.0).astype(np.float32), vh.astype(np.float32)


def tiff(*bands: Array, names: tuple[str, ...] = (), **profile: Any) -> bytes:
    """Return bands as the bytes of a GeoTIFF; a profile's None leaves that part out."""
    settings: dict[str, Any] = {
        "driver": "GTiff", "height": bands[0].shape[0], "width": bands[0].shape[1], "count": len(bands),
        "dtype": bands[0].dtype, "crs": UTM, "transform": PLACE,
    } | profile  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**{k: v for k, v in settings.items() if v is not None}) as dataset:
            for number, band in enumerate(bands, 1):
                dataset.write(band, number)
            for number, name in enumerate(names, 1):
                dataset.set_band_description(number, name)
        return bytes(memory.read())


def pair(name: str = "lake", *, label: bool = False, seed: int = 0, **profile: Any) -> Form:
    vv, vh = backscatter(seed)
    form = [(f"{name}_vv.tif", tiff(vv, **profile)), (f"{name}_vh.tif", tiff(vh, **profile))]
    return [*form, (f"{name}_label.tif", truth())] if label else form


def truth(**profile: Any) -> bytes:
    return tiff(lake().astype(np.uint8), **profile)
