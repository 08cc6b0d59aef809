"""Memory that was freed and is held for later, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes

_M_ARENA_MAX = -8  # of glibc's malloc.h


def share_heaps() -> None:
    """Have all threads share two heaps: each keeps what it once needed. Two of glibc's keep a quarter less, as quickly."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def give_back() -> None:
    """Give free memory inside the heaps back to the system, where its library can (glibc): milliseconds."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
