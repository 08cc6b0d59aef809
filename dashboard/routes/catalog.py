"""What a page begins with: the catalog, and all that a model has predicted, as columns (tiles/catalog/columns.py)."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]
from flask import Blueprint, Response, request

from tiles.cache import BoundedCache
from tiles.catalog.columns import MIMETYPE

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

_KEPT_BYTES = 16 << 20
_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda body: bytes(
        brotli.compress(body, quality=5)
    ),  # more takes seconds of a large catalog, for a tenth of its bytes
    "gzip": lambda body: gzip.compress(body, 5),
}


def catalog_blueprint(workspace: Workspace) -> Blueprint:
    """Return the routes `/catalog/...` of a workspace."""
    routes = Blueprint("catalog", __name__, url_prefix="/catalog")
    packed: BoundedCache[bytes] = BoundedCache(_KEPT_BYTES, len)

    @routes.get("/chips")
    def chips() -> Response:
        how, now = _wanted(), workspace.catalog.version
        body = packed.get((now, None), workspace.chip_columns)
        return _answer(packed.get((now, how), lambda: _pack(body, how)), how)

    @routes.get("/predictions")
    def predictions() -> Response:
        how = _wanted()
        return _answer(_pack(workspace.prediction_columns(request.args.get("model", "")), how), how)

    return routes


def _wanted() -> str | None:
    """Return how whoever asks takes an answer packed."""
    return next((how for how in _PACKERS if request.accept_encodings.quality(how) > 0), None)


def _pack(body: bytes, how: str | None) -> bytes:
    return body if how is None else _PACKERS[how](body)


def _answer(content: bytes, how: str | None) -> Response:
    response = Response(content, mimetype=MIMETYPE)
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept-Encoding")
    if how is not None:
        response.headers["Content-Encoding"] = how
    return response
