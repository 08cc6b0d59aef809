"""What all routes have in common: bodies, errors, how long answers are kept, compression, and headers of security."""

from __future__ import annotations

import gzip
from typing import Any

from flask import Flask, Response, request

from tiles.catalog.public import PublicText
from tiles.errors import TooLargeError, UsageError
from tiles.http import errors_as_json, lasting

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
_JSON = "application/json"
_TEXTS = frozenset({_JSON, "text/plain"})
_WORTH_PACKING = 4096
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


def serve_well(app: Flask, public: PublicText) -> None:
    """Have all answers of an app share what is said in this module.

    Args:
        app: the app.
        public: takes this machine's folders out of what is sent.
    """
    errors_as_json(app, str)

    @app.after_request
    def finish(response: Response) -> Response:
        _tell_no_folder(response, public)
        if response.mimetype == _JSON and not response.direct_passthrough:
            response.headers.setdefault("Cache-Control", "no-store")
            _pack(response)
        # The page names its own scripts and styles with the time of their last change, so a browser need not ask again.
        if request.path.startswith("/assets/") and "m" in request.args and response.status_code == 200:
            lasting(response, public=True)
        for name, value in _SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _tell_no_folder(response: Response, public: PublicText) -> None:
    """Take this machine's folders out of an answer, whoever wrote its sentences."""
    if response.mimetype in _TEXTS and not response.direct_passthrough:
        data = response.get_data()
        told = public.of_bytes(data)
        if told is not data:
            response.set_data(told)


def _pack(response: Response) -> None:
    """Pack a long answer where the browser can unpack it: catalogs, counts and histograms repeat themselves."""
    response.vary.add("Accept-Encoding")
    data = response.get_data()
    if len(data) > _WORTH_PACKING and request.accept_encodings["gzip"] > 0:
        response.set_data(gzip.compress(data, 1))
        response.content_encoding = "gzip"
