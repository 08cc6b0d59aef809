"""Tables that people keep beside chips: rows of a CSV or text file as editors and spreadsheets leave it, and split lists."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection
from pathlib import Path

from tiles.errors import Problem
from tiles.files import read_small
from tiles.layouts.names import pair_key, sen1floods11_chip
from tiles.naming import nfc
from tiles.sentences import shown

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SPLIT = re.compile(
    r"(?:flood_)?(train|training|valid|val|validation|test|bolivia)(?:_data|_split|_set)?", re.IGNORECASE
)
_CALLED = {"training": "train", "val": "valid", "validation": "valid"}
_MOST_BYTES = 64 << 20
_ENDINGS = (".csv", ".txt", ".tsv")


class TableError(Exception):
    """A table cannot be read; says why."""


def read_rows(path: Path) -> list[list[str]]:
    """Return the cells of a table, without empty lines: commas, semicolons or tabs between them, with or without a mark of
    its encoding (Excel's), quoted or not, any line ends.

    Raises:
        TableError: it is no such table.
    """
    try:
        data = read_small(path, _MOST_BYTES)
        encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
        text = data.decode(encoding)
        if "\0" in text:
            raise TableError("it holds zero bytes")
        lines = text.splitlines()
        if lines and lines[0].lower().startswith("sep="):  # Excel's own way to say what lies between cells
            lines = lines[1:]
        first = next((line for line in lines if line.strip()), "")
        delimiter = max((",", ";", "\t"), key=lambda d: (first.count(d), d == ","))
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except OSError as error:
        raise TableError(error.strerror or str(error)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(str(error)) from error
    if data and not any(map(any, rows)):
        raise TableError("it holds no row")
    return [row for row in rows if any(row)]


def chip_named(cell: str) -> str:
    """Return the chip that a cell names, be it a bare id, a file, or a path of any system."""
    name = nfc(cell.strip().strip("\"'").replace("\\", "/").rsplit("/", 1)[-1])
    name = re.sub(r"\.tiff?$", "", name, flags=re.IGNORECASE)
    return sen1floods11_chip(name)


def split_lists(places: Collection[Path]) -> list[tuple[Path, str]]:
    """Return the split lists in some folders, each with the split that it is of."""
    found = []
    for place in places:
        for path in sorted(place.iterdir()) if place.is_dir() else []:
            match = _SPLIT.fullmatch(path.stem)
            if match is None or path.suffix.lower() not in _ENDINGS or not path.is_file():
                continue
            if place.name.lower().startswith("split") or place.name == "flood_handlabeled" or "_" in path.stem:
                found.append((path, _CALLED.get(match[1].lower(), match[1].lower())))
    return found


def read_splits(lists: list[tuple[Path, str]], chips: Collection[str], problems: list[Problem]) -> dict[str, str]:
    """Return the split of each chip that the lists name; what they name beside is told, once a list.

    Args:
        lists: as `split_lists` finds them.
        chips: what the chips are called.
        problems: is added to.
    """
    known = {**{pair_key(chip): chip for chip in chips}, **{chip: chip for chip in chips}}
    out: dict[str, tuple[str, Path]] = {}
    for path, split in lists:
        try:
            rows = read_rows(path)
        except TableError as error:
            problems.append(
                Problem(path.name, f"{shown(path)} is not a readable split list ({error}): mend it or move it away.")
            )
            continue
        names = [_named(row, known) for row in rows]
        if names and names[0] is None and _is_head(rows[0]):
            rows, names = rows[1:], names[1:]
        strange = [chip_named(row[0]) for row, name in zip(rows, names, strict=True) if name is None]
        if strange:
            some = f"{len(strange)} of {len(names)} chips that are not here"
            many = some if len(strange) < len(names) else "no chip that is here"
            told = f"{shown(path)} names {many}, as {shown(strange[0][:80])}: give their images too, or mend the list."
            problems.append(Problem(path.name, told))
        torn = [name for name in names if name is not None and out.get(name, (split, path))[0] != split]
        if torn:
            before, other = out[torn[0]]
            problems.append(
                Problem(
                    path.name,
                    f"{shown(path)} puts {len(torn)} chip(s), as {torn[0]}, in the split {split}, and {other.name} puts it in "
                    f"{before}, which is followed: mend one of them.",
                )
            )
        for name in names:
            if name is not None:
                out.setdefault(name, (split, path))
    return {name: split for name, (split, _) in out.items()}


def _is_head(row: list[str]) -> bool:
    """Return whether a row names columns: chips have numbers, and the names of columns none but that of a satellite."""
    return not any(c.isdigit() for c in re.sub(r"s[12]", "", " ".join(row).lower()))


def _named(row: list[str], known: dict[str, str]) -> str | None:
    for cell in row:
        name = chip_named(cell)
        found = known.get(name) or known.get(pair_key(name))
        if cell and found:
            return found
    return None
