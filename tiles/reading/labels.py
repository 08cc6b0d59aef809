"""Truth: what a label raster's numbers mean."""

from __future__ import annotations

import numpy as np

from tiles.chip import UNKNOWN, Asset, ByteArray
from tiles.errors import ChipError, LabelError
from tiles.grid import Grid
from tiles.reading.grids import require_same_grid
from tiles.reading.raster import read_band, read_info
from tiles.reading.sniff import shown

LABEL_REFUSED = "The label is not used: "
"""How the sentence on a label that cannot be used begins, where it does not begin with the label anyway."""


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


def read_label(asset: Asset, image_path: str, image_grid: Grid) -> ByteArray:
    """Return a label as uint8 (H, W): 0 dry, 1 water, 255 unknown."""
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
