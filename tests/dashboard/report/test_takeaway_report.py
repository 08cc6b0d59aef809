"""The report of an export: complete in itself, with labels and without, and no text becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.report.map import chip_map
from dashboard.report.markdown import as_html
from dashboard.report.takeaway import takeaway_page
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Prediction, Store
from tests.predicting import predict_one
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.errors import Problem
from tiles.scenes import image, windows

pytestmark = pytest.mark.slow

Chosen = list[tuple[ChipRecord, Prediction]]


@pytest.fixture(scope="module")
def predicted(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chosen, Store]]:
    with Store(tmp_path_factory.mktemp("page")) as store:
        records = open_catalog([simulated]).usable()[:3]
        yield [(record, predict_one(record, BackscatterPredictor(), store)) for record in records], store


def test_it_shows_map_worst_chips_regions_and_model_card_and_fetches_nothing(predicted: tuple[Chosen, Store]) -> None:
    chosen, store = predicted
    page = takeaway_page(chosen, BackscatterPredictor(), store, 0.5)
    headings = re.findall(r"<h2>([^<]+)</h2>", page)
    assert headings[:3] == ["Map", "Worst chips, in pictures", "By country"]
    assert {"Water", "Model card"} <= set(headings)
    assert page.count("data:image/webp;base64,") == 4 * len(chosen)
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert own.count("<circle") == len(chosen)
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', own) == []
    assert f"{sum(p.water_km2(0.5) for _, p in chosen):.2f} km² of water" in page


def test_without_labels_it_tells_areas_and_is_small(predicted: tuple[Chosen, Store]) -> None:
    chosen, store = predicted
    bare = [(replace(r, label=None), replace(p, histogram=None, label_water_km2=None)) for r, p in chosen]
    page = takeaway_page(bare, BackscatterPredictor(), store, 0.5, failed=[Problem("lost", "it <is> gone")])
    assert "Most water, in pictures" in page and "By country" not in page and "Plotly" not in page
    assert "it &lt;is&gt; gone" in page and "<is>" not in page


def test_a_scene_is_pictured_by_a_square_of_it_and_says_so(
    predicted: tuple[Chosen, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chips of simulated floods stand for scenes here: what is one depends on a bound alone."""
    chosen, store = predicted
    monkeypatch.setattr(windows, "MAX_PIXELS", 100)
    monkeypatch.setattr(image, "_LOOK", 20)
    page = takeaway_page(chosen, BackscatterPredictor(), store, 0.5)
    assert page.count("data:image/webp;base64,") == 4 * len(chosen)
    assert page.count("pictured are 20 x 20 pixels of the scene, where of the squares looked at most is wrong") == len(
        chosen
    )
    bare = [(replace(r, label=None), replace(p, histogram=None, label_water_km2=None)) for r, p in chosen]
    assert takeaway_page(bare, BackscatterPredictor(), store, 0.5).count("looked at most is water") == len(chosen)


def test_names_and_cards_never_become_markup(predicted: tuple[Chosen, Store]) -> None:
    chosen, store = predicted
    hostile = "<img src=x onerror=alert(1)>"
    model = BackscatterPredictor()
    model.name = hostile
    page = takeaway_page([(replace(r, country=hostile), p) for r, p in chosen], model, store, 0.5)
    assert hostile not in page
    card = as_html(f"# A {hostile}\n\n- one `{hostile}`\n- **two**\n\n| a | b |\n|---|---|\n| {hostile} | 2 |")
    assert hostile not in card
    assert "<li><strong>two</strong></li>" in card and "<td>2</td>" in card


def test_the_reports_map_takes_the_short_way_across_the_antimeridian() -> None:
    def window(*longitudes: float) -> tuple[float, float, list[float], str]:
        svg = chip_map([(lon, -17.0, "chip", 0.5) for lon in longitudes])
        west, _, width, _ = map(float, re.findall(r'viewBox="([^"]+)"', svg)[0].split())
        return west, west + width, sorted(map(float, re.findall(r'<circle cx="([^"]+)"', svg))), svg

    west, east, dots, svg = window(178.0, -172.0)
    assert (dots, east - west) == ([178.0, 188.0], 36.0)
    assert west < 178 and east > 188
    assert '<use href="#map-land" x="360"/>' in svg
    west, east, dots, svg = window(-60.0, 100.0)
    assert dots == [-60.0, 100.0]
    assert -180 <= west < east <= 180
    assert "<use" not in svg
    west, east, dots, _ = window(-120.0, 0.0, 120.0)
    assert (west, east, dots) == (-126, 126, [-120, 0, 120])
