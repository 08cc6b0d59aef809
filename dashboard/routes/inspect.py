"""The inspection over HTTP: JSON for the page's own scripts, as a Flask blueprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request

from dashboard.routes.access import Access
from dashboard.routes.http import json_object
from dashboard.workspace.inspection import Inspection, place_of
from tiles.http import lasting

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace


def inspection_blueprint(workspace: Workspace, access: Access) -> Blueprint:
    """Return the routes `/inspect/...` of a workspace."""
    inspection = Inspection(workspace)
    routes = Blueprint("inspect", __name__, url_prefix="/inspect")

    # A revision of files or predictions is in each address, so what is answered there stays true.
    @routes.get("/point/<chip>/<chip_revision>")
    def point(chip: str, chip_revision: str) -> Response:
        place = place_of(request.args.get("lon"), request.args.get("lat"))
        revisions = tuple(request.args.getlist("prediction")[:2])
        return lasting(jsonify(inspection.point(chip, chip_revision, revisions, place)))

    @routes.get("/spread/<chip>/<revision>")
    def spread(chip: str, revision: str) -> Response:
        return lasting(jsonify(inspection.spread(chip, revision)))

    @routes.get("/agreement/<chip>/<one>/<other>")
    def agreement(chip: str, one: str, other: str) -> Response:
        return lasting(jsonify(inspection.agreement(chip, one, other)))

    @routes.post("/area/<chip>/<revision>")
    def area(chip: str, revision: str) -> Response:
        return jsonify(inspection.area(chip, revision, json_object("a GeoJSON Polygon or MultiPolygon")))

    @routes.post("/prediction/<chip>")
    def prediction(chip: str) -> Response:
        asked = json_object("of model and click")
        model, click = str(asked.get("model", "")), asked.get("click")
        found = workspace.open_chip(
            chip,
            model,
            None if click is None else str(click),
            may_predict=access.allows("predict"),
            view=asked.get("view"),
        )
        return jsonify(found)

    @routes.post("/whole/<chip>")
    def whole(chip: str) -> Response:
        workspace.predict_scene(chip, str(json_object("of the model").get("model", "")))
        return jsonify(done=True)

    @routes.post("/enough/<chip>")
    def enough(chip: str) -> Response:
        workspace.predict_scene(chip, str(json_object("of the model").get("model", "")), cancel=True)
        return jsonify(done=True)

    return routes
