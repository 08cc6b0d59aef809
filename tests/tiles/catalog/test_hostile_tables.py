"""Catalogs, GeoJSONs and lists of a stranger's making: one bad row is told and left out, and never more than it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from dashboard.workspace.payloads import catalog_payload
from tests.hostile import GEOMETRIES, mutated_bytes, mutated_catalogs, mutated_json, share
from tests.problems import pairs
from tiles.catalog.audit import audit
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.errors import SourceError
from tiles.sentences import named
from tiles.simulate import simulate

pytestmark = pytest.mark.slow

_FOOTPRINT = {
    "type": "Polygon",
    "coordinates": [[[10.0, 50.0], [10.1, 50.0], [10.1, 50.1], [10.0, 50.1], [10.0, 50.0]]],
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of four simulated chips."""
    folder = tmp_path_factory.mktemp("good")
    open_catalog([simulate(folder / "chips", chips=4, size=48)]).to_parquet(folder / "catalog.parquet")
    return folder / "catalog.parquet"


def use(catalog: Catalog) -> None:
    """Do with a catalog what the page and the commands do: send it, look for what would spoil scores, write it."""
    json.dumps(named(catalog_payload(catalog, "x"))).encode()
    audit(catalog.records(), lambda _: None, "x")
    "\n".join(f"{r.id} {r.provenance()} {r.file}" for r in catalog.records()).encode()
    "\n".join(problem.message for problem in catalog.problems()).encode()


ODD = [
    ("date", pa.array([20200101] * 4), "its date is no text but 20200101"),
    ("date", pa.array([None, "yesterday", None, None]), "its row 2: its date is not YYYY-MM-DD but 'yesterday'"),
    ("event", pa.array([[1]] * 4), "its event is no text but [1]"),
    ("geometry", pa.array([None, shapely.to_wkb(GEOMETRIES[0]), None, None]), "its row 2: its outline is no polygon"),
    ("geometry", pa.array([b"\x01"] * 4), "its outline is no polygon"),
    ("legend", pa.array([None, "mine", None, None]), "its row 2: its legend is 'mine'"),
    ("vv_band", pa.array([1, 0, 1, 1]), "its row 2: its vv_band is no number of pixels or bands but 0"),
]


@pytest.mark.parametrize(("column", "values", "said"), ODD)
def test_a_row_that_is_no_chip_is_told_by_number_and_costs_itself_alone(
    good: Path, tmp_path: Path, column: str, values: pa.Array, said: str
) -> None:
    table, path = pq.read_table(good), tmp_path / "catalog.parquet"
    pq.write_table(table.set_column(table.column_names.index(column), column, values), path)
    if "row 2" not in said:
        with pytest.raises(SourceError, match=re.escape(said)):
            open_catalog([path])
        return
    found = open_catalog([path])
    ((name, text),) = pairs(found.problems())
    assert name == "catalog.parquet" and "has a row that is no chip" in text and said in text
    ids = [record.id for record in Catalog.from_parquet(good).records()]
    assert [record.id for record in found.records()] == [ids[0], *ids[2:]]
    use(found)


def test_texts_that_are_not_utf_8_are_read_as_latin_1(good: Path, tmp_path: Path) -> None:
    table = pq.read_table(good)
    events = pa.array([b"K\xf6ln", "Köln".encode(), b"x", None], pa.binary()).view(pa.string())
    pq.write_table(table.set_column(table.column_names.index("event"), "event", events), tmp_path / "c.parquet")
    assert [r.event for r in open_catalog([tmp_path / "c.parquet"]).records()] == ["Köln", "Köln", "x", None]


def test_mutated_catalogs_are_used_or_refused_in_a_sentence(good: Path, tmp_path: Path) -> None:
    for path in mutated_catalogs(tmp_path, good, share(40, 2_000)):
        try:
            use(open_catalog([path]))
        except SourceError as error:
            assert str(error).endswith((".", ")"))


def test_mutated_geojsons_and_lists_cost_what_they_would_have_said(tmp_path: Path) -> None:
    features = [
        {"properties": {"event": f"Ghana_{i}", "id": i, "s1_date": "2018-09-18"}, "geometry": _FOOTPRINT}
        for i in range(3)
    ]
    footprints, split = tmp_path / "chip_footprints.geojson", tmp_path / "flood_train_data.csv"
    rows = b"\n".join(b"Ghana_%d_%d_S1Hand.tif,Ghana_%d_%d_LabelHand.tif" % (i, i, i, i) for i in range(3))
    count = share(120, 2_000)
    texts = mutated_json(json.dumps({"features": features}), count, seed=1)
    for text, lines in zip(texts, mutated_bytes(rows, count, seed=2), strict=True):
        footprints.write_text(text, encoding="utf-8")
        split.write_bytes(lines)
        try:
            use(open_catalog([tmp_path]))
        except SourceError as error:
            assert any(said in str(error) for said in ("chip_footprints", "flood_train_data", "holds no chip"))
