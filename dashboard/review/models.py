"""The models side by side: all that the store has predictions of, their cards, and where two of them disagree."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dashboard.report.cards import card_of, card_of_stored
from dashboard.review.derived import DerivedStore, Filling
from dashboard.workspace.payloads import prediction_payload
from dashboard.workspace.seen import judged
from model.evaluation.judge import Judge
from model.scores.disagreement import Disagreement
from model.store.prediction import ModelKey, ModelSummary, Prediction, key_of
from tiles.errors import FloodscopeError, ModelError

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

_KIND = "disagreement-1"
STORED = "stored:"
"""What the spec of a model begins with that has predictions here and is not on offer any more."""


class ModelShelf:
    """The models of a workspace's store. Methods may be called from several threads."""

    def __init__(self, workspace: Workspace, kept: DerivedStore) -> None:
        self._workspace, self._kept = workspace, kept
        self._lock = threading.Lock()
        self._pairs: dict[tuple[str, str], _Pair] = {}

    def close(self) -> None:
        """Stop computing."""
        for pair in list(self._pairs.values()):
            pair.close()

    def models(self) -> list[dict[str, Any]]:
        """Return all models on offer and all that the store has predictions of: spec, name, chips, latest, on offer or not."""
        stored = {summary.key.digest: summary for summary in self._workspace.store.models()}
        out = []
        for spec, key in self._offered().items():
            summary = stored.pop(key.digest, None)
            name = self._workspace.predictor(spec).name
            out.append(_entry(spec, name, key, summary) | {"offered": True})
        out += [_entry(STORED + digest, s.name, s.key, s) | {"offered": False} for digest, s in stored.items()]
        return out

    def predictions(self, spec: str) -> dict[str, Any]:
        """Return all present predictions of a model that is on offer or in the store.

        Raises:
            ModelError: there is no such model.
        """
        found = self._workspace.store.fresh(self._workspace.catalog.usable(), self._key(spec))
        marked = judged(self._judge(spec), self._workspace.catalog, found.values())
        return {"model": spec, "predictions": [prediction_payload(p, seen) for p, seen in marked]}

    def card(self, spec: str) -> dict[str, Any]:
        """Return what is known of a model, as Markdown.

        Raises:
            ModelError: there is no such model, or its bundle cannot be read.
        """
        if not spec.startswith(STORED):
            return {"model": spec, "markdown": card_of(self._workspace.predictor(spec))}
        key = self._key(spec)
        for offered, its_key in self._offered().items():  # by another name, as where a link was made before it was
            if its_key == key:
                return {"model": spec, "markdown": card_of(self._workspace.predictor(offered))}
        names = {m["spec"]: m["name"] for m in self.models()}
        return {"model": spec, "markdown": card_of_stored(names.get(spec, spec), key)}

    def disagreement(self, first: str, second: str, since: int) -> dict[str, Any]:
        """Return on how many pixels of each chip two models differ at each level, as far as it is counted; starts counting.

        Args:
            first, second: specs.
            since: how many entries the caller has already.

        Returns:
            JSON: `progress`, `cursor`, and `chips`: id, both revisions, pixels, and 255 counts as base64 of uint32.

        Raises:
            ModelError: there is no such model.
        """
        keys = self._key(first), self._key(second)
        with self._lock:
            name = (keys[0].digest, keys[1].digest)
            pair = self._pairs.get(name)
            if pair is None or (since == 0 and not pair.progress()["running"]):
                pair = self._pairs[name] = _Pair(self._workspace, self._kept, *keys)
        return pair.answer(since) | {"first": first, "second": second}

    def _offered(self) -> dict[str, ModelKey]:
        """Return the key of every model on offer that can be opened."""
        out = {}
        for model in self._workspace.models():
            try:
                out[str(model["spec"])] = key_of(self._workspace.predictor(model["spec"]))
            except FloodscopeError:  # it is listed with its problem in the header
                continue
        return out

    def _judge(self, spec: str) -> Judge:
        judges = self._workspace.judges
        if spec.startswith(STORED):
            return judges.of_key(self._key(spec))
        return judges.of(self._workspace.predictor(spec))

    def _key(self, spec: str) -> ModelKey:
        if not spec.startswith(STORED):
            return key_of(self._workspace.predictor(spec))
        for summary in self._workspace.store.models():
            if summary.key.digest == spec.removeprefix(STORED):
                return summary.key
        raise ModelError("The store holds no predictions of that model any more: choose another one to compare with.")


class _Pair:
    """The disagreement of two models on all chips that both have predicted."""

    def __init__(self, workspace: Workspace, kept: DerivedStore, first: ModelKey, second: ModelKey) -> None:
        self._workspace, self._kept = workspace, kept
        records = workspace.catalog.usable()
        one, two = (workspace.store.fresh(records, key) for key in (first, second))
        items = [(one[chip], two[chip]) for chip in one if chip in two]
        self._found: list[dict[str, Any]] = []
        self._filling = Filling("floodscope-disagreement", items, lambda item: item[0].chip_id, self._compute)

    def close(self) -> None:
        self._filling.close()

    def progress(self) -> dict[str, Any]:
        return self._filling.progress().payload()

    def answer(self, since: int) -> dict[str, Any]:
        progress = self.progress()  # before the list: "not running" must mean that all is there
        found: Sequence[dict[str, Any]] = self._found[max(0, since) :]
        return {"progress": progress, "cursor": max(0, since) + len(found), "chips": found}

    def _compute(self, item: tuple[Prediction, Prediction]) -> None:
        first, second = item
        key = ".".join(sorted((first.revision, second.revision)))
        data = self._kept.get(_KIND, key)
        if data is None:
            store = self._workspace.store
            found = Disagreement.of(store.read(first), store.read(second))
            self._kept.put(_KIND, key, found.to_bytes())
        else:
            found = Disagreement.from_bytes(data)
        apart = np.cumsum((found.higher - found.lower)[::-1])[::-1]
        self._found.append(
            {
                "id": first.chip_id,
                "revisions": [first.revision, second.revision],
                "pixels": found.pixels,
                "apart": base64.b64encode(apart.astype("<u4").tobytes()).decode(),
            }
        )


def _entry(spec: str, name: str, key: ModelKey, summary: ModelSummary | None) -> dict[str, Any]:
    return {
        "spec": spec,
        "name": name,
        "id": key.model_id,
        "parameters": json.loads(key.parameters),
        "chips": summary.chips if summary else 0,
        "latest": summary.latest if summary else None,
    }
