"""Images that a folder holds twice: as a VV and a VH, and as one file of both bands beside them, by their names and pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from tiles.chip import Asset, ChipRecord
from tiles.errors import ChipError, Problem
from tiles.layouts.names import part_of, without_bands
from tiles.reading.pixels import read_band
from tiles.reading.raster import read_info
from tiles.sentences import shown

_LOOK = 32
"""Pixels a side of the windows that are looked at: the middle, and where it has no picture the corners."""
_LEAST = 64
"""Pixels that have to hold data in both, for a window to tell."""
_SAME = 0.02
"""Two bands are one where they differ by no more, in dB or in their own numbers."""

_Numbers = npt.NDArray[np.float64]


def once(records: Sequence[ChipRecord]) -> tuple[list[ChipRecord], list[Problem]]:
    """Return chips without those of one file that holds the pixels of a VV and a VH of the same name, and say which were left.

    The pair is kept: it has the shorter id. Files of one name that hold other pixels are two chips.
    """
    pairs = {_name(record): record for record in records if record.has_imagery and not _is_one_file(record)}
    kept: list[ChipRecord] = []
    left: list[tuple[ChipRecord, ChipRecord]] = []
    for record in records:
        pair = pairs.get(_name(record)) if pairs and record.has_imagery and _is_one_file(record) else None
        if pair is not None and _are_one(record, pair):
            left.append((record, pair))
        else:
            kept.append(record)
    return kept, _told(left)


def _told(left: Sequence[tuple[ChipRecord, ChipRecord]]) -> list[Problem]:
    if not left:
        return []
    record, pair = left[0]
    file, more = shown(record.file or record.id), len(left) - 1
    text = (
        f"{file} holds the pixels of {shown(pair.file or pair.id)} beside it, and is left aside: a chip is listed once."
    )
    if more:
        text = (
            f"{file} and {more} more hold the pixels of the VV and VH beside them, as {shown(pair.file or pair.id)}, and are "
            "left aside: a chip is listed once."
        )
    return [Problem(file, f"{text} To have it in place of the two, give it as SOURCE, or move them away.")]


def _is_one_file(record: ChipRecord) -> bool:
    return record.vv is not None and record.vh is not None and record.vv.path == record.vh.path


def _name(record: ChipRecord) -> str:
    """Return what a chip's files are called, without what says which bands they hold."""
    return without_bands(part_of(Path(record.vv.path)).key).casefold() if record.vv is not None else ""


def _are_one(one: ChipRecord, other: ChipRecord) -> bool:
    if (one.width, one.height) != (other.width, other.height):
        return False
    try:
        return all(_same_band(getattr(one, band), getattr(other, band)) for band in ("vv", "vh"))
    except ChipError:  # told where the chip is used
        return False


def _same_band(one: Asset, other: Asset) -> bool:
    """Return whether two bands hold one picture, be it in dB, power or amplitude, by the first window that tells."""
    for first, second in zip(_windows(one), _windows(other), strict=True):
        known = np.isfinite(first) & np.isfinite(second)
        if np.count_nonzero(known) < _LEAST or np.ptp(first[known]) == 0:
            continue
        a, b = first[known], second[known]
        return any(np.abs(x - y).max() <= _SAME for x, y in (*_in_units(a, b), *_in_units(b, a)))
    return False


def _in_units(one: _Numbers, other: _Numbers) -> Iterator[tuple[_Numbers, _Numbers]]:
    """Yield two bands as they are, and the first in dB where it may be power or amplitude."""
    yield one, other
    if one.min() > 0:
        yield 10 * np.log10(one), other
        yield 20 * np.log10(one), other


def _windows(asset: Asset) -> Iterator[_Numbers]:
    """Yield windows of a band as it is stored, NaN where it holds no data: the middle, then the corners."""
    info = read_info(asset.path)
    rows, cols = info.grid.shape
    height, width = min(rows, _LOOK), min(cols, _LOOK)
    whole = read_band(asset.path, asset.band, info=info) if info.from_gcps else None
    bottom, right = rows - height, cols - width
    for top, left in ((bottom // 2, right // 2), (0, 0), (0, right), (bottom, 0), (bottom, right)):
        window = Window(left, top, width, height)
        band = whole if whole is not None else read_band(asset.path, asset.band, window, info)
        at = window.toslices() if whole is not None else np.s_[:, :]
        values = band.values[at].astype(np.float64)
        absent = ~band.there[at] | (values == 0)
        if band.nodata is not None:
            absent |= values == band.nodata
        yield np.where(absent, np.nan, values)
