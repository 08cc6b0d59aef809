"""A batch on real workers: complete, byte-equal to the serial result, whatever dies."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from distributed import Client, LocalCluster, WorkerPlugin

from model.inference import scenes
from model.inference.missing import predict_missing
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.select import open_predictor
from model.scale import batch
from model.scale.batch import Outcome, Told, connect, missing, run_batch
from model.scale.worker import Opened, Order, expected
from model.store import store as stores
from model.store.prediction import key_of
from model.store.store import Store
from model.store.streamed import read_strips
from model.store.work import FOLDER
from tests.model.conftest import MakeRecord
from tests.predicting import predict_one
from tests.waiting import eventually
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError, StoreError, UsageError
from tiles.scenes import windows
from tiles.simulate import simulate

pytestmark = pytest.mark.slow

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


def run(
    client: Client,
    records: list[ChipRecord],
    data: Path,
    task_chips: int = 2,
    told: Told = lambda _: None,
    spec: str = "backscatter",
) -> Outcome:
    model = open_predictor(spec)
    with Store(data) as store:
        order = Order(spec, None, data, expected(model, store))
        pending, held = missing(records, model, store, force=False)
        return run_batch(client, pending, held, order, told, task_chips=task_chips)


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

    def kill(so_far: Outcome) -> None:
        if len(killed) < 2 and 0 < so_far.ready < so_far.total:
            # Of those who keep the workers alive: a worker that dies while it is asked does not answer.
            pids = [nanny.pid for nanny in cluster.workers.values()]
            pid = next((pid for pid in pids if pid and pid not in killed), None)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    done = run(client, records, data, 1, kill)
    assert len(killed) == 2
    assert done.failed == []
    # One that is killed between raster and row leaves a raster, which is swept later.
    assert_equal_to_the_serial_result(records, data, tmp_path / "serial", left_behind=2)


def test_a_client_that_ends_in_the_middle_is_gone_on_from(
    cluster: LocalCluster, client: Client, records: list[ChipRecord], tmp_path: Path
) -> None:
    data = tmp_path / "data"

    def end(so_far: Outcome) -> None:
        if so_far.ready:
            raise KeyboardInterrupt

    with Client(cluster, set_as_default=False) as first, pytest.raises(KeyboardInterrupt):
        run(first, records, data, 1, end)
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


class SmallScenes(WorkerPlugin):  # type: ignore[misc]  # its types are skipped
    """Lets an image of a few hundred pixels be a scene of many windows that is read window by window."""

    name = "small-scenes"

    def setup(self, worker: object) -> None:
        scenes.WINDOW, scenes.OVERLAP = 160, 48
        windows.MAX_PIXELS = stores.MAX_PIXELS = 200 * 200


def test_a_scene_whose_worker_is_killed_is_gone_on_with_and_equal_to_the_serial_result(
    cluster: LocalCluster, client: Client, records: list[ChipRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    make_record: MakeRecord,
) -> None:  # fmt: skip
    for module, name in ((scenes, "WINDOW"), (scenes, "OVERLAP"), (windows, "MAX_PIXELS"), (stores, "MAX_PIXELS")):
        monkeypatch.setattr(module, name, getattr(module, name))  # so that all is as it was afterwards
    SmallScenes().setup(None)
    client.register_plugin(SmallScenes())  # those that come in place of the killed ones have it too
    side, data = 1200, tmp_path / "data"
    scene = replace(make_record("scene", size=side), width=side, height=side)
    before = {nanny.pid for nanny in cluster.workers.values()}
    killed: list[int] = []

    def kill() -> None:
        eventually(lambda: list((data / FOLDER).glob("*/*.window")))
        for pid in before:
            os.kill(pid, signal.SIGKILL)
            killed.append(len(list((data / FOLDER).glob("*/*.window"))))

    killer = threading.Thread(target=kill)
    killer.start()
    done = run(client, [scene, *records[:3]], data)
    killer.join()
    client.unregister_worker_plugin(SmallScenes.name)
    assert (sorted(done.predicted), done.failed) == (sorted(["scene", *(r.id for r in records[:3])]), [])
    assert killed[0] < 100, "it was done before"
    assert list((data / FOLDER).iterdir()) == [], "the work was left behind"
    with Store(data) as store, Store(tmp_path / "serial") as serial:
        assert predict_missing([scene], MODEL, serial).failed == {}
        one, other = (opened.for_model(KEY)["scene"] for opened in (store, serial))
        pixels = [
            np.concatenate([strip for _, strip in read_strips(opened.raster_path(prediction))])
            for opened, prediction in ((store, one), (serial, other))
        ]
        np.testing.assert_array_equal(*pixels)
        np.testing.assert_array_equal(one.area, other.area)
        assert one.histogram is not None and other.histogram is not None
        assert one.histogram.to_bytes() == other.histogram.to_bytes()


def test_workers_that_write_elsewhere_are_told_before_anything_is_done(
    client: Client, records: list[ChipRecord], tmp_path: Path
) -> None:
    with Store(tmp_path / "here") as store, pytest.raises(StoreError, match="opens another store: give --database"):
        run_batch(client, records, 0, Order("backscatter", None, tmp_path / "there", expected(MODEL, store)))


def test_two_batches_with_two_models_share_the_workers_and_are_not_mixed_up(
    cluster: LocalCluster, client: Client, records: list[ChipRecord], tmp_path: Path
) -> None:
    second: list[Outcome] = []

    def begin(so_far: Outcome) -> None:
        if so_far.ready and not second:  # while tasks of the first are under way
            with Client(cluster, set_as_default=False) as other:
                second.append(run(other, records, tmp_path / "data", 1, spec="backscatter:-18"))

    first = run(client, records, tmp_path / "data", 1, begin)
    assert (first.failed, second[0].failed) == ([], [])
    with Store(tmp_path / "data") as store:
        assert [model.chips for model in store.models()] == [len(records)] * 2
        for spec in ("backscatter", "backscatter:-18"):
            held = store.for_model(key_of(open_predictor(spec)))
            with Store(tmp_path / spec) as serial:
                for record in records:
                    one = predict_one(record, open_predictor(spec), serial)
                    assert (store.read(held[record.id]) == serial.read(one)).all()


def test_a_scheduler_that_is_not_there_or_goes_away_is_told(
    records: list[ChipRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no scheduler's address"):
        connect("localhost")
    with (
        monkeypatch.context() as patch,
        pytest.raises(FloodscopeError, match=r"No scheduler answers at tcp://127\.0\.0\.1:9"),
    ):
        patch.setattr(batch, "_PATIENCE_S", 1)  # it asks again and again for so long
        connect("tcp://127.0.0.1:9")
    data = tmp_path / "data"
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0")
    client = connect(cluster.scheduler_address)
    ended = threading.Event()

    def end(so_far: Outcome) -> None:
        if so_far.ready and not ended.is_set():
            ended.set()
            threading.Thread(target=cluster.close, daemon=True).start()
            eventually(lambda: cluster.status.name == "closed")

    with pytest.raises(FloodscopeError, match=r"scheduler (is gone|has lost).*what is done is kept"):
        run(client, records, data, 1, end)
    client.close()
    with Store(data) as store:
        assert store.for_model(KEY)


def test_a_worker_keeps_to_its_threads_once_its_weights_are_loaded(tmp_path: Path) -> None:
    import torch

    before = torch.get_num_threads()
    model = open_predictor("floodscope")
    with Store(tmp_path) as store:
        order = Order("floodscope", "cpu", tmp_path, expected(model, store), threads=3)
    opened = Opened(order)
    try:
        opened.predict([])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
        opened.store.close()
