"""A batch on real workers: complete, byte-equal to the serial result, whatever dies."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from model.predictors.backscatter import BackscatterPredictor
from model.scale.batch import Outcome, connect, run_batch
from model.scale.worker import Order
from model.store.prediction import key_of
from model.store.store import Store
from tests.predicting import predict_one
from tests.waiting import eventually
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError, StoreError, UsageError
from tiles.simulate import simulate

MODEL = BackscatterPredictor()
KEY = key_of(MODEL)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[ChipRecord]:
    return open_catalog([simulate(tmp_path_factory.mktemp("batch") / "chips", chips=12, size=96)]).usable()


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as made:
        yield made


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster, set_as_default=False) as made:
        yield made


def run(client: Client, records: list[ChipRecord], data: Path, task_chips: int = 2, **more: object) -> Outcome:
    with Store(data) as store:
        order = Order("backscatter", None, data)
        return run_batch(client, records, MODEL, store, order, task_chips=task_chips, **more)  # type: ignore[arg-type]


def assert_equal_to_the_serial_result(records: list[ChipRecord], data: Path, other: Path, left_behind: int = 0) -> None:
    with Store(data) as store, Store(other) as serial:
        held = store.for_model(KEY)
        assert set(held) == {record.id for record in records}
        for record in records:
            one = predict_one(record, MODEL, serial)
            assert (store.read(held[record.id]) == serial.read(one)).all()
        found = len(list((data / "predictions").rglob("*.tif")))
        assert len(records) <= found <= len(records) + left_behind, "something was stored twice"


def test_a_batch_is_complete_and_equal_to_the_serial_result_and_does_only_what_is_missing(
    client: Client, records: list[ChipRecord], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with Store(data) as store:
        predict_one(records[0], MODEL, store)
    done = run(client, records, data)
    assert (done.held, len(done.predicted), done.failed) == (1, len(records) - 1, [])
    again = run(client, records, data)
    assert (again.held, again.predicted) == (len(records), [])
    assert_equal_to_the_serial_result(records, data, tmp_path / "serial")


def test_workers_that_are_killed_lose_nothing(
    cluster: LocalCluster, client: Client, records: list[ChipRecord], tmp_path: Path
) -> None:
    data, killed = tmp_path / "data", list[int]()

    def kill(done: int, total: int) -> None:
        if len(killed) < 2 and done < total:
            # Of those who keep the workers alive: a worker that dies while it is asked does not answer.
            pids = [nanny.pid for nanny in cluster.workers.values()]
            pid = next((pid for pid in pids if pid and pid not in killed), None)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    done = run(client, records, data, 1, tick=kill)
    assert len(killed) == 2
    assert done.failed == []
    # One that is killed between raster and row leaves a raster, which is swept later.
    assert_equal_to_the_serial_result(records, data, tmp_path / "serial", left_behind=2)


def test_a_client_that_ends_in_the_middle_is_gone_on_from(
    cluster: LocalCluster, client: Client, records: list[ChipRecord], tmp_path: Path
) -> None:
    data = tmp_path / "data"

    def end(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with Client(cluster, set_as_default=False) as first, pytest.raises(KeyboardInterrupt):
        run(first, records, data, 1, tick=end)
    done = run(client, records, data)
    assert done.failed == []
    assert_equal_to_the_serial_result(records, data, tmp_path / "serial")


def test_a_poisoned_chip_is_named_and_the_others_are_predicted(
    client: Client, records: list[ChipRecord], tmp_path: Path
) -> None:
    folder = tmp_path / "chips"
    found = open_catalog([simulate(folder, chips=4, size=96)]).usable()
    assert found[1].vv is not None
    bad = Path(found[1].vv.path)
    bad.write_bytes(bad.read_bytes()[:2000])
    done = run(client, found, tmp_path / "data", 4)
    assert [problem.name for problem in done.failed] == [found[1].id]
    assert len(done.predicted) == 3


def test_workers_that_write_elsewhere_are_told_before_anything_is_done(
    client: Client, records: list[ChipRecord], tmp_path: Path
) -> None:
    with Store(tmp_path / "here") as store, pytest.raises(StoreError, match="opens another store: give --database"):
        run_batch(client, records, MODEL, store, Order("backscatter", None, tmp_path / "there"))


def test_a_scheduler_that_is_not_there_or_goes_away_is_told(records: list[ChipRecord], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scheduler's address"):
        connect("localhost")
    with pytest.raises(FloodscopeError, match=r"No scheduler answers at tcp://127\.0\.0\.1:9"):
        connect("tcp://127.0.0.1:9")
    data = tmp_path / "data"
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0")
    client = connect(cluster.scheduler_address)
    ended = threading.Event()

    def end(done: int, total: int) -> None:
        if not ended.is_set():
            ended.set()
            threading.Thread(target=cluster.close, daemon=True).start()
            eventually(lambda: cluster.status.name == "closed")

    with pytest.raises(FloodscopeError, match=r"scheduler (is gone|has lost).*what is done is kept"):
        run(client, records, data, 1, tick=end)
    client.close()
    with Store(data) as store:
        assert store.for_model(KEY)
