"""The app factory: Dash on Flask over one workspace."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dash import Dash
from dash._utils import to_json
from flask import Flask

from dashboard.exports.jobs import Exports
from dashboard.page.callbacks import register
from dashboard.page.layout.page import page
from dashboard.routes.access import Access, Everybody, Policy
from dashboard.routes.exports import exports_blueprint
from dashboard.routes.hosts import guard_names
from dashboard.routes.http import serve_well
from dashboard.routes.inspect import inspection_blueprint
from dashboard.routes.limits import Clients, limit_clients
from dashboard.routes.modules import Modules, modules_blueprint
from dashboard.routes.news import news_blueprint
from dashboard.routes.proxies import Mounted, networks
from dashboard.routes.review import review_blueprint
from dashboard.routes.server import server_blueprint
from dashboard.routes.transforms import Transforms, transforms_blueprint
from dashboard.routes.uploads import uploads_blueprint
from dashboard.uploads.shelf import Uploads
from tiles import palette
from tiles.drawing.blueprint import tile_blueprint
from tiles.drawing.layers import page_layers
from tiles.places import ASSETS
from tiles.sentences import named

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

_INDEX = """<!DOCTYPE html>
<html lang="en" data-theme="dark">
  <head>
    {%metas%}
    <title>{%title%}</title>
    <link rel="icon" href="{icon}">
    <style>:root { {palette} }</style>
    <script id="layers-told" type="application/json">{layers}</script>
    {%css%}
  </head>
  <body>
    {%app_entry%}
    <footer>{%config%}{%scripts%}{modules}{%renderer%}</footer>
  </body>
</html>"""


class _Page(Dash):
    """A Dash whose layout is the same for everybody: it is written out once, where Dash writes it at each request."""

    @cached_property
    def _written(self) -> Any:
        return to_json(self.get_layout())  # type: ignore[no-untyped-call]

    def serve_layout(self) -> Any:
        """Return the answer that holds the layout."""
        return self.backend.make_response(self._written, mimetype="application/json")


def _index(modules: Modules) -> str:
    """Return the page's HTML with what its styles and scripts need before the layout comes: icon, palette, layers, modules."""
    told = {
        "icon": _icon(),
        "palette": palette.properties(),
        "modules": modules.tags(),
        "layers": json.dumps(page_layers()).replace("<", "\\u003c"),
    }
    page = _INDEX
    for name, text in told.items():
        page = page.replace(f"{{{name}}}", text)
    return page


def _icon() -> str:
    """Return the icon as a data URL: a browser would ask for a file again each time the page's own URL changes."""
    return f"data:image/svg+xml,{quote((ASSETS / 'favicon.svg').read_text(encoding='utf-8'))}"


def create_app(workspace: Workspace, policy: Policy = Everybody()) -> Dash:  # noqa: B008 - it has no state
    """Return the Dash app of a workspace; `app.server` is the WSGI application.

    Args:
        workspace: what it shows.
        policy: who may do what. With any other than `Everybody`, no tile is kept in caches that several people share, and no
            other page's script may read one.
    """
    server = Flask("dashboard", static_folder=None)
    server.wsgi_app = Mounted(  # type: ignore[method-assign]
        server.wsgi_app, workspace.settings.url_prefixes, networks(workspace.settings.trusted_proxies)
    )
    modules = Modules()
    app = _Page(
        "dashboard",
        server=server,  # type: ignore[arg-type]  # dash's own annotation forgets Flask
        assets_folder=str(ASSETS),
        assets_ignore=r"sources|README|\.mjs$|\.br$",
        title="floodscope",
        update_title=None,  # type: ignore[arg-type]
        index_string=_index(modules),
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        suppress_callback_exceptions=True,
        routes_pathname_prefix="/",
        requests_pathname_prefix="/",
    )
    app.renderer = ""  # assets/callbacks.mjs begins it, once what it calls by name is there
    # Relative addresses hold below every path; Dash takes them after its constructor alone.
    app.init_app(requests_pathname_prefix="./")
    offered = named([model for model in workspace.shelf.models() if model["offered"]])
    app.layout = page(workspace.shelf.first, offered)
    serve_well(server)
    guard_names(server, workspace.settings.allowed_hosts)
    limit_clients(server, Clients())
    access = Access(app, policy)
    register(app, workspace, access)
    server.register_blueprint(server_blueprint(workspace))
    server.register_blueprint(modules_blueprint(modules))
    server.register_blueprint(news_blueprint(workspace))
    server.register_blueprint(tile_blueprint(lambda: workspace.tiles, public=access.open))
    server.register_blueprint(uploads_blueprint(workspace, Uploads(workspace.settings.data, workspace.live)))
    server.register_blueprint(exports_blueprint(Exports(workspace), access))
    server.register_blueprint(transforms_blueprint(Transforms(workspace)))
    server.register_blueprint(inspection_blueprint(workspace, access))
    server.register_blueprint(review_blueprint(workspace))
    return app
