"""A dashboard whose "Predict all" is done by the workers of a cluster."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import Run
from distributed import LocalCluster

from dashboard.workspace import following
from dashboard.workspace.following import Place
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.serving import dead_url
from tests.waiting import eventually

pytestmark = pytest.mark.slow

MODEL = "backscatter"


@pytest.fixture
def scheduler() -> Iterator[str]:
    """A scheduler and a worker, in this process, for what they are told is what is tested."""
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


def all_of(workspace: Workspace) -> dict[str, Any]:
    """Press the button, and return what the page is told in the end."""
    workspace.predict_all(MODEL)
    news = eventually(lambda: workspace.news(MODEL, 0), lambda told: told and not told["progress"]["running"])
    assert news is not None
    return news


def test_all_chips_are_predicted_by_the_workers_seen_by_other_dashboards_and_what_cannot_be_is_named(
    simulated: Path, tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_PAUSE_S", 0.0)
    chips = Path(shutil.copytree(simulated, tmp_path / "chips"))
    settings = Settings((chips,), tmp_path / "data", model=MODEL, scheduler=scheduler)
    with closing(Workspace(settings)) as workspace, closing(Workspace(replace(settings, scheduler=None))) as other:
        first, bad, *_ = workspace.catalog.usable()
        assert bad.vv is not None
        image = Path(bad.vv.path)
        whole = image.read_bytes()
        image.write_bytes(whole[: len(whole) // 2])
        eventually(lambda: workspace.open_chip(first.id, MODEL, "c"), lambda opened: opened["prediction"])
        place = Place(**other.predicted(MODEL)["place"])
        news = all_of(workspace)
        seen = other.predicted_since(MODEL, place)["predictions"]
        assert {one["id"] for one in seen} == {one["id"] for one in news["predictions"]}
        progress = news["progress"]
        assert (progress["total"], progress["skipped"], progress["done"], progress["message"]) == (11, 1, 9, "")
        assert [(failed["id"], failed["unusable"]) for failed in progress["failed"]] == [(bad.id, True)]
        assert len(news["predictions"]) == 9
        assert not workspace.inference._here._tasks, "it was predicted here"
        image.write_bytes(whole)
        progress = all_of(workspace)["progress"]
        assert (progress["skipped"], progress["done"], progress["failed"]) == (10, 1, [])


def test_a_job_that_is_cancelled_ends(simulated: Path, tmp_path: Path, scheduler: str) -> None:
    settings = Settings((simulated,), tmp_path / "data", model=MODEL, scheduler=scheduler)
    with closing(Workspace(settings)) as workspace:
        workspace.predict_all(MODEL)
        workspace.cancel(MODEL)
        news = eventually(lambda: workspace.news(MODEL, 0), lambda told: told and not told["progress"]["running"])
        assert news is not None and news["progress"]["cancelled"]
        assert all_of(workspace)["progress"]["total"] == 11


def test_a_scheduler_that_is_not_there_is_told(
    simulated: Path, tmp_path: Path, floodscope: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.scale.batch._PATIENCE_S", 0.5)
    nobody = f"tcp://{dead_url().split('/')[2]}"
    settings = Settings((simulated,), tmp_path / "data", model=MODEL, scheduler=nobody)
    with closing(Workspace(settings)) as workspace:
        progress = all_of(workspace)["progress"]
        assert "The scheduler that this dashboard was started with does not answer" in progress["message"]
        assert (progress["done"], progress["failed"]) == (0, [])
    done = floodscope("dashboard", simulated, "--scheduler", "host", "--data", tmp_path / "data")
    assert done.returncode == 2
    assert "'host' is no scheduler's address: give one like tcp://HOST:8786" in done.stderr
