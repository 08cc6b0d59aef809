"""Waits for what another thread or process does, as long as a busy machine may take: a test never counts tries."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 120.0
"""A test that has waited so long has failed; a quiet machine needs a small part of it."""

FIRST_S, SHARE, MOST_S = 0.01, 0.1, 0.2
"""How long `eventually` waits between two questions: a share of what it has waited, at least the first and never more than the
last. To ask is work too: in one file a scene that was waited for was clicked 2,468 times."""

Answer = TypeVar("Answer")


def eventually(ask: Callable[[], Answer], good: Callable[[Answer], object] = bool) -> Answer:
    """Ask again until the answer is good, and return it.

    Raises:
        AssertionError: it was not within `PATIENCE_S`; says what the last answer was.
    """
    began = time.monotonic()
    while not good(answer := ask()):
        waited = time.monotonic() - began
        assert waited < PATIENCE_S, f"the last answer was {answer!r}"
        time.sleep(min(max(FIRST_S, SHARE * waited), MOST_S))
    return answer


def until_ready(not_ready: Callable[[], str | None]) -> None:
    """Wait until a model's service says that it is ready.

    Raises:
        AssertionError: it will never be: it says why.
    """
    why = eventually(not_ready, lambda why: why is None or "being loaded" not in why)
    assert why is None, why
