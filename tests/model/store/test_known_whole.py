"""A raster that was found whole is not read again to know it, in no process, until its file is another."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from model.predictors.backscatter import BackscatterPredictor
from model.store import store as store_of
from model.store.prediction import identity_of
from model.store.store import Prediction, Store, key_of
from tiles.chip import ChipRecord
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

MakeRecord = Callable[..., ChipRecord]
KEY = key_of(BackscatterPredictor())


def put(store: Store, record: ChipRecord) -> Prediction:
    chip, predictor = read_chip(record), BackscatterPredictor()
    return store.put(chip, record, identity_of(predictor), predictor.predict([chip])[0], seconds=0.25)


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a raster that is read fail the test."""

    def read(*_: object) -> None:
        raise AssertionError("the raster was read")

    monkeypatch.setattr(store_of.Store, "require_whole", read)


def test_a_raster_is_read_once_and_by_no_later_process(
    tmp_path: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        predictions = [put(store, make_record(f"c{i}")) for i in range(3)]
        assert all(store.is_whole(one) for one in predictions)
    unread(monkeypatch)
    with Store(tmp_path) as store:
        assert all(store.is_whole(one) for one in predictions)
        assert len(store.for_model(KEY)) == 3


def removed(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def zeroed_with_its_old_time(path: Path) -> None:
    status = path.stat()
    zeroed(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("harm", [removed, cut, zeroed, zeroed_with_its_old_time])
@pytest.mark.parametrize("anew", [True, False], ids=["another process", "the same"])
def test_one_whose_file_is_another_is_looked_at_and_its_row_goes(
    tmp_path: Path, make_record: MakeRecord, harm: Callable[[Path], None], anew: bool
) -> None:
    store = Store(tmp_path)
    prediction = put(store, make_record("c"))
    assert store.is_whole(prediction) and store.is_whole(prediction)
    if anew:
        store.close()
        store = Store(tmp_path)
    harm(store.raster_path(prediction))
    assert not store.is_whole(prediction)
    assert store.for_model(KEY) == {}
    again = put(store, make_record("c"))
    assert store.is_whole(again)
    store.close()


def test_what_is_noted_of_a_raster_goes_with_it(tmp_path: Path, make_record: MakeRecord) -> None:
    record = make_record("c")
    with Store(tmp_path) as store:
        assert store.is_whole(put(store, record))
    with Store(tmp_path) as store:
        assert len(store.derived.of_kind("whole-1")) == 1
        second = put(store, record)
        assert store.is_whole(second)
    with Store(tmp_path) as store:
        assert set(store.derived.of_kind("whole-1")) == {second.raster}
        store.forget(record)
    with Store(tmp_path) as store:
        assert store.derived.of_kind("whole-1") == {}
