"""The dashboard as a process: whoever is slow holds up nobody else, and told to stop it loses no request that came."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from command_line import FLOODSCOPE

from dashboard.server import THREADS
from model.serving.worker import SPARE_THREADS
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.slow

HEAD = b"POST /review/explore HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SLOW = (
    b"",
    b"GET /healthz HTTP/1.1\r\nHost: local",
    HEAD + b'Content-Length: 500\r\n\r\n{"ids": [',
    HEAD + b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"ids": [',
    HEAD + b"Content-Length: 900000\r\n\r\n" + b" " * 70_000,  # large: some of the threads alone read such bodies
)


@dataclass
class Running:
    process: subprocess.Popen[str]
    port: int

    def connect(self, *sent: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        for part in sent:
            connection.sendall(part)
        return connection

    def ask(self, path: str = "/healthz") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status


@pytest.fixture
def running(simulated: Path, tmp_path: Path) -> Iterator[Running]:
    command = [FLOODSCOPE, "dashboard", str(simulated), "--port", "0", "--no-browser", "--model", "backscatter"]
    with subprocess.Popen([*command, "--data", str(tmp_path)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("floodscope is at http://127.0.0.1:"), line
        yield Running(process, urlsplit(line.split()[3]).port or 0)
        process.kill()


def test_slow_clients_hold_up_nobody_bad_bodies_are_told_and_a_stop_loses_nothing(running: Running) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(running.connect(SLOW[i % len(SLOW)])) for i in range(5 * THREADS)]
        for _ in range(10):
            assert running.ask() == 200
        for connection, begun in zip(slow, SLOW, strict=False):  # each goes on where it stopped, and is answered
            if begun.endswith(b"local"):
                connection.sendall(b"host\r\n\r\n")
            elif begun.endswith(b"[") and b"chunked" in begun:
                connection.sendall(b"\r\n2\r\n]}\r\n0\r\n\r\n")
            elif begun.endswith(b"["):
                connection.sendall(b"]}".rjust(500 - len(b'{"ids": [')))
            else:
                continue
            assert connection.recv(12) == b"HTTP/1.1 200", begun
        large = running.connect(HEAD + b"Content-Length: 900000\r\n\r\n" + b'{"ids": []}'.ljust(900_000))
        assert THREADS > SPARE_THREADS and running.ask() == 200
        large.close()
    for bad in (b"zz\r\nx\r\n0\r\n\r\n", b"5\r\n{}\r\n0\r\n\r\n"):
        with running.connect(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + bad) as connection:
            assert connection.recv(12) == b"HTTP/1.1 400", bad

    def until_refused() -> list[int]:
        found = []
        while True:
            try:
                found.append(running.ask("/uploads/catalog"))
            except ConnectionRefusedError:  # it takes nobody any more; an empty answer would be a loss
                return found

    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(until_refused) for _ in range(6)]
        assert running.ask() == 200
        running.process.send_signal(signal.SIGTERM)
        answered = [status for one in asking for status in one.result(timeout=PATIENCE_S)]
    assert set(answered) == {200}
    assert running.process.wait(timeout=PATIENCE_S) == 0
