"""How much one client may ask for: who is on another machine, and asks for everything, leaves some to the others."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from ipaddress import ip_address

from flask import Flask, request

from tiles.errors import EnoughError

REQUESTS_A_MINUTE = 6000
"""A map that is moved asks for some hundred tiles."""
BYTES_A_MINUTE = 2 << 30
"""Of bodies: images that are sent."""
_CLIENTS = 10_000


class Clients:
    """What each client has left of a minute's share: it comes back evenly, and a whole minute's may be used at once."""

    def __init__(self, requests: int = REQUESTS_A_MINUTE, sent: int = BYTES_A_MINUTE) -> None:
        self._most = (float(requests), float(sent))
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float, float]] = OrderedDict()  # requests, bytes, and when

    def take(self, client: str, sent: int, now: float) -> bool:
        """Take a request, with a body of so many bytes, of a client's share; return whether it had that much left.

        Args:
            client: its address.
            sent: bytes of the body.
            now: seconds, by the monotonic clock.
        """
        with self._lock:
            asks, bytes_, then = self._left.pop(client, (*self._most, now))
            minutes = (now - then) / 60
            asks, bytes_ = (min(m, left + m * minutes) for m, left in zip(self._most, (asks, bytes_), strict=True))
            enough = asks >= 1 and bytes_ >= min(sent, self._most[1])
            self._left[client] = (asks - 1, bytes_ - sent, now) if enough else (asks, bytes_, now)
            if len(self._left) > _CLIENTS:
                self._left.popitem(last=False)
            return enough


def limit_clients(app: Flask, clients: Clients) -> None:
    """Have an app answer 429 to a client on another machine that asks for more than its share.

    Whoever asks from this machine, as a proxy does for all its clients, has no limit here.
    """

    @app.before_request
    def require_share() -> None:
        client = request.environ.get("REMOTE_ADDR", "")
        if not _elsewhere(client):
            return
        if not clients.take(client, request.content_length or 0, time.monotonic()):
            raise EnoughError(
                f"More than {REQUESTS_A_MINUTE:,} requests, or {BYTES_A_MINUTE >> 20:,} MiB, came from here within a minute: "
                "wait a moment, then go on."
            )


def _elsewhere(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:  # a socket of another kind
        return False
    return not (getattr(found, "ipv4_mapped", None) or found).is_loopback
