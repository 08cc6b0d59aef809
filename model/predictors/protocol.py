"""What every predictor is, and how probabilities become the uint8 of a probability raster (contract 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tiles.chip import Chip
from tiles.errors import PredictionError
from tiles.probability import NODATA, PROBABILITY_MAX

# The first value on the water side of p = 0.5: 127 / 254 is one half exactly.
_HALF = 127

Parameter = str | int | float | bool


class Predictor(Protocol):
    """Turns chips into probability rasters. A predictor never changes its answer for the same chip and parameters.

    Attributes:
        name: for people, as "VH threshold -22 dB".
        model_id: the model's identity: "backscatter", or the content hash of a bundle (64 hex digits).
        parameters: what else decides the output; JSON-able, in any order.
        device: where it runs: "cpu", "cuda: NVIDIA ...", "mps", "endpoint ...".
        threshold: the mask threshold to begin with, in [0, 1].
    """

    @property
    def name(self) -> str:
        """The name for people."""
        ...

    @property
    def model_id(self) -> str:
        """The model's identity."""
        ...

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What else decides the output."""
        ...

    @property
    def device(self) -> str:
        """Where it runs."""
        ...

    @property
    def threshold(self) -> float:
        """The mask threshold to begin with."""
        ...

    def card(self) -> str:
        """Return what it is, what it was made of and where it fails, as Markdown; neither loads nor asks anything."""
        ...

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        """Return one uint8 (H, W) raster a chip, in order: 0..254 is p = v / 254, 255 where `chip.valid` is False.

        Raises:
            ModelError: the model cannot be run.
            PredictionError: it ran and failed.
        """
        ...


@runtime_checkable
class Loadable(Protocol):
    """A predictor whose first answer is slow unless it is loaded ahead."""

    def load(self) -> None:
        """Make the predictor ready. Safe to call from any thread, and again."""
        ...


@runtime_checkable
class Remote(Protocol):
    """A predictor whose model runs elsewhere: nobody knows how long it takes, so it is asked in a queue of its own."""

    @property
    def place(self) -> str:
        """Where it runs: what is at one place is asked one after another."""
        ...

    @property
    def note(self) -> str | None:
        """What it waits for at the moment, in a sentence for people; None where it waits for nothing but an answer."""
        ...


def quantise(probability: npt.NDArray[np.floating], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return probabilities as contract 2 stores them.

    Rounds p * 254 to the nearest, except that a p just below one half never becomes 127: so p >= 0.5 if and only if
    v >= 127, and the mask at threshold 0.5 is exact.

    Args:
        probability: float (H, W), clipped to [0, 1]; what stands where `valid` is False is not looked at.
        valid: bool (H, W).

    Returns:
        uint8 (H, W), 255 where `valid` is False.

    Raises:
        PredictionError: a valid pixel has no probability (NaN), or the shapes differ.
    """
    if probability.shape != valid.shape:
        raise PredictionError(
            f"A model answered {probability.shape} pixels for a chip of {valid.shape}: check the model."
        )
    scaled = probability * probability.dtype.type(PROBABILITY_MAX)
    np.rint(scaled, out=scaled)
    np.clip(scaled, 0, PROBABILITY_MAX, out=scaled)
    scaled[~valid] = NODATA
    if np.isnan(scaled.sum(dtype=np.float64)):
        missing = int(np.isnan(scaled).sum())
        raise PredictionError(
            f"A model gave no probability (NaN) for {missing} valid pixels: its weights or normalisation are damaged."
        )
    values: npt.NDArray[np.uint8] = scaled.astype(np.uint8)
    values[(values == _HALF) & (probability < 0.5)] = _HALF - 1
    return values
