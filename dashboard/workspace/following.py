"""What is predicted while pages are open, whoever does it: this dashboard, others, commands and batches over the same store."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from model.store.prediction import ModelKey
from model.store.store import Store

_PAUSE_S = 1.0
"""However many pages ask, the database is asked no more often."""
_BACK = timedelta(minutes=10)
"""A row is written some time after its prediction was made, by the clock of another machine: so far back it is looked for."""


@dataclass(frozen=True)
class Place:
    """How much of a model's predictions a page has.

    Attributes:
        of: names what `cursor` counts in; another after a restart.
        cursor: how many of them.
    """

    of: str
    cursor: int


@dataclass
class _Log:
    """What became known of one model: ids of chips, in the order that they were found predicted."""

    name: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    chips: list[str] = field(default_factory=list)
    revisions: dict[str, str] = field(default_factory=dict)
    newest: str = ""
    asked: float = float("-inf")


class Following:
    """The predictions of a store, followed for the models that pages show. Methods may be called from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._logs: dict[ModelKey, _Log] = {}

    def place(self, key: ModelKey) -> Place:
        """Return where a page is that takes all predictions of a model after this, and follow the model from now on.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._lock:
            log = self._followed(key)
            return Place(log.name, len(log.chips))

    def since(self, key: ModelKey, place: Place) -> tuple[Place, list[str]] | None:
        """Return the chips that were predicted since a place, each once, with the place after them.

        None where the place is of another process, so that everything has to be taken again.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._lock.acquire(blocking=False):  # else somebody asks already: a database that hangs holds up one thread
            try:
                self._followed(key)
            finally:
                self._lock.release()
        log = self._logs.get(key)
        if log is None or place.of != log.name:
            return None
        new = log.chips[max(0, place.cursor) :]
        return Place(log.name, max(0, place.cursor) + len(new)), list(dict.fromkeys(new))

    def _followed(self, key: ModelKey) -> _Log:
        log = self._logs.get(key) or _Log()
        if time.monotonic() - log.asked < _PAUSE_S:
            return log
        # A clock that was set back writes what comes now before what was newest.
        found = self._store.since(key, _before(min(log.newest, _now())))
        log.asked = time.monotonic()
        new = {chip: revision for chip, revision, _ in found if log.revisions.get(chip) != revision}
        if key in self._logs:  # what was there before is had by whoever began after
            log.chips += new
        log.revisions |= new
        log.newest = max([log.newest, *(created for _, _, created in found[-1:])])
        self._logs[key] = log
        return log


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _before(created: str) -> str:
    """Return a time somewhat before another one, as the store writes them."""
    if not created:
        return ""
    return (datetime.fromisoformat(created) - _BACK).isoformat(timespec="milliseconds")
