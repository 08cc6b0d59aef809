"""The label of a scene: what its numbers mean is decided over all of it, and windows of it are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from tiles.chip import Asset, BoolArray, ByteArray
from tiles.decisions import Decision
from tiles.reading.labels import label_of
from tiles.reading.pixels import Band, read_band
from tiles.reading.raster import RasterInfo
from tiles.scenes.image import Image

_STRIP_ROWS = 512
_MOST_LABEL_VALUES = 64


@dataclass(frozen=True, eq=False)
class Truth:
    """A label of a scene: what each of its numbers means, decided over all of it."""

    asset: Asset
    info: RasterInfo
    meanings: dict[float, int]
    decisions: tuple[Decision, ...]

    @classmethod
    def decide(cls, image: Image, asset: Asset, info: RasterInfo) -> Truth:
        """Look at every number that the label holds, and at the sample for how much of the image each of them is.

        Raises:
            ChipError: it cannot be told what they mean.
        """
        found = _values_in(asset, info)
        parts = [
            (read_band(asset.path, asset.band, window, info), image.read_sampled(window)[1]) for window in image.looked
        ]
        values = np.concatenate([found, *(band.values.ravel() for band, _ in parts)])
        there = np.concatenate([np.ones(found.size, np.bool_), *(band.there.ravel() for band, _ in parts)])
        sampled = np.concatenate([vh.ravel() for _, vh in parts])
        middle = np.nanmedian(sampled)  # what lies at the numbers that the sample may not have met is not known
        vh = np.concatenate([np.full(found.size, middle, np.float32), sampled])
        nodata = parts[0][0].nodata
        label = label_of(Band(values, there, nodata, info.grid, info), vh, image.record.answers, image.record.legend)
        codes = label.values[: found.size]
        return cls(asset, info, {float(v): int(c) for v, c in zip(found, codes, strict=True)}, label.decisions)

    def read(self, window: Window, overview: int | None = None) -> ByteArray:
        """Return a window, of the label or of an overview of it: uint8, 0 dry, 1 water, 255 unknown."""
        band = read_band(self.asset.path, self.asset.band, window, self.info, overview)
        return coded(band.values, band.there, self.meanings)


def coded(values: npt.NDArray[np.generic], there: BoolArray, meanings: dict[float, int]) -> ByteArray:
    """Return a label's numbers as 0 dry, 1 water, 255 unknown, by what each of them was decided to mean."""
    label: ByteArray = np.full(values.shape, 255, dtype=np.uint8)
    for value, code in meanings.items():
        if code != 255:
            label[np.isnan(values) if value != value else np.asarray(values == value)] = code  # noqa: PLR0124 - NaN
    label[~there] = 255
    return label


def _values_in(asset: Asset, info: RasterInfo) -> npt.NDArray[np.generic]:
    """Return every number that a label holds, sorted; of one that holds very many, some."""
    found: npt.NDArray[np.generic] = np.empty(0, dtype=np.float32 if info.scaled(asset.band) else info.dtypes[0])
    for top in range(0, info.height, _STRIP_ROWS):
        window = Window(0, top, info.width, min(_STRIP_ROWS, info.height - top))
        band = read_band(asset.path, asset.band, window, info)
        values = band.values if band.there.all() else band.values[band.there]
        found = np.union1d(found, _distinct(values))
        if found.size > _MOST_LABEL_VALUES:
            break
    return found


def _distinct(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    if values.dtype in (np.uint8, np.int8):
        counts = np.bincount(values.astype(np.uint8, copy=False).ravel(), minlength=256)
        return np.flatnonzero(counts).astype(np.uint8).view(values.dtype)
    flat = values.ravel()
    # Labels have long runs of one number: where it changes, all of them are met.
    return np.unique(np.concatenate([flat[:1], flat[1:][flat[1:] != flat[:-1]]]))
