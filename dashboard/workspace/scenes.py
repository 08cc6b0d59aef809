"""Scenes on the page: what is in view is predicted first, the rest on demand, and what there is so far is shown and counted."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import asdict
from typing import Any

import numpy as np
from rasterio.windows import Window

from dashboard.workspace.payloads import progress_payload
from dashboard.workspace.stored import NOT_DRAWN, StoredPredictions
from model.inference.inference import Inference
from model.inference.job import Job
from model.inference.partial import Partial
from model.inference.scenes import SceneRun
from model.predictors.protocol import Predictor
from model.store.prediction import ModelKey, Prediction, identity_of, key_of
from model.store.rasters import RasterFolder
from model.store.store import Store
from tiles.chip import ChipRecord
from tiles.drawing.scenes import Scenes
from tiles.errors import BusyError, ForbiddenError, UsageError
from tiles.grid import Grid
from tiles.scenes.windows import Scene

PYRAMIDS = "pyramids"
"""The folder of display pyramids in the data folder."""
_PARTIALS = 4
_COUNT_S = 0.5
"""A question takes in what has been predicted for no longer; the page asks again for the rest."""
_EDGE = 9


class SceneDesk:
    """The scenes that pages look at. Methods may be called from several threads."""

    def __init__(self, store: Store, scenes: Scenes, stored: StoredPredictions, inference: Inference) -> None:
        self._store, self._scenes, self._stored, self._inference = store, scenes, stored, inference
        self._lock = threading.Lock()
        self._partials: OrderedDict[tuple[str, str], Partial] = OrderedDict()  # by scene and the work on it
        self._jobs: dict[tuple[str, ModelKey], Job] = {}
        self._whole: set[str] = set()  # revisions of rasters that were looked at

    def is_there(self, prediction: Prediction) -> bool:
        """Return whether a scene's raster is there and whole: looked at once, since that reads all of it."""
        if prediction.revision not in self._whole:
            if not self._store.is_whole(prediction):
                return False
            self._whole.add(prediction.revision)
        return True

    def open(
        self,
        record: ChipRecord,
        held: Prediction | None,
        predictor: Predictor | None,
        view: object,
        *,
        may_predict: bool,
    ) -> tuple[dict[str, Any], Prediction | None]:
        """Return what is known of a scene, and its prediction as far as there is one; has what is in view predicted.

        Args:
            record: the scene, with its files looked at.
            held: its stored prediction, where there is one.
            predictor: what predicts it, where there is none.
            view: west, south, east and north in WGS84 degrees; None for all of it.
            may_predict: whether more may be predicted.

        Returns:
            `scene`: how far it is from being drawn (`tiles.drawing.scenes.Drawing`); `pending`: whether to ask again;
            `partial`, where the prediction is none of all: `done` and `total` windows, `share` of the pixels, how many in view
            are `looked` at and not done, and the `job` that predicts the rest; `notes` and `label_problem`.

        Raises:
            ChipError, PredictionError, StoreError, OutputError: it cannot be opened, drawn or predicted.
            ForbiddenError: nothing is predicted, and nothing may be.
            UsageError: the view is none.
        """
        drawing = self._scenes.look(record)
        found: dict[str, Any] = {"scene": asdict(drawing), "pending": not (drawing.ready and drawing.settled)}
        scene = self._scene(record)
        found["notes"] = [] if scene is None else list(scene.notes)
        found["label_problem"] = None if scene is None else scene.label_problem
        if held is not None and not isinstance(self._store.rasters, RasterFolder):
            found["notes"].append(NOT_DRAWN)
        if held is not None or predictor is None:
            return found, held if drawing.settled else None
        if scene is None:
            return found, None
        window = window_of(scene.grid, view) if may_predict else None
        run = self._inference.look(scene, predictor, window)
        if run is None:
            if not may_predict:
                raise ForbiddenError(f"{record.id} is not predicted yet, and you may not have it predicted here.")
            return found | {"pending": found["pending"] or window is not None}, None
        job = self._jobs.get((record.id, key_of(predictor)))
        running = job is not None and job.running
        looked = len(run.looked_at)
        made = self._partial(record, run, scene)
        all_in = made.update(drawing.settled, _COUNT_S)
        prediction = made.prediction(identity_of(predictor))
        if prediction is not None:
            self._stored.note(record, prediction.revision, made)
        found["pending"] = bool(found["pending"] or looked or running or not all_in or (may_predict and not run.left))
        found["partial"] = {
            "done": made.done,
            "total": run.total,
            "share": 0.0 if prediction is None else prediction.total_pixels / math.prod(run.plan.shape),
            "looked": looked,
            "job": None if job is None else progress_payload(job),
        }
        return found, prediction

    def predict_all(self, record: ChipRecord, predictor: Predictor) -> None:
        """Have all of a scene predicted, beside others and after all that people look at; nothing where that is under way."""
        key = record.id, key_of(predictor)
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.running:
                self._jobs[key] = self._inference.predict_all([record], predictor)

    def cancel(self, record: ChipRecord, key: ModelKey) -> None:
        """Predict no more of a scene than what people look at; what is done stays."""
        job = self._jobs.get((record.id, key))
        if job is not None:
            job.cancel()

    def forget(self, record: ChipRecord) -> None:
        """Predict no more of a scene's present files, and let go of what is predicted of a part of them."""
        for (chip_id, _), job in list(self._jobs.items()):
            if chip_id == record.id:
                job.cancel()
        revision = record.revision()
        with self._lock:
            mine = [k for k, made in self._partials.items() if k[0] == record.id and made.run.revision == revision]
            runs = [self._partials.pop(key).run for key in mine]
        for run in runs:
            run.drop()

    def _scene(self, record: ChipRecord) -> Scene | None:
        try:
            return self._scenes.scene(record)
        except BusyError:
            return None

    def _partial(self, record: ChipRecord, run: SceneRun, scene: Scene) -> Partial:
        key = record.id, run.name
        with self._lock:
            made = self._partials.get(key)
            if made is None or made.run is not run:
                made = self._partials[key] = Partial(run, scene)
                while len(self._partials) > _PARTIALS:
                    self._partials.popitem(last=False)
            self._partials.move_to_end(key)
            return made


def window_of(grid: Grid, view: object) -> Window | None:
    """Return the part of a grid that a view shows, None where it shows none of it.

    Args:
        grid: of a scene; of one without a place the view is of its stand-in (`Grid.drawn`).
        view: west, south, east and north in WGS84 degrees; None for all of it.

    Raises:
        UsageError: it is no view.
    """
    if view is None:
        return Window(0, 0, grid.width, grid.height)
    numbers = view if isinstance(view, list | tuple) else []
    if len(numbers) != 4 or not all(isinstance(v, int | float) and math.isfinite(v) and abs(v) <= 720 for v in numbers):
        raise UsageError("A view is west, south, east and north, in degrees: reload the page.")
    drawn = grid.drawn
    west, south, east, north = _within(numbers, drawn)
    if west >= east or south >= north:
        return None
    lons, lats = np.meshgrid(np.linspace(west, east, _EDGE), np.linspace(south, north, _EDGE))
    columns, rows = drawn.pixels_at(lons, lats)
    left, right = np.clip([columns.min(), columns.max()], 0, grid.width)
    top, bottom = np.clip([rows.min(), rows.max()], 0, grid.height)
    left, top, right, bottom = math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)
    return Window(left, top, right - left, bottom - top) if left < right and top < bottom else None


def _within(view: Any, grid: Grid) -> tuple[float, float, float, float]:
    """Return the part of a view that lies around a grid, on the turn of the globe that the grid is on."""
    west, south, east, north = (float(v) for v in view)
    there = grid.footprint().bounds
    turns = 360.0 * round(((there[0] + there[2]) - (west + east)) / 720.0)
    return (
        max(west + turns, there[0]),
        max(south, there[1]),
        min(east + turns, there[2]),
        min(north, there[3]),
    )
