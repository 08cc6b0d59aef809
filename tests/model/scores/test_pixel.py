"""One pixel, the spread of backscatter, the agreement of two predictions: counts that numpy repeats."""

from __future__ import annotations

import numpy as np
import pytest
from test_area import GRIDS, centres, chip_of

from model.scores.disagreement import agreement
from model.scores.pixel import BIN_DB, BINS, LOWEST_DB, pixel_at, spread
from tiles.chip import CLASSES, Chip


@pytest.mark.parametrize("name", GRIDS)
def test_the_pixel_at_its_centre_is_itself(name: str) -> None:
    grid = GRIDS[name]
    chip, probability = chip_of(grid)
    assert chip.label is not None
    lon, lat = centres(grid)
    random = np.random.default_rng(3)
    for _ in range(50):
        row, column = int(random.integers(grid.height)), int(random.integers(grid.width))
        pixel = pixel_at(chip, (probability, probability[::-1]), float(lon[row, column]), float(lat[row, column]))
        assert pixel is not None
        assert (pixel.row, pixel.column) == (row, column)
        if chip.valid[row, column]:
            assert (pixel.vv, pixel.vh) == (chip.vv[row, column], chip.vh[row, column])
            assert pixel.values[0] == probability[row, column]
        else:
            assert (pixel.vv, pixel.vh, pixel.values[0]) == (None, None, None)
        other = int(probability[grid.height - 1 - row, column])
        assert pixel.values[1] == (None if other == 255 else other)
        assert pixel.label == {0: 0, 1: 1, 255: None}[int(chip.label[row, column])]
        assert np.mean(pixel.ring, axis=0) == pytest.approx((lon[row, column], lat[row, column]), abs=1e-6)


@pytest.mark.parametrize("name", GRIDS)
def test_a_place_beside_the_chip_has_no_pixel(name: str) -> None:
    grid = GRIDS[name]
    chip, _ = chip_of(grid)
    west, south, east, north = grid.footprint().bounds
    for place in ((west - 0.01, south), (east + 0.01, north), (west, north + 0.01), (0.0, 90.0), (-300.0, 12.0)):
        assert pixel_at(chip, (), *place) is None
    middle = (west + 0.5013 * (east - west), south + 0.5017 * (north - south))
    assert pixel_at(chip, (), *middle) == pixel_at(chip, (), middle[0] + 360, middle[1])


@pytest.mark.parametrize("labelled", [True, False])
def test_the_spread_counts_every_valid_pixel_in_its_bin_class_and_value(labelled: bool) -> None:
    chip, probability = chip_of(GRIDS["UTM"])
    if not labelled:
        chip = Chip(chip.id, chip.vv, chip.vh, chip.valid, None, chip.grid)
    counts = spread(chip, probability)
    assert counts.shape == (2, len(CLASSES), BINS, 255)
    assert counts.sum(axis=(1, 2, 3)).tolist() == [chip.valid.sum()] * 2
    label = np.full(chip.grid.shape, 255) if chip.label is None else chip.label
    for n, (name, band) in enumerate((("vv", chip.vv), ("vh", chip.vh))):
        edges = LOWEST_DB[name] + BIN_DB * np.arange(BINS + 1)
        edges[0], edges[-1] = -np.inf, np.inf
        for c, value in enumerate((0, 1, 255)):
            for level in (0, 100, 254):
                chosen = chip.valid & (label == value) & (probability >= level)
                expected, _ = np.histogram(band[chosen], bins=edges)
                assert np.array_equal(counts[n, c, :, level:].sum(axis=1), expected)


def test_agreement_follows_at_every_threshold() -> None:
    _, one = chip_of(GRIDS["UTM"], seed=1)
    _, other = chip_of(GRIDS["UTM"], seed=2)
    a, b, both = agreement(one, other)
    valid = (one != 255) & (other != 255)
    for level in (0, 1, 60, 127, 254):
        wet = both[level:].sum()
        assert wet == (valid & (one >= level) & (other >= level)).sum()
        assert a[level:].sum() - wet == (valid & (one >= level) & (other < level)).sum()
        assert b[level:].sum() - wet == (valid & (one < level) & (other >= level)).sum()
