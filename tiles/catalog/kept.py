"""What a large folder was found to hold, kept beside the predictions: no file is opened again that is as it was."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from tiles.catalog.columns import Columns, Table
from tiles.chip import ASSETS, BESIDE, Asset, ChipRecord, Look
from tiles.errors import Problem, SourceError
from tiles.files import write_whole
from tiles.layouts import drivendata, folders, sen1floods11
from tiles.layouts.folder import TIFF_ENDINGS, Reading
from tiles.reading.headers import Told, remembering
from tiles.sentences import File, Sentence
from tiles.sidecars import ENDINGS

FOLDER = "catalogs"
WORTH = 500
"""A folder of fewer chips is read again: that takes a second."""
_TEXTS = ("id", "country", "event", "date", "split", "layout", "source", "file", "legend")
_SENTENCES = ("unplaced", "assumed_grid", "problem", "label_problem", "ancillary_problem")
_DEPTH = 8
_MOST_BESIDE = 5000
_LAYOUTS = (drivendata, folders, sen1floods11)
_TABLES = frozenset({".csv", ".txt", ".json", ".geojson"})
"""Endings of lists and tables that layouts look for beside a folder."""


_OF_RASTERS = (*TIFF_ENDINGS, *ENDINGS, *BESIDE)
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, shapely.errors.ShapelyError)


@dataclass(frozen=True)
class _State:
    """What changes with any file of a folder, or beside it.

    Attributes:
        mark: with any at all.
        rest: with the code that reads, and with any file in the folder but rasters and what lies beside each of them.
    """

    mark: str
    rest: str


def kept_reading(source: Path, data: Path, read: Callable[[Path], Reading]) -> Reading:
    """Return what `read` finds in a source; where that was kept in a data folder and all files are as they were, without reading.

    Kept is what a folder holds of which all files lie in it, and whose lists are not looked for farther up. A file that is put,
    taken, or written there, or a folder, label or list beside it, has the folder read anew: it is listed and paired again. Where
    in it rasters alone are others, those that are as they were are not opened: what their headers said is known.

    Raises:
        SourceError: as `read`.
    """
    folder = Path(os.path.abspath(source.expanduser()))  # noqa: PTH100 - as sources are read
    data = Path(os.path.abspath(data))  # noqa: PTH100
    state = _state(folder, data)
    if state is None:
        return read(source)
    name = hashlib.blake2b(os.fsencode(folder), digest_size=12).hexdigest()
    place = data / FOLDER / f"{name}.columns"
    look = Look()
    told = Told({}, look)
    with contextlib.suppress(*_UNREADABLE):
        table = Table(place.read_bytes())
        if table.about["mark"] == state.mark:
            return _reading(table)
        if table.about["rest"] == state.rest:
            told = Told(_as_they_were(table, look), look)
    with remembering(told):
        found = read(source)
    now = _state(folder, data)
    if now is not None and now.rest == state.rest and _may_be_kept(folder, found.records):
        # What has changed meanwhile, as where chips come, is looked for at the next start.
        mark = state.mark if now == state else ""
        with contextlib.suppress(
            OSError, SourceError
        ):  # a folder that cannot be written says so where predictions are kept
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, _body(found, _State(mark, state.rest), told.asked))
    return found


# --- whether all is as it was ---------------------------------------------------------------------------------------
def _state(folder: Path, data: Path) -> _State | None:
    """Return a folder's state; None of what is no folder, or part of a larger data set."""
    if not folder.is_dir() or any(one.is_part(folder) for one in _LAYOUTS) or data == folder or folder in data.parents:
        return None
    mark, rest = (hashlib.blake2b(_program().encode(), digest_size=16) for _ in range(2))
    try:
        for line, lasting in _files(str(folder), _DEPTH):
            mark.update(line)
            rest.update(lasting)
        beside = list(itertools.islice(os.scandir(folder.parent), _MOST_BESIDE + 1))
        for line in _beside(sorted(beside, key=lambda one: one.name), str(data)):
            mark.update(line)
    except (OSError, ValueError):
        return None
    return None if len(beside) > _MOST_BESIDE else _State(mark.hexdigest(), rest.hexdigest())


def _beside(entries: Sequence[os.DirEntry[str]], data: str) -> Iterator[bytes]:
    """Yield a line of what lies beside a folder and is looked at with it."""
    for entry in entries:
        if Path(entry.name).suffix.lower() in _TABLES:
            yield _line(entry, "")
        if not entry.is_dir() or entry.path == data:
            continue
        yield os.fsencode(f"{entry.name}/")
        if entry.name.lower() in folders.LABELS:  # what others hold is of no chip of this one
            yield from (line for line, _ in _files(entry.path, _DEPTH))


def _files(folder: str, depth: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield two lines of each file and folder below a folder: one that changes with it, and one that rasters do not change."""
    if not depth:
        raise ValueError(f"{folder} lies too deep")
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda one: one.name)
    for entry in entries:
        line = _line(entry, folder)
        if entry.is_dir():
            yield from _files(entry.path, depth - 1)
            yield line, os.fsencode(f"{folder}/{entry.name}/")  # its time changes with any file in it
        else:
            yield line, b"" if entry.name.lower().endswith(_OF_RASTERS) else line


def _line(entry: os.DirEntry[str], folder: str) -> bytes:
    try:
        status = entry.stat()
    except OSError:  # a link that leads nowhere
        status = entry.stat(follow_symlinks=False)
    size = 0 if entry.is_dir() else status.st_size
    return os.fsencode(f"{folder}/{entry.name}|{size}|{status.st_mtime_ns}\n")


@cache
def _program() -> str:
    """Return what changes with the code that reads folders."""
    here = Path(__file__).parents[1]
    files = sorted(path for path in here.rglob("*") if path.suffix in {".py", ".geojson", ".json"})
    return "".join(f"{path.name}|{(status := path.stat()).st_size}|{status.st_mtime_ns}\n" for path in files)


def _as_they_were(table: Table, look: Look) -> dict[str, ChipRecord]:
    """Return the chips of a reading whose files are as they were then, by what was asked of their headers."""
    columns = table.texts("question"), table.texts("revision")
    return {
        question: record
        for record, question, revision in zip(_reading(table).records, *columns, strict=True)
        if question and record.problem is None and record.revision(look) == revision
    }


def _may_be_kept(folder: Path, records: Sequence[ChipRecord]) -> bool:
    inside = f"{folder}{os.sep}"

    def may(record: ChipRecord) -> bool:
        files = [asset for name in ASSETS if (asset := getattr(record, name)) is not None]
        return not record.answers and all(asset.path.startswith(inside) for asset in files)

    return len(records) >= WORTH and all(map(may, records))


# --- records as columns ---------------------------------------------------------------------------------------------
def _body(found: Reading, state: _State, asked: Mapping[tuple[str, str], tuple[str, str]]) -> bytes:
    records = found.records
    table = Columns(len(records))
    for name in _TEXTS:
        table.texts(name, [getattr(record, name) for record in records])
    for name in _SENTENCES:
        table.texts(name, [_written(getattr(record, name)) for record in records])
    for name in ("width", "height"):
        table.numbers(name, np.array([getattr(record, name) or 0 for record in records], np.int64))
    table.numbers("simulated", np.array([record.simulated for record in records], bool))
    for name in ASSETS:
        files: list[Asset | None] = [getattr(record, name) for record in records]
        table.texts(f"{name}_path", [asset.path if asset else None for asset in files])
        table.texts(f"{name}_name", [asset.name if asset else None for asset in files])
        table.numbers(f"{name}_band", np.array([asset.band if asset else 0 for asset in files], np.int64))
        table.numbers(f"{name}_scale", np.array([asset.scale if asset else 1.0 for asset in files], np.float64))
    told = [asked.get((r.vv.path, r.vh.path), (None, None)) if r.vv and r.vh else (None, None) for r in records]
    table.texts("question", [question for question, _ in told])
    table.texts("revision", [revision for _, revision in told])
    outlines = [b"" if r.footprint is None else shapely.to_wkb(r.footprint) for r in records]
    table.numbers("outline_bytes", np.array([len(one) for one in outlines], np.int64))
    table.whole("outline", np.frombuffer(b"".join(outlines), np.uint8))
    problems = [
        [p.name, _written(p.message), p.unusable, p.source] for p in found.problems if not (p.choices or p.files)
    ]
    if len(problems) < len(found.problems):
        raise SourceError("a problem asks something")
    return table.to_bytes({"mark": state.mark, "rest": state.rest, "problems": problems})


def _reading(table: Table) -> Reading:
    columns: dict[str, Sequence[Any]] = {name: table.texts(name) for name in _TEXTS}
    columns |= {name: [_read(text) for text in table.texts(name)] for name in _SENTENCES}
    columns |= {name: [side or None for side in table.numbers(name).tolist()] for name in ("width", "height")}
    columns["simulated"] = table.numbers("simulated").astype(bool).tolist()
    columns |= {name: _assets(table, name) for name in ASSETS}
    columns["footprint"] = _outlines(table)
    names = tuple(columns)
    records = [ChipRecord(**dict(zip(names, row, strict=True))) for row in zip(*columns.values(), strict=True)]
    problems = [
        Problem(name, _read(text) or "", bool(unusable), source=bool(source))
        for name, text, unusable, source in table.about["problems"]
    ]
    return Reading(records, problems)


def _assets(table: Table, name: str) -> list[Asset | None]:
    parts = (
        table.texts(f"{name}_path"),
        table.numbers(f"{name}_band").tolist(),
        table.numbers(f"{name}_scale").tolist(),
    )
    rows = zip(*parts, table.texts(f"{name}_name"), strict=True)
    return [None if path is None else Asset(path, band, scale, called) for path, band, scale, called in rows]


def _outlines(table: Table) -> list[Any]:
    lengths, content = table.numbers("outline_bytes").tolist(), table.numbers("outline").tobytes()
    ends = list(itertools.accumulate(lengths))
    parts = [content[end - length : end] if length else None for length, end in zip(lengths, ends, strict=True)]
    return list(shapely.from_wkb(np.array(parts, dtype=object)))


def _written(text: str | None) -> str | None:
    """Return a sentence with its files told apart, as JSON."""
    if text is None:
        return None
    parts = text.parts if isinstance(text, Sentence) else (text,)
    return json.dumps([["file" if isinstance(part, File) else "text", str.__str__(part)] for part in parts])


def _read(text: str | None) -> str | None:
    if text is None:
        return None
    return Sentence.of_parts(File(part) if kind == "file" else part for kind, part in json.loads(text))
