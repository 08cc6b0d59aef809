"""The stream itself: look, predict each new input once, note it with what has to be told, and go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection

from model.evaluation.predicted import prediction_report
from model.inference.ahead import LoadedChip, load_chip
from model.inference.asking import ask_model
from model.predictors.protocol import Predictor
from model.scores.area import inside, score_area
from model.store.prediction import identity_of, key_of
from model.store.store import Prediction, Store
from model.store.streams import ENDED, Arrival, Kind, digest
from model.streams.folder import Item, Looked
from model.streams.messages import Voice, cap_message, ring_of, webhook_body
from tiles.chip import ByteArray, ChipRecord
from tiles.errors import ChipError, FloodscopeError, Problem, StoreError
from tiles.naming import apart

MOST_ATTEMPTS = 5
"""An input that was begun so often and never ended is set aside: it may be what ends the process."""


class Source(Protocol):
    """What a stream looks at: a folder, and whatever else can say what is new in it."""

    @property
    def name(self) -> str:
        """What the source is, the same at each start."""
        ...

    def look(self, done: Mapping[str, str]) -> Looked:
        """Return what is new beside the files that are dealt with."""
        ...


@dataclass(frozen=True)
class Wishes:
    """What a stream is asked for.

    Attributes:
        voice: how it speaks.
        name: tells it from other streams of the same source, model and area.
        area: WGS84; inputs outside are passed over, and water is counted inside. None takes all.
        above: share in [0, 1) that is asked about; None tells of every chip.
        threshold: of the areas, in [0, 1]; None takes the model's own.
        webhook, cap: which messages are written.
    """

    voice: Voice
    name: str = ""
    area: BaseGeometry | None = None
    above: float | None = None
    threshold: float | None = None
    webhook: bool = False
    cap: bool = False


@dataclass
class Round:
    """What came of one look.

    Attributes:
        ended: what was predicted, passed over or set aside now.
        waiting: names of what is half written, or failed for no fault of its own.
        problems: what to say of them.
        alerts: how many of those that ended have more water than was asked about.
    """

    ended: list[Arrival] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def alerts(self) -> int:
        """How many of those that ended have more water than was asked about."""
        return sum(arrival.alert for arrival in self.ended)


class Watch:
    """A stream over a source, a model and a store. Whatever ends is in the store: a new `Watch` goes on where one was ended."""

    def __init__(self, source: Source, predictor: Predictor, store: Store, wishes: Wishes) -> None:
        """Open a stream.

        Raises:
            StoreError: the store cannot be read.
        """
        self._source, self._predictor, self._store, self._wishes = source, predictor, store, wishes
        area = "" if wishes.area is None else wishes.area.wkt
        self.id = digest(source.name, wishes.voice.model, area, wishes.name)
        self._done: dict[str, str] = {}
        self._chips: dict[str, str] = {}  # which input has an id
        for arrival in store.streams.known(self.id):
            self._remember(arrival)

    def round(self, stop: threading.Event | None = None, tell: Callable[[Arrival], None] = lambda _: None) -> Round:
        """Look once, and deal with all that is new.

        Args:
            stop: when it is set, the round ends with the input that it is at.
            tell: told of each input that has ended.

        Raises:
            ModelError: the model cannot be loaded.
            SourceError: the source is not there.
            StoreError: the store cannot be read or written.
        """
        looked = self._source.look(self._done)
        done = Round(waiting=list(looked.waiting), problems=list(looked.problems))
        if looked.ready:
            self._predictor.load()
        failed: list[tuple[Item, Arrival]] = []
        for item in looked.ready:
            if stop is not None and stop.is_set():
                break
            begun = self._begun(item)
            try:
                ended = self._end(item, begun)
            except StoreError:
                raise
            except FloodscopeError as error:
                done.problems.append(Problem.of(error, item.name))
                done.waiting.append(item.name)
                failed.append((item, begun))
                continue
            if ended is None:
                done.waiting.append(item.name)
                continue
            self._remember(ended)
            done.ended.append(ended)
            tell(ended)
        # Where nothing at all could be predicted, the model is at fault and not the inputs.
        if failed and not any(arrival.state == "predicted" for arrival in done.ended):
            for _, begun in failed:
                self._store.streams.forgive(begun)
        return done

    def _begun(self, item: Item) -> Arrival:
        record = item.record
        if record is not None and self._chips.get(record.id, item.name) != item.name:
            record = replace(record, id=apart(record.id, item.name))
        chip_id = record.id if record is not None else None
        return Arrival(self.id, item.name, item.files, "begun", path=str(item.path), chip_id=chip_id)

    def _end(self, item: Item, begun: Arrival) -> Arrival | None:
        """Deal with one input; return how it ended, or None where it has to wait.

        Raises:
            PredictionError: the model failed on it.
            StoreError: the store cannot be read or written.
        """
        area, record = self._wishes.area, None if item.record is None else replace(item.record, id=begun.chip_id or "")
        if record is None or item.problem is not None:
            return self._aside(begun, item.problem or "It belongs to no chip.")
        if area is not None and not _touches(record.footprint, area):
            return self._note(replace(begun, state="outside"))
        if self._store.streams.begin(begun) > MOST_ATTEMPTS:
            return self._aside(begun, f"It was begun {MOST_ATTEMPTS} times and never ended: look at it by itself.")
        try:
            loaded = load_chip(record)
        except ChipError as error:
            if not item.patient:
                return self._aside(begun, str(error))
            self._store.streams.forgive(begun)
            return None
        return self._told(begun, record, loaded)

    def _told(self, begun: Arrival, record: ChipRecord, loaded: LoadedChip) -> Arrival:
        """Predict a chip unless the store holds it, and note it; raises as `_end`."""
        chip, area = loaded.chip, self._wishes.area
        if area is not None and not (inside(chip.grid, area) & chip.valid).any():
            return self._note(replace(begun, state="outside"))
        held = self._store.get(record.now(), key_of(self._predictor))
        if held is not None and self._store.is_whole(held):
            arrival = self._predicted(begun, record, loaded, held, self._store.read(held))
            return self._note(arrival)
        (raster,), seconds = ask_model(self._predictor, [chip])
        ended: list[Arrival] = []

        def also(connection: Connection, prediction: Prediction) -> None:
            arrival = self._predicted(begun, record, loaded, prediction, raster)
            ended.append(self._note(arrival, connection))

        model = identity_of(self._predictor)
        self._store.put(chip, record, model, raster, seconds, chip_revision=loaded.revision, also=also)
        return ended[-1]

    def _predicted(
        self, begun: Arrival, record: ChipRecord, loaded: LoadedChip, prediction: Prediction, raster: ByteArray
    ) -> Arrival:
        wishes, counted = self._wishes, prediction
        if wishes.area is not None:
            score = score_area(loaded.chip, raster, wishes.area)
            counted = replace(prediction, area=score.area, valid_pixels=score.valid_pixels)
        limit = self._predictor.threshold if wishes.threshold is None else wishes.threshold
        notes = {record.id: loaded.chip.notes}
        report = prediction_report([(record, counted)], self._predictor, limit, wishes.above, (), notes)
        facts: dict[str, Any] = {
            **report["chips"][0],
            "model": report["model"],
            "spec": wishes.voice.model,
            "threshold": limit,
            "revision": prediction.revision,
            "within_area": wishes.area is not None,
            "answers": record.answers.to_json(),
            "footprint": ring_of(record.footprint),
        }
        return replace(begun, state="predicted", alert=bool(facts.get("alert")), facts=facts)

    def _aside(self, begun: Arrival, reason: str) -> Arrival:
        return self._note(replace(begun, state="aside", facts={"reason": reason}))

    def _note(self, arrival: Arrival, connection: Connection | None = None) -> Arrival:
        wishes, bodies = self._wishes, dict[Kind, str]()
        if arrival.state == "predicted" and (wishes.above is None or arrival.alert):
            if wishes.webhook:
                bodies["webhook"] = webhook_body(
                    arrival.delivery("webhook"), arrival.facts, arrival.created, wishes.voice
                )
            if wishes.cap and arrival.alert:
                bodies["cap"] = cap_message(arrival.delivery("cap"), arrival.facts, arrival.created, wishes.voice)
        self._store.streams.note(arrival, bodies, connection)
        return arrival

    def _remember(self, arrival: Arrival) -> None:
        if arrival.chip_id is not None:
            self._chips.setdefault(arrival.chip_id, arrival.item)
        if arrival.state in ENDED:
            self._done.update(arrival.files)


def _touches(footprint: BaseGeometry | None, area: BaseGeometry) -> bool:
    """Return whether a footprint meets an area, on whichever turn of the globe each of them is; None meets nothing."""
    if footprint is None:
        return False
    return any(area.intersects(translate(footprint, turn)) for turn in (0.0, 360.0, -360.0))
