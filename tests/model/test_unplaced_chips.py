"""What models make of chips without a place: predictions, scores, splits and files, with no area in km2 anywhere."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely.geometry import box

from model.evaluation.alert import ShareErrors
from model.evaluation.evaluate import evaluate
from model.evaluation.predicted import prediction_report
from model.evaluation.robustness import measure_robustness
from model.export.formats import PACKAGE
from model.export.package import write_package
from model.export.rasters import write_predictions
from model.predictors.backscatter import BackscatterPredictor
from model.scores.area import score_area
from model.scores.pixel import pixel_at
from model.store.prediction import water_total
from model.store.store import Prediction, Store
from model.training.recipe import Recipe
from model.training.split import apart, split_by_group
from model.training.train import train
from tests.model.training.conftest import tiny as tiny  # noqa: PLC0414 - a fixture
from tests.model.training.test_fit import HERE
from tests.predicting import predict_one
from tests.tiles.chips import SIZE, lake, write_pair
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.errors import UsageError
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

MODEL = BackscatterPredictor()
LAKE = int(lake().sum())
Chosen = list[tuple[ChipRecord, Prediction]]


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chosen, Store]]:
    """Two chips without a place, and one that has one."""
    folder = tmp_path_factory.mktemp("unplaced")
    for seed, name in enumerate(("tile_1", "tile_2")):
        write_pair(folder / "chips", name, seed=seed, crs=None, transform=None)
    write_pair(folder / "chips", "there", seed=5)
    with Store(folder / "data") as store:
        records = open_catalog([folder / "chips"]).usable()
        yield [(record, predict_one(record, MODEL, store)) for record in records], store


def of(predicted: tuple[Chosen, Store], name: str) -> tuple[ChipRecord, Prediction]:
    return next(pair for pair in predicted[0] if pair[0].id == name)


def test_a_prediction_counts_pixels_where_no_area_is_known(predicted: tuple[Chosen, Store]) -> None:
    record, made = of(predicted, "tile_1")
    store = predicted[1]
    kept = store.get(record, made.key)
    assert kept is not None
    for prediction in (made, kept):
        assert not prediction.placed
        assert prediction.water_km2(0.5) is None and prediction.valid_km2 is None and prediction.label_water_km2 is None
        assert prediction.water_share(0.5) == pytest.approx(LAKE / SIZE**2)
        assert prediction.area.sum() == prediction.valid_pixels
        assert prediction.histogram is not None and prediction.histogram.confusion(0.5).iou == 1.0
    np.testing.assert_array_equal(store.read(kept) >= 127, lake())
    placed = of(predicted, "there")[1]
    assert placed.placed and placed.water_km2(0.5) == pytest.approx(LAKE * 1e-4, rel=1e-2)
    assert placed.label_water_km2 == pytest.approx(placed.water_km2(0.5))


def test_a_total_adds_up_areas_and_says_what_has_none(predicted: tuple[Chosen, Store]) -> None:
    chosen, _ = predicted
    without = [p for _, p in chosen if not p.placed]
    total = water_total((p for _, p in chosen), 0.5)
    assert total.km2 == pytest.approx(of(predicted, "there")[1].water_km2(0.5))
    assert (total.unplaced, total.share) == (2, pytest.approx(LAKE / SIZE**2))
    assert "km² of water, and water on" in total.words() and "2 chips have no place" in total.words()
    alone = water_total(without[:1], 0.5)
    assert (
        alone.km2 is None
        and alone.words() == f"water on {100 * LAKE / SIZE**2:.1f} % of its pixels (no km²: 1 chip has no place)"
    )
    assert water_total([], 0.5).words() == "0.00 km² of water"


def test_reports_score_them_and_leave_their_areas_empty(predicted: tuple[Chosen, Store]) -> None:
    chosen, store = predicted
    report = evaluate([record for record, _ in chosen], MODEL, store).report()
    json.dumps(report, allow_nan=False)
    chips = {chip["id"]: chip for chip in report["chips"]}
    assert chips["tile_1"]["iou"] == 1.0 and chips["tile_1"]["water_km2"] is None
    assert chips["tile_1"]["water_share"] == pytest.approx(LAKE / SIZE**2)
    assert chips["there"]["water_km2"] > 0.0
    assert {group["name"] for group in report["groups"]} == {"Austria", "No place"}
    told = prediction_report(chosen, MODEL, 0.5, alert_above=0.05)
    json.dumps(told, allow_nan=False)
    of_chip = {chip["id"]: chip for chip in told["chips"]}
    assert of_chip["tile_1"]["water_km2"] is of_chip["tile_1"]["valid_km2"] is None
    # By pixels, as the placed one by its area: the same lake has the same answer.
    assert of_chip["tile_1"]["share"] == pytest.approx(of_chip["there"]["share"], abs=0.02)
    assert of_chip["tile_1"]["alert"] is True


def test_tiles_of_one_series_do_not_vouch_for_each_other(predicted: tuple[Chosen, Store]) -> None:
    record, prediction = of(predicted, "tile_1")
    assert prediction.histogram is not None
    series = [(replace(record, id=f"tile_{i}"), prediction.histogram) for i in range(12)]
    assert ShareErrors(None, series).of(record).origin == "assumed"
    others = [(replace(record, id=f"{'abcdefghijkl'[i]}_1"), prediction.histogram) for i in range(12)]
    assert ShareErrors(None, others).of(record).origin == "labelled chips"


def test_robustness_turns_them_as_any_other(predicted: tuple[Chosen, Store]) -> None:
    record, prediction = of(predicted, "tile_1")
    assert prediction.histogram is not None
    found = measure_robustness([(record, prediction, prediction.histogram)], MODEL, predicted[1], 0.5)
    assert found.skipped == []
    views = [chips for change, chips in found.results if change.view.turns or change.view.mirror]
    assert len(views) >= 7 and all(len(chips) == 1 for chips in views)


def test_rasters_and_table_are_written_without_a_place(predicted: tuple[Chosen, Store], tmp_path: Path) -> None:
    chosen, store = predicted
    table = write_predictions(tmp_path, chosen, store, 0.5)
    rows = {row["id"]: row for row in csv.DictReader(table.open())}
    assert rows["tile_1"]["water_km2"] == "" and float(rows["there"]["water_km2"]) > 0.0
    assert float(rows["tile_1"]["water_share"]) == pytest.approx(LAKE / SIZE**2, abs=1e-6)
    with rasterio.open(tmp_path / "tile_1_mask.tif") as mask:
        assert mask.crs is None and not mask.gcps[0] and mask.transform.is_identity
        np.testing.assert_array_equal(mask.read(1), lake())


def test_an_export_leaves_them_out_of_what_needs_a_place_and_says_so(
    predicted: tuple[Chosen, Store], tmp_path: Path
) -> None:
    chosen, store = predicted
    written = write_package(tmp_path, chosen, store, 0.5, PACKAGE)
    note, flood = written.notes
    assert flood.startswith("Flood is not told of any chip")
    assert note.startswith("tile_1 and 1 more have no place on Earth: polygons and STAC leave them out")
    assert [f for f in written.files if f.startswith("items/")] == ["items/there.json"]
    assert sum(f.endswith("_mask.tif") for f in written.files) == 3
    assert set(gpd.read_file(tmp_path / "water.geojson").chip) == {"there"}
    frame = gpd.read_parquet(tmp_path / "scores.parquet").set_index("id")
    assert frame.geometry.isna().to_dict() == {"there": False, "tile_1": True, "tile_2": True}
    assert np.isnan(frame.water_km2["tile_1"]) and frame.iou["tile_1"] == 1.0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["micro"]["water_km2"] == pytest.approx(of(predicted, "there")[1].water_km2(0.5))


def test_an_export_of_them_alone_writes_no_empty_map(predicted: tuple[Chosen, Store], tmp_path: Path) -> None:
    chosen, store = [pair for pair in predicted[0] if not pair[1].placed], predicted[1]
    written = write_package(tmp_path, chosen, store, 0.5, PACKAGE)
    assert not {"water.gpkg", "water.geojson", "water.fgb", "collection.json"} & set(written.files)
    assert "polygons and STAC are not written" in written.notes[0]
    assert json.loads((tmp_path / "scores.json").read_text())["micro"]["water_km2"] is None
    with pytest.raises(UsageError, match="have no place on Earth"):
        write_package(tmp_path / "vectors", chosen, store, 0.5, ["geojson"])


def test_pixels_and_areas_are_found_on_the_stand_in_and_have_no_km2(predicted: tuple[Chosen, Store]) -> None:
    record, prediction = of(predicted, "tile_1")
    chip, values = read_chip(record), predicted[1].read(prediction)
    west, south, east, north = chip.grid.drawn.footprint().bounds
    half = score_area(chip, values, box(west, (south + north) / 2, east, north))
    assert half.pixels == SIZE * SIZE // 2
    assert (half.km2, half.polygon_km2, half.label_water_km2, half.placed) == (None, None, None, False)
    assert half.area.sum() == half.valid_pixels
    assert half.histogram is not None and half.histogram.water_pixels == int(lake()[: SIZE // 2].sum())
    pixel = pixel_at(chip, (values,), west + 1e-6, north - 1e-6)
    assert pixel is not None and (pixel.row, pixel.column) == (0, 0)
    assert pixel.vh == pytest.approx(float(chip.vh[0, 0]))


def _series(*names: str) -> list[ChipRecord]:
    return [ChipRecord(name, unplaced="It has no place.") for name in names]


def test_tiles_of_one_series_never_stand_on_both_sides() -> None:
    records = _series(
        *(f"{scene}_{i}_{j}" for scene in ("alabama", "nebraska", "bihar") for i in range(3) for j in range(3))
    )
    split = split_by_group(records, "event", 0.3)
    assert not {r.series for r in split.train} & {r.series for r in split.validation}
    assert len(split.train) == 18
    assert not apart(_series("alabama_9_9"), split.validation + split.train)


def test_a_single_series_is_split_by_chip_and_the_rule_says_what_that_costs() -> None:
    records = _series(*(f"dfc_{i}" for i in range(6)))
    split = split_by_group(records, "event", 0.3)
    assert len(split.train) + len(split.validation) == 6 and split.train and split.validation
    assert "one scene may be on both sides" in split.rule


def test_a_network_is_trained_on_them(tmp_path: Path, tiny: Recipe) -> None:
    for seed in range(4):
        write_pair(tmp_path / "chips", f"{'ab'[seed % 2]}_{seed}", seed=seed, crs=None, transform=None)
    split = split_by_group(open_catalog([tmp_path / "chips"]).usable(), "event", 0.4)
    done = train(tiny, split, tmp_path, machine=HERE)
    assert (done.path / "README.md").is_file()
    assert set(done.bundle.training["train"]["chips"]) | set(done.bundle.training["validation"]["chips"])
