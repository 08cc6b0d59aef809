"""Asking servers: with limits of time and size, tried again where that may help, redirects looked at before they are followed."""

from __future__ import annotations

import contextlib
import shlex
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from tiles.archive.address import Reach, bare, machine, named, said
from tiles.archive.signing import Tokens, signed
from tiles.errors import ArchiveError, AwayError
from tiles.sentences import shown

CONNECT_S, READ_S = 5.0, 20.0
"""Seconds that a connection, and each part of an answer, is waited for."""
WHOLE_S = 60.0
"""Seconds that one question may take, with all that is tried again."""

_TRIES = 4
_WAIT_S = 0.25
_MOST_WAIT_S = 10.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 4
_PART = 1 << 16
_MOST_OF_SERVICE = 64 << 10
_ALWAYS = {"User-Agent": "floodscope", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Answer:
    """What a server has answered.

    Attributes:
        status: of HTTP.
        headers: by names in small letters.
        body: all of it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Question:
    """What is asked, and until when: as `Fetcher.get` takes it; its headers change with where it is led."""

    url: str
    most: int
    method: str
    body: bytes | None
    ok: frozenset[int]
    whole: frozenset[int]
    ends: float


class Fetcher:
    """Asks servers on behalf of one address; safe for threads. Connections stay open for the next question."""

    def __init__(self, url: str, *, whole_s: float = WHOLE_S, read_s: float = READ_S) -> None:
        """Take the address that the reach is judged by (`tiles.archive.address.named`)."""
        self._reach = Reach(url)
        self._whole_s, self._read_s = whole_s, read_s
        self._pools: dict[tuple[str, str, int], urllib3.HTTPConnectionPool] = {}
        self._tokens: Tokens = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def get(
        self,
        url: str,
        most: int,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        body: bytes | None = None,
        ok: frozenset[int] = frozenset({200}),
        whole: frozenset[int] = frozenset(),
    ) -> Answer:
        """Return what a server answers.

        Args:
            url: of http or https, or s3 (`tiles.archive.signing`).
            most: bytes that the answer may have.
            headers, method, body: of the question.
            ok: statuses that are an answer; the body of any other is not read.
            whole: statuses by which a server gives all of a file where a part was asked for, which is refused.

        Raises:
            ArchiveError: it does not answer so, in time.
        """
        asked = _Question(bare(url), most, method, body, ok, whole, time.monotonic() + self._whole_s)
        why = "did not answer"
        for attempt in range(_TRIES):
            try:
                return self._follow(asked, dict(headers or {}))
            except _Later as later:
                why = later.why
                wait = max(_WAIT_S * 2**attempt, min(later.after, _MOST_WAIT_S))
            if attempt == _TRIES - 1 or time.monotonic() + wait >= asked.ends:
                break
            time.sleep(wait)
        raise AwayError(f"{said(url)}: the server {why}, asked {attempt + 1} times: try again later.")

    def _follow(self, asked: _Question, headers: dict[str, str]) -> Answer:
        url = asked.url
        own = machine(url) if not url.startswith("s3:") else None
        at = signed(url, self._tokens, _of_service)
        for _ in range(_MOST_REDIRECTS + 1):
            if own is not None and machine(at) != own:
                headers.pop("Authorization", None)
            answer = self._once(asked, at, headers)
            if isinstance(answer, Answer):
                return answer
            further = urljoin(at, answer)
            if urlsplit(at).scheme == "https" and urlsplit(further).scheme != "https":
                raise ArchiveError(
                    f"{said(url)}: the server leads from https to {said(further)}, which is not followed."
                )
            at = further
        raise ArchiveError(
            f"{said(url)}: the server leads from one address to the next without end: check the address."
        )

    def _once(self, asked: _Question, url: str, headers: Mapping[str, str]) -> Answer | str:
        """Return an answer, or where the server leads to."""
        parts = urlsplit(url)
        path = parts.path or "/"
        target = f"{path}?{parts.query}" if parts.query else path
        pool = self._pool(url)
        left = asked.ends - time.monotonic()
        if left <= 0:
            raise _Later(f"took longer than {self._whole_s:.0f} s")
        try:
            response = pool.urlopen(
                asked.method, target, body=asked.body, redirect=False, retries=False, preload_content=False, decode_content=True,
                headers={**_ALWAYS, "Host": _host(parts.hostname, parts.port), **headers},
                timeout=urllib3.Timeout(connect=min(CONNECT_S, left), read=min(self._read_s, left)),
            )  # fmt: skip
        except HTTPError as error:
            raise _failed(error) from error
        with contextlib.closing(response):
            try:
                if response.status in _REDIRECTS and "location" in response.headers:
                    return str(response.headers["location"])
                if response.status in _AGAIN:
                    raise _Later(f"answered {response.status}", _after(response.headers.get("retry-after")))
                if response.status in asked.whole:
                    raise ArchiveError(
                        f"{said(asked.url)}: the server gives files whole and not in parts: {_download(asked.url)}"
                    )
                if response.status not in asked.ok:
                    raise refused(asked.url, response.status, self._beginning(response))
                content = self._body(response, asked)
            except HTTPError as error:
                raise _failed(error) from error
            finally:
                if response.length_remaining not in (0, None):
                    response.close()
                else:
                    response.release_conn()
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, content)

    def _body(self, response: urllib3.BaseHTTPResponse, asked: _Question) -> bytes:
        parts, size = [], 0
        # What has come: a server that drips is not waited for until a part is full.
        while part := response.read1(_PART):
            size += len(part)
            if size > asked.most:
                raise ArchiveError(
                    f"{said(asked.url)}: the server sends more than the {asked.most:,} bytes that were asked for: it is not "
                    "read."
                )
            if time.monotonic() > asked.ends:
                raise _Later(f"took longer than {self._whole_s:.0f} s for {size:,} bytes")
            parts.append(part)
        return b"".join(parts)

    def _beginning(self, response: urllib3.BaseHTTPResponse) -> str:
        with contextlib.suppress(HTTPError, OSError):
            return response.read(2048).decode("utf-8", "replace")
        return ""

    def _pool(self, url: str) -> urllib3.HTTPConnectionPool:
        """Return the connections to an address's machine: to the very machine that was looked at, whatever its name says next."""
        parts = urlsplit(url)
        host, port = machine(url)
        key = (parts.scheme, host, port)
        with self._lock:
            if key in self._pools:
                return self._pools[key]
        address = self._reach.require(url)[0]
        pool: urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            pool = urllib3.HTTPSConnectionPool(
                address, port, maxsize=4, ssl_context=self._trust, server_hostname=host, assert_hostname=host
            )
        else:
            pool = urllib3.HTTPConnectionPool(address, port, maxsize=4)
        with self._lock:
            return self._pools.setdefault(key, pool)


class _Later(Exception):  # noqa: N818 - it may be no error, if it works later
    """The question may be answered when it is asked again.

    Attributes:
        why: what the server did, after "the server".
        after: seconds that it asks to wait.
    """

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.why, self.after = why, after


def refused(url: str, status: int, body: str) -> ArchiveError:
    """Return the error of a status that asking again does not change."""
    expired = any(
        word in body.lower() for word in ("expired", "signature not valid in the specified time", "signed expiry")
    )
    if status in {401, 403} and expired:
        return AwayError(
            f"{said(url)}: the signature of the address has expired ({status}): get the address anew, or name a signer "
            "(FLOODSCOPE_SIGNER)."
        )
    if status in {401, 403}:
        return AwayError(
            f"{said(url)}: the server does not give it to us ({status}): it may need a signer (FLOODSCOPE_SIGNER), the variables "
            "of AWS, or permission."
        )
    if status in {404, 410}:
        return ArchiveError(f"{said(url)}: the server has no such file ({status}): check the address, or search again.")
    if status == 412:
        return changed(url)
    return ArchiveError(f"{said(url)}: the server answered {status}: check the address.")


def changed(url: str) -> ArchiveError:
    """Return the error of a file that became another one while it was read."""
    return ArchiveError(f"{said(url)} has changed while it was read: start again, so that all of it is of one version.")


def _failed(error: HTTPError) -> Exception:
    text = str(error)
    if isinstance(error, urllib3.exceptions.SSLError) or "certificate" in text.lower():
        return _Later(f"cannot be trusted ({shown(text)[:100]})")
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # a kind of the next one
        return _Later("cannot be reached (nothing answers at its port)")
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError | urllib3.exceptions.ReadTimeoutError):
        return _Later("is too slow or silent")
    return _Later("broke off in the middle")


def _after(text: str | None) -> float:
    if text is None:
        return 0.0
    with contextlib.suppress(ValueError):
        return max(0.0, float(text))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    return 0.0


def _host(host: str | None, port: int | None) -> str:
    name = f"[{host}]" if host and ":" in host else host or ""
    return f"{name}:{port}" if port else name


def _of_service(url: str) -> bytes:
    """Return what a service answers that the operator configured, wherever it is."""
    with fetching(named(url)) as fetcher:
        return fetcher.get(url, _MOST_OF_SERVICE).body


@contextlib.contextmanager
def fetching(url: str) -> Iterator[Fetcher]:
    """Give a fetcher, closed afterwards."""
    fetcher = Fetcher(url)
    try:
        yield fetcher
    finally:
        fetcher.close()


def _download(url: str) -> str:
    """Return how a file is fetched that cannot be read where it lies; a query may be a secret, so it is left to the reader."""
    address = said(url)
    name = shlex.quote(address.rstrip("/").rsplit("/", 1)[-1] or "image.tif")
    rest = ", with what follows its ?" if urlsplit(url).query else ""
    return f"download it first (curl -fL -o {name} {shlex.quote(address)}{rest}), VV and VH into one folder, then give that."
