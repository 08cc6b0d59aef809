"""What memory is meant for: a bounded cache, one thread of which makes an entry while others wait, room for work at once, and
objects that stay."""

from __future__ import annotations

import gc
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from tiles.errors import BusyError

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """A cache bounded by the bytes of what it holds; safe for threads.

    A value larger than all of it takes the place of nothing smaller: the newest such values are held beside it, where the
    cache was made so, and are not kept else.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[Value], int], *, larger: int = 0) -> None:
        """Make an empty cache.

        Args:
            max_bytes: bound of all that it holds of values no larger than this.
            size_of: bytes of a value.
            larger: how many larger values are held.
        """
        self._max = max_bytes
        self._size_of = size_of
        self._larger = larger
        self._entries: OrderedDict[Hashable, Value] = OrderedDict()
        self._large: OrderedDict[Hashable, Value] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    @property
    def nbytes(self) -> int:
        """Bytes held now, of values no larger than the bound."""
        return self._bytes

    def held(self, key: Hashable) -> Value | None:
        """Return the entry where it is held, else None."""
        with self._lock:
            return self._held(key)

    def _held(self, key: Hashable) -> Value | None:
        for entries in (self._entries, self._large):
            if key in entries:
                entries.move_to_end(key)
                return entries[key]
        return None

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the entry, made by `make` where it is not held. An error of `make` is raised, not kept."""
        with self._lock:
            if (value := self._held(key)) is not None:
                return value
            gate = self._making.setdefault(key, threading.Lock())
        with gate:
            if (value := self.held(key)) is not None:
                return value
            try:
                value = make()
                self._keep(key, value)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return value

    def _keep(self, key: Hashable, value: Value) -> None:
        size = self._size_of(value)
        with self._lock:
            # Another thread may have made it too, after an error of the first.
            self._large.pop(key, None)
            if (other := self._entries.pop(key, None)) is not None:
                self._bytes -= self._size_of(other)
            # What falls out is not closed here: another thread may be reading it. It is freed with its last user.
            if size > self._max:
                self._large[key] = value
                while len(self._large) > self._larger:
                    self._large.popitem(last=False)
                return
            self._entries[key] = value
            self._bytes += size
            while self._bytes > self._max:
                _, old = self._entries.popitem(last=False)
                self._bytes -= self._size_of(old)


@contextmanager
def uncollected() -> Iterator[None]:
    """Make very many objects that stay: Python's collector, which looks through all of them again and again, waits for the end.

    Of 30,000 chips that takes two fifths of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Budget:
    """Room for so many units; whoever finds too little waits for others. Safe for threads.

    What a thread asks for while it holds some is not counted again. Whoever holds some must not wait for a lock that another
    thread may ask for room under.

    Args:
        most: units at once. Who wants more than this gets all of it, alone.
        what: what they are of, as the end of "This server has as much to do as it takes with ...".
    """

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self._free = most
        self._condition = threading.Condition()
        self._mine = threading.local()

    @contextmanager
    def hold(self, units: int, patience_s: float = 60.0) -> Iterator[None]:
        """Hold room for so many units.

        Raises:
            BusyError: there was none for so long.
        """
        if getattr(self._mine, "held", False):
            yield
            return
        wanted = min(max(units, 0), self._most)
        end = time.monotonic() + patience_s
        with self._condition:
            while self._free < wanted:
                if not self._condition.wait(end - time.monotonic()):
                    raise BusyError(
                        f"This server has as much to do as it takes with {self._what}: ask again in a moment."
                    )
            self._free -= wanted
        self._mine.held = True
        try:
            yield
        finally:
            self._mine.held = False
            with self._condition:
                self._free += wanted
                self._condition.notify_all()
