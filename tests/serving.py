"""Real model servers for the tests: the command as a process, and one that answers as badly as it is told to."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.listening import listening
from tests.waiting import PATIENCE_S, until_ready

FLOODSCOPE = Path(sys.executable).with_name("floodscope")


# --- the real one -----------------------------------------------------------------------------------------------------
@dataclass
class ServerProcess:
    """A running `floodscope serve`, and the lines of its log."""

    process: subprocess.Popen[str]
    port: int
    log: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, path: str, body: bytes | None = None, kept: http.client.HTTPConnection | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send one request on a connection of its own, or on one that is kept."""
        connection = kept or http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET" if body is None else "POST", path, body, names)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            if not kept:
                connection.close()

    def terminate(self) -> float:
        """Send SIGTERM, wait for the end, and return how long it took, seconds."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        return time.monotonic() - began


def start_server(*arguments: str, wait: bool = True, **environment: str) -> ServerProcess:
    """Start `floodscope serve` on a free port and, by default, wait until its model can answer."""
    command = [str(FLOODSCOPE), "serve", "--host", "127.0.0.1", "--port", "0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    server = ServerProcess(process, 0)
    ready, listening = threading.Event(), threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {"message": line.rstrip()}
            server.log.append(entry)
            if entry["message"] == "listening":
                server.port = entry["port"]
                listening.set()
            if entry["message"] == "ready":
                ready.set()
        listening.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    listening.wait(PATIENCE_S)
    if wait:
        ready.wait(PATIENCE_S)
        assert process.poll() is None, server.log
    return server


@contextmanager
def model_server(*arguments: str, **environment: str) -> Iterator[ServerProcess]:
    """Run `floodscope serve` while the block runs."""
    server = start_server(*arguments, **environment)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@contextmanager
def served_here(bundle: Path, before_image: Callable[[], object] = lambda: None) -> Iterator[str]:
    """Serve a bundle from this process over real HTTP, which starts quicker, and yield its address.

    What is given is called before each image is predicted, in the thread that answers: the answer waits for it.
    """
    from werkzeug.serving import make_server

    from model.serving.app import create_server
    from model.serving.service import ModelService
    from model.serving.settings import ServingSettings

    service = ModelService(bundle, ServingSettings())
    service.start()
    server_of_model = create_server(service)

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] == "POST" and environ.get("CONTENT_TYPE") != "application/json":
            before_image()
        return server_of_model(environ, start_response)

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    until_ready(service.not_ready)
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


# --- the bad one ------------------------------------------------------------------------------------------------------
@dataclass
class Says:
    """One answer: or, with `hang_s`, nothing for so long; or, with `cut`, a connection that is reset."""

    status: int = 200
    body: bytes | dict[str, Any] = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang_s: float = 0.0
    cut: bool = False


@dataclass
class Misbehaving:
    """A server on this machine that gives the answers it is told, the last one for ever, and remembers what it was asked."""

    url: str
    answers: list[Says] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    described_as: dict[str, Any] | None = None
    """What it says when it is asked for its model alone; None has it misbehave then too."""

    def says(self, *answers: Says) -> None:
        self.answers[:] = answers
        self.asked.clear()


@contextmanager
def misbehaving_server() -> Iterator[Misbehaving]:
    """Run a server that misbehaves as it is told."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if bad.described_as is not None and self.headers.get("Content-Type") == "application/json":
                self._answer(Says(200, bad.described_as))
                return
            bad.asked.append((self.path, dict(self.headers), body))
            answer = bad.answers[min(len(bad.asked), len(bad.answers)) - 1]
            if answer.hang_s:
                bad.stopped.wait(answer.hang_s)
            if answer.cut:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            self._answer(answer)

        def _answer(self, answer: Says) -> None:
            content = json.dumps(answer.body).encode() if isinstance(answer.body, dict) else answer.body
            try:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # the client has given up
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with listening(Handler) as address:
        bad = Misbehaving(address)
        try:
            yield bad
        finally:
            bad.stopped.set()


_DEAD: list[socket.socket] = []


def dead_url() -> str:
    """Return the address of a port that nobody listens on, nor will before this process ends: it is taken for that."""
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    _DEAD.append(probe)
    return f"http://127.0.0.1:{probe.getsockname()[1]}/invocations"


def without_digits(text: str) -> str:
    """Return a message with its numbers masked, to compare what does not depend on them."""
    return re.sub(r"\d+", "#", text)
