"""What streams over the same store have predicted: their chips come into the running dashboard's catalog."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.store.store import Store
from model.store.streams import Arrival
from tiles.answers import Answers
from tiles.catalog.catalog import read_source
from tiles.catalog.live import LiveCatalog
from tiles.catalog.rows import from_json
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError
from tiles.reading.headers import answered

_MOST = 1000
"""Chips of streams that a dashboard takes in: the newest. The others are in the store, and in the folder that was watched."""
_LISTED = 50
_PAUSE_S = 1.0
"""However many pages ask, the database is asked no more often."""


class Arrivals:
    """The chips of streams, followed. Methods may be called from any thread."""

    def __init__(self, store: Store, catalog: LiveCatalog) -> None:
        self._store, self._catalog = store, catalog
        self._lock = threading.Lock()
        self._mark = (0, 0)
        self._asked = float("-inf")
        self._taken: set[tuple[str, str]] = set()  # by file and what it was
        self._newest: list[Arrival] = []

    def follow(self) -> None:
        """Take into the catalog what streams have predicted since it was asked last.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._lock.acquire(blocking=False):  # else somebody asks already: a database that hangs holds up one thread
            try:
                self._follow()
            finally:
                self._lock.release()

    def _follow(self) -> None:
        if time.monotonic() - self._asked < _PAUSE_S:
            return
        mark = self._store.streams.mark()
        self._asked = time.monotonic()
        if mark == self._mark:
            return
        newest = self._store.streams.arrivals(limit=_MOST, states=["predicted"])
        new = [a for a in reversed(newest) if (a.path or "", a.stamp) not in self._taken]
        records = [record for arrival in new if (record := _record(arrival)) is not None]
        if records:
            self._catalog.change(lambda now: now.added(_missing(now.records(), records)))
        self._taken = {(a.path or "", a.stamp) for a in newest}  # an older one does not come back
        self._newest, self._mark = newest[:_LISTED], mark

    def news(self) -> list[dict[str, Any]]:
        """Return what came last, the newest first, as JSON-able values.

        Raises:
            StoreError: the store cannot be read.
        """
        self.follow()
        return [
            {
                "id": arrival.chip_id,
                "created": arrival.created,
                "alert": arrival.alert,
                "spec": arrival.facts.get("spec"),
                **{name: arrival.facts.get(name) for name in ("country", "water_km2", "share", "share_ci", "above")},
            }
            for arrival in self._newest
        ]


def _record(arrival: Arrival) -> ChipRecord | None:
    """Return the chip of an arrival as its file is read now, or as it was where it lies on a server; None where it is gone."""
    try:
        if "record" in arrival.facts:
            return replace(from_json(arrival.facts["record"]), id=arrival.chip_id or "")
        record = read_source(Path(arrival.path or "")).records[0]
        record = answered(record, Answers.from_json(arrival.facts.get("answers")))
    except FloodscopeError:
        return None
    return replace(record, id=arrival.chip_id or record.id) if record.has_imagery else None


def _missing(there: Sequence[ChipRecord], records: Sequence[ChipRecord]) -> list[ChipRecord]:
    """Return the chips whose very files are not in a catalog already."""
    files = {(record.vv, record.vh) for record in there}
    return [record for record in records if (record.vv, record.vh) not in files]
