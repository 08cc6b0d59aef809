"""VV and VH of a scene: their unit is decided from a sample, and windows of them are read in dB."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from rasterio.windows import Window

from tiles.cache import BoundedCache
from tiles.chip import Asset, BoolArray, ChipRecord, FloatArray
from tiles.decisions import Decision
from tiles.errors import NoValidPixelError
from tiles.reading.border import DARK_DB, Fills, at_fills, border_noise, find_fills, may_be_noise
from tiles.reading.door import has_numbers, in_db, numbers_of, told_fills, told_lacking
from tiles.reading.pixels import Band, read_band
from tiles.reading.raster import RasterInfo
from tiles.reading.scale import decide
from tiles.reading.units import Numbers, Scale

# What is looked at to decide what a scene's numbers are: so many squares a side, spread over it, of so many pixels a side; fewer
# where they would cover it more than once.
_LOOKS, _LOOK = 8, 256
_FINER = 32
"""Squares a side where the first ones hold no data."""
# Border noise is decided in squares of this grid, with so much of the image around them: the same for every window.
_CELL, _AROUND = 1024, 256
_CELLS_BYTES = 96 << 20
_STRIP_ROWS = 512


class Image:
    """VV and VH of a scene: their unit decided from a sample, windows of them in dB."""

    def __init__(self, record: ChipRecord, assets: tuple[Asset, Asset], infos: tuple[RasterInfo, RasterInfo]) -> None:
        self.record, self.assets, self.infos = record, assets, infos
        self.shape = infos[0].grid.shape
        self.looked: list[Window] = []
        self.blank = 0  # pixels of the windows that were looked at beside them, and hold no data
        self.scale: Scale = "db"
        self.fills: Fills = ()
        # What was looked at, in dB, until it is used: who predicts a scene asks for it next, and it takes a second to read.
        self._sample: dict[tuple[int, int], tuple[FloatArray, FloatArray, BoolArray]] = {}
        self._rows = _Rows()
        self._noise = BoundedCache[BoolArray](_CELLS_BYTES, lambda found: found.nbytes or 64)

    def look(self) -> list[Decision]:
        """Decide what the numbers are, and return the decisions.

        Raises:
            ChipError: it cannot be told, or there is not one pixel with data.
        """
        pieces: list[tuple[Window, Numbers, Numbers, BoolArray]] = []
        for windows in self._searches():
            for window in windows:
                vv, vh = self._numbers(window)
                may_be = has_numbers(vv) & has_numbers(vh)
                if may_be.any():
                    pieces.append((window, vv, vh, may_be))
            if pieces:
                break
        else:
            raise NoValidPixelError(
                f"Chip {self.record.id} has no valid pixel (no pixel of {{file}} has data in both VV and VH), so there is "
                "nothing to predict: choose another chip.",
                chip=self.record.id,
                file=self.assets[0].path,
            )
        self.looked = [window for window, *_ in pieces]
        seen = {(window.row_off, window.col_off) for window in self.looked}
        self.blank = sum(w.width * w.height for w in windows if (w.row_off, w.col_off) not in seen)
        vv, vh = _joined([piece[1] for piece in pieces]), _joined([piece[2] for piece in pieces])
        may_be = np.concatenate([piece[3].ravel() for piece in pieces])
        self.fills = find_fills([(one.values, two.values, there) for _, one, two, there in pieces])
        filled = may_be & at_fills(vv.values, vh.values, self.fills)
        may_be &= ~filled
        self.scale, decisions = decide(vv, vh, may_be, self.record.answers)
        decisions += [*told_fills(self.fills, filled), *told_lacking([piece[1:3] for piece in pieces])]
        one, two, valid = in_db(vv, vh, may_be, self.scale)
        ends = np.cumsum([window.width * window.height for window in self.looked])[:-1]
        for window, *parts in zip(self.looked, *(np.split(values, ends) for values in (one, two, valid)), strict=True):
            db, also, there = (part.reshape(window.height, window.width) for part in parts)
            self._sample[window.row_off, window.col_off] = db, also, there
        if beyond := int(np.count_nonzero(may_be & ~valid)):
            text = (
                f"{100 * beyond / may_be.size:.2g} % of the {may_be.size:,} pixels looked at hold numbers that no radar measures "
                "(below -90 or above 50 dB), as fill values or damage do; such pixels are left out"
            )
            decisions.append(Decision("no data", text, "values", told=True))
        if may_be_noise(one, valid):
            text = "Runs of VV below -40 dB along the image's edge are border noise and left out: no water is measured there"
            decisions.append(Decision("no data", text, "values"))
        return decisions

    def _searches(self) -> Iterator[list[Window]]:
        """Yield the windows to look at: few, then more, then all there are."""
        height, width = self.shape
        for looks, side in ((_LOOKS, _LOOK), (_FINER, _LOOK // 4)):
            tops, lefts = (_spread(length, min(looks, -(-length // side)), side) for length in (height, width))
            yield [Window(left, top, min(side, width), min(side, height)) for top in tops for left in lefts]
        everywhere = (Window(0, top, width, min(_STRIP_ROWS, height - top)) for top in range(0, height, _STRIP_ROWS))
        for window in everywhere:
            vv, vh = self._numbers(window)
            rows, cols = np.nonzero(has_numbers(vv) & has_numbers(vh))
            if rows.size:
                left = int(max(0, min(cols[0] - _LOOK // 2, width - _LOOK)))
                yield [Window(left, window.row_off, min(_LOOK, width), window.height)]
                return

    def _numbers(self, window: Window) -> tuple[Numbers, Numbers]:
        return self._named(
            [self._rows.read(asset, info, window) for asset, info in zip(self.assets, self.infos, strict=True)]
        )

    def _named(self, bands: list[Band]) -> tuple[Numbers, Numbers]:
        return numbers_of(self.assets[0], bands[0], "VV"), numbers_of(self.assets[1], bands[1], "VH")

    def _in_db(self, window: Window) -> tuple[FloatArray, FloatArray, BoolArray]:
        return self._converted(*self._numbers(window))

    def _converted(self, vv: Numbers, vh: Numbers) -> tuple[FloatArray, FloatArray, BoolArray]:
        may_be = has_numbers(vv) & has_numbers(vh) & ~at_fills(vv.values, vh.values, self.fills)
        return in_db(vv, vh, may_be, self.scale)

    def read(self, window: Window) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Return VV and VH of a window in dB, NaN where not valid, and where they are valid."""
        one, two, valid = self._in_db(window)
        if may_be_noise(one, valid, 1):
            noise = self._noise_in(window)
            valid &= ~noise
        one[~valid] = two[~valid] = np.nan
        return one, two, valid

    def read_sampled(self, window: Window) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Return as `read` a window for statistics: whatever is as dark as border noise is left out, noise or calm water.

        To tell them apart far more than the window would have to be read, and of radar images it is a pixel in thousands.
        """
        held = self._sample.pop((window.row_off, window.col_off), None) if window in self.looked else None
        one, two, valid = self._in_db(window) if held is None else (held[0].copy(), held[1].copy(), held[2].copy())
        with np.errstate(invalid="ignore"):
            valid &= ~(one < DARK_DB)
        one[~valid] = two[~valid] = np.nan
        return one, two, valid

    def read_drawn(self, level: int, window: Window) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Return as `read` a window of level 0, the image itself, or of an overview that both files hold, for a picture of it.

        Border noise, which is looked for around a window and not in it, is seen there as it is.
        """
        bands = [
            read_band(asset.path, asset.band, window, info, level - 1)
            if level
            else self._rows.read(asset, info, window)
            for asset, info in zip(self.assets, self.infos, strict=True)
        ]
        one, two, valid = self._converted(*self._named(bands))
        one[~valid] = two[~valid] = np.nan
        return one, two, valid

    def _noise_in(self, window: Window) -> BoolArray:
        noise = np.zeros((window.height, window.width), dtype=np.bool_)
        bottom, right = window.row_off + window.height, window.col_off + window.width
        for row in range(window.row_off // _CELL, -(-bottom // _CELL)):
            for col in range(window.col_off // _CELL, -(-right // _CELL)):
                cell = self._noise.get((row, col), partial(self._noise_of_cell, row, col))
                if not cell.size:
                    continue
                top, left = row * _CELL, col * _CELL
                rows = slice(max(top, window.row_off), min(top + cell.shape[0], bottom))
                cols = slice(max(left, window.col_off), min(left + cell.shape[1], right))
                noise[
                    rows.start - window.row_off : rows.stop - window.row_off,
                    cols.start - window.col_off : cols.stop - window.col_off,
                ] = cell[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
        return noise

    def _noise_of_cell(self, row: int, col: int) -> BoolArray:
        """Return where a square of the image is border noise; an array of no pixel where nowhere, which is kept as any other."""
        height, width = self.shape
        top, left = row * _CELL, col * _CELL
        bottom, right = min(top + _CELL, height), min(left + _CELL, width)
        around = Window.from_slices(
            (max(top - _AROUND, 0), min(bottom + _AROUND, height)),
            (max(left - _AROUND, 0), min(right + _AROUND, width)),
        )
        ends = (
            around.row_off == 0,
            around.row_off + around.height == height,
            around.col_off == 0,
            around.col_off + around.width == width,
        )
        one, _, valid = self._in_db(around)
        nowhere = np.zeros((0, 0), dtype=np.bool_)
        if not any(ends) and valid.all():
            return nowhere
        at = np.s_[top - around.row_off : bottom - around.row_off, left - around.col_off : right - around.col_off]
        noise = border_noise(one, valid, ends)[at]
        return noise.copy() if noise.any() else nowhere


@dataclass
class _Rows:
    """Reads bands; of a file stored in strips, as wide as itself, the rows last read are kept: each window needs them again."""

    _kept: dict[tuple[str, int], tuple[int, int, Band]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, asset: Asset, info: RasterInfo, window: Window) -> Band:
        if not info.in_strips or window.width == info.width:
            return read_band(asset.path, asset.band, window, info)
        key = (asset.path, asset.band)
        top, bottom = window.row_off, window.row_off + window.height
        with self._lock:
            held = self._kept.get(key)
            if held is None or top < held[0] or bottom > held[1]:
                self._kept.pop(key, None)
                band = read_band(asset.path, asset.band, Window(0, top, info.width, window.height), info)
                held = self._kept[key] = (top, bottom, band)
        rows = slice(top - held[0], bottom - held[0])
        at = (rows, slice(window.col_off, window.col_off + window.width))
        band = held[2]
        return Band(band.values[at], band.there[at].copy(), band.nodata, info.grid.part(window), info)


def _joined(parts: list[Numbers]) -> Numbers:
    first = parts[0]
    return replace(
        first,
        values=np.concatenate([part.values.ravel() for part in parts]),
        there=np.concatenate([part.there.ravel() for part in parts]),
    )


def _spread(length: int, count: int, side: int) -> list[int]:
    """Return where so many windows of one side begin, spread evenly over a length."""
    return sorted({int(at) for at in np.linspace(0, max(0, length - side), count)})
