"""A batch from the client's side: what is missing is sent to the workers in tasks, and comes back as names.

Pixels are read by the worker that predicts them, and it writes their raster: neither passes the scheduler or the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from distributed import Client, Future, as_completed
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from model.export.rasters import Row
from model.inference.scenes import in_windows
from model.predictors.protocol import Predictor
from model.scale.worker import Done, Order, opened, predict_some, write_some
from model.store.prediction import Prediction, key_of
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError, ModelError, Problem, StoreError, UsageError

if TYPE_CHECKING:
    from model.store.store import Store

TASK_CHIPS = 8
"""Chips of a task: a scheduler's few milliseconds are then far below one part in fifty of it, and a dead worker loses little."""


_PATIENCE_S = 10
"""How long a scheduler's answer is waited for."""


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

    @property
    def ready(self) -> int:
        """Chips that need not be waited for any more."""
        return self.held + len(self.predicted) + len(self.failed)


Told = Callable[[Outcome], None]
"""Is told what has come of a batch so far; what it raises ends the batch."""


def require_address(address: str) -> None:
    """Raise UsageError unless an address is written as those of schedulers are."""
    if "://" not in address:
        raise UsageError(f"{address!r} is no scheduler's address: give one like tcp://HOST:8786.")


def connect(address: str) -> Client:
    """Return a client of a scheduler.

    Args:
        address: as tcp://HOST:8786.

    Raises:
        ClusterError: nothing answers there.
        UsageError: the address is none.
    """
    require_address(address)
    try:
        return Client(address, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise ClusterError(
            f"No scheduler answers at {address}: start one with `dask scheduler`, and workers with `dask worker {address}`."
        ) from error
    except ValueError as error:
        raise UsageError(f"{address!r} is no scheduler's address ({error}): give one like tcp://HOST:8786.") from error


def missing(
    records: Iterable[ChipRecord], predictor: Predictor, store: Store, *, force: bool
) -> tuple[list[ChipRecord], int]:
    """Return the chips that the store does not hold, or all with `force`, and how many it does.

    Raises:
        StoreError: the store cannot be read.
    """
    wanted = {record.id: record for record in records}
    fresh = {} if force else store.fresh(wanted.values(), key_of(predictor))
    held = {chip for chip, prediction in fresh.items() if store.is_whole(prediction)}
    return [record for chip, record in wanted.items() if chip not in held], len(held)


def run_batch(
    client: Client,
    pending: Sequence[ChipRecord],
    held: int,
    order: Order,
    told: Told = lambda _: None,
    *,
    task_chips: int = TASK_CHIPS,
) -> Outcome:
    """Predict chips on a cluster, and wait for them.

    A worker that dies is replaced by Dask, and its task begun again: what was stored is not predicted twice. A task that
    its workers die of is taken apart, so that the chip which they die of is named and the others are predicted.

    Args:
        client: of the cluster.
        pending: what is to be predicted (`missing`).
        held: how many need not be.
        order: what the workers open.
        told: is told after each task, and once before.
        task_chips: chips of a task.

    Raises:
        ClusterError: the scheduler is gone; what is done is in the store.
        ModelError, StoreError: the workers have another model, or another store.
    """
    outcome = Outcome(len(pending) + held, held)
    told(outcome)
    if not pending:
        return outcome
    with _told_if_gone():
        _require_same(client, order)
        asked = {_submit(client, order, task): task for task in _tasks(pending, task_chips)}
        waiting = as_completed(list(asked), loop=client.loop)
        for future in waiting:
            task = asked.pop(future)
            for again in _settle(future, task, outcome):
                new = _submit(client, order, again)
                asked[new] = again
                waiting.add(new)
            told(outcome)
    return outcome


def write_on_workers(
    client: Client,
    order: Order,
    predictions: Sequence[tuple[ChipRecord, Prediction]],
    out: Path,
    threshold: float,
    *,
    task_chips: int = TASK_CHIPS,
) -> list[Row]:
    """Write the rasters of predictions from the workers of a cluster on this machine, and return their rows of the table.

    Written from here they would take a tenth of a batch in which the workers have nothing to do.

    Args:
        client: of the cluster.
        order: what the workers have open.
        predictions: what to write, each with its chip's record.
        out: the folder, on a disk that the workers see under the same name.
        threshold: smallest probability that is water, for masks and areas.
        task_chips: chips of a task.

    Raises:
        ClusterError: the scheduler is gone, or workers die of it; what is done is in the store.
        OutputError, StoreError: as `write_predictions`.
    """
    tasks = [predictions[i : i + task_chips] for i in range(0, len(predictions), task_chips)]
    with _told_if_gone():
        try:
            futures = [client.submit(write_some, order, out.absolute(), task, threshold, pure=False) for task in tasks]
            # One by one, as an interrupt of `gather` is told at length.
            written = {future: future.result() for future in as_completed(futures, loop=client.loop)}
            return [row for future in futures for row in written[future]]
        except KilledWorker as error:
            raise ClusterError(
                "The workers that wrote rasters died: free memory, and give the command again with --overwrite; what is "
                "predicted is kept."
            ) from error


@contextmanager
def _told_if_gone() -> Iterator[None]:
    try:
        yield
    except (CommClosedError, OSError, TimeoutError) as error:
        raise ClusterError(
            f"The scheduler is gone ({type(error).__name__}): start it and its workers, then give the command again; what is "
            "done is kept."
        ) from error


def _tasks(pending: Sequence[ChipRecord], task_chips: int) -> list[list[ChipRecord]]:
    """Return what is asked for together: scenes each by itself, the largest first, so that none is begun last; then chips."""
    scenes = sorted((r for r in pending if in_windows(r)), key=lambda r: -(r.width or 0) * (r.height or 0))
    chips = [record for record in pending if not in_windows(record)]
    return [[scene] for scene in scenes] + [chips[i : i + task_chips] for i in range(0, len(chips), task_chips)]


def _submit(client: Client, order: Order, task: Sequence[ChipRecord]) -> Future:
    return client.submit(predict_some, order, task, pure=False)


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


def _require_same(client: Client, order: Order) -> None:
    """Raise unless every worker writes to the client's store and runs its model."""
    found = client.run(opened, order)
    if not found:
        raise ClusterError("The scheduler has no worker: start some with `dask worker`, then give the command again.")
    for worker, (home, its_model) in found.items():
        if home != order.expects[0]:
            raise StoreError(
                f"The worker {worker} opens another store: give --database and --data that all machines reach, such as "
                "PostgreSQL and s3://BUCKET/PREFIX."
            )
        if its_model != order.expects[1]:
            raise ModelError(f"The worker {worker} has another model by this name: give all machines the same bundle.")
