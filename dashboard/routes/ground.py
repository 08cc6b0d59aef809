"""The ground over HTTP: towns, rivers, lakes and borders of a cell, which the map asks for when it is near; and towns by name."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify, request

from dashboard.workspace.ground import cell, towns_like

_DAY = 86_400
_MOST_LETTERS = 80


def ground_blueprint() -> Blueprint:
    """Return the routes `/ground/<west>_<south>.json` (a cell in which there is nothing is `{}`) and `/ground/towns?like=`."""
    routes = Blueprint("ground", __name__, url_prefix="/ground")

    @routes.get("/<int(signed=True):west>_<int(signed=True):south>.json")
    def of_cell(west: int, south: int) -> Response:
        answer = Response(cell(west, south) or b"{}", mimetype="application/json")
        answer.headers["Cache-Control"] = f"private, max-age={_DAY}"
        return answer

    @routes.get("/towns")
    def towns() -> Response:
        return jsonify({"towns": [asdict(town) for town in towns_like(request.args.get("like", "")[:_MOST_LETTERS])]})

    return routes
