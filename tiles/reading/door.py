"""The one door: a chip's files become arrays in dB, a mask of what is valid, a label, a grid."""

from __future__ import annotations

import numpy as np

from tiles.chip import ANCILLARY, Asset, BoolArray, Chip, ChipRecord, FloatArray
from tiles.errors import BandError, ChipError, MissingImageryError
from tiles.reading.ancillary import ancillary_refusal, read_ancillary
from tiles.reading.grids import require_same_grid
from tiles.reading.labels import label_refusal, read_label
from tiles.reading.sniff import shown
from tiles.reading.units import read_backscatter


def read_chip(record: ChipRecord, *, with_label: bool = True, with_ancillary: bool = True) -> Chip:
    """Read a chip's bands, and its label, elevation and permanent water where it has them.

    A label that cannot be used does not fail the chip: `label` is None and `label_problem` says why. So it is with
    elevation and permanent water, and `ancillary_problem`.

    Raises:
        ChipError: one of its kinds, naming the file and what to do.
    """
    if record.problem is not None:
        raise ChipError(record.problem)
    if record.vv is None or record.vh is None:
        where = record.source or "the source folder"
        raise MissingImageryError(f"Chip {record.id} has no imagery on disk: put its VV and VH files into {where}.")
    vv, vv_valid, grid = read_backscatter(record.vv, "VV")
    vh, vh_valid, vh_grid = read_backscatter(record.vh, "VH")
    require_same_grid("VH", record.vh.path, vh_grid, "VV", record.vv.path, grid)
    valid = vv_valid & vh_valid
    empty = None if valid.any() else _emptiness((record.vv, vv, vv_valid), (record.vh, vh, vh_valid))
    if record.assumed_bands and valid.any() and np.median(vv[valid]) < np.median(vh[valid]) - 1.0:
        raise BandError(
            f"{shown(record.vv.path)} does not name its bands, and the first ({np.median(vv[valid]):.1f} dB) is darker than the "
            f"second ({np.median(vh[valid]):.1f} dB), so they seem to be VH, VV: describe the bands as VV and VH."
        )
    vv[~valid] = np.nan
    vh[~valid] = np.nan
    label, label_problem = None, record.label_problem
    if with_label and record.has_label and record.label is not None:
        try:
            label = read_label(record.label, record.vv.path, grid)
        except ChipError as error:
            label_problem = label_refusal(error)
    found: dict[str, FloatArray] = {}
    problems: list[str] = []
    for name in ANCILLARY if with_ancillary else ():
        asset: Asset | None = getattr(record, name)
        if asset is not None:
            try:
                found[name] = read_ancillary(name, asset, record.vv.path, grid)
            except ChipError as error:
                problems.append(ancillary_refusal(name, error))
    problem = " ".join(problems) or None
    return Chip(record.id, vv, vh, valid, label, grid, label_problem, empty, **found, ancillary_problem=problem)


def _emptiness(*bands: tuple[Asset, FloatArray, BoolArray]) -> str:
    """Return what the bands of a chip without a valid pixel hold, in words."""
    for (asset, values, valid), name in zip(bands, ("VV", "VH"), strict=True):
        if valid.any():
            continue
        first = values.flat[0]
        if np.isnan(values).all():
            found = "not a number (NaN)"
        elif not np.isfinite(values).any():
            found = "infinite or not a number"
        elif (values == first).all():
            found = f"{first:g}, which is a fill value"
        else:
            found = "nodata of one kind or another"
        return f"every {name} value of {shown(asset.path)} is {found}"
    return f"no pixel of {shown(bands[0][0].path)} has data in both VV and VH"
