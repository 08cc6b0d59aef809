"""The files of a bundle, from a folder or a .tar.gz that may come from a stranger: read in memory, never unpacked."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tiles.errors import BundleError
from tiles.files import read_small

MANIFEST = "model.json"
MAX_MANIFEST_BYTES = 4 << 20
MAX_FILE_BYTES = 2 << 30
MAX_ARCHIVE_BYTES = 6 << 30
MAX_ARCHIVE_MEMBERS = 10_000

_ENDINGS = (".tar.gz", ".tgz")

Place = tuple[str, ...]


def is_archive(path: Path) -> bool:
    """Whether the path is named as an archive."""
    return path.name.lower().endswith(_ENDINGS)


def is_bundle(path: Path) -> bool:
    """Whether the path looks like a bundle: a folder with a model.json, or an archive. Nothing is opened."""
    return path.is_file() if is_archive(path) else (path / MANIFEST).is_file()


def read_manifest(path: Path) -> bytes:
    """Return the content of model.json.

    Raises:
        BundleError: there is no bundle at `path`, or it cannot be read.
    """
    if is_archive(path):
        return _archived_manifest(path)[1]
    if not path.exists():
        raise _nowhere(path)
    return _read_file(path, MANIFEST, MAX_MANIFEST_BYTES)


def read_files(path: Path, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of each named file of a bundle, one in memory at a time, in any order.

    Raises:
        BundleError: a file is missing or unreadable, or the archive is damaged, too large or holds what a bundle may not.
    """
    if not is_archive(path):
        for name in names:
            yield name, _read_file(path, name, MAX_FILE_BYTES)
        return
    folder, _ = _archived_manifest(path)
    missing = set(names)
    for place, content in _walk(path, lambda place: place[:-1] == folder and place[-1] in names, MAX_FILE_BYTES):
        if place[-1] not in missing:
            raise BundleError(
                f"{{file}} holds {place[-1]} twice, so it is not clear which counts: pack it again.",
                file=path,
            )
        missing.remove(place[-1])
        yield place[-1], content
    if missing:
        raise _missing(path, min(missing))


def _archived_manifest(path: Path) -> tuple[Place, bytes]:
    """Return the folder that model.json lies in, which is the top or one folder below it, and its content."""
    for place, content in _walk(path, lambda place: len(place) <= 2 and place[-1] == MANIFEST, MAX_MANIFEST_BYTES):
        return place[:-1], content
    raise _missing(path, MANIFEST)


def _walk(path: Path, wanted: Callable[[Place], bool], limit: int) -> Iterator[tuple[Place, bytes]]:
    """Yield the wanted files of an archive; refuse, before it is used, whatever could do harm if it were unpacked."""
    try:
        with (
            gzip.open(path) as unzipped,
            tarfile.open(fileobj=_Bounded(unzipped, path), mode="r|") as archive,  # a stream: one pass, no seeking
        ):
            for count, member in enumerate(archive):
                if count >= MAX_ARCHIVE_MEMBERS:
                    raise BundleError(
                        f"{{file}} holds over {MAX_ARCHIVE_MEMBERS} files, so it is no model bundle.",
                        file=path,
                    )
                place = _place(path, member)
                if not member.isfile() or not place or not wanted(place):
                    continue
                if member.size > limit:
                    raise BundleError(
                        f"{{file}} holds {member.name} of {member.size} bytes: at most {limit} are read.",
                        file=path,
                    )
                file = archive.extractfile(member)
                yield place, b"" if file is None else file.read()
    except FileNotFoundError:
        raise _nowhere(path) from None
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError) as error:
        raise BundleError(f"{{file}} is not a whole .tar.gz ({error}): fetch it again.", file=path) from error


def _place(path: Path, member: tarfile.TarInfo) -> Place:
    parts = tuple(part for part in member.name.split("/") if part not in ("", "."))
    if member.name.startswith("/") or ".." in parts or "\\" in member.name or "\0" in member.name:
        raise BundleError(
            f"{{file}} holds {member.name!r}, which would be unpacked outside its folder: do not use it.",
            file=path,
        )
    if not (member.isfile() or member.isdir()):
        raise BundleError(
            f"{{file}} holds {member.name!r}, a link or a device: pack the bundle with plain files only.",
            file=path,
        )
    return parts


class _Bounded(io.RawIOBase):
    """The unzipped bytes of an archive, until there are more of them than a bundle can have (a zip bomb)."""

    def __init__(self, file: gzip.GzipFile, path: Path) -> None:
        super().__init__()
        self._file, self._path, self._left = file, path, MAX_ARCHIVE_BYTES

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise BundleError(
                f"{{file}} unpacks to over {MAX_ARCHIVE_BYTES >> 30} GB, so it is no model bundle.",
                file=self._path,
            )
        return content


def _read_file(folder: Path, name: str, limit: int) -> bytes:
    path = folder / name
    try:
        return read_small(path, limit)
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(folder, name) from None
    except OSError as error:
        raise BundleError(
            f"{{file}} cannot be read ({error.strerror}): check what it is, and its permissions.", file=path
        ) from error


def _nowhere(path: Path) -> BundleError:
    return BundleError(
        f"There is no model bundle at {{file}}: give a folder with {MANIFEST}, or a .tar.gz of one.",
        file=path,
    )


def _missing(path: Path, name: str) -> BundleError:
    return BundleError(f"{{file}} lacks {name}, so it is no whole model bundle: fetch or write it again.", file=path)
