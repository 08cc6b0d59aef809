"""Scenes in lists: thumbnails from overviews that are there, statistics from squares; nothing is made or read whole for them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from chips import lake
from PIL import Image
from rasterio.windows import Window
from test_scene_tiles import SIDE, Whole, ready, small, write

from tiles.catalog.catalog import open_catalog
from tiles.chip import ByteArray, ChipRecord
from tiles.drawing.scenes import Scenes
from tiles.drawing.statistics import statistics_of, statistics_of_scene
from tiles.drawing.thumbnail import composite_thumbnail, scene_scores, scene_thumbnail, score_thumbnail
from tiles.reading.door import read_chip
from tiles.scenes import image as image_of
from tiles.scenes.windows import Scene

pytestmark = pytest.mark.slow


def pixels(png: bytes) -> ByteArray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def apart(one: ByteArray, other: ByteArray) -> float:
    """Return how far colours differ where both pictures have some, of 255."""
    both = (one[..., 3] == 255) & (other[..., 3] == 255)
    assert one.shape == other.shape and both.mean() > 0.9
    return float(np.abs(one[both].astype(int) - other[both].astype(int)).mean())


def record_in(folder: Path, *, overviews: bool) -> ChipRecord:
    return open_catalog([write(folder, overviews=overviews)]).records()[0].now()


@pytest.mark.parametrize("opened", [False, True])
def test_a_scene_with_overviews_has_the_thumbnail_of_a_chip_whether_it_was_opened_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: bool
) -> None:
    record = record_in(tmp_path / "source", overviews=True)
    chip = read_chip(record)
    small(monkeypatch)
    scenes = Scenes(tmp_path / "pyramids")
    if opened:
        ready(scenes, record)
    image, label, known = scenes.at_hand(record)
    assert image is not None and known is opened  # what a label's numbers mean is decided when it is opened
    whole, scene = pixels(composite_thumbnail(chip)), pixels(scene_thumbnail(image))
    assert apart(whole, scene) < 12
    assert not (tmp_path / "pyramids").exists()
    if opened:
        probability, _ = Whole().levels(record, "0")
        found = pixels(scene_scores(probability, label))
        expected = pixels(
            score_thumbnail(chip, np.where(chip.valid, np.where(lake(SIDE), 254, 0), 255).astype(np.uint8))
        )
        data = expected[..., 3] > 0
        assert (
            np.abs(found[data].astype(int) - expected[data]).max(axis=1) == 0
        ).mean() > 0.97  # of an overview's pixels


def test_a_scene_without_overviews_has_no_thumbnail_until_it_was_opened_and_none_is_made_for_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = record_in(tmp_path / "source", overviews=False)
    chip = read_chip(record)
    small(monkeypatch)
    scenes, folder = Scenes(tmp_path / "pyramids"), tmp_path / "pyramids"
    assert scenes.at_hand(record) == (None, None, False)
    assert not folder.exists() and not scenes._entries
    ready(scenes, record)
    image, label, known = Scenes(folder).at_hand(record)  # of a server that was started anew
    assert image is not None and label is not None and known
    assert apart(pixels(composite_thumbnail(chip)), pixels(scene_thumbnail(image))) < 12


def test_a_scene_is_counted_by_squares_spread_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = record_in(tmp_path / "source", overviews=False)
    whole = statistics_of(read_chip(record))
    small(monkeypatch)
    monkeypatch.setattr(image_of, "_LOOK", 40)
    scene = Scene(record)
    found = statistics_of_scene(scene)
    assert found.pixels.sum() == 64 * 40 * 40
    for one, other in zip(found.pixels / found.pixels.sum(), whole.pixels / whole.pixels.sum(), strict=True):
        assert one == pytest.approx(other, abs=0.08)
    assert found.histograms[0].sum() == found.pixels[:3].sum()
    water, expected = found.histograms[1, 1], whole.histograms[1, 1]
    assert np.argmax(water) == pytest.approx(np.argmax(expected), abs=3)
    held = Scene(record)
    held.whole = held.read(Window(0, 0, SIDE, SIDE))
    assert (statistics_of_scene(held).pixels == statistics_of(held.whole).pixels).all()
