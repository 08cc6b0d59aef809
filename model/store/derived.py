"""What was computed of chips or predictions and can be computed again: a table beside them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select

from model.store.database import DERIVED, Database, upsert


class Derived:
    """Results by what they are and what they are of. Every method raises StoreError where the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, kind: str, key: str) -> bytes | None:
        """Return what `keep` keeps, or None."""
        of_key = (DERIVED.c.kind == kind) & (DERIVED.c.key == key)
        with self._database.reading() as connection:
            value = connection.execute(select(DERIVED.c.value).where(of_key)).scalar()
        return None if value is None else bytes(value)

    def of_kind(self, kind: str) -> dict[str, bytes]:
        """Return all results of a kind, by what each is of."""
        with self._database.reading() as connection:
            rows = connection.execute(select(DERIVED.c.key, DERIVED.c.value).where(DERIVED.c.kind == kind)).all()
        return {str(key): bytes(value) for key, value in rows}

    def keep(self, kind: str, key: str, value: bytes) -> None:
        """Keep a result in place of what was kept.

        Args:
            kind: what it is; another name whenever it is computed otherwise. At most 32 characters.
            key: what it is of, at most 255 characters.
            value: the result.
        """
        self.keep_all(kind, {key: value})

    def keep_all(self, kind: str, values: Mapping[str, bytes]) -> None:
        """Keep results of a kind, each by what it is of, in one transaction; one that is empty is removed."""
        if not values:
            return
        with self._database.writing() as connection:
            for key, value in values.items():
                if value:
                    upsert(connection, DERIVED, {"kind": kind, "key": key, "value": value})
                else:
                    connection.execute(delete(DERIVED).where((DERIVED.c.kind == kind) & (DERIVED.c.key == key)))
