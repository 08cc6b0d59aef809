"""What all routes have in common: bodies, errors, how long answers are kept, compression, and headers of security."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from typing import Any

from dash.exceptions import DependencyException, InvalidResourceError
from flask import Flask, Response, g, request
from flask.json.provider import DefaultJSONProvider
from flask_compress import Compress

from tiles.cache import BoundedCache
from tiles.errors import TooLargeError, UsageError
from tiles.http import error_answer, errors_as_json, lasting, tell_defects
from tiles.places import ASSETS
from tiles.sentences import named

# Everything comes from this server: no request leaves the machine, whatever a label or file name says.
# Dash writes its configuration as inline scripts, and ag-grid and Mantine write styles.
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-ancestors 'self'"
)
_NEVER_GUESS = {"X-Content-Type-Options": "nosniff"}
_JSON = "application/json"
_PACKED_TYPES = (
    *("text/html", "text/css", "text/plain", "text/csv", "text/javascript", "application/javascript"),
    *("application/json", "application/geo+json", "image/svg+xml"),
)
_COMPRESSION = {
    "COMPRESS_ALGORITHM": ["br", "gzip"],
    "COMPRESS_ALGORITHM_STREAMING": ["br"],
    "COMPRESS_STREAMING_ENDPOINT_CONDITIONAL": ["_dash_assets.static"],
    # Brotli's 9 takes 0.3 s for all that a first visit asks for, and leaves 3 % less of it than 5 does in 0.1 s.
    "COMPRESS_BR_LEVEL": 9,
    "COMPRESS_MIMETYPES": _PACKED_TYPES,
}
_PACKED_BYTES = 4 << 20
# Policies hold for a page, a worker or a picture opened by itself; with each script they would be a third of a kilobyte.
_NO_PAGES = ("text/javascript", "application/javascript", "text/css")
_WORLD = "/assets/countries.geojson"
"""The largest file that never changes; assets/sources/make_countries.py packs it once, and takes its time."""
CHIPS_BYTES = 8 << 20
"""Room for the ids of some hundred thousand chips."""


def json_object(what: str, most: int = 1 << 20) -> dict[str, Any]:
    """Return the present request's body, a JSON object.

    Args:
        what: what is asked for in it, as the end of a sentence.
        most: the most bytes that are taken in.

    Raises:
        UsageError: it is none.
        TooLargeError: it has more bytes.
    """
    if (request.content_length or 0) > most:
        raise TooLargeError(f"The request is larger than {most >> 20} MB: ask for less at once.")
    request.max_content_length = most
    try:
        body = request.get_json(force=True, silent=True)
    except RecursionError:
        body = None
    if not isinstance(body, dict):
        raise UsageError(f"The request holds no JSON object: send one, {what}.")
    return body


class _NamedFiles(DefaultJSONProvider):
    """JSON in which every sentence calls its files by their names: no path of this machine is sent."""

    def dumps(self, obj: Any, **options: Any) -> str:
        return super().dumps(named(obj), **options)


class _Packed:
    """What was packed once, by a hash of what it was: the page is the same for everybody, and packing takes most of its time."""

    def __init__(self) -> None:
        self._kept = BoundedCache[bytes](_PACKED_BYTES, len)

    def get(self, key: str) -> bytes | None:
        """Return what is kept, else None."""
        return self._kept.held(key)

    def set(self, key: str, packed: bytes) -> None:
        """Keep it."""
        self._kept.get(key, lambda: packed)


def serve_well(app: Flask, *, images: Iterable[str] = (), data: Iterable[str] = ()) -> None:
    """Have all answers of an app share what is said in this module.

    Args:
        app: the app.
        images: origins from which the page may have pictures beside this server; it may have nothing else from there.
        data: and those that its scripts may ask for data.
    """
    policy = _POLICY
    for what, origins in (("img-src", images), ("connect-src", data)):
        policy = policy.replace(f"{what} 'self'", " ".join(filter(None, (f"{what} 'self'", *dict.fromkeys(origins)))))
    policies = {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}
    app.json = _NamedFiles(app)
    errors_as_json(app)
    app.config.update(_COMPRESSION, COMPRESS_CACHE_BACKEND=_Packed, COMPRESS_CACHE_KEY=lambda _: g.content)
    Compress(app)
    tell_defects(app)

    @app.before_request
    def forget_what_is_not_wanted() -> None:  # what packs the answers takes "gzip;q=0", which refuses it, for a wish
        if "HTTP_ACCEPT_ENCODING" in request.environ:
            wanted = (f"{coding};q={quality:g}" for coding, quality in request.accept_encodings if quality > 0)
            request.environ["HTTP_ACCEPT_ENCODING"] = ", ".join(wanted)

    @app.errorhandler(InvalidResourceError)
    @app.errorhandler(DependencyException)
    def no_such_file(_: Exception) -> Response:
        return error_answer("NotFound", "The page has no file of that name: reload it.", 404)

    @app.after_request
    def know(response: Response) -> Response:  # before it is packed: what is registered last is called first
        if not response.is_streamed and response.mimetype in _PACKED_TYPES:
            g.content = blake2b(response.get_data()).hexdigest()
        return response

    @app.after_request
    def finish(response: Response) -> Response:
        if response.mimetype == _JSON and not response.direct_passthrough:
            response.headers.setdefault("Cache-Control", "no-store")
        # The page names its own scripts and styles with the time of their last change, so a browser need not ask again.
        if request.path.startswith("/assets/") and "m" in request.args and response.status_code == 200:
            lasting(response, public=True)
            for name in ("Content-Disposition", "Accept-Ranges"):  # of a file that is saved, or fetched in parts
                response.headers.pop(name, None)
        if request.path == _WORLD and response.status_code == 200 and request.accept_encodings.quality("br") > 0:
            _give_packed_world(response)
        for name, value in (_NEVER_GUESS if response.mimetype in _NO_PAGES else _NEVER_GUESS | policies).items():
            response.headers.setdefault(name, value)
        return response


def _give_packed_world(response: Response) -> None:
    response.direct_passthrough = False
    response.set_data(_packed_world())
    response.headers["Content-Encoding"] = "br"
    response.vary.add("Accept-Encoding")


@cache
def _packed_world() -> bytes:
    return (ASSETS / "countries.geojson.br").read_bytes()
