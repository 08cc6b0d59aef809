"""What streams have dealt with, and what has to be told of it: two tables beside the predictions.

An arrival is one state of one input. It is written in the transaction of its prediction, with its deliveries, so that a process
killed at any moment has done all three or none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, func, select, update

from model.store.database import ARRIVALS, OUTBOX, Database, insert_new

State = Literal["begun", "predicted", "outside", "aside"]
ENDED: frozenset[State] = frozenset({"predicted", "outside", "aside"})
Kind = Literal["webhook", "cap"]


def digest(*parts: str) -> str:
    """Return 32 hex digits that stand for some texts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


@dataclass(frozen=True)
class Arrival:
    """One state of one input of a stream.

    Attributes:
        stream: id of the stream.
        item: what the input is called within its source.
        files: what told each of its files from others, by name.
        state: "begun", "predicted", "outside" the area, or set "aside".
        path: a file of it, which its chip is read from.
        chip_id: its chip, where it is one.
        created: when it was noted, UTC, ISO 8601.
        alert: whether it has more water than was asked about.
        facts: JSON-able: of a predicted one what is told of it, of one set aside its `reason`.
        attempts: how often it was begun.
        number: counts the arrivals of a store; 0 before it is written.
    """

    stream: str
    item: str
    files: Mapping[str, str]
    state: State
    path: str | None = None
    chip_id: str | None = None
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    alert: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    number: int = 0

    @property
    def stamp(self) -> str:
        """What tells this state of the input from its others."""
        return digest(*(f"{name}\0{mark}" for name, mark in sorted(self.files.items())))

    def delivery(self, kind: Kind) -> str:
        """Return the id under which a message of a kind tells of it, the same whoever writes it."""
        return digest(self.stream, self.item, self.stamp, kind)


@dataclass(frozen=True)
class Delivery:
    """A message that has to go out.

    Attributes:
        id: its own for ever: a receiver knows by it that it has the message already.
        kind: where it goes.
        body: what is sent.
        attempts: how often it was tried.
        created: when it was written, seconds since 1970.
    """

    id: str
    kind: Kind
    body: str
    attempts: int
    created: float


class Streams:
    """The arrivals and deliveries of a store. Every method raises StoreError where the database cannot be read or written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, stream: str) -> list[Arrival]:
        """Return the last arrival of each input of a stream, oldest first, without facts."""
        last = select(func.max(ARRIVALS.c.number)).where(ARRIVALS.c.stream == stream).group_by(ARRIVALS.c.item_key)
        columns = [column for column in ARRIVALS.c if column.name != "facts"]
        query = select(*columns).where(ARRIVALS.c.number.in_(last)).order_by(ARRIVALS.c.number)
        with self._database.reading() as connection:
            return [_arrival(row) for row in connection.execute(query).mappings()]

    def begin(self, arrival: Arrival) -> int:
        """Note that an input is begun, and return how often it has been, this time too."""
        with self._database.writing() as connection:
            insert_new(connection, ARRIVALS, _row(arrival) | {"state": "begun", "attempts": 0})
            mine = _of(arrival)
            connection.execute(update(ARRIVALS).where(mine).values(attempts=ARRIVALS.c.attempts + 1))
            return int(connection.execute(select(ARRIVALS.c.attempts).where(mine)).scalar_one())

    def forgive(self, arrival: Arrival) -> None:
        """Take back a `begin` that failed for no fault of the input."""
        with self._database.writing() as connection:
            connection.execute(update(ARRIVALS).where(_of(arrival)).values(attempts=ARRIVALS.c.attempts - 1))

    def progressed(self, arrival: Arrival) -> None:
        """Note that an input got on since it was begun: what was begun before and did not end counts no more."""
        with self._database.writing() as connection:
            connection.execute(update(ARRIVALS).where(_of(arrival)).values(attempts=1))

    def note(self, arrival: Arrival, deliveries: Mapping[Kind, str], connection: Connection | None = None) -> bool:
        """Write how an input ended, and the messages that tell of it; nothing where it has ended already.

        Args:
            arrival: the input.
            deliveries: bodies of messages, by where they go.
            connection: a transaction to write in; a new one where there is none.

        Returns:
            Whether it was written now, and not before by another process.
        """
        if connection is None:
            with self._database.writing() as own:
                return self.note(arrival, deliveries, own)
        insert_new(connection, ARRIVALS, _row(arrival) | {"state": "begun"})
        values = {name: value for name, value in _row(arrival).items() if name != "attempts"}
        ends = update(ARRIVALS).where(_of(arrival), ARRIVALS.c.state == "begun").values(values)
        if not connection.execute(ends).rowcount:
            return False
        now = datetime.now(UTC).timestamp()
        for kind, body in deliveries.items():
            row = {"delivery": arrival.delivery(kind), "stream": arrival.stream, "kind": kind, "body": body}
            insert_new(
                connection,
                OUTBOX,
                {**row, "created": now, "due": 0.0, "attempts": 0, "state": "waiting", "answer": None},
            )
        return True

    def arrivals(self, *, limit: int, stream: str | None = None, states: Iterable[State] = ENDED) -> list[Arrival]:
        """Return the newest arrivals, the newest first."""
        query = select(ARRIVALS).where(ARRIVALS.c.state.in_(list(states)))
        if stream is not None:
            query = query.where(ARRIVALS.c.stream == stream)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(ARRIVALS.c.number.desc()).limit(limit)).mappings().all()
        return [_arrival(row) for row in rows]

    def mark(self) -> tuple[int, int]:
        """Return what changes with every arrival that ends: cheap to ask, whatever there is."""
        ended = ARRIVALS.c.state != "begun"
        with self._database.reading() as connection:
            row = connection.execute(select(func.count(), func.max(ARRIVALS.c.number)).where(ended)).one()
        return int(row[0]), int(row[1] or 0)

    def claim(self, stream: str, kinds: Sequence[Kind], now: float, hold_s: float) -> Delivery | None:
        """Take the message that is due first, so that no other process sends it within `hold_s` seconds; None where none is.

        A process that ends meanwhile leaves it to be sent again after that time.
        """
        waits = (OUTBOX.c.stream == stream) & (OUTBOX.c.state == "waiting") & OUTBOX.c.kind.in_(kinds)
        first = select(OUTBOX).where(waits, OUTBOX.c.due <= now).order_by(OUTBOX.c.due, OUTBOX.c.created).limit(1)
        with self._database.writing() as connection:
            row = connection.execute(first.with_for_update(skip_locked=True)).mappings().first()
            if row is None:
                return None
            mine = OUTBOX.c.delivery == row["delivery"]
            connection.execute(update(OUTBOX).where(mine).values(due=now + hold_s, attempts=row["attempts"] + 1))
        return Delivery(row["delivery"], row["kind"], row["body"], row["attempts"] + 1, row["created"])

    def answered(
        self, delivery: Delivery, state: Literal["sent", "waiting", "given up"], answer: str, due: float
    ) -> None:
        """Note what came of a message: it is not sent again unless it still waits, and then not before `due`."""
        mine = (OUTBOX.c.delivery == delivery.id) & (OUTBOX.c.state == "waiting")
        with self._database.writing() as connection:
            connection.execute(update(OUTBOX).where(mine).values(state=state, answer=answer[:500], due=due))

    def outbox(self, stream: str) -> dict[str, int]:
        """Return how many messages of a stream there are, by state."""
        query = select(OUTBOX.c.state, func.count()).where(OUTBOX.c.stream == stream).group_by(OUTBOX.c.state)
        with self._database.reading() as connection:
            return {str(state): int(count) for state, count in connection.execute(query).all()}


def _of(arrival: Arrival) -> Any:
    mine = (ARRIVALS.c.stream == arrival.stream) & (ARRIVALS.c.item_key == digest(arrival.item))
    return mine & (ARRIVALS.c.stamp == arrival.stamp)


def _row(arrival: Arrival) -> dict[str, Any]:
    return {
        "stream": arrival.stream,
        "item_key": digest(arrival.item),
        "stamp": arrival.stamp,
        "item": arrival.item,
        "files": json.dumps(dict(arrival.files)),
        "state": arrival.state,
        "attempts": arrival.attempts,
        "path": arrival.path,
        "chip_id": arrival.chip_id,
        "created": arrival.created,
        "alert": int(arrival.alert),
        "facts": json.dumps(dict(arrival.facts)),
    }


def _arrival(row: RowMapping) -> Arrival:
    plain = {
        name: row[name] for name in ("stream", "item", "state", "path", "chip_id", "created", "attempts", "number")
    }
    facts = json.loads(row["facts"]) if "facts" in row else {}
    return Arrival(**plain, files=json.loads(row["files"]), alert=bool(row["alert"]), facts=facts)
