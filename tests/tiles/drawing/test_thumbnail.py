"""Thumbnails are whole chips, small: the colours of the map, and score pixels that are none but the chip's own."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from affine import Affine
from PIL import Image
from served import UTM, KeptPredictions, make_record

from tiles.drawing.composite import composite, score_pixels
from tiles.drawing.thumbnail import composite_thumbnail, score_thumbnail
from tiles.reading.door import read_chip


def pixels(png: bytes) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(Image.open(io.BytesIO(png)))


def test_score_thumbnails_hold_pixels_of_the_chip_alone(tmp_path: Path) -> None:
    record = make_record(tmp_path, shape=(300, 200))
    probability = KeptPredictions(tmp_path).predict(record)
    chip = read_chip(record)
    small = pixels(score_thumbnail(chip, probability))
    assert small.shape == (128, 85, 4)
    whole = np.moveaxis(score_pixels(probability, chip.label), 0, -1)
    assert {tuple(p) for p in small.reshape(-1, 4)} <= {tuple(p) for p in whole.reshape(-1, 4)}
    assert abs((small[..., 1] > 0).mean() - (whole[..., 1] > 0).mean()) < 0.02


def test_a_chip_no_larger_than_a_thumbnail_keeps_its_pixels(tmp_path: Path) -> None:
    chip = read_chip(make_record(tmp_path))
    small = pixels(composite_thumbnail(chip))
    whole = np.moveaxis(composite(chip), 0, -1)
    there = whole[..., 3] > 0
    assert np.array_equal(small[..., 3], whole[..., 3])
    assert np.array_equal(small[there], whole[there])


def test_north_is_above_whichever_way_the_rows_run(tmp_path: Path) -> None:
    down = make_record(tmp_path / "down")
    up = make_record(tmp_path / "up", transform=Affine(10, 0, 600_000, 0, 10, 5_199_000), crs=UTM[0])
    one, two = (pixels(composite_thumbnail(read_chip(r))) for r in (down, up))
    assert np.array_equal(one, two[::-1])
