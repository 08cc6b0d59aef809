"""What is asked of the server itself: whether it answers, how its endpoints are, and pages that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace


def server_blueprint(workspace: Workspace) -> Blueprint:
    """Return the routes `/healthz` and `/endpoints` of a workspace."""
    routes = Blueprint("server", __name__)

    @routes.get("/healthz")
    def health() -> Response:
        return jsonify(status="ok", chips=len(workspace.catalog))

    @routes.get("/endpoints")
    def endpoints() -> Response:
        return jsonify(workspace.endpoints.statuses())

    @routes.before_app_request
    def nothing() -> Response | None:
        # Dash answers every path with its page; here the page is at / alone.
        if request.endpoint != "/<path:path>":
            return None
        text = (
            f"There is no page at /{quote(request.path[1:60])}: the dashboard is at {request.script_root}/. Behind a proxy that "
            "leaves its path on, start it with --url-prefix.\n"
        )
        return Response(text, status=404, mimetype="text/plain")

    return routes
