"""What runs on the workers of a cluster: a model and a store, opened once each, and tasks of some chips."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from model.export.rasters import Row, write_rasters
from model.inference.ahead import load_chip
from model.inference.asking import ask_model
from model.inference.scenes import SceneRun, in_windows
from model.predictors.protocol import Predictor
from model.predictors.select import open_predictor
from model.store.prediction import Prediction, identity_of, key_of
from model.store.store import Store
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError, Problem, StoreError

_KEPT = 4
"""So many orders are held open by a worker: of more that come by turns, each is opened anew."""


@dataclass(frozen=True)
class Order:
    """What a batch is: sent with each of its tasks, so that others may run on the same workers.

    Attributes:
        model: spec of the model, as the workers find it.
        device: where it runs; None takes the best there is.
        folder, database, rasters: of the store, as `Store` takes them.
        threads: of the model on each worker; None leaves torch its own choice.
        force: predict again what the store holds.
        expects: which store and which model that has to be (`expected`): of a bundle that became another, all is opened anew.
    """

    model: str
    device: str | None
    folder: Path
    expects: tuple[str, str]
    database: str | None = None
    rasters: str | None = None
    threads: int | None = None
    force: bool = False

    def open_store(self) -> Store:
        """Open the store; raises as `Store`."""
        return Store(self.folder, self.database, rasters=self.rasters)


def expected(predictor: Predictor, store: Store) -> tuple[str, str]:
    """Return which store and which model somebody has open."""
    return store.home, key_of(predictor).digest


def order_of(
    spec: str, predictor: Predictor, store: Store, database: str | None, rasters: str | None, *, device: str | None = None,
    threads: int | None = None, force: bool = False,
) -> Order:  # fmt: skip
    """Return what workers are told so that they open the model and the store that are open here; as `Order`'s attributes."""
    named = str(Path(spec).absolute()) if Path(spec).exists() else spec
    return Order(named, device, store.folder, expected(predictor, store), database, rasters, threads, force)


class Opened:
    """The store and the model of an order, opened in a process of a worker; its weights are loaded with the first task."""

    def __init__(self, order: Order) -> None:
        """Open both; raises as `Order.open_store` and `open_predictor`."""
        self._order = order
        self.store = order.open_store()
        self.predictor = open_predictor(order.model, order.device)

    def predict(self, records: Sequence[ChipRecord]) -> Done:
        """Predict some chips or scenes one after another; see `predict_some`."""
        self.predictor.load()
        if self._order.threads is not None and (torch := sys.modules.get("torch")) is not None:
            torch.set_num_threads(self._order.threads)  # loading gave it all cores but one
        done = Done(self.store.home, key_of(self.predictor).digest)
        for record in records:
            try:
                key = key_of(self.predictor)
                if not self._order.force and self.store.get(record.now(), key) is not None:
                    done.held.append(record.id)  # a worker that died had stored it
                    continue
                self._predict(record)
                done.predicted.append(record.id)
            except StoreError as error:
                done.failed.append(Problem.of(error, record.id))
                done.store_failed = True
                break  # the next chip would fail alike
            except FloodscopeError as error:
                done.failed.append(Problem.of(error, record.id))
        return done

    def _predict(self, record: ChipRecord) -> None:
        """Predict a chip, or a scene window by window, as `predict` does: who begins it again goes on with its windows."""
        predictor, store = self.predictor, self.store
        if in_windows(record):
            run = SceneRun(record, predictor, store)
            while run.left:
                run.step()
            run.finish()
            return
        loaded = load_chip(record)
        (raster,), seconds = ask_model(predictor, [loaded.chip])
        store.put(loaded.chip, record, identity_of(predictor), raster, seconds, chip_revision=loaded.revision)


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


@lru_cache(maxsize=_KEPT)
def _opened(order: Order) -> Opened:
    return Opened(order)


def predict_some(order: Order, records: Sequence[ChipRecord]) -> Done:
    """Predict some chips on the worker that this runs on; one that fails stops no other."""
    return _opened(order).predict(records)


def write_some(
    order: Order, out: Path, predictions: Sequence[tuple[ChipRecord, Prediction]], threshold: float
) -> list[Row]:
    """Write the rasters of some predictions from the worker that this runs on, as `write_rasters`."""
    return write_rasters(out, predictions, _opened(order).store, threshold)


def opened(order: Order) -> tuple[str, str]:
    """Return which store and which model a worker opens for an order."""
    found = _opened(order)
    return expected(found.predictor, found.store)
