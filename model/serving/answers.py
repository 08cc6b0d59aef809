"""Answers on their way to readers of any pace: what a reader does not take at once waits for it without a thread.

Bytes wait as they are, files by their descriptor. Who takes nothing for a while, or too little on the whole, is let go. Where
too much waits, the slowest are let go sooner, and further answers wait in their threads, of which some are left free.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

STALL_S = 20.0
"""An answer is given up where its reader takes nothing for so long."""
SLOWEST_READER_BYTES_S = 8 << 10
"""Or less than this in a second on the whole, after STALL_S."""
ONE_WAITS_BYTES = 16 << 20
"""Of one answer that is made piece by piece; its thread waits with what is more."""
ALL_WAIT_BYTES = 64 << 20
"""Of all answers; files do not count."""
SLOW_S = 5.0
"""Who has not taken an answer within it is the first to go where too much waits."""

_PIECE, _AT_ONCE = 256 << 10, 4  # handed to the kernel, and so many before others have their turn


class Room:
    """Counts the bytes of all answers that wait.

    Args:
        threads: how many may wait with an answer that has no room.
    """

    def __init__(self, threads: int) -> None:
        self.waiting = threading.BoundedSemaphore(threads)
        self._lock = threading.Lock()
        self._bytes = 0

    def add(self, count: int) -> None:
        """Count further bytes, or fewer."""
        with self._lock:
            self._bytes += count

    @property
    def full(self) -> bool:
        """Whether too much waits."""
        return self._bytes > ALL_WAIT_BYTES


@dataclass
class _File:
    """A part of a file; the descriptor is its own."""

    descriptor: int
    offset: int
    end: int


class Answer:
    """The socket of an answer, as gunicorn writes to one, and what of the answer waits for its reader.

    Args:
        sock: the connection's.
        room: of all answers.
    """

    def __init__(self, sock: socket.socket, room: Room) -> None:
        self._sock = sock
        self._room = room
        self._waits: deque[memoryview | _File] = deque()
        self._since = self._moved = self._until = 0.0
        self._bytes = 0

    @property
    def waits(self) -> bool:
        """Whether something has not been taken yet."""
        return bool(self._waits)

    def sendall(self, data: bytes) -> None:
        """Send all of it, as of a socket, now or as its reader takes it.

        Raises:
            ConnectionResetError: the reader is too slow, and there is no room to wait for it.
        """
        if data:
            self._wait_with(memoryview(data))
            self._count(len(data))
            self.push()
        if self._bytes and (self._bytes > ONE_WAITS_BYTES or self._room.full):
            self._push_here()

    def sendfile(self, file: Any, offset: int, count: int) -> None:
        """Send of a file, as of a socket, now or as its reader takes it."""
        if count:
            self._wait_with(_File(os.dup(file.fileno()), offset, offset + count))
            self.push()

    def push(self) -> None:
        """Send what the kernel takes now, or some of it.

        Raises:
            OSError: the reader has gone.
        """
        blocks = self._sock.getblocking()
        self._sock.setblocking(False)  # for os.sendfile, which has no flag for it
        try:
            for _ in range(_AT_ONCE):
                if not self._waits:
                    return
                self._send(self._waits[0])
        except (BlockingIOError, InterruptedError):
            pass
        finally:
            self._sock.setblocking(blocks)

    def too_slow(self) -> bool:
        """Return whether its reader has had its time; where there is no room, that is short."""
        now = time.monotonic()
        if self._bytes and self._room.full and now > self._since + SLOW_S:
            return True
        return self.waits and (now > self._moved + STALL_S or now > self._until)

    def drop(self) -> None:
        """Let go of what waits."""
        while self._waits:
            part = self._waits.popleft()
            if isinstance(part, _File):
                os.close(part.descriptor)
        self._count(-self._bytes)

    def _count(self, count: int) -> None:
        self._bytes += count
        self._room.add(count)

    def _wait_with(self, part: memoryview | _File) -> None:
        if not self._waits:  # what the application needs to make the answer is not its reader's time
            self._since = self._moved = time.monotonic()
            self._until = max(self._until, self._moved + STALL_S)
        self._waits.append(part)

    def _send(self, part: memoryview | _File) -> None:
        if isinstance(part, _File):
            count = min(_PIECE, part.end - part.offset)
            sent = os.sendfile(self._sock.fileno(), part.descriptor, part.offset, count)
            if not sent:
                raise ConnectionResetError(errno.ECONNRESET, "the file has become shorter")
            part.offset += sent
            if part.offset == part.end:
                self._waits.popleft()
                os.close(part.descriptor)
        else:
            sent = self._sock.send(part[:_PIECE])
            self._count(-sent)
            self._waits[0] = part[sent:]
            if sent == len(part):
                self._waits.popleft()
        self._moved = time.monotonic()
        self._until += sent / SLOWEST_READER_BYTES_S

    def _push_here(self) -> None:
        """Wait in this thread until its reader has taken all that waits."""
        if not self._room.waiting.acquire(blocking=False):
            raise ConnectionResetError(errno.ECONNRESET, "too many threads wait with answers for slow readers")
        try:
            while self.waits:
                select.select([], [self._sock], [], 1.0)
                self.push()
                if self.too_slow():
                    raise ConnectionResetError(errno.ECONNRESET, "its reader is too slow")
        finally:
            self._room.waiting.release()
