"""The ground near a chip: the nearest towns with distance and direction, and cells that hold what lies in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pyproj import Geod

from dashboard.workspace import ground
from dashboard.workspace.ground import CELL, STEPS, cell, nearest, towns_like

Towns = dict[tuple[int, int], list[tuple[str, float, float, int]]]


@pytest.fixture
def let_there_be(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Towns], None]]:
    """A function that puts towns in place of the real ones: name, longitude, latitude, people, by cell."""

    def put(towns: Towns) -> None:
        def of(west: int, south: int) -> tuple[tuple[str, ...], np.ndarray]:
            some = towns.get((west, south), [])
            return tuple(town[0] for town in some), np.array([town[1:] for town in some], float).reshape(-1, 3)

        monkeypatch.setattr(ground, "_towns", of)
        nearest.cache_clear()

    yield put
    nearest.cache_clear()


def test_a_place_is_told_by_its_nearest_town_and_the_nearest_city() -> None:
    town, city = nearest(12.10, 105.52)  # beside the Mekong
    assert (town.town, town.wind, round(town.km)) == ("Kampong Cham", "NE", 13)
    assert (city.town, city.wind) == ("Phnom Penh", "NE")


@pytest.mark.parametrize(
    ("azimuth", "wind"),
    [(0, "N"), (46, "NE"), (90, "E"), (135, "SE"), (181, "S"), (225, "SW"), (268, "W"), (-46, "NW"), (359, "N")],
)
def test_direction_and_distance_are_seen_from_the_town(
    let_there_be: Callable[[Towns], None], azimuth: float, wind: str
) -> None:
    let_there_be({(0, 50): [("Town", 5.0, 50.0, 9000)]})
    lon, lat, _ = Geod(ellps="WGS84").fwd(5.0, 50.0, azimuth, 12_000)
    (near,) = nearest(lat, lon)
    assert (near.town, near.wind, near.people) == ("Town", wind, 9000)
    assert near.km == pytest.approx(12.0, abs=0.01)


def test_towns_beyond_the_antimeridian_and_in_the_next_cell_are_near_and_far_ones_are_none(
    let_there_be: Callable[[Towns], None],
) -> None:
    let_there_be({(-180, -20): [("East", -179.9, -17.0, 8000)], (170, -10): [("City", 179.0, -9.9, 200_000)]})
    assert [near.town for near in nearest(-17.0, 179.9)] == ["East"]  # the city is 780 km off
    assert [near.town for near in nearest(-17.0, -180.1)] == ["East"]
    assert nearest(60.0, 0.0) == ()


@pytest.mark.parametrize(("west", "south"), [(100, 10), (-100, 30), (0, 0), (170, -40)])
def test_what_a_cell_holds_lies_in_it(west: int, south: int) -> None:
    found = json.loads(cell(west, south) or b"{}")
    assert found["towns"]
    for _, lon, lat, people in found["towns"]:
        assert west <= lon / STEPS < west + CELL
        assert south <= lat / STEPS < south + CELL
        assert people >= 0
    for kind in ("rivers", "lakes", "borders"):
        for lon, lat, *steps in found.get(kind, []):
            assert len(steps) % 2 == 0
            for at, first, low in ((0, lon, west), (1, lat, south)):
                value = first
                for step in (0, *steps[at::2]):
                    value += step
                    assert low * STEPS - 1 <= value <= (low + CELL) * STEPS + 1


def test_there_is_nothing_in_the_middle_of_an_ocean_and_in_no_cell() -> None:
    assert cell(-140, -50) is None
    assert cell(3, 4) is None
    assert nearest(-45.0, -130.0) == ()


def test_towns_are_found_by_the_beginning_of_a_word_whatever_its_case_and_accents() -> None:
    (town,) = towns_like("NUMALIG")
    assert (town.name, town.plain, town.country) == ("Numāligarh", "Numaligarh", "India")
    assert Geod(ellps="WGS84").inv(town.lon, town.lat, 93.76, 26.63)[2] < 5000
    same_name = [one for one in towns_like("san jose") if one.plain == "San Jose"]
    assert len(same_name) > 2
    assert [one.people for one in same_name] == sorted((one.people for one in same_name), reverse=True)
    assert towns_like("york")[0].name == "York"  # the very name before larger towns
    assert "New York City" in {one.name for one in towns_like("york", most=50)}
    assert towns_like("x") == towns_like("  ") == towns_like("qqqqqq") == []
    assert len(towns_like("sa")) == 8
