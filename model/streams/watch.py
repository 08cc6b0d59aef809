"""The stream itself: look, predict each new input once, note it with what has to be told, and go on."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection

from model.evaluation.predicted import prediction_report
from model.inference.ahead import LoadedChip
from model.inference.asking import ask_model
from model.inference.scenes import SceneRun
from model.predictors.protocol import Predictor
from model.scores.area import Counted, count_inside
from model.store.prediction import identity_of, key_of
from model.store.store import Also, Prediction, Store
from model.store.streamed import Strips, read_strips
from model.store.streams import ENDED, Arrival, Kind, digest
from model.streams.messages import Voice, cap_message, ring_of, webhook_body
from model.streams.scenes import Pace, chips_first, has_data_in, is_large, left_after, measured, opened
from model.streams.source import Item, Source
from tiles.archive.address import is_address
from tiles.catalog.rows import to_json
from tiles.chip import ChipRecord
from tiles.errors import ArchiveError, AwayError, ChipError, FloodscopeError, OutputError, Problem, StoreError
from tiles.naming import apart
from tiles.scenes.windows import Scene

MOST_ATTEMPTS = 5
"""An input that was begun so often and never ended is set aside: it may be what ends the process."""


class UnkeptError(FloodscopeError):
    """A scene's windows or raster cannot be stored, where chips may be."""


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
        self._left: tuple[tuple[str, str], SceneRun] | None = None  # the scene that was left, by its item and stamp
        for arrival in store.streams.known(self.id):
            self._remember(arrival)

    def round(
        self,
        stop: threading.Event | None = None,
        tell: Callable[[Arrival], None] = lambda _: None,
        until: float = math.inf,
    ) -> Round:
        """Look once, and deal with all that is new: chips before scenes.

        Args:
            stop: when it is set, the round ends with the chip, or the window of a scene, that it is at.
            tell: told of each input that has ended.
            until: as `time.monotonic` has it: from then on a scene is left to the next look, which goes on with its windows.

        Raises:
            ModelError: the model cannot be loaded.
            ArchiveError, SourceError: the source is not there, or does not answer.
            StoreError: the store cannot be read or written.
        """
        looked = self._source.look(self._done)
        done, loaded, pace = Round(), False, Pace(stop, until)
        failed: list[tuple[Item, Arrival]] = []
        for item in chips_first(looked.ready):
            if pace.stopped:
                break
            if pace.spent and is_large(item):
                done.waiting.append(item.name)
                continue
            if not loaded:
                self._predictor.load()
                loaded = True
            begun = self._begun(item)
            try:
                ended = self._end(item, begun, pace)
            except StoreError:
                raise
            except FloodscopeError as error:
                done.problems.append(Problem.of(error, item.name))
                done.waiting.append(item.name)
                if not isinstance(error, ArchiveError):
                    failed.append((item, begun))
                continue
            if ended is None:
                done.waiting.append(item.name)
                continue
            self._remember(ended)
            done.ended.append(ended)
            tell(ended)
        done.waiting += looked.waiting
        done.problems += looked.problems
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
        return Arrival(self.id, item.name, item.files, "begun", path=item.path, chip_id=chip_id)

    def _end(self, item: Item, begun: Arrival, pace: Pace) -> Arrival | None:
        """Deal with one input; return how it ended, or None where it has to wait.

        Raises:
            ArchiveError: its server does not give it, this time.
            PredictionError, OutputError: the model failed on it, or there is no room for it.
            StoreError: the store cannot be read or written.
        """
        area, record = self._wishes.area, None if item.record is None else replace(item.record, id=begun.chip_id or "")
        if record is None or item.problem is not None:
            return self._aside(begun, item.problem or "It belongs to no chip.")
        if area is not None and not _touches(record.footprint, area):
            return self._note(replace(begun, state="outside"))
        return self._tried(item, begun, record, pace)

    def _tried(self, item: Item, begun: Arrival, record: ChipRecord, pace: Pace) -> Arrival | None:
        """Predict and note an input, or set aside one that was begun too often or cannot be read; as `_end`."""
        attempts = self._store.streams.begin(begun)
        if attempts > MOST_ATTEMPTS:
            return self._aside(begun, f"It was begun {MOST_ATTEMPTS} times and never ended: look at it by itself.")
        try:
            return self._told(begun, record, item.renewed, pace)
        except AwayError:
            self._store.streams.forgive(begun)
            raise
        except (ArchiveError, OutputError, UnkeptError) as error:
            # An item may be there before its files are, and room may be made.
            if attempts == MOST_ATTEMPTS:
                return self._aside(begun, str(error))
            raise
        except ChipError as error:
            if not item.patient:
                return self._aside(begun, str(error))
            self._store.streams.forgive(begun)
            return None

    def _told(self, begun: Arrival, record: ChipRecord, renewed: bool, pace: Pace) -> Arrival | None:
        """Predict a chip or scene unless the store holds it, and note it; raises as `_tried`, and ChipError."""
        if self._left is not None and self._left[0] == (begun.item, begun.stamp):
            return self._by_windows(begun, self._left[1], pace)
        record = measured(record)
        image = opened(record)
        if self._wishes.area is not None and not has_data_in(image, self._wishes.area):
            return self._note(replace(begun, state="outside"))
        held = None if renewed else self._store.get(record.now(), key_of(self._predictor))
        if held is not None and self._store.is_whole(held):
            return self._note(self._predicted(begun, record, image, held, self._inside_stored(image, held)))
        if isinstance(image, Scene):
            return self._by_windows(begun, SceneRun(record, self._predictor, self._store, image, begun.stamp), pace)
        (raster,), seconds = ask_model(self._predictor, [image.chip])
        counted = self._inside(image, [(0, raster)])
        ended, also = self._also(begun, record, image, counted)
        model = identity_of(self._predictor)
        self._store.put(image.chip, record, model, raster, seconds, chip_revision=image.revision, also=also)
        return ended[-1]

    def _by_windows(self, begun: Arrival, run: SceneRun, pace: Pace) -> Arrival | None:
        """Predict what is left of a scene, and note it; None where it is left to the next look. Raises as `_told`.

        Raises:
            UnkeptError: a window, or the raster of all, cannot be stored.
        """
        self._left = None
        try:
            for done in left_after(run, pace):
                if done == 1:
                    self._store.streams.progressed(begun)
            if run.left:
                self._left = ((begun.item, begun.stamp), run) if run.scene.whole is None else None
                self._store.streams.forgive(begun)
                return None
            counted = self._inside(run.scene, run.strips())
            ended, also = self._also(begun, run.record, run.scene, counted)
            run.finish(also)
        except StoreError as error:
            raise UnkeptError(str(error)) from error
        except ChipError:
            if run.record.now().revision() == run.revision:
                raise
            self._store.streams.forgive(begun)  # replaced meanwhile: the next look finds it new
            return None
        return ended[-1]

    def _also(
        self, begun: Arrival, record: ChipRecord, image: LoadedChip | Scene, counted: Counted | None
    ) -> tuple[list[Arrival], Also]:
        """Return what notes an input in the transaction of its prediction, and the list that it then puts the arrival into."""
        ended: list[Arrival] = []

        def also(connection: Connection, prediction: Prediction) -> None:
            ended.append(self._note(self._predicted(begun, record, image, prediction, counted), connection))

        return ended, also

    def _inside_stored(self, image: LoadedChip | Scene, held: Prediction) -> Counted | None:
        """Return as `_inside` what of a stored raster lies inside the area."""
        if self._wishes.area is None:
            return None
        with self._store.rasters.file(held.raster) as path:
            return self._inside(image, read_strips(path))

    def _inside(self, image: LoadedChip | Scene, strips: Strips) -> Counted | None:
        """Return what of a raster lies inside the area; None where no area is asked for."""
        area = self._wishes.area
        grid = image.chip.grid if isinstance(image, LoadedChip) else image.grid
        return None if area is None else count_inside(strips, grid, area)

    def _predicted(
        self,
        begun: Arrival,
        record: ChipRecord,
        image: LoadedChip | Scene,
        prediction: Prediction,
        inside: Counted | None,
    ) -> Arrival:
        wishes, counted = self._wishes, prediction
        if inside is not None:
            counted = replace(prediction, area=inside[0], valid_pixels=inside[1])
        limit = self._predictor.threshold if wishes.threshold is None else wishes.threshold
        notes = {record.id: image.chip.notes if isinstance(image, LoadedChip) else image.notes}
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
        if record.vv is not None and is_address(record.vv.path):
            facts["record"] = to_json(record)  # so that who shows it asks no server before somebody looks
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
