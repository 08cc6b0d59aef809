"""One click begins one prediction, however slow its model is, and is told what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dashboard.app import create_app
from dashboard.workspace.clicks import Clicks
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.predictors.backscatter import BackscatterPredictor
from tests.serving import Says, misbehaving_server
from tests.waiting import PATIENCE_S
from tiles.chip import Chip
from tiles.errors import ModelError

SLOW, QUICK = "backscatter:otsu", "backscatter"


class Gated(BackscatterPredictor):
    """A model that answers once it is let, counts how often it was asked, and fails where it is told so."""

    def __init__(self) -> None:
        super().__init__("otsu")
        self.gate, self.begun = threading.Event(), threading.Event()
        self.asked: list[str] = []
        self.fails = True

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        self.asked += [chip.id for chip in chips]
        self.begun.set()
        assert self.gate.wait(PATIENCE_S)
        if self.fails:
            raise ModelError("This model has failed.")
        return super().predict(chips)


@pytest.fixture
def workspace(simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr("dashboard.workspace.workspace.CLICK_WAIT_S", 0.05)
    made = Workspace(Settings((simulated,), tmp_path, model=QUICK))
    yield made
    made.close()


@pytest.fixture
def model(workspace: Workspace) -> Iterator[Gated]:
    """A slow model on offer in place of the one that is called so."""
    gated = workspace.shelf._predictors[SLOW] = Gated()
    yield gated
    gated.gate.set()


def answered(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Ask as the page does, until the answer is there."""
    while (answer := ask()).get("pending"):
        pass
    return answer


def test_a_failure_that_comes_after_the_wait_is_told_and_not_tried_again(workspace: Workspace, model: Gated) -> None:
    chip = workspace.catalog.usable()[0].id
    for _ in range(3):
        assert workspace.open_chip(chip, SLOW, "one")["pending"]
    model.gate.set()
    told = answered(lambda: workspace.open_chip(chip, SLOW, "one"))["error"]
    assert "This model has failed." in told
    assert workspace.open_chip(chip, SLOW, "one")["error"] == told, "an answer may be lost on its way to the page"
    assert model.asked == [chip]
    model.fails = False
    assert answered(lambda: workspace.open_chip(chip, SLOW, "two"))["error"] is None, "another click tries again"
    assert model.asked == [chip, chip]


def test_two_pages_that_wait_for_one_chip_are_both_told(workspace: Workspace, model: Gated) -> None:
    chip = workspace.catalog.usable()[0].id
    assert all(workspace.open_chip(chip, SLOW, page)["pending"] for page in ("a", "b"))
    model.gate.set()
    told = {answered(lambda page=page: workspace.open_chip(chip, SLOW, page))["error"] for page in ("a", "b")}  # type: ignore[misc]
    assert len(told) == 1
    assert model.asked == [chip]


def test_a_program_that_names_no_click_is_told_the_failure_once(workspace: Workspace, model: Gated) -> None:
    chip = workspace.catalog.usable()[0].id
    assert workspace.open_chip(chip, SLOW)["pending"]
    model.gate.set()
    assert "has failed" in answered(lambda: workspace.open_chip(chip, SLOW))["error"]
    assert model.asked == [chip]
    assert "has failed" in answered(lambda: workspace.open_chip(chip, SLOW))["error"]
    assert model.asked == [chip, chip]


def test_the_click_of_one_chip_or_model_is_not_that_of_another(workspace: Workspace, model: Gated) -> None:
    first, second = (record.id for record in workspace.catalog.usable()[:2])
    assert workspace.open_chip(first, SLOW, "one")["pending"]
    model.gate.set()
    assert second in answered(lambda: workspace.open_chip(second, SLOW, "one"))["error"]
    assert answered(lambda: workspace.open_chip(first, QUICK, "one"))["error"] is None
    assert first in answered(lambda: workspace.open_chip(first, SLOW, "one"))["error"]
    assert sorted(model.asked) == sorted([first, second])


def test_a_click_on_a_chip_of_a_job_that_is_cancelled_begins_nothing_anew(workspace: Workspace, model: Gated) -> None:
    workspace.predict_all(SLOW)
    assert model.begun.wait(PATIENCE_S)
    running = model.asked[0]
    waiting = next(record.id for record in workspace.catalog.usable() if record.id != running)
    assert all(workspace.open_chip(chip, SLOW, chip)["pending"] for chip in (running, waiting))
    workspace.cancel(SLOW)
    model.gate.set()
    for chip in (running, waiting):
        assert chip in answered(lambda chip=chip: workspace.open_chip(chip, SLOW, chip))["error"]  # type: ignore[misc]
    assert model.asked == [running, waiting], "those that somebody waits for, each once"


def test_model_b_is_asked_once_for_a_chip(workspace: Workspace, model: Gated) -> None:
    client, chip = create_app(workspace).server.test_client(), workspace.catalog.usable()[0].id

    def ask() -> dict[str, Any]:
        body = {"model": SLOW, "click": "of the page"}
        return dict(client.post(f"/inspect/prediction/{chip}", json=body).get_json())

    assert ask()["pending"]
    model.gate.set()
    assert "has failed" in answered(ask)["error"]
    assert "has failed" in ask()["error"]
    assert model.asked == [chip]


def test_a_changed_chip_is_asked_once(workspace: Workspace, model: Gated) -> None:
    client, chip = create_app(workspace).server.test_client(), workspace.catalog.usable()[0].id
    model.fails = False
    model.gate.set()
    assert answered(lambda: workspace.open_chip(chip, SLOW, "open"))["error"] is None
    model.asked.clear()
    model.gate.clear()
    model.fails = True

    def ask() -> dict[str, Any]:
        query = {"model": SLOW, "click": "of the page"}
        return dict(client.post(f"/transforms/{chip}/turn90", query_string=query).get_json())

    assert ask() == {"pending": True}
    model.gate.set()
    assert "has failed" in answered(ask)["message"]
    assert "has failed" in ask()["message"]
    assert len(model.asked) == 1


@pytest.mark.parametrize("answer", [Says(403, b"denied", hang_s=0.5), Says(500, b"broken", hang_s=0.5)])
def test_an_endpoint_that_fails_late_is_sent_one_request(workspace: Workspace, answer: Says) -> None:
    with misbehaving_server() as server:
        server.described_as = {
            "id": "a" * 64,
            "name": "U-Net",
            "threshold": 0.5,
            "channels": ["vv", "vh"],
            "device": "cpu",
        }
        server.says(answer)
        spec = f"{server.url}/invocations#name=Box&wait_s=0"
        offered = Workspace(
            Settings(workspace.settings.sources, workspace.settings.data / "b", endpoints=(spec,), model=QUICK)
        )
        try:
            chip = offered.catalog.usable()[0].id
            told = answered(lambda: offered.open_chip(chip, spec, "one"))["error"]
            assert f"Chip {chip} could not be predicted by" in told
            assert offered.open_chip(chip, spec, "one")["error"] == told
            assert len(server.asked) == 1
        finally:
            offered.close()


def test_what_is_changed_or_taken_away_under_an_endpoint_holds_up_no_local_model(workspace: Workspace) -> None:
    with misbehaving_server() as server:
        server.described_as = {
            "id": "a" * 64,
            "name": "U-Net",
            "threshold": 0.5,
            "channels": ["vv", "vh"],
            "device": "cpu",
        }
        server.says(Says(hang_s=60.0))
        spec = f"{server.url}/invocations#name=Box&timeout_s=60"
        offered = Workspace(
            Settings(workspace.settings.sources, workspace.settings.data / "b", endpoints=(spec,), model=QUICK)
        )
        try:
            client, chip = create_app(offered).server.test_client(), offered.catalog.usable()[0].id
            query = {"model": spec, "click": "changed"}
            assert client.post(f"/transforms/{chip}/turn90", query_string=query).get_json() == {"pending": True}
            asked = {"model": spec, "threshold": 0.5, "formats": ["csv"], "chips": None}
            export = client.post("/exports", json=asked, headers={"X-Floodscope": "test"}).get_json()
            assert export["running"], export
            assert answered(lambda: offered.open_chip(chip, QUICK, "local"))["error"] is None
            client.delete(f"/exports/{export['id']}", headers={"X-Floodscope": "test"})
            server.stopped.set()
        finally:
            offered.close()


def test_outcomes_that_nobody_asks_for_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.workspace.clicks.KEPT_S", -1.0)
    clicks, begun = Clicks(), []

    def begin() -> Future[int]:
        begun.append(1)
        future = Future[int]()
        future.set_result(len(begun))
        return future

    assert clicks.result("a", "chip", begin, 1.0) == 1
    assert clicks.result("a", "chip", begin, 1.0) == 2
