"""The tile service over HTTP: XYZ tiles and TileJSON, as a Flask blueprint."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request

from tiles.drawing.layers import Options
from tiles.drawing.service import TileService
from tiles.errors import LayerNotFoundError, UsageError
from tiles.http import errors_as_json, lasting

# The address of a tile behind its revision. Eight digits hold zoom 22; longer numbers are not worth parsing.
_ADDRESS = re.compile(r"([0-9]{1,8})/([0-9]{1,8})/([0-9]{1,8})(?:@([0-9])x)?\.png")


def tile_blueprint(service: Callable[[], TileService], *, public: bool = True) -> Blueprint:
    """Return the routes `/tiles/...`: tiles, TileJSON, and JSON for everything that is neither.

    Args:
        service: gives the service at each request.
        public: whether everybody may see the tiles: scripts of other pages, and caches that several people share.
    """
    tiles = Blueprint("tiles", __name__, url_prefix="/tiles")

    errors_as_json(tiles)
    if public:

        @tiles.after_request
        def _share(response: Response) -> Response:
            response.headers["Access-Control-Allow-Origin"] = "*"  # for maps on other pages
            return response

    @tiles.get("/<layer>/<chip>/tilejson.json")
    def tilejson(layer: str, chip: str) -> Response:
        root = f"{request.host_url.rstrip('/')}{quote(request.root_path)}/tiles"
        response = jsonify(service().tilejson(layer, chip, root, asked=_options()))
        response.headers["Cache-Control"] = "no-cache"
        return response

    @tiles.get("/<layer>/<chip>/<revision>/<path:address>")
    def tile(layer: str, chip: str, revision: str, address: str) -> Response:
        place = _ADDRESS.fullmatch(address)
        if place is None:
            raise LayerNotFoundError(
                f"There is no tile {address[:40]!r}: ask for {{z}}/{{x}}/{{y}}.png, or {{y}}@2x.png."
            )
        z, x, y, scale = (int(number or 1) for number in place.groups())
        made = service().tile(layer, chip, revision, z, x, y, scale=scale, asked=_options())
        response = Response(made.data, mimetype="image/png")
        response.set_etag(made.etag)
        lasting(response, public=public).make_conditional(request)
        return response

    @tiles.get("/", defaults={"rest": ""})
    @tiles.get("/<path:rest>")
    def nothing(rest: str) -> Response:
        raise LayerNotFoundError(
            f"Nothing is at {quote(rest[:40])!r}: tiles are at LAYER/CHIP/REVISION/{{z}}/{{x}}/{{y}}.png, and "
            "LAYER/CHIP/tilejson.json tells the revision."
        )

    return tiles


def _options() -> Options:
    """Return the options of the present request.

    Raises:
        UsageError: one has a value that it cannot have.
    """
    text = request.args.get("threshold", "0.5")
    try:
        threshold = float(text)
    except ValueError:
        threshold = math.nan
    if not 0.0 <= threshold <= 1.0:
        raise UsageError(f"threshold={text[:20]} is not a probability: give a number from 0 to 1.")
    nodata = request.args.get("nodata", "transparent")
    if nodata not in {"transparent", "yellow"}:
        raise UsageError(f"nodata={nodata[:20]} is not a way to draw pixels without data: give transparent or yellow.")
    return Options(threshold, "yellow" if nodata == "yellow" else "transparent")
