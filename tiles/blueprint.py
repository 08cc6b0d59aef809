"""The tile service over HTTP: XYZ tiles and TileJSON, as a Flask blueprint."""

from __future__ import annotations

import math
from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from tiles.errors import FloodscopeError, UsageError, http_status
from tiles.service import TileService

_IMMUTABLE = "public, max-age=31536000, immutable"


def tile_blueprint(service: Callable[[], TileService]) -> Blueprint:
    """Return the routes `/tiles/...`.

    Args:
        service: gives the service at each request.
    """
    tiles = Blueprint("tiles", __name__, url_prefix="/tiles")

    @tiles.errorhandler(FloodscopeError)
    def _answer(error: FloodscopeError) -> tuple[Response, int, dict[str, str]]:
        body = jsonify(error=type(error).__name__, message=str(error))
        return body, http_status(error), {"Cache-Control": "no-store"}

    @tiles.errorhandler(HTTPException)
    def _answer_http(error: HTTPException) -> tuple[Response, int, dict[str, str]]:
        return jsonify(error=error.name, message=error.description), error.code or 500, {"Cache-Control": "no-store"}

    @tiles.get("/<layer>/<chip>/tilejson.json")
    def tilejson(layer: str, chip: str) -> Response:
        threshold = request.args.get("threshold")
        query = f"?threshold={_level(threshold) / 254:.4f}" if threshold is not None and layer == "mask" else ""
        root = request.url_root.rstrip("/") + "/tiles"
        response = jsonify(service().tilejson(layer, chip, root, query=query))
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    @tiles.get("/<layer>/<chip>/<revision>/<int:z>/<int:x>/<int:y>.png", defaults={"scale": 1})
    @tiles.get("/<layer>/<chip>/<revision>/<int:z>/<int:x>/<int:y>@<int:scale>x.png")
    def tile(layer: str, chip: str, revision: str, z: int, x: int, y: int, scale: int) -> Response:
        made = service().tile(
            layer,
            chip,
            revision,
            z,
            x,
            y,
            scale=scale,
            level=_level(request.args.get("threshold", "0.5")),
            yellow=request.args.get("nodata") == "yellow",
        )
        response = Response(made.data, mimetype="image/png")
        response.set_etag(made.etag)
        response.headers["Cache-Control"] = _IMMUTABLE
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.make_conditional(request)
        return response

    return tiles


def _level(threshold: str) -> int:
    """Return the smallest probability value that is water at a threshold given in a URL."""
    try:
        value = float(threshold)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise UsageError(f"threshold={threshold[:20]} is not a number from 0 to 1.")
    return water_level(value)


def water_level(threshold: float) -> int:
    """Return the smallest v in 0..254 with v / 254 >= threshold (contract 2)."""
    return max(0, math.ceil(threshold * 254 - 1e-9))
