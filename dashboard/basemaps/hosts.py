"""Which hosts the layers that people add to the map may come from: those that are named when the server is started."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from tiles.errors import UsageError

_HOST = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?|\[[0-9a-f:.]+\]"
)
_PORTS = {"https": 443, "http": 80}


def layer_hosts(named: Iterable[str]) -> tuple[str, ...]:
    """Return the origins of hosts, as a browser writes them, each once.

    Args:
        named: HOST, HOST:PORT (of https), or https://HOST:PORT or http://HOST:PORT.

    Raises:
        UsageError: one is no host.
    """
    return tuple(dict.fromkeys(map(_origin, named)))


def _origin(said: str) -> str:
    text = said.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = _written(parts.hostname or ""), parts.port
    except ValueError:  # a port that is no number, a name that is none
        host, port, parts = "", None, urlsplit("")
    rest = parts.path.rstrip("/") or parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or rest or text.endswith(":"):
        raise UsageError(
            f"--layer-host {said!r} is no host: give its name alone, as tiles.example.org, with a port as "
            "tiles.example.org:8443, or with http:// before it where it has no https."
        )
    return f"{parts.scheme}://{host}" + ("" if port in {None, _PORTS[parts.scheme]} else f":{port}")


def _written(host: str) -> str:
    if ":" in host:
        return f"[{host}]"
    return host.encode("idna").decode() if host else ""
