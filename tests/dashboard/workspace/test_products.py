"""A product that is clicked is laid onto a map beside all else; the click is answered at once, a later one predicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.tiles.products.safe_files import NAME, Safe, write_safe
from tests.waiting import eventually


def test_a_click_on_a_product_is_told_of_its_map_and_a_later_one_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOODSCOPE_SCENES", str(tmp_path / "scenes"))
    source = write_safe(tmp_path, Safe(height=200, width=260))
    workspace = Workspace(Settings((source,), tmp_path / "data", model="backscatter"))
    try:
        first = workspace.open_chip(NAME, "backscatter")
        assert first["prediction"] is None
        assert "laid onto a map" in first["error"]
        assert "unusable" not in first
        answer = eventually(lambda: workspace.open_chip(NAME, "backscatter"), lambda found: found["prediction"])
        assert any("no terrain correction" in note for note in answer["prediction"]["notes"])
    finally:
        workspace.close()
