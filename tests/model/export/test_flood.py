"""Flood in files to take away: water that is not usual, where a file beside the chip says where water is usual."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyogrio
import pytest
import rasterio
from affine import Affine
from rio_cogeo import cog_validate

from dashboard.exports.parts import parts_of
from model.export import rasters
from model.export.package import Written, write_package
from model.inference import scenes as runs
from model.inference.missing import predict_missing
from model.inference.scenes import SceneRun
from model.predictors.backscatter import BackscatterPredictor
from model.store import store as stores
from model.store import streamed
from model.store.store import Prediction, Store, key_of
from tests.predicting import predict_one
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.errors import UsageError
from tiles.scenes import windows
from tiles.sentences import named

SIZE, THRESHOLD = 60, 0.5
PLACE = Affine(10, 0, 400_000, 0, -10, 5_400_000)
EVERYTHING = ["flood", "flood-geopackage", "mask", "csv", "json", "geoparquet"]


def write(path: Path, values: npt.NDArray[np.generic], *, placed: bool = True, nodata: float | None = None) -> None:
    """Write one band of pixels of 10 m, in Bavaria."""
    place = {"crs": "EPSG:32633", "transform": PLACE} if placed else {}
    shape = {"width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", nodata=nodata, **shape, **place) as file:
        file.write(values, 1)


def image(folder: Path, name: str, *, placed: bool = True) -> None:
    """Write an image: water in its upper 30 rows, and no data in its last column."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(7)
    vh = np.full((SIZE, SIZE), -14.0) + rng.normal(0, 0.4, (SIZE, SIZE))
    vh[:30] -= 12
    vh[:, -1] = np.nan
    for band, values in (("vv", vh + 6), ("vh", vh)):
        write(folder / f"{name}_{band}.tif", values.astype(np.float32), placed=placed, nodata=np.nan)


def usual_share() -> npt.NDArray[np.float32]:
    """Water that is usual in rows 20 to 39, and not known in columns 0 to 4."""
    share = np.zeros((SIZE, SIZE), np.float32)
    share[20:40] = 0.8
    share[:, :5] = -1
    return share


@dataclass
class Taken:
    out: Path
    chosen: list[tuple[ChipRecord, Prediction]]
    store: Store
    written: Written

    def of(self, name: str) -> Prediction:
        return next(prediction for record, prediction in self.chosen if record.id == name)


def all_of(folder: Path, store: Store) -> list[tuple[ChipRecord, Prediction]]:
    chosen = [(one, predict_one(one, BackscatterPredictor(), store)) for one in open_catalog([folder]).usable()]
    assert len(chosen) == len(list(folder.glob("*_vh.tif")))
    return chosen


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    """Four chips: one with a file of usual water, one without, one whose file holds nonsense, one with a file and no place."""
    folder = tmp_path_factory.mktemp("flood")
    chips = folder / "chips"
    for name in ("river", "without", "broken"):
        image(chips, name)
    image(chips, "nowhere", placed=False)
    write(chips / "river_permanent_water.tif", usual_share(), nodata=-1)
    write(chips / "broken_permanent_water.tif", usual_share() + 7)
    write(chips / "nowhere_permanent_water.tif", usual_share(), placed=False, nodata=-1)
    with Store(folder / "data") as store:
        chosen = all_of(chips, store)
        yield Taken(folder / "out", chosen, store, write_package(folder / "out", chosen, store, THRESHOLD, EVERYTHING))


def expected() -> npt.NDArray[np.uint8]:
    classes = np.zeros((SIZE, SIZE), np.uint8)
    classes[:20], classes[20:30], classes[30:40] = 1, 2, 3
    classes[:30, :5], classes[30:, :5] = 4, 0
    classes[:, -1] = 255
    return classes


@pytest.mark.parametrize("name", ["river", "nowhere"])
def test_the_raster_tells_flood_from_usual_water_on_the_chips_own_grid(taken: Taken, name: str) -> None:
    file = taken.out / "rasters" / f"{name}_flood.tif"
    assert cog_validate(file)[0]
    with rasterio.open(file) as raster, rasterio.open(taken.out / "rasters" / f"{name}_mask.tif") as mask:
        np.testing.assert_array_equal(raster.read(1), expected())
        assert (raster.nodata, raster.crs, raster.transform) == (255, mask.crs, mask.transform)
        tags = raster.tags()
        assert len({raster.colormap(1)[of][:3] for of in range(5)}) == 5
        water = np.isin(raster.read(1), (1, 2, 4))
        np.testing.assert_array_equal(water, mask.read(1) == 1), "all of the mask's water is of one kind"
    assert (tags["chip"], tags["threshold"]) == (name, "0.5")
    assert tags["classes"].startswith("0 dry, 1 flood, 2 usual water")


def test_what_is_not_told_has_no_raster_and_the_reason_stands_beside_it(taken: Taken) -> None:
    assert sorted(path.name for path in taken.out.glob("rasters/*_flood.tif")) == [
        "nowhere_flood.tif",
        "river_flood.tif",
    ]
    notes = [note for note in taken.written.notes if "lood" in note]
    assert len(notes) == 4
    assert notes[0].startswith("Flood, which is water that is not usual: 0.108")
    assert "on 1 of 4 chip(s), and 0.015" in notes[0]
    assert notes[1] == "nowhere: no place on Earth, so the km² of flood are not known."
    assert notes[2].startswith("Flood is not told of without, beside which no file says where water is usual")
    assert notes[3].startswith("Flood is not told of broken: ")
    assert "broken_permanent_water.tif holds 6" in notes[3]
    assert "/" not in named(notes[3:])[0], "who exports over the page is told the file's name, not its folder"


def test_polygons_of_flood_have_the_area_that_the_table_says(taken: Taken) -> None:
    assert [name for name, _ in pyogrio.list_layers(taken.out / "flood.gpkg")] == ["flood"]
    polygons = gpd.read_file(taken.out / "flood.gpkg")
    rows = {row["id"]: row for row in csv.DictReader((taken.out / "scores.csv").open())}
    assert set(polygons["chip"]) == {"river"}
    assert polygons["km2"].sum() == pytest.approx(float(rows["river"]["flood_km2"]), rel=1e-5)
    flood, usual, unknown = (float(rows["river"][f"{of}_km2"]) for of in ("flood", "usual_water", "not_told"))
    pixel = 1e-4 / 0.9996**2  # of 10 m in UTM, 1.5 degrees beside its middle
    assert (flood, usual, unknown) == pytest.approx((20 * 54 * pixel, 10 * 54 * pixel, 30 * 5 * pixel), rel=1e-3)
    assert flood + usual + unknown == pytest.approx(taken.of("river").water_km2(THRESHOLD))
    for name in ("without", "broken", "nowhere"):
        assert rows[name]["flood_km2"] == rows[name]["usual_water_km2"] == rows[name]["not_told_km2"] == ""


def test_the_other_tables_say_the_same(taken: Taken) -> None:
    rows = {row["id"]: row for row in csv.DictReader((taken.out / "scores.csv").open())}
    chips = {chip["id"]: chip for chip in json.loads((taken.out / "scores.json").read_text())["chips"]}
    frame = gpd.read_parquet(taken.out / "scores.parquet").set_index("id")
    for column in ("flood_km2", "usual_water_km2", "not_told_km2"):
        assert chips["river"][column] == pytest.approx(float(rows["river"][column])) == frame.loc["river", column]
        assert chips["without"][column] is None
        assert frame[column].dtype == "float64"


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_at_both_ends_of_the_threshold_flood_is_what_is_water_and_not_usual(
    taken: Taken, tmp_path: Path, threshold: float
) -> None:
    river = [pair for pair in taken.chosen if pair[0].id == "river"]
    write_package(tmp_path, river, taken.store, threshold, ["flood", "flood-geopackage", "csv"])
    with rasterio.open(tmp_path / "rasters" / "river_flood.tif") as raster:
        classes = raster.read(1)
    known = (usual_share() >= 0)[:, :-1]
    usual = (usual_share() >= 0.5)[:, :-1]
    wet = taken.store.read(river[0][1])[:, :-1] >= round(threshold * 254)
    np.testing.assert_array_equal(classes[:, :-1] == 1, wet & known & ~usual)
    (row,) = csv.DictReader((tmp_path / "scores.csv").open())
    polygons = gpd.read_file(tmp_path / "flood.gpkg")
    assert polygons["km2"].sum() == pytest.approx(float(row["flood_km2"]), rel=1e-5)


def test_where_nothing_tells_it_flood_alone_is_refused_with_what_to_do(taken: Taken, tmp_path: Path) -> None:
    without = [pair for pair in taken.chosen if pair[0].id == "without"]
    with pytest.raises(UsageError, match=r"not told of any chip, beside which no file says .*ID_permanent_water\.tif"):
        write_package(tmp_path, without, taken.store, THRESHOLD, ["flood", "flood-geopackage"])
    written = write_package(tmp_path, without, taken.store, THRESHOLD, ["csv"])
    assert written.notes == [], "a table that has no flood says nothing of it where nobody asked"


def test_where_a_file_cannot_be_used_flood_alone_is_refused_by_names_without_folders(
    taken: Taken, tmp_path: Path
) -> None:
    broken = [pair for pair in taken.chosen if pair[0].id == "broken"]
    with pytest.raises(UsageError) as refused:
        write_package(tmp_path, broken, taken.store, THRESHOLD, ["flood"])
    assert "broken_permanent_water.tif holds 6" in named(str(refused.value))
    assert str(tmp_path.parent) in str(refused.value) and str(tmp_path.parent) not in named(str(refused.value))


def test_a_mask_that_is_named_for_percent_tells_nothing_here_as_beside_the_image(tmp_path: Path) -> None:
    image(tmp_path / "chips", "x")
    write(tmp_path / "chips" / "x_jrc_occurrence.tif", (usual_share() > 0).astype(np.uint8))
    with (
        Store(tmp_path / "data") as store,
        pytest.raises(UsageError, match="no number above 1, where its name says perc"),
    ):
        write_package(tmp_path / "o", all_of(tmp_path / "chips", store), store, THRESHOLD, ["flood"])


def test_a_table_alone_tells_flood_too(taken: Taken, tmp_path: Path) -> None:
    river = [pair for pair in taken.chosen if pair[0].id == "river"]
    written = write_package(tmp_path, river, taken.store, THRESHOLD, ["csv"])
    (row,) = csv.DictReader((tmp_path / "scores.csv").open())
    assert float(row["flood_km2"]) > 0
    assert written.files == ["scores.csv"]


def test_usual_water_of_another_size_than_the_prediction_tells_nothing(taken: Taken, tmp_path: Path) -> None:
    record, prediction = next(pair for pair in taken.chosen if pair[0].id == "river")
    for band in ("vv", "vh", "permanent_water"):
        with rasterio.open(taken.out.parent / "chips" / f"river_{band}.tif") as file:
            write(tmp_path / f"river_{band}.tif", file.read(1)[:50, :50], nodata=file.nodata)
    (small,) = open_catalog([tmp_path]).usable()
    with pytest.raises(UsageError, match=r"not told of river: The image is another than when it was predicted"):
        write_package(tmp_path / "o", [(replace(small, id=record.id), prediction)], taken.store, THRESHOLD, ["flood"])


@pytest.fixture
def small_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an image of sixty pixels a side be a scene, read in strips of 16 rows."""
    for module in (windows, stores, rasters):
        monkeypatch.setattr(module, "MAX_PIXELS", 40 * 40)
    monkeypatch.setattr(runs, "WINDOW", 32)
    monkeypatch.setattr(runs, "OVERLAP", 8)
    monkeypatch.setattr(streamed.read_strips, "__defaults__", (16,))


def test_a_scene_has_the_flood_of_a_chip_strip_by_strip(taken: Taken, small_scenes: None, tmp_path: Path) -> None:
    record, model = next(record for record, _ in taken.chosen if record.id == "river"), BackscatterPredictor()
    steps: list[tuple[int, int]] = []
    with Store(tmp_path / "data") as store:
        assert predict_missing([record], model, store).failed == {}
        scene = store.fresh([record], key_of(model))[record.id]
        pair = [(record, scene)]
        written = write_package(
            tmp_path / "o", pair, store, THRESHOLD, EVERYTHING, tick=lambda *told: steps.append(told)
        )
    assert written.notes[0].startswith("Flood, which is water that is not usual: 0.108")
    assert steps[-1] == (4, 4), "a mask, areas, a raster and polygons, of one strip of 512 rows"
    assert [done for done, _ in steps] == sorted(done for done, _ in steps) and len(steps) > 12
    with rasterio.open(tmp_path / "o" / "rasters" / "river_flood.tif") as raster:
        np.testing.assert_array_equal(raster.read(1), expected())
    assert cog_validate(tmp_path / "o" / "rasters" / "river_flood.tif")[0]
    mine, its = (json.loads((out / "scores.json").read_text())["chips"] for out in (tmp_path / "o", taken.out))
    of_chip = next(chip for chip in its if chip["id"] == "river")
    for column in ("flood_km2", "usual_water_km2", "not_told_km2"):
        assert mine[0][column] == pytest.approx(of_chip[column], rel=1e-5)
    polygons = [gpd.read_file(out / "flood.gpkg") for out in (tmp_path / "o", taken.out)]
    assert [len(one) for one in polygons] == [1, 1]
    assert polygons[0]["km2"].sum() == pytest.approx(polygons[1]["km2"].sum(), rel=1e-6)


def test_of_a_scene_that_is_predicted_in_part_the_flood_of_that_part_is_told(
    taken: Taken, small_scenes: None, tmp_path: Path
) -> None:
    record, model = next(record for record, _ in taken.chosen if record.id == "river"), BackscatterPredictor()
    with Store(tmp_path / "data") as store:
        SceneRun(record, model, store).step()
        (part,) = parts_of([record], model, store)
        written = write_package(tmp_path / "o", [], store, THRESHOLD, ["flood", "flood-geopackage"], parts=[part])
    with rasterio.open(tmp_path / "o" / "rasters" / "river_flood.tif") as raster:
        classes = raster.read(1)
    assert written.water.km2 == pytest.approx(part.prediction.water_km2(THRESHOLD)) and written.water.km2 > 0
    known = classes != 255
    assert 0 < known.sum() < (expected() != 255).sum()
    np.testing.assert_array_equal(classes[known], expected()[known])
    assert set(gpd.read_file(tmp_path / "o" / "flood.gpkg")["predicted_share"]) == {part.share}


def test_stac_has_the_flood_raster_and_its_area(taken: Taken, tmp_path: Path) -> None:
    placed = [pair for pair in taken.chosen if pair[1].placed]
    write_package(tmp_path, placed, taken.store, THRESHOLD, ["stac", "flood"])
    items = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "items").iterdir()}
    assert (tmp_path / "items" / items["river"]["assets"]["flood"]["href"]).resolve().is_file()
    assert items["river"]["properties"]["floodscope:flood_km2"] == pytest.approx(0.108, abs=5e-4)
    assert "flood" not in items["without"]["assets"] and items["without"]["properties"]["floodscope:flood_km2"] is None
