"""How backscatter in dB becomes a network's input: the constants of the training data, and their place in model.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from model.bundle.fields import Fields, a_number, an_object, one_of

Scaling = Literal["zscore", "minmax"]


@dataclass(frozen=True)
class ZScore:
    """One channel's mean becomes 0, its standard deviation 1, nodata as the mean. In the channel's unit: dB for VV, VH."""

    mean: float
    std: float

    @property
    def offset(self) -> float:
        """What is subtracted."""
        return self.mean

    @property
    def scale(self) -> float:
        """What is divided by."""
        return self.std


@dataclass(frozen=True)
class MinMax:
    """One channel's `low` becomes 0, its `high` 1, nodata as the `mean`. In the channel's unit: dB for VV, VH."""

    low: float
    high: float
    mean: float

    @property
    def offset(self) -> float:
        """What is subtracted."""
        return self.low

    @property
    def scale(self) -> float:
        """What is divided by."""
        return self.high - self.low


@dataclass(frozen=True)
class Normalisation:
    """The constants of the training data. GRD and terrain-corrected backscatter differ: they belong to the model.

    Attributes:
        bands: one scaling a channel, all of one kind.
    """

    bands: Mapping[str, ZScore | MinMax]

    @property
    def kind(self) -> Scaling:
        """Return "zscore" or "minmax"."""
        return "zscore" if all(isinstance(band, ZScore) for band in self.bands.values()) else "minmax"

    def apply(
        self, channels: Mapping[str, npt.NDArray[np.floating]], valid: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float32]:
        """Return a network's input, float32 (C, H, W), in the order of `channels`.

        Args:
            channels: (H, W) each, in the channel's own unit.
            valid: bool (H, W); elsewhere, and where a channel is not finite, stands what the channel's mean becomes.
        """
        out = np.empty((len(channels), *valid.shape), dtype=np.float32)
        for i, (name, values) in enumerate(channels.items()):
            band, plane = self.bands[name], out[i]
            np.subtract(values, np.float32(band.offset), out=plane, casting="same_kind")
            np.divide(plane, np.float32(band.scale), out=plane)
            plane[~(valid & np.isfinite(plane))] = (band.mean - band.offset) / band.scale
        return out

    def to_json(self) -> dict[str, object]:
        """Return the form of model.json."""
        return {"kind": self.kind} | {name: asdict(band) for name, band in self.bands.items()}


def parse_normalisation(raw: dict[str, object], where: str, channels: Sequence[str]) -> Normalisation:
    """Return the normalisation that a model.json describes.

    Raises:
        BundleError: a channel's constants are missing or no numbers.
    """
    reader = Fields(raw, where, "normalisation.")
    kind: Scaling = reader.take("kind", one_of(get_args(Scaling)), "zscore")
    bands: dict[str, ZScore | MinMax] = {}
    for channel in channels:
        constants = Fields(reader.take(channel, an_object), where, f"normalisation.{channel}.")
        mean = constants.take("mean", a_number())
        if kind == "zscore":
            bands[channel] = ZScore(mean, constants.take("std", a_number(1e-9)))
        else:
            low, high = constants.take("low", a_number()), constants.take("high", a_number())
            if high <= low:
                raise constants.error("high", high, f"a number above low, {low:g}")
            bands[channel] = MinMax(low, high, mean)
        constants.finish()
    reader.finish()
    return Normalisation(bands)
