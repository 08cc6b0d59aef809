"""A folder that files come into: which of its images are new, whole, and not dealt with yet."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from model.store.streams import digest
from model.streams.source import IMAGES, PATIENCE, Item, Looked
from tiles.answers import NOTHING_SAID, Answers
from tiles.catalog.catalog import read_source
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError, Problem, SourceError
from tiles.layouts.folder import tiffs, unnamed
from tiles.layouts.names import part_of
from tiles.layouts.safe import is_safe
from tiles.naming import nfc
from tiles.reading.headers import answered

_READ_WHOLE = 10
"""A folder is read as a whole where at least every tenth of its files is new: else each of them by itself."""


# What a product is made of; what programs write beside it, as an .aux.xml, is no news.
_OF_PRODUCT = re.compile(r"^manifest\.safe$|^(annotation|measurement)/.*(?<!\.aux)\.(xml|tiff?|json)$", re.IGNORECASE)


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
            SourceError: it is no folder, or one product.
        """
        self.folder = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - links stay as they were named
        self._answers, self._settle_s, self._clock = answers, settle_s, clock
        self._seen: dict[str, tuple[str, float]] = {}  # by name: what the file was, and since when it has been that
        self._require_folder()
        if is_safe(self.folder):
            raise SourceError("{file} is one product: give the folder that products come into.", file=self.folder)

    @property
    def name(self) -> str:
        """What the source is, the same at each start."""
        return str(self.folder)

    @property
    def title(self) -> str:
        """What it is called where it is told of."""
        return self.folder.name

    def look(self, done: Mapping[str, str]) -> Looked:
        """Return what is new.

        Args:
            done: what the files were that are dealt with, by name.

        Raises:
            SourceError: the folder is not there, as on a disk that is taken off.
        """
        self._require_folder()
        now, marks, written, problems = self._clock(), dict[str, str](), dict[str, float](), list[Problem]()
        places: dict[Path, list[Path]] = {}
        products: list[Path] = []
        for place, paths, told, safes in self._walk():
            problems += told
            for path in safes:
                mark = _mark_of_product(path)
                if mark is not None:
                    marks[self._named(path)], written[self._named(path)] = mark, _written(path)
                    products.append(path)
            for path in paths:
                mark = _mark(path)
                if mark is not None:
                    marks[self._named(path)], written[self._named(path)] = mark, int(mark.split("|")[1]) / 1e9
                    places.setdefault(place, []).append(path)
        since = {
            name: self._seen[name][1] if self._seen.get(name, ("",))[0] == mark else now for name, mark in marks.items()
        }
        self._seen = {name: (mark, since[name]) for name, mark in marks.items()}
        ages = {name: max(now - written[name], now - since[name]) for name in marks}
        looked = Looked(ready := [], problems=problems)
        for item in self._new(places, products, done, marks, ages):
            oldest = min(ages[name] for name in item.files)
            if oldest < self._settle_s or (item.problem and item.patient):
                looked.waiting.append(item.name)
            else:
                ready.append(item)
        return looked

    def _new(
        self,
        places: Mapping[Path, list[Path]],
        products: list[Path],
        done: Mapping[str, str],
        marks: Mapping[str, str],
        ages: Mapping[str, float],
    ) -> Iterator[Item]:
        """Yield what is not dealt with, whole or half written."""
        for place, paths in places.items():
            new = [p for p in paths if done.get(self._named(p)) != marks[self._named(p)] and part_of(p).role in IMAGES]
            yield from self._items(place, new, len(paths), marks, ages)
        for path in products:
            name = self._named(path)
            if done.get(name) == marks[name]:
                continue
            ((_, found, why),) = _read(path.parent, [path], 0)
            record = None if found is None else answered(found, self._answers)
            problem = why if record is None else record.problem
            patient = ages[name] < PATIENCE * self._settle_s
            # What is predicted of a product is known by its manifest, which may stay as it is where the rest is replaced.
            yield Item(name, {name: marks[name]}, str(path), record, problem, patient, renewed=name in done)

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
            yield Item(self._named(path), files, str(path), record, problem, patient)

    def _walk(self) -> Iterator[tuple[Path, list[Path], list[Problem], list[Path]]]:
        """Yield each folder with its GeoTIFFs, what is wrong with names in it, and its products, whose files are no images."""
        for root, folders, files in os.walk(self.folder):
            place = Path(root)
            products = [
                place / name for name in sorted(folders + files) if not name.startswith(".") and is_safe(place / name)
            ]
            folders[:] = sorted(name for name in folders if not name.startswith(".") and place / name not in products)
            try:
                yield place, tiffs(place), unnamed(place), products
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


def _mark_of_product(path: Path) -> str | None:
    """Return as `_mark` what tells a product from what it was or will be: of a folder, from the files and folders in it."""
    if not path.is_dir():
        return _mark(path)
    said, size, newest = [], 0, 0
    for file in sorted(path.rglob("*")):
        if not file.name.startswith(".") and _OF_PRODUCT.search(file.relative_to(path).as_posix()):
            try:
                stat = file.stat()
            except OSError:  # renamed or removed since it was listed: it is being written
                continue
            size, newest = size + stat.st_size, max(newest, stat.st_mtime_ns)
            said.append(f"{file.name}|{stat.st_size}|{stat.st_mtime_ns}")
    return f"{size}|{newest}|{digest(*said)}" if said else None


def _written(path: Path) -> float:
    """Return when a product was last written to, in seconds since 1970; its folders tell where its files bring older times."""
    times = [0.0]
    for one in [path, *path.rglob("*")]:
        with contextlib.suppress(OSError):
            times.append(one.stat().st_mtime)
    return max(times)


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
