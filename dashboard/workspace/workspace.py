"""What a running dashboard works with: catalog, store, inference, tiles and models. Knows no web framework."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import asdict
from typing import Any

from dashboard.workspace.arrivals import Arrivals
from dashboard.workspace.clicks import Clicks
from dashboard.workspace.endpoints import Endpoints
from dashboard.workspace.following import Following, Place
from dashboard.workspace.models import ModelShelf
from dashboard.workspace.payloads import detail_payload, near_payload, prediction_payload, progress_payload
from dashboard.workspace.scenes import PYRAMIDS, SceneDesk
from dashboard.workspace.seen import judged
from dashboard.workspace.settings import Settings
from dashboard.workspace.stored import StoredPredictions
from dashboard.workspace.tables import catalog_columns, prediction_columns
from model.evaluation.changes import Change
from model.evaluation.trust import trust_in
from model.inference.ahead import be_nice
from model.inference.inference import Inference
from model.inference.job import Job
from model.predictors.protocol import Predictor
from model.predictors.select import ModelChoice, known_models, open_predictor
from model.store.listed import Listed, listed
from model.store.store import Prediction, Store, key_of
from tiles.answers import for_choosing
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import ByteArray, Chip, ChipRecord
from tiles.drawing.scenes import Scenes
from tiles.drawing.service import TileService
from tiles.errors import ChipError, FloodscopeError, ForbiddenError
from tiles.products.background import background
from tiles.scenes.windows import is_scene

# A click waits this long for its prediction; then the browser asks again, so that slow models hold no server thread.
CLICK_WAIT_S = 3.0


class Workspace:
    """One dashboard's catalog, predictions and models. Methods may be called from several threads."""

    def __init__(self, settings: Settings, catalog: Catalog | None = None) -> None:
        """Open all that a dashboard works with.

        Args:
            settings: what it was started with.
            catalog: of its sources, where they were opened just now.
        """
        self.settings = settings
        self.live = LiveCatalog(catalog or _opened(settings))
        self.store = Store(settings.data, settings.database, rasters=settings.rasters)
        self.arrivals = Arrivals(self.store, self.live)
        self.arrivals.follow()
        self.following = Following(self.store)
        self.inference = Inference(self.store)
        self.scenes = Scenes(self.store.folder / PYRAMIDS, be_nice)
        self.stored = StoredPredictions(self.store, self.scenes)
        self.desk = SceneDesk(self.store, self.scenes, self.stored, self.inference)
        self.tiles = TileService(self.live, self.stored, self.scenes)
        choices = _choices(settings)
        self.endpoints = Endpoints(choice.spec for choice in choices)
        self.shelf = ModelShelf(choices, self.endpoints, self.store, processes=settings.apart)
        self.clicks = Clicks()
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._closers: list[Callable[[], None]] = [background().stop, self.scenes.stop]
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
        self.shelf.close()
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
        key = self.shelf.key(spec)
        place = self.following.place(key)  # before: what is predicted meanwhile is told twice, and not never
        stored = self.store.fresh(self.catalog.usable(), key)
        return {"model": spec, "predictions": self._payloads(spec, stored.values()), "place": asdict(place)}

    def chip_columns(self) -> bytes:
        """Return the whole catalog as columns."""
        return catalog_columns(self.catalog, self.name(), self.settings.welcome)

    def prediction_columns(self, spec: str) -> bytes:
        """Return all present predictions of a model as columns; raises as `predicted`."""
        key = self.shelf.key(spec)
        place = self.following.place(key)  # before, as in `predicted`
        catalog, judge = self.catalog, self.shelf.judge(spec)
        seen: dict[str, bool | None] = {}

        def blocks() -> Iterator[list[Listed]]:
            for rows in listed(self.store.database, catalog.usable(), key):
                seen.update(judge.judge((catalog.get(row.chip_id), row) for row in rows))
                yield rows

        return prediction_columns(blocks(), seen, place)

    def predicted_since(self, spec: str, place: Place, *, whole: bool = False) -> dict[str, Any]:
        """Return what anybody has predicted by a model since a page took in its predictions, as `predicted` does.

        With `whole`, where that is not known, it is only said that `all` of them have to be taken again.

        Raises:
            ModelError: there is no such model.
            StoreError: the store cannot be read.
        """
        key = self.shelf.key(spec)
        found = self.following.since(key, place)
        if found is None:
            return {"model": spec, "all": True} if whole else self.predicted(spec)
        records = [self.catalog.get(chip) for chip in found[1] if chip in self.catalog]
        stored = self.store.fresh(records, key) if records else {}
        return {"model": spec, "predictions": self._payloads(spec, stored.values()), "place": asdict(found[0])}

    def predictions(self, spec: str) -> dict[str, Any]:
        """Return whether a model can be used, and what it cannot predict; starts loading its weights."""
        try:
            predictor = self.predictor(spec)
        except FloodscopeError as error:
            return {"model": spec, "state": "error", "device": "", "message": str(error)}
        status = self.endpoints.choose(spec)
        self.inference.prepare(predictor)
        failed = [
            {"id": chip_id, "message": message, "unusable": True}
            for chip_id, (_, message) in list(self._unusable.items())
            if chip_id in self.catalog and self._is_unusable(self.catalog.get(chip_id))
        ]
        return {
            "model": spec,
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
        self, chip_id: str, spec: str, click: str | None = None, *, may_predict: bool = True, view: object = None
    ) -> dict[str, Any]:
        """Return a chip's prediction under a model, read back or made now; never raises for what a chip can be.

        Of a scene it is what is predicted so far, and what is in `view` (west, south, east, north; None for all) is predicted
        first; `SceneDesk.open` says what else the answer holds then.

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
            answer["near"] = near_payload(record)
            if not record.has_imagery:
                return answer | {"error": record.problem}
            answer["device"] = self.shelf.device(spec)
            if is_scene(record):
                opened = self._open_scene(record, spec, view, may_predict)
            else:
                prediction = self.prediction(record, spec, click, may_predict=may_predict)
                chip = self.tiles.chip(record)
                opened = self._opened(record, spec, prediction, chip.label_problem, chip.notes)
            return answer | opened
        except FutureTimeoutError:
            return answer | {"pending": True} | asdict(self.inference.waiting(record, self.predictor(spec)))
        except CancelledError:
            return answer | {"error": f"The prediction of {chip_id} was cancelled: click the chip again."}
        except ChipError as error:
            self._unusable[chip_id] = (answer.get("chip_revision"), str(error))
            return answer | {"error": str(error), "unusable": True}
        except FloodscopeError as error:
            return answer | {"error": str(error)}

    def _opened(
        self, record: ChipRecord, spec: str, prediction: Prediction, label_problem: str | None, notes: Sequence[str]
    ) -> dict[str, Any]:
        """Return what the page needs of the prediction of an opened chip, and of what the door had to say of it."""
        # Who sent an image chooses beside it; options are for who started the dashboard with a folder.
        words = for_choosing if record.sent else str
        beside = {"label_problem": label_problem and words(label_problem), "notes": [words(note) for note in notes]}
        trust = trust_in(record, prediction, self.shelf.knows(spec))
        return {
            "device": self.shelf.device(spec),  # known once its weights are loaded
            "prediction": self._payloads(spec, [prediction])[0] | beside,
            "detail": detail_payload(record, prediction, trust, self.tiles),
        }

    def _open_scene(self, record: ChipRecord, spec: str, view: object, may_predict: bool) -> dict[str, Any]:
        held = self.store.get(record, self.shelf.key(spec))
        predictor = None
        if held is None or (may_predict and not self.desk.is_there(held)):
            held, predictor = None, self.predictor(spec)
        found, prediction = self.desk.open(record, held, predictor, view, may_predict=may_predict)
        if predictor is not None and found["pending"]:
            found |= asdict(self.inference.waiting(record, predictor))
        label_problem, notes = found.pop("label_problem"), found.pop("notes")
        return found if prediction is None else found | self._opened(record, spec, prediction, label_problem, notes)

    def predict_scene(self, chip_id: str, spec: str, *, cancel: bool = False) -> None:
        """Have all of a scene predicted, after whatever anybody looks at; or no more of it than that.

        Raises:
            ChipNotFoundError, ModelError, PredictionError, StoreError: it cannot.
        """
        record = self.catalog.get(chip_id).now()
        if cancel:
            self.desk.cancel(record, self.shelf.key(spec))
        else:
            self.desk.predict_all(record, self.predictor(spec))

    def forget(self, record: ChipRecord) -> None:
        """Remove all that was made of an image's present files: predictions of every model, whole or not, and its pyramid.

        Raises:
            StoreError: the store cannot be written.
        """
        self.store.forget(record)
        if is_scene(record):
            self.desk.forget(record)
            self.scenes.forget(record)

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

    def answer(
        self, record: ChipRecord, change: Change, spec: str, click: str | None = None, square: Chip | None = None
    ) -> ByteArray:
        """Return what a model says of a changed chip, or square of a scene, uint8 (H, W); raises as `prediction`, keeps none."""
        predictor, name = self.predictor(spec), record.id if square is None else square.id

        def begin() -> Future[ByteArray]:
            chip = square or self.tiles.chip(record)
            return self.inference.ask(change.apply(chip), predictor, change.name)

        return self.clicks.result(click, (name, record.revision(), spec, change.name), begin, CLICK_WAIT_S)

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
                self._jobs[spec] = self._job(records, predictor, spec)

    def _job(self, records: list[ChipRecord], predictor: Predictor, spec: str) -> Job:
        """Begin to predict chips: on the cluster, where there is one and the model runs on machines of ours, else here."""
        settings = self.settings
        if settings.scheduler is None or predictor.place is not None:
            return self.inference.predict_all(records, predictor)
        from model.scale.job import predict_on  # noqa: PLC0415 - Dask is an extra
        from model.scale.worker import order_of  # noqa: PLC0415

        order = order_of(spec, predictor, self.store, settings.database, settings.rasters)
        job = predict_on(settings.scheduler, records, predictor, self.store, order)
        self.at_close(job.cancel)
        return job

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


def _opened(settings: Settings) -> Catalog:
    return open_catalog(settings.sources, settings.answers, labels=settings.labels, data=settings.data)


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
