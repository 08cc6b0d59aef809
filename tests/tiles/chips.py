"""Tiny chips in real GeoTIFF files: a dark lake in brighter land, whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine

SIZE = 48
UTM = "EPSG:32632"
PLACE = Affine(10, 0, 700_000, 0, -10, 5_230_000)
"""A place in Tyrol, 10 m."""

Array = npt.NDArray[Any]


def lake(size: int = SIZE) -> npt.NDArray[np.bool_]:
    """Return where the lake is."""
    row, col = np.mgrid[:size, :size] / size
    return np.asarray(np.hypot(row - 0.45, col - 0.6) < 0.25)


def backscatter(size: int = SIZE, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return VV and VH in dB; VH is below -22 dB in the lake and above it on land, so the baseline finds it exactly."""
    rng = np.random.default_rng(seed)
    water = lake(size)
    vh = np.where(water, -26.0, -16.0) + rng.uniform(-3, 3, water.shape)
    vv = vh + np.where(water, 5.0, 7.0) + rng.uniform(-1, 1, water.shape)
    return vv.astype(np.float32), vh.astype(np.float32)


def write_tiff(path: Path, *bands: Array, names: tuple[str, ...] = (), **profile: Any) -> Path:
    """Write bands of one shape as a GeoTIFF at PLACE in UTM; `profile` overrides anything, None leaves it out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "driver": "GTiff",
        "height": bands[0].shape[0],
        "width": bands[0].shape[1],
        "count": len(bands),
        "dtype": bands[0].dtype,
        "crs": UTM,
        "transform": PLACE,
    }
    settings.update(profile)
    scale, offset = settings.pop("scale", None), settings.pop("offset", None)
    tags = settings.pop("tags", {})
    settings = {k: v for k, v in settings.items() if v is not None}
    with rasterio.open(path, "w", **settings) as dataset:
        # Pixels last: where some are written out before, as from a full cache, the directory is moved behind them.
        for number, name in enumerate(names, 1):
            dataset.set_band_description(number, name)
        if scale is not None:
            dataset.scales = [scale] * len(bands)
            dataset.offsets = [offset or 0.0] * len(bands)
        if tags:
            dataset.update_tags(**tags)
        for number, band in enumerate(bands, 1):
            dataset.write(band, number)
    return path


def write_pair(folder: Path, name: str, *, label: bool = True, seed: int = 0, **profile: Any) -> None:
    """Write NAME_vv.tif, NAME_vh.tif and, with `label`, NAME_label.tif."""
    vv, vh = backscatter(seed=seed)
    write_tiff(folder / f"{name}_vv.tif", vv, **profile)
    write_tiff(folder / f"{name}_vh.tif", vh, **profile)
    if label:
        write_tiff(folder / f"{name}_label.tif", lake().astype(np.uint8), **profile)
