"""What becomes of a probability where a bundle looks at regions: water grows from what is surely water (hysteresis)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from model.bundle.adaptive import SEED_SHARE, SEEDS
from model.bundle.fields import Fields, a_number

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

EIGHT = np.ones((3, 3))
"""The directions in which pixels of a region are joined."""
_JUST_BELOW = 0.49  # rounding to a raster's steps must not move a pixel over the line


@dataclass(frozen=True)
class Regions:
    """Which regions of a probability are water.

    Attributes:
        grow: pixels from this probability on make regions, joined in eight directions. It is one half afterwards.
        seed: a region stays where enough of it, as much as of the adaptive rule's, is at least so probable.
    """

    grow: float
    seed: float

    def to_json(self) -> Mapping[str, float]:
        """Return the fields, as model.json holds them."""
        return asdict(self)


def parse_regions(raw: Mapping[str, object] | None, where: str) -> Regions | None:
    """Return what model.json says of regions; None where it says nothing.

    Raises:
        BundleError: a field is missing, unknown or out of range, or seeds are less probable than what grows from them.
    """
    if raw is None:
        return None
    reader = Fields(raw, where, "regions.")
    grow = reader.take("grow", a_number(0.01, 0.99))
    seed = reader.take("seed", a_number(0.01, 0.99))
    reader.finish()
    if seed < grow:
        raise reader.error("seed", seed, f"at least regions.grow, {grow:g}")
    return Regions(grow, seed)


def grown(probability: FloatArray, regions: Regions) -> FloatArray:
    """Return the probability of water where regions have been looked at, float32 (H, W): at least one half where water is.

    J. Canny, "A computational approach to edge detection", IEEE Trans. Pattern Analysis and Machine Intelligence 8(6), 1986, as
    `model.bundle.adaptive.grow` has it, of a probability in place of backscatter. All log-odds are moved by those of
    `regions.grow`, so that the line between water and land lies at one half; a region without seeds stays below it.

    Args:
        probability: float32 (H, W), NaN where there is none, which is no water and stays NaN.
        regions: from where on.
    """
    from scipy.ndimage import label  # noqa: PLC0415

    p = probability.astype(np.float32)
    parts, count = label(p >= regions.grow, EIGHT)
    seeds = np.bincount(parts[p >= regions.seed], minlength=count + 1)
    stays = enough(seeds, np.bincount(parts.ravel(), minlength=count + 1))
    stays[0] = False
    return moved(p, stays[parts], regions)


def enough(seeds: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> BoolArray:
    """Return which regions stay, by the number of their seeds and of their pixels, (N,) each."""
    return np.asarray((seeds >= SEEDS) & (seeds >= SEED_SHARE * sizes))


def moved(p: FloatArray, water: BoolArray, regions: Regions) -> FloatArray:
    """Return probabilities, float32 of any shape, with the line between water and land at one half; as `grown`."""
    more, less = p * np.float32(1 - regions.grow), (1 - p) * np.float32(regions.grow)
    odds = more / (more + less)
    return np.asarray(np.where(water, np.maximum(odds, 0.5), np.minimum(odds, _JUST_BELOW)), dtype=np.float32)
