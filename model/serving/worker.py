"""gunicorn's threads, which no slow client holds: a thread is given to a request that has come, not to one that is coming.

Connections wait in one loop, which costs them a few kilobytes, until the head of a request and a small body are there. Larger
bodies are read in a thread as they come, by some of the threads alone, within a time that grows with their length. What a reader
does not take at once of its answer waits for it in the loop. Told to stop, the worker goes on for a moment: who is here gets an
answer, and who comes is told.
"""

from __future__ import annotations

import contextlib
import re
import resource
import selectors
import socket
import struct
import threading
import time
from collections import deque
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from model.predictors.heap import give_back, share_heaps
from model.serving.answers import STALL_S, Answer, Room
from model.serving.listening import take_the_last

HELD_BYTES = 64 << 10
"""The largest head, and the largest body, that is waited for without a thread."""
HEAD_S = 20.0
"""So long a head, or a small body, may take from its first byte; and so long a new connection may say nothing."""
SLOWEST_BYTES_S = 32 << 10
"""A larger body is given up where nothing comes for STALL_S, or less in a second on the whole."""
UNTOLD_BYTES = 64 << 20
"""A body in chunks, which does not tell its length, has the time of so many."""
CONNECTIONS = 4000
LAME_DUCK_S = 1.0
"""So long a stopping server still takes connections: clients that are told, or answered, lose nothing."""
SPARE_THREADS, WITH_ANSWERS = 12, 4
"""Threads that large bodies leave to others, and how many of these may wait with answers that have no room elsewhere."""

LEAVE_S = 2.0
"""So long a client has to close a connection that this side has closed, whose last bytes a sudden end would cut off."""
LEAVE_BYTES = 64 << 20
"""And no more than this is read of it: who sends without an end is cut off."""
GIVE_BACK_S = 3.0
"""Between two times that free memory is given back to the system."""
NEW_S = 2.0
"""A connection so young may still send the request that it was made for, though the server stops."""

_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:", re.IGNORECASE)  # its sender waits to be asked for the body
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_LAST_CHUNK = b"0\r\n\r\n"


class _Coming:
    """What has come of a request, and until when the rest must."""

    def __init__(self, seconds: float) -> None:
        self.data = bytearray()
        self.since = time.monotonic()
        self.until = self.since + seconds
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


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """The worker of this module. Attributes that begin with a letter are gunicorn's."""

    wsgi: Any
    application: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._coming: dict[TConn, _Coming] = {}
        self._reading: dict[TConn, float] = {}  # large bodies in a thread, and until when they may take
        self._queued: deque[TConn] = deque()  # large bodies that no thread is free for
        self._answers: dict[Any, Answer] = {}  # by their sockets
        self._sending: dict[TConn, tuple[Answer, Any]] = {}  # answers that wait for their readers, and what then
        self._leaving: dict[
            TConn, tuple[float, int]
        ] = {}  # closed on this side; until when, and how much the other may send
        self._room = Room(WITH_ANSWERS)
        self._given_back = 0, 0.0  # requests by then, and when
        self._stopping = False

    def init_process(self) -> None:
        """Let the process have as many connections as it may, with a file each, and few heaps."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 3 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(3 * CONNECTIONS, hard)
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        share_heaps(2)
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Wait for a request where gunicorn would give the connection a thread."""
        coming = _Coming(HEAD_S if self.alive else NEW_S)
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

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Go on with a connection whose thread is done: what of the answer is not taken yet waits for its reader here."""
        answer = self._answers.pop(conn.sock, None)
        if answer is not None and answer.waits:
            self._sending[conn] = answer, fs
            try:
                self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._push, conn))
            except (OSError, ValueError):  # closed in its thread, in the middle of an answer that failed
                self._give_up(conn)
        elif self.alive and not fs.cancelled() and fs.exception() is None and fs.result():
            super().finish_request(conn, fs)
        else:
            self._leave(conn)

    def _push(self, conn: TConn, _: object) -> None:
        answer, fs = self._sending[conn]
        try:
            answer.push()
        except OSError:
            self._give_up(conn)
            return
        if not answer.waits:
            del self._sending[conn]
            self._stop_waiting(conn)
            self.finish_request(conn, fs)

    def _give_up(self, conn: TConn) -> None:
        answer, _ = self._sending.pop(conn)
        answer.drop()
        self._stop_waiting(conn)
        self._drop(conn)

    def _leave(self, conn: TConn) -> None:
        """Close this side of a connection, and the other when it has been closed: RFC 9112, section 9.6, without waiting."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._left, conn))
        except (OSError, ValueError):
            self._drop(conn)
        else:
            self._leaving[conn] = time.monotonic() + LEAVE_S, LEAVE_BYTES

    def _left(self, conn: TConn, _: object) -> None:
        try:
            if count := len(conn.sock.recv(HELD_BYTES)):
                until, left = self._leaving[conn]
                self._leaving[conn] = until, left - count
                if left > count:
                    return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self._end(conn)

    def _end(self, conn: TConn) -> None:
        self._leaving.pop(conn, None)
        self._stop_waiting(conn)
        self._drop(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for events, never long: what waits here has its times."""
        super().wait_for_and_dispatch_events(min(timeout, 1.0))

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
        if self.nr != self._given_back[0] and now > self._given_back[1] + GIVE_BACK_S:
            self._given_back = self.nr, now
            give_back()
        for conn in [conn for conn, coming in self._coming.items() if coming.until < now]:
            self._end(conn)
        for conn in [conn for conn, (answer, _) in self._sending.items() if answer.too_slow()]:
            self._give_up(conn)
        for conn in [conn for conn, (until, _) in self._leaving.items() if until < now]:
            self._end(conn)
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

        def closing(environ: dict[str, Any], start_response: Any) -> Any:
            sock = environ["gunicorn.socket"]
            start_response.__self__.sock = self._answers[sock] = Answer(sock, self._room)
            answer = application(environ, start_response)
            # Its client would send the next request on a connection that ends here. Those told otherwise before have LAME_DUCK_S.
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
        self.begin_stop()
        time.sleep(LAME_DUCK_S)
        super().handle_exit(0, None)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take connections or none; where the worker stops, first those that are made already, and no further one is."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            take_the_last(listener, self.accept, LAME_DUCK_S)
        self.wait_for_and_dispatch_events(0)  # what came on kept connections meanwhile
        for conn in [*self.keepalived_conns, *self.pending_conns]:
            conn.timeout = 0.0
        self.murder_keepalived()
        for conn, coming in self._coming.items():
            if conn not in self._queued:
                coming.until = min(coming.until, coming.since + NEW_S)

    def _stop_waiting(self, conn: TConn) -> None:
        self._coming.pop(conn, None)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _drop(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()
