"""The models of a dashboard: those on offer, and those that the store alone still knows."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

from dashboard.workspace.edge import public_specs
from dashboard.workspace.endpoints import Endpoints
from dashboard.workspace.seen import Judges
from model.evaluation.judge import Judge, crossvalidated_of
from model.predictors.apart import ApartPredictor, apart
from model.predictors.protocol import Parameter, Predictor
from model.predictors.select import ModelChoice, open_predictor, stored_card
from model.seen.headline import CrossValidated
from model.store.prediction import ModelKey, ModelSummary, key_of
from model.store.store import Store
from tiles.errors import FloodscopeError, ModelNotFoundError

STORED = "stored:"
"""How the spec of a model begins that has predictions in the store and is not on offer any more."""


class ModelEntry(TypedDict):
    """What a page is told of a model.

    Attributes:
        spec: what the page asks for it by.
        name: for people.
        offered: whether it predicts here; else the store alone knows it.
        endpoint: whether it runs elsewhere.
        error: why it cannot be opened.
        id, parameters, device: None where they are not known.
        threshold: smallest probability that is water, unless somebody chooses another.
        chips, latest: how many chips it has predicted, and when the last one.
        crossvalidated: how good it is where it has never been.
        knows_training: whether it names all chips that it was trained on.
    """

    spec: str
    name: str
    offered: bool
    endpoint: bool
    error: str | None
    id: str | None
    parameters: dict[str, Parameter] | None
    device: str | None
    threshold: float
    chips: int
    latest: str | None
    crossvalidated: CrossValidated | None
    knows_training: bool


class ModelShelf:
    """All models that a page can ask about, each by its spec. Methods may be called from several threads.

    A model on offer predicts what it is asked for. One that the store alone knows shows what it has predicted.
    """

    def __init__(
        self, choices: Sequence[ModelChoice], endpoints: Endpoints, store: Store, *, processes: bool = False
    ) -> None:
        """Make a shelf.

        Args:
            choices: the models on offer, the one to begin with first.
            endpoints: those of them that are endpoints.
            store: what was predicted.
            processes: each bundle that somebody asks has a process of its own.
        """
        self._choices, self._endpoints, self._store, self._processes = choices, endpoints, store, processes
        self._specs = public_specs(choices)
        self._judges = Judges(store)
        self._predictors: dict[str, Predictor] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the processes of models."""
        with self._lock:
            for predictor in self._predictors.values():
                if isinstance(predictor, ApartPredictor):
                    predictor.close()

    @property
    def first(self) -> str:
        """The spec of the model to begin with."""
        return next(iter(self._specs))

    def models(self) -> list[ModelEntry]:
        """Return all models: those on offer, then those that the store alone knows. No two have one name."""
        stored = {summary.key: summary for summary in self._store.models()}
        out = [self._offered(spec, choice, stored) for spec, choice in zip(self._specs, self._choices, strict=True)]
        for key, summary in stored.items():
            out.append(_entry(STORED + key.digest, summary.name, key, summary))
        count = Counter(entry["name"] for entry in out)
        for number, entry in enumerate(out, start=1):
            if count[entry["name"]] > 1:
                entry["name"] = f"{entry['name']} ({number})"
        return out

    def predictor(self, spec: str) -> Predictor:
        """Return the predictor of a model on offer; weights load at its first use.

        Raises:
            ModelNotFoundError: the model is not on offer or cannot be opened.
        """
        if spec.startswith(STORED):
            raise ModelNotFoundError(
                f"{self._summary(spec).name} is not on offer here, so it predicts nothing more: choose another model, or "
                "start the dashboard with --bundle and its path."
            )
        real = self.real(spec)
        if real not in self._specs.values():  # a path in a request must never open a file
            raise ModelNotFoundError(
                f"The model {real[:80]!r} is not offered here: choose one of {', '.join(self._specs)}."
            )
        if (endpoint := self._endpoints.predictor(real)) is not None:
            return endpoint
        with self._lock:
            if real not in self._predictors:
                found = open_predictor(real)
                self._predictors[real] = apart(found) if self._processes else found
            return self._predictors[real]

    def key(self, spec: str) -> ModelKey:
        """Return what the store knows a model's predictions by.

        Raises:
            ModelError: there is no such model, or it cannot be opened.
        """
        return self._summary(spec).key if spec.startswith(STORED) else key_of(self.predictor(spec))

    def device(self, spec: str) -> str:
        """Return where a model runs; nothing for one that runs no more."""
        return "" if spec.startswith(STORED) else self.predictor(spec).device

    def judge(self, spec: str) -> Judge:
        """Return who says which chips a model was trained on; raises as `key`."""
        if spec.startswith(STORED):
            return self._judges.of_key(self._summary(spec).key)
        return self._judges.of(self.predictor(spec))

    def card(self, spec: str) -> str:
        """Return what is known of a model, as Markdown; raises as `key`."""
        predictor = self.knows(spec)
        if predictor is not None:
            return predictor.card()
        found = self._summary(spec)
        return stored_card(found.name, found.key.model_id, json.loads(found.key.parameters))

    def knows(self, spec: str) -> Predictor | None:
        """Return the model on offer that has made a model's predictions; None where there is none. Raises as `key`."""
        if not spec.startswith(STORED):
            return self.predictor(spec)
        key = self._summary(spec).key
        for offered in self._specs:  # by another name, as where a link was made before it was
            try:
                predictor = self.predictor(offered)
            except FloodscopeError:  # it is listed with its problem
                continue
            if key_of(predictor) == key:
                return predictor
        return None

    def real(self, spec: str) -> str:
        """Return what opens a model that a page names: of a bundle its path, which no page is told."""
        return self._specs.get(spec, spec)

    def _offered(self, spec: str, choice: ModelChoice, stored: dict[ModelKey, ModelSummary]) -> ModelEntry:
        """Return the entry of a model on offer, and take it out of those that the store knows."""
        try:
            predictor = self.predictor(spec)
        except FloodscopeError as error:
            entry = _entry(spec, choice.name)
            entry["error"] = str(error)
        else:
            key = key_of(predictor)
            entry = _entry(spec, predictor.name, key, stored.pop(key, None))
            entry["error"], entry["device"] = choice.problem, predictor.device
            entry["threshold"], entry["crossvalidated"] = predictor.threshold, crossvalidated_of(predictor)
            entry["knows_training"] = self._judges.of(predictor).knows
        entry["offered"], entry["endpoint"] = True, choice.spec in self._endpoints
        return entry

    def _summary(self, spec: str) -> ModelSummary:
        for summary in self._store.models():
            if STORED + summary.key.digest == spec:
                return summary
        raise ModelNotFoundError(f"The store has no predictions of the model {spec[:60]!r}: choose another one.")


def _entry(spec: str, name: str, key: ModelKey | None = None, summary: ModelSummary | None = None) -> ModelEntry:
    return {
        "spec": spec,
        "name": name,
        "offered": False,
        "endpoint": False,
        "error": None,
        "id": None if key is None else key.model_id,
        "parameters": None if key is None else json.loads(key.parameters),
        "device": None,
        "threshold": 0.5,
        "chips": 0 if summary is None else summary.chips,
        "latest": None if summary is None else summary.latest,
        "crossvalidated": None,
        "knows_training": False,
    }
