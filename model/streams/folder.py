"""A folder that files come into: which of its images are new, whole, and not dealt with yet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tiles.answers import NOTHING_SAID, Answers
from tiles.catalog.catalog import read_source
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError, Problem, SourceError
from tiles.layouts.folder import tiffs, unnamed
from tiles.layouts.names import part_of
from tiles.naming import nfc
from tiles.reading.headers import answered

_IMAGES = frozenset({"both", "vv", "vh"})
PATIENCE = 10
"""A file that cannot be read is taken for half written until it has been as it is for so many times `settle_s`."""
_READ_WHOLE = 10
"""A folder is read as a whole where at least every tenth of its files is new: else each of them by itself."""


@dataclass(frozen=True)
class Item:
    """An input that is there and is not dealt with yet.

    Attributes:
        name: of its first file, from the source on.
        files: its images by name, with what tells them from what they were or will be.
        path: its first file.
        record: its chip; None where there is none.
        problem: why it cannot be used, or None.
        patient: whether a failure may be for it is half written, so that it is worth to look again later.
    """

    name: str
    files: Mapping[str, str]
    path: Path
    record: ChipRecord | None
    problem: str | None
    patient: bool


@dataclass(frozen=True)
class Looked:
    """What one look at a source found.

    Attributes:
        ready: what can be predicted, or set aside, now.
        waiting: names of images that are still being written, or wait for their VV or VH.
        problems: of what is no image.
    """

    ready: list[Item]
    waiting: list[str]
    problems: list[Problem]


class FolderSource:
    """A folder, those in it included. Files that lie there already when a stream begins are new as well."""

    def __init__(
        self,
        folder: Path,
        answers: Answers = NOTHING_SAID,
        settle_s: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take a folder.

        Args:
            folder: where files come in.
            answers: what the user says of all of them.
            settle_s: how long a file must not have changed before it is read, in seconds.
            clock: the time that files are written by.

        Raises:
            SourceError: it is no folder.
        """
        self.folder = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - links stay as they were named
        self._answers, self._settle_s, self._clock = answers, settle_s, clock
        self._seen: dict[str, tuple[str, float]] = {}  # by name: what the file was, and since when it has been that
        self._require_folder()

    @property
    def name(self) -> str:
        """What the source is, the same at each start."""
        return str(self.folder)

    def look(self, done: Mapping[str, str]) -> Looked:
        """Return what is new.

        Args:
            done: what the files were that are dealt with, by name.

        Raises:
            SourceError: the folder is not there, as on a disk that is taken off.
        """
        self._require_folder()
        now, marks, problems = self._clock(), {}, []
        places: dict[Path, list[Path]] = {}
        for place, paths, told in self._walk():
            problems += told
            for path in paths:
                mark = _mark(path)
                if mark is not None:
                    marks[self._named(path)] = mark
                    places.setdefault(place, []).append(path)
        since = {
            name: self._seen[name][1] if self._seen.get(name, ("",))[0] == mark else now for name, mark in marks.items()
        }
        self._seen = {name: (mark, since[name]) for name, mark in marks.items()}
        ages = {name: max(now - int(mark.split("|")[1]) / 1e9, now - since[name]) for name, mark in marks.items()}
        ready: list[Item] = []
        waiting: list[str] = []
        for place, paths in places.items():
            new = [p for p in paths if done.get(self._named(p)) != marks[self._named(p)] and part_of(p).role in _IMAGES]
            for item in self._items(place, new, len(paths), marks, ages):
                oldest = min(ages[name] for name in item.files)
                if oldest < self._settle_s or (item.problem and item.patient):
                    waiting.append(item.name)
                else:
                    ready.append(item)
        return Looked(ready, waiting, problems)

    def _items(
        self, place: Path, new: list[Path], there: int, marks: Mapping[str, str], ages: Mapping[str, float]
    ) -> Iterator[Item]:
        """Yield what some images of a folder make, each once."""
        taken: set[Path] = set()
        for path, found, why in _read(place, new, there):
            if path in taken:
                continue
            record = None if found is None else answered(found, self._answers)
            images = [path, *(Path(name) for name in _images(record) if Path(name).is_relative_to(self.folder))]
            taken |= set(images)
            files = {name: marks[name] for name in map(self._named, images) if name in marks}
            problem = why if record is None else record.problem
            patient = min(ages[name] for name in files) < PATIENCE * self._settle_s
            yield Item(self._named(path), files, path, record, problem, patient)

    def _walk(self) -> Iterator[tuple[Path, list[Path], list[Problem]]]:
        for root, folders, _ in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            try:
                yield Path(root), tiffs(Path(root)), unnamed(Path(root))
            except OSError:  # removed since it was listed
                continue

    def _named(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _require_folder(self) -> None:
        if not self.folder.is_dir():
            raise SourceError(
                "{file} is no folder that is there: give the folder that files come into.", file=self.folder
            )


def _mark(path: Path) -> str | None:
    """Return what tells a file from what it was or will be: its size and time; None where it is none or gone."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return f"{stat.st_size}|{stat.st_mtime_ns}" if path.is_file() else None


def _read(place: Path, new: list[Path], there: int) -> Iterator[tuple[Path, ChipRecord | None, str | None]]:
    """Yield each new image of a folder with its chip, or with why it has none."""
    records: list[ChipRecord] = []
    if len(new) * _READ_WHOLE > there > 1:
        try:
            records = read_source(place).records
        except FloodscopeError:  # each file by itself then says why
            records = []
    found: dict[str, ChipRecord] = {}
    for record in records:
        found |= dict.fromkeys(_images(record) or _names(record), record)
    for path in new:
        one = found.get(str(path)) or found.get(nfc(path.name))
        if one is not None:
            yield path, one, None
            continue
        try:
            (alone, *_) = read_source(path).records
            yield path, alone, None
        except FloodscopeError as error:
            yield path, None, str(error)


def _images(record: ChipRecord | None) -> list[str]:
    """Return the paths of a chip's images."""
    return [asset.path for asset in (record.vv, record.vh) if asset is not None] if record is not None else []


def _names(record: ChipRecord) -> list[str]:
    """Return the names of a chip's files, of one whose images cannot be told."""
    return record.file.split(" + ") if record.file else []
