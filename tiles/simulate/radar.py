"""What a Sentinel-1 GRD product makes of a scene's true backscatter: thermal noise, speckle, noise removal, resampling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import scipy.ndimage

FloatArray = npt.NDArray[np.float32]

LOOKS = 4.4
"""Equivalent number of looks of an IW GRD product in high resolution (Sentinel-1 Product Specification, S1-RS-MDA-52-7441)."""

# Five looks of equal weight but the last give (4 + w)**2 / (4 + w**2) = LOOKS equivalent ones.
LOOK_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.2207)
# Standard deviation in metres of the Gaussian that filters the complex looks. With the resampling it gives intensities that
# correlate by 0.66 with the next pixel and 0.18 with the one after, as the real chips' homogeneous areas do.
_CORRELATION_M = 9.2
PIXEL_M = 10.0
# SNAP's thermal noise removal sets what would be negative to this power (-50 dB); the GRD collections kept it.
FLOOR = 1e-5


def speckle(rng: np.random.Generator, size: int, sigma_yx: tuple[float, float]) -> FloatArray:
    """Return multi-look speckle, float32 of shape (size, size), mean 1, LOOKS equivalent looks, spatially correlated.

    The weighted mean of the intensities of independent circular Gaussian looks, each filtered by a Gaussian of `sigma_yx`
    pixels: so it is gamma distributed to a very good approximation, and its autocorrelation is the square of the field's.
    """
    total = np.zeros((size, size), dtype=np.float32)
    for weight in LOOK_WEIGHTS:
        for _ in ("in phase", "in quadrature"):
            part = rng.standard_normal((size, size), dtype=np.float32)
            part = scipy.ndimage.gaussian_filter(part, sigma_yx, mode="wrap", truncate=3.0)
            total += np.float32(weight) * part * part
    return np.asarray(total / expected_power(sigma_yx) / np.float32(2 * sum(LOOK_WEIGHTS)), dtype=np.float32)


def expected_power(sigma_yx: tuple[float, float]) -> np.float32:
    """Return the variance that filtering leaves of white noise of variance 1: the filter's sum of squares."""
    impulse = np.zeros((33, 33))
    impulse[16, 16] = 1.0
    return np.float32((scipy.ndimage.gaussian_filter(impulse, sigma_yx, mode="constant", truncate=3.0) ** 2).sum())


def measure(
    rng: np.random.Generator, power: FloatArray, *, noise_db: float, removed: float, pixel_m: tuple[float, float]
) -> FloatArray:
    """Return backscatter in dB as a GRD product would hold it, float32 of shape (H, H), for a true power of that shape.

    Thermal noise adds its power to the signal's, and speckle multiplies the sum, because both are Gaussian fields. The
    processor then takes the expected noise off again: the mean is right afterwards, the spread over dark water is not,
    which is why real VH over water reaches down to -50 dB. Last comes a bilinear resampling to the map grid.

    Args:
        power: true sigma0, linear.
        noise_db: noise equivalent sigma0 in dB.
        removed: share of the noise that the processor takes off, 0 to 1.
        pixel_m: height and width of a pixel in metres; the resolution on the ground is the same for all grids.
    """
    size = power.shape[0]
    noise = np.float32(10 ** (noise_db / 10))
    sigma = (_CORRELATION_M / pixel_m[0], _CORRELATION_M / pixel_m[1])
    # One pixel more on each side: resampling needs neighbours.
    signal = np.pad(power, ((0, 1), (0, 1)), mode="edge")
    observed = (signal + noise) * speckle(rng, size + 1, sigma) - np.float32(removed) * noise
    observed = np.maximum(observed, np.float32(FLOOR))
    dy, dx = rng.uniform(0.1, 0.3, 2).astype(np.float32)
    rows = observed[:-1] * (1 - dy) + observed[1:] * dy
    resampled = rows[:, :-1] * (1 - dx) + rows[:, 1:] * dx
    return np.asarray(10 * np.log10(resampled), dtype=np.float32)


def other_noise(
    rng: np.random.Generator, removed: float, noise_db: Mapping[str, float]
) -> tuple[float, Mapping[str, float]]:
    """Return the share of noise that is removed, and the noise in dB, as other swaths and other processors have them."""
    if rng.random() < 0.4:
        shift = rng.uniform(-3, 4)
        noise_db = {band: level + shift for band, level in noise_db.items()}
    if rng.random() < 0.3:  # many chains leave the noise in
        removed = rng.uniform(0, 0.75)
    return removed, noise_db


def other_processor(rng: np.random.Generator, vv: FloatArray, vh: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return backscatter as other processors would have made it of the same image, float32 dB.

    Half of the chips stay. The others are multi-looked over 2, 3 or 5 pixels, or their darkest values are cut off, as in
    8-bit copies, or sigma0 becomes gamma0 or terrain-flattened: an offset of up to 2 dB.
    """
    if rng.random() < 0.35:
        side = int(rng.choice([2, 3, 3, 5]))
        vv, vh = (10 * np.log10(scipy.ndimage.uniform_filter(10 ** (band / 10), side)) for band in (vv, vh))
    if rng.random() < 0.2:
        vv, vh = vv + rng.uniform(-2, 2), vh + rng.uniform(-2, 2)
    if rng.random() < 0.2:
        vv, vh = np.maximum(vv, rng.uniform(-30, -23)), np.maximum(vh, rng.uniform(-37, -31))
    return np.asarray(vv, dtype=np.float32), np.asarray(vh, dtype=np.float32)
