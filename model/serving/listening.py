"""How a server ceases to listen without a connection lost: none begins any more, and those begun are made and taken."""

from __future__ import annotations

import contextlib
import ctypes
import selectors
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

_SO_ATTACH_FILTER = 26  # of Linux's asm-generic/socket.h
_SYN_RECEIVED = "03"  # of /proc/net/tcp
_LOOK_S = 0.02


def take_the_last(listener: socket.socket, accept: Callable[[socket.socket], None], within_s: float) -> None:
    """Take every connection that its client holds for made, let none begin any more, and close.

    Where the kernel cannot (any but Linux), a connection that it makes between the last look and the close is reset.

    Args:
        listener: does not block.
        accept: takes one connection of a listener, if there is one.
        within_s: how long it may take.
    """
    begin_none(listener)
    end = time.monotonic() + within_s
    with selectors.DefaultSelector() as queue:
        queue.register(listener, selectors.EVENT_READ)
        # Of those that began before, the second half of a handshake may still be on its way.
        while time.monotonic() < end and (queue.select(_LOOK_S) or half_made(listener.getsockname()[1])):
            accept(listener)
    listener.close()


def begin_none(listener: socket.socket) -> bool:
    """Have the kernel drop what would begin a connection, and go on with those that are begun.

    Who is dropped tries again, after a second at first, and is refused then. Without this the kernel makes connections until
    the very close, and resets them then, whose clients have been told that they are through.

    Returns:
        whether it does.
    """
    if sys.platform != "linux":
        return False
    # Classic BPF over the TCP header (socket(7); flags: RFC 9293, section 3.1): SYN without ACK is dropped, all else let through.
    code = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
    steps = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in code))
    program = struct.pack("HP", len(code), ctypes.addressof(steps))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    except OSError:
        return False
    return True


def half_made(port: int) -> bool:
    """Return whether a connection to a port of this machine is begun and not made yet, as far as the kernel tells."""
    ends = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines():
                _, local, _, state, *_ = line.split(maxsplit=4)
                if state == _SYN_RECEIVED and local.endswith(ends):
                    return True
    return False
