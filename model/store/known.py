"""Which rasters were found whole, and by what of their files: one that is as it was need not be read to be known whole."""

from __future__ import annotations

import contextlib
import threading

from model.store.derived import Derived
from model.store.rasters import Rasters
from tiles.errors import StoreError

_KIND = "whole-1"
_MANY = 200
"""So many are written to the database at once; what is left, when the store is closed."""


class KnownWhole:
    """The rasters of a store that were found whole. Safe from several threads."""

    def __init__(self, rasters: Rasters, derived: Derived) -> None:
        self._rasters, self._derived = rasters, derived
        self._lock = threading.Lock()
        self._known: dict[str, bytes] | None = None
        self._unkept: dict[str, bytes] = {}

    def holds(self, raster: str) -> bool:
        """Return whether a raster was found whole, and its file is as it was then.

        Raises:
            StoreError: the database cannot be read.
        """
        stamp = self._rasters.stamp(raster)
        with self._lock:
            if self._known is None:
                self._known = self._derived.of_kind(_KIND)
            return bool(stamp) and self._known.get(raster) == stamp.encode()

    def note(self, raster: str) -> None:
        """Note that a raster is whole as it lies there now."""
        stamp = self._rasters.stamp(raster).encode()
        if not stamp:
            return
        with self._lock:
            if self._known is not None:
                self._known[raster] = stamp
            self._unkept[raster] = stamp
            due = len(self._unkept) >= _MANY
        if due:
            self.keep()

    def forget(self, raster: str) -> None:
        """Note that a raster is none any more."""
        with self._lock:
            known = self._known is None or self._known.pop(raster, None) is not None
            if known or raster in self._unkept:
                self._unkept[raster] = b""

    def keep(self) -> None:
        """Write to the database what was noted; where it cannot be written, rasters are read again by the next."""
        with self._lock:
            unkept, self._unkept = self._unkept, {}
        with contextlib.suppress(StoreError):
            self._derived.keep_all(_KIND, unkept)
