"""The wiring between components and functions."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from dashboard.page.callbacks import IN_BROWSER, InBrowser
from dashboard.page.layout.page import page
from tiles.places import ASSETS

MODELS = [{"spec": "backscatter", "name": "VH", "threshold": 0.5, "error": None, "endpoint": False}]


@pytest.fixture(scope="module")
def ids_on_page() -> set[str]:
    text = json.dumps(page("backscatter", MODELS).to_plotly_json(), default=lambda c: c.to_plotly_json())
    return set(re.findall(r'"id": "([^"]+)"', text))


@pytest.mark.parametrize("wiring", IN_BROWSER, ids=lambda w: w.function)
def test_every_place_that_is_wired_is_on_the_page(wiring: InBrowser, ids_on_page: set[str]) -> None:
    named = {place for place, _ in (*wiring.outputs, *wiring.inputs, *wiring.states)}
    assert named <= ids_on_page


@pytest.mark.parametrize("wiring", IN_BROWSER, ids=lambda w: w.function)
def test_every_function_takes_what_it_is_wired_to(wiring: InBrowser) -> None:
    source = (ASSETS / "callbacks.mjs").read_text(encoding="utf-8")
    match = re.search(rf"const {wiring.function} = (?:async )?\(([^)]*)\) =>", source)
    assert match, f"assets/callbacks.mjs has no function {wiring.function}"
    parameters = [p for p in match[1].split(",") if p.strip()]
    if wiring.function not in {"persist", "follow"}:  # which ask Dash for them by name
        assert len(parameters) == len(wiring.inputs) + len(wiring.states)
    offered = source.partition('offer("floodscope", {')[2].partition("});")[0]
    assert wiring.function in re.findall(r"\w+", offered), "it is not offered to Dash"


def test_parts_of_the_page_are_made_of_what_their_callback_is_told() -> None:
    (follow,) = [wiring for wiring in IN_BROWSER if wiring.function == "follow"]
    inputs, states = ({name for name, _ in places} for places in (follow.inputs, follow.states))
    source = (ASSETS / "parts.mjs").read_text(encoding="utf-8")
    table = source.partition("const PARTS = [")[2].partition("\n];")[0]
    sides, layers = (re.search(rf"const {name} = \[(.*)\]", source) for name in ("SIDES", "LAYERS"))
    assert sides and layers
    table = table.replace("...SIDES", sides[1]).replace("...LAYERS", layers[1])
    rows = re.findall(r"\[\[([^\]]*)\], (\w+)\]", table)
    assert len(rows) > 6
    assert {name for names, _ in rows for name in re.findall(r'"([^"]+)"', names)} == inputs | {"level"}
    for names, part in rows:
        match = re.search(rf"const {part} = \(\{{([^}}]*)\}}\) =>", source)
        assert match, f"assets/parts.mjs has no part {part}"
        read = set(re.findall(r"\w+", match[1]))
        assert read <= inputs | states
        # What it reads and does not follow is written with what it follows: a model with what it has predicted.
        assert read - set(re.findall(r'"([^"]+)"', names)) <= states


def test_a_property_has_one_writer_at_the_start() -> None:
    writers = Counter(place for w in IN_BROWSER if w.at_start for place in w.outputs)
    assert [place for place, count in writers.items() if count > 1] == []


def test_the_map_is_not_told_where_it_was() -> None:
    """dash-leaflet sets a map back to the place that it tracked: told in the first frames of a flight, that ends the flight."""
    text = json.dumps(page("backscatter", MODELS).to_plotly_json(), default=lambda c: c.to_plotly_json())
    maps = re.findall(r'"trackViewport": (true|false)', text)
    assert maps == ["false"]
