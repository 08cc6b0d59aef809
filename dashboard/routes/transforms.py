"""The open chip flipped, turned, blurred, noisier, brighter: predicted again and compared, one change a request."""

from __future__ import annotations

import base64
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

from flask import Blueprint, Response, jsonify, request
from rasterio.windows import Window

from dashboard.report.pictures import image_url, scores_url
from dashboard.workspace.scenes import window_of
from model.evaluation.changes import Change
from model.evaluation.transforms import TRANSFORMS, compare_transformed
from model.scores.histogram import ScoreHistogram
from model.store.prediction import Prediction
from tiles.cache import BoundedCache
from tiles.chip import ByteArray, Chip, ChipRecord
from tiles.errors import PredictionError, UsageError
from tiles.scenes.windows import Scene, is_scene

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

SQUARE = 512
"""Of a scene, a square of so many pixels a side is changed, or all of a side that has fewer."""
_SIDE = 192
_CACHE_BYTES = 32 << 20
_BY_NAME = {change.name: change for change in TRANSFORMS}


class Transformed(TypedDict):
    """What a model says of a changed chip.

    Attributes:
        name: of the change.
        image, scores: pictures of the changed chip and of its score pixels, data URLs.
        changed, plain: score histograms of the changed and of the unchanged chip on the same pixels, base64; None without label.
        differing: at each level, how many pixels change their class.
        pixels: how many are compared.
    """

    name: str
    image: str
    scores: str
    changed: str | None
    plain: str | None
    differing: list[int]
    pixels: int


class Transforms:
    """What a model says of changed chips. Computed when asked for, by who predicts under that model, and kept for a while."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._answers: BoundedCache[Transformed] = BoundedCache(
            _CACHE_BYTES, lambda a: len(a["image"]) + len(a["scores"]) + 8000
        )

    def answer(
        self, chip_id: str, spec: str, name: str, click: str | None = None, view: str | None = None
    ) -> Transformed | None:
        """Return the answer to one change of a chip, or None where the model is still at it: ask again under the same click.

        Args:
            chip_id: the chip.
            spec: the model.
            name: of the change.
            click: whose question it is.
            view: of a scene what is in view, "west,south,east,north" in degrees: the square in its middle is changed.

        Raises:
            ChipNotFoundError, ChipError: the chip is not there, or its files cannot be used.
            ModelError, PredictionError: the model cannot be used, or failed.
            UsageError: there is no such change, or a scene has no data where it is looked at.
            BusyError: a scene is being opened.
        """
        change = _BY_NAME.get(name)
        if change is None:
            raise UsageError(f"There is no change {name[:40]!r}: choose one of {', '.join(_BY_NAME)}.")
        record = self._workspace.catalog.get(chip_id).now()
        try:
            if is_scene(record):
                return self._of_scene(record, change, spec, click, view)
            prediction = self._workspace.prediction(record, spec, click)
            key = (record.id, record.revision(), prediction.revision, name)
            return self._answers.get(key, lambda: self._judge(record, prediction, change, spec, click))
        except FutureTimeoutError:
            return None
        except CancelledError:
            raise PredictionError(f"The prediction of {chip_id} was cancelled: open the chip again.") from None

    def _judge(
        self, record: ChipRecord, prediction: Prediction, change: Change, spec: str, click: str | None
    ) -> Transformed:
        probability = self._workspace.answer(record, change, spec, click)
        return self._told(
            self._workspace.tiles.chip(record), change, probability, self._workspace.store.read(prediction)
        )

    def _of_scene(
        self, record: ChipRecord, change: Change, spec: str, click: str | None, view: str | None
    ) -> Transformed:
        """Return the answer to one change of a square of a scene; beside it stands what the model says of that square alone."""
        scenes = self._workspace.scenes
        scenes.label(record)  # known, or being looked at
        scene = scenes.scene(record)
        window = _middle(scene, view)
        key = (record.id, record.revision(), self._workspace.shelf.key(spec).digest, change.name, window.flatten())

        def judge() -> Transformed:
            square = replace(scene.read(window), id=f"{record.id} at {window.row_off}, {window.col_off}")
            if not square.valid.any():
                raise UsageError(f"{record.id} holds no data in the middle of what is in view: move the map.")
            plain = self._workspace.answer(record, _BY_NAME["turn0"], spec, click, square)
            changed = self._workspace.answer(record, change, spec, click, square)
            return self._told(square, change, changed, plain)

        return self._answers.get(key, judge)

    @staticmethod
    def _told(chip: Chip, change: Change, probability: ByteArray, plain: ByteArray) -> Transformed:
        image = change.apply(chip)
        found = compare_transformed(chip, change, image, probability, plain)
        return {
            "name": change.name,
            "image": image_url(image, _SIDE),
            "scores": scores_url(probability, image.label, _SIDE),
            "changed": _encoded(found.changed),
            "plain": _encoded(found.plain),
            "differing": found.differing.tolist(),
            "pixels": found.pixels,
        }


def _middle(scene: Scene, view: str | None) -> Window:
    """Return the square in the middle of what is in view of a scene.

    Raises:
        UsageError: the view is none, or shows nothing of the scene.
    """
    try:
        window = window_of(scene.grid, None if view is None else [float(number) for number in view[:200].split(",")])
    except ValueError:
        raise UsageError("A view is west, south, east and north, in degrees: reload the page.") from None
    if window is None:
        raise UsageError("Nothing of the scene is in view: move the map to it.")
    rows, cols = scene.shape
    height, width = min(rows, SQUARE), min(cols, SQUARE)
    top = min(max(0, window.row_off + (window.height - height) // 2), rows - height)
    left = min(max(0, window.col_off + (window.width - width) // 2), cols - width)
    return Window(left, top, width, height)


def _encoded(histogram: ScoreHistogram | None) -> str | None:
    return None if histogram is None else base64.b64encode(histogram.to_bytes()).decode()


def transforms_blueprint(transforms: Transforms) -> Blueprint:
    """Return the route `/transforms/CHIP/CHANGE?model=SPEC&click=NAME`."""
    routes = Blueprint("transforms", __name__, url_prefix="/transforms")

    @routes.post("/<chip>/<change>")
    def answer(chip: str, change: str) -> Response:
        asked = request.args
        return jsonify(
            transforms.answer(chip, asked.get("model", ""), change, asked.get("click"), asked.get("view"))
            or {"pending": True}
        )

    return routes
