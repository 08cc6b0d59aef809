"""The app factory: Dash on Flask over one workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import Dash
from flask import Flask

from dashboard.exports.jobs import Exports
from dashboard.html import Page
from dashboard.page.callbacks import register
from dashboard.page.layout.page import page
from dashboard.routes.access import Access, Everybody, Policy
from dashboard.routes.basemap import basemap_blueprint
from dashboard.routes.catalog import catalog_blueprint
from dashboard.routes.exports import exports_blueprint
from dashboard.routes.ground import ground_blueprint
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
from tiles.drawing.blueprint import tile_blueprint
from tiles.places import ASSETS
from tiles.sentences import named

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace


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
    offered = [model for model in workspace.shelf.models() if model["offered"]]
    app = Page(
        modules,
        workspace.settings,
        offered,
        server=server,
        assets_folder=str(ASSETS),
        assets_ignore=r"sources|README|\.mjs$|\.br$|^(paper|layers)\.css$",  # assets/page/sheets.mjs brings them
        title="floodscope",
        update_title=None,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1, viewport-fit=cover"}],
        suppress_callback_exceptions=True,
        routes_pathname_prefix="/",
        requests_pathname_prefix="/",
    )
    app.renderer = ""  # assets/callbacks.mjs begins it, once what it calls by name is there
    # Relative addresses hold below every path; Dash takes them after its constructor alone.
    app.init_app(requests_pathname_prefix="./")
    app.layout = page(workspace.shelf.first, named(offered))
    basemap, layers = workspace.settings.basemap, workspace.settings.layer_hosts
    serve_well(server, images=(basemap.origin if basemap else "", *layers), data=layers)
    guard_names(server, workspace.settings.allowed_hosts)
    limit_clients(server, Clients())
    access = Access(app, policy)
    register(app, workspace, access)
    server.register_blueprint(server_blueprint(workspace))
    server.register_blueprint(ground_blueprint())
    server.register_blueprint(basemap_blueprint(basemap, public=access.open))
    server.register_blueprint(modules_blueprint(modules))
    server.register_blueprint(catalog_blueprint(workspace))
    server.register_blueprint(news_blueprint(workspace))
    server.register_blueprint(tile_blueprint(lambda: workspace.tiles, public=access.open))
    server.register_blueprint(uploads_blueprint(workspace, Uploads(workspace.settings.data, workspace.live), app.mark))
    server.register_blueprint(exports_blueprint(Exports(workspace), access))
    server.register_blueprint(transforms_blueprint(Transforms(workspace)))
    server.register_blueprint(inspection_blueprint(workspace, access))
    server.register_blueprint(review_blueprint(workspace))
    return app
