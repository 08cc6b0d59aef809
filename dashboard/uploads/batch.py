"""Files as they come in: written to disk part by part under names of their own, counted and hashed, never whole in memory."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tiles.errors import UploadTooLargeError
from tiles.sentences import shown

_LONGEST_NAME = 200
_LOOK_AFTER = 8 << 20


@dataclass(frozen=True)
class Limits:
    """How much is taken in.

    Attributes:
        file_bytes: of one file. Two bands of float32 of the largest chip, 4096 x 4096, are 128 MiB; scenes are packed.
        batch_bytes, files: of what is sent at once.
        chips: of what is kept.
        pixels: of one image, however well it is packed. A whole Sentinel-1 scene at 10 m has 430 million.
        spare_bytes: room on the disk that is left alone.
    """

    file_bytes: int = 256 << 20
    batch_bytes: int = 1 << 30
    files: int = 90
    chips: int = 500
    pixels: int = 500_000_000
    spare_bytes: int = 1 << 30


@dataclass
class Sent:
    """One file that came in.

    Attributes:
        name: what its sender calls it, as printable text.
        path: where it lies.
        digest: of its content.
        problem: why it cannot be used, where that is known already.
    """

    name: str
    path: Path
    digest: str = ""
    problem: str | None = None


class Sink:
    """A file that is being sent: written to disk as it comes, counted and hashed."""

    def __init__(self, sent: Sent, batch: Batch) -> None:
        self._sent, self._batch = sent, batch
        self._hash, self._size = hashlib.sha256(), 0
        self._file = sent.path.open("xb")

    def write(self, data: bytes) -> int:
        """Take in a part.

        Raises:
            UploadTooLargeError: the file or the batch is too large, or the disk is full.
        """
        self._size += len(data)
        self._batch.count(len(data))
        if self._size > self._batch.limits.file_bytes:
            raise UploadTooLargeError(
                f"{self._sent.name} has more than {self._batch.limits.file_bytes >> 20} MiB, the most that one file may have: "
                "cut it into tiles first (floodscope cut SOURCE --out DIR), or have it opened as a source (floodscope dashboard "
                "SOURCE)."
            )
        self._hash.update(data)
        try:
            return self._file.write(data)
        except OSError as error:
            raise no_room(error) from error

    def seek(self, _: int) -> int:
        """End the file; the parser of forms winds it back when all of it is there."""
        if not self._file.closed:
            try:
                self._file.close()
            except OSError as error:
                raise no_room(error) from error
            self._sent.digest = self._hash.hexdigest()
        return 0

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            self._file.close()


class Batch:
    """Files that are sent together.

    Attributes:
        folder: where they are written to.
        limits: how much is taken in.
        files: those that have begun.
        received: bytes of all of them so far.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder, self.limits = folder, limits
        self.files: list[Sent] = []
        self.received = 0
        self._looked = 0

    def begin(self, name: str) -> Sink:
        """Begin a file.

        Raises:
            UploadTooLargeError: there are too many files already.
        """
        if len(self.files) >= self.limits.files:
            raise UploadTooLargeError(
                f"More than {self.limits.files} files were sent at once: send them in several parts."
            )
        sent = Sent(shown(name)[:_LONGEST_NAME] or "(no name)", self.folder / f"{len(self.files)}.tif")
        sent.problem = _problem_of_name(name)
        self.files.append(sent)
        return Sink(sent, self)

    def count(self, size: int) -> None:
        """Count what came in.

        Raises:
            UploadTooLargeError: it is more than is taken in at once.
        """
        self.received += size
        if self.received > self.limits.batch_bytes:
            raise too_large(self.limits)
        if self.received - self._looked > _LOOK_AFTER:  # others write too, and not all of them say how much before
            self._looked = self.received
            require_room(self.folder, self.limits, 0)


def require_room(folder: Path, limits: Limits, wanted: int) -> None:
    """Raise UploadTooLargeError where so many bytes more would leave too little room on the disk."""
    if shutil.disk_usage(folder).free - limits.spare_bytes < wanted:
        raise UploadTooLargeError("There is no room for these files on the server's disk: remove some images first.")


def too_large(limits: Limits) -> UploadTooLargeError:
    """Return what is said of a batch that is too large."""
    return UploadTooLargeError(
        f"More than {limits.batch_bytes >> 20} MiB were sent at once, which is the most: send the images in several parts."
    )


def no_room(error: OSError) -> UploadTooLargeError:
    """Return what is said of a disk that takes no more."""
    why = "the server's disk is full" if error.errno == errno.ENOSPC else os.strerror(error.errno or 0)
    return UploadTooLargeError(f"The files could not be kept ({why}): remove some images, or ask who runs the server.")


def _problem_of_name(name: str) -> str | None:
    said = shown(name)[:_LONGEST_NAME]
    if not name.strip():
        return "A file was sent without a name: name it NAME_vv.tif, NAME_vh.tif or NAME_label.tif."
    if "/" in name or "\\" in name or name in {".", ".."}:
        return f"{said} names a folder, not a file: send the file under its bare name."
    if len(name) > _LONGEST_NAME:
        return f"{said}… has a name of more than {_LONGEST_NAME} characters: give it a shorter one."
    return None
