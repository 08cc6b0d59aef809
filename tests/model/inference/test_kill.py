"""A process that is killed while it predicts leaves a store that opens and needs only the rest to be done."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from model.inference.worker import InferenceWorker
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import DATABASE, Store, key_of
from tests.forking import forking
from tests.hostile import share
from tests.waiting import PATIENCE_S
from tiles.chip import Chip, ChipRecord
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

KILLS = share(8, 20)
CHIPS = 10
# Slow enough that a kill may fall into a prediction, short enough that many fall into reading and storing.
SLOWED_S = 0.004


class Slow(BackscatterPredictor):
    """The baseline, slowed, which notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        self.asked += [chip.id for chip in chips]
        time.sleep(SLOWED_S)
        return super().predict(chips)


def _predict_everything(folder: str, records: list[ChipRecord], ready: Connection) -> None:
    with Store(folder) as store, InferenceWorker(store) as worker:
        job = worker.predict_all(records, Slow())
        said = -1
        while said < len(records):
            done = job.snapshot().done
            if done > said:
                ready.send(done)
                said = done
            time.sleep(0.0005)
        time.sleep(60)


def _kill_after(folder: Path, records: list[ChipRecord], chips: int, pause: float) -> float:
    """Predict all in a child, kill it `pause` seconds after it stored so many chips; return how long those took."""
    context = forking()
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_predict_everything, args=(str(folder), records, sender))
    child.start()
    assert receiver.poll(PATIENCE_S) and receiver.recv() == 0
    began = time.monotonic()
    stored = 0
    while stored < chips:
        assert receiver.poll(PATIENCE_S)
        stored = receiver.recv()
    took = time.monotonic() - began
    time.sleep(pause)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join(PATIENCE_S)
    assert child.exitcode == -signal.SIGKILL
    child.close()
    return took


def _require_whole(folder: Path, store: Store, expected: dict[str, npt.NDArray[np.uint8]]) -> None:
    """The database is sound, and every row, of before or of now, has its raster."""
    connection = sqlite3.connect(folder / DATABASE)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    rows = store.for_model(key_of(Slow()))
    assert sorted(rows) == sorted(expected)
    for prediction in rows.values():
        np.testing.assert_array_equal(store.read(prediction), expected[prediction.chip_id])


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_kill_at_any_moment_of_predict_all_leaves_a_store_that_needs_only_the_rest(
    tmp_path: Path, make_record: Callable[..., ChipRecord]
) -> None:
    records = [make_record(f"chip_{i:02}", size=128) for i in range(CHIPS)]
    expected = {r.id: BackscatterPredictor().predict([read_chip(r)])[0] for r in records}
    folder, chance = tmp_path / "data", random.Random(9)
    # The first child is killed when all is done: it fills the store, and says how long a chip takes.
    one_chip_s = _kill_after(folder, records, CHIPS, 0.0) / CHIPS
    done_at_kill: list[int] = []
    for kill in range(KILLS):
        for record in records:  # the files seem to have changed, so that all rows are stale and will be replaced
            assert record.vv is not None
            os.utime(record.vv.path, ns=(0, (kill + 1) * 10**9))
        _kill_after(folder, records, chance.randrange(CHIPS), chance.uniform(0, one_chip_s))
        with Store(folder) as store, InferenceWorker(store) as worker:
            _require_whole(folder, store, expected)
            finished = store.fresh(records, key_of(Slow()))
            done_at_kill.append(len(finished))
            rest = Slow()
            job = worker.predict_all(records, rest)
            assert job.wait(PATIENCE_S)
            assert rest.asked == job.completed() == [r.id for r in records if r.id not in finished]
            assert (job.snapshot().skipped, job.failed) == (len(finished), {})
            assert list(store.fresh(records, key_of(Slow()))) == [r.id for r in records]
    left_behind = len([p for p in (folder / "predictions").rglob("*") if p.is_file()]) - CHIPS
    assert 0 <= left_behind <= KILLS, "a kill leaves one file at most; it is swept when it is an hour old"
    assert len({n for n in done_at_kill if 0 < n < CHIPS}) >= KILLS // 4, f"too few moments: {done_at_kill}"
    print(f"stored when killed: {sorted(done_at_kill)} of {CHIPS}; {left_behind} files left behind by {KILLS} kills")
