"""The dashboard as `make demo` opens it: with the model that comes with the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import serving
from screen import ScreenMaker

from model.bundle import read_bundle
from model.weights import WEIGHTS
from tiles.simulate import simulate


def test_a_click_is_answered_by_the_shipped_network(
    screen: ScreenMaker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("shipped")
    bundle = read_bundle(WEIGHTS)
    with serving(folder / "data", simulate(folder / "chips", chips=2, seed=5, size=256), model=None) as dashboard:
        page = screen(dashboard).open()
        chip = sorted(page.page.evaluate("[...floodscope.book.chips.keys()]"))[0]
        page.choose_in_table(chip)
        page.answered(chip)
        page.painted(chip)
        rows = page.rows()
        assert (rows["Model"], rows["Device"]) == (bundle.name, "cpu")
        assert page.page.evaluate("floodscope.book.opened.model") == "floodscope"
