"""Longitudes on the circle: outlines cut at the antimeridian, and the smallest box round several boxes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

HALF_TURN, TURN = 180.0, 360.0
WORLD = (-HALF_TURN, HALF_TURN)
# So much of a turn may a western edge lie beyond -180 by rounding: a tenth of a millimetre.
_EDGE = 3e-12


def turns_to_first(west: float) -> int:
    """Return how many turns of the globe a western edge is to be moved so that it lies within -180 to 180 degrees.

    What lies beyond a whole turn is no longitude at all, such as metres in degrees, and is left where it is.
    """
    return -math.floor((west + HALF_TURN) / TURN + _EDGE) if -TURN <= west < TURN else 0


def in_one_piece(outline: BaseGeometry) -> BaseGeometry:
    """Return an outline as footprints are: west within -180 to 180, and in one piece that goes on beyond 180.

    An outline across the antimeridian may come cut there (RFC 7946, 3.1.9), with a jump, or from another turn of the globe.
    """
    if outline.is_empty:
        return outline
    west, _, east, _ = outline.bounds
    if HALF_TURN < east - west <= TURN and east <= HALF_TURN:
        ahead = shapely.transform(
            outline, lambda c: np.column_stack([np.where(c[:, 0] < 0, c[:, 0] + TURN, c[:, 0]), c[:, 1]])
        )
        outline = shapely.union_all(list(shapely.get_parts(ahead)))
    turns = turns_to_first(outline.bounds[0])
    return shapely.transform(outline, lambda c: c + np.array([turns * TURN, 0.0])) if turns else outline


def cut_at_antimeridian(outline: BaseGeometry) -> list[Polygon]:
    """Return an outline whose longitudes may go on beyond 180 as polygons that lie within -180 to 180, east first."""
    if outline.bounds[2] <= HALF_TURN:
        parts = [outline]
    else:
        east = outline.intersection(box(0.0, -90.0, HALF_TURN, 90.0))
        west = outline.intersection(box(HALF_TURN, -90.0, HALF_TURN + TURN, 90.0))
        parts = [east, shapely.transform(west, lambda corners: corners - [TURN, 0.0])]
    return [p for part in parts for p in shapely.get_parts(part) if isinstance(p, Polygon) and not p.is_empty]


def within_half_turn(outline: BaseGeometry) -> BaseGeometry:
    """Return an outline whose longitudes lie within -180 to 180: one across the antimeridian is cut there (RFC 7946, 3.1.9)."""
    if outline.is_empty or outline.bounds[2] <= HALF_TURN:
        return outline
    parts = cut_at_antimeridian(outline)
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def smallest_arc(arcs: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return the smallest arc of the circle of longitudes that holds all arcs given.

    Args:
        arcs: west and east of each, degrees of any turn; an east below its west lies behind the antimeridian.

    Returns:
        West and east within -180 to 180; west above east where the arc crosses the antimeridian (RFC 7946, 5.2).
    """
    placed = sorted(
        ((west + HALF_TURN) % TURN - HALF_TURN, min(east - west if east >= west else (east - west) % TURN, TURN))
        for west, east in arcs
    )
    if not placed:
        return WORLD
    # Gaps between an arc and the next to its east; the first is the one over the antimeridian, and wins among equals.
    farthest = max(west + length for west, length in placed)
    reach, gaps = max(placed[0][0], farthest - TURN), [(placed[0][0] + TURN - farthest, placed[0][0], farthest)]
    for west, length in placed:
        gaps.append((west - reach, west, reach))
        reach = max(reach, west + length)
    widest, west, east = max(gaps, key=lambda gap: gap[0])
    if widest <= 0.0:
        return WORLD
    return west, east if east <= HALF_TURN else east - TURN


def smallest_box(boxes: Sequence[Sequence[float]]) -> list[float]:
    """Return the smallest box (west, south, east, north) that holds boxes of WGS84 degrees, one or more.

    West may lie above east, in the boxes and in the answer: then it crosses the antimeridian.
    """
    west, east = smallest_arc((b[0], b[2]) for b in boxes)
    return [west, min(b[1] for b in boxes), east, max(b[3] for b in boxes)]
