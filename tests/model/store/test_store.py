"""The store of predictions, on real files and real databases."""

from __future__ import annotations

import dataclasses
import os
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate
from sqlalchemy import Engine, event

from model.predictors.backscatter import BackscatterPredictor
from model.store.listed import listed
from model.store.prediction import identity_of
from model.store.store import DATABASE, ModelKey, Prediction, Store, key_of
from tests.forking import forking
from tests.hostile import share
from tests.shared_stores import Place
from tiles.chip import ChipRecord
from tiles.errors import ModelError, PredictionError, PredictionNotFoundError, StoreError, UsageError
from tiles.probability import level
from tiles.reading.door import read_chip
from tiles.sentences import named

pytestmark = pytest.mark.slow

MakeRecord = Callable[..., ChipRecord]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def put(store: Store, record: ChipRecord, predictor: BackscatterPredictor | None = None) -> Prediction:
    predictor = predictor or BackscatterPredictor()
    chip = read_chip(record)
    return store.put(chip, record, identity_of(predictor), predictor.predict([chip])[0], seconds=0.25)


def rasters(folder: Path) -> list[Path]:
    return sorted(p for p in (folder / "predictions").rglob("*") if p.is_file())


def execute(folder: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(folder / DATABASE)
    with connection:
        connection.execute(statement, values)
    connection.close()


KEY = key_of(BackscatterPredictor())


def test_a_prediction_comes_back_as_it_was_put(store: Store, make_record: MakeRecord) -> None:
    record = make_record()
    predictor, chip = BackscatterPredictor(), read_chip(record)
    probability = predictor.predict([chip])[0]
    stored = store.put(chip, record, identity_of(predictor), probability, seconds=0.25)
    found = store.get(record, KEY)
    assert found is not None
    np.testing.assert_array_equal(store.read(found), probability)
    np.testing.assert_array_equal(found.area, stored.area)
    for field in dataclasses.fields(Prediction):
        if field.name != "area":
            assert getattr(found, field.name) == getattr(stored, field.name), field.name
    assert (found.model_name, found.device, found.seconds) == (predictor.name, "cpu", 0.25)
    assert (found.country, found.event, found.split) == ("Utopia", "Flood of 1516", "train")
    assert re.fullmatch(r"[0-9a-f]{12}", found.revision)


def test_scores_and_areas_of_the_row_are_those_of_the_raster(store: Store, make_record: MakeRecord) -> None:
    record = make_record()
    found, chip = put(store, record), read_chip(record)
    values, km2 = store.read(found), chip.grid.pixel_area_km2()
    assert chip.label is not None and found.histogram is not None
    for threshold in (0.0, 0.3, 0.5, 1.0):
        mask = (values >= level(threshold)) & (values != 255)
        known = (chip.label != 255) & chip.valid
        counts = found.histogram.confusion(threshold)
        assert counts.tp == (mask & known & (chip.label == 1)).sum() > 0
        assert counts.fp == (mask & known & (chip.label == 0)).sum()
        assert found.water_km2(threshold) == pytest.approx(km2[mask].sum())
    assert found.label_water_km2 == pytest.approx(km2[(chip.label == 1) & chip.valid].sum())
    assert (found.valid_pixels, found.total_pixels) == (chip.valid.sum(), chip.valid.size)
    assert found.valid_pixels < found.total_pixels


def test_a_chip_without_label_has_a_prediction_without_scores(store: Store, make_record: MakeRecord) -> None:
    found = put(store, make_record(label=False))
    assert (found.histogram, found.label_water_km2) == (None, None)
    assert found.water_km2(0.5) > 0


def test_the_raster_is_a_valid_cog_on_the_chips_grid_that_says_what_it_is(
    store: Store, place: Place, make_record: MakeRecord, tmp_path: Path
) -> None:
    record = make_record(size=512)
    found = put(store, record)
    path = tmp_path / "raster.tif"
    path.write_bytes(place.get(found))
    valid, errors, warnings = cog_validate(str(path), strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    grid, values = read_chip(record).grid, store.read(found)
    with rasterio.open(path) as dataset:
        assert (dataset.crs, dataset.transform, dataset.shape) == (grid.crs, grid.transform, grid.shape)
        assert (dataset.dtypes, dataset.nodata) == (("uint8",), 255)
        assert dataset.overviews(1) == [2, 4, 8, 16]
        half = dataset.read(1, out_shape=(256, 256))
        tags = dataset.tags()
    assert set(np.unique(half)) <= set(np.unique(values)), "an overview holds a value that was not predicted"
    assert (tags["chip"], tags["model"], tags["revision"]) == (record.id, "backscatter", found.revision)
    assert tags["scale"] == "p = value / 254; 255 is nodata"


def test_writing_again_replaces_the_row_and_its_raster(store: Store, place: Place, make_record: MakeRecord) -> None:
    record = make_record()
    first, second = put(store, record), put(store, record)
    assert first.revision != second.revision
    assert place.rasters() == [second.raster]
    assert {p.revision for p in store.for_model(KEY).values()} == {second.revision}
    with pytest.raises(StoreError, match=r"missing: predict the chip again"):
        store.read(first)


def test_a_prediction_of_files_that_changed_since_is_not_given(store: Store, make_record: MakeRecord) -> None:
    changed, same = make_record("chip_1"), make_record("chip_2")
    put(store, changed)
    put(store, same)
    assert changed.vv is not None
    os.utime(changed.vv.path, ns=(1, 1))
    assert store.get(changed, KEY) is None
    assert list(store.fresh([changed, same], KEY)) == ["chip_2"]
    assert list(store.for_model(KEY)) == ["chip_1", "chip_2"]
    again = put(store, changed)
    found = store.get(changed, KEY)
    assert found is not None and found.revision == again.revision


def test_the_revision_from_before_the_reading_is_what_is_stored(store: Store, make_record: MakeRecord) -> None:
    record, predictor = make_record(), BackscatterPredictor()
    chip = read_chip(record)
    store.put(chip, record, identity_of(predictor), predictor.predict([chip])[0], 0.1, chip_revision="0123456789ab")
    assert store.for_model(KEY)["chip_1"].chip_revision == "0123456789ab"
    assert store.get(record, KEY) is None


def test_models_and_parameters_are_kept_apart_and_listed(store: Store, make_record: MakeRecord) -> None:
    one, two = make_record("chip_1"), make_record("chip_2")
    strict = BackscatterPredictor(threshold_db=-25)
    for record in (one, two):
        put(store, record)
    put(store, one, strict)
    assert (len(store.for_model(KEY)), len(store.for_model(key_of(strict)))) == (2, 1)
    assert store.get(two, key_of(strict)) is None
    assert [(m.key, m.name, m.chips) for m in store.models()] == [
        (key_of(strict), strict.name, 1),
        (KEY, BackscatterPredictor().name, 2),
    ]
    assert store.for_model(ModelKey("unknown", "{}")) == {}


def test_the_key_does_not_depend_on_the_order_of_the_parameters() -> None:
    one, two = BackscatterPredictor(), BackscatterPredictor()
    two.parameters = dict(reversed(list(one.parameters.items())))
    assert list(one.parameters) != list(two.parameters)
    assert key_of(one) == key_of(two)
    two.parameters = {"softness_db": float("nan")}
    with pytest.raises(ModelError, match="cannot be stored"):
        key_of(two)


def test_all_predictions_of_a_model_come_in_one_query(store: Store, make_record: MakeRecord) -> None:
    for i in range(3):
        put(store, make_record(f"chip_{i}"))
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert len(store.for_model(KEY)) == 3
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len([s for s in statements if s.startswith("SELECT")]) == 1


def _put_in_process(place: Place, records: list[ChipRecord], rounds: int) -> str:
    with place.open() as store:
        for _ in range(rounds):
            for record in records:
                put(store, record)
        return Path(put(store, records[0]).raster).parent.name


def test_four_processes_may_write_the_same_keys_at_once(place: Place, make_record: MakeRecord) -> None:
    records = [make_record(f"chip_{i}", size=32) for i in range(3)]
    with forking().Pool(4) as pool:
        ids = pool.starmap(_put_in_process, [(place, records, share(3, 8))] * 4)
    assert len(set(ids)) == 1, "processes that made the store at the same moment disagree about it"
    with place.open() as store:
        found = store.fresh(records, KEY)
        assert list(found) == [r.id for r in records]
        for prediction in found.values():
            store.read(prediction)
        assert place.rasters() == sorted(p.raster for p in found.values())


def test_threads_may_share_a_store(store: Store, place: Place, make_record: MakeRecord) -> None:
    records = [make_record(f"chip_{i}", size=32) for i in range(2)]
    failures: list[BaseException] = []

    def work(record: ChipRecord) -> None:
        try:
            for _ in range(5):
                put(store, record)
                assert store.get(record, KEY) is not None
                store.models()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(records[i % 2],)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(place.rasters()) == 2


def test_a_file_that_is_no_database_is_named_and_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / DATABASE).write_text("these are holiday notes, not a database " * 100)
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(StoreError, match=rf"{DATABASE} is damaged or not a database .*move it away"):
        Store(folder)
    assert (folder / DATABASE).read_bytes() == before


def test_a_database_damaged_inside_says_so_and_is_left_alone(folder: Path, make_record: MakeRecord) -> None:
    with Store(folder) as store:
        for i in range(8):
            put(store, make_record(f"chip_{i}", size=32))
    data = bytearray((folder / DATABASE).read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)  # the first page, with header and schema, is whole
    (folder / DATABASE).write_bytes(bytes(data))
    with pytest.raises(StoreError, match="is damaged or not a database"), Store(folder) as store:
        store.for_model(KEY)
    assert (folder / DATABASE).read_bytes() == bytes(data)
    assert len(rasters(folder)) == 8


def test_a_database_of_a_newer_version_is_refused_and_left_alone(folder: Path) -> None:
    Store(folder).close()
    execute(folder, "UPDATE floodscope_about SET value = '99' WHERE name = 'schema_version'")
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(StoreError, match=r"newer floodscope \(schema 99, this one knows \d+\): update"):
        Store(folder)
    assert (folder / DATABASE).read_bytes() == before


@pytest.mark.parametrize("column", ["histogram", "area"])
def test_a_damaged_row_names_its_chip(store: Store, place: Place, make_record: MakeRecord, column: str) -> None:
    record = make_record()
    put(store, record)
    place.execute(f"UPDATE floodscope_predictions SET {column} = :harm", harm=b"\0")
    for read in (lambda: store.get(record, KEY), lambda: list(listed(store.database, [record], KEY))):
        with pytest.raises(StoreError, match="damaged row of chip chip_1"):
            read()


def test_a_data_folder_that_cannot_be_made_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"data folder .*file/data cannot be written .*--data"):
        Store(tmp_path / "file" / "data")


def test_a_data_folder_without_write_permission_is_named() -> None:
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        locked = Path(home) / "data"
        Store(locked).close()
        for path in (locked, *locked.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may write anywhere
        try:
            with pytest.raises(StoreError, match=r"cannot be written .*--data"):
                Store(locked)
            with pytest.raises(StoreError, match=r"cannot be written .*--data"):
                Store(locked / "inner")
        finally:
            if user == 0:
                os.seteuid(user)
            for path in (locked, *locked.rglob("*")):
                path.chmod(0o755)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("holiday notes", "URL is not understood"),
        ("sqlite://", "names no file"),
        ("duckdb:///x.db", "URL is not understood"),
    ],
)
def test_a_database_url_that_cannot_be_used_is_refused(folder: Path, url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        Store(folder, url)


def test_a_password_in_a_database_url_is_not_shown(folder: Path) -> None:
    with pytest.raises(StoreError) as caught:
        Store(folder, "postgresql+asyncpg://user:geheim@127.0.0.1:1/x")
    assert "geheim" not in str(caught.value)


def test_a_raster_that_is_gone_cut_or_another_one_asks_for_a_new_prediction(
    store: Store, place: Place, make_record: MakeRecord
) -> None:
    one, other = put(store, make_record("chip_1")), put(store, make_record("chip_2", size=32))
    whole = place.get(one)
    place.put(one.raster, whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="damaged: predict the chip again"):
        store.read(one)
    place.put(one.raster, place.get(other))
    with pytest.raises(StoreError, match="not the one that was stored for chip chip_1: predict the chip again"):
        store.read(one)
    place.remove(one)
    with pytest.raises(StoreError, match="missing: predict the chip again"):
        store.read(one)


@pytest.mark.parametrize("harm", ["removed", "cut", "zeroed"])
def test_a_chip_whose_raster_is_harmed_is_not_taken_for_predicted_any_more_and_others_are(
    store: Store, place: Place, make_record: MakeRecord, harm: str
) -> None:
    records = [make_record("chip_1"), make_record("chip_2")]
    one, other = (put(store, record) for record in records)
    whole = place.get(one)
    place.remove(one)
    if harm != "removed":
        place.put(one.raster, whole[: len(whole) // 2] if harm == "cut" else bytes(len(whole)))
    with pytest.raises(PredictionNotFoundError, match="predict the chip again"):
        store.read(one)
    assert store.get(records[0], one.key) is None, "so that predicting it again predicts it"
    held = store.get(records[1], other.key)
    assert held is not None and held.revision == other.revision
    again = put(store, records[0])
    assert np.array_equal(store.read(again) == 255, ~read_chip(records[0]).valid)


def test_a_database_that_another_process_holds_is_told_and_its_place_to_no_stranger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "held"
    monkeypatch.setattr("model.store.database.BUSY_TIMEOUT_MS", 50)
    with Store(folder) as impatient:
        impatient.derived.keep("sums", "x", b"before")
        holder = sqlite3.connect(folder / DATABASE, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is held by another process") as told:
            impatient.derived.keep("sums", "x", b"now")
        assert impatient.derived.get("sums", "x") == b"before", "reading goes on"
        assert str(folder) in str(told.value)
        assert named(str(told.value)).startswith(f"{DATABASE} is held")
        holder.execute("ROLLBACK")
        holder.close()
        impatient.derived.keep("sums", "x", b"now")
        assert impatient.derived.get("sums", "x") == b"now"


def test_rasters_whose_folder_is_away_are_waited_for(folder: Path, make_record: MakeRecord) -> None:
    store = Store(folder)
    record = make_record("chip_1")
    prediction = put(store, record)
    (folder / "predictions").rename(folder / "away")
    with pytest.raises(StoreError, match="is missing"):
        store.read(prediction)
    (folder / "away").rename(folder / "predictions")
    held = store.get(record, prediction.key)
    assert held is not None
    store.read(held)
    store.close()


def test_files_left_behind_are_swept_after_an_hour_and_nothing_else_is(folder: Path, make_record: MakeRecord) -> None:
    with Store(folder) as store:
        kept = store.raster_path(put(store, make_record()))
    orphan, part, young, notes = (
        kept.with_name(name)
        for name in ("a.0123456789ab.tif", "b.0123456789ab.tif.part", "c.0123456789ab.tif", "notes.txt")
    )
    for path in (orphan, part, young, notes):
        path.write_bytes(b"x")
    for path in (kept, orphan, part, notes):
        os.utime(path, (1, 1))
    Store(folder).close()
    assert rasters(folder) == sorted([kept, young, notes])


def test_a_second_database_in_the_same_folder_leaves_the_rasters_of_the_first(
    folder: Path, make_record: MakeRecord
) -> None:
    with Store(folder) as store:
        kept = store.raster_path(put(store, make_record()))
    os.utime(kept, (1, 1))
    url = f"sqlite:///{folder / 'other.db'}"
    for _ in range(2):
        with Store(folder, url) as other:
            assert other.for_model(KEY) == {}
    assert kept.exists()


@pytest.mark.parametrize("chip_id", ["../evil", "a/b", "", "a b", "x" * 201, "洪" * 60, "u\u0308ber", ".x", "a\nb"])
def test_a_chip_id_never_becomes_a_path(store: Store, place: Place, make_record: MakeRecord, chip_id: str) -> None:
    record = dataclasses.replace(make_record(), id=chip_id)
    with pytest.raises(UsageError, match="rename the chip"):
        put(store, record)
    assert place.rasters() == []


def test_a_chip_whose_name_is_of_another_script_is_kept_and_found_again_by_a_later_store(
    store: Store, place: Place, make_record: MakeRecord
) -> None:
    record = dataclasses.replace(make_record(), id="鄱阳湖_সিলেট_" + "洪" * 20)
    put(store, record)
    for name in place.rasters():
        if place.prefix is None:
            os.utime(place.folder / name, (1, 1))  # so old that a sweep would take it
    with place.open() as later:
        found = later.get(record, KEY)
        assert found is not None and found.chip_id == record.id
        assert later.read(found).shape == (64, 64)


def test_a_row_that_points_outside_the_store_is_not_followed(
    store: Store, place: Place, make_record: MakeRecord
) -> None:
    record = make_record()
    put(store, record)
    place.execute("UPDATE floodscope_predictions SET raster = '../chips/chip_1_vv.tif'")
    found = store.get(record, KEY)
    assert found is not None
    with pytest.raises(StoreError, match="outside the store"):
        store.read(found)
    put(store, record)
    assert record.vv is not None and Path(record.vv.path).exists(), "a replaced raster outside the store was removed"


def test_an_answer_that_breaks_the_contract_is_not_stored(store: Store, place: Place, make_record: MakeRecord) -> None:
    record = make_record()
    chip, predictor = read_chip(record), BackscatterPredictor()
    good = predictor.predict([chip])[0]
    unmasked, masked = np.where(good == 255, 0, good).astype(np.uint8), good.copy()
    masked[-1, -1] = 255
    for bad, words in (
        (good[:-1], "on the chip's grid"),
        (good.astype(np.float32), "float32"),
        (unmasked, "no data"),
        (masked, "no data"),
    ):
        with pytest.raises(PredictionError, match=words):
            store.put(chip, record, identity_of(predictor), bad, 0.1)  # type: ignore[arg-type]
    assert store.for_model(KEY) == {}
    assert place.rasters() == []


def test_a_database_that_knows_no_upsert_replaces_by_deleting_first(
    folder: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(folder)
    monkeypatch.setattr(store.database._engine.dialect, "name", "plain")
    record = make_record()
    put(store, record)
    second = put(store, record)
    assert {p.revision for p in store.for_model(KEY).values()} == {second.revision}


def test_a_forgotten_chip_has_no_prediction_and_no_raster_and_others_keep_theirs(
    store: Store, place: Place, make_record: MakeRecord
) -> None:
    one, two = make_record("one"), make_record("two")
    for model in (BackscatterPredictor(), BackscatterPredictor("otsu")):
        for record in (one, two):
            chip = read_chip(record)
            store.put(chip, record, identity_of(model), model.predict([chip])[0], 0.1)
    assert store.forget(one) == 2
    assert store.get(one, key_of(BackscatterPredictor())) is None
    assert store.get(two, key_of(BackscatterPredictor())) is not None
    assert {Path(name).name.split(".")[0] for name in place.rasters()} == {"two"}
    assert store.forget(one) == 0
