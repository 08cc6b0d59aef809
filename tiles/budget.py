"""How much is worked on at once, over all threads: so many pixels fit into memory, however many ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tiles.errors import BusyError


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
