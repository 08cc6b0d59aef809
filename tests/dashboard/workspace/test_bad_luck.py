"""A database that may not be written for a while, a clock that goes back a day: it is said, nothing is lost, it goes on."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from dashboard.app import create_app
from dashboard.workspace import following
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.store import prediction
from model.store.store import Store
from tests.waiting import eventually

MODEL = "backscatter"


@pytest.fixture
def workspace(simulated: Path, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(simulated, tmp_path / "chips")  # the time of a file is changed below
    made = Workspace(Settings((tmp_path / "chips",), tmp_path / "data", model=MODEL))
    yield made
    made.close()


def opened(workspace: Workspace, chip: str, click: str) -> dict[str, Any]:
    return eventually(lambda: workspace.open_chip(chip, MODEL, click), lambda answer: not answer.get("pending"))


def predicted(workspace: Workspace) -> set[str]:
    return {one["id"] for one in workspace.predicted(MODEL)["predictions"]}


def test_a_database_that_may_not_be_written_is_told_and_what_there_is_stays_until_it_may_again(
    workspace: Workspace,
) -> None:
    """SQLite refuses as it does where the file has no write permission, which an administrator's tests would not lack."""
    first, second = [record.id for record in workspace.catalog.usable()][:2]
    revision = opened(workspace, first, "a")["prediction"]["revision"]
    locked = True

    def refuse(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA query_only = {'ON' if locked else 'OFF'}")

    event.listen(workspace.store.database._engine, "checkout", refuse)
    told = opened(workspace, second, "b")
    assert "floodscope.db cannot be written (attempt to write a readonly database)" in told["error"]
    assert told.get("prediction") is None
    assert opened(workspace, first, "c")["prediction"]["revision"] == revision
    assert predicted(workspace) == {first}
    client = create_app(workspace).server.test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.post(f"/inspect/prediction/{second}", json={"model": MODEL, "click": "d"}).get_json()
    assert str(workspace.settings.data) not in str(answer), "strangers read no path"
    locked = False
    assert opened(workspace, second, "e")["error"] is None
    assert predicted(workspace) == {first, second}
    assert opened(workspace, first, "f")["prediction"]["revision"] == revision


def test_with_a_clock_a_day_back_predictions_are_kept_found_and_replaced_and_nothing_is_swept(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [record.id for record in workspace.catalog.usable()][:2]
    before = opened(workspace, first, "a")["prediction"]["revision"]
    key, open_page = workspace.shelf.key(MODEL), following.Following(workspace.store)
    place = open_page.place(key)
    monkeypatch.setattr(following, "_PAUSE_S", 0)

    class Yesterday(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) - timedelta(days=1)

    for module in (prediction, following):
        monkeypatch.setattr(module, "datetime", Yesterday)
    assert opened(workspace, second, "b")["error"] is None
    record = workspace.catalog.get(first)
    (path,) = {record.vv.path} if record.vv is not None else set()
    os.utime(path, ns=(1, 1))  # its files are others: it is predicted again, a day before
    again = opened(workspace, first, "c")["prediction"]["revision"]
    assert again != before
    assert predicted(workspace) == {first, second}
    news = open_page.since(key, place)
    assert news is not None and set(news[1]) == {first, second}, "a page that is open hears of both"
    rasters = [one.raster for one in workspace.store.for_model(key).values()]
    with Store(
        workspace.settings.data
    ) as other:  # one that starts now sweeps what is old by the clock of the disk alone
        assert all((workspace.settings.data / raster).is_file() for raster in rasters)
        assert set(other.for_model(key)) == {first, second}
    assert opened(workspace, first, "d")["prediction"]["revision"] == again
