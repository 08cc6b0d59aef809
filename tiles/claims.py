"""Folders that a running process works in: the system lets a claim go when its process ends, however it ends, by no clock."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

fcntl: Any = import_module("fcntl") if find_spec("fcntl") else None  # Windows has none

CLAIM = ".claim"
"""The file in a claimed folder that its process holds locked."""
ABANDONED_S = 24 * 3600.0
"""Where the system has no such locks, a folder that nothing was written to for so long is nobody's any more."""


class Claim:
    """A new folder that is this process's own until it ends, or `close` is called.

    Attributes:
        folder: the folder, empty but for the claim.
    """

    def __init__(self, parent: Path, prefix: str) -> None:
        """Make a folder whose name begins with a prefix and ends in what nobody guesses.

        Raises:
            OSError: it cannot be made.
        """
        name = f"{prefix}{secrets.token_hex(8)}"
        self.folder = parent / name
        waiting = parent / f".{name}{CLAIM}"
        self._handle: IO[bytes] = waiting.open("xb")
        try:
            _lock(self._handle, wait=True)
            self.folder.mkdir()
            waiting.rename(self.folder / CLAIM)  # locked before anybody can see it there
        except BaseException:
            waiting.unlink(missing_ok=True)
            self._handle.close()
            raise

    def close(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._handle.close()


def sweep(parent: Path, prefix: str) -> None:
    """Remove the folders, named after a prefix, whose processes have ended."""
    for folder in parent.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            if folder.is_dir() and not folder.is_symlink() and _abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Have no other process in a block of the same path; what the block does must be short.

    Raises:
        OSError: the file of the lock cannot be made.
    """
    with path.open("ab") as handle:
        _lock(handle, wait=True)
        yield


def clock(folder: Path) -> float:
    """Return the time that a file gets which is written to a folder now, in seconds: what its files' ages are told by.

    The clock of this process may be another one, as with a network's disk, or set wrong.

    Raises:
        OSError: nothing can be written there.
    """
    probe = folder / f".part-{os.getpid()}-{secrets.token_hex(3)}-clock"
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _abandoned(folder: Path) -> bool:
    if fcntl is None or not (folder / CLAIM).is_file():
        return clock(folder.parent) - folder.stat().st_mtime > ABANDONED_S
    with (folder / CLAIM).open("rb") as handle:
        return _lock(handle, wait=False)


def _lock(handle: IO[bytes], *, wait: bool) -> bool:
    """Lock an open file; return whether it is locked now."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
