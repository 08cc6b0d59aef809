"""The classes of the error map and of the difference map are told apart whatever one's colour vision is."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from dashboard.report import takeaway
from tests.colours import VISIONS, ciede2000, difference
from tiles import palette
from tiles.palette import LAYERS

REPOSITORY = Path(__file__).resolve().parent.parent
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
    apart = {pair: difference(LAYERS[pair[0]], LAYERS[pair[1]], vision) for pair in combinations(classes, 2)}
    assert {pair: round(value, 1) for pair, value in apart.items() if value < 20} == {}


def _ways_to_spell(red: int, green: int, blue: int) -> tuple[str, ...]:
    between = (", ", ",", " ")
    return (f"#{red:02x}{green:02x}{blue:02x}", *(space.join(map(str, (red, green, blue))) for space in between))


def _every_spelling() -> re.Pattern[str]:
    """Return what matches where a text spells one of the palette's colours, however it writes it."""
    figures = (palette.BLUE, palette.VERMILION, palette.GREEN, palette.ORANGE, palette.PURPLE)
    ways = [way for colour in (*LAYERS.values(), *palette.RAMP) for way in _ways_to_spell(*colour)]
    return re.compile(rf"(?<![\d.])(?:{'|'.join([*ways, *map(str.lower, figures)])})(?![\d.])")


def test_the_palette_alone_spells_its_colours() -> None:
    files = [path for folder in ("tiles", "model", "dashboard", "assets") for path in (REPOSITORY / folder).rglob("*")]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.suffix in {".py", ".js", ".mjs", ".css"}}
    spelling = _every_spelling()
    found = {path.name: spelled for path, text in texts.items() if (spelled := spelling.findall(text.lower()))}
    assert set(found) == {"palette.py"}, "take it from tiles/palette.py, or in styles from var(--fs-...)"


def test_the_report_has_the_colours_of_the_map() -> None:
    assert all(palette.css(LAYERS[name]) in takeaway._KEY for name in (*ERRORS, "water", "truth"))


def test_the_page_is_made_with_the_palette(tmp_path: Path) -> None:
    from dashboard.app import create_app
    from dashboard.workspace.settings import Settings
    from dashboard.workspace.workspace import Workspace
    from tests.tiles.chips import write_pair

    write_pair(tmp_path / "chips", "lake")
    workspace = Workspace(Settings((tmp_path / "chips",), tmp_path / "data", model="backscatter"))
    try:
        page = create_app(workspace).server.test_client().get("/").get_data(as_text=True)
    finally:
        workspace.close()
    for name, colour in LAYERS.items():
        assert f"--fs-{name}: {' '.join(map(str, colour))};" in page
    assert f"--fs-ramp: {palette.ramp_css()};" in page


# What real chips have as a grey ground, from the 5th to the 95th percentile: of 255, darkened.
GROUNDS = (3.0, 30.0, 56.0)
Painted = tuple[float, float, float]


def _over(colour: palette.Colour, ground: float) -> Painted:
    """Return what is seen of a layer over a grey of the ground, as opaque as it is until somebody chooses otherwise."""
    red, green, blue = (palette.OPACITY * part + (1 - palette.OPACITY) * ground for part in colour)
    return red, green, blue


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("classes", [ERRORS, ("water", "truth")], ids=["errors", "masks"])
def test_over_the_grey_ground_layers_are_told_from_it_and_from_one_another(
    classes: tuple[str, ...], vision: str
) -> None:
    dark, _, bright = GROUNDS
    close = {
        (name, under, beside): difference(_over(LAYERS[name], under), (beside, beside, beside), vision)
        for name in classes
        for under in (dark, bright)
        for beside in GROUNDS
    } | {
        (*pair, a, b): difference(_over(LAYERS[pair[0]], a), _over(LAYERS[pair[1]], b), vision)
        for pair in combinations(classes, 2)
        for a in (dark, bright)
        for b in (dark, bright)
    }
    assert {what: round(value, 1) for what, value in close.items() if value < 20} == {}


SIX = ("India_900498", "USA_905409", "Nigeria_812045", "Sri-Lanka_534068", "awc00", "jja10")


def test_the_grey_ground_of_real_chips_is_as_dark_as_layers_need_it(real_data: Path) -> None:
    from tiles.catalog.catalog import open_catalog
    from tiles.drawing.calm import calm
    from tiles.drawing.composite import composite
    from tiles.reading.door import read_chip

    catalog = open_catalog([real_data / "sen1floods11", real_data / "drivendata"])
    luminance = np.array([0.2126, 0.7152, 0.0722])  # as the browser's grayscale() has it
    for name in SIX:
        chip = read_chip(catalog.get(name), with_label=False, with_ancillary=False)
        for view in (composite(chip), calm(chip)):
            ground = palette.GREY_GROUND * np.tensordot(luminance, view[:3].astype(float), 1)[chip.valid]
            low, high = np.percentile(ground, [5, 95])
            assert GROUNDS[0] <= low < high <= GROUNDS[-1], (name, low, high)
