"""What streams have brought, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace


def news_blueprint(workspace: Workspace) -> Blueprint:
    """Return the route `/news` of a workspace."""
    routes = Blueprint("news", __name__)

    @routes.get("/news")
    def listed() -> Response:
        return jsonify(news=workspace.arrivals.news())

    return routes
