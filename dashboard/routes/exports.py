"""Exports over HTTP: begun, watched, cancelled, fetched."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, send_file

from dashboard.exports.jobs import Exports
from dashboard.routes.access import Access
from dashboard.routes.http import CHIPS_BYTES, json_object
from tiles.errors import UsageError


def exports_blueprint(exports: Exports, access: Access) -> Blueprint:
    """Return the routes `/exports/...`."""
    routes = Blueprint("exports", __name__, url_prefix="/exports")

    @routes.post("")
    def begin() -> Response:
        return jsonify(exports.begin(**_asked(), may_predict=access.allows("predict")).payload())

    @routes.get("/<export_id>")
    def watch(export_id: str) -> Response:
        return jsonify(exports.get(export_id).payload())

    @routes.delete("/<export_id>")
    def cancel(export_id: str) -> Response:
        exports.cancel(export_id)
        return jsonify(cancelled=export_id)

    @routes.get("/<export_id>/file")
    def fetch(export_id: str) -> Response:
        path = exports.file(export_id)
        response = send_file(
            path.absolute(), "application/zip", as_attachment=True, download_name=exports.get(export_id).name
        )
        response.headers["Cache-Control"] = "no-store"  # send_file says no-cache, which lets a browser keep the file
        return response

    return routes


def _asked() -> dict[str, Any]:
    """Return what the present request asks for.

    Raises:
        UsageError: it is no JSON of the kind that the page sends.
    """
    asked = json_object("of model, threshold, formats and chips", CHIPS_BYTES)
    spec, threshold, formats, chips = (asked.get(name) for name in ("model", "threshold", "formats", "chips"))
    predict = asked.get("predict", True)
    if not isinstance(spec, str):
        raise UsageError("The export names no model: give model as a text.")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0.0 <= threshold <= 1.0:
        raise UsageError("The export names no threshold: give threshold as a number from 0 to 1.")
    if not _texts(formats) or not (chips is None or _texts(chips)):
        raise UsageError("formats must be a list of names, and chips a list of ids or null for all.")
    if not isinstance(predict, bool):
        raise UsageError("predict must be true, or false to take away only what is predicted already.")
    return {"spec": spec, "threshold": float(threshold), "formats": formats, "chips": chips, "predict": predict}


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
