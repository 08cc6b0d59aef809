"""Files that appear whole or not at all: written beside their name, brought to the disk, then put in place."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tiles.errors import OutputError

BEGUN = ".part-"
"""How the name of a file that is not whole yet begins; the process, a random word and the file's own name follow."""


def read_small(path: Path, limit: int) -> bytes:
    """Return what a file holds that may come from a stranger: a pipe is not waited for, a huge file is not read.

    Args:
        path: the file; links are followed.
        limit: the most bytes that it may have.

    Raises:
        OSError: it cannot be opened, is no regular file, or is larger. Its words can stand in a sentence.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:  # noqa: PTH123 - a handle, no path
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe, a device or a folder, not a file", str(path))
        content = file.read(min(limit, found.st_size) + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes", str(path))
    return content


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that after a crash at any moment it is there whole, or not at all.

    Raises:
        OutputError: the disk is full, or the folder is missing or may not be written.
    """
    with replacing(path) as part:
        part.write_bytes(data)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the name of a file to write, in the folder of `path`; it becomes `path` when the block ends without an error.

    Its ending is that of `path`, which GDAL goes by. Two processes may write one file at the same time: the last rename stays.

    Raises:
        OutputError: the disk is full, or the folder is missing or may not be written.
    """
    part = path.with_name(f"{BEGUN}{os.getpid()}-{secrets.token_hex(3)}-{path.name}")
    try:
        try:
            yield part
            _sync(part, os.O_RDWR)
            part.replace(path)
            _sync_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: Exception) -> OutputError:
    """Return the error of a file or folder that cannot be written, from what the system or a library says of it."""
    why = str(error)
    if isinstance(error, OSError):  # pyarrow's have a number and no words
        why = error.strerror or (os.strerror(error.errno) if error.errno else why)
    return OutputError(
        f"{{file}} cannot be written ({why}): free some space, give write permission, or choose another place.",
        file=path,
    )


def _sync(path: Path, mode: int) -> None:
    handle = os.open(path, mode)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut. Where folders cannot be opened (Windows), the system sees to it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
