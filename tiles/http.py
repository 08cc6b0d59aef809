"""How an answer is sent: errors as JSON, with the status of the one table, and how long an answer may be kept."""

from __future__ import annotations

import secrets
import traceback

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from tiles.errors import FloodscopeError, RequestError, http_status
from tiles.sentences import named, shown

_SERVERS = "gunicorn.http."
"""Where a server reads a request: what fails there is the request's, as a chunk without an end, or a client that went."""


def errors_as_json(routes: Flask | Blueprint) -> None:
    """Have every error answered as `{"error": its kind, "message": one sentence}`, files called by name, never kept.

    One that knows its chip has its id as "chip" too.
    """

    @routes.errorhandler(FloodscopeError)
    def answer(error: FloodscopeError) -> Response:
        return error_answer(type(error).__name__, named(str(error)), http_status(error), error.chip)

    @routes.errorhandler(HTTPException)
    def answer_http(error: HTTPException) -> Response:
        response = error_answer(error.name, error.description, error.code or 500)
        # Which methods there are, where to ask instead, when to ask again: all but what the body is.
        response.headers.extend((n, v) for n, v in error.get_headers() if n not in {"Content-Type", "Content-Length"})
        return response


def tell_defects(app: Flask) -> None:
    """Have whatever else goes wrong answered in a sentence with a number, by which the log has its traceback."""

    @app.errorhandler(Exception)
    def defect(error: Exception) -> Response:
        # By where it was raised: a connection can break on the way to a database too, and the request is whole.
        frames = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
        if any(name.startswith(_SERVERS) for name in frames):
            return error_answer(RequestError.__name__, "The request did not come whole: send it again.", 400)
        number = secrets.token_hex(4)
        app.logger.error("incident %s: %s %s", number, request.method, shown(request.path[:200]), exc_info=error)
        sentence = f"This did not work, for a reason that is not foreseen: the server's log tells it under the number {number}."
        return error_answer("Defect", sentence, 500)


def error_answer(kind: str, message: str | None, status: int, chip: str | None = None) -> Response:
    """Return an error as JSON: its kind, and one sentence; it is not kept."""
    response = jsonify(error=kind, message=message, **({} if chip is None else {"chip": chip}))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def lasting(response: Response, *, public: bool = False) -> Response:
    """Have an answer kept for good: its address holds the revision of all that it tells.

    Args:
        response: the answer.
        public: whether caches that several people share may keep it too.
    """
    response.headers["Cache-Control"] = f"{'public' if public else 'private'}, max-age=31536000, immutable"
    return response
