"""A first visit of the demo: one chip open and predicted, three sentences beside it, gone for good when closed."""

from __future__ import annotations

from pathlib import Path

from axe import violations
from playwright.sync_api import expect
from running import serving
from screen import ScreenMaker

CHIP = "India_sim0002"


def test_the_demo_opens_on_a_chip_and_says_what_it_is_until_that_is_closed(screen: ScreenMaker, tmp_path: Path) -> None:
    with serving(tmp_path, verb="demo", options=("--chips", "3")) as demo:
        page = screen(demo).open(tab="models")
        expect(page.page.locator("#model-dot")).to_have_attribute("data-state", "ready")
        assert page.page.locator("#welcome").count() == 0  # a link says what to show
        page.open()
        page.answered(CHIP)
        page.painted(CHIP)
        card = page.page.get_by_role("region", name="What this is")
        assert card.locator("p").count() == 3
        assert violations(page.page) == []
        card.get_by_role("button").focus()
        page.page.keyboard.press("Enter")
        expect(card).to_have_count(0)
        page.open()
        page.quiet()
        assert card.count() == 0
        assert page.page.evaluate("floodscope.state.get().chip") is None
        page.page.goto("about:blank")
