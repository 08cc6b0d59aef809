"""Augmentation changes image, label and validity together, and nothing by chance alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.training.augment import Augmentation, Crop, augment, random_crop

EVERYTHING = Augmentation(
    symmetries=True, zoom=0.4, gain_db=1.0, band_gain_db=0.7, contrast=0.1, speckle_looks=6.0, blur=0.5
)


def chip(size: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    """A chip without any symmetry: water is 20 dB darker than land, a wedge has no data, a corner no truth."""
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    water = (row + 2 * column < size) | ((row > size * 0.7) & (column < size * 0.4))
    image = torch.where(water, -35.0, -15.0).repeat(2, 1, 1)
    label = water.to(torch.uint8)
    label[: size // 8, -size // 4 :] = 255
    nothing = row - column > size * 0.8
    image[:, nothing] = float("nan")
    label[nothing] = 255
    return image, label


@pytest.mark.parametrize("seed", range(40))
def test_image_and_label_are_turned_together(seed: int) -> None:
    image, label = chip()
    rng = np.random.default_rng(seed)
    crop = augment(random_crop(image, label, 32, EVERYTHING.zoom, 0.2, rng), EVERYTHING, rng)
    # The same draws without the changes of values: a perfect predictor stays perfect, dark is water and bright is land.
    rng = np.random.default_rng(seed)
    clean = augment(random_crop(image, label, 32, EVERYTHING.zoom, 0.2, rng), Augmentation(symmetries=True), rng)
    assert torch.equal(clean.label, crop.label)
    for one in (clean, crop):
        known = one.label != 255
        assert bool(known.any())
        assert torch.equal(one.valid, ~torch.isnan(one.image).any(0))
        assert not bool((known & ~one.valid).any())
    known = clean.label != 255
    assert torch.equal((clean.image[0] < -25.0) & known, (clean.label == 1) & known)


def test_a_seed_gives_one_crop_and_another_seed_another() -> None:
    image, label = chip()

    def draw(seed: int) -> Crop:
        rng = np.random.default_rng(seed)
        return augment(random_crop(image, label, 32, 0.3, 0.0, rng), EVERYTHING, rng)

    one, same, other = draw(1), draw(1), draw(2)
    assert torch.equal(one.label, same.label)
    assert torch.equal(torch.nan_to_num(one.image), torch.nan_to_num(same.image))
    assert not torch.equal(torch.nan_to_num(one.image), torch.nan_to_num(other.image))


def test_without_augmentation_a_crop_is_a_part_of_the_chip() -> None:
    image, label = chip()
    rng = np.random.default_rng(0)
    crop = augment(random_crop(image, label, 16, 0.0, 0.0, rng), Augmentation(), rng)
    places = [
        (row, column)
        for row in range(33)
        for column in range(33)
        if torch.equal(label[row : row + 16, column : column + 16], crop.label)
        and torch.equal(torch.nan_to_num(image[:, row : row + 16, column : column + 16]), torch.nan_to_num(crop.image))
    ]
    assert places


def test_the_values_of_elevation_are_left_alone() -> None:
    image, label = chip()
    elevation = torch.arange(48.0).repeat(48, 1)[None]
    settings = Augmentation(gain_db=5.0, contrast=0.5, speckle_looks=3.0, blur=1.0)
    rng = np.random.default_rng(3)
    crop = augment(Crop(torch.cat([image, elevation]), label, ~torch.isnan(image[0])), settings, rng, bands=2)
    assert torch.equal(crop.image[2], elevation[0])
    assert not torch.equal(torch.nan_to_num(crop.image[0]), torch.nan_to_num(image[0]))


def test_a_chip_smaller_than_the_crop_lies_on_ground_without_data() -> None:
    image, label = chip(24)
    crop = random_crop(image, label, 32, 0.0, 0.0, np.random.default_rng(0))
    assert crop.image.shape == (2, 32, 32)
    assert not bool(crop.valid[24:].any())
    assert bool((crop.label[:, 24:] == 255).all())


def test_a_crop_is_looked_for_where_the_truth_is_known() -> None:
    image, label = chip(64)
    label[:, :40] = 255
    shares = [
        float((random_crop(image, label, 16, 0.0, 0.9, np.random.default_rng(seed)).label != 255).float().mean())
        for seed in range(30)
    ]
    assert np.mean(shares) > 0.5  # a third of all places would have as much


def test_blur_averages_power_of_pixels_with_data_only() -> None:
    image = torch.full((2, 5, 5), float("nan"))
    image[:, 2, 2], image[:, 2, 3] = -10.0, -20.0
    crop = augment(
        Crop(image, torch.zeros(5, 5, dtype=torch.uint8), ~torch.isnan(image[0])),
        Augmentation(blur=1.0),
        np.random.default_rng(0),
    )
    mean_db = 10 * np.log10((10**-1 + 10**-2) / 2)
    assert crop.image[0, 2, 2].item() == pytest.approx(mean_db, abs=1e-4)
    assert int(torch.isfinite(crop.image[0]).sum()) == 2
