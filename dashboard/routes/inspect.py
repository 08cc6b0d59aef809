"""The inspection over HTTP: JSON for the page's own scripts, as a Flask blueprint."""

from __future__ import annotations

import gzip
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from dashboard.routes.http import json_blueprint
from dashboard.workspace.inspection import Inspection, place_of
from tiles.errors import UsageError

_IMMUTABLE = "private, max-age=86400, immutable"
_MAX_BODY = 1 << 20
_WORTH_PACKING = 4096


def inspection_blueprint(inspection: Inspection) -> Blueprint:
    """Return the routes `/inspect/...`."""
    routes = json_blueprint("inspect")

    # A revision of files or predictions is in each address, so what is answered there stays true.
    @routes.get("/point/<chip>/<chip_revision>")
    def point(chip: str, chip_revision: str) -> Response:
        place = place_of(request.args.get("lon"), request.args.get("lat"))
        revisions = tuple(request.args.getlist("prediction")[:2])
        return _lasting(jsonify(inspection.point(chip, chip_revision, revisions, place)))

    @routes.get("/spread/<chip>/<revision>")
    def spread(chip: str, revision: str) -> Response:
        return _lasting(_packed(jsonify(inspection.spread(chip, revision))))

    @routes.get("/agreement/<chip>/<one>/<other>")
    def agreement(chip: str, one: str, other: str) -> Response:
        return _lasting(jsonify(inspection.agreement(chip, one, other)))

    @routes.post("/area/<chip>/<revision>")
    def area(chip: str, revision: str) -> Response:
        return jsonify(inspection.area(chip, revision, _json()))

    @routes.get("/models")
    def models() -> Response:
        return jsonify(inspection.models())

    @routes.post("/prediction/<chip>")
    def prediction(chip: str) -> Response:
        asked = _json()
        click = asked.get("click")
        return jsonify(inspection.other(chip, str(asked.get("model", "")), None if click is None else str(click)))

    return routes


def _lasting(response: Response) -> Response:
    response.headers["Cache-Control"] = _IMMUTABLE
    return response


def _packed(response: Response) -> Response:
    """Pack a long answer where the browser can unpack it: counts are mostly zeros."""
    data = response.get_data()
    if len(data) > _WORTH_PACKING and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.set_data(gzip.compress(data, 1))
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _json() -> dict[str, Any]:
    """Return the request's body, a JSON object.

    Raises:
        UsageError: it is none, or larger than a megabyte.
    """
    if (request.content_length or 0) > _MAX_BODY:
        raise UsageError("The request is larger than 1 MB: give an area of fewer corners.")
    try:
        body = current_app.json.loads(request.get_data(cache=False, as_text=True))
    except (ValueError, RecursionError) as error:
        raise UsageError("The request holds no JSON: send an object.") from error
    if not isinstance(body, dict):
        raise UsageError("The request holds JSON that is no object: send one.")
    return body
