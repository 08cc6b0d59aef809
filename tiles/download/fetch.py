"""One file over HTTPS into a folder: resumed where it stopped, checked, and put in place whole or not at all."""

from __future__ import annotations

import base64
import errno
import hashlib
import http.client
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from tiles.errors import DownloadError, UsageError

_BLOCK = 1 << 16
_ATTEMPTS = 5
_TIMEOUT_S = 30.0
_LOCALHOST = {"localhost", "127.0.0.1", "::1"}
_AGAIN = "run the same command again, it goes on where it stopped"
# Statuses of a server that may answer later.
_BUSY = {408, 429, 500, 502, 503, 504}


_T = TypeVar("_T")


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server, and where it shall lie.

    Attributes:
        url: its address.
        size: bytes.
        etag: the server's tag of this version, as it stands in the header (with quotes); empty where there is none.
        target: the file to write.
    """

    url: str
    size: int
    etag: str
    target: Path

    @property
    def md5(self) -> str | None:
        """The MD5 (32 hex digits) that the tag is for files uploaded in one piece, else None."""
        tag = self.etag.strip('"').lower()
        return tag if re.fullmatch(r"[0-9a-f]{32}", tag) else None

    @property
    def part(self) -> Path:
        """Where it grows. The name holds the version, so that two versions never end up in one file."""
        version = hashlib.blake2b(self.etag.encode(), digest_size=6).hexdigest()
        return self.target.with_name(f"{self.target.name}.{version}.part")


@dataclass(frozen=True)
class Fetched:
    """What `Fetcher.fetch` did: the bytes that came over the network, and whether a checksum was compared."""

    received: int
    verified: bool


class RefusedError(DownloadError):
    """The server cannot give this one file; others may still come."""


class Stopped(Exception):  # noqa: N818 - not an error: the user, or another file's failure, ended the download
    """The download was ended from outside; what has arrived stays in `.part` files."""


class _TryAgain(Exception):  # noqa: N818 - a turn of the loop, never seen outside
    """An attempt failed in a way that may pass. `refused`: the fault is this file's, not the network's."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class _SafeRedirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        require_safe_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def require_safe_url(url: str) -> None:
    """Refuse an address that is neither https nor this machine.

    Raises:
        UsageError: the address is of another kind.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"{url} is not a web address ({error}): give one like https://host/bucket.") from error
    local = parts.scheme == "http" and parts.hostname in _LOCALHOST
    if not (parts.hostname and (parts.scheme == "https" or local)):
        raise UsageError(f"{url} is not an https address: downloads come over https (plain http from localhost only).")


class Fetcher:
    """Fetches files from one server; safe to use from several threads.

    Args:
        retry_wait: seconds before the second attempt; doubled before each further one.
    """

    def __init__(self, retry_wait: float = 0.5) -> None:
        self._opener: OpenerDirector = build_opener(_SafeRedirects)
        self._retry_wait = retry_wait
        self._stop = threading.Event()

    def stop(self) -> None:
        """End every fetch that runs, at its next block; each raises `Stopped`."""
        self._stop.set()

    def read(self, url: str, limit: int) -> bytes:
        """Return a small document.

        Raises:
            DownloadError: it cannot be read, or is larger than `limit` bytes.
        """

        def attempt() -> bytes:
            body = bytearray()
            with self._open(url, {}) as response:
                for block in _blocks(response):
                    body += block
                    if len(body) > limit:
                        raise DownloadError(f"{url} answered with more than {limit:,} bytes: check the address.")
            return bytes(body)

        return self._with_retries(url, attempt)

    def fetch(self, remote: RemoteFile, on_bytes: Callable[[int], None]) -> Fetched:
        """Bring a file to its target; what an earlier call left of it is not fetched again.

        Args:
            remote: what and where to.
            on_bytes: told how many bytes have been gained; negative where they had to be thrown away.

        Raises:
            DownloadError: it could not be brought whole, or the disk does not take it.
            Stopped: `stop` was called.
        """
        received = 0
        verified = False

        def gained(count: int) -> None:
            nonlocal received
            received += max(count, 0)
            on_bytes(count)

        def attempt() -> None:
            nonlocal verified
            verified = self._verify(remote, self._grow(remote, gained), on_bytes)

        if remote.part.is_file():
            on_bytes(remote.part.stat().st_size)
        self._with_retries(remote.url, attempt)
        with _disk(remote.target):
            remote.part.replace(remote.target)
        return Fetched(received, verified)

    def _grow(self, remote: RemoteFile, gained: Callable[[int], None]) -> str | None:
        """Append to the `.part` what it lacks; return the MD5 that the server names, where it does."""
        with _disk(remote.part):
            start = remote.part.stat().st_size if remote.part.exists() else 0
        if start == remote.size > 0:
            return None
        if start > remote.size:
            raise self._discard(remote, gained, "more bytes than its size arrived")
        headers = {"Range": f"bytes={start}-", "If-Range": remote.etag} if start and remote.etag else {}
        with self._open(remote.url, headers) as response, _disk(remote.part), remote.part.open("ab", 0) as sink:
            if start and response.status != http.HTTPStatus.PARTIAL_CONTENT:
                gained(-start)
                sink.truncate(0)
                start = 0
            elif start and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                raise self._discard(remote, gained, "the server sent another part than was asked for")
            for block in _blocks(response):
                if self._stop.is_set():
                    raise Stopped
                sink.write(block)
                gained(len(block))
                start += len(block)
                if start > remote.size:
                    raise self._discard(remote, gained, "more bytes than its size arrived")
            md5 = _md5_header(response.headers)
        if start < remote.size:
            raise _TryAgain(f"only {start:,} of {remote.size:,} bytes arrived")
        return md5

    def _verify(self, remote: RemoteFile, header_md5: str | None, on_bytes: Callable[[int], None]) -> bool:
        expected = remote.md5 or header_md5
        if expected is None:
            return False
        with _disk(remote.part):
            found = md5_of(remote.part)
        if found != expected:
            raise self._discard(remote, on_bytes, f"its checksum is {found}, not {expected}")
        return True

    @staticmethod
    def _discard(remote: RemoteFile, gained: Callable[[int], None], reason: str) -> _TryAgain:
        with _disk(remote.part):
            size = remote.part.stat().st_size
            remote.part.unlink()
        gained(-size)
        return _TryAgain(reason, refused=True)

    def _open(self, url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        if self._stop.is_set():
            raise Stopped
        require_safe_url(url)
        # Compression on the way would change the bytes that sizes, ranges and checksums count.
        request = Request(url, headers={"User-Agent": "floodscope", "Accept-Encoding": "identity", **headers})  # noqa: S310 - checked above
        try:
            response: http.client.HTTPResponse = self._opener.open(request, timeout=_TIMEOUT_S)
        except HTTPError as error:
            with error:
                answer = f"{error.code} {error.reason}"
            if error.code in _BUSY:
                raise _TryAgain(f"the server answered {answer}") from error
            raise RefusedError(f"{url} was answered with {answer}: check the address, then {_AGAIN}.") from error
        except URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise DownloadError(
                    f"The certificate of {urlsplit(url).hostname} is not trusted ({error.reason.verify_message}): "
                    "update this machine's certificates, or name them in SSL_CERT_FILE."
                ) from error
            raise _TryAgain(f"no connection: {error.reason}") from error
        except (http.client.HTTPException, OSError) as error:
            raise _TryAgain(f"the connection broke: {error or type(error).__name__}") from error
        return response

    def _with_retries(self, url: str, attempt: Callable[[], _T]) -> _T:
        for count in range(_ATTEMPTS):
            try:
                return attempt()
            except _TryAgain as error:
                failure = error
            if count < _ATTEMPTS - 1 and self._stop.wait(self._retry_wait * 2**count):
                raise Stopped
        kind = RefusedError if failure.refused else DownloadError
        raise kind(
            f"{url} could not be downloaded in {_ATTEMPTS} attempts ({failure}): check the network, then {_AGAIN}."
        )


def md5_of(path: Path) -> str:
    """Return the MD5 of a file, 32 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield the body as it arrives, so that little is lost when it breaks off."""
    length = response.headers.get("Content-Length")
    owed = int(length) if length and length.isdecimal() else None
    try:
        while owed != 0 and (block := response.read1(_BLOCK)):
            owed = owed - len(block) if owed is not None else None
            yield block
    except (http.client.HTTPException, OSError) as error:
        raise _TryAgain(f"the connection broke: {error or type(error).__name__}") from error
    if owed:  # a body cut short ends like a whole one, but for this count
        raise _TryAgain(f"the connection broke {owed:,} bytes before the end")


def _md5_header(headers: Message) -> str | None:
    """Return the MD5 of the whole object from Google's x-goog-hash (base64; one header a hash, or commas)."""
    for value in ",".join(headers.get_all("x-goog-hash", [])).split(","):
        name, _, encoded = value.strip().partition("=")
        if name == "md5":
            with suppress(ValueError):  # not base64: as good as none
                return base64.b64decode(encoded, validate=True).hex()
    return None


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Turn what the file system says into an error that tells what to do."""
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from error


def disk_error(path: Path, error: OSError) -> DownloadError:
    """Return the error for a file or folder that the file system would not write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DownloadError(f"No space is left on the disk of {path.parent}: make room and {_AGAIN}.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return DownloadError(f"{path} may not be written ({error.strerror}): give write permission, or another folder.")
    return DownloadError(f"{path} could not be written ({error.strerror}): give another folder.")
