"""Whether chips without a place are pieces of those that a model has seen: looked at once, and kept beside the predictions."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from functools import cached_property

from model.seen.chips import SeenChips
from model.seen.pieces import Pieces
from model.store.store import Store
from tiles.chip import ChipRecord
from tiles.content import Content, content_of
from tiles.errors import ChipError, StoreError
from tiles.reading.door import read_chip
from tiles.reading.raster import MAX_PIXELS

_KINDS = "piece1-"  # another number whenever pieces are looked for otherwise
_SAID: dict[bytes, bool | None] = {b"yes": True, b"no": False, b"unknown": None}


def may_be_a_piece(record: ChipRecord) -> bool:
    """Return whether a chip has to be looked at: it has no place that would tell, and is no scene, which no chip fills."""
    pixels = (record.width or 0) * (record.height or 0)
    return record.has_imagery and record.footprint is None and pixels <= MAX_PIXELS


class PiecesOfStore:
    """Looks for pieces of the chips of one list, and keeps in a store what was found. Safe from several threads."""

    def __init__(self, store: Store, seen: SeenChips) -> None:
        self._store, self._seen = store, seen
        self._lock = threading.Lock()

    def judge(self, record: ChipRecord, content: Content, until: float) -> tuple[bool | None, bool]:
        """Return whether a chip is a piece of one that was seen, and whether that is the last word.

        The first is None where it cannot be told.

        Args:
            record: the chip; it has no place.
            content: of its pixels when it was predicted.
            until: by `time.monotonic`, from when on nothing is looked at that is not known.
        """
        known = self._known.get(content.digest)
        if known is not None:
            return _SAID.get(known), True
        if time.monotonic() > until:
            return None, False
        try:
            chip = read_chip(record, with_label=False, with_ancillary=False)
        except ChipError:  # gone since it was predicted
            return None, False
        if content_of(chip).digest != content.digest:
            return None, False
        with self._lock:  # one at a time: each takes some memory
            found = self._pieces.held_by(chip)
        word = next(word for word, said in _SAID.items() if said is found)
        self._known[content.digest] = word
        with contextlib.suppress(StoreError):  # it is looked at again then
            self._store.derived.keep(self._kind, content.digest, word)
        return found, True

    @cached_property
    def _pieces(self) -> Pieces:
        return Pieces(self._seen)

    @cached_property
    def _kind(self) -> str:
        return _KINDS + hashlib.blake2b(self._seen.to_bytes(), digest_size=8).hexdigest()

    @cached_property
    def _known(self) -> dict[str, bytes]:
        return self._store.derived.of_kind(self._kind)
