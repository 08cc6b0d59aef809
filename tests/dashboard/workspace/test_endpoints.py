"""Endpoints beside the local models: listed with their status, asked in threads of their own, and no burden to others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.wire import encode_npy
from tests.serving import Misbehaving, Says, dead_url, misbehaving_server
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.slow

MODEL = {"id": "a" * 64, "name": "Test U-Net", "threshold": 0.4, "channels": ["vv", "vh"], "device": "cpu"}


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving_server() as bad:
        yield bad


@contextmanager
def workspace_with(simulated: Path, data: Path, *endpoints: str) -> Iterator[Workspace]:
    made = Workspace(Settings((simulated,), data, endpoints=endpoints, model="backscatter"))
    try:
        yield made
    finally:
        made.close()


def until(workspace: Workspace, spec: str, state: str) -> dict:  # type: ignore[type-arg]
    return eventually(
        lambda: next(s for s in workspace.endpoints.statuses() if s["endpoint"] == spec), lambda s: s["state"] == state
    )


def answer(size: int = 128) -> Says:
    return Says(200, encode_npy(np.full((1, size, size), 200, np.uint8)))


def test_an_endpoint_is_listed_beside_the_models_and_predicts_under_its_name(
    server: Misbehaving, simulated: Path, tmp_path: Path
) -> None:
    spec = f"{server.url}/invocations#name=GPU box"
    server.says(Says(200, MODEL), answer())
    with workspace_with(simulated, tmp_path, spec) as workspace:
        assert [m["spec"] for m in workspace.shelf.models() if m["endpoint"]] == [spec]
        assert server.asked == [], "nothing is asked before a page is open"
        chosen = workspace.predictions(spec)
        assert (chosen["state"], chosen["name"]) == ("ready", "Test U-Net at GPU box")
        assert chosen["latency_s"] > 0
        chip = workspace.catalog.records()[0].id
        opened = eventually(lambda: workspace.open_chip(chip, spec, "click"), lambda found: not found["pending"])
        assert opened["error"] is None
        assert (opened["prediction"]["model_name"], opened["device"]) == (
            "Test U-Net at GPU box",
            "endpoint GPU box (cpu)",
        )
        server.says(Says(200, MODEL))
        assert workspace.predictions(spec)["state"] == "ready"
        assert workspace.predicted(spec)["predictions"][0]["id"] == chip
        assert create_app(workspace).server.test_client().get("/endpoints").get_json()[0]["state"] == "ready"


def test_a_dead_endpoint_slows_nothing_and_says_what_to_do(simulated: Path, tmp_path: Path) -> None:
    dead = f"{dead_url()}#name=Dead box"
    with workspace_with(simulated, tmp_path, dead) as workspace:
        status = until(workspace, dead, "error")
        assert "start it (floodscope serve)" in status["message"]
        assert workspace.predictions(dead)["state"] == "error"
        chip = workspace.catalog.records()[0].id
        error = workspace.open_chip(chip, dead)["error"]
        assert f"Chip {chip} could not be predicted by Dead box: Dead box is not reachable" in error
        assert workspace.open_chip(chip, "backscatter")["error"] is None
        workspace.predict_all(dead)
        news = eventually(lambda: workspace.news(dead, 0), lambda news: news and not news["progress"]["running"])
        assert len(news["progress"]["failed"]) == 11  # type: ignore[index]


def test_an_endpoint_that_hangs_holds_up_no_other_model(server: Misbehaving, simulated: Path, tmp_path: Path) -> None:
    spec = f"{server.url}/invocations#name=Slow box&timeout_s=200"
    server.says(Says(200, MODEL), Says(hang_s=200.0))
    with workspace_with(simulated, tmp_path, spec) as workspace:
        workspace.predictions(spec)
        workspace.predict_all(spec)
        eventually(lambda: len(server.asked) == 2)
        chip = workspace.catalog.records()[0].id
        eventually(lambda: not workspace.open_chip(chip, "backscatter")["pending"])
        assert workspace.news(spec, 0)["progress"]["running"]  # type: ignore[index]
        workspace._jobs[spec].cancel()
        server.stopped.set()  # it hangs no longer


def test_what_an_endpoint_waits_for_is_told_with_the_pending_chip(
    server: Misbehaving, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.workspace.workspace.CLICK_WAIT_S", 0.1)
    spec = f"{server.url}/invocations#name=New box"
    starting = Says(503, {"message": "The model is being loaded."}, {"Retry-After": "1"})
    server.says(starting)
    with workspace_with(simulated, tmp_path, spec) as workspace:
        chosen = workspace.predictions(spec)
        assert chosen["state"] == "error"
        assert "is being loaded" in chosen["message"]
        assert chosen["short"] == "not ready"
        chip = workspace.catalog.records()[0].id
        opened = eventually(lambda: workspace.open_chip(chip, spec), lambda opened: opened.get("note"))
        assert opened["pending"]
        assert "New box is not ready" in opened["note"]
        assert "Waiting" in opened["note"]
        server.says(Says(200, MODEL), answer())
        opened = eventually(lambda: workspace.open_chip(chip, spec), lambda opened: not opened["pending"])
        assert opened["error"] is None


def test_an_endpoint_that_comes_back_is_ready_again(
    server: Misbehaving, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.workspace.endpoints.RECHECK_S", 0.0)
    spec = f"{server.url}/invocations"
    server.says(Says(500, b"down"))
    with workspace_with(simulated, tmp_path, spec) as workspace:
        assert "has failed (500)" in until(workspace, spec, "error")["message"]
        server.says(Says(200, MODEL))
        assert until(workspace, spec, "ready")["id"] == MODEL["id"]


def test_an_endpoint_that_answers_or_is_not_there_is_told_as_it_is_now_and_not_as_it_was(
    server: Misbehaving, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.workspace.endpoints.RECHECK_S", 0.0)
    monkeypatch.setattr("dashboard.workspace.endpoints.AT_ONCE_S", PATIENCE_S)
    spec = f"{server.url}/invocations"
    with workspace_with(simulated, tmp_path, spec) as workspace:
        for says, state in ((Says(200, MODEL), "ready"), (Says(500, b"down"), "error"), (Says(200, MODEL), "ready")):
            server.says(says)
            assert [status["state"] for status in workspace.endpoints.statuses()] == [state]


def test_an_endpoint_that_hangs_is_not_told_as_ready(
    server: Misbehaving, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"RECHECK_S": 0.0, "AT_ONCE_S": PATIENCE_S, "SLOW_S": 0.0}
    for name, value in limits.items():
        monkeypatch.setattr(f"dashboard.workspace.endpoints.{name}", value)
    spec = f"{server.url}/invocations#timeout_s=200"
    server.says(Says(200, MODEL))
    with workspace_with(simulated, tmp_path, spec) as workspace:
        assert until(workspace, spec, "ready")
        monkeypatch.setattr("dashboard.workspace.endpoints.AT_ONCE_S", 0.0)
        server.says(Says(hang_s=200.0))
        assert until(workspace, spec, "busy")["message"].startswith("Asking ")
        server.stopped.set()  # it hangs no longer


def test_nothing_of_aws_is_loaded_by_the_command_line_and_no_client_is_made_before_an_endpoint_is_chosen(
    simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rasterio imports boto3 by itself where it is installed; a client, which costs far more, waits for the choice."""
    script = (
        "import sys, dashboard, dashboard.cli\n"
        "print({'boto3', 'botocore', 'sagemaker', 'urllib3'} & {name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.strip() == "set()"
    made: list[str] = []
    monkeypatch.setattr("model.predictors.sagemaker.make_client", lambda spec, _: made.append(spec.target))
    spec = "sagemaker:floods?region=eu-west-1"
    with workspace_with(simulated, tmp_path, spec) as workspace:
        create_app(workspace).server.test_client().get("/endpoints")
        assert [s["state"] for s in workspace.endpoints.statuses()] == ["unchecked"]
        assert made == []
        workspace.predictions(spec)
        assert made == ["floods"]
