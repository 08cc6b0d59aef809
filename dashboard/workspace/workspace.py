"""What a running dashboard works with: catalog, store, inference, tiles and models. Knows no web framework."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import asdict
from typing import Any

from dashboard.workspace.arrivals import Arrivals
from dashboard.workspace.clicks import Clicks
from dashboard.workspace.endpoints import Endpoints
from dashboard.workspace.models import ModelShelf
from dashboard.workspace.payloads import detail_payload, prediction_payload, progress_payload
from dashboard.workspace.seen import judged
from dashboard.workspace.settings import Settings
from model.evaluation.changes import Change
from model.evaluation.trust import trust_in
from model.inference.inference import Inference
from model.inference.job import Job
from model.predictors.protocol import Predictor
from model.predictors.select import ModelChoice, known_models, open_predictor
from model.store.store import Prediction, Store, key_of
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import ByteArray, ChipRecord
from tiles.drawing.service import TileService
from tiles.errors import ChipError, FloodscopeError, ForbiddenError, PredictionNotFoundError
from tiles.products.background import background

# A click waits this long for its prediction; then the browser asks again, so that slow models hold no server thread.
CLICK_WAIT_S = 3.0


class StoredPredictions:
    """The store, as the tile service sees it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def probability(self, record: ChipRecord, revision: str) -> ByteArray:
        """Return the raster of one revision of a chip's prediction."""
        prediction = self._store.find(record.id, revision)
        # A score tile shows the label too: under one address it may never be of other files than were predicted.
        if prediction is None or prediction.chip_revision != record.revision():
            raise PredictionNotFoundError(
                f"There is no prediction {revision[:20]!r} of {record.id}: predict it, or reload."
            )
        return self._store.read(prediction)

    def latest_revision(self, record: ChipRecord) -> str:
        """Return the revision of the chip's newest prediction under any model."""
        prediction = self._store.latest(record)
        if prediction is None:
            raise PredictionNotFoundError(
                f"{record.id} is not predicted yet: open it in the dashboard, or use `floodscope predict`."
            )
        return prediction.revision


class Workspace:
    """One dashboard's catalog, predictions and models. Methods may be called from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.live = LiveCatalog(open_catalog(settings.sources, settings.answers, labels=settings.labels))
        self.store = Store(settings.data, settings.database, rasters=settings.rasters)
        self.arrivals = Arrivals(self.store, self.live)
        self.arrivals.follow()
        self.inference = Inference(self.store)
        self.stored = StoredPredictions(self.store)
        self.tiles = TileService(self.live, self.stored)
        choices = _choices(settings)
        self.endpoints = Endpoints(choice.spec for choice in choices)
        self.shelf = ModelShelf(choices, self.endpoints, self.store)
        self.clicks = Clicks()
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._closers: list[Callable[[], None]] = [background().stop]
        background().start()  # who clicks a product is told of its map, and waits for no thread
        self._unusable: dict[
            str, tuple[str | None, str]
        ] = {}  # chip id -> revision of its files, what is wrong with them

    @property
    def catalog(self) -> Catalog:
        """The catalog as it is now; whoever follows its changes takes `live`."""
        return self.live.now

    def at_close(self, close: Callable[[], None]) -> None:
        """Have something that works on the store stopped before the store is closed."""
        self._closers.append(close)

    def close(self) -> None:
        """Stop whatever works on the store, and close it."""
        for close in self._closers:
            close()
        self.inference.close()
        self.store.close()

    def name(self) -> str:
        """Return what the catalog is called: as the settings say, else after its folders."""
        return self.settings.name or ", ".join(source.name for source in self.settings.sources)

    def predictor(self, spec: str) -> Predictor:
        """Return the predictor of a model on offer, as `ModelShelf.predictor`."""
        return self.shelf.predictor(spec)

    def predicted(self, spec: str) -> dict[str, Any]:
        """Return all present predictions of a model, on offer or not.

        Raises:
            ModelError: there is no such model.
        """
        stored = self.store.fresh(self.catalog.usable(), self.shelf.key(spec))
        return {"model": spec, "predictions": self._payloads(spec, stored.values())}

    def predictions(self, spec: str) -> dict[str, Any]:
        """Return all present predictions of a model, and whether it can be used; starts loading its weights."""
        try:
            predictor = self.predictor(spec)
        except FloodscopeError as error:
            return {"model": spec, "predictions": [], "state": "error", "device": "", "message": str(error)}
        status = self.endpoints.choose(spec)
        self.inference.prepare(predictor)
        failed = [
            {"id": chip_id, "message": message, "unusable": True}
            for chip_id, (_, message) in list(self._unusable.items())
            if chip_id in self.catalog and self._is_unusable(self.catalog.get(chip_id))
        ]
        return self.predicted(spec) | {
            "failed": failed,
            "state": "ready",
            "device": predictor.device,
            "name": predictor.name,
            **(status or {}),
        }

    def seen(self, records: Sequence[ChipRecord], spec: str | None = None) -> tuple[str, dict[str, bool | None]]:
        """Return a model's name and whether it was trained on each of some chips, predicted or not, by id.

        Of a chip that it has not predicted, place and date alone are known. A model that cannot be opened tells nothing.

        Args:
            records: the chips.
            spec: of a model on offer; None takes the one to begin with.
        """
        try:
            predictor = self.predictor(spec or self.shelf.first)
        except FloodscopeError:
            return "the model", {}
        judge = self.shelf.judge(spec or self.shelf.first)
        stored = self.store.fresh(records, key_of(predictor)) if judge.asks else {}
        seen = judge.judge((record, stored[record.id]) for record in records if record.id in stored)
        return predictor.name, {r.id: seen[r.id] if r.id in seen else judge.expects(r) for r in records}

    def open_chip(
        self, chip_id: str, spec: str, click: str | None = None, *, may_predict: bool = True
    ) -> dict[str, Any]:
        """Return a chip's prediction under a model, read back or made now; never raises for what a chip can be.

        A click that is answered `pending` is asked for again under its name, and begins no second prediction.

        The answer holds `id`, `model`, `chip_revision`, and either `prediction` with `detail`, or `pending` with how
        many chips are predicted `ahead` of it and whether the model is still `loading`, or `error` with the sentence to show.
        """
        answer: dict[str, Any] = {
            "id": chip_id,
            "model": spec,
            "prediction": None,
            "detail": None,
            "error": None,
            "pending": False,
        }
        try:
            record = self.catalog.get(chip_id).now()
            answer["chip_revision"] = record.revision() if record.has_imagery else None
            if not record.has_imagery:
                return answer | {"error": record.problem}
            answer["device"] = self.shelf.device(spec)
            prediction = self.prediction(record, spec, click, may_predict=may_predict)
            answer["device"] = self.shelf.device(spec)  # known once its weights are loaded
            chip = self.tiles.chip(record)
            beside = {"label_problem": chip.label_problem, "notes": list(chip.notes)}
            return answer | {
                "prediction": self._payloads(spec, [prediction])[0] | beside,
                "detail": detail_payload(prediction, trust_in(record, prediction, self.shelf.knows(spec))),
            }
        except FutureTimeoutError:
            return answer | {"pending": True} | asdict(self.inference.waiting(record, self.predictor(spec)))
        except CancelledError:
            return answer | {"error": f"The prediction of {chip_id} was cancelled: click the chip again."}
        except ChipError as error:
            self._unusable[chip_id] = (answer.get("chip_revision"), str(error))
            return answer | {"error": str(error), "unusable": True}
        except FloodscopeError as error:
            return answer | {"error": str(error)}

    def prediction(
        self, record: ChipRecord, spec: str, click: str | None = None, *, may_predict: bool = True
    ) -> Prediction:
        """Return a chip's prediction under a model: read back, or made now by one on offer, also where its raster is lost.

        Raises:
            TimeoutError: it takes longer than CLICK_WAIT_S; asked again under the same click, no second one is begun.
            CancelledError: it was cancelled.
            ChipError, ModelError, PredictionError, StoreError: there is none.
            ForbiddenError: there is none, and it may not be made.
        """
        held = self.store.get(record, self.shelf.key(spec))
        if held is not None and (not may_predict or self.store.is_whole(held)):
            return held
        predictor = self.predictor(spec)
        if not may_predict:
            raise ForbiddenError(f"{record.id} is not predicted yet, and you may not have it predicted here.")
        what = (record.id, record.revision(), spec)
        return self.clicks.result(click, what, lambda: self.inference.submit(record, predictor), CLICK_WAIT_S)

    def answer(self, record: ChipRecord, change: Change, spec: str, click: str | None = None) -> ByteArray:
        """Return what a model on offer says of a changed chip, uint8 (H, W); raises as `prediction`, and keeps nothing."""
        predictor = self.predictor(spec)

        def begin() -> Future[ByteArray]:
            return self.inference.ask(change.apply(self.tiles.chip(record)), predictor, change.name)

        return self.clicks.result(click, (record.id, record.revision(), spec, change.name), begin, CLICK_WAIT_S)

    def predict_all(self, spec: str) -> None:
        """Start predicting whatever the model has not predicted yet; nothing where that is under way.

        Chips whose files were found to be unusable are left out, until their files are others.
        """
        predictor = self.predictor(spec)
        records = [record for record in self.catalog.usable() if not self._is_unusable(record)]
        spec = self.shelf.real(spec)
        with self._lock:
            job = self._jobs.get(spec)
            if job is None or not job.running:
                self._jobs[spec] = self.inference.predict_all(records, predictor)

    def cancel(self, spec: str) -> None:
        """Stop predicting all; what is done stays."""
        job = self._jobs.get(self.shelf.real(spec))
        if job is not None:
            job.cancel()

    def news(self, spec: str, cursor: int, of: str | None = None) -> dict[str, Any] | None:
        """Return how far the model's job is and the predictions since `cursor`; None where there is no job.

        Args:
            spec: the model.
            cursor: how many of its predictions have been taken in.
            of: the name of the job that the cursor counts; of another it says nothing.
        """
        job = self._jobs.get(self.shelf.real(spec))
        if job is None:
            return None
        if of is not None and of != job.name:
            cursor = 0
        progress = progress_payload(job)
        for problem in job.failed.values():
            if problem.unusable and problem.name not in self._unusable and problem.name in self.catalog:
                self._unusable[problem.name] = (self.catalog.get(problem.name).revision(), problem.message)
        done = job.completed(since=cursor)
        records = [self.catalog.get(chip_id) for chip_id in done if chip_id in self.catalog]
        stored = self.store.fresh(records, self.shelf.key(spec)) if records else {}
        return {
            "model": spec,
            "job": job.name,
            "cursor": cursor + len(done),
            "predictions": self._payloads(spec, stored.values()),
            "progress": progress,
        }

    def _payloads(self, spec: str, predictions: Iterable[Prediction]) -> list[dict[str, Any]]:
        found = judged(self.shelf.judge(spec), self.catalog, predictions)
        return [prediction_payload(prediction, seen) for prediction, seen in found]

    def _is_unusable(self, record: ChipRecord) -> bool:
        """Return whether a chip's present files were found to be unusable."""
        found = self._unusable.get(record.id)
        return found is not None and found[0] == record.revision()


def _choices(settings: Settings) -> list[ModelChoice]:
    """Return the models on offer, the one to begin with first.

    Raises:
        ModelError: that one cannot be opened.
    """
    offered = known_models(settings.bundles)
    offered += [ModelChoice(spec, open_predictor(spec).name) for spec in dict.fromkeys(settings.endpoints)]
    first = [choice for choice in offered if choice.spec == settings.model]
    if not first:
        first = [ModelChoice(settings.model, open_predictor(settings.model).name)]
    return first + [choice for choice in offered if choice.spec != settings.model]
