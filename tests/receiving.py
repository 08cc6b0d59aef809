"""A real receiver of webhooks, as badly behaved as receivers are: it refuses, hangs, answers late, and counts what it took."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.listening import listening

SECRET = b"of the tests"


@dataclass
class Receiver:
    """What came in. A message is taken once it is answered with 200, in time or late.

    Attributes:
        url: where it listens.
        manners: how each request in turn is treated, over and over: "take", "refuse", "hang" (no answer ever) or "late" (taken,
            and answered when the sender has given up).
        tries: requests by delivery.
        answered: answers with 200 that went out in time, by delivery.
        bodies: what was taken, by delivery.
        faults: signatures that are wrong, bodies that differ from an earlier try's.
    """

    url: str
    manners: Sequence[str] = ("take",)
    late_s: float = 3.0
    tries: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked: int = 0

    def manner(self) -> str:
        with self.lock:
            self.asked += 1
            return self.manners[(self.asked - 1) % len(self.manners)]

    def take(self, delivery: str, headers: Any, body: bytes) -> None:
        stamp, _, signature = headers["X-Floodscope-Signature"].partition(",v1=")
        good = hmac.new(SECRET, stamp.removeprefix("t=").encode() + b"." + body, hashlib.sha256).hexdigest()
        found = json.loads(body)
        with self.lock:
            if signature != good or headers["Idempotency-Key"] != delivery or found["delivery"] != delivery:
                self.faults.append(f"{delivery}: bad signature or id")
            if self.bodies.setdefault(delivery, found) != found:
                self.faults.append(f"{delivery}: another body than before")


@contextmanager
def receiver(manners: Sequence[str] = ("take",), late_s: float = 3.0) -> Iterator[Receiver]:
    """Run a receiver while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            delivery, manner = self.headers["X-Floodscope-Delivery"], got.manner()
            with got.lock:
                got.tries[delivery] += 1
            if manner == "hang":
                got.stopped.wait(60)
                self.close_connection = True
                return
            if manner == "refuse":
                self._say(503)
                return
            got.take(delivery, self.headers, body)
            if manner == "late":
                got.stopped.wait(got.late_s)
            if self._say(200) and manner == "take":
                with got.lock:
                    got.answered[delivery] += 1

        def _say(self, status: int) -> bool:
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                self.wfile.flush()
            except OSError:
                self.close_connection = True
                return False
            return True

        def log_message(self, *_: object) -> None:
            pass

    with listening(Handler) as address:
        got = Receiver(f"{address}/hook", manners, late_s)
        try:
            yield got
        finally:
            got.stopped.set()
