"""Changes of a chip that leave its truth as it is: what a model should answer alike. Pure functions of chips."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from affine import Affine

from model.predictors.views import D4, View
from tiles.chip import Chip
from tiles.grid import Grid

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
Alter = Callable[[FloatArray, FloatArray, BoolArray, np.random.Generator], tuple[FloatArray, FloatArray, BoolArray]]
Family = Literal["view", "blur", "gain", "speckle", "dropout"]

SPECKLE_LOOKS = 4.4
"""Equivalent number of looks of an IW GRD image in high resolution (ESA, Sentinel-1 Product Definition, table of IW GRDH):
the extra speckle is as strong as the speckle that such an image has."""
DROPPED = 0.1
"""Share of the pixels that `dropout` takes away."""
GAIN_DB = 1.0
"""Sentinel-1's absolute radiometric accuracy is specified as 1 dB (3 sigma)."""

_AS_IS = View(0, False)


@dataclass(frozen=True)
class Change:
    """One change of a chip.

    Attributes:
        name: stable, for JSON: "turn90", "blur3", "gain+1", ...
        title: for people.
        family: what kind of change it is.
        view: how image, label, validity and grid are turned together.
        alter: from VV, VH (float32 dB), validity and a random generator to new VV, VH and validity; None leaves them.
    """

    name: str
    title: str
    family: Family
    view: View = _AS_IS
    alter: Alter = lambda vv, vh, valid, _: (vv, vh, valid)

    def apply(self, chip: Chip, seed: int = 0) -> Chip:
        """Return the changed chip: new arrays, NaN in both bands where it is not valid, the label moved with the image.

        Args:
            chip: is not changed.
            seed: of what is random; the same seed, chip id and change give the same chip.
        """
        rng = np.random.default_rng([seed, zlib.crc32(f"{self.name} {chip.id}".encode())])
        vv, vh, valid = self.alter(chip.vv, chip.vh, chip.valid, rng)
        return replace(
            chip,
            vv=seen(self.view, np.where(valid, vv, np.float32(np.nan))),
            vh=seen(self.view, np.where(valid, vh, np.float32(np.nan))),
            valid=seen(self.view, valid),
            label=None if chip.label is None else seen(self.view, chip.label),
            grid=seen_grid(self.view, chip.grid),
        )


def seen(view: View, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a copy of an array (H, W) of any type as a view shows it; (W, H) for odd quarter turns."""
    return np.array(view.apply(array), order="C", copy=True)


def back(view: View, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a copy of what `seen` made, as it was."""
    return np.array(view.undo(array), order="C", copy=True)


def seen_grid(view: View, grid: Grid) -> Grid:
    """Return the grid of a turned raster: each pixel stays where it is on Earth."""
    transform, width, height = grid.transform, grid.width, grid.height
    for _ in range(view.turns):
        # A counter-clockwise quarter turn: the corner (column c, row r) was at column width - r, row c.
        transform = transform @ Affine(0, -1, width, 1, 0, 0)
        width, height = height, width
    if view.mirror:
        transform = transform @ Affine(-1, 0, width, 0, 1, 0)
    return Grid(grid.crs, transform, width, height)


def blurred(band: FloatArray, valid: BoolArray, size: int) -> FloatArray:
    """Return the mean over size x size pixels in linear power, of the valid ones among them; dB in, dB out.

    Args:
        band: float32 (H, W), dB.
        valid: bool (H, W); what stands elsewhere is not looked at, and is NaN in the result.
        size: odd, pixels.
    """
    from scipy.ndimage import uniform_filter  # noqa: PLC0415 - a tenth of a server's start

    power = np.where(valid, 10.0 ** (np.where(valid, band, 0.0).astype(np.float64) / 10.0), 0.0)
    total = uniform_filter(power, size, mode="constant")
    share = uniform_filter(valid.astype(np.float64), size, mode="constant")
    out = np.full(band.shape, np.nan, dtype=np.float32)
    # The running sums of the filter may leave a rounding error below the smallest power: it must not be 0 or negative.
    out[valid] = 10.0 * np.log10(np.maximum(total[valid] / share[valid], power[valid].min(initial=1.0)))
    return out


def speckled(band: FloatArray, looks: float, rng: np.random.Generator) -> FloatArray:
    """Return a band (float32, dB) whose power is multiplied by gamma noise of mean 1 and variance 1 / looks.

    Multiplicative, gamma-distributed speckle of L looks: Goodman 1976, "Some fundamental properties of speckle"; Oliver &
    Quegan 2004, section 4.3.
    """
    noise = rng.gamma(looks, 1.0 / looks, band.shape)
    return (band + 10.0 * np.log10(np.maximum(noise, 1e-12))).astype(np.float32)


def _blur(size: int) -> Change:
    return Change(
        f"blur{size}",
        f"blurred, {size} × {size} mean of power",
        "blur",
        alter=lambda vv, vh, valid, _: (blurred(vv, valid, size), blurred(vh, valid, size), valid),
    )


def gain(db: float) -> Change:
    """Return the change that adds so many dB to both bands."""
    return Change(
        f"gain{db:+g}",
        f"gain {db:+g} dB",
        "gain",
        alter=lambda vv, vh, valid, _: (vv + np.float32(db), vh + np.float32(db), valid),
    )


def _view(view: View) -> Change:
    turned = f"turned {90 * view.turns}°"
    if not view.mirror:
        return Change(f"turn{90 * view.turns}", turned if view.turns else "unchanged", "view", view)
    return Change(f"turn{90 * view.turns}-mirror", f"{turned}, mirrored" if view.turns else "mirrored", "view", view)


CHANGES: tuple[Change, ...] = (
    *(_view(view) for view in D4),
    _blur(3),
    _blur(5),
    gain(-GAIN_DB),
    gain(GAIN_DB),
    Change(
        "speckle",
        f"extra speckle of {SPECKLE_LOOKS:g} looks",
        "speckle",
        alter=lambda vv, vh, valid, rng: (
            speckled(vv, SPECKLE_LOOKS, rng),
            speckled(vh, SPECKLE_LOOKS, rng),
            valid,
        ),
    ),
    Change(
        "dropout",
        f"{100 * DROPPED:g} % of the pixels without data",
        "dropout",
        alter=lambda vv, vh, valid, rng: (vv, vh, valid & (rng.random(valid.shape) >= DROPPED)),
    ),
)
"""All changes that `evaluate --robustness` asks for: the eight views of the square first, the unchanged one among them."""
