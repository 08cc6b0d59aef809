"""By which names the server may be asked: a page elsewhere can have its own name lead to this machine (DNS rebinding)."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address

from flask import Flask, request
from werkzeug.sansio.utils import host_is_trusted

from tiles.errors import HostError, UsageError
from tiles.sentences import shown

ANY = "*"
_LOCAL = ("localhost", ".localhost")
_NAMED = 80


def guard_names(app: Flask, allowed: Iterable[str]) -> None:
    """Have an app answer 421 to whoever asks it by a name that is not its own.

    Its own are `localhost`, this machine's name, every bare address, and those that are given. A bare address is nobody's to
    lead elsewhere; a name is its owner's, whose page in a browser may then read what the same name answers. What counts is
    Host, which no script can choose. The X-Forwarded-Host of a trusted proxy that asks by one of these names is the name that
    people see: any is taken, and where names are given, one of them.

    Args:
        app: the application.
        allowed: further names, "*" for any; ".flood.example" is every name below it.

    Raises:
        UsageError: one of them is an address of a page, or nothing.
    """
    # An address is everybody's already, that of --host as any: it names nothing that people must open the page by.
    given = [name for name in map(_name, allowed) if not _is_address(name)]
    names = [*_LOCAL, socket.gethostname().lower(), *given]

    @app.before_request
    def require_own_name() -> None:
        if ANY in names:
            return
        forwarded = request.environ.get("HTTP_HOST")
        asked = request.environ.get("werkzeug.proxy_fix.orig", {}).get("HTTP_HOST") or forwarded
        for host in map(str.lower, filter(None, (asked, forwarded if given else None))):
            if not _is_address(host) and not host_is_trusted(host, names):
                name = shown(host.rpartition(":")[0] or host)[:_NAMED]
                raise HostError(
                    f"This server does not go by the name {name}: open it by its address, as "
                    f"http://127.0.0.1:{request.environ.get('SERVER_PORT', 8050)}/, or start it with --allowed-host {name}."
                )


def _name(said: str) -> str:
    """Return a name that is given, in lower case; raises UsageError for what can be no name: it would be asked for by nobody."""
    name = said.strip().lower()
    bare = name.partition("://")[2] or name
    bare = bare.partition("/")[0]
    if not bare or bare != name or any(letter.isspace() for letter in name):
        advice = (
            f"give the name alone, as --allowed-host {shown(bare)[:_NAMED]}" if bare else "give one, as flood.example"
        )
        raise UsageError(f"{said[:_NAMED]!r} is no name of a host: {advice}.")
    return name


def _is_address(host: str) -> bool:
    bare = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
    try:
        ip_address(bare)
    except ValueError:
        return False
    return True
