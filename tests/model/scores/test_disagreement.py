"""Disagreement of two models is a plain count of pixels, at every threshold."""

from __future__ import annotations

import numpy as np
import pytest

from model.scores.disagreement import Disagreement
from tiles.probability import level


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.77, 1.0])
def test_pixels_apart_are_those_wet_in_one_mask_alone(threshold: float) -> None:
    random = np.random.default_rng(7)
    one, two = (random.integers(0, 256, (40, 50)).astype(np.uint8) for _ in range(2))
    found = Disagreement.from_bytes(Disagreement.of(one, two).to_bytes())
    there = (one != 255) & (two != 255)
    wet = [(raster >= level(threshold)) & there for raster in (one, two)]
    v = level(threshold)
    assert found.higher[v:].sum() - found.lower[v:].sum() == np.count_nonzero(wet[0] ^ wet[1])
    assert found.pixels == np.count_nonzero(there)


def test_rasters_of_two_chips_and_damaged_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="not of one chip"):
        Disagreement.of(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8))
    with pytest.raises(ValueError, match="2040 bytes"):
        Disagreement.from_bytes(b"short")
