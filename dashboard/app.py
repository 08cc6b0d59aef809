"""The app factory: Dash on Flask over one workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from dash import Dash
from flask import Flask, Response, jsonify, request

from dashboard.exports.jobs import Exports
from dashboard.page.callbacks import register
from dashboard.page.layout.page import page
from dashboard.routes.exports import exports_blueprint
from dashboard.routes.inspect import inspection_blueprint
from dashboard.routes.proxies import Mounted, networks
from dashboard.routes.review import review_blueprint
from dashboard.routes.transforms import Transforms, transforms_blueprint
from dashboard.routes.uploads import uploads_blueprint
from dashboard.uploads.shelf import Uploads
from dashboard.workspace.inspection import Inspection
from tiles.drawing.blueprint import tile_blueprint
from tiles.errors import FloodscopeError, http_status
from tiles.places import ASSETS

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

_INDEX = """<!DOCTYPE html>
<html lang="en" data-theme="dark">
  <head>
    {%metas%}
    <title>{%title%}</title>
    <link rel="icon" href="{icon}">
    {%css%}
  </head>
  <body>
    {%app_entry%}
    <footer>{%config%}{%scripts%}{%renderer%}</footer>
  </body>
</html>"""

_SECURITY_HEADERS = {
    # Everything comes from this server: no request leaves the machine, whatever a label or file name says.
    # Dash writes its configuration as inline scripts, and ag-grid and Mantine write styles.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
        "script-src 'self' 'unsafe-inline'; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_TEXTS = frozenset({"application/json", "text/plain"})
_IMMUTABLE = "public, max-age=31536000, immutable"


def _icon() -> str:
    """Return the icon as a data URL: a browser would ask for a file again each time the page's own URL changes."""
    return f"data:image/svg+xml,{quote((ASSETS / 'favicon.svg').read_text(encoding='utf-8'))}"


def create_app(workspace: Workspace) -> Dash:
    """Return the Dash app of a workspace; `app.server` is the WSGI application."""
    server = Flask("dashboard")
    server.wsgi_app = Mounted(  # type: ignore[method-assign]
        server.wsgi_app, workspace.settings.url_prefixes, networks(workspace.settings.trusted_proxies)
    )
    app = Dash(
        "dashboard",
        server=server,  # type: ignore[arg-type]  # dash's own annotation forgets Flask
        assets_folder=str(ASSETS),
        assets_ignore=r"sources|README",
        title="floodscope",
        update_title=None,  # type: ignore[arg-type]
        index_string=_INDEX.replace("{icon}", _icon()),
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        suppress_callback_exceptions=True,
        routes_pathname_prefix="/",
        requests_pathname_prefix="/",
    )
    # Relative addresses hold below every path; Dash takes them after its constructor alone.
    app.init_app(requests_pathname_prefix="./")
    models = workspace.models()
    settings = {"model": models[0]["spec"], "models": models}
    app.layout = lambda: page(settings)
    register(app, workspace)
    server.register_blueprint(tile_blueprint(lambda: workspace.tiles))
    server.register_blueprint(uploads_blueprint(workspace, Uploads(workspace.settings.data, workspace.live)))
    server.register_blueprint(exports_blueprint(Exports(workspace)))
    server.register_blueprint(transforms_blueprint(Transforms(workspace)))
    server.register_blueprint(inspection_blueprint(Inspection(workspace)))
    server.register_blueprint(review_blueprint(workspace))

    @server.errorhandler(FloodscopeError)
    def answer(error: FloodscopeError) -> tuple[Response, int]:
        return jsonify(error=type(error).__name__, message=str(error)), http_status(error)

    @server.after_request
    def tell_no_path(response: Response) -> Response:
        # Whatever its sentence, and whoever wrote it: errors, problems of chips and models, notes.
        if response.mimetype in _TEXTS and not response.direct_passthrough and not response.content_encoding:
            data = response.get_data()
            public = workspace.public.of_bytes(data)
            if public is not data:
                response.set_data(public)
        return response

    @server.after_request
    def secure(response: Response) -> Response:
        for name, value in _SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        # The page names its own scripts and styles with the time of their last change, so a browser need not ask again.
        if request.path.startswith("/assets/") and "m" in request.args and response.status_code == 200:
            response.headers["Cache-Control"] = _IMMUTABLE
        return response

    @server.before_request
    def refuse() -> Response | None:
        # Dash answers every path with its page; here the page is at / alone.
        if request.endpoint != "/<path:path>":
            return None
        text = (
            f"There is no page at /{quote(request.path[1:60])}: the dashboard is at {request.script_root}/. Behind a proxy that "
            "leaves its path on, start it with --url-prefix.\n"
        )
        return Response(text, status=404, mimetype="text/plain")

    @server.get("/endpoints")
    def endpoints() -> Response:
        return jsonify(workspace.endpoints.statuses())

    @server.get("/healthz")
    def health() -> Response:
        return jsonify(status="ok", chips=len(workspace.catalog))

    return app
