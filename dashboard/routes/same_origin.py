"""Only the dashboard's own page may have something done: what other pages make a browser send is refused."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request

from tiles.errors import ForeignRequestError

HEADER = "X-Floodscope"
"""A header that no form and no link can send: another page's script would have to ask first, and is told no."""


def require_same_origin() -> None:
    """Raise where the present request was made by another site's page; a program that is no browser says no origin.

    A browser that says "same-origin" has compared the page's address with the one that it asks, whatever proxies there are
    between. Browsers say so only over https and to this machine; else the page's address is compared with the one asked for.

    Raises:
        ForeignRequestError: it was.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in {None, "same-origin", "none"} or (site is None and origin is not None and not _ours(origin)):
        raise ForeignRequestError(
            "This was asked by another page: open the dashboard itself, and do it there. (Behind a proxy: have it send the "
            "headers Host or X-Forwarded-Host.)"
        )


def require_header() -> None:
    """Raise unless the present request has the header that the page sends.

    Raises:
        ForeignRequestError: it has not.
    """
    if HEADER not in request.headers:
        raise ForeignRequestError(
            f"The header {HEADER} is missing: the dashboard's page sends it, and a program must too."
        )


def _ours(origin: str) -> bool:
    """Return whether an origin is the host that was asked, by itself or through a trusted proxy."""
    asked = (request.host, request.environ.get("werkzeug.proxy_fix.orig", {}).get("HTTP_HOST"))
    parts = urlsplit(origin)
    return bool(parts.netloc) and _plain(parts.netloc) in {_plain(host) for host in asked if host}


def _plain(host: str) -> str:
    """Return a host without the ports that browsers leave out."""
    return host.lower().removesuffix(":443").removesuffix(":80")
