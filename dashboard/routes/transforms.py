"""The open chip flipped, turned, blurred, noisier, brighter: predicted again and compared, one change a request."""

from __future__ import annotations

import base64
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, TypedDict

from flask import Blueprint, Response, jsonify, request

from dashboard.report.pictures import image_url, scores_url
from model.evaluation.changes import Change
from model.evaluation.transforms import TRANSFORMS, compare_transformed
from model.scores.histogram import ScoreHistogram
from model.store.prediction import Prediction
from tiles.cache import BoundedCache
from tiles.chip import ChipRecord
from tiles.errors import PredictionError, UsageError

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

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

    def answer(self, chip_id: str, spec: str, name: str, click: str | None = None) -> Transformed | None:
        """Return the answer to one change of a chip, or None where the model is still at it: ask again under the same click.

        Raises:
            ChipNotFoundError, ChipError: the chip is not there, or its files cannot be used.
            ModelError, PredictionError: the model cannot be used, or failed.
            UsageError: there is no such change.
        """
        change = _BY_NAME.get(name)
        if change is None:
            raise UsageError(f"There is no change {name[:40]!r}: choose one of {', '.join(_BY_NAME)}.")
        record = self._workspace.catalog.get(chip_id).now()
        try:
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
        chip = self._workspace.tiles.chip(record)
        image = change.apply(chip)
        found = compare_transformed(chip, change, image, probability, self._workspace.store.read(prediction))
        return {
            "name": change.name,
            "image": image_url(image, _SIDE),
            "scores": scores_url(probability, image.label, _SIDE),
            "changed": _encoded(found.changed),
            "plain": _encoded(found.plain),
            "differing": found.differing.tolist(),
            "pixels": found.pixels,
        }


def _encoded(histogram: ScoreHistogram | None) -> str | None:
    return None if histogram is None else base64.b64encode(histogram.to_bytes()).decode()


def transforms_blueprint(transforms: Transforms) -> Blueprint:
    """Return the route `/transforms/CHIP/CHANGE?model=SPEC&click=NAME`."""
    routes = Blueprint("transforms", __name__, url_prefix="/transforms")

    @routes.post("/<chip>/<change>")
    def answer(chip: str, change: str) -> Response:
        asked = request.args
        return jsonify(transforms.answer(chip, asked.get("model", ""), change, asked.get("click")) or {"pending": True})

    return routes
