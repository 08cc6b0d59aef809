"""A store that several machines share: killed writers, servers that go and come, checks, copies, older versions."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event

from model.predictors.backscatter import BackscatterPredictor
from model.store import care, objects, rasters
from model.store.care import check, copy
from model.store.migrations import SCHEMA_VERSION
from model.store.prediction import identity_of, key_of
from model.store.store import Store
from model.store.streams import Arrival
from tests.forking import forking
from tests.model.conftest import MakeRecord
from tests.predicting import predict_one
from tests.shared_stores import Place, postgres_server
from tests.waiting import eventually
from tiles.chip import ChipRecord
from tiles.errors import StoreError, UsageError
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

KEY = key_of(BackscatterPredictor())
NewPlace = Callable[[str], Place]


def fill(store: Store, make_record: MakeRecord, count: int = 3) -> list[ChipRecord]:
    records = [make_record(f"chip_{i}", size=32) for i in range(count)]
    for record in records:
        predict_one(record, BackscatterPredictor(), store)
    return records


def _write_for_ever(place: Place, record: ChipRecord) -> None:
    predictor, chip = BackscatterPredictor(), read_chip(record)
    raster = predictor.predict([chip])[0]
    with place.open() as store:
        while True:
            with contextlib.suppress(StoreError):
                store.put(chip, record, identity_of(predictor), raster, 0.1)


def test_writers_that_are_killed_leave_no_row_without_its_raster(place: Place, make_record: MakeRecord) -> None:
    records = [make_record(f"chip_{i}", size=32) for i in range(2)]
    context = forking()
    place.open().close()
    writers = [context.Process(target=_write_for_ever, args=(place, records[i % 2])) for i in range(4)]
    for writer in writers:
        writer.start()
    with place.open() as store:
        seen = dict[str, str]()
        for writer in writers:  # each is killed while all that are left write

            def moved() -> bool:
                now = {i: p.revision for i, p in store.for_model(KEY).items()}
                return len(now) == 2 and now != seen

            eventually(moved)
            seen.update({i: p.revision for i, p in store.for_model(KEY).items()})
            os.kill(writer.pid or 0, signal.SIGKILL)
            writer.join()
        found = check(store)
        assert (found.whole, found.lost) == (2, [])
        assert found.young <= len(writers), "a raster was left behind by who was not killed"
        for prediction in store.fresh(records, KEY).values():
            store.read(prediction)


def test_what_a_hand_or_a_crash_left_is_found_and_mended(
    place: Place, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.open() as store:
        records = fill(store, make_record)
        held = store.for_model(KEY)
        stray = held["chip_0"].raster.replace("chip_0", "nobody")
        place.put(stray, place.get(held["chip_0"]))
        place.put(held["chip_1"].raster, place.get(held["chip_0"])[:300])
        place.remove(held["chip_2"])
        young = check(store, mend=True)
        assert (young.whole, young.young, young.stray) == (1, 1, [])
        assert sorted(chip for chip, _ in young.lost) == ["chip_1", "chip_2"]
        for module in (care, objects, rasters):
            monkeypatch.setattr(module, "SWEEP_AFTER_S", -2.0)
        found = check(store)
        assert (found.whole, found.lost) == (1, [])
        assert stray in found.stray
        assert stray in place.rasters(), "it was removed unasked"
        check(store, mend=True)
        assert place.rasters() == [held["chip_0"].raster]
        assert [record.id for record in records if store.get(record, KEY)] == ["chip_0"]
    place.put(stray, b"x")
    place.put("predictions/notes.txt", b"x")
    with place.open():
        assert place.rasters() == sorted([held["chip_0"].raster, "predictions/notes.txt"]), "swept when it is opened"


@pytest.mark.parametrize("kind", ["postgresql+disk", "postgresql+s3"])
def test_a_store_is_copied_there_and_back_and_is_equal(new_place: NewPlace, kind: str, make_record: MakeRecord) -> None:
    here, there, back = new_place("sqlite+disk"), new_place(kind), new_place("sqlite+disk")
    with here.open() as one, there.open() as other, back.open() as again:
        records = fill(one, make_record)
        one.derived.keep("kind", "key", b"\0value")
        arrival = Arrival("s" * 32, "a.tif", {"a.tif": "1"}, "predicted", facts={"id": "a"}, alert=True)
        one.streams.note(arrival, {"webhook": "{}"})
        assert copy(one, other) == copy(other, again) == copy(other, again) == 3
        for store in (other, again):
            for record in records:
                first, second = one.get(record, KEY), store.get(record, KEY)
                assert first is not None and second is not None
                assert Path(first.raster).name == Path(second.raster).name
                assert one.rasters.get(first.raster) == store.rasters.get(second.raster)
                np.testing.assert_array_equal(first.area, second.area)
                assert (first.histogram, first.created, first.seconds) == (
                    second.histogram, second.created, second.seconds,
                )  # fmt: skip
            assert store.contents(KEY) == one.contents(KEY)
            assert store.derived.get("kind", "key") == b"\0value"
            assert [(a.item, a.facts, a.alert) for a in store.streams.arrivals(limit=9)] == [
                ("a.tif", {"id": "a"}, True)
            ]
            assert store.streams.outbox("s" * 32) == {"waiting": 1}
            assert check(store).lost == []
        predict_one(records[0], BackscatterPredictor(), one)
        copy(one, other)
        newer, there_now = one.get(records[0], KEY), other.get(records[0], KEY)
        assert newer is not None and there_now is not None and newer.revision == there_now.revision
        assert len(there.rasters()) == 3


def test_a_database_of_the_first_version_is_brought_to_todays_anywhere(place: Place, make_record: MakeRecord) -> None:
    with place.open() as store:
        fill(store, make_record, 1)
    for name in ("contents", "derived", "arrivals", "outbox"):
        place.execute(f"DROP TABLE floodscope_{name}")
    place.execute("UPDATE floodscope_about SET value = '1' WHERE name = 'schema_version'")
    with place.open() as store:
        assert list(store.for_model(KEY)) == ["chip_0"]
        fill(store, make_record, 1)
        assert len(store.contents(KEY)) == 1
        assert store.streams.mark() == (0, 0)
    place.execute(f"UPDATE floodscope_about SET value = '{SCHEMA_VERSION + 1}' WHERE name = 'schema_version'")
    with pytest.raises(StoreError, match="newer floodscope"):
        place.open()


def test_a_database_that_is_gone_says_so_and_goes_on_when_it_is_back(tmp_path: Path, make_record: MakeRecord) -> None:
    with postgres_server() as server, Store(tmp_path / "data", server.new_database()) as store:
        (record,) = fill(store, make_record, 1)
        server.stop()
        with pytest.raises(StoreError, match="check that it runs"):
            store.get(record, KEY)
        server.start()
        assert store.get(record, KEY) is not None
        assert predict_one(record, BackscatterPredictor(), store).chip_id == "chip_0"


@pytest.mark.parametrize("broken", [ConnectionResetError(104, "Connection reset by peer"), TimeoutError("timed out")])
def test_a_database_that_goes_while_it_is_asked_is_told_as_one_that_is_gone(
    tmp_path: Path, make_record: MakeRecord, broken: OSError
) -> None:
    def go(*_: object) -> None:
        raise broken  # as a driver lets through what breaks between two packets

    with Store(tmp_path / "data") as store:
        (record,) = fill(store, make_record, 1)
        event.listen(store.database._engine, "before_cursor_execute", go)
        with pytest.raises(StoreError, match=r"(reset by peer|timed out).*check that it runs"):
            store.get(record, KEY)
        event.remove(store.database._engine, "before_cursor_execute", go)
        assert store.get(record, KEY) is not None


def test_a_password_in_an_address_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check that it runs") as caught:
        Store(tmp_path, "postgresql+pg8000://user:geheim@127.0.0.1:1/x")
    assert "geheim" not in str(caught.value)


def test_a_bucket_that_cannot_be_used_is_named(new_place: NewPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    place = new_place("postgresql+s3")
    with pytest.raises(UsageError, match="need a database that all"):
        Store(place.folder, rasters=place.prefix)
    with pytest.raises(UsageError, match="no place in an object store"):
        Store(place.folder, place.url, rasters="s3://UPPER/x")
    with pytest.raises(StoreError, match="bucket of s3://no-such-bucket/ does not exist"):
        Store(place.folder, place.url, rasters="s3://no-such-bucket")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="cannot be reached"):
        Store(place.folder, place.url, rasters=place.prefix)
