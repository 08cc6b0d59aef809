"""Changes of chips: image, label, validity and grid stay together, and the numbers are those of the formulas."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from model.evaluation.changes import CHANGES, DROPPED, SPECKLE_LOOKS, Change, blurred
from tiles.chip import Chip
from tiles.grid import Grid

BY_NAME = {change.name: change for change in CHANGES}
VIEWS = [change for change in CHANGES if change.family == "view"]


def chip_of(height: int = 40, width: int = 56, seed: int = 0) -> Chip:
    """A chip whose label and validity can be read off its VV: nothing may part them."""
    rng = np.random.default_rng(seed)
    vv = rng.normal(-12, 4, (height, width)).astype(np.float32)
    vh = vv - np.float32(7)
    valid = rng.random((height, width)) > 0.1
    label = np.where(vv < -14, 1, 0).astype(np.uint8)
    label[vv > -6] = 255
    vv[~valid] = vh[~valid] = np.nan
    grid = Grid(CRS.from_epsg(32632), Affine(10, 0, 600_000, 0, -10, 5_200_000), width, height)
    return Chip("c1", vv, vh, valid, label, grid)


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.name)
def test_a_changed_chip_is_still_a_chip_and_the_original_is_untouched(change: Change) -> None:
    chip = chip_of()
    before = [a.copy() for a in (chip.vv, chip.vh, chip.valid, chip.label)]  # type: ignore[union-attr]
    changed = change.apply(chip)
    assert changed.label is not None
    assert changed.vv.dtype == changed.vh.dtype == np.float32
    assert changed.valid.dtype == np.bool_
    assert changed.label.dtype == np.uint8
    assert changed.vv.shape == changed.vh.shape == changed.valid.shape == changed.label.shape == changed.grid.shape
    assert np.array_equal(np.isnan(changed.vv), ~changed.valid)
    assert np.array_equal(np.isnan(changed.vh), ~changed.valid)
    for array, old in zip((chip.vv, chip.vh, chip.valid, chip.label), before, strict=True):
        assert np.array_equal(array, old, equal_nan=array.dtype == np.float32)  # type: ignore[arg-type, union-attr]


@pytest.mark.parametrize("change", VIEWS, ids=lambda c: c.name)
def test_label_and_validity_are_turned_with_the_image(change: Change) -> None:
    """The capstone's mistake 11, at its root: the truth must stay under its own pixels in each view."""
    changed = change.apply(chip_of())
    vv, label = changed.vv[changed.valid], changed.label[changed.valid]  # type: ignore[index]
    assert np.array_equal(label == 1, vv < -14)
    assert np.array_equal(label == 255, vv > -6)


@pytest.mark.parametrize("change", VIEWS, ids=lambda c: c.name)
def test_every_pixel_stays_where_it_is_on_earth(change: Change) -> None:
    def places(chip: Chip) -> dict[float, tuple[float, float]]:
        rows, cols = np.mgrid[: chip.grid.height, : chip.grid.width] + 0.5
        x, y = chip.grid.transform @ (cols, rows)
        known = chip.valid
        return {float(v): (float(a), float(b)) for v, a, b in zip(chip.vv[known], x[known], y[known], strict=True)}

    assert places(change.apply(chip_of())) == places(chip_of())


def test_the_views_are_the_eight_symmetries_of_the_square() -> None:
    seen = {change.apply(chip_of(20, 20)).vv.tobytes() for change in VIEWS}
    assert len(VIEWS) == len(seen) == 8
    assert VIEWS[0].name == "turn0"


@pytest.mark.parametrize("size", [3, 5])
def test_blur_is_the_mean_of_the_valid_powers_around_a_pixel(size: int) -> None:
    chip, reach = chip_of(), size // 2
    found = BY_NAME[f"blur{size}"].apply(chip)
    assert np.array_equal(found.valid, chip.valid)
    for row, col in [(0, 0), (3, 7), (20, 30), (39, 55), (12, 0)]:
        if not chip.valid[row, col]:
            continue
        window = (slice(max(0, row - reach), row + reach + 1), slice(max(0, col - reach), col + reach + 1))
        power = 10 ** (chip.vh[window][chip.valid[window]].astype(np.float64) / 10)
        assert found.vh[row, col] == pytest.approx(10 * np.log10(power.mean()), abs=1e-4)


def test_blur_copes_with_the_brightest_beside_the_darkest_and_with_no_valid_pixel() -> None:
    band = np.full((16, 16), -60, np.float32)
    band[8, 8] = 40
    assert np.isfinite(blurred(band, np.ones_like(band, bool), 3)).all()
    assert blurred(band, np.ones_like(band, bool), 3)[0, 0] == pytest.approx(-60, abs=0.1)
    assert np.isnan(blurred(band, np.zeros_like(band, bool), 3)).all()


@pytest.mark.parametrize(("name", "db"), [("gain-1", -1.0), ("gain+1", 1.0)])
def test_gain_adds_a_decibel_to_both_bands(name: str, db: float) -> None:
    chip = chip_of()
    found = BY_NAME[name].apply(chip)
    for after, before in ((found.vv, chip.vv), (found.vh, chip.vh)):
        assert np.allclose((after - before)[chip.valid], db, atol=1e-5)


def test_extra_speckle_keeps_the_mean_power_and_has_the_variance_of_its_looks() -> None:
    chip = chip_of(400, 400)
    found = BY_NAME["speckle"].apply(chip)
    for after, before in ((found.vv, chip.vv), (found.vh, chip.vh)):
        factor = 10 ** ((after - before)[chip.valid].astype(np.float64) / 10)
        assert factor.mean() == pytest.approx(1.0, abs=0.01)
        assert factor.var() == pytest.approx(1 / SPECKLE_LOOKS, rel=0.03)
    bands = [(after - before)[chip.valid] for after, before in ((found.vv, chip.vv), (found.vh, chip.vh))]
    assert abs(np.corrcoef(bands)[0, 1]) < 0.02  # each band has its own


def test_dropped_pixels_become_invalid_and_no_others_do() -> None:
    chip = chip_of(400, 400)
    found = BY_NAME["dropout"].apply(chip)
    assert not (found.valid & ~chip.valid).any()
    assert 1 - found.valid.sum() / chip.valid.sum() == pytest.approx(DROPPED, abs=0.005)
    assert np.array_equal(found.vv[found.valid], chip.vv[found.valid])


@pytest.mark.parametrize("name", ["speckle", "dropout"])
def test_what_is_random_follows_the_seed_and_the_chip(name: str) -> None:
    chip, change = chip_of(), BY_NAME[name]
    first = change.apply(chip, seed=1)
    assert np.array_equal(first.vv, change.apply(chip, seed=1).vv, equal_nan=True)
    assert not np.array_equal(first.vv, change.apply(chip, seed=2).vv, equal_nan=True)
