"""A database of every earlier version opens with all it held. Without this file people's predictions could be lost.

`first_version/` is a store that the first version with a database wrote: a labelled chip and one without a label, predicted by
the fixed threshold. It stays as it is.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from model.predictors.backscatter import BackscatterPredictor
from model.scores.histogram import ScoreHistogram
from model.store.migrations import MIGRATIONS, SCHEMA_VERSION
from model.store.prediction import identity_of
from model.store.store import DATABASE, Store, key_of
from tests.model.conftest import MakeRecord
from tiles.content import content_of
from tiles.reading.door import read_chip

FIRST = Path(__file__).parent / "first_version"
KEY = key_of(BackscatterPredictor())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(FIRST, tmp_path / "data")


def _execute(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / DATABASE)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def _version(folder: Path) -> str:
    connection = sqlite3.connect(folder / DATABASE)
    (found,) = connection.execute("SELECT value FROM floodscope_about WHERE name = 'schema_version'").fetchone()
    connection.close()
    return str(found)


def test_a_store_of_the_first_version_opens_with_all_that_it_held(folder: Path, make_record: MakeRecord) -> None:
    assert _version(folder) == "1"
    with Store(folder) as store:
        assert _version(folder) == str(SCHEMA_VERSION) == str(len(MIGRATIONS) + 1)
        (model,) = store.models()
        assert (model.key, model.chips) == (KEY, 2)
        held = store.for_model(KEY)
        river = held["river"]
        assert isinstance(river.histogram, ScoreHistogram)
        assert river.histogram.confusion(0.5).iou == pytest.approx(5 / 6)
        assert river.water_km2(0.5) == pytest.approx(0.018014408632743364, rel=1e-12)
        assert river.label_water_km2 == pytest.approx(0.015012007193406895, rel=1e-12)
        assert (river.country, river.valid_pixels, river.total_pixels) == ("Ghana", 716, 720)
        assert held["lake"].histogram is None
        for prediction in held.values():
            assert np.count_nonzero(store.read(prediction) != 255) == 716
        assert store.notes(held.values()) == {} == store.contents(KEY)
        # What came with the second version is kept of old predictions and of new ones.
        record = make_record()
        chip = read_chip(record)
        store.keep_content(river, content_of(chip))
        model_of = BackscatterPredictor()
        store.put(chip, record, identity_of(model_of), model_of.predict([chip])[0], 0.1)
        assert len(store.contents(KEY)) == 2
        # And what came with the third.
        assert store.derived.get("sums", "river") is None
        for value in (b"before", b"now"):
            store.derived.keep("sums", "river", value)
        assert store.derived.get("sums", "river") == b"now"
    with Store(folder) as again:
        assert set(again.for_model(KEY)) == {"river", "lake", record.id}


@pytest.mark.parametrize("notes", ["", ", notes TEXT"])
def test_a_store_of_the_first_version_that_knew_contents_keeps_them(folder: Path, notes: str) -> None:
    _execute(
        folder,
        "CREATE TABLE floodscope_contents (chip_id VARCHAR(200) NOT NULL, chip_revision VARCHAR(32) NOT NULL, "
        f"digest VARCHAR(32) NOT NULL, samples BLOB NOT NULL{notes}, PRIMARY KEY (chip_id, chip_revision))",
        "INSERT INTO floodscope_contents (chip_id, chip_revision, digest, samples) "
        "SELECT chip_id, chip_revision, '0123456789abcdef0123456789abcdef', zeroblob(144) FROM floodscope_predictions",
    )
    with Store(folder) as store:
        assert {chip for chip, _ in store.contents(KEY)} == {"river", "lake"}
        assert store.notes(store.for_model(KEY).values()) == {}


def test_a_migration_that_fails_leaves_the_database_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("model.store.migrations.MIGRATIONS", (*MIGRATIONS, fail))
    with pytest.raises(RuntimeError, match="power cut"):
        Store(folder)
    assert _version(folder) == "1"
    connection = sqlite3.connect(folder / DATABASE)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert "floodscope_contents" not in tables
