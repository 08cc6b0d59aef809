"""Scenes of which a part is predicted, as exports take them."""

from __future__ import annotations

from collections.abc import Iterable

from model.export.scenes import PartOfScene
from model.inference.partial import part_of
from model.predictors.protocol import Predictor
from model.store.prediction import identity_of
from model.store.store import Store
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError


def parts_of(records: Iterable[ChipRecord], predictor: Predictor, store: Store) -> list[PartOfScene]:
    """Return what is predicted so far of the scenes among some chips that are not predicted; of the others nothing.

    A scene that cannot be opened is none: who asks has been told why it could not be predicted.
    """
    parts = []
    for record in records:
        try:
            made = part_of(record, predictor, store)
            prediction = None if made is None else made.prediction(identity_of(predictor))
        except FloodscopeError:
            continue
        if made is not None and prediction is not None:
            parts.append(PartOfScene(record, prediction, made.grid, made.strips))
    return parts
