"""Whether the models of a dashboard have seen its chips: one judge a model, kept as long as the dashboard runs."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from model.evaluation.judge import Judge, seen_by, seen_by_id
from model.predictors.protocol import Predictor
from model.store.prediction import ModelKey, Prediction, key_of
from model.store.store import Store
from tiles.catalog.catalog import Catalog
from tiles.chip import ChipRecord
from tiles.errors import BundleError


class Judges:
    """The judges of all models that are asked about. Methods may be called from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._of: dict[ModelKey, Judge] = {}

    def of(self, predictor: Predictor) -> Judge:
        """Return the judge of a model on offer. One whose list of chips is damaged tells nothing."""
        key = key_of(predictor)
        with self._lock:
            if key not in self._of:
                try:
                    self._of[key] = Judge(self._store, key, seen_by(predictor))
                except BundleError:  # told where it predicts: its weights are not loaded beside a damaged list
                    self._of[key] = Judge(self._store, key, None)
            return self._of[key]

    def of_key(self, key: ModelKey) -> Judge:
        """Return the judge of a model that the store alone knows."""
        with self._lock:
            if key not in self._of:
                self._of[key] = Judge(self._store, key, seen_by_id(key.model_id))
            return self._of[key]


def judged(judge: Judge, catalog: Catalog, predictions: Iterable[Prediction]) -> list[tuple[Prediction, bool | None]]:
    """Return predictions of a model, each with whether the model has seen its chip."""
    found = list(predictions)
    pairs: list[tuple[ChipRecord, Prediction]] = [(catalog.get(p.chip_id), p) for p in found if p.chip_id in catalog]
    seen = judge.judge(pairs)
    return [(p, seen.get(p.chip_id)) for p in found]
