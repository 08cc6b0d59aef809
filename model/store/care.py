"""Looking after a store: what a crash or a hand left is found and mended, and a store is moved to another place whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Table, delete, insert, select

from model.store.database import ARRIVALS, CONTENTS, DERIVED, OUTBOX, PREDICTIONS, Database, upsert
from model.store.rasters import SWEEP_AFTER_S, is_raster
from model.store.store import DATABASE, Store
from tiles.errors import PredictionNotFoundError, StoreError, UsageError

_AT_ONCE = 500
_TOLD = (
    *(
        "chip_id",
        "model_name",
        "model_id",
        "parameters",
        "created",
        "seconds",
        "threshold",
        "valid_pixels",
        "total_pixels",
    ),
    *("country", "event", "split"),
)
Tick = Callable[[int, int], None]


@dataclass
class Check:
    """What a look at every row and raster of a store found.

    Attributes:
        whole: predictions whose raster is there and theirs.
        lost: (chip, why) of those whose raster is not.
        stray: rasters that no row names, long enough for no writer to be about to.
        young: rasters that no row names yet.
        mended: whether lost rows and stray rasters were removed.
    """

    whole: int = 0
    lost: list[tuple[str, str]] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    young: int = 0
    mended: bool = False


def require_store(folder: Path, url: str | None = None) -> None:
    """Raise StoreError unless a place holds a store: who looks after one makes none; arguments as `Store`'s."""
    Database(url or URL.create("sqlite", database=str(folder.expanduser().absolute() / DATABASE)), make=False).close()


def check(store: Store, *, mend: bool = False, tick: Tick = lambda _done, _total: None) -> Check:
    """Look at every row and every raster of a store; other processes may use it meanwhile.

    Args:
        store: the store.
        mend: remove rows without a raster, so that their chips are predicted again, and rasters without a row.
        tick: told (rows looked at, rows in all).

    Raises:
        StoreError: the store cannot be read or, to mend it, written; where its folder or bucket is away nothing is removed.
    """
    database, rasters = store.database, store.rasters
    if not rasters.there():
        raise StoreError("The place of the rasters is not there: bring it back, then check again.")
    found = Check(mended=mend)
    listed = list(rasters.names())  # before the rows: a raster is written before its row
    with database.reading() as connection:
        names = list(connection.execute(select(PREDICTIONS.c.chip_id, PREDICTIONS.c.raster)))
    named = {raster for _, raster in names}
    for number, (chip_id, raster) in enumerate(names, 1):
        tick(number, len(names))
        why = _wrong(store, chip_id, raster)
        if why is None:
            found.whole += 1
            continue
        found.lost.append((chip_id, why))
        if mend:
            with database.writing() as connection:
                connection.execute(delete(PREDICTIONS).where(PREDICTIONS.c.raster == raster))
    for name, age in listed:
        if name in named:
            continue
        if age <= SWEEP_AFTER_S:
            found.young += 1
            continue
        found.stray.append(name)
        if mend:
            rasters.remove(name)
    return found


def _wrong(store: Store, chip_id: str, raster: str) -> str | None:
    """Return what is wrong with a row's raster, or None; a row that was replaced meanwhile is right."""
    with store.database.reading() as connection:
        row = connection.execute(select(PREDICTIONS).where(PREDICTIONS.c.raster == raster)).mappings().first()
    if row is None:
        return None
    if not is_raster(raster):
        return f"its row names {raster[:80]!r}, which is no raster of the store"
    try:
        store.require_whole(chip_id, raster, row["total_pixels"], row["valid_pixels"])
    except PredictionNotFoundError as error:
        with store.database.reading() as connection:
            still = connection.execute(select(PREDICTIONS.c.chip_id).where(PREDICTIONS.c.raster == raster)).first()
        return str(error) if still is not None else None
    return None


def copy(source: Store, target: Store, tick: Tick = lambda _done, _total: None) -> int:
    """Copy all that a store holds into another, raster first and row second, and return how many predictions there are.

    What the target has under the same keys is replaced. Given again after it was ended, it goes on with what is missing.

    Raises:
        StoreError: one of them cannot be read or written, or a raster is lost: `check` names all that are.
        UsageError: both are the same store.
    """
    if source.database.store_id == target.database.store_id:
        raise UsageError(
            "The store would be copied onto itself, or onto a copy of its own files: give a place that holds none of it."
        )
    with source.database.reading() as connection:
        keys = list(connection.execute(select(PREDICTIONS.c.chip_id, PREDICTIONS.c.model_key, PREDICTIONS.c.revision)))
    with target.database.reading() as connection:
        there = {tuple(row) for row in connection.execute(select(*(PREDICTIONS.c[n] for n in _KEY)))}
    for number, key in enumerate(keys, 1):
        tick(number, len(keys))
        if tuple(key) not in there:
            _copy_prediction(source, target, key[0], key[1])
    for table in (CONTENTS, DERIVED, ARRIVALS, OUTBOX):
        _copy_rows(source, target, table)
    return len(keys)


_KEY = ("chip_id", "model_key", "revision")


def _copy_prediction(source: Store, target: Store, chip_id: str, model_key: str) -> None:
    mine = (PREDICTIONS.c.chip_id == chip_id) & (PREDICTIONS.c.model_key == model_key)
    with source.database.reading() as connection:
        found = connection.execute(select(PREDICTIONS).where(mine)).mappings().first()
    if found is None:  # forgotten meanwhile
        return
    if not is_raster(found["raster"]):
        raise StoreError(
            f"The row of chip {chip_id} names no raster of the store: `floodscope store check --mend` removes it."
        )
    row = dict(found)
    row["raster"] = f"{target.home}/{Path(found['raster']).name}"
    target.rasters.write(row["raster"], source.rasters.get(found["raster"]))
    with target.database.writing() as connection:
        replaced = connection.execute(select(PREDICTIONS.c.raster).where(mine)).scalar()
        upsert(connection, PREDICTIONS, row)
    if replaced is not None and replaced != row["raster"]:
        target.rasters.remove(replaced)


def _copy_rows(source: Store, target: Store, table: Table) -> None:
    """Copy the rows of a table of which nothing lies outside the database; arrivals get numbers of their own."""
    counted = table is ARRIVALS
    key = ["stream", "item_key", "stamp"] if counted else [column.name for column in table.primary_key]
    for rows in _rows(source, table):
        with target.database.writing() as connection:
            for row in rows:
                same = [table.c[name] == row[name] for name in key]
                connection.execute(delete(table).where(*same))
                connection.execute(
                    insert(table).values({n: v for n, v in row.items() if not (counted and n == "number")})
                )


def _rows(store: Store, table: Table) -> Iterator[list[dict[str, Any]]]:
    order = list(table.primary_key)
    start = 0
    while True:
        with store.database.reading() as connection:
            query = select(table).order_by(*order).offset(start).limit(_AT_ONCE)
            rows = [dict(row) for row in connection.execute(query).mappings()]
        if not rows:
            return
        yield rows
        start += len(rows)


def table(store: Store) -> tuple[str, int]:
    """Return every prediction of a store as CSV, and how many there are: areas in km2 at each model's own threshold."""
    text = io.StringIO()
    names = [*_TOLD, "water_km2", "valid_km2", "water_share", "raster"]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    rows = 0
    for model in store.models():
        for prediction in store.for_model(model.key).values():
            rows += 1
            writer.writerow(
                {
                    **{name: getattr(prediction, name) for name in _TOLD},
                    "water_km2": prediction.water_km2(prediction.threshold),
                    "valid_km2": prediction.valid_km2,
                    "water_share": prediction.water_share(prediction.threshold),
                    "raster": store.rasters.address(prediction.raster),
                }
            )
    return text.getvalue(), rows
