"""How a database of an older version becomes one of today: one function a version, each from the one before.

A function spells out what it changes and uses no table of `model.store.database`: those change, what was once done does not.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    text,
)


def _keep_contents(connection: Connection) -> None:
    """1 to 2: a table of what chips hold. Some databases of version 1 have it, of these some without `notes`."""
    name = "floodscope_contents"
    if not inspect(connection).has_table(name):
        Table(
            name,
            MetaData(),
            Column("chip_id", String(200), primary_key=True),
            Column("chip_revision", String(32), primary_key=True),
            Column("digest", String(32), nullable=False),
            Column("samples", LargeBinary, nullable=False),
            Column("notes", Text),
        ).create(connection)
    elif "notes" not in {column["name"] for column in inspect(connection).get_columns(name)}:
        connection.execute(text(f"ALTER TABLE {name} ADD COLUMN notes TEXT"))


def _keep_derived(connection: Connection) -> None:
    """2 to 3: a table of what is computed of chips and predictions and can be computed again."""
    Table(
        "floodscope_derived",
        MetaData(),
        Column("kind", String(32), primary_key=True),
        Column("key", String(255), primary_key=True),
        Column("value", LargeBinary, nullable=False),
    ).create(connection, checkfirst=True)


def _keep_streams(connection: Connection) -> None:
    """3 to 4: tables of what streams have dealt with, and of what has to be told of it."""
    Table(
        "floodscope_arrivals",
        MetaData(),
        Column("number", Integer, primary_key=True, autoincrement=True),
        Column("stream", String(32), nullable=False),
        Column("item_key", String(32), nullable=False),
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
    ).create(connection, checkfirst=True)
    Table(
        "floodscope_outbox",
        MetaData(),
        Column("delivery", String(32), primary_key=True),
        Column("stream", String(32), nullable=False, index=True),
        Column("kind", String(16), nullable=False),
        Column("body", Text, nullable=False),
        Column("created", Float, nullable=False),
        Column("due", Float, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("state", String(16), nullable=False),
        Column("answer", Text),
    ).create(connection, checkfirst=True)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_keep_contents, _keep_derived, _keep_streams)
"""The first leads from version 1 to version 2, and so on."""

SCHEMA_VERSION = len(MIGRATIONS) + 1


def migrate(connection: Connection, version: int) -> None:
    """Bring a database from a version, 1 or later, to `SCHEMA_VERSION`, in the transaction that the connection is in."""
    for step in MIGRATIONS[version - 1 :]:
        step(connection)
