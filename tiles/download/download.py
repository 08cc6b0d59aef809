"""The Sen1Floods11 data set, from its public bucket into a folder that the catalog recognises."""

from __future__ import annotations

import glob
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from tiles.download.fetch import Fetched, Fetcher, RefusedError, RemoteFile, disk_error, md5_of, require_safe_url
from tiles.errors import DownloadError, UsageError

SEN1FLOODS11_URL = "https://storage.googleapis.com/sen1floods11"
"""The public bucket of Bonafilia et al. 2020, over HTTPS."""

Progress = Callable[[int, int, int], None]
"""Told (bytes that are there, bytes in all, files that are whole), by one thread at a time."""

_HAND = "v1.1/data/flood_events/HandLabeled"
_SPLITS = "v1.1/splits/flood_handlabeled/"
_METADATA = "v1.1/Sen1Floods11_Metadata.geojson"
# Only keys of these shapes become files, so that no name from a server leaves the folder.
_CHIP_KEY = re.compile(
    rf"{re.escape(_HAND)}/(?P<kind>S1Hand|LabelHand)/(?P<chip>(?P<event>[A-Za-z]+(?:-[A-Za-z]+)*)_[0-9]+)_(?P=kind)\.tif"
)
_SPLIT_KEY = re.compile(rf"{re.escape(_SPLITS)}(?P<name>[A-Za-z0-9_-]+\.csv)")
# A tag is sent back in a header, where a line break would begin another.
_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')
_COUNTRIES = {"cambodia": "mekong", "unitedstates": "usa", "unitedstatesofamerica": "usa", "us": "usa"}

_CONNECTIONS = 4
_LISTING_BYTES = 16 << 20
_LISTING_PAGES = 1000
_SPARE_BYTES = 64 << 20


@dataclass(frozen=True)
class DownloadReport:
    """What `download_sen1floods11` did.

    Attributes:
        folder: the Sen1Floods11 folder.
        chips: chips in the folder that were asked for.
        fetched: files that were brought now.
        kept: files that were there already, whole and unchanged.
        received: bytes that came over the network.
        unlabelled: chips that the bucket has no label of.
        unverified: files that the server named no checksum of; their size was compared.
    """

    folder: Path
    chips: int
    fetched: int
    kept: int
    received: int
    unlabelled: tuple[str, ...]
    unverified: tuple[str, ...]


@dataclass(frozen=True)
class _Object:
    """One object of the bucket's listing."""

    key: str
    size: int
    etag: str


def download_sen1floods11(
    out: str | Path,
    country: str | None = None,
    limit: int | None = None,
    base_url: str = SEN1FLOODS11_URL,
    progress: Progress | None = None,
    retry_wait: float = 0.5,
) -> DownloadReport:
    """Download the hand-labelled chips of Sen1Floods11 (S1Hand, LabelHand), the split lists and the events' metadata.

    Files that are there already, with the checksum the bucket names, are kept. An interrupted download leaves `.part`
    files; the next call goes on where they end. A file is put in place by rename, whole and checked, or not at all.

    Args:
        out: the folder to fill; made if it is not there.
        country: only this country or event (`USA`, `United States`, `Sri Lanka`, `Cambodia` for the Mekong ...).
        limit: this many chips at most, taken from all events in turn.
        base_url: the bucket: https, or http on this machine.
        progress: told how far it is.
        retry_wait: seconds before a failed file is tried again; doubled each time.

    Raises:
        UsageError: no such country, a limit below 1, or an address that is not https.
        DownloadError: a file could not be brought whole, or the folder cannot take it.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"A limit of {limit} chips downloads nothing: give 1 or more.")
    require_safe_url(base_url)
    folder = Path(out)
    fetcher = Fetcher(retry_wait)
    base = base_url.rstrip("/")
    images, labels = (_chips(_listing(fetcher, base, f"{_HAND}/{kind}/"), kind) for kind in ("S1Hand", "LabelHand"))
    if not images:
        raise DownloadError(f"{base} lists no chip under {_HAND}/S1Hand/: check the address.")
    chosen = _choose(images, country, limit)
    rest = [*_listing(fetcher, base, _SPLITS), *_listing(fetcher, base, _METADATA)]
    remotes = list(_remote_files(folder, base, chain((images[c] for c in chosen), _present(labels, chosen), rest)))
    results = _Download(folder, fetcher, remotes, progress).run()
    brought = {remote: fetched for remote, fetched in results.items() if fetched is not None}
    return DownloadReport(
        folder=folder,
        chips=len(chosen),
        fetched=len(brought),
        kept=len(results) - len(brought),
        received=sum(fetched.received for fetched in brought.values()),
        unlabelled=tuple(c for c in chosen if c not in labels),
        unverified=tuple(sorted(r.target.name for r, f in brought.items() if not f.verified)),
    )


def _listing(fetcher: Fetcher, base: str, prefix: str) -> Iterator[_Object]:
    """Yield the bucket's objects under a prefix, page by page (the XML interface of Google and S3)."""
    marker = ""
    for _ in range(_LISTING_PAGES):
        url = f"{base}/?{urlencode({'prefix': prefix, 'marker': marker} if marker else {'prefix': prefix})}"
        page = _parse_page(url, fetcher.read(url, _LISTING_BYTES))
        last = ""
        for item in page.iterfind("{*}Contents"):
            size = item.findtext("{*}Size", "")
            last = item.findtext("{*}Key", "")
            if re.fullmatch(r"[0-9]{1,12}", size):
                etag = item.findtext("{*}ETag", "")
                yield _Object(last, int(size), etag if _ETAG.fullmatch(etag) else "")
        if page.findtext("{*}IsTruncated", "false").lower() != "true":
            return
        following = page.findtext("{*}NextMarker", "") or last
        if following <= marker:
            break
        marker = following
    raise DownloadError(f"The listing of {base} does not come to an end: check the address.")


def _parse_page(url: str, body: bytes) -> ElementTree.Element:
    # A listing declares no entities; refusing all document types keeps their expansion out.
    if b"<!DOCTYPE" not in body:
        try:
            page = ElementTree.fromstring(body)  # noqa: S314 - of limited size, without a document type
        except ElementTree.ParseError:
            page = None
        if page is not None and page.tag.rpartition("}")[2] == "ListBucketResult":
            return page
    raise DownloadError(f"{url} did not answer with a bucket's listing: check the address.")


def _chips(objects: Iterable[_Object], kind: str) -> dict[str, _Object]:
    matches = ((_CHIP_KEY.fullmatch(item.key), item) for item in objects)
    return {match["chip"]: item for match, item in matches if match and match["kind"] == kind}


def _event(chip: str) -> str:
    return chip.rpartition("_")[0]


def _fold(name: str) -> str:
    folded = re.sub(r"[^a-z]", "", name.lower())
    return _COUNTRIES.get(folded, folded)


def _choose(images: dict[str, _Object], country: str | None, limit: int | None) -> list[str]:
    """Return the ids of the chips to bring: those of one country, or of all events in turn, up to the limit."""
    events: dict[str, list[str]] = {}
    for chip in sorted(images):
        events.setdefault(_event(chip), []).append(chip)
    if country is not None:
        chosen = {event: chips for event, chips in events.items() if _fold(event) == _fold(country)}
        if not chosen:
            raise UsageError(f"Sen1Floods11 has no chips of {country}: choose one of {', '.join(events)}.")
        events = chosen
    in_turn = [chip for turn in zip_longest(*events.values()) for chip in turn if chip is not None]
    return in_turn[:limit]


def _present(labels: dict[str, _Object], chips: Iterable[str]) -> Iterator[_Object]:
    return (labels[chip] for chip in chips if chip in labels)


def _remote_files(folder: Path, base: str, objects: Iterable[_Object]) -> Iterator[RemoteFile]:
    for item in objects:
        if match := _CHIP_KEY.fullmatch(item.key):
            target = folder / match["kind"] / f"{match['chip']}_{match['kind']}.tif"
        elif match := _SPLIT_KEY.fullmatch(item.key):
            target = folder / "splits" / match["name"]
        elif item.key == _METADATA:
            target = folder / "Sen1Floods11_Metadata.geojson"
        else:
            continue
        yield RemoteFile(f"{base}/{quote(item.key)}", item.size, item.etag, target)


class _Download:
    """Several files on several connections, and how far they are."""

    def __init__(self, folder: Path, fetcher: Fetcher, remotes: list[RemoteFile], progress: Progress | None) -> None:
        self._folder = folder
        self._fetcher = fetcher
        self._remotes = remotes
        self._progress = progress
        self._todo: SimpleQueue[RemoteFile] = SimpleQueue()
        self._done: SimpleQueue[tuple[RemoteFile, Fetched | BaseException | None]] = SimpleQueue()
        for remote in remotes:
            self._todo.put(remote)
        self._lock = threading.Lock()
        self._total = sum(remote.size for remote in remotes)
        self._bytes = 0
        self._files = 0

    def run(self) -> dict[RemoteFile, Fetched | None]:
        """Bring every file; None stands for one that was there already.

        A file that the server refuses does not stop the others; a lost network and a full disk do.
        """
        self._prepare()
        # Daemons, so that Ctrl-C need not wait for a server: a .part file is in order at every moment.
        threads = [threading.Thread(target=self._work, name="download", daemon=True) for _ in range(_CONNECTIONS)]
        for thread in threads:
            thread.start()
        try:
            return self._collect()
        except BaseException:
            self._fetcher.stop()
            for thread in threads:
                thread.join(1.0)
            raise

    def _work(self) -> None:
        with suppress(Empty):
            while True:
                remote = self._todo.get_nowait()
                try:
                    self._done.put((remote, self._one(remote)))
                except BaseException as error:  # raised where the results are read
                    self._done.put((remote, error))

    def _collect(self) -> dict[RemoteFile, Fetched | None]:
        brought: dict[RemoteFile, Fetched | None] = {}
        refused: list[RefusedError] = []
        for _ in self._remotes:
            remote, result = self._done.get()
            if isinstance(result, RefusedError):
                refused.append(result)
            elif isinstance(result, BaseException):
                raise result
            else:
                brought[remote] = result
        if refused:
            raise DownloadError(
                f"{len(refused)} of {len(self._remotes)} files could not be downloaded; the first: {refused[0]}"
            )
        return brought

    def _prepare(self) -> None:
        for folder in sorted({remote.target.parent for remote in self._remotes}):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise disk_error(folder, error) from error
        missing = sum(r.size for r in self._remotes if not r.target.is_file() and not r.part.is_file())
        free = shutil.disk_usage(self._folder).free
        if missing + _SPARE_BYTES > free:
            raise DownloadError(
                f"{self._folder} has {free / 1e6:,.0f} MB free, the download takes {missing / 1e6:,.0f} MB: make room, "
                "choose another folder, or fewer chips (--limit, --country)."
            )

    def _one(self, remote: RemoteFile) -> Fetched | None:
        if self._is_whole(remote):
            fetched = None
            self._tell(remote.size, 0)
        else:
            fetched = self._fetcher.fetch(remote, lambda count: self._tell(count, 0))
        self._tell(0, 1)
        for stale in remote.target.parent.glob(f"{glob.escape(remote.target.name)}.*.part"):
            stale.unlink(missing_ok=True)
        return fetched

    @staticmethod
    def _is_whole(remote: RemoteFile) -> bool:
        try:
            if remote.target.stat().st_size != remote.size:
                return False
            return remote.md5 is None or md5_of(remote.target) == remote.md5
        except FileNotFoundError:
            return False
        except OSError as error:
            raise disk_error(remote.target, error) from error

    def _tell(self, count: int, files: int) -> None:
        with self._lock:
            self._bytes += count
            self._files += files
            if self._progress is not None:
                self._progress(self._bytes, self._total, self._files)
