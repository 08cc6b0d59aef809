"""Files as a stranger or bad luck would make them, from a seed: catalogs, GeoJSONs, lists, models. Small ones; nothing is run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely


def share(few: int, whole: int) -> int:
    """Return how many of an attack to make: few, and the whole of it with FLOODSCOPE_ATTACK=1."""
    return whole if os.environ.get("FLOODSCOPE_ATTACK") else few


_TEXTS = [
    "",
    "x",
    "0",
    "NaN",
    "../../etc/passwd",
    "a\0b",
    "é" * 3000,
    "<b>&",
    "2020-13-45",
    "\u202egnp",
    "/dev/zero",
    "true",
    "🌊",
]
_BYTES = [b"\xff\xfe", b"\xc3", b"caf\xe9", b"", b"\x00" * 9, b"plain"]
_NUMBERS = [0, -1, 1, 2**31, 2**62, -(2**62), 1.5, float("nan"), float("inf"), -0.0, 1e308]
_TIMES = [datetime(2020, 1, 1, tzinfo=UTC), date(2020, 1, 1), date(1, 1, 1)]
_OTHERS = [True, [1, 2], [], {"a": 1}]
GEOMETRIES = [
    shapely.Point(1, 2),
    shapely.LineString([(0, 0), (1, 1)]),
    shapely.Polygon(),
    shapely.box(0, 0, 1e308, 1),
    shapely.box(-999, -99, 999, 99),
    shapely.Polygon([(0, 0), (1, 1), (0, 1), (1, 0)]),
    shapely.Polygon([(0, 0), (float("inf"), 1), (1, 1)]),
    shapely.GeometryCollection([shapely.Point(0, 0)]),
    shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(179, 0, 181, 1)]),
    shapely.Point(0, 0).buffer(1, quad_segs=9000),
]


def mutated_catalogs(folder: Path, good: Path, count: int, seed: int = 0) -> Iterator[Path]:
    """Write a catalog again and again under one name, each time with a few columns or rows that hold something else."""
    rng = np.random.default_rng(seed)
    table, path = pq.read_table(good), folder / "mutated.parquet"
    for _ in range(count):
        mutated = table
        for _ in range(rng.integers(1, 4)):
            mutated = _one_column(rng, mutated)
        pq.write_table(mutated, path)
        if rng.random() < 0.15:
            data = bytearray(path.read_bytes())
            for at in rng.integers(0, len(data), rng.integers(1, 30)):
                data[at] = rng.integers(256)
            path.write_bytes(data[: rng.integers(len(data))] if rng.random() < 0.3 else data)
        yield path


def _one_column(rng: np.random.Generator, table: pa.Table) -> pa.Table:
    at = int(rng.integers(table.num_columns))
    name, rows = table.column_names[at], table.num_rows
    kind = rng.integers(9)
    if kind == 0:
        return table.remove_column(at)
    values: list[Any]
    if name == "geometry" and kind < 7:
        wkb = [shapely.to_wkb(GEOMETRIES[i]) for i in rng.integers(len(GEOMETRIES), size=rows)]
        values = [w if rng.random() < 0.8 else w[: len(w) // 2] for w in wkb]
        return table.set_column(at, name, pa.array(values, pa.binary()))
    if kind in (1, 2, 3):  # one row of a column of texts, the others as they were
        texts = [v.encode() if isinstance(v, str) else None for v in table.column(at).to_pylist()]
        texts[rng.integers(rows)] = [*(t.encode() for t in _TEXTS), *_BYTES][rng.integers(len(_TEXTS) + len(_BYTES))]
        array = pa.array(texts, pa.binary())
        return table.set_column(at, name, array.view(pa.string()) if rng.random() < 0.8 else array)
    pool: list[Any] = [_NUMBERS, _TEXTS, _TIMES, _OTHERS, _BYTES][rng.integers(5)]
    chosen = pool[rng.integers(len(pool))]
    if pool is _NUMBERS:
        values = [float(pool[i]) for i in rng.integers(len(pool), size=rows)]
    else:
        values = [None if rng.random() < 0.2 else chosen for _ in range(rows)]
    return table.set_column(at, name, pa.array(values))


def mutated_json(text: str, count: int, seed: int = 0, *, whole: bool = False) -> Iterator[str]:
    """Yield a JSON text with some of its values changed, moved or removed; unless `whole`, some cut or nested deep."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        raw = json.loads(text)
        for _ in range(rng.integers(1, 5)):
            _change(rng, raw)
        out = json.dumps(raw)
        if not whole and rng.random() < 0.1:
            out = out[: rng.integers(len(out))]
        if not whole and rng.random() < 0.03:
            out = out.replace("null", "[" * 50_000 + "]" * 50_000, 1)
        yield out


_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**70, 10**400, -1.5, 1e308, float("nan"), float("inf"), "", "x", "a\0b", "\ud800", "é" * 3000,
    [], [[]], [1, 2], {}, {"a": {"b": 1}}, {"": None}, ["vv"], ["vh", "vv"], "0" * 64, "2020-02-03", 0.5, 2, 64, [0.5], "d4",
]  # fmt: skip


def _change(rng: np.random.Generator, raw: Any) -> None:
    place = raw
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = keys[rng.integers(len(keys))]
        if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.7:
            place = place[key]
            continue
        break
    if rng.random() < 0.15:
        del place[key]
    elif isinstance(place, dict) and rng.random() < 0.1:
        place[str(_VALUES[rng.integers(len(_VALUES))])] = deepcopy(place[key])
    else:
        place[key] = deepcopy(_VALUES[rng.integers(len(_VALUES))])


def mutated_bytes(data: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield bytes with some changed, cut out, doubled or put elsewhere."""
    rng = np.random.default_rng(seed)
    changes: list[Callable[[bytearray, int], None]] = [
        lambda b, at: b.__setitem__(at, int(rng.integers(256))),
        lambda b, at: b.__delitem__(slice(at, at + int(rng.integers(1, 40)))),
        lambda b, at: b.__setitem__(slice(at, at), b[at : at + int(rng.integers(1, 40))]),
        lambda b, at: b.__setitem__(slice(at, at), bytes(rng.choice(_SNIPPETS))),
    ]
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(rng.integers(1, 6)):
            if changed:
                changes[rng.integers(len(changes))](changed, int(rng.integers(len(changed))))
        yield bytes(changed)


_SNIPPETS = [
    b"\0",
    b"\xff",
    b"\n\n",
    b"=",
    b",",
    b";",
    b"-1",
    b"1e999",
    b"nan",
    b"99999999999999999999",
    b'"',
    b"\xef\xbb\xbf",
    b" ",
    b"\r",
]
