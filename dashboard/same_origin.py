"""Only the dashboard's own page may change something: what other pages make a browser send is refused."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request

from tiles.errors import ForeignRequestError

HEADER = "X-Floodscope"
"""A header that no form and no link can send: another page's script would have to ask first, and is told no."""


def require_same_origin() -> None:
    """Raise unless the present request comes from this server's page, or from a program that says what it means.

    Raises:
        ForeignRequestError: it comes from another site, or lacks the header that the page sends.
    """
    site, origin = request.headers.get("Sec-Fetch-Site", "same-origin"), request.headers.get("Origin")
    foreign = site not in {"same-origin", "none"} or (origin is not None and urlsplit(origin).netloc != request.host)
    if foreign:
        raise ForeignRequestError("This was asked by another page: open the dashboard itself, and do it there.")
    if HEADER not in request.headers:
        raise ForeignRequestError(
            f"The header {HEADER} is missing: the dashboard's page sends it, and a program must too."
        )
