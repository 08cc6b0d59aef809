"""A chip that a stream predicts is on an open page by itself, in its list of what is new, and a link opens it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from axe import violations
from playwright.sync_api import expect
from running import FLOODSCOPE, serving
from screen import ScreenMaker

from tiles.simulate import simulate


def test_an_open_page_shows_what_a_stream_brings_and_a_link_opens_it(tmp_path: Path, screen: ScreenMaker) -> None:
    chips, inbox = simulate(tmp_path / "chips", chips=3, size=96), tmp_path / "inbox"
    inbox.mkdir()
    with serving(tmp_path / "data", chips) as dashboard:
        page = screen(dashboard).open().page
        button = page.get_by_role("button", name="What is new")
        expect(page.locator("#whats-new")).to_be_attached()
        expect(button).to_be_hidden()
        image = shutil.copy(sorted(chips.rglob("*S1Hand.tif"))[0], inbox / "monday.tif")
        os.utime(image, (1e9, 1e9))
        more = ["--once", "--model", "backscatter", "--alert-above", "0", "--data", str(tmp_path / "data")]
        assert subprocess.run([FLOODSCOPE, "watch", inbox, *more], check=False).returncode == 3
        expect(button).to_be_visible()
        button.click()
        dialog = page.get_by_role("dialog", name="What is new")
        row = dialog.get_by_role("listitem")
        expect(row).to_have_count(1)
        expect(row).to_contain_text(re.compile(r"monday.*\d{4}-\d\d-\d\d \d\d:\d\d.*km².*alert above 0.0.%.*Alert"))
        assert violations(page) == []
        dialog.get_by_role("link", name="monday").click()
        expect(page.locator("#chip-panel")).to_contain_text("monday")
        expect(page).to_have_url(re.compile(r"chip=monday"))
