"""How long others wait while clients are slow: /healthz and a tile of a dashboard, calm and beside them by turns.

    python tests/benchmarks/slow_clients.py [--clients 500] [--turns 6]

The slow ones, in equal parts: say nothing; stop in a head; send a body drop by drop; in chunks; a large body; take nothing of
an answer that is larger than what the kernel holds for them. Loopback only. A turn is 150 requests of each kind, one at a time.
"""

from __future__ import annotations

import argparse
import http.client
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.serving import FLOODSCOPE

REQUESTS = 150
_HEAD = b"POST /review/explore HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SLOW = (
    b"",
    b"GET /healthz HTTP/1.1\r\nHost: local",
    _HEAD + b'Content-Length: 500\r\n\r\n{"ids": [',
    _HEAD + b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"ids": [',
    _HEAD + b"Content-Length: 900000\r\n\r\n" + b" " * 70_000,
    b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
)


class Clients:
    """Slow clients: those that have stopped in the middle send a byte every two seconds, those that read take 16 KiB."""

    def __init__(self, port: int, count: int, large: str) -> None:
        self._port, self._large = port, large
        self._ended = threading.Event()
        self._selector = selectors.DefaultSelector()
        self.let_go = 0
        for number in range(count):
            self._connect(number % len(SLOW))
        self._thread = threading.Thread(target=self._go_on)
        self._thread.start()

    def _connect(self, kind: int) -> None:
        connection = socket.socket()
        if kind == len(SLOW) - 1:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", self._port))
        connection.sendall(SLOW[kind].replace(b"%s", self._large.encode()))
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ, kind)

    def _go_on(self) -> None:
        while not self._ended.wait(2.0):
            for key in list(self._selector.get_map().values()):
                connection, kind = key.fileobj, key.data
                assert isinstance(connection, socket.socket)
                gone = False
                try:
                    if kind and kind != len(SLOW) - 1:
                        connection.send(b" ")
                    gone = not connection.recv(16 << 10)
                except BlockingIOError:
                    pass
                except OSError:
                    gone = True
                if gone:  # it was let go of, and comes again
                    self.let_go += 1
                    self._selector.unregister(connection)
                    connection.close()
                    self._connect(kind)

    def leave(self) -> None:
        self._ended.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()


def waits(port: int, path: str) -> list[float]:
    """Return how long each request waited, in milliseconds, each on a connection of its own."""
    found = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, (path, answer.status)
        connection.close()
        found.append(1000 * (time.perf_counter() - began))
    return found


def main() -> None:
    """Print the 50th and 95th percentile of each, calm and beside slow clients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--turns", type=int, default=6)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chips = Path(folder) / "chips"
        subprocess.run([FLOODSCOPE, "simulate", chips, "--chips", "4"], check=True, stdout=subprocess.DEVNULL)
        command = [FLOODSCOPE, "dashboard", chips, "--port", "0", "--no-browser", "--model", "backscatter"]
        with subprocess.Popen([*command, "--data", f"{folder}/data"], stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            port = urlsplit(process.stderr.readline().split()[3]).port or 0
            large = "/_dash-component-suites/plotly/package_data/plotly.min.js"
            paths = {"/healthz": "/healthz", "/uploads/catalog": "/uploads/catalog", "the page": "/"}
            for path in paths.values():
                waits(port, path)
            let_go = 0
            measured: dict[tuple[str, bool], list[float]] = {}
            for _ in range(given.turns):
                for slow in (False, True):
                    clients = Clients(port, given.clients if slow else 0, large)
                    for name, path in paths.items():
                        measured.setdefault((name, slow), []).extend(waits(port, path))
                    clients.leave()
                    let_go += clients.let_go
                    time.sleep(2.5)
            process.terminate()
    print(
        f"{given.clients} slow clients, who were let go of and came again {let_go} times; load {os.getloadavg()[0]:.1f}"
    )
    for name in paths:
        calm, slow = (np.percentile(measured[name, one], [50, 95]) for one in (False, True))
        print(
            f"{name:18} calm {calm[0]:6.1f} ms, p95 {calm[1]:6.1f}; slow {slow[0]:6.1f} ms, p95 {slow[1]:6.1f}; "
            f"ratio of p95 {slow[1] / calm[1]:.2f}; longest {max(measured[name, False]):.0f}, {max(measured[name, True]):.0f} ms"
        )


if __name__ == "__main__":
    main()
