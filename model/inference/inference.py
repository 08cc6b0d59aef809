"""The one door to ask any model: a caller says which chip and which model; the queue is chosen here."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass

from rasterio.windows import Window

from model.inference.job import Job
from model.inference.scenes import SceneRun
from model.inference.worker import InferenceWorker
from model.predictors.protocol import Predictor
from model.store.prediction import Prediction
from model.store.store import Store
from tiles.chip import ByteArray, Chip, ChipRecord
from tiles.scenes.windows import Scene

_REMOTE_CLOSE_S = 1.0
"""An endpoint may answer minutes later, or never: closing waits no longer for it."""


@dataclass(frozen=True)
class Waiting:
    """What a prediction that was asked for still waits for.

    Attributes:
        ahead: chips that are predicted before it in its queue.
        loading: the model must be loaded first.
        note: what a model elsewhere waits for itself, in a sentence.
    """

    ahead: int
    loading: bool
    note: str | None


class Inference:
    """Predicts chips under any model. Methods may be called from any thread.

    Models of this machine share one queue, so that no two of them run at once. A model that runs elsewhere (its `place`) has a
    queue of its own: it holds up no other model, and no other model holds it up.
    """

    def __init__(self, store: Store) -> None:
        """Make one; a queue's thread starts with its first chip.

        Args:
            store: where predictions go.
        """
        self._store = store
        self._here = InferenceWorker(store)
        self._elsewhere: dict[str, InferenceWorker] = {}
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, record: ChipRecord, predictor: Predictor) -> Future[Prediction]:
        """Ask for the prediction of a chip that somebody waits for; `InferenceWorker.submit` says what can go wrong."""
        return self._queue(predictor).submit(record, predictor)

    def ask(self, chip: Chip, predictor: Predictor, what: str) -> Future[ByteArray]:
        """Ask what a model says of a chip in memory, as `InferenceWorker.ask`; the answer is not stored."""
        return self._queue(predictor).ask(chip, predictor, what)

    def look(self, scene: Scene, predictor: Predictor, window: Window | None) -> SceneRun | None:
        """Have a part of a scene predicted before the rest of it, as `InferenceWorker.look`."""
        return self._queue(predictor).look(scene, predictor, window)

    def predict_all(self, records: Iterable[ChipRecord], predictor: Predictor) -> Job:
        """Ask for the predictions of many chips, after all that somebody waits for, as `InferenceWorker.predict_all`."""
        return self._queue(predictor).predict_all(records, predictor)

    def prepare(self, predictor: Predictor) -> None:
        """Load a model of this machine ahead of its first use. To one elsewhere nothing is sent before it is asked."""
        if predictor.place is None:
            self._here.prepare(predictor)

    def waiting(self, record: ChipRecord, predictor: Predictor) -> Waiting:
        """Return what the prediction of a chip waits for."""
        queue = self._queue(predictor)
        return Waiting(queue.ahead(record, predictor), queue.loading(predictor), predictor.note)

    def close(self) -> None:
        """Cancel what waits, finish what runs on this machine, and end all queues."""
        with self._lock:
            self._closed = True
        self._here.close()
        for queue in self._elsewhere.values():
            queue.close(_REMOTE_CLOSE_S)

    def _queue(self, predictor: Predictor) -> InferenceWorker:
        if predictor.place is None:
            return self._here
        with self._lock:
            if predictor.place not in self._elsewhere:
                queue = self._elsewhere[predictor.place] = InferenceWorker(self._store, read_ahead=False)
                if self._closed:
                    queue.close()  # whoever asks it is told
            return self._elsewhere[predictor.place]
