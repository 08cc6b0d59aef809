"""Calibration: the temperature that makes probabilities honest, and the threshold. From chips that trained nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar
from scipy.special import expit

from model.bundle.manifest import Augmentation, Combine
from model.bundle.network import Ensemble
from model.bundle.normalisation import Normalisation
from model.predictors.views import D4, View, pad_to_multiple
from model.scores.histogram import THRESHOLDS, ScoreHistogram
from model.training.dataset import ChipTensors, normalise
from model.training.loss import margin_of

FloatArray = npt.NDArray[np.float32]

_PLAIN = (View(0, False),)
# Pixels a chip that the temperature is fitted on: neighbours say the same, so more of them say no more.
_PIXELS = 20_000
_TEMPERATURES = (0.2, 10.0)
# A threshold nearer to one half is taken where it costs less IoU than this: the top of the curve is flat and noisy.
_FLAT = 0.002


@dataclass(frozen=True)
class Margins:
    """Log-odds of water at some known pixels of a chip, before any temperature.

    Attributes:
        values: float32 (n, members, views).
        water: bool (n,), the truth.
        weight: how many pixels of the chip each of them stands for.
    """

    values: FloatArray
    water: npt.NDArray[np.bool_]
    weight: float


@dataclass(frozen=True)
class Calibration:
    """What a bundle takes from validation.

    Attributes:
        temperature: logits are divided by it; 1 leaves them.
        threshold: of the mask, in [0, 1].
    """

    temperature: float = 1.0
    threshold: float = 0.5


@torch.inference_mode()
def sample_margins(
    ensemble: Ensemble, normalisation: Normalisation, chip: ChipTensors, tta: Augmentation, seed: int = 0
) -> Margins | None:
    """Return log-odds at up to 20,000 known pixels of a chip, drawn by the seed; None where no pixel is known."""
    known = np.flatnonzero((chip.label != 255).numpy())
    if not known.size:
        return None
    drawn = np.random.default_rng(seed).choice(known, min(_PIXELS, known.size), replace=False)
    image = normalise(chip.image, normalisation).numpy()
    columns = []
    for view in D4 if tta == "d4" else _PLAIN:
        padded, (rows, cols) = pad_to_multiple(np.ascontiguousarray(view.apply(image)), ensemble.stride)
        x = torch.from_numpy(padded)[None].contiguous(memory_format=torch.channels_last)
        members = []
        for network in ensemble.networks:
            margin = margin_of(network(x).float())[0].numpy()[rows, cols]
            members.append(view.undo(margin).reshape(-1)[drawn])
        columns.append(np.stack(members, -1))
    water = chip.label.numpy().reshape(-1)[drawn] == 1
    return Margins(np.stack(columns, -1).astype(np.float32), water, known.size / drawn.size)


def fit_temperature(
    samples: Iterable[Margins], combine: Combine = "mean", weights: Sequence[float] | None = None
) -> float:
    """Return the temperature of least cross-entropy (Guo et al. 2017, section 4.2), in [0.2, 10].

    The probability is that of the finished bundle: members combined, views averaged, after the temperature. A bundle that
    votes has no temperature: 1 is returned, as where the samples are of one class, which would ask for the extreme.
    """
    samples = list(samples)
    if combine == "vote" or len({bool(w) for s in samples for w in np.unique(s.water)}) < 2:
        return 1.0

    def cross_entropy(log_temperature: float) -> float:
        total = pixels = 0.0
        for sample in samples:
            p = expit(sample.values / np.exp(log_temperature))
            p = (p.max(1) if combine == "max" else np.average(p, 1, weights)).mean(1)
            p = np.clip(p, 1e-6, 1 - 1e-6)
            total -= sample.weight * float(np.log(np.where(sample.water, p, 1 - p)).sum())
            pixels += sample.weight * len(p)
        return total / pixels

    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(cross_entropy, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    return round(float(np.exp(found.x)), 4)


def fit_threshold(histograms: Sequence[ScoreHistogram]) -> float:
    """Return the threshold of the best micro IoU, or the nearest to one half that costs less than 0.002 IoU.

    0.5 where there is no water.
    """
    total = ScoreHistogram.sum_of(histograms)
    if not total.water_pixels:
        return 0.5
    iou = total.confusions().values("iou")
    good = np.flatnonzero(iou >= iou.max() - _FLAT)
    thresholds = THRESHOLDS[good]
    chosen = float(thresholds[np.argmin(np.abs(thresholds - 0.5))])
    return math.floor(chosen * 1e4) / 1e4  # downwards: a hair above v / 254 would be the mask of v + 1


def calibrate(
    samples: Sequence[Margins],
    histograms_at: Callable[[float], Sequence[ScoreHistogram]],
    combine: Combine = "mean",
    weights: Sequence[float] | None = None,
) -> Calibration:
    """Return temperature and threshold.

    Args:
        samples: of the chips to calibrate on.
        histograms_at: predicts these chips at a temperature and counts.
        combine, weights: of the bundle, and of its members.
    """
    temperature = fit_temperature(samples, combine, weights)
    return Calibration(temperature, fit_threshold(histograms_at(temperature)))
