"""The rows of a catalog's file as records: every value is looked at, and a row that is no chip spoils no other."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from tiles.answers import Answers
from tiles.archive.address import bare, is_address
from tiles.catalog.moving import anchored
from tiles.chip import ANCILLARY, ASSETS, LEGENDS, Asset, ChipRecord
from tiles.errors import Problem, SourceError, UsageError
from tiles.naming import chip_id, file_names
from tiles.places import iso_date, outline_refusal
from tiles.sentences import Sentence, shown

CALLED = ("vv", "vh")  # of other files it decides nothing what they were called
SCALES = tuple(f"{name}_scale" for name in ANCILLARY)
PLAIN = tuple(f.name for f in fields(ChipRecord) if f.name not in (*ASSETS, "footprint", "answers"))
"""Columns that are called as the fields of a record, and hold what they hold."""
COLUMNS = (
    *PLAIN,
    "answers",
    *(f"{name}_{part}" for name in ASSETS for part in ("path", "band")),
    *SCALES,
    *(f"{name}_name" for name in CALLED),
    "geometry",
)

_PROBLEMS = ("problem", "label_problem", "ancillary_problem")
_TEXTS = ("country", "event", "split", "layout", "source", "file", "unplaced", "assumed_grid")
_REQUIRED = {"id", "vv_path", "vh_path", "layout", "geometry"}
_MOST_ROWS, _MOST_BYTES = 1_000_000, 2 << 30
_LONGEST_TEXT, _LONGEST_PROBLEM = 4000, 40_000
_MOST_BAND, _MOST_SIDE = 1 << 16, 1 << 31


class _RowError(ValueError):
    """A value of a row is not what its column holds; says which."""


def read_rows(path: Path) -> tuple[list[ChipRecord], list[Problem]]:
    """Return the chips of a catalog's GeoParquet, and what is wrong with each row that is none.

    Raises:
        SourceError: it is no such file, or has no row that is a chip.
    """
    records: list[ChipRecord] = []
    problems: list[Problem] = []
    for number, row in enumerate(_rows(path), 1):
        try:
            said = {name: value if name == "geometry" else _decoded(value) for name, value in row.items()}
            records.append(_record_of(anchored(said, path.absolute().parent)))
        except (_RowError, UsageError) as error:
            problems.append(Problem(path.name, _told(path, number, str(error).rstrip("."))))
    if problems and not records:
        raise SourceError(problems[0].message)
    return records, problems


def row_of(record: ChipRecord) -> dict[str, Any]:
    """Return a chip as a row of a catalog: its columns, its outline as a geometry."""
    row: dict[str, Any] = {name: getattr(record, name) for name in PLAIN}
    for name in ASSETS:
        asset: Asset | None = getattr(record, name)
        row[f"{name}_path"] = asset.path if asset else None
        row[f"{name}_band"] = asset.band if asset else 0
        if name in CALLED:
            row[f"{name}_name"] = asset.name if asset else None
        if name in ANCILLARY:
            row[f"{name}_scale"] = asset.scale if asset else 1.0
    return row | {"answers": record.answers.to_json(), "geometry": record.footprint}


def to_json(record: ChipRecord) -> dict[str, Any]:
    """Return a chip whose files lie on servers as JSON-able values, which `from_json` reads."""
    outline = None if record.footprint is None else shapely.to_wkb(record.footprint, hex=True)
    return row_of(record) | {"geometry": outline}


def from_json(row: Mapping[str, Any]) -> ChipRecord:
    """Return the chip that `to_json` wrote; nothing is asked of any server.

    Raises:
        SourceError: it is none.
    """
    try:
        outline = None if row["geometry"] is None else bytes.fromhex(row["geometry"])
        return _record_of({**row, "geometry": outline})
    except (LookupError, TypeError, ValueError, UsageError) as error:
        raise SourceError(f"The database holds a chip that is none ({shown(str(error))[:80]}).") from error


def _told(path: Path, number: int, why: str) -> Sentence:
    build = "build it again (floodscope catalog build SOURCE OUT.parquet)"
    return Sentence(f"{{file}} has a row that is no chip, its row {number}: {shown(why)}; {build}.", file=path)


def _rows(path: Path) -> Sequence[dict[str, Any]]:
    """Return the rows as Python values. Texts are bytes: one that is not UTF-8 must not spoil the others."""
    import pyarrow as pa  # noqa: PLC0415 - half a second to import; folders need it not
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        file = pq.ParquetFile(path)
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        names = set(file.schema_arrow.names)
        large = file.metadata.num_rows > _MOST_ROWS or sum(g.total_byte_size for g in groups) > _MOST_BYTES
        if not large and names >= _REQUIRED:
            table = file.read(columns=[name for name in (*COLUMNS, "built_in") if name in names])
            for at, column in enumerate(table.schema):
                if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                    table = table.set_column(at, column.name, table.column(at).cast(pa.large_binary()))
                elif isinstance(column.type, pa.BaseExtensionType):
                    table = table.set_column(at, column.name, _storage(table.column(at)))
            rows: list[dict[str, Any]] = table.to_pylist()
    except Exception as error:  # pyarrow and the operating system each raise their own kinds
        raise SourceError(
            "{file} is not a readable GeoParquet file: build it again (floodscope catalog build SOURCE OUT.parquet).",
            file=path,
        ) from error
    if large:
        raise SourceError(
            f"{{file}} has {file.metadata.num_rows:,} rows or more than {_MOST_BYTES >> 30} GiB, {_MOST_ROWS:,} chips are the "
            "most: build a catalog of a part.",
            file=path,
        )
    if missing := _REQUIRED - names:
        raise SourceError(
            f"{{file}} is no floodscope catalog (no column {', '.join(sorted(missing))}): make one with "
            "`floodscope catalog build SOURCE OUT.parquet`.",
            file=path,
        )
    return rows


def _storage(column: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    return pa.chunked_array([chunk.storage for chunk in column.chunks], type=column.type.storage_type)


def _record_of(row: Mapping[str, Any]) -> ChipRecord:
    values: dict[str, Any] = {name: _text(row, name) for name in _TEXTS if name in row}
    # What has no word for it is what a record begins with.
    values = {name: value for name, value in values.items() if value is not None or name not in ("layout", "source")}
    name = _text(row, "id") if not isinstance(row["id"], int) else str(row["id"])
    if not name:
        raise _RowError("it has no id")
    values["id"] = chip_id(name)
    values["date"] = _date(row)
    values["legend"] = _one_of(row, "legend", LEGENDS)
    values["simulated"] = bool(_one_of(row, "simulated", (False, True)))
    for side in ("width", "height"):
        values[side] = _whole(row, side, _MOST_SIDE)
    for asset in ASSETS:
        values[asset] = _asset(row, asset)
    values["answers"] = Answers.from_json(_text(row, "answers"))
    values["footprint"] = _outline(row["geometry"])
    if "file" not in row:  # a catalog of an earlier version
        values["file"] = file_names(*(values[band].path for band in ("vv", "vh") if values[band]))
    files = [asset.path for one in ASSETS if (asset := values[one]) is not None]
    for problem in _PROBLEMS:
        text = _text(row, problem, _LONGEST_PROBLEM)
        values[problem] = None if text is None else Sentence.foreign(text, files)
    record = ChipRecord(**values)
    gone = [a for a in (record.vv, record.vh) if a is not None and not (is_address(a.path) or Path(a.path).exists())]
    if gone and record.problem is None:
        problem = "{file} is gone since the catalog was built: put it back, or build the catalog again."
        return replace(record, problem=Sentence(problem, file=gone[0].path))
    return record


def _decoded(value: object) -> object:
    """Return a text as letters: UTF-8, or where it is none Latin-1, which any bytes are."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _plain(row: Mapping[str, Any], name: str) -> Any:
    value = row.get(name)
    return None if isinstance(value, float) and math.isnan(value) else value


def _text(row: Mapping[str, Any], name: str, longest: int = _LONGEST_TEXT) -> str | None:
    value = _plain(row, name)
    if value is not None and not isinstance(value, str):
        raise _RowError(f"its {name} is no text but {repr(value)[:40]}")
    if value is not None and (len(value) > longest or "\0" in value):
        raise _RowError(f"its {name} is a text of {len(value):,} letters, {longest:,} are the most, and none is zero")
    return value


def _date(row: Mapping[str, Any]) -> str | None:
    text = _text(row, "date")
    if text is not None and iso_date(text) != text:
        raise _RowError(f"its date is not YYYY-MM-DD but {text[:40]!r}")
    return text


def _one_of(row: Mapping[str, Any], name: str, choices: Sequence[object]) -> Any:
    value = _plain(row, name)
    if value is not None and value not in choices:
        raise _RowError(f"its {name} is {repr(value)[:40]}")
    return value


def _whole(row: Mapping[str, Any], name: str, most: int) -> int | None:
    value = _plain(row, name)
    if value is not None and not (isinstance(value, int | float) and 0 < value <= most and value == int(value)):
        raise _RowError(f"its {name} is no number of pixels or bands but {repr(value)[:40]}")
    return None if value is None else int(value)


def _asset(row: Mapping[str, Any], name: str) -> Asset | None:
    path = _text(row, f"{name}_path")
    if not path:
        return None
    scale = row.get(f"{name}_scale", 1.0)
    if not (isinstance(scale, int | float) and 0 < scale < math.inf):
        raise _RowError(f"its {name}_scale is no scale but {repr(scale)[:40]}")
    band = _whole(row, f"{name}_band", _MOST_BAND)
    if band is None:
        raise _RowError(f"it has no {name}_band")
    # A catalog names no machine of the own network: it may be somebody else's.
    return Asset(bare(path) if is_address(path) else path, band, float(scale), _text(row, f"{name}_name"))


def _outline(data: object) -> BaseGeometry | None:
    if data is None:
        return None
    outline = None
    if isinstance(data, bytes):
        with contextlib.suppress(ShapelyError, ValueError):
            outline = shapely.from_wkb(data)
    if refusal := outline_refusal(outline):
        raise _RowError(refusal)
    return outline
