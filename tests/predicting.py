"""One chip predicted and stored in this thread: what tests of later steps begin with."""

from __future__ import annotations

from model.inference.ahead import load_chip
from model.inference.asking import ask_model
from model.predictors.protocol import Predictor
from model.store.prediction import identity_of
from model.store.store import Prediction, Store
from tiles.chip import ChipRecord


def predict_one(record: ChipRecord, predictor: Predictor, store: Store) -> Prediction:
    """Read a chip, predict it and store the prediction, now and in this thread.

    Raises:
        ChipError: the chip cannot be read, or has no valid pixel (NoValidPixelError).
        PredictionError: the predictor failed.
        StoreError: the prediction cannot be stored.
    """
    loaded = load_chip(record)
    (probability,), seconds = ask_model(predictor, [loaded.chip])
    return store.put(loaded.chip, record, identity_of(predictor), probability, seconds, chip_revision=loaded.revision)
