"""The catalog in use, which changes while a program runs: whoever needs the present one holds this."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tiles.catalog.catalog import Catalog
from tiles.reading.headers import drawable


class LiveCatalog:
    """One catalog at a time, replaced as a whole. Methods may be called from any thread.

    A `Catalog` never changes: whoever takes `now` can work with it for as long as it likes. Whoever has to follow keeps the
    `version` that it has seen, or listens. Scenes on servers, which cannot be drawn, are chips with that problem in it.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._now = catalog.mapped(drawable)
        self._lock = threading.RLock()
        self._listeners: list[Callable[[Catalog], None]] = []

    @property
    def now(self) -> Catalog:
        """The present catalog."""
        return self._now

    @property
    def version(self) -> str:
        """The present catalog's version."""
        return self._now.version

    def change(self, change: Callable[[Catalog], Catalog]) -> Catalog:
        """Replace the catalog by what a function makes of it, tell all who listen, and return it.

        One change is made at a time, so none is lost; what the function raises leaves the catalog as it is.
        """
        with self._lock:
            changed = change(self._now).mapped(drawable)
            if changed is not self._now:
                self._now = changed
                for listener in self._listeners:
                    listener(changed)
            return changed

    def listen(self, listener: Callable[[Catalog], None]) -> None:
        """Have a function called with the catalog now and after each change. It must be quick, and change no catalog."""
        with self._lock:
            self._listeners.append(listener)
            listener(self._now)
