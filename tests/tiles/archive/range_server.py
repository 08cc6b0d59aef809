"""A server of files in parts, that is slow, fails and lies as it is told to."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

EXPIRED = b"<Error><Code>AuthenticationFailed</Code><AuthenticationErrorDetail>Signature not valid in the specified time frame"
ANSWERS = {
    "403": (403, b"denied"),
    "expired": (403, EXPIRED),
    "404": (404, b""),
    "500": (500, b""),
    "page": (200, b"<html>"),
}


@dataclass
class RangeServer:
    """A running server.

    Attributes:
        folder: what it serves.
        port: where.
        mode: ok, one of ANSWERS, or a way of failing or lying that the handler knows.
        leads_to: where `redirect` leads.
        asked: how often each path was asked for.
        sent: bytes of bodies.
    """

    folder: Path
    port: int = 0
    mode: str = "ok"
    leads_to: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: ClassVar[RangeServer]

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        own = self.server_of
        path = self.path.partition("?")[0]
        own.asked[path] += 1
        if own.mode in ANSWERS:
            self._send(*ANSWERS[own.mode])
        elif own.mode == "500 once" and own.asked[path] % 2:
            self._send(503, b"", {"Retry-After": "0"})
        elif own.mode in {"redirect", "loop"}:
            self._send(302, b"", {"Location": own.leads_to or self.path})
        elif own.mode == "silent":
            own.stopped.wait()
        elif not (file := own.folder / path.lstrip("/")).is_file():
            self._send(404, b"")
        else:
            self._file(file.read_bytes(), path)

    def _file(self, data: bytes, path: str) -> None:
        own = self.server_of
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if found is None or own.mode == "whole":
            self._send(200, data)
        else:
            self._part(data, int(found[1]), min(int(found[2]), len(data) - 1), path)

    def _part(self, data: bytes, start: int, end: int, path: str) -> None:
        own = self.server_of
        version = own.asked[path] if own.mode == "changed" else 1
        if own.mode == "other part":
            start, end = start + 1, end + 1
        body = data[start : end + 1]
        headers = {"Content-Range": f"bytes {start}-{end}/{len(data)}", "ETag": f'"{version}"'}
        if own.mode == "short":
            body = body[:-1]
        if own.mode == "no end":
            body += bytes(1 << 20)
        if own.mode in {"drip", "cut"}:
            self.send_response(206)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if own.mode == "drip":
                while not own.stopped.wait(0.05):
                    self.wfile.write(b"I")
            else:
                self.wfile.write(body[:100])
            self.close_connection = True
            return
        self._send(206, body, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.server_of.sent += len(body)
        self.wfile.write(body)


@contextmanager
def serving(folder: Path) -> Iterator[RangeServer]:
    """Serve a folder."""
    own = RangeServer(folder)
    handler = type("Handler", (_Handler,), {"server_of": own, "handle_error": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign,assignment] - clients leave in the middle here
        own.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield own
        finally:
            own.stopped.set()
            server.shutdown()
            thread.join()
