"""What runs on the workers of a cluster: a model and a store, opened once each, and tasks of some chips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker

from model.inference.ahead import load_chip
from model.inference.asking import ask_model
from model.predictors.protocol import Predictor
from model.predictors.select import open_predictor
from model.store.prediction import identity_of, key_of
from model.store.store import Store
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError, Problem, StoreError


@dataclass(frozen=True)
class Order:
    """What a batch is: sent to every worker once.

    Attributes:
        model: spec of the model, as the workers find it.
        device: where it runs; None takes the best there is.
        folder, database, rasters: of the store, as `Store` takes them.
        threads: of the model on each worker; None leaves torch its own choice.
        force: predict again what the store holds.
    """

    model: str
    device: str | None
    folder: Path
    database: str | None = None
    rasters: str | None = None
    threads: int | None = None
    force: bool = False

    def open_store(self) -> Store:
        """Open the store; raises as `Store`."""
        return Store(self.folder, self.database, rasters=self.rasters)


class Batch(WorkerPlugin):  # type: ignore[misc]  # its types are skipped
    """A batch on one worker: opened when the worker joins, also one that came in place of a dead one."""

    name = "floodscope-batch"

    def __init__(self, order: Order) -> None:
        self._order = order
        self.predictor: Predictor | None = None
        self.store: Store | None = None

    def setup(self, worker: Any) -> None:
        """Open store and model, and load its weights."""
        if self._order.threads is not None:
            import torch  # noqa: PLC0415

            torch.set_num_threads(self._order.threads)
        self.store = self._order.open_store()
        self.predictor = open_predictor(self._order.model, self._order.device)
        self.predictor.load()

    def teardown(self, worker: Any) -> None:
        """Close the store."""
        if self.store is not None:
            self.store.close()

    def predict(self, records: Sequence[ChipRecord]) -> Done:
        """Predict some chips one after another; see `predict_some`."""
        assert self.store is not None and self.predictor is not None  # noqa: S101 - setup has run
        done = Done(self.store.home, key_of(self.predictor).digest)
        for record in records:
            try:
                key = key_of(self.predictor)
                if not self._order.force and self.store.get(record.now(), key) is not None:
                    done.held.append(record.id)  # a worker that died had stored it
                    continue
                loaded = load_chip(record)
                (raster,), seconds = ask_model(self.predictor, [loaded.chip])
                model = identity_of(self.predictor)
                self.store.put(loaded.chip, record, model, raster, seconds, chip_revision=loaded.revision)
                done.predicted.append(record.id)
            except StoreError as error:
                done.failed.append(Problem.of(error, record.id))
                done.store_failed = True
                break  # the next chip would fail alike
            except FloodscopeError as error:
                done.failed.append(Problem.of(error, record.id))
        return done


@dataclass
class Done:
    """What came of a task.

    Attributes:
        home: which store it was written to.
        model: digest of the model's key.
        predicted, held: ids of chips that were predicted, and that were there.
        failed: the others, with why; of those after a failure of the store nothing is said.
        store_failed: the store could not be read or written.
    """

    home: str
    model: str
    predicted: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    store_failed: bool = False


def predict_some(records: Sequence[ChipRecord]) -> Done:
    """Predict some chips on the worker that this runs on; one that fails stops no other."""
    batch: Batch = get_worker().plugins[Batch.name]
    return batch.predict(records)


def opened(dask_worker: Any) -> tuple[str, str]:
    """Return which store and which model a worker has open; Dask gives it the worker by the name of the argument."""
    done: Done = dask_worker.plugins[Batch.name].predict([])
    return done.home, done.model
