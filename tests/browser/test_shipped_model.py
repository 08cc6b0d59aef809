"""The dashboard as `make demo` opens it: with the model that comes with the program."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running import Dashboard, serving
from screen import ScreenMaker

from model.bundle.manifest import read_bundle
from model.weights import SHIPPED, WEIGHTS
from tiles.simulate import simulate


@pytest.fixture(scope="module")
def shipped_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard that was told no model."""
    folder = tmp_path_factory.mktemp("shipped")
    with serving(folder / "data", simulate(folder / "chips", chips=2, seed=5, size=256), model=None) as dashboard:
        yield dashboard


def test_a_click_is_answered_by_the_shipped_network(shipped_dashboard: Dashboard, screen: ScreenMaker) -> None:
    page = screen(shipped_dashboard).open()
    chip = sorted(page.page.evaluate("[...floodscope.catalog.chips.keys()]"))[0]
    page.choose_in_table(chip)
    page.answered(chip)
    page.painted(chip)
    rows = page.rows()
    assert (rows["Model"], rows["Device"]) == (read_bundle(WEIGHTS).name, "cpu")
    assert page.page.evaluate("floodscope.catalog.opened.model") == SHIPPED
    page.tab("Models")
    card = page.page.locator(".fs-model-card", has_text="(in use)")
    card.locator("summary").click()
    card.get_by_text("Trained on").wait_for()
    assert "marks water, not flood" in card.inner_text()
    assert "not on offer" not in card.inner_text()
