"""Regions of a raster that comes strip by strip: which of them are water is known once all strips have been seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from model.predictors.local import RegionTable

ByteArray = npt.NDArray[np.uint8]
Strips = Iterator[tuple[int, ByteArray]]
"""Strips of a raster (contract 2) as wide as it is, each with its first row, from the top to the bottom."""

_MOST_PIXELS = 4 << 20
"""So many are labelled at a time: each takes four bytes meanwhile."""


def looked_at(strips: Callable[[], Strips], table: RegionTable) -> Strips:
    """Yield strips of a raster of single pixels, uint8 (H, W), where regions have been looked at over all of it.

    The same values as of the raster in one piece. The strips are gone through twice; beside one of them memory
    holds a few numbers for each region.

    Args:
        strips: gives the raster from the top on, each time that it is called.
        table: of the bundle's regions.
    """
    water, at = _water(strips(), table), 0
    for top, values in strips():
        out = np.empty_like(values)
        for part in _pieces(values):
            parts, count = table.labelled(values[part])
            out[part] = table.of(values[part], water[at : at + count + 1][parts])
            at += count + 1
        yield top, out


def _water(strips: Strips, table: RegionTable) -> npt.NDArray[np.bool_]:
    """Return whether each part of each piece is water; part 0 of a piece is what lies in no region."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - with the rest of scipy, where a bundle looks at regions
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    sizes, seeds, joins = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, 2), np.int64)]
    at, above = 0, None
    for _, values in strips:
        for part in _pieces(values):
            parts, count = table.labelled(values[part])
            sizes.append(np.bincount(parts.ravel(), minlength=count + 1))
            seeds.append(np.bincount(parts[table.seeds[values[part]]], minlength=count + 1))
            if above is not None:
                joins.append(_joins(above, np.where(parts[0] > 0, parts[0] + np.int64(at), -1)))
            above = np.where(parts[-1] > 0, parts[-1] + np.int64(at), -1)
            at += count + 1
    one, other = np.concatenate(joins).T
    graph = coo_array((np.ones(one.size, np.int8), (one, other)), shape=(at, at))
    _, region = connected_components(graph, directed=False)
    stays = table.stays(*(np.bincount(region, np.concatenate(counts)).astype(np.int64) for counts in (seeds, sizes)))
    found: npt.NDArray[np.bool_] = stays[region]
    return found


def _joins(above: npt.NDArray[np.int64], below: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return which parts of two neighbouring rows touch, in eight directions, (N, 2); -1 in a row is no part."""
    width = above.size
    pairs = [
        np.stack([above[max(0, -by) : width - max(0, by)], below[max(0, by) : width - max(0, -by)]], axis=1)
        for by in (-1, 0, 1)
    ]
    found = np.concatenate(pairs)
    return np.unique(found[(found >= 0).all(axis=1)], axis=0)


def _pieces(values: ByteArray) -> Iterator[slice]:
    rows = max(1, _MOST_PIXELS // values.shape[1])
    for start in range(0, len(values), rows):
        yield slice(start, start + rows)
