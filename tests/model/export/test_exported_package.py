"""Everything that is taken away opens in the programs that it is for, and says the same as the store."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pystac
import pytest
import rasterio
from affine import Affine
from pyproj import Geod
from rio_cogeo import cog_validate

from model.export.formats import PACKAGE, file_of
from model.export.package import Written, write_package
from model.export.vectors import VECTORS, WaterPolygons
from model.inference.job import JobCancelledError
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Prediction, Store
from tests.predicting import predict_one
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.errors import OutputError, UsageError
from tiles.simulate import simulate

THRESHOLD = 0.4


@dataclass
class Taken:
    out: Path
    chosen: list[tuple[ChipRecord, Prediction]]
    store: Store
    written: Written

    def km2(self) -> float:
        return sum(p.water_km2(THRESHOLD) for _, p in self.chosen)


def predicted(record: ChipRecord, store: Store) -> tuple[ChipRecord, Prediction]:
    return record, predict_one(record, BackscatterPredictor(), store)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    """Two chips in every format: one dated and labelled, one neither."""
    folder = tmp_path_factory.mktemp("taken")
    first, second = open_catalog([simulate(folder / "chips", chips=2, size=96)]).usable()
    with Store(folder / "data") as store:
        one = replace(first, id="one", date="2020-02-03")
        two = replace(second, id="two", date=None, label=None, simulated=False)
        pairs = [predicted(one, store), predicted(two, store)]
        yield Taken(folder / "out", pairs, store, write_package(folder / "out", pairs, store, THRESHOLD, PACKAGE))


def test_what_is_listed_is_what_is_there(taken: Taken) -> None:
    there = {str(path.relative_to(taken.out)) for path in taken.out.rglob("*") if path.is_file()}
    assert set(taken.written.files) == there
    (note,) = taken.written.notes
    assert note.startswith("Flood is not told of any chip")
    assert taken.written.chips == 2
    assert taken.written.water.km2 == pytest.approx(taken.km2())


def test_rasters_are_valid_cogs_on_the_chips_own_grid(taken: Taken) -> None:
    for record, prediction in taken.chosen:
        stored = taken.store.read(prediction)
        for name in ("probability", "mask"):
            path = taken.out / "rasters" / f"{record.id}_{name}.tif"
            valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
            assert (valid, errors, warnings) == (True, [], [])
            with rasterio.open(path) as file, rasterio.open(record.vv.path) as image:  # type: ignore[union-attr]
                assert (file.crs, file.transform, file.nodata) == (image.crs, image.transform, 255)
                expected = (
                    stored if name == "probability" else np.where(stored == 255, 255, (stored >= 102).astype(np.uint8))
                )
                assert np.array_equal(file.read(1), expected)
                assert (file.colorinterp[0].name == "palette") == (name == "mask")


@pytest.mark.parametrize("name", map(file_of, VECTORS))
def test_polygons_open_in_wgs84_and_have_the_masks_area(taken: Taken, name: str) -> None:
    info = pyogrio.read_info(taken.out / name)
    assert (info["crs"], info["geometry_type"]) == ("EPSG:4326", "Polygon")
    frame = gpd.read_file(taken.out / name)
    assert set(frame["chip"]) == {"one", "two"} and set(frame["model"]) == {"VH threshold -22 dB"}
    assert frame["km2"].sum() == pytest.approx(taken.km2(), rel=0.005)
    geodesic = sum(abs(Geod(ellps="WGS84").geometry_area_perimeter(g)[0]) for g in frame.geometry) / 1e6
    assert geodesic == pytest.approx(taken.km2(), rel=0.005)
    assert frame.is_valid.all()
    assert frame.total_bounds == pytest.approx(_outline(taken).total_bounds, abs=0.01)


def _outline(taken: Taken) -> gpd.GeoDataFrame:
    return gpd.read_parquet(taken.out / "scores.parquet")


def test_scores_agree_in_csv_json_and_geoparquet(taken: Taken) -> None:
    table = list(csv.DictReader((taken.out / "scores.csv").open()))
    report = json.loads((taken.out / "scores.json").read_text())
    frame = _outline(taken)
    assert frame.crs == "EPSG:4326"
    counts = taken.chosen[0][1].histogram.confusion(THRESHOLD)  # type: ignore[union-attr]
    for number, (record, prediction) in enumerate(taken.chosen):
        row, same, also = table[number], report["chips"][number], frame.iloc[number]
        assert row["id"] == same["id"] == also["id"] == record.id
        assert float(row["water_km2"]) == same["water_km2"] == also["water_km2"] == prediction.water_km2(THRESHOLD)
    assert (int(table[0]["tp"]), report["chips"][0]["fn"], frame.iloc[0]["fp"]) == (counts.tp, counts.fn, counts.fp)
    assert report["micro"]["iou"] == report["chips"][0]["iou"] == counts.iou
    assert (table[1]["iou"], report["chips"][1]["iou"]) == ("", None)


def test_the_stac_collection_is_valid_and_its_assets_are_there(taken: Taken) -> None:
    collection = pystac.Collection.from_file(str(taken.out / "collection.json"))
    assert collection.validate_all() == 2
    items = {item.id: item for item in collection.get_items()}
    one, two = items["one"], items["two"]
    assert one.datetime is not None and one.datetime.date().isoformat() == "2020-02-03"
    assert two.datetime is None  # its date is not known, so a span is given
    assert two.common_metadata.start_datetime < two.common_metadata.end_datetime  # type: ignore[operator]
    for item in items.values():
        assert {name: Path(a.get_absolute_href()).is_file() for name, a in item.assets.items()} == {  # type: ignore[arg-type]
            "probability": True,
            "mask": True,
        }
    west, south, east, north = collection.extent.spatial.bboxes[0]
    assert (west, south, east, north) == pytest.approx(tuple(_outline(taken).total_bounds), abs=1e-6)


@pytest.mark.parametrize("longitude", [179.996, -180.004])
def test_a_chip_in_degrees_across_the_antimeridian_is_taken_away_on_both_sides(
    tmp_path: Path, longitude: float
) -> None:
    wet = np.full((96, 96), -27, np.float32)
    for name, band in (("vv", wet + 5), ("vh", wet)):
        with rasterio.open(
            tmp_path / f"fiji_{name}.tif", "w", driver="GTiff", width=96, height=96, count=1, dtype="float32", crs="EPSG:4326",
            transform=Affine(1e-4, 0, longitude, 0, -1e-4, -16.8),
        ) as made:  # fmt: skip
            made.write(band, 1)
    records = open_catalog([tmp_path]).usable()
    assert [record.country for record in records] == ["Fiji"]
    with Store(tmp_path / "data") as store:
        pairs = [predicted(records[0], store)]
        write_package(tmp_path / "out", pairs, store, THRESHOLD, ["stac", "geojson", "geoparquet"])
    collection = json.loads((tmp_path / "out" / "collection.json").read_text())
    item = json.loads((tmp_path / "out" / "items" / "fiji.json").read_text())
    box = [179.996, -16.8096, -179.9944, -16.8]
    assert collection["extent"]["spatial"]["bbox"][0] == pytest.approx(box, abs=1e-9)
    assert item["bbox"] == pytest.approx(box, abs=1e-9)
    assert item["geometry"]["type"] == "MultiPolygon"
    water = gpd.read_file(tmp_path / "out" / "water.geojson")
    assert sorted(water.bounds.minx.round(6)) == [-180.0, 179.996]
    assert sorted(water.bounds.maxx.round(6)) == [-179.9944, 180.0]
    outline = next(iter((tmp_path / "out").glob("*.parquet")))
    assert gpd.read_parquet(outline).total_bounds[[0, 2]].tolist() == [-180.0, 180.0]


def test_stac_alone_brings_the_rasters_that_it_describes(taken: Taken, tmp_path: Path) -> None:
    written = write_package(tmp_path / "stac", taken.chosen, taken.store, THRESHOLD, ["stac"])
    assert [f for f in written.files if f.startswith("rasters/")] == [
        f"rasters/{chip}_{name}.tif" for chip in ("one", "two") for name in ("probability", "mask")
    ]


def test_a_geojson_that_would_be_too_large_is_left_out_and_said(taken: Taken, tmp_path: Path) -> None:
    written = write_package(
        tmp_path / "few", taken.chosen, taken.store, THRESHOLD, ["geojson", "geopackage"], geojson_limit=1000
    )
    assert written.files == ["water.gpkg"]
    assert "take the GeoPackage or the FlatGeobuf" in written.notes[0]
    with pytest.raises(UsageError, match=r"water\.geojson is left out"):
        write_package(tmp_path / "none", taken.chosen, taken.store, THRESHOLD, ["geojson"], geojson_limit=1000)


def test_the_expected_size_of_a_geojson_is_not_below_its_size(taken: Taken, tmp_path: Path) -> None:
    size = (taken.out / "water.geojson").stat().st_size
    with pytest.raises(UsageError, match="left out"):
        write_package(tmp_path / "o", taken.chosen, taken.store, THRESHOLD, ["geojson"], geojson_limit=size - 1)


def test_chips_without_water_give_a_layer_without_polygons(tmp_path: Path) -> None:
    with WaterPolygons(tmp_path) as polygons:
        for kind, name in ((kind, file_of(kind)) for kind in VECTORS):
            path = polygons.write(tmp_path, kind)
            assert (path.name, len(gpd.read_file(path))) == (name, 0)
            assert pyogrio.read_info(path)["crs"] == "EPSG:4326"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(map(file_of, VECTORS))


def test_it_is_cancelled_between_chips(taken: Taken, tmp_path: Path) -> None:
    seen: list[int] = []

    def tick(done: int, _: int) -> None:
        seen.append(done)
        if done == 1:
            raise JobCancelledError

    with pytest.raises(JobCancelledError):
        write_package(tmp_path / "o", taken.chosen, taken.store, THRESHOLD, PACKAGE, tick=tick)
    assert seen == [0, 1]
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"rasters"}


def test_senseless_wishes_and_places_are_told(taken: Taken, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no format 'shapefile'"):
        write_package(tmp_path, taken.chosen, taken.store, 0.5, ["shapefile"])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="nothing to take away"):
        write_package(tmp_path, [], taken.store, 0.5, ["csv"])
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_package(tmp_path / "file", taken.chosen, taken.store, 0.5, ["csv"])
