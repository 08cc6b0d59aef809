"""Augmentation: one random change of a crop, applied to image, label and validity together.

Every random number comes from the generator that is handed in, so a sample is the same on any worker and after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.predictors.views import D4


@dataclass(frozen=True)
class Augmentation:
    """How far a crop may be changed. The default changes nothing; each field switches one change on.

    Attributes:
        symmetries: one of the eight flips and quarter turns, each as likely (image, label and validity alike).
        zoom: the crop shows up to exp(zoom) times more or less ground; nearest neighbour, so speckle stays speckle.
        gain_db: standard deviation of an offset common to both polarizations, dB: calibration, incidence angle, moisture.
        band_gain_db: standard deviation of a further offset of each polarization, dB.
        contrast: standard deviation of the logarithm of a factor on each band's spread about its mean.
        speckle_looks: fewest looks of extra speckle, multiplicative gamma in linear power, given to every second crop; 0 is
            none. More looks are less speckle.
        blur: share of crops whose linear power is averaged over 3 x 3 pixels.
    """

    symmetries: bool = False
    zoom: float = 0.0
    gain_db: float = 0.0
    band_gain_db: float = 0.0
    contrast: float = 0.0
    speckle_looks: float = 0.0
    blur: float = 0.0


@dataclass(frozen=True)
class Crop:
    """A square part of a chip.

    Attributes:
        image: float32 (C, S, S), in each channel's unit, NaN where `valid` is False.
        label: uint8 (S, S), 0 dry, 1 water, 255 unknown.
        valid: bool (S, S).
    """

    image: Tensor
    label: Tensor
    valid: Tensor


# Looks that extra speckle may have beyond the fewest, as a factor.
_LOOKS_SPREAD = 5.0


def augment(crop: Crop, settings: Augmentation, rng: np.random.Generator, bands: int = 2) -> Crop:
    """Return the crop as another view and another acquisition might have shown it.

    Args:
        crop: square.
        settings: how far it may be changed.
        rng: the only source of randomness.
        bands: number of leading channels that are backscatter in dB; others, as elevation, keep their values.
    """
    if settings.symmetries:
        crop = _turned(crop, int(rng.integers(len(D4))))
    image = crop.image
    db = image[:bands]
    if settings.gain_db or settings.band_gain_db:
        offsets = rng.normal(0.0, settings.gain_db) + rng.normal(0.0, settings.band_gain_db, bands)
        db = db + torch.from_numpy(offsets.astype(np.float32))[:, None, None]
    if settings.contrast:
        factors = torch.from_numpy(np.exp(rng.normal(0.0, settings.contrast, bands)).astype(np.float32))[:, None, None]
        centre = torch.nan_to_num(torch.nanmean(db, dim=(1, 2), keepdim=True))
        db = (db - centre) * factors + centre
    if settings.speckle_looks and rng.random() < 0.5:
        looks = settings.speckle_looks * rng.uniform(1.0, _LOOKS_SPREAD)
        power = rng.gamma(looks, 1.0 / looks, tuple(db.shape)).clip(1e-6)
        db = db + torch.from_numpy((10.0 * np.log10(power)).astype(np.float32))
    if settings.blur and rng.random() < settings.blur:
        db = _blurred(db)
    return Crop(torch.cat([db, image[bands:]]), crop.label, crop.valid)


def _turned(crop: Crop, which: int) -> Crop:
    """Return one of the eight views; the one place where geometry changes, so that image and label cannot part."""
    view = D4[which]

    def turn(plane: Tensor) -> Tensor:
        turned = torch.rot90(plane, view.turns, (-2, -1))
        return turned.flip(-1) if view.mirror else turned

    return Crop(turn(crop.image), turn(crop.label), turn(crop.valid))


def _blurred(db: Tensor) -> Tensor:
    """Average linear power over the 3 x 3 pixels that have data."""
    there = ~torch.isnan(db)
    power = torch.where(there, torch.pow(10.0, db / 10.0), torch.zeros(()))
    total = functional.avg_pool2d(power[None], 3, 1, 1)[0]
    share = functional.avg_pool2d(there[None].float(), 3, 1, 1)[0]
    return torch.where(there, 10.0 * torch.log10((total / share.clamp_min(1e-6)).clamp_min(1e-9)), db)


def random_crop(
    image: Tensor, label: Tensor, size: int, zoom: float, least_known: float, rng: np.random.Generator
) -> Crop:
    """Return a crop of `size` x `size` pixels, with enough known pixels where ten draws find such a place.

    Args:
        image: float32 (C, H, W), NaN where there is no data.
        label: uint8 (H, W), 255 where the truth is unknown or there is no data.
        size: S.
        zoom: as in `Augmentation`.
        least_known: share of the crop that should have a known label, in [0, 1].
        rng: the only source of randomness.

    A chip smaller than the crop is shown on a ground without data.
    """
    height, width = label.shape
    factor = float(np.exp(rng.uniform(-zoom, zoom))) if zoom else 1.0
    seen = max(8, round(size * factor))
    rows, columns = min(seen, height), min(seen, width)
    best, best_known = (0, 0), -1.0
    for _ in range(10):
        row, column = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
        known = float((label[row : row + rows, column : column + columns] != 255).float().mean())
        if known > best_known:
            best, best_known = (row, column), known
        if known >= least_known:
            break
    row, column = best
    part = (slice(row, row + rows), slice(column, column + columns))
    cut, truth = image[:, part[0], part[1]], label[part]
    if (rows, columns) != (seen, seen):
        margin = (0, seen - columns, 0, seen - rows)
        cut = functional.pad(cut, margin, value=float("nan"))
        truth = functional.pad(truth, margin, value=255)
    if seen != size:
        index = ((torch.arange(size) + 0.5) * (seen / size)).long().clamp_max(seen - 1)
        cut, truth = cut[:, index][:, :, index], truth[index][:, index]
    return Crop(cut, truth, ~torch.isnan(cut[:2]).any(0))
