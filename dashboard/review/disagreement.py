"""Where two models disagree, on all chips that both have predicted."""

from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from dashboard.workspace.payloads import progress_payload
from model.inference.job import Job
from model.scores.disagreement import Disagreement
from model.store.prediction import ModelKey, Prediction

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

_KIND = "disagreement-1"


class ChipApart(TypedDict):
    """On how many pixels two models differ.

    Attributes:
        id: of the chip.
        revisions: of both predictions.
        pixels: that both have predicted.
        apart: at each level, base64 of 255 uint32.
    """

    id: str
    revisions: list[str]
    pixels: int
    apart: str


class Disagreements:
    """What was counted of pairs of a workspace's models. Methods may be called from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._pairs: dict[tuple[str, str], _Pair] = {}

    def close(self) -> None:
        """Stop computing."""
        for pair in list(self._pairs.values()):
            pair.job.cancel()
            pair.job.wait(10)

    def answer(self, first: str, second: str, since: int) -> dict[str, object]:
        """Return on how many pixels of each chip two models differ at each level, as far as it is counted; starts counting.

        Args:
            first, second: specs.
            since: how many entries the caller has already.

        Returns:
            JSON: `progress`, `cursor`, and `chips`, a list of `ChipApart`.

        Raises:
            ModelError: there is no such model.
        """
        keys = self._workspace.shelf.key(first), self._workspace.shelf.key(second)
        with self._lock:
            name = (keys[0].digest, keys[1].digest)
            pair = self._pairs.get(name)
            if pair is None or (since == 0 and not pair.job.running):
                pair = self._pairs[name] = _Pair(self._workspace, *keys)
        return pair.answer(since) | {"first": first, "second": second}


class _Pair:
    """The disagreement of two models on all chips that both have predicted."""

    def __init__(self, workspace: Workspace, first: ModelKey, second: ModelKey) -> None:
        self._workspace = workspace
        records = workspace.catalog.usable()
        one, two = (workspace.store.fresh(records, key) for key in (first, second))
        items = [(one[chip], two[chip]) for chip in one if chip in two]
        self._found: list[ChipApart] = []
        self.job = Job.of_each(items, lambda item: item[0].chip_id, self._compute, "floodscope-disagreement")

    def answer(self, since: int) -> dict[str, object]:
        progress = progress_payload(self.job)  # before the list: "not running" must mean that all is there
        found = self._found[max(0, since) :]
        return {"progress": progress, "cursor": max(0, since) + len(found), "chips": found}

    def _compute(self, item: tuple[Prediction, Prediction]) -> None:
        first, second = item
        key = ".".join(sorted((first.revision, second.revision)))
        store = self._workspace.store
        data = store.derived.get(_KIND, key)
        if data is None:
            found = Disagreement.of(store.read(first), store.read(second))
            store.derived.keep(_KIND, key, found.to_bytes())
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
