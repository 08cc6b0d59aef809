"""The tiles of a base map that lies in a file, over HTTP."""

from __future__ import annotations

from base64 import b64decode

from flask import Blueprint, Response

from dashboard.basemaps.basemap import Basemap
from dashboard.basemaps.pictures import picture_of
from tiles.errors import LayerNotFoundError, UnreadableFileError
from tiles.http import lasting

# Where the file has no tile: one pixel, by which the page sees that it is none (assets/map/basemap.mjs).
_NOTHING = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def basemap_blueprint(basemap: Basemap | None, *, public: bool = True) -> Blueprint:
    """Return the route `/basemap/<revision>/<z>/<x>/<y>`.

    Args:
        basemap: the base map of the page.
        public: whether caches that several people share may keep its tiles.
    """
    routes = Blueprint("basemap", __name__, url_prefix="/basemap")

    @routes.get("/<revision>/<int:z>/<int:x>/<int:y>")
    def tile(revision: str, z: int, x: int, y: int) -> Response:
        if basemap is None or basemap.file is None:
            raise LayerNotFoundError("This server has no base map in a file: start it with --basemap FILE.")
        side = 1 << min(z, basemap.most)
        if not basemap.least <= z <= basemap.most or x >= side or y >= side:
            raise LayerNotFoundError(
                f"The base map has no tile {z}/{x}/{y}: it has zooms {basemap.least} to {basemap.most}."
            )
        found = basemap.file.tile(z, x, y)
        if found is None:
            return lasting(Response(_NOTHING, mimetype="image/gif"), public=public)
        picture = picture_of(found)
        if picture is None:
            raise UnreadableFileError(
                f"Tile {z}/{x}/{y} of {{file}} is no picture: make that file anew, or do without this tile.",
                file=basemap.file.path,
            )
        return lasting(Response(picture[0], mimetype=picture[1]), public=public)

    return routes
