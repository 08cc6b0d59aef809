"""A port for a server that takes no socket and cannot choose one itself."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

_GIVEN = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 10_000, 32_768


def free_port() -> int:
    """Return a port that nobody has, out of those that the system gives to nobody by itself: free until it is taken."""
    given = int(_GIVEN.read_text().split()[0]) if _GIVEN.exists() else _HIGHEST
    while True:
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", random.SystemRandom().randrange(_LOWEST, max(given, _LOWEST + 1_000))))
            return int(free.getsockname()[1])
