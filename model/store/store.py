"""The store of predictions: a raster on disk and a row in a database each (contracts 2 and 3).

A raster is written first and its row second, so a process that is killed at any moment leaves the old prediction or the
new one, and at worst a file that no row names; such files are swept when the store is opened later.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sqlalchemy import URL, ColumnElement, Connection, Select, Table, delete, func, select

from model.store.database import CONTENTS, PREDICTIONS, Database, one_at_a_time, upsert
from model.store.derived import Derived
from model.store.known import KnownWhole
from model.store.objects import RasterBucket
from model.store.prediction import (
    COLUMNS,
    KM2,
    PIXELS,
    Counts,
    ModelIdentity,
    ModelKey,
    ModelSummary,
    OfFiles,
    Prediction,
    key_of,
    prediction_of,
    stored_prediction,
)
from model.store.probability import encode_probability, require_contract
from model.store.rasters import RASTERS, RasterFolder, Rasters, is_raster
from model.store.streamed import require_streamed
from model.store.streams import Streams
from model.store.work import sweep_work
from tiles.chip import Chip, ChipRecord, Look
from tiles.content import Content, content_of
from tiles.errors import FloodscopeError, PredictionNotFoundError, StoreError, UsageError
from tiles.grid import Grid
from tiles.naming import is_chip_id
from tiles.probability import NODATA
from tiles.reading.raster import MAX_PIXELS

__all__ = ["ModelKey", "ModelSummary", "Prediction", "Store", "key_of"]

DATABASE = "floodscope.db"

_FEW = 500  # so many chips are asked for by name; of more, all are

Also = Callable[[Connection, Prediction], None]
"""Writes more in the transaction of a prediction's row."""


class Store:
    """Predictions in a folder: rasters as files, rows in a database. Any number of threads and processes may share it.

    Open it after a process forks, not before: connections do not survive a fork. Every method raises StoreError where the
    database cannot be read or written.
    """

    def __init__(self, folder: str | Path, url: str | None = None, *, rasters: str | None = None) -> None:
        """Open a store, and make it where there is none.

        Args:
            folder: where the rasters and, without `url`, the SQLite database are.
            url: another database, as SQLAlchemy writes it.
            rasters: s3://BUCKET/PREFIX where the rasters are, in place of the folder; needs `url`.

        Raises:
            StoreError: the folder cannot be written, or the database cannot be opened, is damaged or too new.
        """
        if rasters is not None and url is None:
            raise UsageError(
                f"Rasters in {rasters} need a database that all who use them reach: give one with --database, like "
                "postgresql+pg8000://USER:PASSWORD@HOST/NAME."
            )
        self.folder = Path(folder).expanduser().absolute()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The data folder {{file}} cannot be written ({error.strerror}): give write permission to it, or "
                "choose another with --data.",
                file=self.folder,
            ) from error
        self.database = Database(url or URL.create("sqlite", database=str(self.folder / DATABASE)))
        self.streams, self.derived = Streams(self.database), Derived(self.database)
        # Rasters lie in a folder of their database, so no database sweeps the rasters of another.
        self.home = f"{RASTERS}/{self.database.store_id}"
        try:
            self.rasters: Rasters = (
                RasterFolder(self.folder, self.home) if rasters is None else RasterBucket(rasters, self.home)
            )
            self.rasters.make(self._named)
            sweep_work(self.folder)
            self._known = KnownWhole(self.rasters, self.derived)
        except FloodscopeError:
            self.database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._known.keep()
        self.database.close()

    def put(
        self,
        chip: Chip,
        record: ChipRecord,
        model: ModelIdentity,
        probability: npt.NDArray[np.uint8],
        seconds: float,
        *,
        chip_revision: str | None = None,
        also: Also | None = None,
    ) -> Prediction:
        """Store a prediction in place of the one of the same chip and model, if there is one.

        Args:
            chip: the chip as it was predicted, with its label where it has one.
            record: its record.
            model: what predicted it.
            probability: uint8 (H, W), contract 2.
            seconds: how long the model took.
            chip_revision: `record.revision()` from before the chip was read; taken now where it is not given.
            also: what else is written in the transaction of the row, so that both are there or neither is.

        Raises:
            PredictionError: the raster is not one of this chip (type, shape, nodata).
            StoreError: it cannot be written.
            UsageError: the chip's id cannot be part of a file name.
        """
        revision, raster = self.new_raster(record.id)
        require_contract(chip, model.name, probability)
        now = record.revision() if chip_revision is None else chip_revision
        counts = Counts()
        counts.add(probability, chip.label, chip.grid)
        prediction = prediction_of(counts, record, model, seconds, now, revision, raster)
        self.rasters.write(raster, encode_probability(probability, chip.grid, model.tags(record.id, revision)))
        return self.keep(prediction, content_of(chip), chip.notes, also)

    def new_raster(self, chip_id: str) -> tuple[str, str]:
        """Return a new revision of a chip's prediction, and the path of its raster, relative to the folder.

        Raises:
            UsageError: the chip's id cannot be part of a file name.
        """
        if not is_chip_id(chip_id):
            raise UsageError(
                f"The chip id {chip_id[:80]!r} is not made of letters, digits, _, - and .: rename the chip."
            )
        revision = secrets.token_hex(6)
        return revision, f"{self.home}/{chip_id}.{revision}.tif"

    def keep(
        self, prediction: Prediction, content: Content, notes: Sequence[str], also: Also | None = None
    ) -> Prediction:
        """Write the row of a prediction whose raster is there, in place of the one of the same chip and model."""
        replaced = self._write_row(prediction, content, notes, also)
        if replaced is not None:
            self._remove(replaced)
        return prediction

    def _write_row(
        self, prediction: Prediction, content: Content, notes: Sequence[str], also: Also | None
    ) -> str | None:
        """Write the row and what its chip holds, and return the raster of the row it replaces."""
        row = {name: getattr(prediction, name) for name in COLUMNS}
        row["model_key"] = prediction.key.digest
        row["area"] = prediction.area.astype(KM2 if prediction.placed else PIXELS).tobytes()
        row["histogram"] = None if prediction.histogram is None else prediction.histogram.to_bytes()
        of_key = (PREDICTIONS.c.chip_id == row["chip_id"]) & (PREDICTIONS.c.model_key == row["model_key"])
        with self.database.writing() as connection:
            one_at_a_time(connection, f"{row['chip_id']}\n{row['model_key']}")
            replaced = connection.execute(select(PREDICTIONS.c.raster).where(of_key).with_for_update()).scalar()
            upsert(connection, PREDICTIONS, row)
            upsert(connection, CONTENTS, {**_content_row(prediction, content), "notes": json.dumps(notes)})
            if also is not None:
                also(connection, prediction)
        return replaced

    def contents(self, key: ModelKey) -> dict[tuple[str, str], Content]:
        """Return what is known of the content of the chips that a model has predicted, by chip id and revision.

        Chips that were predicted before contents were kept are not among them.
        """
        table = CONTENTS.c
        same = (table.chip_id == PREDICTIONS.c.chip_id) & (table.chip_revision == PREDICTIONS.c.chip_revision)
        query = (
            select(table.chip_id, table.chip_revision, table.digest, table.samples)
            .join(PREDICTIONS, same)
            .where(PREDICTIONS.c.model_key == key.digest)
        )
        with self.database.reading() as connection:
            rows = connection.execute(query).all()
        return {(r[0], r[1]): Content(r[2], bytes(r[3])) for r in rows}

    def notes(self, predictions: Iterable[Prediction]) -> dict[str, tuple[str, ...]]:
        """Return what the door has to tell of predicted chips, by chip id; those of which it has nothing are left out."""
        table = CONTENTS.c
        asked = {(p.chip_id, p.chip_revision) for p in predictions}
        query = select(table.chip_id, table.chip_revision, table.notes).where(
            table.notes.is_not(None), table.notes != "[]"
        )
        if len(asked) == 1:
            query = query.where(table.chip_id == next(iter(asked))[0])
        with self.database.reading() as connection:
            rows = connection.execute(query).all() if asked else []
        return {chip: tuple(json.loads(notes)) for chip, revision, notes in rows if (chip, revision) in asked}

    def keep_content(self, prediction: OfFiles, content: Content) -> None:
        """Keep the content of a chip that was predicted before contents were kept."""
        with self.database.writing() as connection:
            upsert(connection, CONTENTS, _content_row(prediction, content))

    def get(self, record: ChipRecord, key: ModelKey) -> Prediction | None:
        """Return the prediction of a chip under a model, or None where there is none of the chip's files as they are now."""
        query = select(PREDICTIONS).where(_of_files(PREDICTIONS, record), PREDICTIONS.c.model_key == key.digest)
        return next(iter(self._found(query)), None)

    def for_model(self, key: ModelKey, chips: Sequence[str] | None = None) -> dict[str, Prediction]:
        """Return the predictions of a model by chip id, also those of files that have changed since (see `fresh`).

        Args:
            key: of the model.
            chips: only of these chips, some hundred at most; None takes all.
        """
        query = select(PREDICTIONS).where(PREDICTIONS.c.model_key == key.digest).order_by(PREDICTIONS.c.chip_id)
        query = query if chips is None else query.where(PREDICTIONS.c.chip_id.in_(chips))
        return {prediction.chip_id: prediction for prediction in self._found(query)}

    def fresh(self, records: Iterable[ChipRecord], key: ModelKey) -> dict[str, Prediction]:
        """Return the predictions that `get` would give for these records, by chip id, in the records' order."""
        asked, look = list(records), Look()
        stored = self.for_model(key, [record.id for record in asked] if len(asked) <= _FEW else None)
        return {
            record.id: stored[record.id]
            for record in asked
            if record.id in stored and stored[record.id].chip_revision == record.revision(look)
        }

    def since(self, key: ModelKey, created: str) -> list[tuple[str, str, str]]:
        """Return id, revision and time of the predictions of a model that were made at a time or later, the oldest first."""
        table = PREDICTIONS.c
        made = (table.model_key == key.digest) & (table.created >= created)
        query = select(table.chip_id, table.revision, table.created).where(made).order_by(table.created)
        with self.database.reading() as connection:
            return [(str(chip), str(revision), str(when)) for chip, revision, when in connection.execute(query)]

    def find(self, chip_id: str, revision: str) -> Prediction | None:
        """Return a chip's prediction of one revision under any model, or None where it has been replaced."""
        of_revision = (PREDICTIONS.c.chip_id == chip_id) & (PREDICTIONS.c.revision == revision)
        return next(iter(self._found(select(PREDICTIONS).where(of_revision))), None)

    def latest(self, record: ChipRecord) -> Prediction | None:
        """Return the newest prediction of a chip's files as they are now, under any model, or None."""
        query = (
            select(PREDICTIONS).where(_of_files(PREDICTIONS, record)).order_by(PREDICTIONS.c.created.desc()).limit(1)
        )
        return next(iter(self._found(query)), None)

    def forget(self, record: ChipRecord) -> int:
        """Remove every prediction of a chip's files as they are now, under all models, and return how many there were."""
        with self.database.writing() as connection:
            of_files = _of_files(PREDICTIONS, record)
            rasters = connection.execute(select(PREDICTIONS.c.raster).where(of_files)).scalars().all()
            for table in (PREDICTIONS, CONTENTS):
                connection.execute(delete(table).where(_of_files(table, record)))
        for raster in rasters:
            self._remove(raster)
        return len(rasters)

    def models(self) -> list[ModelSummary]:
        """Return what models the store has predictions of, the latest used first."""
        table, latest = PREDICTIONS.c, func.max(PREDICTIONS.c.created)
        query = (
            select(table.model_id, table.parameters, func.max(table.model_name), func.count(), latest)
            .group_by(table.model_key, table.model_id, table.parameters)
            .order_by(latest.desc(), table.model_id)
        )
        with self.database.reading() as connection:
            rows = connection.execute(query).all()
        return [ModelSummary(ModelKey(r[0], r[1]), r[2], r[3], r[4]) for r in rows]

    def raster_path(self, prediction: Prediction) -> Path:
        """Return where a prediction's raster is.

        Raises:
            StoreError: the row does not name a raster of this store, or rasters are no files here.
        """
        self._require_ours(prediction.raster)
        return self.rasters.path(prediction.raster)

    def read(self, prediction: Prediction) -> npt.NDArray[np.uint8]:
        """Read a prediction's probability raster, uint8 (H, W), contract 2.

        Raises:
            PredictionNotFoundError: the raster is missing, damaged or another one than the row says; the row is gone then.
            StoreError: it may not be read, or the disk fails.
        """
        self._require_ours(prediction.raster)
        try:
            return self._values(prediction.chip_id, prediction.raster, prediction.total_pixels, prediction.valid_pixels)
        except PredictionNotFoundError:
            self._disown(prediction)
            raise

    def _values(self, chip_id: str, raster: str, total: int, valid: int) -> npt.NDArray[np.uint8]:
        values = self.rasters.read(raster)
        if values.size != total or np.count_nonzero(values != NODATA) != valid:
            raise PredictionNotFoundError(
                f"The raster {{file}} is not the one that was stored for chip {chip_id}: predict the chip again.",
                file=self.rasters.address(raster),
            )
        return values

    def require_whole(self, chip_id: str, raster: str, total: int, valid: int) -> None:
        """Raise PredictionNotFoundError unless a chip's raster is there, and has so many pixels and so many with data.

        One that is too large for memory is read strip by strip. Rows stay as they are.
        """
        self._require_ours(raster)
        if total <= MAX_PIXELS:
            self._values(chip_id, raster, total, valid)
            return
        with self.rasters.file(raster) as path:
            require_streamed(path, total, valid)

    def grid(self, prediction: Prediction) -> Grid:
        """Return the grid of a prediction's raster; raises as `read`."""
        self._require_ours(prediction.raster)
        return self.rasters.grid(prediction.raster)

    def is_whole(self, prediction: Prediction) -> bool:
        """Return whether a prediction's raster is there and whole, read once a state of its file; else its row is gone then."""
        # Who asks predicts again at once: a folder of rasters that is away is made anew, and not waited for.
        self.rasters.make()
        if self._known.holds(prediction.raster):
            return True
        try:
            self.require_whole(prediction.chip_id, prediction.raster, prediction.total_pixels, prediction.valid_pixels)
        except PredictionNotFoundError:
            self._disown(prediction)
            return False
        self._known.note(prediction.raster)
        return True

    def _disown(self, prediction: Prediction) -> None:
        """Forget a prediction whose raster is gone or damaged, so that the chip is predicted when it is asked for next.

        Where the folder of rasters is not there, as on a disk that is taken off, all of them may come back.
        """
        if not self.rasters.there():
            return
        table = PREDICTIONS.c
        with contextlib.suppress(StoreError), self.database.writing() as connection:
            connection.execute(delete(PREDICTIONS).where(table.raster == prediction.raster))

    def _remove(self, raster: str) -> None:
        if is_raster(raster):
            self.rasters.remove(raster)
            self._known.forget(raster)

    def _require_ours(self, raster: str) -> None:
        if not is_raster(raster):
            raise StoreError(f"{self.database.url} names a raster {raster[:80]!r} outside the store: predict again.")

    def _named(self) -> set[str]:
        """Return the rasters that rows name."""
        with self.database.reading() as connection:
            return set(connection.execute(select(PREDICTIONS.c.raster)).scalars())

    def _found(self, query: Select[Any]) -> list[Prediction]:
        with self.database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [stored_prediction(dict(row), self.database.url) for row in rows]


def _of_files(table: Table, record: ChipRecord) -> ColumnElement[bool]:
    """Return which rows of a table are of a chip's files as they are now."""
    return (table.c.chip_id == record.id) & (table.c.chip_revision == record.revision())


def _content_row(prediction: OfFiles, content: Content) -> dict[str, object]:
    of_files = {"chip_id": prediction.chip_id, "chip_revision": prediction.chip_revision}
    return {**of_files, "digest": content.digest, "samples": content.samples}
