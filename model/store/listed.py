"""All predictions of a model as plain rows: of a hundred thousand at once, what lists and tables need of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select

from model.scores.histogram import two_counts
from model.store.database import PREDICTIONS, Database
from model.store.prediction import ModelKey, stored_area, uncertain_share, whole_row
from tiles.chip import ChipRecord, Look

_BLOCK = 2000


class Listed(NamedTuple):
    """One row: the fields of a `Prediction`, `uncertain` its share, the histogram as it is stored."""

    chip_id: str
    chip_revision: str
    revision: str
    model_name: str
    device: str
    seconds: float
    created: str
    valid_pixels: int
    total_pixels: int
    uncertain: float | None
    histogram: bytes | None


def listed(database: Database, records: Iterable[ChipRecord], key: ModelKey) -> Iterator[list[Listed]]:
    """Yield the predictions of a model that `Store.fresh` gives for these records, by chip id, some thousand at a time.

    Raises:
        StoreError: the database cannot be read, or a row of it is damaged.
    """
    known, look = {record.id: record for record in records}, Look()
    table = PREDICTIONS.c
    names = [name for name in Listed._fields if name != "uncertain"]
    columns = [table[name] for name in names if name != "histogram"]
    query = select(*columns, table.area, table.histogram).where(table.model_key == key.digest).order_by(table.chip_id)
    with database.reading() as connection:
        result = connection.execution_options(yield_per=_BLOCK).execute(query)
        for rows in result.partitions():
            found = [_listed(row, database.url) for row in rows if row[0] in known]
            yield [row for row in found if row.chip_revision == known[row.chip_id].revision(look)]


def _listed(row: Sequence[Any], where: str) -> Listed:
    *plain, area, histogram = row
    with whole_row(plain[0], where):
        if histogram is not None:
            two_counts(histogram, "histogram")  # one of another length would move the counts of all chips after it
        return Listed._make((*plain, uncertain_share(stored_area(area)), histogram))
