"""Addresses of the network: what is one, how it is written in a message, and which machines may be asked."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from urllib.parse import SplitResult, urlsplit, urlunsplit

from tiles.errors import ArchiveError, AwayError
from tiles.sentences import shown

HOSTS_VARIABLE = "FLOODSCOPE_ARCHIVE_HOSTS"
"""Environment variable: HOST:PORT of servers in one's own network that archives may point at, separated by commas."""

_NAMED = "floodscope-named"
_SCHEMES = ("http", "https", "s3")
# pathlib makes one slash of two, so that https://host/x has become https:/host/x before anybody can look at it.
_WRITTEN = re.compile(r"(stac:)?(https?|s3):/{1,2}(?=[^/])", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def is_address(path: str) -> bool:
    """Return whether an asset's path, or a source, is an address that is read over the network."""
    return path[:8].lower().startswith(("http://", "https://", "s3://"))


def mended(source: str) -> str:
    """Return a source's address as it was written: a path that it went through has made one slash of two."""
    found = _WRITTEN.match(source)
    return f"{found[1] or ''}{found[2].lower()}://{source[found.end() :]}" if found else source


def said(url: str) -> str:
    """Return an address for a message: without its query, which may hold a signature, and without a user's name."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return shown(urlunsplit((parts.scheme, host, parts.path, "", "")))


def named(url: str) -> str:
    """Return an address that the user has named: its machine may be one of the own network."""
    return f"{bare(url)}#{_NAMED}"


def bare(url: str) -> str:
    """Return an address without the mark of `named`, or any other fragment; its scheme in small letters."""
    scheme, colon, rest = url.partition("#")[0].partition(":")
    return f"{scheme.lower()}{colon}{rest}"


def machine(url: str) -> tuple[str, int]:
    """Return host and port of an address.

    Raises:
        ArchiveError: it has none, or is of another kind.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = SplitResult("", "", "", "", ""), None, None
    if parts.scheme not in _SCHEMES or not host:
        raise ArchiveError(
            f"{shown(url)[:120]} is no address that is read here: archives are read over https, http and s3 alone."
        )
    if parts.username is not None or parts.password is not None:
        raise ArchiveError(
            f"{said(url)} holds a user's name: give an address without one, and a signer or the variables of AWS for access."
        )
    return host.lower(), port or _PORTS.get(parts.scheme, 443)


class Reach:
    """Which machines may be asked on behalf of one address.

    Any machine of the open network may. One of the own network or this machine may only where the user has named it, port
    included: nothing that an archive or a redirect says leads there otherwise.
    """

    def __init__(self, url: str) -> None:
        """Take an address, marked by `named` where the user has named it."""
        own = os.environ.get(HOSTS_VARIABLE, "")
        self._own = {word.strip().lower() for word in own.split(",") if word.strip()}
        if url.partition("#")[2] == _NAMED and not url.startswith("s3:"):
            host, port = machine(bare(url))
            self._own.add(f"{host}:{port}")
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if url.startswith("s3:") and endpoint:
            self._own.add("{}:{}".format(*machine(endpoint)))

    def require(self, url: str) -> list[str]:
        """Return the network addresses of a URL's machine, those that may be asked.

        Raises:
            ArchiveError: it has none, or is of the own network and was not named.
        """
        host, port = machine(url)
        try:
            found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError) as error:
            raise AwayError(
                f"{said(url)} cannot be asked: no machine is called {shown(host)}, check the address and the network."
            ) from error
        if f"{host}:{port}" in self._own:
            return sorted(found, key=lambda address: (":" in address, address))
        inside = sorted(address for address in found if not _is_open(address))
        if inside:
            raise ArchiveError(
                f"{said(url)} leads to a machine of this network ({shown(host)}:{port}), which nobody has named: it is not "
                f"asked. Where that is meant, set {HOSTS_VARIABLE}={shown(host)}:{port}."
            )
        return sorted(found, key=lambda address: (":" in address, address))


def _is_open(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(parsed, "ipv4_mapped", None) or parsed
    return bool(inner.is_global and not inner.is_multicast)
