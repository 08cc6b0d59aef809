"""The values of a probability raster (contract 2): 0..254 is p = v / 254, 255 is no data."""

from __future__ import annotations

import math

from tiles.errors import UsageError

PROBABILITY_MAX = 254
"""The uint8 value that means p = 1; a value v below 255 means p = v / 254."""
NODATA = 255
"""The uint8 value of a pixel without input data."""


def level(threshold: float) -> int:
    """Return the smallest raster value v, 0..254, with v / 254 >= threshold.

    The mask at a threshold is `(v >= level(threshold)) & (v != 255)`. The browser computes the same formula,
    `Math.ceil(threshold * 254 - 1e-9)`; the 1e-9 keeps a threshold of k / 254 at k in spite of float rounding.

    Raises:
        UsageError: the threshold is not in [0, 1].
    """
    if not 0.0 <= threshold <= 1.0:
        raise UsageError(f"The threshold {threshold:g} is not a probability: give a number from 0 to 1.")
    return max(0, math.ceil(threshold * PROBABILITY_MAX - 1e-9))
