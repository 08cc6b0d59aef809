"""A small real proxy on this machine, as JupyterHub and nginx put before a server: it hides its host, and its path or not."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.listening import listening
from tests.waiting import PATIENCE_S

_HOP = {"connection", "keep-alive", "transfer-encoding", "host"}


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        url: what a browser is given, with a slash at the end.
        asked: method, path and status of every request, as the browser sent it.
    """

    url: str
    asked: list[tuple[str, str, int]] = field(default_factory=list)


@contextmanager
def proxy(server: str, path: str, *, strips: bool, tells: bool = False) -> Iterator[Proxy]:
    """Run a proxy while the block runs. What lies beside its path is not found, as it is another's.

    Args:
        server: the address that it asks, without a path.
        path: below which it shows the server, with slashes around it.
        strips: take the path off (jupyter-server-proxy), or leave it on (nginx's proxy_pass without a path).
        tells: send X-Forwarded-Host, -Proto and -Prefix; without, the server sees nothing but its own address.
    """
    origin = urlsplit(server)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not self.path.startswith(path):
                self._answer(404, [("Content-Type", "text/plain")], b"This is the hub's.")
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            if tells:
                headers |= {"X-Forwarded-Host": self.headers["Host"], "X-Forwarded-Proto": "http"}
                headers |= {"X-Forwarded-Prefix": path.rstrip("/")} if strips else {}
            connection = http.client.HTTPConnection(origin.hostname or "", origin.port, timeout=PATIENCE_S)
            try:
                connection.request(
                    self.command, self.path[len(path) - 1 :] if strips else self.path, body or None, headers
                )
                answer = connection.getresponse()
                self._answer(answer.status, answer.getheaders(), answer.read())
            finally:
                connection.close()

        do_GET = do_POST = do_DELETE = _pass  # noqa: N815 - http.server's names

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            running.asked.append((self.command, self.path, status))
            try:
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in {*_HOP, "content-length"}:
                        self.send_header(name, value)
                if status not in {204, 304}:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the browser has gone on
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with listening(Handler) as address:
        running = Proxy(f"{address}{path}")
        yield running
