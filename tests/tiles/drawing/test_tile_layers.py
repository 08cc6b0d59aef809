"""The two tables of layers agree with one another, with the documents, and with what is served and sent to the page.

Without this file a layer could be an entry that no tile, key or sentence of the documents follows.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from served import centre, decode, make_record, serve

from tiles.chip import ByteArray
from tiles.drawing import layers
from tiles.drawing.blueprint import tile_blueprint
from tiles.drawing.layers import FOUR, SHOWN, TILES, Options, Source, TileLayer, layer_of, page_layers

REPOSITORY = Path(__file__).resolve().parents[3]


def test_every_layer_of_the_page_is_made_of_tiles_that_there_are() -> None:
    for shown in SHOWN:
        assert bool(shown.models) == (layer_of(shown.tiles).needs == "prediction"), shown.name
    names = [shown.name for shown in SHOWN]
    assert len(set(names)) == len(names)
    assert set(FOUR) < set(names)


def test_each_key_is_the_key_of_one_thing() -> None:
    text = (REPOSITORY / "assets" / "keys.mjs").read_text(encoding="utf-8")
    others = re.findall(
        r'(?:^|[ {])"?([a-z,.<>;:?])"?: (?:\(\) =>|open)', text.partition("const DO = {")[2].partition("};")[0]
    )
    assert "j" in others and "?" in others
    keys = [shown.key for shown in SHOWN if shown.key]
    assert len(set(keys + others)) == len(keys + others)


def test_the_documents_tell_every_layer_and_every_key_of_one() -> None:
    tiles = (REPOSITORY / "docs" / "tiles.md").read_text(encoding="utf-8")
    rows = tiles.partition("| layer | pixels | options |")[2].partition("\n\n")[0]
    told = [
        (name, row.split("|")[3]) for row in rows.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])
    ]
    assert [name for name, _ in told] == [layer.name for layer in TILES]
    for name, options in told:
        assert re.findall(r"`(\w+)=", options) == list(layer_of(name).all_options), name
    keys = (
        (REPOSITORY / "docs" / "review-map.md")
        .read_text(encoding="utf-8")
        .partition("## Keys")[2]
        .partition("\n## ")[0]
    )
    assert {f"`{shown.key.upper()}`" for shown in SHOWN if shown.key} <= set(re.findall(r"`.`", keys))


def test_a_layer_that_is_one_more_entry_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def inverse(source: Source, asked: Options) -> ByteArray:
        grey, alpha = layer_of("vv").pixels(source, asked)
        return np.stack([255 - grey, alpha])

    monkeypatch.setattr(layers, "TILES", (*TILES, TileLayer("inverse", "image", inverse, "average")))
    record = make_record(tmp_path / "chips")
    service = serve(tmp_path, record)[0]
    app = Flask("tiles")
    app.register_blueprint(tile_blueprint(lambda: service))
    client = app.test_client()
    z, x, y = centre(record, 15)
    [address] = client.get("/tiles/inverse/chip_1/tilejson.json").get_json()["tiles"]
    told = address.partition("localhost")[2].format(z=z, x=x, y=y)
    shown = decode(client.get(told).get_data())
    plain = decode(client.get(told.replace("inverse", "vv")).get_data())
    there = plain[..., 3] == 255
    assert there.any() and np.array_equal(there, shown[..., 3] == 255)
    assert np.array_equal(shown[there][:, 0], 255 - plain[there][:, 0])


@pytest.mark.parametrize("layer", TILES, ids=lambda layer: layer.name)
def test_an_option_changes_the_tiles_of_the_layers_that_have_it_and_no_others(tmp_path: Path, layer: TileLayer) -> None:
    record = make_record(tmp_path / "chips")
    service = serve(tmp_path, record)[0]
    place = (layer.name, record.id, service.revision(layer.name, record), *centre(record, 14))
    for name, value in (("threshold", 0.05), ("nodata", "yellow")):
        asked = replace(Options(), **{name: value})
        same = service.tile(*place, asked=asked).data == service.tile(*place).data
        assert same == (name not in layer.all_options), name


def test_the_page_is_made_with_the_table(tmp_path: Path) -> None:
    from dashboard.app import create_app
    from dashboard.workspace.settings import Settings
    from dashboard.workspace.workspace import Workspace

    make_record(tmp_path / "chips")
    workspace = Workspace(Settings((tmp_path / "chips",), tmp_path / "data", model="backscatter"))
    try:
        page = create_app(workspace).server.test_client().get("/").get_data(as_text=True)
    finally:
        workspace.close()
    told = re.search(r'<script id="layers-told" type="application/json">(.*?)</script>', page)
    assert told is not None
    assert json.loads(told[1]) == json.loads(json.dumps(page_layers() | {"basemap": None, "hosts": []}))
