"""A teacher: a finished bundle whose probabilities a network learns from, beside the labels or in their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.bundle.manifest import Bundle, read_bundle
from model.predictors.local import LocalPredictor
from tiles.chip import UNKNOWN, Chip
from tiles.content import Content
from tiles.probability import NODATA, PROBABILITY_MAX

CERTAIN = PROBABILITY_MAX
"""A teacher's target that means water without doubt; 0 means dry land, `UNKNOWN` that nothing is told."""


class Teacher:
    """Gives what a network shall answer, pixel by pixel, and keeps the teacher's own answers in a folder.

    A chip needs no label: then the target is the teacher's probability. Where the truth is known it pulls the target
    towards itself, so that a student can become better than its teacher (G. Hinton, O. Vinyals, J. Dean, "Distilling the
    knowledge in a neural network", 2015, section 2).

    Args:
        path: a bundle.
        folder: of its answers, so that a training that goes on asks for none again.
        truth_share: weight of a known label, 0 to 1.

    Raises:
        BundleError: the bundle cannot be read.
    """

    def __init__(self, path: Path, folder: Path, truth_share: float) -> None:
        self.path = path
        self.bundle: Bundle = read_bundle(path, verify=False)
        self._made_of = (path, folder, truth_share)
        self._folder = folder / self.bundle.id[:16]
        self._truth_share = truth_share
        self._predictor = LocalPredictor(path)

    def __getstate__(self) -> tuple[Path, Path, float]:
        """Return what it was made of: a worker process makes its own."""
        return self._made_of

    def __setstate__(self, state: tuple[Path, Path, float]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def target(self, chip: Chip, content: Content) -> npt.NDArray[np.uint8]:
        """Return the target of a chip, uint8 (H, W): probability of water times 254, 255 where it has no data.

        Raises:
            ModelError, PredictionError: the teacher cannot be run, or failed.
        """
        answer = self._answer(chip, content)
        if chip.label is None:
            return answer
        known = (chip.label != UNKNOWN) & (answer != NODATA)
        water = (chip.label == 1).astype(np.float32)
        mixed = self._truth_share * water * CERTAIN + (1 - self._truth_share) * answer
        return np.where(known, np.rint(mixed).astype(np.uint8), answer)

    def _answer(self, chip: Chip, content: Content) -> npt.NDArray[np.uint8]:
        kept = self._folder / f"{content.digest}.npy"
        if kept.exists():
            stored: npt.NDArray[np.uint8] = np.load(kept, allow_pickle=False)
            return stored
        (answer,) = self._predictor.predict([chip])
        self._folder.mkdir(parents=True, exist_ok=True)
        half_written = kept.with_suffix(".part")
        with half_written.open("wb") as file:
            np.save(file, answer)
        half_written.replace(kept)
        return answer
