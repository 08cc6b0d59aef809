"""Behind a proxy or below a path: the address that a person's browser has, which the server itself does not see.

The page asks for everything by relative addresses, so it works below any path. What is told here serves the addresses that
must be whole (TileJSON), and proxies that leave their path in front of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from tiles.errors import UsageError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Network = IPv4Network | IPv6Network

PREFIX_VARIABLES = ("FLOODSCOPE_URL_PREFIX", "DASH_URL_BASE_PATHNAME", "DASH_REQUESTS_PATHNAME_PREFIX")
"""Environment variables that name the prefix; the last two are Dash's own."""

# What a path of an address may hold as it is; ?, # and a lone % mean something else (RFC 3986, 3.3).
_SAFE = "!$&'()*+,;=:@/-%?#"
_PATH = re.compile(r"(?:[^%?#]|%[0-9A-Fa-f]{2})*")
_THIS_MACHINE = ("127.0.0.0/8", "::1/128")
# Where JupyterHub says below which path a person's server is reached.
_HUB = "JUPYTERHUB_SERVICE_PREFIX"


def url_prefix(text: str) -> str:
    """Return the path below which the page is reached in one form: a slash at both ends, percent-encoded; "/" for none.

    Raises:
        UsageError: it is no path.
    """
    bare = text.strip().strip("/")
    path = f"/{quote(bare, safe=_SAFE)}/" if bare else "/"
    if not _PATH.fullmatch(path) or "//" in path or any(part in {".", ".."} for part in path.split("/")):
        raise UsageError(
            f"{text[:80]!r} is no path below which a page is reached: give its path alone, such as /flood/ (without https://, "
            "host, ? or #)."
        )
    return path


def hub_prefixes(environment: Mapping[str, str], port: int) -> tuple[str, ...]:
    """Return the paths at which JupyterHub's jupyter-server-proxy gives a person this port; none outside of a hub.

    The first is the one that it takes off before it asks, the second the one that it leaves on (`proxy/absolute`).
    """
    try:
        base = url_prefix(environment.get(_HUB, "/"))
    except UsageError:
        return ()
    return () if base == "/" else (f"{base}proxy/{port}/", f"{base}proxy/absolute/{port}/")


def networks(addresses: Iterable[str]) -> tuple[Network, ...]:
    """Return this machine's own addresses, and those of further proxies that are trusted; "*" is every one.

    Raises:
        UsageError: one is no address, as 10.0.0.7, and no network, as 10.0.0.0/8.
    """
    found = [ip_network(own) for own in _THIS_MACHINE]
    for address in addresses:
        try:
            found += map(ip_network, ("0.0.0.0/0", "::/0") if address == "*" else (address,))
        except ValueError as error:
            raise UsageError(
                f"{address[:80]!r} is no address of a proxy: give one like 10.0.0.7, a network like 10.0.0.0/8, or *."
            ) from error
    return tuple(found)


class Mounted:
    """A WSGI application that is reached below a path, or through proxies.

    Asked below one of its prefixes, it takes the prefix off: such are proxies that leave it on. Asked without, it answers
    the same: such are proxies that take it off, health checks, and who asks directly. X-Forwarded-Prefix, -Host and
    -Proto are heard from trusted addresses alone, and of each its last value, which the nearest proxy has set.
    """

    def __init__(self, app: WSGIApplication, prefixes: Sequence[str], trusted: Sequence[Network]) -> None:
        """Mount an application.

        Args:
            app: what answers.
            prefixes: as `url_prefix` returns them; the first is taken for the page's where a request does not tell.
            trusted: where proxies that are believed ask from.
        """
        from werkzeug.middleware.proxy_fix import ProxyFix  # noqa: PLC0415 - the command line reads this module too

        self._app = app
        self._fixed: WSGIApplication = ProxyFix(app, x_for=0, x_proto=1, x_host=1)
        self._prefixes = tuple(_root(prefix) for prefix in prefixes if prefix != "/")
        self._trusted = tuple(trusted)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        trusted = self._trusts(environ.get("REMOTE_ADDR", ""))
        told = _forwarded(environ) if trusted else None
        roots = (told, *self._prefixes) if told else self._prefixes
        path: str = environ.get("PATH_INFO", "")
        if path in roots:
            # Relative, since who asks knows the address and we may not.
            query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
            start_response(
                "307 Temporary Redirect", [("Location", f"./{_last(path)}/{query}"), ("Content-Length", "0")]
            )
            return []
        root = next((root for root in roots if path.startswith(f"{root}/")), None)
        if root is not None:
            environ["PATH_INFO"] = path[len(root) :]
        if roots:
            environ["SCRIPT_NAME"] = root or roots[0]
        return (self._fixed if trusted else self._app)(environ, start_response)

    def _trusts(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:  # a socket of another kind
            return False
        plain = found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
        return any(plain in network for network in self._trusted if network.version == plain.version)


def _root(prefix: str) -> str:
    """Return a prefix as WSGI writes a path: unquoted, its bytes as Latin-1, without a slash at the end (PEP 3333)."""
    return unquote_to_bytes(prefix.rstrip("/")).decode("latin-1")


def _last(path: str) -> str:
    return quote(path.rpartition("/")[2].encode("latin-1"))


def _forwarded(environ: WSGIEnvironment) -> str | None:
    """Return the path that the nearest proxy says it has taken off; None where it says none, or nonsense."""
    try:
        return _root(url_prefix(environ.get("HTTP_X_FORWARDED_PREFIX", "").rpartition(",")[2])) or None
    except UsageError:
        return None
