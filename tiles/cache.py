"""A bounded cache: least recently used entries go first, and one thread makes an entry while others wait for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """A cache bounded by the bytes of what it holds; safe for threads.

    A value larger than the whole cache is returned and not kept.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[Value], int]) -> None:
        self._max = max_bytes
        self._size_of = size_of
        self._entries: OrderedDict[Hashable, Value] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    @property
    def nbytes(self) -> int:
        """Bytes held now."""
        return self._bytes

    def held(self, key: Hashable) -> Value | None:
        """Return the entry where it is held, else None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key]

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the entry, made by `make` where it is not held. An error of `make` is raised, not kept."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
            gate = self._making.setdefault(key, threading.Lock())
        with gate:
            with self._lock:
                if key in self._entries:
                    return self._entries[key]
            try:
                value = make()
                self._keep(key, value)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return value

    def _keep(self, key: Hashable, value: Value) -> None:
        size = self._size_of(value)
        if size > self._max:
            return
        with self._lock:
            if key in self._entries:  # another thread made it too, after an error of the first
                self._bytes -= self._size_of(self._entries[key])
            self._entries[key] = value
            self._bytes += size
            # What falls out is not closed here: another thread may be reading it. It is freed with its last user.
            while self._bytes > self._max:
                _, old = self._entries.popitem(last=False)
                self._bytes -= self._size_of(old)
