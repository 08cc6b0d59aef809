"""The pixels of every layer, value by value."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from tiles.chip import Chip
from tiles.drawing.composite import COMPOSITE_RANGE, NODATA_YELLOW, composite, score_pixels, single_band
from tiles.grid import Grid


def _chip(vv: list[float], vh: list[float]) -> Chip:
    a, b = np.array([vv], np.float32), np.array([vh], np.float32)
    valid = np.isfinite(a) & np.isfinite(b)
    grid = Grid(CRS.from_epsg(32632), Affine(10, 0, 6e5, 0, -10, 5e6), len(vv), 1)
    return Chip("c", a, b, valid, None, grid)


def test_the_ends_of_each_range_are_black_and_white() -> None:
    rgba = composite(_chip([-23.0, 0.0], [-28.0, -5.0]))
    assert rgba[0, 0].tolist() == [0, 255]
    assert rgba[1, 0].tolist() == [0, 255]


def test_values_beyond_a_range_are_clipped() -> None:
    rgba = composite(_chip([-60.0, 20.0], [-60.0, 10.0]))
    assert rgba[0, 0].tolist() == [0, 255]
    assert rgba[1, 0].tolist() == [0, 255]


def test_blue_is_the_quotient_of_the_decibels() -> None:
    rgba = composite(_chip([-10.0, -4.0, -25.0], [-20.0, -20.0, -20.0]))
    low, high = COMPOSITE_RANGE["ratio"]
    assert rgba[2, 0].tolist() == [round((0.5 - low) / (high - low) * 255), 0, 255]


def test_a_vh_of_zero_decibels_divides_nothing_by_nothing_without_a_warning() -> None:
    with np.errstate(all="raise"):
        rgba = composite(_chip([-5.0, 1e-30], [1e-30, 1e-30]))
    assert rgba[3, 0].tolist() == [255, 255]


def test_the_composite_is_the_formula_computed_in_double_precision() -> None:
    rng = np.random.default_rng(4)
    vv, vh = rng.uniform(-30, 5, 4000), rng.uniform(-35, -1, 4000)
    chip = _chip(vv.tolist(), vh.tolist())
    rgba = composite(chip)
    quotient = chip.vv.astype(float) / chip.vh.astype(float)
    for channel, (values, key) in enumerate([(chip.vv, "vv"), (chip.vh, "vh"), (quotient, "ratio")]):
        low, high = COMPOSITE_RANGE[key]
        exact = np.clip((values.astype(float) - low) / (high - low) * 255, 0, 255)
        assert np.abs(rgba[channel] - exact).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("yellow", [False, True])
def test_pixels_without_data_are_transparent_or_yellow_as_asked(yellow: bool) -> None:
    rgba = composite(_chip([np.nan, -10.0], [np.nan, -15.0]), yellow_nodata=yellow)
    assert rgba[:, 0, 0].tolist() == ([*NODATA_YELLOW, 255] if yellow else [0, 0, 0, 0])
    assert rgba[3, 0, 1] == 255


def test_a_single_band_has_the_grey_of_its_channel_in_the_composite() -> None:
    chip = _chip([-20.0, -11.5, np.nan], [-25.0, -14.0, np.nan])
    rgba = composite(chip)
    for channel, band in enumerate(("vv", "vh")):
        grey, alpha = single_band(chip, band)  # type: ignore[arg-type]
        assert np.array_equal(grey, rgba[channel])
        assert np.array_equal(alpha, rgba[3])


def test_a_score_pixel_says_probability_label_and_whether_it_is_known() -> None:
    probability = np.array([[0, 127, 254, 200, 255]], np.uint8)
    label = np.array([[0, 1, 255, 1, 1]], np.uint8)
    r, g, b, a = score_pixels(probability, label)
    assert r.tolist() == [[0, 127, 254, 200, 0]]
    assert g.tolist() == [[0, 255, 0, 255, 0]]
    assert b.tolist() == [[255, 255, 0, 255, 0]]
    assert a.tolist() == [[255, 255, 255, 255, 0]]


def test_a_chip_without_a_label_has_score_pixels_that_know_no_truth() -> None:
    probability = np.arange(256, dtype=np.uint8).reshape(16, 16)
    r, g, b, a = score_pixels(probability, None)
    assert not g.any() and not b.any()
    assert np.array_equal(r[a == 255], probability[probability != 255])
    assert (a == 0).sum() == 1


def test_every_pair_of_probability_and_label_is_told_apart_by_its_pixel() -> None:
    probability, label = np.meshgrid(np.arange(255, dtype=np.uint8), np.array([0, 1, 255], np.uint8))
    pixels = score_pixels(probability, label).reshape(4, -1).T
    assert len(np.unique(pixels, axis=0)) == 255 * 3
