"""A batch from the client's side: what is missing is sent to the workers in tasks, and comes back as names.

Pixels are read by the worker that predicts them, and it writes their raster: neither passes the scheduler or the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from distributed import Client, Future, as_completed
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from model.predictors.protocol import Predictor
from model.scale.worker import Batch, Done, Order, opened, predict_some
from model.store.prediction import key_of
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError, ModelError, Problem, StoreError, UsageError

if TYPE_CHECKING:
    from model.store.store import Store

TASK_CHIPS = 8
"""Chips of a task: a scheduler's few milliseconds are then far below one part in fifty of it, and a dead worker loses little."""

Tick = Callable[[int, int], None]


class ClusterError(FloodscopeError):
    """The scheduler of a cluster does not answer, or its workers cannot do the work."""


@dataclass
class Outcome:
    """What came of a batch.

    Attributes:
        total: chips that were asked for.
        held: how many the store had.
        predicted: ids of those that were predicted.
        failed: the others, with why.
    """

    total: int
    held: int = 0
    predicted: list[str] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)


def connect(address: str) -> Client:
    """Return a client of a scheduler.

    Args:
        address: as tcp://HOST:8786.

    Raises:
        ClusterError: nothing answers there.
        UsageError: the address is none.
    """
    if "://" not in address:
        raise UsageError(f"{address!r} is no scheduler's address: give one like tcp://HOST:8786.")
    try:
        return Client(address, timeout=10, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise ClusterError(
            f"No scheduler answers at {address}: start one with `dask scheduler`, and workers with `dask worker {address}`."
        ) from error
    except ValueError as error:
        raise UsageError(f"{address!r} is no scheduler's address ({error}): give one like tcp://HOST:8786.") from error


def run_batch(
    client: Client,
    records: Iterable[ChipRecord],
    predictor: Predictor,
    store: Store,
    order: Order,
    tick: Tick = lambda _done, _total: None,
    *,
    task_chips: int = TASK_CHIPS,
) -> Outcome:
    """Predict on a cluster what the store does not hold yet, and wait for it.

    A worker that dies is replaced by Dask, and its task begun again: what was stored is not predicted twice. A task that
    its workers die of is taken apart, so that the chip which they die of is named and the others are predicted.

    Raises:
        ClusterError: the scheduler is gone; what is done is in the store.
        ModelError, StoreError: the workers have another model, or another store.
    """
    wanted = {record.id: record for record in records}
    key = key_of(predictor)
    fresh = {} if order.force else store.fresh(wanted.values(), key)
    held = {chip for chip, prediction in fresh.items() if store.is_whole(prediction)}
    pending = [record for chip, record in wanted.items() if chip not in held]
    outcome = Outcome(len(wanted), len(held))
    if not pending:
        return outcome
    try:
        client.register_plugin(Batch(order))
        _require_same(client, store, key.digest)
        tasks = [pending[i : i + task_chips] for i in range(0, len(pending), task_chips)]
        asked = {_submit(client, task): task for task in tasks}
        waiting = as_completed(list(asked), loop=client.loop)
        for future in waiting:
            task = asked.pop(future)
            for again in _settle(future, task, outcome):
                new = _submit(client, again)
                asked[new] = again
                waiting.add(new)
            tick(outcome.held + len(outcome.predicted) + len(outcome.failed), outcome.total)
    except (CommClosedError, OSError, TimeoutError) as error:
        raise ClusterError(
            f"The scheduler is gone ({type(error).__name__}): start it and its workers, then give the command again; what is "
            "done is kept."
        ) from error
    return outcome


def _submit(client: Client, task: Sequence[ChipRecord]) -> Future:
    return client.submit(predict_some, task, pure=False)


def _settle(future: Future, task: Sequence[ChipRecord], outcome: Outcome) -> list[list[ChipRecord]]:
    """Take in what came of a task, and return the tasks that have to be begun in its place."""
    if future.cancelled():
        raise ClusterError(
            "The scheduler has lost the batch: start it and its workers, then give the command again; what is done is kept."
        )
    error = future.exception()
    if isinstance(error, KilledWorker):
        if len(task) > 1:
            return [[record] for record in task]
        text = f"{task[0].id}: every worker that it was given to died: predict it by itself, with more memory."
        outcome.failed.append(Problem(task[0].id, text))
        return []
    if error is not None:
        raise error
    done: Done = future.result()
    outcome.predicted += [*done.predicted, *done.held]
    outcome.failed += done.failed
    if done.store_failed:
        raise StoreError(str(done.failed[-1].message))
    return []


def _require_same(client: Client, store: Store, model: str) -> None:
    """Raise unless every worker writes to the client's store and runs its model."""
    found = client.run(opened)
    if not found:
        raise ClusterError("The scheduler has no worker: start some with `dask worker`, then give the command again.")
    for worker, (home, its_model) in found.items():
        if home != store.home:
            raise StoreError(
                f"The worker {worker} opens another store: give --database and --data that all machines reach, such as "
                "PostgreSQL and s3://BUCKET/PREFIX."
            )
        if its_model != model:
            raise ModelError(f"The worker {worker} has another model by this name: give all machines the same bundle.")
