"""What a stream predicts comes into the dashboards that are open over the same store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive.range_server import serving
from archive.stac_files import item, write_catalog
from command_line import Run
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace import arrivals
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tiles.archive.address import HOSTS_VARIABLE


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


def test_a_chip_of_an_archive_comes_without_a_question_to_its_server_until_it_is_looked_at(
    workspace: Workspace, client: FlaskClient, simulated: Path, tmp_path: Path, floodscope: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "served").mkdir()
    shutil.copy(sorted(simulated.rglob("*S1Hand.tif"))[0], tmp_path / "served" / "s.tif")
    with serving(tmp_path / "served") as server:
        monkeypatch.setenv(HOSTS_VARIABLE, f"127.0.0.1:{server.port}")
        image = {"href": f"{server.url}/s.tif"}
        write_catalog(tmp_path / "served", [item("friday", assets={"vv": image, "vh": image})])
        source = f"stac:{server.url}/catalog.json?collections=rtc"
        done = floodscope("watch", source, "--once", "--model", "backscatter", "--data", tmp_path / "data")
        assert done.returncode == 0, done.stderr
        asked = server.asked.total()
        answer = client.get("/uploads/catalog?since=")
        (chip,) = [chip for chip in answer.json["chips"] if chip["id"] == "friday"]
        assert chip["ring"]
        assert [one["id"] for one in client.get("/news").json["news"]] == ["friday"]
        assert server.asked.total() == asked
        opened = workspace.open_chip("friday", "backscatter")
        assert (opened["error"], opened["prediction"]["id"]) == (None, "friday")


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
