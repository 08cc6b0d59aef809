"""The model as an AWS Lambda function behind a function URL: the server's handler, asked by events.

A function URL hands over at most 6 MB, base64 included: two chips of 512 x 512 as float16, one as float32. What costs
nothing while nobody asks may take half a minute when somebody does: torch and the weights are loaded by the first request.
"""

from __future__ import annotations

import base64
import importlib
import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

from tiles.errors import FloodscopeError, http_status

_LOG = logging.getLogger(__name__)
_NPY = "application/x-npy"
_LOCK = threading.Lock()
_LOADED: dict[str, object] = {}
"""The model of this process, by its folder: Lambda keeps a process for many requests."""


def handler(event: Mapping[str, Any], context: object) -> dict[str, object]:
    """Answer an event of a function URL, or of an HTTP API (payload version 2.0).

    GET /ping is 200 when the model can answer; POST / or /invocations predicts. Errors answer with their status and reason.
    """
    request = event.get("requestContext", {}).get("http", {})
    path = str(event.get("rawPath", "/")).rstrip("/")
    try:
        if request.get("method") == "GET" and path.endswith("/ping"):
            _model()
            return _answer(200, b"", "text/plain")
        if request.get("method") != "POST":
            return _answer(405, b"Send images with POST.\n", "text/plain")
        return _invoke(event)
    except FloodscopeError as error:
        return _answer(http_status(error), f"{error}\n".encode(), "text/plain; charset=utf-8")
    except Exception:
        _LOG.exception("a request failed")
        return _answer(500, b"The model failed; its log says why.\n", "text/plain")


def _invoke(event: Mapping[str, Any]) -> dict[str, object]:
    serving = _serving()
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    text = str(event.get("body") or "")
    body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    model = _model()
    data = serving.input_fn(body, headers.get("content-type", _NPY))
    prediction = serving.predict_fn(data, model)
    accept = headers.get("accept", _NPY)
    answer = _answer(200, serving.output_fn(prediction, accept), serving.output_type(prediction, accept))
    answer["headers"] |= serving.notes_header(prediction.notes)
    return answer


def _serving() -> Any:
    return importlib.import_module("model.serving.inference")


def _model() -> Any:
    folder = os.environ.get("FLOODSCOPE_MODEL", "/opt/ml/model")
    with _LOCK:
        if folder not in _LOADED:
            _LOADED[folder] = _serving().model_fn(folder)
        return _LOADED[folder]


def _answer(status: int, body: bytes, media_type: str) -> dict[str, object]:
    return {
        "statusCode": status,
        "headers": {"content-type": media_type},
        "isBase64Encoded": True,
        "body": base64.b64encode(body).decode(),
    }
