"""Chips and their tables to S3, so that a training there finds the same sources as here: checked, and resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from model.aws.account.account import Account
from model.aws.account.objects import S3Place, put_file, sha256_of
from model.aws.account.refusals import explained
from model.aws.jobs.entry import INDEX
from tiles.catalog.catalog import open_catalog
from tiles.errors import UsageError

_CONNECTIONS = 8
# Split lists, events, dates, and what marks a folder as simulated: small, and part of what a source says.
_TABLES = {".csv", ".json", ".geojson"}
_TABLE_BYTES = 32 << 20


@dataclass(frozen=True)
class Uploaded:
    """What `upload` did.

    Attributes:
        place: what a training reads.
        files, sent: files in all, and those that had to be sent.
        size: bytes of all files.
    """

    place: S3Place
    files: int
    sent: int
    size: int


@dataclass(frozen=True)
class _File:
    path: Path
    name: str


def upload(
    account: Account, sources: Sequence[Path], place: S3Place, tick: Callable[[int, int], None] | None = None
) -> Uploaded:
    """Send the chips of sources, their labels and the tables beside them. What is there already, unchanged, is not sent.

    Args:
        account: where.
        sources: folders or GeoTIFFs; each becomes a folder below `place`.
        place: where to.
        tick: told (files that are there, files in all).

    Raises:
        SourceError, UsageError: a source cannot be read, or is a catalog, whose files lie elsewhere.
        CloudError: AWS refused; what was sent stays, and the next call goes on.
    """
    folders = _folders(sources)
    files = [file for name, source in folders.items() for file in _files_of(source, name)]
    lock, done, sent = Lock(), 0, 0

    def send(file: _File) -> None:
        nonlocal done, sent
        new = put_file(account, file.path, place / file.name)
        with lock:
            done, sent = done + 1, sent + new
            if tick is not None:
                tick(done, len(files))

    account.client("s3")  # made once, before threads ask for it
    with ThreadPoolExecutor(1 if account.dry else _CONNECTIONS) as pool:
        tasks = [pool.submit(send, file) for file in files]
        try:
            for task in as_completed(tasks):
                task.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    entries = {f.name: {"size": f.path.stat().st_size, "sha256": sha256_of(f.path).hex()} for f in files}
    index = {"sources": list(folders), "files": entries}
    with explained(f"writing {INDEX}"):
        account.client("s3").put_object(
            Bucket=place.bucket, Key=(place / INDEX).key, Body=json.dumps(index, indent=1).encode()
        )
    return Uploaded(place, len(files), sent, sum(f.path.stat().st_size for f in files))


def _folders(sources: Sequence[Path]) -> dict[str, Path]:
    """Return the folder in S3 of each source: its own name, with a number where two have the same."""
    folders: dict[str, Path] = {}
    for source in sources:
        path = Path(os.path.abspath(source.expanduser()))  # noqa: PTH100 - as the catalog does, links are not followed
        if path.suffix.lower() == ".parquet":
            raise UsageError(
                f"{source} is a catalog, whose files lie elsewhere: give the folders that it was built from."
            )
        stem = path.stem if path.is_file() else path.name
        name, number = stem, 2
        while name in folders:
            name, number = f"{stem}-{number}", number + 1
        folders[name] = path
    return folders


def _files_of(source: Path, folder: str) -> Iterator[_File]:
    """Yield the files of a source's chips, and the tables in its folder, each once."""
    top = source.parent if source.is_file() else source
    paths: dict[Path, None] = {}
    for record in open_catalog([source]).usable():
        for asset in (record.vv, record.vh, record.label, record.elevation, record.permanent_water):
            if asset is not None:
                paths[Path(asset.path)] = None
    if source.is_dir():
        for path in sorted(top.rglob("*")):
            if path.suffix.lower() in _TABLES and path.is_file() and path.stat().st_size <= _TABLE_BYTES:
                paths[path] = None
    # Labels may lie beside the folder of images that was given: what is sent then begins at the folder of both.
    top = Path(os.path.commonpath([top, *(path.parent for path in paths)]))
    for path in paths:
        yield _File(path, f"{folder}/{path.relative_to(top).as_posix()}")
