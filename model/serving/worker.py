"""gunicorn's threads, which no slow client holds: a thread is given to a request that has come, not to one that is coming.

Connections wait in one loop, which costs them a few kilobytes, until the head of a request and a small body are there. Larger
bodies are read in a thread as they come, by some of the threads alone, within a time that grows with their length, and so are
answers sent. Told to stop,
the worker goes on for a moment: who is here gets an answer, and who comes is told.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import resource
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

HELD_BYTES = 64 << 10
"""The largest head, and the largest body, that is waited for without a thread."""
HEAD_S = 20.0
"""So long a head, or a small body, may take from its first byte; and so long a new connection may say nothing."""
STALL_S, SLOWEST_BYTES_S = 20.0, 32 << 10
"""A larger body is given up where nothing comes for so long, or less in a second on the whole."""
SLOWEST_READER_BYTES_S = 8 << 10
"""An answer is given up where its reader takes nothing for STALL_S, or less in a second on the whole."""
UNTOLD_BYTES = 64 << 20
"""A body in chunks, which does not tell its length, has the time of so many."""
CONNECTIONS = 4000
LAME_DUCK_S = 1.0
"""So long a stopping server still takes connections: clients that are told, or answered, lose nothing."""
SPARE_THREADS = 12
"""Threads that large bodies leave to others."""

_M_ARENA_MAX = -8  # of malloc.h
_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:", re.IGNORECASE)  # its sender waits to be asked for the body
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_LAST_CHUNK = b"0\r\n\r\n"


class _Coming:
    """What has come of a request, and until when the rest must."""

    def __init__(self, seconds: float) -> None:
        self.data = bytearray()
        self.until = time.monotonic() + seconds
        self.large = 0  # bytes of a body that a thread reads

    def whole(self) -> bool:
        """Return whether a thread has something to do: a request, a large body, or what is none and is refused."""
        end = self.data.find(_HEAD_ENDS)
        if end < 0:
            return len(self.data) > HELD_BYTES
        head, body = bytes(self.data[: end + 2]), len(self.data) - end - len(_HEAD_ENDS)
        length, asks = _LENGTH.search(head), _EXPECTS.search(head) is not None
        if _CHUNKED.search(head):
            self.large = UNTOLD_BYTES if asks or body > HELD_BYTES else 0
            return bool(self.large) or self.data.endswith(_LAST_CHUNK)
        size = int(length[1]) if length else 0
        self.large = size if asks or size > HELD_BYTES else 0
        return bool(self.large) or body >= size


class _Paced:
    """The socket of an answer: who reads it too slowly loses the connection, not this server a thread.

    A reader has STALL_S, and further time for what it takes. What the application needs to make the answer is not its time.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._left = STALL_S

    def sendall(self, data: bytes) -> None:
        """Send all of it, as of a socket."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._timed(partial(self._sock.send, rest[:HELD_BYTES])) :]

    def sendfile(self, file: Any, offset: int, count: int) -> None:
        """Send of a file, as of a socket, whose own would wait for ever for a reader that takes nothing."""
        end = offset + count
        while offset < end:
            sent = self._timed(
                partial(os.sendfile, self._sock.fileno(), file.fileno(), offset, min(HELD_BYTES, end - offset))
            )
            if not sent:
                raise ConnectionResetError(errno.ECONNRESET, "the file has become shorter")
            offset += sent

    def _timed(self, send: Callable[[], int]) -> int:
        self._sock.setblocking(True)  # whoever read the body may have set a time of its own
        begun = time.monotonic()
        try:
            sent = send()
        except (BlockingIOError, TimeoutError):  # the kernel's own limit, STALL_S
            sent, self._left = 0, 0.0
        self._left += sent / SLOWEST_READER_BYTES_S - (time.monotonic() - begun)
        if self._left < 0:
            raise ConnectionResetError(errno.ECONNRESET, "its reader is too slow")
        return sent


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """The worker of this module. Attributes that begin with a letter are gunicorn's."""

    wsgi: Any
    application: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._coming: dict[TConn, _Coming] = {}
        self._reading: dict[TConn, float] = {}  # large bodies in a thread, and until when they may take
        self._queued: deque[TConn] = deque()  # large bodies that no thread is free for
        self._stopping = False

    def init_process(self) -> None:
        """Let the process have as many connections as it may, and few heaps."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 2 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(2 * CONNECTIONS, hard)
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        # Each thread's heap keeps what it once needed; two heaps of glibc's for all threads keep a quarter less, as quickly.
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Wait for a request where gunicorn would give the connection a thread."""
        coming = _Coming(HEAD_S)
        conn.sock.setblocking(False)
        self._coming[conn] = coming
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._came, conn))

    def _came(self, conn: TConn, _: object) -> None:
        coming = self._coming[conn]
        try:
            part = conn.sock.recv(HELD_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            part = b""
        coming.data += part
        if part and not coming.whole():
            return
        self._stop_waiting(conn)
        if not part and not coming.data:
            self._drop(conn)
        elif coming.large and len(self._reading) >= max(1, self.cfg.threads - SPARE_THREADS):
            self._coming[conn] = coming  # nothing is read of it meanwhile; it is timed from now on as one that comes
            self._queued.append(conn)
        else:
            self._give(conn, coming)

    def _give(self, conn: TConn, coming: _Coming) -> None:
        """Give a connection, and what has come of it, a thread."""
        conn.sock.setblocking(True)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # gunicorn sets Python's own timeout to none
            conn.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(STALL_S), 0))
        conn.init()
        held = conn.parser.unreader.buf
        held.seek(0, 2)
        held.write(coming.data)
        conn.data_ready = True
        if coming.large:
            self._reading[conn] = time.monotonic() + STALL_S + coming.large / SLOWEST_BYTES_S
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Answer a connection's request, in a thread."""
        try:
            return super().handle(conn)
        finally:
            self.method_queue.defer(self._read, conn)

    def _read(self, conn: TConn) -> None:
        self._reading.pop(conn, None)
        while self._queued and len(self._reading) < max(1, self.cfg.threads - SPARE_THREADS):
            waiting = self._queued.popleft()
            coming = self._coming.pop(waiting, None)
            if coming is not None:
                self._give(waiting, coming)

    def murder_pending(self) -> None:
        """Let go of who was too slow."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn, coming in self._coming.items() if coming.until < now]:
            self._stop_waiting(conn)
            self._drop(conn)
        for conn in [conn for conn, until in self._reading.items() if until < now]:
            del self._reading[conn]
            with contextlib.suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RD)  # its thread reads an end

    def begin_stop(self) -> None:
        """Do what is to be done before a stopping server waits for its last requests."""

    def load_wsgi(self) -> None:
        """Take the application, whose answers close their connections where they cannot go on."""
        from model.serving.app import UNREAD  # noqa: PLC0415 - the dashboard's process makes no model server

        super().load_wsgi()
        application = self.wsgi

        def closing(environ: dict[str, object], start_response: Any) -> Any:
            start_response.__self__.sock = _Paced(start_response.__self__.sock)
            answer = application(environ, start_response)
            # Its client would send the next request on a connection that ends here.
            if self._stopping or environ.get(UNREAD):
                start_response.__self__.force_close()
            return answer

        self.application, self.wsgi = application, closing

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to stop."""
        if self._stopping:
            return
        self._stopping = True
        # In a thread: a signal handler runs between any two steps of the main thread, whose locks it must not take.
        threading.Thread(target=self._stop_soon, name="stopping", daemon=True).start()

    def _stop_soon(self) -> None:
        self.cfg.set("keepalive", 0)  # every answer from now on closes its connection
        self.begin_stop()
        time.sleep(LAME_DUCK_S)
        super().handle_exit(0, None)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take connections or none; where the worker stops, first those that wait for it already."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:  # who is in the kernel's queue is answered too, then nobody comes any more
            with selectors.DefaultSelector() as queue:
                queue.register(listener, selectors.EVENT_READ)
                end = time.monotonic() + LAME_DUCK_S
                # Asked of the queue itself: the count of connections falls meanwhile, as others end.
                while queue.select(0) and time.monotonic() < end:
                    self.accept(listener)
            listener.close()
        for conn in [*self.keepalived_conns, *self.pending_conns]:
            conn.timeout = 0.0
        self.murder_keepalived()
        end = time.monotonic() + LAME_DUCK_S / 2
        while self._coming and time.monotonic() < end:  # what they have sent is here, or does not come
            self.wait_for_and_dispatch_events(LAME_DUCK_S / 20)
        for coming in self._coming.values():
            coming.until = 0.0
        self.murder_pending()

    def _stop_waiting(self, conn: TConn) -> None:
        self._coming.pop(conn, None)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _drop(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()
