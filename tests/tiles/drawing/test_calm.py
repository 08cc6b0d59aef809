"""The calm view: water has one look, speckle is less, edges and what was measured stay."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from tiles.chip import Chip
from tiles.drawing import calm as module
from tiles.drawing.calm import calm, coloured, smoothed
from tiles.grid import Grid
from tiles.palette import Colour

LOOKS = 4.4


def _chip(vv: np.ndarray, vh: np.ndarray) -> Chip:
    valid = np.isfinite(vv) & np.isfinite(vh)
    height, width = vv.shape
    grid = Grid(CRS.from_epsg(32632), Affine(10, 0, 6e5, 0, -10, 5e6), width, height)
    return Chip("c", vv.astype(np.float32), vh.astype(np.float32), valid, None, grid)


def _speckled(decibels: float, seed: int, shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(decibels + 10 * np.log10(rng.gamma(LOOKS, 1 / LOOKS, shape))).astype(np.float32)


def _colour(vv: float, vh: float) -> Colour:
    red, green, blue = (int(part) for part in coloured(np.array(vv), np.array(vh)))
    return red, green, blue


@pytest.mark.parametrize("vv", [-24.0, -20.0, -16.0, -12.0], ids=["calm", "breeze", "wind", "storm"])
def test_open_water_is_dark_blue_with_wind_or_without(vv: float) -> None:
    red, green, blue = _colour(vv, -26.0)
    assert blue > green > red
    assert max(red, green, blue) < 128


def test_land_is_a_light_grey() -> None:
    colour = _colour(-9.0, -15.0)
    assert max(colour) - min(colour) < 16
    assert min(colour) > 128


def test_speckle_goes_and_an_edge_stays_where_it_is() -> None:
    field = _speckled(-8.0, 1)
    field[:, :32] = _speckled(-22.0, 2)[:, :32]
    out = smoothed(field, np.ones_like(field, dtype=np.bool_))
    assert out[:, 40:].std() < 0.6 * field[:, 40:].std()
    assert out[:, :24].std() < 0.6 * field[:, :24].std()
    assert out[:, 31].mean() < -13 < -11 < out[:, 32].mean()


def test_strips_are_smoothed_as_the_whole_is(monkeypatch: pytest.MonkeyPatch) -> None:
    field = _speckled(-12.0, 3, (60, 40))
    valid = np.random.default_rng(4).random(field.shape) > 0.1
    whole = smoothed(field, valid)
    monkeypatch.setattr(module, "ROWS", 7)
    assert np.allclose(smoothed(field, valid), whole, atol=1e-4)


def test_what_has_no_data_is_transparent_and_darkens_nothing_beside_it() -> None:
    vv, vh = np.full((9, 9), -8.0), np.full((9, 9), -14.0)
    vv[:, 4:] = np.nan
    rgba = calm(_chip(vv, vh))
    assert rgba[3].tolist() == [[255] * 4 + [0] * 5] * 9
    assert {tuple(pixel) for pixel in rgba[:3, :, :4].reshape(3, -1).T} == {_colour(-8.0, -14.0)}
