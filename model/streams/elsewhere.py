"""Streams over what lies on servers: a prefix of a bucket, and a search of a STAC archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from model.streams.folder import FolderSource
from model.streams.source import IMAGES, PATIENCE, Item, Looked, Source
from tiles.answers import NOTHING_SAID, Answers
from tiles.archive.address import is_address, mended, named, said
from tiles.archive.bucket import Bucket, StoredObject
from tiles.archive.query import SCHEME, is_stac, parse
from tiles.archive.records import Found, search
from tiles.archive.remote import forget
from tiles.chip import ChipRecord
from tiles.errors import AwayError, Problem, SourceError, UsageError
from tiles.layouts import addresses
from tiles.layouts.folder import TIFF_ENDINGS
from tiles.layouts.names import part_of
from tiles.reading.headers import answered
from tiles.sentences import shown


def source_of(source: str, answers: Answers = NOTHING_SAID, settle_s: float = 10.0) -> Source:
    """Return what a stream looks at: a folder, s3://BUCKET/PREFIX, or stac:URL?...

    Args:
        source: as it stands on the command line.
        answers: what the user says of all images.
        settle_s: how long a file must not have changed before it is read, in seconds.

    Raises:
        SourceError: it is a folder that is not there.
        UsageError: it is an address that is none, or that nothing new comes to.
    """
    address = mended(source)
    if is_stac(source):
        return ArchiveSource(address, answers)
    if address.startswith("s3://"):
        return BucketSource(address, answers, settle_s)
    if is_address(address):
        raise UsageError(
            f"{said(address)} is one address, to which nothing new comes: give a folder, s3://BUCKET/PREFIX, or an archive "
            "(stac:URL?collections=...&bbox=...)."
        )
    return FolderSource(Path(source), answers, settle_s)


class BucketSource:
    """What lies below a prefix of a bucket. An object is there whole or not at all; what is waited for is its VV or VH."""

    def __init__(self, url: str, answers: Answers = NOTHING_SAID, settle_s: float = 10.0) -> None:
        """Take s3://BUCKET/PREFIX; nothing is asked yet.

        Raises:
            UsageError: it is no such address.
        """
        self._bucket, self._answers, self._settle_s = Bucket(url), answers, settle_s

    @property
    def name(self) -> str:
        """What the source is, the same at each start."""
        return self._bucket.address

    @property
    def title(self) -> str:
        """What it is called where it is told of."""
        return self._bucket.address.rpartition("/")[2]

    def look(self, done: Mapping[str, str]) -> Looked:
        """Return what is new; the images themselves are asked for one after another, as `ready` goes on.

        Raises:
            ArchiveError: the bucket is not there, or does not answer.
        """
        there = {one.key: one for one in self._bucket.objects() if _is_image(one.key)}
        new = [one for one in there.values() if done.get(one.key) != one.mark]
        looked = Looked(())
        return Looked(self._items(new, there, done, looked), looked.waiting, looked.problems)

    def _items(
        self, new: list[StoredObject], there: Mapping[str, StoredObject], done: Mapping[str, str], looked: Looked
    ) -> Iterator[Item]:
        keys = {named(one.address): one.key for one in there.values()}
        taken: set[str] = set()
        for address in (named(one.address) for one in new):
            forget(address)  # what is known of it may be of what lay there before
        for one in new:
            if one.key in taken:
                continue
            try:
                record, problem = _record(one, self._answers)
            except AwayError as error:
                looked.problems.append(Problem.of(error, one.key))
                looked.waiting.append(one.key)
                continue
            images = [asset.path for asset in (record.vv, record.vh) if asset] if record is not None else []
            files = {key: there[key].mark for key in (one.key, *(keys[path] for path in images if path in keys))}
            taken |= set(files)
            age = min(there[key].age_s for key in files)
            patient = age < PATIENCE * self._settle_s
            if age < self._settle_s or (problem and patient):
                looked.waiting.append(one.key)
                continue
            renewed = any(key in done for key in files)
            yield Item(one.key, files, one.address, record, problem, patient=False, renewed=renewed)


class ArchiveSource:
    """What a search of an archive finds. An item is known by its collection, its id and where its images lie."""

    def __init__(self, source: str, answers: Answers = NOTHING_SAID) -> None:
        """Take stac:URL?...; nothing is asked yet.

        Raises:
            UsageError: it is not written as such sources are.
        """
        self._source, self._query, self._answers = source, parse(source), answers

    @property
    def name(self) -> str:
        """What the source is, the same at each start."""
        return self._source

    @property
    def title(self) -> str:
        """What it is called where it is told of."""
        address = self._query.address
        return " ".join(self._query.collections) or urlsplit(address).hostname or Path(address).parent.name

    def look(self, done: Mapping[str, str]) -> Looked:
        """Return what is new; no image is opened.

        Raises:
            ArchiveError: the archive does not answer, or is none.
        """
        found, problems = search(self._query, self._source)
        looked = Looked([], problems=problems)
        ready: list[Item] = []
        for one in found:
            if one.record is None and one.error is None:
                continue  # it has no images; the search tells of all of these together
            name = f"{one.collection or ''}/{one.name}".lstrip("/")
            if isinstance(one.error, AwayError):
                looked.problems.append(Problem.of(one.error, shown(name)))
                looked.waiting.append(name)
                continue
            mark = _places(one)
            if done.get(name) != mark:
                record = None if one.record is None else answered(one.record, self._answers)
                problem = None if one.error is None else str(one.error)
                ready.append(Item(name, {name: mark}, self._path(one), record, problem, patient=False))
        return Looked(ready, looked.waiting, looked.problems)

    def _path(self, found: Found) -> str:
        """Return the source that is this item alone."""
        collection = f"collections={found.collection}&" if found.collection else ""
        return f"{SCHEME}{self._query.address}?{collection}ids={found.name}"


def _is_image(key: str) -> bool:
    path = PurePosixPath(key)
    if path.suffix.lower() not in TIFF_ENDINGS or any(part.startswith(".") for part in path.parts):
        return False
    return part_of(Path(path)).role in IMAGES


def _record(found: StoredObject, answers: Answers) -> tuple[ChipRecord | None, str | None]:
    """Return the chip of an object, with that of its other band beside it, or why it has none.

    Raises:
        AwayError: the object store does not answer.
    """
    if "#" in found.address or "?" in found.address:
        return None, f"{shown(found.key)} has # or ? in its name, which no address may have: rename it."
    try:
        reading = addresses.read(found.address)
    except SourceError as error:
        if isinstance(error.__cause__, AwayError):
            raise error.__cause__ from None
        return None, str(error)
    if not reading.records:
        return None, reading.problems[0].message
    record = answered(reading.records[0], answers)
    return record, record.problem


def _places(found: Found) -> str:
    """Return where an item's images lie, without what is signed anew at each search; of one without, why."""
    if found.record is None:
        return str(found.error)
    assets = (found.record.vv, found.record.vh)
    return "|".join(said(asset.path) if is_address(asset.path) else asset.path for asset in assets if asset)
