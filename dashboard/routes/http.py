"""What the routes of the page's own scripts have in common: errors as JSON, and nothing kept that was not said to last."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import HTTPException


def json_blueprint(name: str) -> Blueprint:
    """Return an empty blueprint for the routes `/NAME/...`. A FloodscopeError is answered by the app's own handler."""
    routes = Blueprint(name, __name__, url_prefix=f"/{name}")

    @routes.errorhandler(HTTPException)
    def _answer(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.name, message=error.description), error.code or 500

    @routes.after_request
    def _fresh(response: Response) -> Response:
        if response.status_code >= 400 or "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    return routes
