"""The worker of both servers, on its own: who reads slowly or does not go holds no thread, and a stop loses nobody."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from model.serving.listening import begin_none, half_made
from tests import stopping
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.slow

LARGE = 6 << 20
"""More than the kernel holds for a reader."""


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    process, port = stopping.start()
    yield process, port
    process.kill()
    process.wait()


def _begin(port: int, size: int, head: bytes = b"") -> socket.socket:
    """Ask for an answer of a size, and read none of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", port))
    connection.sendall(b"GET /?%d HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (size, head))
    return connection


def _read(connection: socket.socket) -> int:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return len(answer.read())


@pytest.mark.parametrize("kept", [0, stopping.CLIENTS // 2, stopping.CLIENTS])
def test_a_stop_at_any_moment_loses_nobody(kept: int) -> None:
    outcomes: Counter[str] = Counter()
    for _ in range(2):
        outcomes += stopping.stop_under_load(*stopping.start(), kept=kept)
    if sys.platform != "linux":
        outcomes.pop("ConnectionResetError", None)
    assert set(outcomes) == {"200", "exit 0"}, outcomes


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux's kernel")
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_no_connection_begins_any_more_and_those_that_are_made_go_on(family: socket.AddressFamily) -> None:
    address = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen(16)
        port = listener.getsockname()[1]
        with socket.create_connection((address, port)) as made:
            assert begin_none(listener)
            with pytest.raises(TimeoutError):
                socket.create_connection((address, port), timeout=0.3)
            assert not half_made(port)
            taken, _ = listener.accept()
            with taken:
                listener.close()
                made.sendall(b"asked")
                assert taken.recv(9) == b"asked"
                taken.sendall(b"answered")
                assert made.recv(9) == b"answered"


def test_readers_that_take_nothing_and_clients_that_do_not_go_hold_no_thread(
    server: tuple[subprocess.Popen[str], int],
) -> None:
    process, port = server
    with ExitStack() as stack:
        slow = [stack.enter_context(_begin(port, LARGE)) for _ in range(9)]  # 54 MiB: below what waits for all
        for _ in range(60):  # told that the connection ends, they keep it: nobody waits for them
            last = stack.enter_context(_begin(port, 2, b"Connection: close\r\n"))
        assert _read(last) == 2
        assert [_read(connection) for connection in slow] == [LARGE] * 9
        again = slow[0]  # and goes on
        again.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert _read(again) == 2
        waits = stack.enter_context(_begin(port, LARGE))
        assert waits.recv(12) == b"HTTP/1.1 200"
        process.send_signal(signal.SIGTERM)
        answer = b"HTTP/1.1 200"
        while part := waits.recv(1 << 20):  # a stop waits for readers too
            answer += part
        assert answer.endswith(b"\r\n\r\n" + b"x" * LARGE)
        assert process.wait(PATIENCE_S) == 0


def test_where_too_much_waits_to_be_read_and_sent_others_are_answered(
    server: tuple[subprocess.Popen[str], int],
) -> None:
    _, port = server
    with ExitStack() as stack:
        for _ in range(30):  # 180 MiB of answers, and bodies for all threads
            stack.enter_context(_begin(port, LARGE))
            stack.enter_context(_begin(port, 2, b"Content-Length: 900000\r\n")).sendall(b"x" * 70_000)
        for _ in range(20):
            assert _read(stack.enter_context(_begin(port, 2))) == 2
