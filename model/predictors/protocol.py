"""What every predictor is, and how probabilities become the uint8 of a probability raster (contract 2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import numpy.typing as npt

from tiles.chip import Chip
from tiles.errors import PredictionError
from tiles.probability import NODATA, PROBABILITY_MAX

if TYPE_CHECKING:
    from model.bundle.manifest import Bundle

# The first value on the water side of p = 0.5: 127 / 254 is one half exactly.
_ROWS = 256  # quantised at once: what is computed meanwhile is small beside the image
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
        batch_size: how many chips of one shape it takes at once, 1 or more; it may change when it is loaded.
        needs_loading: whether its first answer is slow unless `load` was called; of one that may lose its weights again, whether
            they are not there now.
        place: where it runs, if not on this machine. Nobody knows how long such a one takes, so it is asked in a queue of its
            own; what is at one place is asked one after another.
        note: what it waits for at the moment, in a sentence for people; None where it waits for nothing but an answer.
        bundle: the bundle that it runs, or None.
        path: where that bundle lies.
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

    @property
    def batch_size(self) -> int:
        """How many chips of one shape it takes at once."""
        ...

    @property
    def needs_loading(self) -> bool:
        """Whether its first answer is slow unless it is loaded ahead."""
        ...

    @property
    def place(self) -> str | None:
        """Where it runs, if not on this machine."""
        ...

    @property
    def note(self) -> str | None:
        """What it waits for at the moment, for people."""
        ...

    @property
    def bundle(self) -> Bundle | None:
        """The bundle that it runs."""
        ...

    @property
    def path(self) -> Path | None:
        """Where its bundle lies."""
        ...

    def load(self) -> None:
        """Make the predictor ready. Safe to call from any thread, and again."""
        ...

    def card(self) -> str:
        """Return what it is, what it was made of and where it fails, as Markdown; neither loads nor asks anything."""
        ...

    def of_image(self, parts: Sequence[Chip]) -> Predictor:
        """Return what predicts windows of one image alike: what it takes from all of an image, it takes from these parts.

        Args:
            parts: windows with data, spread over the image, or all of it as one.
        """
        ...

    def rule_over(self, chip: Chip) -> npt.NDArray[np.float32] | None:
        """Return what the adaptive rule says of an image, or of a window of one after `of_image`, for `Chip.rule_odds`.

        None without it, and where it is asked with the prediction in any case. Safe for threads, while another predicts.
        """
        ...

    def by_pixel(self) -> Predictor:
        """Return one that looks at no regions of its probability: for windows of an image whose regions are looked at at once."""
        ...

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        """Return one uint8 (H, W) raster a chip, in order: 0..254 is p = v / 254, 255 where `chip.valid` is False.

        Raises:
            ModelError: the model cannot be run.
            PredictionError: it ran and failed.
        """
        ...


class Plain:
    """What a predictor can do that is ready at once, on this machine, a chip at a time: rules are such, and derive from it."""

    batch_size: int = 1
    needs_loading = False
    place: str | None = None
    note: str | None = None
    bundle: Bundle | None = None
    path: Path | None = None

    def load(self) -> None:
        """Do nothing."""

    def of_image(self, parts: Sequence[Chip]) -> Self:
        """Return itself: what takes nothing from all of an image says the same in every window."""
        return self

    def rule_over(self, chip: Chip) -> npt.NDArray[np.float32] | None:
        """Return None: the adaptive rule is no part of it."""
        return None

    def by_pixel(self) -> Self:
        """Return itself: it has no bundle that looks at regions."""
        return self


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
    values = np.empty(valid.shape, dtype=np.uint8)
    missing = 0
    for start in range(0, len(values), _ROWS):
        part = slice(start, start + _ROWS)
        scaled = probability[part] * probability.dtype.type(PROBABILITY_MAX)
        np.rint(scaled, out=scaled)
        np.clip(scaled, 0, PROBABILITY_MAX, out=scaled)
        scaled[~valid[part]] = NODATA
        missing += int(np.isnan(scaled).sum())
        if not missing:
            values[part] = scaled
            values[part][(values[part] == _HALF) & (probability[part] < 0.5)] = _HALF - 1
    if missing:
        raise PredictionError(
            f"A model gave no probability (NaN) for {missing} valid pixels: its weights or normalisation are damaged."
        )
    return values


def by_shape(chips: Sequence[Chip]) -> list[list[int]]:
    """Return the places of the chips that have a valid pixel, those of one shape together."""
    groups: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for i, chip in enumerate(chips):
        if chip.valid.any():
            groups[chip.valid.shape].append(i)
    return list(groups.values())
