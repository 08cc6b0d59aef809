"""What streams over the same store have predicted: their chips come into the running dashboard's catalog."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.store.store import Store
from model.store.streams import Arrival
from tiles.answers import Answers
from tiles.catalog.catalog import read_source
from tiles.catalog.live import LiveCatalog
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
        with self._lock:
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
                self._catalog.change(lambda now: now.added(r for r in records if not _has(now.records(), r)))
            self._taken |= {(a.path or "", a.stamp) for a in new}
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
    """Return the chip of an arrival as its file is read now; None where it is not there, or none any more."""
    try:
        record = read_source(Path(arrival.path or "")).records[0]
        record = answered(record, Answers.from_json(arrival.facts.get("answers")))
    except FloodscopeError:
        return None
    return replace(record, id=arrival.chip_id or record.id) if record.has_imagery else None


def _has(records: list[ChipRecord], record: ChipRecord) -> bool:
    """Return whether a chip's very files are in a catalog already."""
    return any((r.vv, r.vh) == (record.vv, record.vh) for r in records)
