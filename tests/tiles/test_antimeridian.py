"""Longitudes on the circle: the smallest box round boxes, whatever they cross, and outlines cut where they cross."""

from __future__ import annotations

import random

import pytest
from shapely.geometry import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

from tiles.antimeridian import cut_at_antimeridian, in_one_piece, smallest_arc, smallest_box, within_half_turn


@pytest.mark.parametrize(
    ("arcs", "expected"),
    [
        ([(10, 20)], (10, 20)),
        ([(10, 20), (30, 40)], (10, 40)),
        ([(-10, 5), (2, 20)], (-10, 20)),
        ([(179.9, -179.9)], (179.9, -179.9)),
        ([(179.9, 180.1)], (179.9, -179.9)),
        ([(178, 179), (-172, -171)], (178, -171)),
        ([(178, 179), (188, 189)], (178, -171)),
        ([(170, 190), (-175, -172)], (170, -170)),
        ([(-66, -65), (178, 179)], (178, -65)),
        ([(-66, -65), (100, 101)], (-66, 101)),
        ([(179.9, -179.9), (0, 1)], (0, -179.9)),
        ([(-180, 180)], (-180, 180)),
        ([(0, 360)], (-180, 180)),
        ([(-120, 10), (0, 130), (120, -110)], (-180, 180)),
        ([(5, 5)], (5, 5)),
        ([], (-180, 180)),
    ],
)
def test_the_smallest_arc_of_known_arcs(arcs: list[tuple[float, float]], expected: tuple[float, float]) -> None:
    assert smallest_arc(arcs) == pytest.approx(expected)


def holds(arc: tuple[float, float], lon: float) -> bool:
    west, east = arc
    return (lon - west) % 360 <= (east - west) % 360 or (west, east) == (-180, 180)


def test_no_arc_that_begins_at_one_of_the_arcs_is_smaller() -> None:
    random.seed(5)
    for _ in range(500):
        arcs = [(w := random.randint(-180, 179), w + random.randint(0, 60)) for _ in range(random.randint(1, 6))]
        found = smallest_arc(arcs)
        assert all(-180 <= lon <= 180 for lon in found)
        points = [lon for west, east in arcs for lon in range(west, east + 1)]
        assert all(holds(found, lon) for lon in points)
        length = 360 if found == (-180, 180) else (found[1] - found[0]) % 360
        least = min(max((lon - west) % 360 for lon in points) for west, _ in arcs)
        assert length == least or (found == (-180, 180) and least >= 359)


def test_boxes_keep_their_latitudes() -> None:
    assert smallest_box([(179, -20, -179, -10), (170, 5, 171, 6)]) == [170, -20, -179, 6]


def test_an_outline_across_the_antimeridian_is_cut_and_none_other_is_touched() -> None:
    across = box(179.5, -17, 180.5, -16)
    east, west = cut_at_antimeridian(across)
    assert (east.bounds, west.bounds) == ((179.5, -17, 180, -16), (-180, -17, -179.5, -16))
    assert within_half_turn(across).bounds == (-180, -17, 180, -16)
    here = box(1, 2, 3, 4)
    assert within_half_turn(here) is here
    assert within_half_turn(Polygon()).is_empty
    beyond = within_half_turn(box(180, 0, 181, 1))
    assert beyond.bounds == (-180, 0, -179, 1)


@pytest.mark.parametrize(
    "outline",
    [
        box(179.5, -17, 180.5, -16),
        box(-180.5, -17, -179.5, -16),
        MultiPolygon([box(179.5, -17, 180, -16), box(-180, -17, -179.5, -16)]),
        Polygon([(179.5, -17), (-179.5, -17), (-179.5, -16), (179.5, -16)]),
    ],
)
def test_every_way_to_write_an_outline_across_the_antimeridian_is_one_outline(outline: BaseGeometry) -> None:
    assert in_one_piece(outline).equals(box(179.5, -17, 180.5, -16))


def test_other_outlines_keep_their_place() -> None:
    for outline in (box(-180, 0, -179, 1), box(179, 0, 180, 1), box(-60, -5, 60, 5)):
        assert in_one_piece(outline).bounds == outline.bounds
    assert in_one_piece(box(269, 30, 270, 31)).bounds == (-91, 30, -90, 31)
