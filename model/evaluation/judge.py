"""Whether a model has seen the chips that it predicted: its list against what the store knows of them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping

from model.bundle.manifest import Bundle, read_bundle
from model.bundle.told import count, figure, interval, part, words
from model.evaluation.pieces import PiecesOfStore, may_be_a_piece
from model.predictors.protocol import Predictor
from model.predictors.select import is_rule
from model.seen.chips import NOTHING, SeenChips, read_seen_chips
from model.seen.headline import CrossValidated
from model.store.prediction import ModelKey, OfFiles, key_of
from model.store.store import Store
from model.weights import WEIGHTS
from tiles.chip import ChipRecord
from tiles.content import Content, content_of
from tiles.errors import ChipError
from tiles.reading.door import read_chip

_PATIENCE_S = 0.5
"""So long a page waits at most for chips to be looked at, whichever of them it asks about."""


class Judge:
    """Says of predicted chips whether a model has seen them, and remembers. Safe from several threads.

    What it asks is cheap: place and date are in the record, and a chip's content was noted when it was predicted. Pixels are
    read of a chip without a place alone, which may be a piece of one that was seen: once, and what was found is kept.
    """

    def __init__(self, store: Store, key: ModelKey, seen: SeenChips | None) -> None:
        """Make a judge.

        Args:
            store: where the predictions are.
            key: of the model.
            seen: the chips that it has seen, or None where it does not tell.
        """
        self._store, self._key, self._seen = store, key, seen
        self._lock = threading.Lock()
        self._said: dict[tuple[str, str], bool | None] = {}
        self._pieces = None if seen is None else PiecesOfStore(store, seen)

    @classmethod
    def of(cls, store: Store, predictor: Predictor) -> Judge:
        """Return the judge of a predictor.

        Raises:
            BundleError: its list of chips is missing or altered.
        """
        return cls(store, key_of(predictor), seen_by(predictor))

    @property
    def knows(self) -> bool:
        """Whether the model names all chips that it has seen."""
        return self._seen is not None and self._seen.complete

    @property
    def asks(self) -> bool:
        """Whether chips need to be looked at: of a model that has seen none, or does not tell, nothing is to be found."""
        return self._seen is not None and bool(self._seen.chips)

    def judge(self, pairs: Iterable[tuple[ChipRecord, OfFiles]], *, reading: bool = False) -> dict[str, bool | None]:
        """Return whether the model has seen each chip, by its id; None where that cannot be told.

        Args:
            pairs: predictions of the model, each with its chip's record.
            reading: read the chips whose content the store does not know, and all that may be pieces of a seen one, which takes
                time, and have it keep that. Without, pieces are looked for as long as a page may wait; None stands for the rest.

        Raises:
            StoreError: the database cannot be read or written.
        """
        pairs = list(pairs)
        if self._seen is None:
            return {record.id: None for record, _ in pairs}
        marks = {record.id: (record.id, prediction.chip_revision) for record, prediction in pairs}
        with self._lock:
            out = {chip: self._said[mark] for chip, mark in marks.items() if mark in self._said}
        unsaid = [(record, prediction) for record, prediction in pairs if record.id not in out]
        contents = self._store.contents(self._key) if unsaid and self._seen.chips else {}
        until = math.inf if reading else time.monotonic() + _PATIENCE_S
        for record, prediction in unsaid:
            content = contents.get(marks[record.id])
            if content is None and reading and self._seen.chips:
                content = self._read(record, prediction)
            said, is_last = self._seen.judge(record, content), content is not None
            if said is False and content is not None and self._pieces is not None and may_be_a_piece(record):
                said, is_last = self._pieces.judge(record, content, until)
            out[record.id] = said
            if is_last or said is not None:  # else it is known once the content is, or the pixels were looked at
                with self._lock:
                    self._said[marks[record.id]] = said
        return out

    def expects(self, record: ChipRecord) -> bool | None:
        """Return whether the model has seen a chip as far as its record tells: its place and date, no pixel."""
        return None if self._seen is None else self._seen.judge(record, None)

    def _read(self, record: ChipRecord, prediction: OfFiles) -> Content | None:
        try:
            content = content_of(read_chip(record, with_label=False, with_ancillary=False))
        except ChipError:  # gone since it was predicted
            return None
        if record.revision() == prediction.chip_revision:
            self._store.keep_content(prediction, content)
        return content


def seen_by(predictor: Predictor) -> SeenChips | None:
    """Return the chips that a model was trained and calibrated on; None where it does not tell.

    Raises:
        BundleError: the list of its bundle is missing or altered.
    """
    if predictor.bundle is not None and predictor.path is not None:
        return read_seen_chips(predictor.path, predictor.bundle)
    return seen_by_id(predictor.model_id)


def seen_by_id(model_id: str) -> SeenChips | None:
    """Return the chips that a rule (none) or the shipped model, wherever it runs, has seen; None of another."""
    if is_rule(model_id):
        return NOTHING
    shipped = read_bundle(WEIGHTS, verify=False)
    return read_seen_chips(WEIGHTS, shipped) if model_id == shipped.id else None


def crossvalidated_of(predictor: Predictor) -> CrossValidated | None:
    """Return `crossvalidated` of a model's bundle; None of a model that has none."""
    return None if predictor.bundle is None else crossvalidated(predictor.bundle)


def crossvalidated(bundle: Bundle) -> CrossValidated | None:
    """Return how good a bundle's recipe was where it had never been, as its model.json records; None where it does not.

    Returns:
        `micro` IoU, `mean` IoU over the countries with water, `by` what was left out, the number of `chips`, of `groups`,
        the 95 % interval `ci` over chips, and the `note` on it; None for what is not recorded.
    """
    scores = part(bundle.scores, "cross_validation")
    micro = part(scores, "micro")
    iou, ends = figure(micro.get("iou")), interval(micro.get("iou_ci"))
    if iou is None:
        return None
    rows = [row for row in part(scores, "countries").values() if isinstance(row, Mapping)]
    wet = [v for row in rows if row.get("water_share") and (v := figure(row.get("iou"))) is not None]
    return {
        "micro": iou,
        "ci": None if ends is None else list(ends),
        "mean": sum(wet) / len(wet) if wet else None,
        "by": words(scores.get("by"), "group"),
        "chips": count(micro.get("chips")),
        "groups": count(scores.get("groups")) or None,
        "note": words(scores.get("note"), "") or None,
    }
