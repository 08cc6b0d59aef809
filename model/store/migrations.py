"""How a database of an older version becomes one of today: one function a version, each from the one before.

A function spells out what it changes and uses no table of `model.store.database`: those change, what was once done does not.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Column, Connection, LargeBinary, MetaData, String, Table, Text, inspect, text


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


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_keep_contents, _keep_derived)
"""The first leads from version 1 to version 2, and so on."""

SCHEMA_VERSION = len(MIGRATIONS) + 1


def migrate(connection: Connection, version: int) -> None:
    """Bring a database from a version, 1 or later, to `SCHEMA_VERSION`, in the transaction that the connection is in."""
    for step in MIGRATIONS[version - 1 :]:
        step(connection)
