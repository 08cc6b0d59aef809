"""A product that is clicked is laid onto a map beside all else; the click is answered at once, a later one predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rasterio.windows import Window

from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.tiles.products.safe_files import NAME, Safe, write_safe
from tests.waiting import eventually
from tiles.scenes import windows

pytestmark = pytest.mark.slow


def test_a_product_that_is_a_scene_is_drawn_from_its_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOODSCOPE_SCENES", str(tmp_path / "scenes"))
    monkeypatch.setattr(windows, "MAX_PIXELS", 100 * 100)
    source = write_safe(tmp_path, Safe(height=200, width=260))
    workspace = Workspace(Settings((source,), tmp_path / "data", model="backscatter"))
    try:
        said: set[str] = set()

        def opened() -> dict[str, Any]:
            answer = workspace.open_chip(NAME, "backscatter")
            said.add(str(answer["error"]))
            return answer

        answer = eventually(opened, lambda found: found["prediction"] and not found["pending"])
        assert any("laid onto a map" in one for one in said) and answer["scene"]["ready"]
        record = workspace.catalog.get(NAME).now()
        image = workspace.scenes.image(record)
        rows, cols = image.sizes[0]
        assert image.read(0, Window(0, 0, cols, rows))[..., 3].any() and (rows, cols) == (record.height, record.width)
    finally:
        workspace.close()


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
