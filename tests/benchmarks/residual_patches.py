"""How many pixels of a chip are wrong together: the integral range of residuals, against one pixel if they were independent.

Run `.venv/bin/python tests/benchmarks/residual_patches.py [MODEL ...]` on the real chips in ../shared/data. It is where
`model.evaluation.answer.PATCH_PIXELS` comes from.
"""

# ruff: noqa: E402 - the search path comes first
from __future__ import annotations

import sys
from pathlib import Path

# This folder holds a tiles.py, which would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logit

from model.evaluation.answer import PATCH_PIXELS
from model.predictors.select import open_predictor
from tiles.catalog.catalog import open_catalog
from tiles.reading.door import read_chip

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
P = np.clip(np.arange(255) / 254, 0.25 / 254, 1 - 0.25 / 254)


def integral_range(residual: npt.NDArray[np.float64], known: npt.NDArray[np.bool_]) -> float:
    """Return the sum of the correlation of residuals over all lags up to its first zero, in pixels.

    Args:
        residual: float64 (H, W), of mean 0 over the known pixels, 0 elsewhere.
        known: bool (H, W).
    """
    height, width = residual.shape
    size = (2 * height, 2 * width)
    product = np.fft.irfft2(np.abs(np.fft.rfft2(residual, size)) ** 2, size)
    pairs = np.fft.irfft2(np.abs(np.fft.rfft2(known.astype(np.float64), size)) ** 2, size)
    enough = pairs > known.sum() / 8
    correlation = np.where(enough, product / np.maximum(pairs, 1.0), 0.0) / np.mean(residual[known] ** 2)
    rows, columns = (np.minimum(np.arange(n), n - np.arange(n)) for n in size)
    lag = np.hypot(rows[:, None], columns[None, :]).astype(int)
    by_lag = np.bincount(lag.ravel(), correlation.ravel()) / np.bincount(lag.ravel())
    first_zero = int(np.argmax(by_lag <= 0.0)) or by_lag.size
    around = np.bincount(lag.ravel())[:first_zero]
    return float((by_lag[:first_zero] * around).sum())


def main() -> None:
    """Print a line a chip and the median of those with more than 1 % of water."""
    if not DATA.is_dir():
        print(f"no real chips at {DATA}")
        return
    records = open_catalog([DATA / "sen1floods11", DATA / "drivendata"]).usable()
    for spec in sys.argv[1:] or ["backscatter", "backscatter:otsu"]:
        predictor, ranges = open_predictor(spec), []
        for record in records:
            chip = read_chip(record)
            if chip.label is None:
                continue
            (raster,) = predictor.predict([chip])
            known = (raster != 255) & (chip.label != 255)
            share = float((chip.label[known] == 1).mean()) if known.any() else 0.0
            if not 0.01 < share < 0.99:
                continue
            odds = logit(P[np.minimum(raster, 254)])
            shift = brentq(lambda b, o=odds[known], s=share: float(expit(o + b).mean()) - s, -30, 30)
            residual = np.where(known, (chip.label == 1) - expit(odds + shift), 0.0)
            ranges.append(integral_range(residual, known))
            print(f"  {record.id:20} {share:6.1%} water, {ranges[-1]:6.0f} pixels together")
        median = float(np.median(ranges))
        print(f"{predictor.name}: median {median:.0f} of 1 pixel if independent; {PATCH_PIXELS:.0f} is taken")


if __name__ == "__main__":
    main()
