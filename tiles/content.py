"""The content of a chip: what tells that two chips are one picture, however and wherever they are stored."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tiles.chip import Chip

LATTICE = 6
"""VV and VH are sampled at so many rows and columns, spread evenly over the chip."""
NO_DATA = -32768
"""Sample of a pixel without data."""
TOLERANCE_DB = 0.1
"""Two samples are the same where they differ by no more: dB that went through power, or through integers of dB x 10, is off by
less, and two radar images by several dB, since their speckle is not the same."""
LEAST_COMMON = 8
"""Pictures are compared where both have data at so many points at least."""

SAMPLES_BYTES = 2 * LATTICE * LATTICE * 2
_DIGEST = re.compile(r"[0-9a-f]{32}")
_SPREAD_DB = 1.0  # below, samples are of a plain, not of a picture
_HUNDREDTH = 100.0

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Content:
    """The content of a chip, 176 bytes.

    Two marks of one thing. The digest is of every pixel in memory, after the door: it stays where a chip is stored with another
    compression or tiling, in two files or one, in another folder or under another name, and is another where one pixel is.
    The samples are few, and are compared with a tolerance, so that rounding does not hide a chip. A chip that is cropped or
    moved by a pixel has neither: its place and date tell (`model.seen.chips`). Labels do not count.

    Attributes:
        digest: 32 hex digits, BLAKE2b of shape, valid pixels, VV and VH (float32, dB) where they are valid.
        samples: int16 (2, 36), little-endian: VV and VH in hundredths of a dB at a lattice of points; `NO_DATA` where there is
            none.
    """

    digest: str
    samples: bytes

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.digest) or len(self.samples) != SAMPLES_BYTES:
            raise ValueError("no content of a chip")

    @property
    def array(self) -> Samples:
        """The samples, int16 (2, 36)."""
        return np.frombuffer(self.samples, "<i2").astype(np.int16).reshape(2, LATTICE * LATTICE)


def content_of(chip: Chip) -> Content:
    """Return the content of a chip."""
    digest = hashlib.blake2b(digest_size=16)
    rows, columns = chip.valid.shape
    digest.update(f"{rows} {columns} ".encode())
    digest.update(np.packbits(chip.valid).tobytes())
    for band in (chip.vv, chip.vh):
        values = np.where(chip.valid, band, np.float32(0.0)) + np.float32(0.0)  # no NaN of many kinds, no -0
        digest.update(np.ascontiguousarray(values, "<f4").tobytes())
    at = tuple(
        np.minimum(((np.arange(LATTICE) + 0.5) / LATTICE * length).astype(np.intp), length - 1)
        for length in (rows, columns)
    )
    points = np.ix_(*at)
    there = chip.valid[points]
    samples = [
        np.where(there, np.rint(np.where(there, band[points], 0.0) * _HUNDREDTH), NO_DATA)
        for band in (chip.vv, chip.vh)
    ]
    return Content(digest.hexdigest(), np.stack(samples).astype("<i2").tobytes())


def content_of_parts(shape: tuple[int, int], digests: Iterable[str], points: Sequence[Chip]) -> Content:
    """Return the content of a scene that is not in memory whole.

    Its digest is of the digests of its windows, so it is that of no chip; its samples are as those of a chip.

    Args:
        shape: its rows and columns.
        digests: of its windows, in their order.
        points: its pixels at the lattice's rows and columns, row by row, as chips of one pixel.
    """
    digest = hashlib.blake2b(f"{shape[0]} {shape[1]} ".encode(), digest_size=16)
    for one in digests:
        digest.update(one.encode())
    samples = [
        [int(np.rint(band[0, 0] * _HUNDREDTH)) if there else NO_DATA for band, there in bands]
        for bands in (
            [(point.vv, point.valid[0, 0]) for point in points],
            [(point.vh, point.valid[0, 0]) for point in points],
        )
    ]
    return Content(digest.hexdigest(), np.array(samples, "<i2").tobytes())


def lattice(length: int) -> list[int]:
    """Return the rows, or columns, of a picture that are sampled."""
    return [min(int((i + 0.5) / LATTICE * length), length - 1) for i in range(LATTICE)]


def alike(one: Samples, others: Samples) -> npt.NDArray[np.bool_]:
    """Return which of some pictures are the same as one by their samples.

    The same are those that agree to `TOLERANCE_DB` wherever both have data, and have it in common at `LEAST_COMMON` points and
    at half of the points where either has. A plain of one value is like nothing.

    Args:
        one: int16 (2, 36).
        others: int16 (N, 2, 36).

    Returns:
        bool (N,).
    """
    has, have = one[0] != NO_DATA, others[:, 0] != NO_DATA
    if not has.any() or np.ptp(one[:, has]) < _SPREAD_DB * _HUNDREDTH:
        return np.zeros(len(others), dtype=bool)
    # VH alone tells nearly all apart; the few that are left are looked at in both.
    found = _agree(one[1:], others[:, 1:], has & have)
    for i in np.flatnonzero(found):
        common = int((has & have[i]).sum())
        enough = common >= LEAST_COMMON and 2 * common >= int((has | have[i]).sum())
        found[i] = enough and bool(_agree(one[:1], others[i : i + 1, :1], has & have[i])[0])
    return found


def _agree(one: Samples, others: Samples, both: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which of some bands, int16 (N, 1, 36), agree with one, (1, 36), wherever both have data."""
    apart = np.abs(others[:, 0].astype(np.int32) - one[0].astype(np.int32)) > TOLERANCE_DB * _HUNDREDTH
    found: npt.NDArray[np.bool_] = ~(apart & both).any(axis=1)
    return found
