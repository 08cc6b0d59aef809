"""How an answer is sent: errors as JSON, with the status of the one table, and how long an answer may be kept."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from tiles.errors import FloodscopeError, http_status
from tiles.sentences import named


def errors_as_json(routes: Flask | Blueprint) -> None:
    """Have every error answered as `{"error": its kind, "message": one sentence}`, files called by name, never kept.

    One that knows its chip has its id as "chip" too.
    """

    @routes.errorhandler(FloodscopeError)
    def answer(error: FloodscopeError) -> Response:
        return _error(type(error).__name__, named(str(error)), http_status(error), error.chip)

    @routes.errorhandler(HTTPException)
    def answer_http(error: HTTPException) -> Response:
        response = _error(error.name, error.description, error.code or 500)
        # Which methods there are, where to ask instead, when to ask again: all but what the body is.
        response.headers.extend((n, v) for n, v in error.get_headers() if n not in {"Content-Type", "Content-Length"})
        return response


def _error(kind: str, message: str | None, status: int, chip: str | None = None) -> Response:
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
