"""The classes of the error map and of the difference map are told apart whatever one's colour vision is."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from model.training import card
from tests.colours import FILTERS, VISIONS, ciede2000, difference, layer_colours
from tiles.drawing.composite import WATER_CYAN

ERRORS = ("hit", "false", "missed")
DIFFERENCE = ("wet", "dry", "onlyA", "onlyB")

# From the test data of Sharma, Wu & Dalal 2005: two colours in L*, a*, b*, and their difference.
SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((90.9257, -0.5406, -0.9208), (88.6381, -0.8985, -0.7239), 1.5381),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "other", "expected"), SHARMA)
def test_the_difference_is_that_of_its_authors(
    one: tuple[float, ...], other: tuple[float, ...], expected: float
) -> None:
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("classes", [ERRORS, DIFFERENCE], ids=["errors", "difference"])
def test_classes_are_told_apart_by_every_colour_vision(classes: tuple[str, ...], vision: str) -> None:
    colours = layer_colours()
    apart = {pair: difference(colours[pair[0]], colours[pair[1]], vision) for pair in combinations(classes, 2)}
    assert {pair: round(value, 1) for pair, value in apart.items() if value < 20} == {}


def test_every_place_that_spells_a_colour_spells_the_same() -> None:
    colours = layer_colours()
    assert colours["water"] == colours["wet"] == WATER_CYAN
    style = FILTERS.with_name("compare.css").read_text(encoding="utf-8")
    for name in ("false", "missed", "wet"):  # the curves of the histograms
        (rule,) = [line for line in style.splitlines() if line.startswith(f".fs-curve-{name} ")]
        assert "stroke: rgb({} {} {})".format(*colours[name]) in rule
    assert tuple(colours[name] for name in ERRORS) == (card._TRUE, card._FALSE, card._MISSED)
