"""The dashboard as `make demo` opens it: with the model that comes with the program."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
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


def test_a_click_is_answered_by_the_shipped_network(shipped_dashboard: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(shipped_dashboard).open()
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


def test_an_image_that_is_dropped_tells_how_far_to_trust_it_without_a_click_more(
    shipped_dashboard: Dashboard, kept_screen: ScreenMaker, tmp_path: Path
) -> None:
    (image,) = simulate(tmp_path / "own", chips=1, size=128, seed=99).rglob("*_S1Hand.tif")
    page = kept_screen(shipped_dashboard).open()
    page.page.evaluate(
        """base64 => {
          const files = new DataTransfer();
          files.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], "my_river.tif"));
          document.querySelector("#map").dispatchEvent(
            new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
        }""",
        base64.b64encode(image.read_bytes()).decode(),
    )
    page.answered("my_river")
    figures = page.figures()
    assert set(figures) == {"Water", "95 % range"}
    assert figures["Water"][0].endswith("km²") and "seen" in figures["Water"][1]
    assert figures["95 % range"][0].endswith("km²")
    trust = page.page.locator("#chip-panel .fs-trust")
    expect(trust).to_contain_text("The range is from the model's error on 196 chips of 3 sources")
    expect(trust).to_contain_text("Known failures: misses flooded vegetation")
    held_out = read_bundle(WEIGHTS).scores["cross_validation"]["micro"]["iou"]
    rows = page.rows()
    assert rows["Held out over all"].startswith(f"IoU {held_out:.2f}")
    page.set_threshold(0)
    expect(trust).to_contain_text("the water drawn is above the range")
    assert page.figures()["95 % range"] == figures["95 % range"], "it is of the probabilities, not of the threshold"
