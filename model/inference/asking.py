"""Asking a model, with whatever goes wrong told of the chips that were asked about."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from model.predictors.protocol import Predictor
from tiles.chip import Chip
from tiles.errors import FloodscopeError, PredictionError
from tiles.sentences import Sentence


def ask_model(predictor: Predictor, chips: Sequence[Chip]) -> tuple[list[npt.NDArray[np.uint8]], float]:
    """Return the rasters of the chips, and the seconds that each of them took on average.

    Raises:
        PredictionError: the model failed, or gave too few answers.
    """
    names = ", ".join(chip.id for chip in chips)
    try:
        predictor.load()  # not part of what a chip takes
        began = time.perf_counter()
        rasters = predictor.predict(chips)
    except Exception as error:
        raise failed(names, predictor, error) from error
    seconds = (time.perf_counter() - began) / len(chips)
    if len(rasters) != len(chips):
        raise PredictionError(f"{predictor.name} gave {len(rasters)} answers for chip {names}: check the model.")
    return rasters, seconds


def failed(names: str, predictor: Predictor, error: BaseException) -> PredictionError:
    """Return what is said of chips that a model failed on."""
    what = str(error) if isinstance(error, FloodscopeError) else Sentence.foreign(f"{type(error).__name__}: {error}")
    told = f"Chip {names} could not be predicted by {predictor.name}: {{why}}"
    return PredictionError(told, chip=None if ", " in names else names, why=Sentence(what))
