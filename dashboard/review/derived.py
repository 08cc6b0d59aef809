"""What is computed once a chip in the background and kept in the data folder: a table of bytes, and a thread that fills it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from model.inference.ahead import be_nice
from tiles.errors import FloodscopeError, StoreError

FILE = "derived.db"
_BUSY_S = 30.0

Item = TypeVar("Item")


class DerivedStore:
    """Bytes by kind and key in an SQLite file. All of it can be computed again: whoever deletes the file loses time alone."""

    def __init__(self, folder: Path) -> None:
        """Open the file in a folder, and make it where there is none or where it is damaged.

        Raises:
            StoreError: it cannot be opened.
        """
        self.path = folder / FILE
        try:
            self._make()
        except StoreError as error:
            if isinstance(
                error.__cause__, sqlite3.OperationalError
            ):  # no permission, no space, held by another process
                raise
            for ending in ("", "-wal", "-shm"):
                self.path.with_name(FILE + ending).unlink(missing_ok=True)
            self._make()

    def _make(self) -> None:
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS derived (kind TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (kind, key))"
            )

    def get(self, kind: str, key: str) -> bytes | None:
        """Return what is kept, or None.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._connection() as connection:
            row = connection.execute("SELECT value FROM derived WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Keep something in place of what was kept.

        Raises:
            StoreError: the file cannot be written.
        """
        with self._connection() as connection:
            connection.execute("INSERT OR REPLACE INTO derived VALUES (?, ?, ?)", (kind, key, value))

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=_BUSY_S)) as connection, connection:
                yield connection
        except sqlite3.Error as error:
            raise StoreError(
                f"{{file}} cannot be used ({error}): delete it, what it holds is computed again.",
                file=self.path,
            ) from error


@dataclass(frozen=True)
class Progress:
    """How far a filling is: items done of all, whether it runs, and what could not be done, by item and sentence."""

    done: int
    total: int
    running: bool
    failed: dict[str, str]

    def payload(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"done": self.done, "total": self.total, "running": self.running, "failed": self.failed}


class Filling(Generic[Item]):
    """Does something with each of some items, one after another, in a thread of its own that gives way to all others."""

    def __init__(self, name: str, items: Sequence[Item], name_of: Callable[[Item], str], do: Callable[[Item], None]):
        """Start it.

        Args:
            name: of the thread.
            items: what is to be done.
            name_of: names an item.
            do: does one; a FloodscopeError is kept as the item's failure.
        """
        self._items, self._name_of, self._do = items, name_of, do
        self._done = 0
        self._failed: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        be_nice()
        for item in self._items:
            if self._stop.is_set():
                return
            try:
                self._do(item)
            except FloodscopeError as error:
                self._failed[self._name_of(item)] = str(error)
            self._done += 1

    def progress(self) -> Progress:
        """Return how far it is."""
        running = self._thread.is_alive()
        return Progress(self._done, len(self._items), running, dict(self._failed))

    def close(self) -> None:
        """Stop after the item that is being done."""
        self._stop.set()
        self._thread.join(10)
