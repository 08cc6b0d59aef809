"""What malloc does with memory that was freed: kept for a network's next tensors while it runs, given back when all is done.

A network's pass frees and takes a gigabyte in pieces of megabytes. Left to itself glibc gives each piece back to the system and
takes it anew, a page at a time: a quarter of the pass. Elsewhere than on glibc nothing is changed.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator

# Of glibc's malloc.h. Once one of the first three is set, glibc moves its thresholds no more: they get what it would come to.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -3, -4, -8
_LARGEST_THRESHOLD = 32 << 20
_USUAL_MAPPINGS = 65536
_KEPT_BYTES = 1 << 30

_lock = threading.Lock()
_running = 0


def share_heaps(count: int) -> None:
    """Have the threads that begin from now on share so many heaps: each heap keeps what was once needed of it.

    Beside threads that answer requests two keep a quarter less than glibc's, as quickly. Where one thread runs a network, and one
    reads for it, one heap does: what a network has freed is there for all.
    """
    _set(_M_ARENA_MAX, count)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Keep what is freed in the heaps of this process while a network runs on the CPU, in any thread.

    It stays there for the next network, up to a gigabyte of it, until `give_back`.
    """
    global _running  # noqa: PLW0603 - malloc is of the process
    with _lock:
        _running += 1
        if _running == 1:
            _set(_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD)
            _set(_M_TRIM_THRESHOLD, _KEPT_BYTES)
            _set(_M_MMAP_MAX, 0)
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if not _running:
                _set(_M_MMAP_MAX, _USUAL_MAPPINGS)


def give_back() -> None:
    """Give free memory inside the heaps back to the system, where its library can (glibc): milliseconds."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _set(option: int, value: int) -> None:
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(option, value)
