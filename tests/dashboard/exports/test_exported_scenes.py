"""Scenes that are taken away: polygons of all of one, of the part that is predicted, cancelled between two strips."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.features import rasterize

from dashboard.app import create_app
from dashboard.exports.files import write_takeaway
from dashboard.exports.parts import parts_of
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.export import rasters
from model.export.package import write_package
from model.export.polygons import water_bodies
from model.inference import scenes as runs
from model.inference.job import JobCancelledError
from model.inference.missing import predict_missing
from model.inference.scenes import SceneRun
from model.predictors.backscatter import BackscatterPredictor
from model.store import store as stores
from model.store import streamed
from model.store.prediction import Prediction
from model.store.store import Store, key_of
from model.store.streamed import grid_of_stored
from tests.waiting import eventually
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.errors import StoreError, UsageError
from tiles.scenes import windows
from tiles.simulate.large import write_scene

pytestmark = pytest.mark.slow

SIDE, WINDOW = 500, 160
VECTORS = {"geopackage": "water.gpkg", "geojson": "water.geojson", "flatgeobuf": "water.fgb"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    write_scene(folder, SIDE, SIDE, seed=1)
    return folder


@pytest.fixture(autouse=True)
def small_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an image of a few hundred pixels a side be a scene, read in strips of 128 rows."""
    for module in (windows, stores, rasters):
        monkeypatch.setattr(module, "MAX_PIXELS", 300 * 300)
    monkeypatch.setattr(runs, "WINDOW", WINDOW)
    monkeypatch.setattr(runs, "OVERLAP", 32)
    monkeypatch.setattr(streamed.read_strips, "__defaults__", (128,))


@pytest.fixture
def record(source: Path) -> ChipRecord:
    return open_catalog([source]).records()[0]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data") as opened:
        yield opened


def predicted(record: ChipRecord, store: Store) -> Prediction:
    model = BackscatterPredictor()
    assert predict_missing([record], model, store).failed == {}
    return store.fresh([record], key_of(model))[record.id]


def begun(record: ChipRecord, store: Store, windows_done: int) -> SceneRun:
    run = SceneRun(record, BackscatterPredictor(), store)
    for _ in range(windows_done):
        run.step()
    return run


def test_the_polygons_of_a_scene_are_those_of_its_raster_in_memory_in_every_format(
    record: ChipRecord, store: Store, tmp_path: Path
) -> None:
    prediction = predicted(record, store)
    written = write_package(tmp_path / "out", [(record, prediction)], store, 0.5, [*VECTORS, "csv"])
    assert {*VECTORS.values(), "scores.csv"} == set(written.files)
    path = store.raster_path(prediction)
    with rasterio.open(path) as file:
        values = file.read(1)
    whole = water_bodies(values, 0.5, grid_of_stored(path))
    for name in VECTORS.values():
        frame = gpd.read_file(tmp_path / "out" / name)
        assert len(frame) == len(whole) and frame.is_valid.all()
        assert sorted(frame["km2"]) == pytest.approx(sorted(body.km2 for body in whole))
        assert frame["km2"].sum() == pytest.approx(prediction.water_km2(0.5), rel=0.005)
        assert set(frame["predicted_share"]) == {1.0}
    (note,) = written.notes
    assert note.startswith(f"Of {len(whole):,} water polygons ") and "None is left out" in note


def test_an_export_of_a_scene_is_cancelled_between_two_strips_and_while_a_file_is_written(
    record: ChipRecord, store: Store, tmp_path: Path
) -> None:
    chosen = [(record, predicted(record, store))]
    steps: list[tuple[int, int]] = []
    write_package(
        tmp_path / "all", chosen, store, 0.5, ["probability", *VECTORS], tick=lambda *told: steps.append(told)
    )
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert steps[-1][0] <= steps[-1][1] == 5 and len(steps) > 8, (
        "one strip of 512 rows: raster, polygons and three files"
    )
    for last in range(len(steps)):
        told = 0

        def tick(_done: int, _total: int, last: int = last) -> None:
            nonlocal told
            told += 1
            if told > last:
                raise JobCancelledError("enough")

        with pytest.raises(JobCancelledError):
            write_package(tmp_path / str(last), chosen, store, 0.5, ["probability", *VECTORS], tick=tick)
        left = {path.name for path in (tmp_path / str(last)).rglob("*")}
        assert left <= {"rasters", "scene_probability.tif", *VECTORS.values()}, "no half of a file"


def test_a_scene_that_is_replaced_while_it_is_written_is_in_the_polygons_once(
    record: ChipRecord, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = predicted(record, store)
    asked: list[int] = []
    read = streamed.read_band

    def fails(*arguments: Any) -> Any:
        asked.append(1)
        if len(asked) == 3:
            predict_missing([record], BackscatterPredictor(), store, force=True)
            raise StoreError("It is gone.")
        return read(*arguments)

    monkeypatch.setattr(streamed, "read_band", fails)
    write_package(tmp_path / "out", [(record, old)], store, 0.5, ["geopackage"])
    frame = gpd.read_file(tmp_path / "out" / "water.gpkg")
    assert frame["km2"].sum() == pytest.approx(old.water_km2(0.5), rel=0.005)


def test_of_a_scene_that_is_predicted_in_part_there_is_that_part_and_it_is_told(
    record: ChipRecord, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.inference.partial._CACHE_BYTES", 0)  # no window stays in memory
    model = BackscatterPredictor()
    assert parts_of([record], model, store) == []
    run = begun(record, store, 5)
    (part,) = parts_of([record], model, store)
    assert 0.2 < part.share < 0.5 and part.prediction.total_pixels == round(part.share * SIDE * SIDE)
    formats = ["probability", "geopackage", "csv", "report"]
    written = write_takeaway(tmp_path / "out", [], model, store, 0.5, formats, parts=[part])
    assert written.files == ["rasters/scene_probability.tif", "water.gpkg", "README.txt"]
    assert f"scene: {round(100 * part.share)} % of the scene is predicted" in written.notes[0]
    assert written.notes[0] in (tmp_path / "out" / "README.txt").read_text()
    with rasterio.open(tmp_path / "out" / "rasters" / "scene_probability.tif") as file:
        values, tags, place = file.read(1), file.tags(), file.transform
        frame = gpd.read_file(tmp_path / "out" / "water.gpkg").to_crs(file.crs)
    assert (
        tags["predicted"].endswith(" % of the scene")
        and np.count_nonzero(values != 255) == part.prediction.valid_pixels
    )
    burnt = rasterize(frame.geometry, out_shape=values.shape, transform=place)
    assert np.array_equal(burnt == 1, (values >= 127) & (values != 255))
    assert set(frame["predicted_share"]) == {part.share}
    assert frame["km2"].sum() == pytest.approx(part.prediction.water_km2(0.5), rel=0.005)
    for formats, words in (["csv"], "tables, STAC and report leave the scene out"), (["report"], "choose some of them"):
        with pytest.raises(UsageError, match=words):
            write_takeaway(tmp_path / "none", [], model, store, 0.5, formats, parts=[part])
    while run.left:
        run.step()
    run.finish()
    with pytest.raises(StoreError, match="take it away again"):
        write_takeaway(tmp_path / "late", [], model, store, 0.5, ["geopackage"], parts=[part])
    assert not (tmp_path / "late" / "water.gpkg").exists()
    assert parts_of([record], model, store) == []


def test_the_page_takes_away_what_is_predicted_already_or_has_the_rest_predicted(source: Path, tmp_path: Path) -> None:
    workspace = Workspace(Settings((source,), tmp_path / "data", model="backscatter"))
    try:
        client = create_app(workspace).server.test_client()
        model = workspace.predictor("backscatter")

        def taken(**changed: Any) -> dict[str, Any]:
            asked = {"model": "backscatter", "threshold": 0.5, "formats": ["geopackage"], "chips": None} | changed
            begins = client.post("/exports", json=asked, headers={"X-Floodscope": "test"}).json
            return dict(
                eventually(lambda: client.get(f"/exports/{begins['id']}").json, lambda news: not news["running"])
            )

        def km2(news: dict[str, Any]) -> float:
            with zipfile.ZipFile(io.BytesIO(client.get(f"/exports/{news['id']}/file").data)) as archive:
                name = next(name for name in archive.namelist() if name.endswith("water.gpkg"))
                (tmp_path / "water.gpkg").write_bytes(archive.read(name))
            return float(gpd.read_file(tmp_path / "water.gpkg")["km2"].sum())

        none = taken(predict=False)
        assert none["state"] == "failed" and "only what is predicted was asked for" in none["message"]
        begun(workspace.catalog.records()[0], workspace.store, 5)
        some = taken(predict=False)
        assert some["state"] == "done" and "% of the scene is predicted" in some["notes"][0], some
        assert not workspace.store.for_model(key_of(model)), "nothing was predicted for it"
        part, whole = km2(some), taken()
        assert whole["state"] == "done" and len(whole["notes"]) == 1
        assert 0 < part < km2(whole)
        refused = client.post(
            "/exports",
            json={"model": "b", "threshold": 0.5, "formats": ["csv"], "predict": "no"},
            headers={"X-Floodscope": "t"},
        )
        assert (refused.status_code, "predict must be true" in refused.json["message"]) == (400, True)
    finally:
        workspace.close()
