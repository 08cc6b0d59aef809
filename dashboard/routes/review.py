"""The review workbench over HTTP: a Flask blueprint over thumbnails, models and statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request

from dashboard.review.disagreement import Disagreements
from dashboard.review.explore import Explorer
from dashboard.review.thumbnails import Thumbnails
from dashboard.routes.http import CHIPS_BYTES, json_object
from tiles.catalog.metadata import chip_metadata
from tiles.errors import ChipError, UsageError
from tiles.http import lasting
from tiles.scenes.windows import is_scene

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace


def review_blueprint(workspace: Workspace) -> Blueprint:
    """Return the routes `/review/...` of a workspace."""
    routes = Blueprint("review", __name__, url_prefix="/review")
    explorer, disagreements, thumbnails = (
        Explorer(workspace.live, workspace.store, workspace.seen),
        Disagreements(workspace),
        Thumbnails(workspace),
    )
    workspace.at_close(explorer.close)
    workspace.at_close(disagreements.close)

    @routes.get("/thumbnails/<kind>/<chip>/<revision>.png")
    def thumbnail(kind: str, chip: str, revision: str) -> Response:
        picture, lasts = thumbnails.picture(kind, chip, revision)
        response = Response(picture, mimetype="image/png")
        if lasts:
            return lasting(response)
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.get("/models")
    def models() -> Response:
        return jsonify(workspace.shelf.models())

    @routes.get("/predictions")
    def predictions() -> Response:
        return jsonify(workspace.predicted(request.args.get("model", "")))

    @routes.post("/predictions")
    def predict() -> Response:
        spec = json_object('{"model": "..."}').get("model")
        if not isinstance(spec, str) or not spec:
            raise UsageError('The model that is to predict is not understood: send {"model": "..."}.')
        workspace.predict_all(spec)
        return jsonify(workspace.news(spec, 0))

    @routes.get("/predictions/news")
    def progress() -> Response:
        since = request.args.get("since", 0, type=int)
        return jsonify(workspace.news(request.args.get("model", ""), since, request.args.get("job")))

    @routes.get("/card")
    def card() -> Response:
        spec = request.args.get("model", "")
        return jsonify(model=spec, markdown=workspace.shelf.card(spec))

    @routes.post("/disagreement")
    def disagreement() -> Response:
        since = request.args.get("since", 0, type=int)
        return jsonify(disagreements.answer(request.args.get("first", ""), request.args.get("second", ""), since))

    @routes.post("/explore")
    def explore() -> Response:
        ids, model = _asked()
        return jsonify(explorer.answer(ids, model))

    @routes.get("/metadata/<chip>")
    def metadata(chip: str) -> Response:
        record = workspace.catalog.get(chip)
        try:
            read = workspace.scenes.scene(record) if is_scene(record) else workspace.tiles.chip(record)
            decisions = [{"about": d.about, "text": d.sentence()} for d in read.decisions]
        except ChipError:  # the panel says why it cannot be read
            decisions = []
        return jsonify(files=chip_metadata(record), decisions=decisions)

    return routes


def _asked() -> tuple[list[str] | None, str | None]:
    """Return the ids of chips in the present request's body, None where it asks for all, and the model's spec if it has one.

    Raises:
        UsageError: the body is no such list.
    """
    body = json_object('{"ids": [...]}, or {"ids": null} for all', CHIPS_BYTES)
    ids = body.get("ids", False)
    if ids is not None and not (isinstance(ids, list) and all(isinstance(name, str) for name in ids)):
        raise UsageError('The chips to explore are not understood: send {"ids": [...]}, or {"ids": null} for all.')
    model = body.get("model")
    return ids, model if isinstance(model, str) and model else None
