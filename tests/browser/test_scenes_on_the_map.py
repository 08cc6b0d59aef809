"""A scene in the browser: a part of it first, said as such, then all of it; with the promises of a chip."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from axe import violations
from playwright.sync_api import expect
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from running import Dashboard, serving
from screen import ScreenMaker

ROWS, COLS, SIDE = 4000, 4500, 500
"""More pixels than an image may have that is held in memory."""


@pytest.fixture(scope="module")
def scene_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard of one scene: a lake over and over, with overviews and a label."""
    folder = tmp_path_factory.mktemp("scenes")
    row, col = np.mgrid[:SIDE, :SIDE] / SIDE
    lake = np.hypot(row - 0.45, col - 0.6) < 0.25
    vh = np.where(lake, -2600, -1600) + np.random.default_rng(0).integers(-300, 300, lake.shape)
    bands = [np.tile(band.astype(np.int16), (ROWS // SIDE, COLS // SIDE)) for band in (vh + 700, vh)]
    truth = np.tile(lake.astype(np.uint8), (ROWS // SIDE, COLS // SIDE))
    common = {"driver": "GTiff", "width": COLS, "height": ROWS, "crs": "EPSG:32633", "compress": "deflate", "zlevel": 1}
    common |= {
        "transform": from_origin(446_690, 5_905_940, 10, 10),
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
    }
    for name, data, how in (("big", bands, Resampling.average), ("big_label", [truth], Resampling.nearest)):
        with rasterio.open(folder / f"{name}.tif", "w", **common, count=len(data), dtype=data[0].dtype) as dataset:
            for number, band in enumerate(data, 1):
                dataset.write(band, number)
            if len(data) == 2:
                dataset.descriptions = ("VV", "VH")
            dataset.build_overviews([2, 4, 8], how)
    with serving(tmp_path_factory.mktemp("scenes-data"), folder) as dashboard:
        yield dashboard


def test_a_scene_is_predicted_where_it_is_looked_at_and_then_whole(
    scene_dashboard: Dashboard, screen: ScreenMaker, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(scene_dashboard).open(chip="big")
    panel, part = page.page.locator("#chip-panel"), page.page.locator("#scene-part")
    part.get_by_text(re.compile(r"\d.*% of the scene predicted")).wait_for()
    # What is in view is predicted, and then nobody asks any more.
    page.page.locator("#scene-view").wait_for()
    page.answered("big")  # of the whole view, and of its label
    page.painted("big", "imagery")
    page.painted("big")
    expect(panel.get_by_text("IoU", exact=True)).to_have_count(1)
    assert violations(page.page, "#panel") == []
    with page.no_request():
        page.slider("Threshold").focus()
        for _ in range(5):
            page.page.keyboard.press("ArrowRight")
    # Neither tables nor regions count a part of a scene for the scene.
    assert page.page.evaluate("() => floodscope.catalog.prediction('backscatter', 'big') === undefined")
    pixel = page.page.locator("#readout [data-fact=p]")
    box = page.page.locator("#map").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 - 40)
    pixel.get_by_text(re.compile(r"\d\.\d\d")).wait_for()

    page.page.locator("#scene-whole").focus()
    for _ in range(8):  # a key that is held: under it the button becomes Cancel
        page.page.keyboard.press("Enter")
        page.frames(2)
    assert page.page.evaluate("() => document.activeElement.id") == "chip-panel"
    part.wait_for(state="detached")
    page.until("() => floodscope.catalog.prediction('backscatter', 'big')?.valid_share === 1")
    page.painted("big")
    iou = panel.locator(".fs-figure-value").first.inner_text()
    # A link restores it, swipe and all, and nothing is asked while the handle moves.
    again = screen(scene_dashboard).open(**page.query | {"mode": "swipe"})
    again.painted("big")
    again.page.locator("#chip-panel").get_by_text(iou).first.wait_for()
    assert again.page.locator("#scene-part").count() == 0
    with again.no_request():
        again.page.locator("#swipe-handle").focus()
        for _ in range(4):
            again.page.keyboard.press("ArrowLeft")
    assert violations(again.page, "#panel") == []


def test_a_scene_stands_in_lists_as_a_chip_does_before_anybody_opens_it(
    scene_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    """It was predicted whole above: its score counts, its picture comes from its overviews, Explore counts squares of it."""
    page = kept_screen(scene_dashboard).open(tab="chips", list="grid")
    card = page.page.locator(".fs-card[data-chip=big]")
    card.get_by_text(re.compile(r"IoU [01]\.\d\d")).wait_for()
    expect(card.get_by_text("perhaps seen")).to_have_count(0)
    page.until("() => document.querySelector('.fs-card[data-chip=big] .fs-thumb-scene img')?.naturalWidth > 64")
    page.page.get_by_role("button", name="Explore", exact=True).or_(
        page.page.get_by_text("Explore", exact=True)
    ).first.click()
    told = page.page.locator("#explore-scenes")
    told.get_by_text(
        re.compile(r"1 scene is counted by squares spread over it: .* of 18\u2009000\u2009000 pixels")
    ).wait_for()
    expect(page.page.locator("#explore-failed")).to_have_count(0)
    # Its middle, changed, is one of the things that the panel shows.
    page.open(chip="big")
    page.answered("big")
    page.page.locator("#transforms summary").click()
    page.page.locator("#transforms-said", has_text="square in the middle of what was in view").wait_for()
    expect(page.page.locator(".fs-transform-scores")).to_have_count(page.page.locator(".fs-transform").count())


def test_a_scene_that_is_dropped_opens_where_it_lies_and_is_predicted_in_view(
    scene_dashboard: Dashboard, kept_screen: ScreenMaker, tmp_path: Path
) -> None:
    files = [tmp_path / f"sent{ending}" for ending in (".tif", "_label.tif")]
    for path in files:
        shutil.copy(scene_dashboard.sources[0] / path.name.replace("sent", "big"), path)
    page = kept_screen(scene_dashboard).open()
    page.page.locator("#add-images").click()
    page.page.locator("#uploads-files").set_input_files([str(path) for path in files])
    page.page.locator("#scene-part").get_by_text(re.compile(r"\d.*% of the scene predicted")).wait_for()
    assert page.query["chip"] == "sent"
    page.page.locator("#scene-view").wait_for()
    page.answered("sent")  # of the whole view, and of its label
    page.painted("sent", "imagery")
    page.painted("sent")
    expect(page.page.locator("#chip-panel").get_by_text("IoU", exact=True)).to_have_count(1)
    assert violations(page.page, "#uploads-dialog") == []
    page.page.keyboard.press("Escape")  # what was assumed of the files was told
    page.page.locator("#add-images").click()
    page.page.get_by_role("button", name="Remove sent", exact=True).click()
    page.page.get_by_role("button", name="Remove sent and its predictions for good").click()
    page.page.locator("#uploads-dialog .fs-notice", has_text="are removed").wait_for()
    page.until("() => floodscope.catalog.chips.size === 1")
