"""What a stream predicts comes into the dashboards that are open over the same store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Run
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace import arrivals
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture
def workspace(simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr(arrivals, "_PAUSE_S", 0.0)
    made = Workspace(Settings((simulated,), tmp_path / "data", model="backscatter"))
    yield made
    made.close()


@pytest.fixture
def client(workspace: Workspace) -> FlaskClient:
    return create_app(workspace).server.test_client()


def bring(inbox: Path, simulated: Path, floodscope: Run, name: str) -> None:
    path = shutil.copy(sorted(simulated.rglob("*S1Hand.tif"))[0], inbox / f"{name}.tif")
    os.utime(path, (1e9, 1e9))  # long as it is
    more = ["--alert-above", "0", "--data", str(inbox.with_name("data"))]
    done = floodscope("watch", inbox, "--once", "--model", "backscatter", *more)
    assert done.returncode == 3, done.stderr


def test_a_chip_of_a_stream_is_in_the_catalog_at_the_next_question_with_its_prediction(
    workspace: Workspace, client: FlaskClient, inbox: Path, simulated: Path, floodscope: Run
) -> None:
    before = workspace.catalog.version
    assert client.get(f"/uploads/catalog?since={before}").status_code == 204
    assert client.get("/news").json == {"news": []}
    bring(inbox, simulated, floodscope, "monday")
    answer = client.get(f"/uploads/catalog?since={before}")
    assert answer.status_code == 200
    assert "monday" in {chip["id"] for chip in answer.json["chips"]}
    assert [p["id"] for p in workspace.predicted("backscatter")["predictions"]] == ["monday"]
    (told,) = client.get("/news").json["news"]
    assert (told["id"], told["alert"], told["above"], told["spec"]) == ("monday", True, 0.0, "backscatter")
    assert told["water_km2"] > 0
    now = workspace.catalog.version
    assert client.get(f"/uploads/catalog?since={now}").status_code == 204
    bring(inbox, simulated, floodscope, "tuesday")
    assert [one["id"] for one in client.get("/news").json["news"]] == ["tuesday", "monday"]


def test_a_dashboard_that_is_opened_later_has_them_too_each_once(
    inbox: Path, simulated: Path, tmp_path: Path, floodscope: Run
) -> None:
    bring(inbox, simulated, floodscope, "monday")
    for sources in ((simulated,), (simulated, inbox)):
        workspace = Workspace(Settings(sources, tmp_path / "data", model="backscatter"))
        assert [r.id for r in workspace.catalog.records()].count("monday") == 1
        assert "monday-2" not in workspace.catalog
        workspace.close()
    (inbox / "monday.tif").unlink()
    workspace = Workspace(Settings((simulated,), tmp_path / "data", model="backscatter"))
    assert "monday" not in workspace.catalog
    workspace.close()
