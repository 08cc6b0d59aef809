"""The one handler, by SageMaker's hosting contract: model_fn, input_fn, predict_fn, output_fn.

The same four functions answer in our own server, in a container of AWS, and in a Lambda function. What a request may hold
and what is answered stands in docs/serving.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.predictors.local import LocalPredictor
from model.serving.settings import ServingSettings, find_bundle, read_settings
from model.wire import (
    DESCRIBE,
    JSON,
    NPY,
    TIFF,
    ByteArray,
    decode_images,
    encode_masks,
    encode_npy,
    encode_tiff,
    media_type,
    negotiate,
)
from tiles.answers import for_requests
from tiles.chip import Chip
from tiles.errors import RequestError
from tiles.grid import Grid

_MAX_QUESTION = 1000
_MAX_NOTES = 4000
_MOST_NAMED = 8
NOTES = "X-Floodscope-Notes"
"""The header that tells what was assumed of the images."""


@dataclass(frozen=True)
class Question:
    """A request that asks which model answers."""


@dataclass(frozen=True, eq=False)
class Answer:
    """Probability rasters (contract 2), one an image; or the description of the model.

    Attributes:
        rasters: uint8 (H, W) each.
        grid: of the one image, where the request told it.
        threshold: the model's own, for masks.
        description: JSON-able, where that was asked for.
        notes: what was assumed, converted or left out of the images, in their order.
    """

    rasters: tuple[ByteArray, ...] = ()
    grid: Grid | None = None
    threshold: float = 0.5
    description: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


def model_fn(model_dir: str | Path, context: object = None) -> LocalPredictor:
    """Return the model in a folder, its weights loaded. FLOODSCOPE_* variables may override parts of model.json.

    Raises:
        BundleError: there is no bundle, or it is damaged.
        ModelError: the device does not work.
        UsageError: an environment variable cannot be used.
    """
    model = open_model(model_dir, read_settings())
    model.load()
    return model


def open_model(model_dir: str | Path, settings: ServingSettings) -> LocalPredictor:
    """Return the model in a folder as the settings have it; weights are loaded by `load`, or the first prediction.

    Raises:
        BundleError: there is no bundle, or its model.json is damaged.
    """
    model = LocalPredictor(
        find_bundle(model_dir),
        settings.device,
        batch_size=settings.batch_size,
        threads=settings.threads,
    )
    model.serve_as(settings.applied(model.bundle))
    return model


def input_fn(
    request_body: bytes | bytearray | str, content_type: str = NPY, context: object = None
) -> list[Chip] | Question:
    """Return the images of a request, or the question which model this is.

    Args:
        request_body: `application/x-npy` or `image/tiff` as `decode_images` reads them, or DESCRIBE as application/json.
        content_type: its media type.
        context: not used.

    Raises:
        RequestError: with its kinds MediaTypeError and TooLargeError; says what is wrong.
    """
    body = request_body.encode() if isinstance(request_body, str) else bytes(request_body)
    if media_type(content_type or "") == JSON:
        return _question(body)
    if not body:
        raise RequestError(f"The request has no body: send images as {NPY} or {TIFF}.")
    return decode_images(body, content_type or "")


def predict_fn(data: list[Chip] | Question, model: LocalPredictor, context: object = None) -> Answer:
    """Return the probability rasters of the images, or what the model is.

    Raises:
        RequestError: the images lack a channel that the model needs.
        PredictionError, ModelError: the model failed.
    """
    if isinstance(data, Question):
        return Answer(threshold=model.threshold, description=describe(model))
    require_channels(data, model)
    return answer_of(data, model.predict(data), model)


def require_channels(chips: list[Chip], model: LocalPredictor) -> None:
    """Raise RequestError where images lack a channel that the model needs."""
    wanted = model.bundle.channels
    missing = [name for name in wanted if any(getattr(chip, name) is None for chip in chips)]
    if missing:
        why = " ".join(dict.fromkeys(f" {chip.ancillary_problem}" for chip in chips if chip.ancillary_problem))
        raise RequestError(
            f"The model {model.name} needs {', '.join(wanted)}, but the images have no {' and no '.join(missing)}: send VV, VH, "
            f"elevation and permanent water as channels in this order, up to the last that it needs.{why}"
        )


def answer_of(chips: list[Chip], rasters: list[ByteArray], model: LocalPredictor) -> Answer:
    """Return the answer that rasters are to the images of one request."""
    grid = chips[0].grid if len(chips) == 1 and chips[0].grid.placed else None
    return Answer(tuple(rasters), grid, model.threshold, notes=notes_of(chips))


def notes_of(chips: Sequence[Chip]) -> tuple[str, ...]:
    """Return what has to be told of the images of one request, each sentence once, with the images that it is about."""
    about: dict[str, list[int]] = {}
    for number, chip in enumerate(chips):
        for note in dict.fromkeys(chip.notes):
            about.setdefault(for_requests(note), []).append(number)
    told = []
    for note, numbers in about.items():
        more = f" and {len(numbers) - _MOST_NAMED} more" if len(numbers) > _MOST_NAMED else ""
        which = f"Image{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:_MOST_NAMED]))}{more}: "
        told.append(note if len(numbers) == len(chips) else which + note)
    return tuple(told)


def output_fn(prediction: Answer, accept: str = NPY, context: object = None) -> bytes:
    """Return an answer in the type that an Accept header wants: its probabilities, unless JSON was asked for.

    `application/x-npy` (default): uint8 (N, H, W), 0..254 is p = v / 254, 255 is no data. `image/tiff`: the same as bands.
    `application/json`: masks, a list (N, H, W) of 0 and 1 at the model's threshold.

    Raises:
        NotAcceptableError: it wants none of them.
    """
    kind = negotiate(accept)
    if prediction.description is not None:
        return json.dumps(prediction.description).encode()
    if kind == JSON:
        return encode_masks(prediction.rasters, prediction.threshold)
    if kind == TIFF:
        return encode_tiff(prediction.rasters, prediction.grid)
    return encode_npy(np.stack(prediction.rasters))


def notes_header(notes: Sequence[str]) -> dict[str, str]:
    """Return the header that tells what was assumed of a request's images: a JSON list of sentences, in ASCII.

    A header has an end: where there are more sentences than it takes, the last one says how many more.
    """
    for number in range(len(notes), -1, -1):
        left = len(notes) - number
        rest = [f"{left} more sentences like these are left out: send fewer images at once."] if left else []
        text = json.dumps([*notes[:number], *rest])
        if len(text) <= _MAX_NOTES:
            return {NOTES: text} if notes else {}
    return {}


def output_type(prediction: Answer, accept: str | None) -> str:
    """Return the media type of what `output_fn` writes.

    Raises:
        NotAcceptableError: the Accept header wants none that is written.
    """
    return JSON if prediction.description is not None else negotiate(accept)


def describe(model: LocalPredictor) -> dict[str, object]:
    """Return what a client wants to know of the model before it asks: all of it JSON-able."""
    bundle = model.bundle
    return {
        "id": model.model_id,
        "name": model.name,
        "threshold": model.threshold,
        "channels": list(bundle.channels),
        "architecture": bundle.architecture,
        "encoder": bundle.encoder,
        "members": len(bundle.members),
        "version": bundle.version,
        "licence": bundle.licence,
        "device": model.device,
    }


def _question(body: bytes) -> Question:
    try:
        asked = json.loads(body) if len(body) <= _MAX_QUESTION else None
    except (ValueError, RecursionError):
        asked = None
    if asked == json.loads(DESCRIBE):
        return Question()
    raise RequestError(
        f"The only JSON that is read is {DESCRIBE.decode()}: send images as {NPY}, a fifth of the bytes of a JSON list."
    )
