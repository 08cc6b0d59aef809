"""A file on a server, read in parts: pages are kept within a limit, and all of them are of one version of the file."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from tiles.archive.address import said
from tiles.archive.fetching import Answer, Fetcher, changed
from tiles.errors import ArchiveError, ChipError, UnreadableFileError

PAGE = 8192
"""Bytes that are asked for together at least: what is read beside a tile is a page at most at either end."""

_FIRST = 2 * PAGE
_MOST_PART = 64 << 20
_PAGES_KEPT = (16 << 20) // PAGE
_FILES_KEPT = 16
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class RemoteFile:
    """A file on a server. Safe for threads.

    Attributes:
        url: its address, as `Asset.path` has it.
        size: bytes.
        received: bytes that came over the network for it.
    """

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        """Ask for its beginning.

        Raises:
            ArchiveError: the server does not give it, or not in parts.
            UnreadableFileError: it is no TIFF.
        """
        self.url, self.received = url, 0
        self._fetcher = fetcher
        self._pages: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()
        answer, self.size = self._ask(0, _FIRST, None)
        self._version = _version(answer)
        self._keep(0, answer.body)
        if not answer.body.startswith(_TIFF):
            raise UnreadableFileError(f"{said(url)} is no GeoTIFF by its first bytes: give the address of one.")

    def read(self, at: int, length: int) -> bytes:
        """Return bytes of the file, fewer where it ends.

        Raises:
            ArchiveError: the server does not give them, or the file has become another one.
        """
        end = min(at + length, self.size)
        if at >= end:
            return b""
        first, last = at // PAGE, (end - 1) // PAGE
        with self._lock:
            have = {n: self._pages[n] for n in range(first, last + 1) if n in self._pages}
            for n in have:
                self._pages.move_to_end(n)
            for start, stop in _gaps(first, last, have):
                for part in range(start, stop, _MOST_PART // PAGE):
                    upto = min(stop, part + _MOST_PART // PAGE)
                    body = self._part(part * PAGE, min(upto * PAGE, self.size))
                    have |= {part + n: body[n * PAGE : (n + 1) * PAGE] for n in range(upto - part)}
                    self._keep(part, body)
        whole = b"".join(have[n] for n in range(first, last + 1))
        return whole[at - first * PAGE :][: end - at]

    def _part(self, start: int, end: int) -> bytes:
        answer, size = self._ask(start, end, self._version)
        if size != self.size or _version(answer) != self._version:
            raise changed(self.url)
        return answer.body

    def _ask(self, start: int, end: int, version: tuple[str, str] | None) -> tuple[Answer, int]:
        """Return the part of the file, and how many bytes all of it has."""
        headers = {"Range": f"bytes={start}-{end - 1}"}
        if version and version[0] and not version[0].startswith("W/"):
            headers["If-Match"] = version[0]
        answer = self._fetcher.get(self.url, end - start, headers=headers, ok=frozenset({206}), whole=frozenset({200}))
        found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
        if found is None:
            raise self._lies("does not say which part it sends")
        self.received += len(answer.body)
        first, last, size = (int(number) for number in found.groups())
        if (first, last) != (start, min(end, size) - 1) or len(answer.body) != last - first + 1:
            raise self._lies("sends another part than it was asked for")
        return answer, size

    def _lies(self, what: str) -> ArchiveError:
        return ArchiveError(f"{said(self.url)}: the server {what}, so it cannot be read in parts: download the file.")

    def _keep(self, first: int, body: bytes) -> None:
        for n in range(len(body) // PAGE + (len(body) % PAGE > 0)):
            page = body[n * PAGE : (n + 1) * PAGE]
            if len(page) == PAGE or (first + n) * PAGE + len(page) == self.size:
                self._pages[first + n] = page
        while len(self._pages) > _PAGES_KEPT:
            self._pages.popitem(last=False)


def _gaps(first: int, last: int, have: dict[int, bytes]) -> Iterator[tuple[int, int]]:
    """Give the runs of pages that are not there, ends excluded."""
    start = None
    for n in range(first, last + 2):
        missing = n <= last and n not in have
        if missing and start is None:
            start = n
        if not missing and start is not None:
            yield start, n
            start = None


def _version(answer: Answer) -> tuple[str, str]:
    return answer.headers.get("etag", ""), answer.headers.get("last-modified", "")


class _Files:
    """The files that are read now, with their pages and connections; the one that was read longest ago is forgotten."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, RemoteFile] = OrderedDict()
        self._fetchers: dict[str, Fetcher] = {}
        self._lock = threading.Lock()

    def of(self, url: str) -> RemoteFile:
        with self._lock:
            if url in self._files:
                self._files.move_to_end(url)
                return self._files[url]
        fetcher = Fetcher(url)
        file = RemoteFile(url, fetcher)
        with self._lock:
            if url in self._files:
                fetcher.close()
                return self._files[url]
            self._files[url], self._fetchers[url] = file, fetcher
            while len(self._files) > _FILES_KEPT:
                gone, _ = self._files.popitem(last=False)
                self._fetchers.pop(gone).close()
        return file

    def forget(self, url: str) -> None:
        with self._lock:
            if self._files.pop(url, None) is not None:
                self._fetchers.pop(url).close()


@functools.cache
def _files() -> _Files:
    return _Files()


def remote_file(url: str) -> RemoteFile:
    """Return a file on a server, as it was when it was first asked for, for as long as it is among the latest ones.

    Raises:
        ArchiveError, UnreadableFileError: as `RemoteFile`.
    """
    return _files().of(url)


def forget(url: str) -> None:
    """Forget a file, so that it is asked for anew."""
    _files().forget(url)


class _Stream(io.RawIOBase):
    """A file on a server as Python's files are; what fails is kept, since GDAL would forget it."""

    def __init__(self, file: RemoteFile, failed: list[ChipError]) -> None:
        super().__init__()
        self._file, self._failed, self._at = file, failed, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._file.read(self._at, self._file.size if size < 0 else size)
        except ChipError as error:
            self._failed.append(error)
            return b""
        self._at += len(data)
        return data


@contextlib.contextmanager
def open_remote(url: str) -> Iterator[DatasetReader]:
    """Open a GeoTIFF on a server; what is read of it is fetched then.

    Raises:
        ArchiveError: the server does not give it.
        UnreadableFileError: it is no sound GeoTIFF.
    """
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
    file = remote_file(url)
    failed: list[ChipError] = []
    name = said(url).rpartition("/")[2] or "image.tif"

    def opener(path: str, mode: str = "rb") -> _Stream:
        if not path.endswith(name) or "w" in mode:  # GDAL looks for files beside it, which are not asked for
            raise FileNotFoundError(path)
        return _Stream(file, failed)

    try:
        with rasterio.open(name, driver="GTiff", opener=opener) as dataset:
            yield dataset
    except (RasterioError, OSError, ValueError, UnreadableFileError) as error:
        forget(url)
        if failed:
            raise failed[0] from error
        if isinstance(error, UnreadableFileError):
            raise
        raise UnreadableFileError(
            f"{said(url)} begins as a TIFF, but its header is damaged or is of no image: check the address."
        ) from error
    if failed:  # GDAL took a part that is missing for zeros
        forget(url)
        raise failed[0]
