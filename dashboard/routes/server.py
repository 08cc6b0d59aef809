"""What is asked of the server itself: whether it answers, how its endpoints are, and pages that are not there."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

# In the page's look, and with nothing that has to be asked for.
_NOTHING = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Nothing here: floodscope</title>
    <style>
      :root { color-scheme: dark light; --ground: #12171e; --ink: #e6eaef; --soft: #b4bdc9; --accent: #7cc7f2; }
      @media (prefers-color-scheme: light) { :root { --ground: #eef1f4; --ink: #1c2530; --soft: #465363; --accent: #0b6296; } }
      body { margin: 0; min-height: 100dvh; display: grid; place-content: center; gap: 12px; padding: 24px;
        background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
      h1 { margin: 0; font-size: 20px; } p { margin: 0; max-width: 60ch; color: var(--soft); overflow-wrap: anywhere; }
      a { color: var(--accent); }
    </style>
  </head>
  <body><h1>There is nothing here</h1><p>{text}</p><p><a href="{home}">To the map</a></p></body>
</html>
"""


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
        home = f"{request.script_root}/"
        text = (
            f"There is no page at /{quote(request.path[1:60])}: the dashboard is at {home}. Behind a proxy that "
            "leaves its path on, start it with --url-prefix.\n"
        )
        if request.accept_mimetypes.best_match(("text/plain", "text/html")) != "text/html":
            return Response(text, status=404, mimetype="text/plain")
        page = _NOTHING.replace("{home}", escape(home)).replace("{text}", escape(text))
        return Response(page, status=404, mimetype="text/html")

    return routes
