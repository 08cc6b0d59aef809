"""Outlines of a raster's water, block of rows after block: what meets at a seam between two blocks is one outline."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.features import shapes
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

BoolArray = npt.NDArray[np.bool_]
Outlines = npt.NDArray[np.object_]
"""Polygons in columns and rows of pixel corners, shape (N,)."""


@dataclass
class _Body:
    """Water that goes on below the blocks so far.

    No hole of a piece lies at a seam, since dry land there is open to it: so only the pieces' outer rings are joined, and their
    holes wait as plain numbers.

    Attributes:
        shells: the outer rings of its pieces, filled.
        holes: of the pieces, each time the corners of several rings, int32 (N, 2), and how many each of these has.
    """

    shells: list[Polygon] = field(default_factory=list)
    holes: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]] = field(default_factory=list)


class OutlinesByRows:
    """Outlines of water pixels that share edges, of a raster that comes in blocks as wide as itself, from the top on.

    Memory holds the outlines of one block, and of the water bodies that go on below it.
    """

    def __init__(self, width: int) -> None:
        """Begin above the first row of a raster of so many columns."""
        self._open: list[_Body] = []
        self._above = np.full(width, -1, dtype=np.int64)  # in which open body the last row's pixels lie

    def add(self, top: int, water: BoolArray, *, last: bool) -> Outlines:
        """Return the outlines that end with a block: of all that has come, those that have not been returned.

        Args:
            top: the block's first row; it follows on the block before.
            water: where its water is, (rows, width).
            last: no other block follows.
        """
        from scipy.sparse import coo_array  # noqa: PLC0415 - a tenth of a server's start, which outlines nothing by then
        from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

        pieces = _outlines_of(water, top)
        box = shapely.bounds(pieces).reshape(-1, 4)
        bottom, width = top + water.shape[0], water.shape[1]
        upper = _along(pieces, np.flatnonzero(box[:, 1] == top), top, width)
        lower = _along(pieces, np.flatnonzero((box[:, 3] == bottom) & (not last)), bottom, width)
        meets = (self._above >= 0) & (upper >= 0)
        # The pieces that are joined to something, and what belongs together of these and the bodies from above.
        joined = np.unique(np.concatenate([upper[meets], lower[lower >= 0]]))
        bodies = len(self._open)
        ends = self._above[meets], bodies + np.searchsorted(joined, upper[meets])
        nodes = bodies + joined.size
        links = coo_array((np.ones(ends[0].size, dtype=np.int8), ends), shape=(nodes, nodes))
        count, groups = connected_components(links, directed=False)
        merged = self._merged(pieces, joined, groups, count)
        goes_on = np.zeros(count, dtype=np.bool_)
        goes_on[groups[bodies + np.searchsorted(joined, lower[lower >= 0])]] = True
        numbers = np.cumsum(goes_on) - 1
        self._above = np.full(width, -1, dtype=np.int64)
        self._above[lower >= 0] = numbers[groups[bodies + np.searchsorted(joined, lower[lower >= 0])]]
        self._open = [body for body, on in zip(merged, goes_on, strict=True) if on]
        done = [_outline_of(body) for body, on in zip(merged, goes_on, strict=True) if not on]
        alone = np.delete(pieces, joined)
        return np.concatenate([alone, np.array(done, dtype=object)]) if done else alone

    def _merged(
        self, pieces: Outlines, joined: npt.NDArray[np.int64], groups: npt.NDArray[np.int32], count: int
    ) -> list[_Body]:
        """Return the bodies that open ones and pieces of a block make together, by group."""
        merged = [_Body() for _ in range(count)]
        for body, group in zip(self._open, groups, strict=False):
            merged[group].shells += body.shells
            merged[group].holes += body.holes
        chosen, of_pieces = pieces[joined], groups[len(self._open) :]
        for piece, group in zip(chosen, of_pieces, strict=True):
            merged[group].shells.append(Polygon(piece.exterior))
        rings, of = shapely.get_rings(chosen, return_index=True)
        inner = np.zeros(of.size, dtype=np.bool_)
        inner[1:] = of[1:] == of[:-1]  # the first ring of each is the outer one
        rings, of = rings[inner], of[inner]
        corners = shapely.get_coordinates(rings).astype(np.int32)
        lengths = shapely.get_num_coordinates(rings).astype(np.int64)
        ends = np.append(0, np.cumsum(lengths))
        owners, firsts = np.unique(of, return_index=True)
        for owner, first, after in zip(owners, firsts, np.append(firsts, of.size)[1:], strict=True):
            mine = corners[ends[first] : ends[after]].copy(), lengths[first:after]
            merged[of_pieces[owner]].holes.append(mine)
        return merged


def _outlines_of(water: BoolArray, top: int) -> Outlines:
    """Return the outlines of a block's water alone, holes kept; pixels that touch at a corner alone are two."""
    corners, ring_ends, polygon_ends = array("d"), array("q", [0]), array("q", [0])
    if water.any():
        found = shapes(water.view(np.uint8), mask=water, connectivity=4, transform=Affine.translation(0, top))
        for outline, _ in found:
            for ring in outline["coordinates"]:
                corners.extend(chain.from_iterable(ring))
                ring_ends.append(len(corners) // 2)
            polygon_ends.append(len(ring_ends) - 1)
    offsets = np.asarray(ring_ends), np.asarray(polygon_ends)
    coordinates = np.asarray(corners).reshape(-1, 2)
    made: Outlines = shapely.from_ragged_array(shapely.GeometryType.POLYGON, coordinates, offsets)
    return made


def _along(pieces: Outlines, chosen: npt.NDArray[np.int64], row: int, width: int) -> npt.NDArray[np.int64]:
    """Return which of the chosen pieces has an edge along a line between two rows, by column (width,); -1 for none."""
    found = np.full(width, -1, dtype=np.int64)
    corners, of = shapely.get_coordinates(shapely.get_exterior_ring(pieces[chosen]), return_index=True)
    on = (of[1:] == of[:-1]) & (corners[1:, 1] == row) & (corners[:-1, 1] == row)
    begins = np.minimum(corners[1:, 0], corners[:-1, 0])[on].astype(np.int64)
    lengths = np.abs(corners[1:, 0] - corners[:-1, 0])[on].astype(np.int64)
    steps = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    found[np.repeat(begins, lengths) + steps] = np.repeat(chosen[of[1:][on]], lengths)
    return found


def _outline_of(body: _Body) -> Polygon:
    """Return the outline of a body all of whose pieces are there."""
    joined = shapely.union_all(body.shells)  # one polygon, since the pieces share edges
    exterior, *seams = (_corners_of(ring) for ring in shapely.get_rings(joined))
    holes = [*seams, *(corners.astype(np.float64) for corners, _ in body.holes)]
    if not holes:
        return Polygon(exterior)
    lengths = np.concatenate([np.array([len(ring) for ring in seams], dtype=np.int64), *(n for _, n in body.holes)])
    rings: Any = shapely.linearrings(np.concatenate(holes), indices=np.repeat(np.arange(lengths.size), lengths))
    return Polygon(exterior, rings)


def _corners_of(ring: BaseGeometry) -> npt.NDArray[np.float64]:
    """Return where a ring turns, closed: an edge that crossed a seam has a point there that is no corner."""
    points = shapely.get_coordinates(ring)[:-1]
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    turns: npt.NDArray[np.float64] = points[~((before == points) & (points == after)).any(axis=1)]
    return np.concatenate([turns, turns[:1]])


def outlines_of(water: BoolArray) -> Outlines:
    """Return the outlines of all of a raster's water, (H, W), from the north-west on."""
    return OutlinesByRows(water.shape[1]).add(0, water, last=True)
