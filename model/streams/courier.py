"""Takes a stream's messages where they go: a webhook over HTTP, signed and tried again; CAP files and the feed on disk.

A message is sent again only where nothing answered, or a server said that it did not take it. Where the answer is lost on its way
nobody can know: the message comes again under the same id, and its receiver drops what it has.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import urllib3

from model.store.streams import Delivery, Kind, Streams
from model.streams.feed import CAP_FOLDER
from tiles.errors import OutputError, StoreError, UsageError
from tiles.files import write_whole

GIVES_UP_S = 72 * 3600.0
"""A message that nobody has taken for so long is given up, and said so."""
_LONGEST_WAIT_S = 3600.0
_IDLE_S = 0.5
_GONE = 410

Outcome = Literal["sent", "waiting", "given up"]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Webhook:
    """Where messages are posted.

    Attributes:
        url: http or https.
        secret: what they are signed with.
        timeout_s: how long an answer is waited for.
    """

    url: str
    secret: bytes
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if not self.url.lower().startswith(("http://", "https://")):
            raise UsageError(f"{self.url!r} is no address of a webhook: give one like https://HOST/PATH.")

    def headers(self, delivery: Delivery, now: float) -> Mapping[str, str]:
        """Return the headers of one try: id, number of the try, and the signature over time and body."""
        stamp = str(int(now))
        signature = hmac.new(self.secret, f"{stamp}.{delivery.body}".encode(), hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/json",
            "User-Agent": "floodscope",
            "Idempotency-Key": delivery.id,
            "X-Floodscope-Delivery": delivery.id,
            "X-Floodscope-Attempt": str(delivery.attempts),
            "X-Floodscope-Signature": f"t={stamp},v1={signature}",
        }


class Courier:
    """Sends the messages of one stream. `deliver` does what is due now; `start` does so in a thread until `close`."""

    def __init__(
        self, streams: Streams, stream: str, tell: Tell, webhook: Webhook | None = None, folder: Path | None = None
    ) -> None:
        """Make one.

        Args:
            streams: of the store.
            stream: id of the stream.
            tell: told in a sentence what went wrong.
            webhook: where to post; None posts nothing, and what should be posted waits.
            folder: where CAP files are written; None writes none.
        """
        self._streams, self._stream, self._tell = streams, stream, tell
        self._webhook, self._folder = webhook, folder
        self._kinds: list[Kind] = [*(["webhook"] if webhook else []), *(["cap"] if folder else [])]  # type: ignore[list-item]
        self._http = urllib3.PoolManager(retries=False)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def deliver(self) -> bool:
        """Take the message that is due first where it goes, and return whether there was one.

        Raises:
            StoreError: the store cannot be read or written.
        """
        hold = 2 * (self._webhook.timeout_s if self._webhook else 10.0)
        delivery = self._streams.claim(self._stream, self._kinds, time.time(), hold) if self._kinds else None
        if delivery is None:
            return False
        retry_after = 0.0
        if delivery.kind == "cap":
            outcome, answer = self._write(delivery)
        else:
            outcome, answer, retry_after = self._post(delivery)
        now = time.time()
        if outcome == "waiting" and now - delivery.created > GIVES_UP_S:
            outcome = "given up"
        if outcome != "sent":
            last = "it is given up" if outcome == "given up" else "it is tried again"
            self._tell(f"Message {delivery.id} was not taken ({answer}): {last}.")
        self._streams.answered(delivery, outcome, answer, now + max(retry_after, _pause(delivery.attempts)))
        return True

    def start(self) -> None:
        """Begin to deliver in a thread."""
        self._thread = threading.Thread(target=self._run, name="floodscope-courier", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send what is due now, and end the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            stopping = self._stop.is_set()
            try:
                while self.deliver():
                    pass
            except StoreError as error:
                self._tell(str(error))
            if stopping:
                return
            self._stop.wait(_IDLE_S)

    def _write(self, delivery: Delivery) -> tuple[Outcome, str]:
        assert self._folder is not None  # noqa: S101 - it is not claimed else
        path = self._folder / CAP_FOLDER / f"{delivery.id}.xml"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, delivery.body.encode())
        except (OSError, OutputError) as error:
            return "waiting", str(error)
        return "sent", path.name

    def _post(self, delivery: Delivery) -> tuple[Outcome, str, float]:
        assert self._webhook is not None  # noqa: S101 - it is not claimed else
        hook = self._webhook
        try:
            answer = self._http.request(
                "POST",
                hook.url,
                body=delivery.body.encode(),
                headers=dict(hook.headers(delivery, time.time())),
                timeout=urllib3.Timeout(total=hook.timeout_s),
                redirect=False,
                preload_content=False,
            )
            status, wanted = answer.status, answer.headers.get("Retry-After", "")
            answer.close()  # what it says beside its status is nobody's business
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return "waiting", f"{hook.url}: {type(error).__name__}: {error}", 0.0
        if 200 <= status < 300:
            return "sent", f"HTTP {status}", 0.0
        wait = min(float(wanted), _LONGEST_WAIT_S) if wanted.isdigit() else 0.0
        return "given up" if status == _GONE else "waiting", f"{hook.url}: HTTP {status}", wait


def _pause(attempts: int) -> float:
    """Return how long to wait after so many tries, in seconds: twice as long each time, and never the same for all."""
    longest = min(_LONGEST_WAIT_S, 2.0 ** min(attempts, 16))
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - it spreads tries, and hides nothing
