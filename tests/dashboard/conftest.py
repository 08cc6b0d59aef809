"""Fixtures of the dashboard's tests."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from command_line import Run, call_floodscope, run_floodscope

from tests.waiting import PATIENCE_S
from tiles.simulate import simulate


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven simulated chips of 128 x 128 pixels in the Sen1Floods11 layout."""
    return simulate(tmp_path_factory.mktemp("simulated") / "chips", chips=11, size=128)


@pytest.fixture(autouse=True)
def patient_clicks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a click wait for its answer as long as a busy machine may take; a test of one that does not come sets less."""
    monkeypatch.setattr("dashboard.workspace.workspace.CLICK_WAIT_S", PATIENCE_S)


@pytest.fixture
def process() -> Run:
    """Run the floodscope command as a process, and return what it printed and its exit code."""
    return run_floodscope


@pytest.fixture
def floodscope(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the floodscope command in this process, and return what it printed and its exit code."""
    return partial(call_floodscope, capfd)
