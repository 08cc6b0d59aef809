"""A large simulated scene: seamless, the same every time, with its truth, and recognised as simulated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tiles.catalog.catalog import open_catalog
from tiles.errors import OutputError, UsageError
from tiles.reading.door import read_chip
from tiles.simulate import simulate
from tiles.simulate.folder import simulate_scene
from tiles.simulate.large import CELL, _white, noise

WIDTH, HEIGHT = 1100, 700


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_scene(tmp_path_factory.mktemp("scene") / "made", WIDTH, HEIGHT, 3)


def test_it_is_a_chip_with_its_truth(scene: Path) -> None:
    (record,) = open_catalog([scene]).records()
    assert record.simulated and record.problem is None and (record.width, record.height) == (WIDTH, HEIGHT)
    chip = read_chip(record)
    assert chip.label is not None and chip.label_problem is None
    assert np.array_equal(chip.label != 255, chip.valid) and 0.5 < chip.valid.mean() < 1
    water = chip.valid & (chip.label == 1)
    assert 0.01 < water.mean() < 0.95  # of so small a part of a landscape most may be flooded
    assert np.median(chip.vh[water]) < np.median(chip.vh[chip.valid & ~water]) - 5


def test_the_same_seed_gives_the_same_pixels_and_another_gives_others(scene: Path, tmp_path: Path) -> None:
    pixels = []
    for out in (
        scene,
        simulate_scene(tmp_path / "again", WIDTH, HEIGHT, 3),
        simulate_scene(tmp_path / "b", WIDTH, HEIGHT, 4),
    ):
        with rasterio.open(out / "scene.tif") as dataset:
            pixels.append(dataset.read())
    assert np.array_equal(pixels[0], pixels[1]) and not np.array_equal(pixels[0], pixels[2])


def test_squares_fit_to_each_other() -> None:
    left, right = _white(1, 100, 2, 3), _white(1, 100, 2, 4)
    np.testing.assert_array_equal(left[:, CELL:], right[:, :8])
    above, below = _white(1, 100, 2, 3), _white(1, 100, 3, 3)
    np.testing.assert_array_equal(above[CELL:], below[:8])
    rows, cols = np.arange(400.0, 700.0), np.arange(-40.0, 200.0)
    whole = noise(5, 1, rows, cols, 90.0)
    np.testing.assert_allclose(noise(5, 1, rows[100:], cols[30:], 90.0), whole[100:, 30:], atol=1e-5)


@pytest.mark.parametrize(
    ("width", "height", "seed", "said"),
    [(100, 700, 0, "100 x 700"), (700, 200_000, 0, "200000"), (700, 700, -1, "seed -1")],
)
def test_wrong_sizes_are_refused_with_a_sentence(tmp_path: Path, width: int, height: int, seed: int, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        simulate_scene(tmp_path / "x", width, height, seed)
    assert not (tmp_path / "x").exists()


def test_other_chips_are_not_lost(tmp_path: Path) -> None:
    simulate(tmp_path / "chips", chips=1, size=64)
    with pytest.raises(OutputError, match="--replace"):
        simulate_scene(tmp_path / "chips", 600, 600)
