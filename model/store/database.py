"""The database of predictions: its tables, how it is opened, and its errors in words.

SQLite (write-ahead log) or any database that SQLAlchemy speaks to.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from model.store.migrations import SCHEMA_VERSION, migrate
from tiles.errors import StoreError

BUSY_TIMEOUT_MS = 30_000
"""How long a process waits for another one that writes."""

_METADATA = MetaData()

# Names carry a prefix because a database given by URL may hold other things too.
ABOUT = Table(
    "floodscope_about",
    _METADATA,
    Column("name", String(32), primary_key=True),
    Column("value", String(64), nullable=False),
)

PREDICTIONS = Table(
    "floodscope_predictions",
    _METADATA,
    Column("chip_id", String(200), primary_key=True),
    # A digest of model_id and parameters: a key of any length would not fit every database's index.
    Column("model_key", String(32), primary_key=True, index=True),
    Column("model_id", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("chip_revision", String(32), nullable=False),
    Column("revision", String(32), nullable=False),
    Column("raster", Text, nullable=False),
    Column("model_name", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created", String(40), nullable=False),
    Column("threshold", Float, nullable=False),
    Column("valid_pixels", Integer, nullable=False),
    Column("total_pixels", Integer, nullable=False),
    Column("area", LargeBinary, nullable=False),
    Column("histogram", LargeBinary),
    Column("label_water_km2", Float),
    Column("country", Text),
    Column("event", Text),
    Column("split", Text),
)

# Of the files of each revision that was predicted: what tells the picture from others (tiles.content), and what the
# door has to tell of it, a JSON list of sentences.
CONTENTS = Table(
    "floodscope_contents",
    _METADATA,
    Column("chip_id", String(200), primary_key=True),
    Column("chip_revision", String(32), primary_key=True),
    Column("digest", String(32), nullable=False),
    Column("samples", LargeBinary, nullable=False),
    Column("notes", Text),
)

# What was computed of a chip or of predictions and can be computed again, by what it is and what it is of.
DERIVED = Table(
    "floodscope_derived",
    _METADATA,
    Column("kind", String(32), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# What streams have dealt with (model.streams): each input once, by its name and what told its files from others.
ARRIVALS = Table(
    "floodscope_arrivals",
    _METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("stream", String(32), nullable=False),
    Column("item_key", String(32), nullable=False),  # a digest: a path of any length fits no index
    Column("stamp", String(32), nullable=False),
    Column("item", Text, nullable=False),
    Column("files", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("path", Text),
    Column("chip_id", String(200)),
    Column("created", String(40), nullable=False),
    Column("alert", Integer, nullable=False),
    Column("facts", Text, nullable=False),
    UniqueConstraint("stream", "item_key", "stamp"),
)

# What has to be told of them, written in the transaction of what it tells.
OUTBOX = Table(
    "floodscope_outbox",
    _METADATA,
    Column("delivery", String(32), primary_key=True),
    Column("stream", String(32), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("due", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("answer", Text),
)

# A transaction that will write says so, and takes SQLite's write lock at once: one that reads first and then wants to
# write fails at once, timeout or not, when another process wrote in between.
_WRITES = "floodscope_writes"


_NO_STORE = "{database} holds no predictions of floodscope: name the place that does with --data, --database or both."

_LOCK = 0x666C6F6F64
"""Number of the lock under which PostgreSQL's tables are made and changed."""


class Database:
    """An open database of predictions.

    Attributes:
        url: where it is, without password and query.
        store_id: 8 hex digits that were drawn when its tables were made.
    """

    def __init__(self, url: str | URL, *, make: bool = True) -> None:
        """Open a database and make its tables where it has none.

        Args:
            url: SQLAlchemy's, as "sqlite:////folder/file.db" or "postgresql+pg8000://host/name".
            make: whether its tables are made where it has none; else that is an error.

        Raises:
            StoreError: it cannot be opened or written, is damaged, or was written by a newer floodscope.
        """
        try:
            parsed = make_url(url)
            self.url = parsed.set(query={}).render_as_string(hide_password=True)  # a query may hold a path or a secret
            self._engine = create_engine(parsed, pool_pre_ping=True)  # a server may have ended the connection
        except ArgumentError as error:
            raise StoreError(
                "The database URL is not understood: give one like postgresql+pg8000://host/name."
            ) from error
        except ImportError as error:
            raise StoreError(f"The database {self.url} needs the Python package {error.name}: install it.") from error
        if self._engine.dialect.name == "sqlite":
            if parsed.database in (None, "", ":memory:"):
                raise StoreError(f"{self.url} names no file: give one like sqlite:////folder/file.db.")
            self.url = str(parsed.database)
            if not make and not Path(self.url).is_file():
                raise StoreError(_NO_STORE, database=self.url)
            _speak_sqlite(self._engine)
        self._writing = self._engine.execution_options(**{_WRITES: True})
        try:
            self.store_id = self._open(make)
        except BaseException:
            self._engine.dispose()
            raise

    def _open(self, make: bool) -> str:
        with self._words():
            if self._engine.dialect.name == "sqlite":
                _use_write_ahead_log(self._engine)
            attempts = 3
            while True:
                try:
                    with self._writing.begin() as connection:
                        return self._prepare(connection, make)
                except (IntegrityError, ProgrammingError):
                    # Another process made the tables at the same moment (databases without SQLite's one write lock).
                    attempts -= 1
                    if not attempts:
                        raise

    def _prepare(self, connection: Connection, make: bool) -> str:
        """Make the tables, or bring them to today's version, and return the store's id."""
        if connection.dialect.name == "postgresql":  # one at a time: it has no lock that all of a database take
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        if not inspect(connection).has_table(ABOUT.name):
            if not make:
                raise StoreError(_NO_STORE, database=self.url)
            _METADATA.create_all(connection)
            about = {"schema_version": str(SCHEMA_VERSION), "store_id": secrets.token_hex(4)}
            connection.execute(insert(ABOUT), [{"name": k, "value": v} for k, v in about.items()])
        # The rows are locked: of two processes the second finds the work of the first done.
        rows = connection.execute(select(ABOUT.c.name, ABOUT.c.value).with_for_update()).all()
        found = {str(name): str(value) for name, value in rows}
        self._require_known(found)
        if found["schema_version"] != str(SCHEMA_VERSION):
            migrate(connection, int(found["schema_version"]))
            of_version = update(ABOUT).where(ABOUT.c.name == "schema_version")
            connection.execute(of_version.values(value=str(SCHEMA_VERSION)))
        return found["store_id"]

    def _require_known(self, found: Mapping[str, str]) -> None:
        version = found.get("schema_version", "")
        if version.isdigit() and int(version) > SCHEMA_VERSION:
            raise StoreError(
                f"{self.url} was written by a newer floodscope (schema {version}, this one knows {SCHEMA_VERSION}): "
                "update floodscope, or choose another data folder with --data."
            )
        if not version.isdigit() or not int(version) or not found.get("store_id", "").isalnum():
            raise StoreError(
                f"{self.url} is not a floodscope database any more: choose another data folder with --data."
            )

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read with, and turn the database's errors into StoreError."""
        with self._words(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction to write in, committed at the end, and turn the database's errors into StoreError."""
        with self._words(), self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreError(_explain(error), database=self.url) from error
        except (ConnectionError, TimeoutError) as error:
            # Of a server that goes while it is asked: not every driver has a word of its own for it.
            raise StoreError(_failed(error.strerror or str(error)), database=self.url) from error


def one_at_a_time(connection: Connection, key: str) -> None:
    """Have no other transaction go on that names the same key, until this one ends: a row that is not there yet has no lock.

    SQLite needs none, since it has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(number)))


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Write a row unless there is one with the same key, and return whether it was written."""
    dialect = connection.dialect.name
    if dialect == "sqlite":
        done = connection.execute(sqlite.insert(table).values(row).on_conflict_do_nothing())
    elif dialect == "postgresql":
        done = connection.execute(postgresql.insert(table).values(row).on_conflict_do_nothing())
    else:
        try:
            with connection.begin_nested():
                done = connection.execute(insert(table).values(row))
        except IntegrityError:
            return False
    return bool(done.rowcount)


def upsert(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Write a row of a table in place of the one with its key, if there is one."""
    key = list(table.primary_key.columns)
    names = {column.name for column in key}
    rest = {name: value for name, value in row.items() if name not in names}
    dialect = connection.dialect.name
    if dialect == "sqlite":
        connection.execute(sqlite.insert(table).values(row).on_conflict_do_update(index_elements=key, set_=rest))
    elif dialect == "postgresql":
        connection.execute(postgresql.insert(table).values(row).on_conflict_do_update(index_elements=key, set_=rest))
    else:
        connection.execute(delete(table).where(*(column == row[column.name] for column in key)))
        connection.execute(insert(table).values(row))


def _speak_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where `begun` says, not where Python guesses
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        # A raster is removed after the row that replaces it is committed, so a commit must outlive a power cut.
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_write_ahead_log(engine: Engine) -> None:
    """Switch the file to a write-ahead log, which it keeps: readers then never wait for a writer.

    The switch needs the file for itself for a moment and does not wait by itself, so it is tried again.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            with contextlib.closing(engine.raw_connection()) as raw:
                raw.cursor().execute("PRAGMA journal_mode = WAL")
        except sqlite3.DatabaseError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise OperationalError("PRAGMA journal_mode", None, error) from error
            time.sleep(0.02)
        else:
            return


def _explain(error: SQLAlchemyError) -> str:
    """Return the sentence of an error, with a hole for the database, whose folder or host is not told to strangers."""
    original = getattr(error, "orig", None) or error
    told = original.args[0] if original.args else ""
    # pg8000 hands on what the server said as a dictionary, its message under M.
    cause = str(told.get("M", told) if isinstance(told, dict) else original).strip().splitlines()[0]
    if "not a database" in cause or "malformed" in cause:
        return (
            f"{{database}} is damaged or not a database ({cause}): move it away or restore a copy, then predict again; "
            "floodscope leaves it as it is."
        )
    if "locked" in cause:
        return (
            f"{{database}} is held by another process since {BUSY_TIMEOUT_MS // 1000} s: end that one, then try again."
        )
    if "readonly" in cause or "unable to open" in cause:
        return (
            f"{{database}} cannot be written ({cause}): give write permission to it and its folder, or choose another data "
            "folder with --data."
        )
    if "disk is full" in cause:
        return "{database} cannot grow, the disk is full: free some space."
    return _failed(cause)


def _failed(cause: str) -> str:
    return f"The database {{database}} failed ({cause}): check that it runs, and its URL and permissions."
