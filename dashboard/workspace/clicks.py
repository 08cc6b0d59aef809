"""What the page waits for: one click begins one prediction, and is told what came of it however often it must ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

KEPT_S = 600.0
"""An outcome that nobody has asked for during this time is forgotten: its page is gone."""
_LONGEST = 80

Outcome = TypeVar("Outcome")


@dataclass
class _Asked:
    future: Future[Any]
    at: float


class Clicks:
    """The predictions that clicks have begun, by the name of the click and what was clicked. Safe from any thread.

    A page names each of its clicks, and asks again under that name where the answer takes longer than a request may. An
    outcome is kept for that: were a failure only told to who waits at that moment, the next question would begin the
    prediction anew, and an endpoint be billed twice.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[tuple[str | None, Hashable], _Asked] = {}

    def result(
        self, click: str | None, what: Hashable, begin: Callable[[], Future[Outcome]], timeout: float
    ) -> Outcome:
        """Return what came of a click, begun with its first question.

        Args:
            click: its name. None for a program that names none: what it asks for is one click until its outcome is told.
            what: what was clicked; the same name with something else is another click.
            begin: begins it.
            timeout: longest wait, seconds.

        Raises:
            TimeoutError: it takes longer; ask again.
            Exception: whatever the prediction ended with.
        """
        key = (None if click is None else click[:_LONGEST], what)
        with self._lock:
            now = time.monotonic()
            for old in [k for k, asked in self._asked.items() if asked.future.done() and now - asked.at > KEPT_S]:
                del self._asked[old]
            if key not in self._asked:
                self._asked[key] = _Asked(begin(), now)
            asked = self._asked[key]
            asked.at = now
        try:
            outcome: Outcome = asked.future.result(timeout)
            return outcome
        finally:
            if click is None and asked.future.done():
                with self._lock:
                    if self._asked.get(key) is asked:
                        del self._asked[key]
