"""Scenes on the page: what is in view is predicted first, the rest on demand; figures are of the pixels that are done."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from rasterio.windows import Window

from dashboard.app import create_app
from dashboard.routes import transforms
from dashboard.workspace.scenes import window_of
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.inference import scenes as runs
from model.predictors.backscatter import BackscatterPredictor
from model.scores.area import polygon_of, score_area
from model.scores.histogram import ScoreHistogram
from model.scores.pixel import pixel_at, spread
from tests.waiting import eventually
from tiles.chip import Chip
from tiles.errors import UsageError
from tiles.reading.door import read_chip
from tiles.scenes import windows
from tiles.simulate.large import write_scene

pytestmark = pytest.mark.slow

SIDE, WINDOW = 700, 160
MODEL = "backscatter"


@contextmanager
def opened(source: Path, data: Path) -> Iterator[Workspace]:
    workspace = Workspace(Settings((source,), data, model=MODEL))
    try:
        yield workspace
    finally:
        workspace.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    write_scene(folder, SIDE, SIDE, seed=1)
    return folder


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Chip:
    """The scene as a chip in memory."""
    with opened(source, tmp_path_factory.mktemp("unused")) as workspace:
        return read_chip(workspace.catalog.records()[0])


@pytest.fixture
def workspace(source: Path, whole: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A dashboard in which an image of a few hundred pixels a side is a scene of some 50 windows."""
    monkeypatch.setattr(windows, "MAX_PIXELS", 300 * 300)
    monkeypatch.setattr(runs, "WINDOW", WINDOW)
    monkeypatch.setattr(runs, "OVERLAP", 32)
    monkeypatch.setattr(runs, "MOST_LOOKED_AT", 4)
    with opened(source, tmp_path / "data") as made:
        yield made


def look(workspace: Workspace, view: Any = None) -> dict[str, Any]:
    """Return the answer to a click on the scene, once it asks no more."""
    return eventually(
        lambda: workspace.open_chip("scene", MODEL, "click", view=view), lambda found: not found["pending"]
    )


def raster_so_far(workspace: Workspace, revision: str) -> Any:
    record = workspace.catalog.get("scene").now()
    levels, _ = workspace.stored.levels(record, revision)
    return levels.read(0, windows.Window(0, 0, SIDE, SIDE))[..., 0]


def corner_of(whole: Chip) -> list[float]:
    """Return a view of the scene's upper left corner: west, south, east, north."""
    (west, east), (north, south) = whole.grid.lonlat(np.array([0.0, 120.0]), np.array([0.0, 120.0]))
    return [float(west), float(south), float(east), float(north)]


def test_what_is_in_view_is_predicted_first_and_the_rest_on_demand(workspace: Workspace, whole: Chip) -> None:
    answer = look(workspace, corner_of(whole))
    part, found = answer["partial"], answer["prediction"]
    assert answer["scene"]["ready"] and answer["scene"]["settled"] and answer["error"] is None
    assert part["total"] == len(runs.Plan((SIDE, SIDE), WINDOW, 32))
    assert 1 <= part["done"] <= 4 and part["looked"] == 0 and part["job"] is None
    # Nothing further is predicted, however long nobody asks; and it is no prediction of the scene.
    assert workspace.inference.waiting(workspace.catalog.get("scene"), workspace.predictor(MODEL)).ahead == 0
    assert workspace.predicted(MODEL)["predictions"] == []
    raster = raster_so_far(workspace, found["revision"])
    there = raster != 255
    np.testing.assert_array_equal(there[:100, :100], whole.valid[:100, :100])
    assert not there[300:].any() and there.mean() <= part["share"] < 0.2
    (expected,) = BackscatterPredictor().predict([whole])
    np.testing.assert_array_equal(raster[there], expected[there])
    # The figures are those of the pixels that are done.
    assert whole.label is not None
    histogram = ScoreHistogram.from_bytes(base64.b64decode(found["histogram"]))
    of_part = ScoreHistogram.of(raster, whole.label)
    assert histogram.to_bytes() == of_part.to_bytes()
    area = np.frombuffer(base64.b64decode(answer["detail"]["area"]), "<f8")
    assert area.sum() == pytest.approx(whole.grid.pixel_area_km2()[there].sum(), rel=1e-4)
    # Another view, then all of it: a prediction as any other.
    more = look(workspace)
    assert more["partial"]["done"] > part["done"] and more["prediction"]["revision"] != found["revision"]
    workspace.predict_scene("scene", MODEL)
    done = look(workspace)
    assert "partial" not in done and done["prediction"]["valid_pixels"] == whole.valid.sum()
    np.testing.assert_array_equal(raster_so_far(workspace, done["prediction"]["revision"]), expected)
    assert len(workspace.predicted(MODEL)["predictions"]) == 1


def test_a_scene_goes_on_where_it_stopped_and_can_be_given_up(
    source: Path, workspace: Workspace, whole: Chip, tmp_path: Path
) -> None:
    before = look(workspace, corner_of(whole))["partial"]
    workspace.predict_scene("scene", MODEL)
    workspace.predict_scene("scene", MODEL, cancel=True)
    given_up = look(workspace, corner_of(whole))
    if "partial" in given_up:  # else it was quicker than we
        assert not given_up["partial"]["job"]["running"]
    workspace.close()
    with opened(source, tmp_path / "data") as again:
        after = look(again, corner_of(whole))
        assert after["partial"]["done"] >= before["done"] if "partial" in after else after["prediction"]


def test_who_may_not_predict_sees_what_there_is(workspace: Workspace, whole: Chip) -> None:
    eventually(lambda: workspace.open_chip("scene", MODEL, may_predict=False)["error"], bool)
    assert "may not" in workspace.open_chip("scene", MODEL, may_predict=False)["error"]
    look(workspace, corner_of(whole))
    answer = workspace.open_chip("scene", MODEL, may_predict=False)
    assert answer["prediction"] and answer["error"] is None
    assert "degrees" in workspace.open_chip("scene", MODEL, view=[1, 2, "x"])["error"]


def test_pixels_areas_histograms_and_agreement_are_those_of_a_chip(workspace: Workspace, whole: Chip) -> None:
    client: FlaskClient = create_app(workspace).server.test_client()
    workspace.predict_scene("scene", MODEL)
    answer = look(workspace)
    revision, chip_revision = answer["prediction"]["revision"], answer["chip_revision"]
    (raster,) = BackscatterPredictor().predict([whole])
    for column, row in ((3.4, 5.6), (350.2, 610.9), (699.5, 0.5)):
        (lon,), (lat,) = whole.grid.lonlat(np.array([column]), np.array([row]))
        asked = {"lon": lon, "lat": lat, "prediction": revision}
        told = client.get(f"/inspect/point/scene/{chip_revision}", query_string=asked).get_json()
        expected = pixel_at(whole, (raster,), lon, lat)
        assert expected is not None
        assert (told["row"], told["column"], told["label"]) == (expected.row, expected.column, expected.label)
        assert told["values"] == list(expected.values) and told["vv"] == pytest.approx(expected.vv, abs=1e-4)
        assert told["ring"] == [list(corner) for corner in expected.ring]
    assert client.get(f"/inspect/point/scene/{chip_revision}?lon=0&lat=0").get_json() is None
    # An area over the border of several windows.
    lons, lats = whole.grid.lonlat(np.array([100.0, 420.0, 380.0, 60.0]), np.array([90.0, 130.0, 500.0, 430.0]))
    ring = [[float(x), float(y)] for x, y in zip(lons, lats, strict=True)]
    drawn = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    area = client.post(f"/inspect/area/scene/{revision}", json=drawn).get_json()
    same = score_area(whole, raster, polygon_of(drawn))
    assert (area["pixels"], area["valid_pixels"]) == (same.pixels, same.valid_pixels)
    assert same.histogram is not None
    assert base64.b64decode(area["histogram"]) == same.histogram.to_bytes()
    assert area["km2"] == pytest.approx(same.km2, rel=1e-5)
    found = client.get(f"/inspect/spread/scene/{revision}").get_json()
    counts = np.frombuffer(base64.b64decode(found["counts"]), "<u4")
    assert found["looked"] == counts.sum() / 2 and np.count_nonzero(counts) <= np.count_nonzero(spread(whole, raster))
    agreed = client.get(f"/inspect/agreement/scene/{revision}/{revision}").get_json()
    assert agreed["a"] == agreed["both"] and sum(agreed["a"]) == whole.valid.sum()
    tile = client.get(f"/tiles/scores/scene/{revision}/11/{_tile(whole)}.png")
    assert tile.status_code == 200 and tile.mimetype == "image/png"
    assert client.get("/review/metadata/scene").get_json()["decisions"]


def test_a_changed_scene_is_the_square_in_the_middle_of_what_is_in_view(
    workspace: Workspace, whole: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transforms, "SQUARE", 100)
    client = create_app(workspace).server.test_client()
    look(workspace, corner_of(whole))

    def ask(change: str, view: str | None) -> dict[str, Any]:
        query = {"model": MODEL, "click": "one"} | ({} if view is None else {"view": view})
        return eventually(
            lambda: dict(client.post(f"/transforms/scene/{change}", query_string=query).get_json()),
            lambda answer: not answer.get("pending") and answer.get("error") != "BusyError",
        )

    square = windows.part_of_chip(whole, Window(300, 300, 100, 100))
    (probability,) = BackscatterPredictor().predict([square])
    for change in ("turn0", "turn90"):
        answer = ask(change, None)
        assert answer["pixels"] == np.count_nonzero(square.valid)
        assert sum(answer["differing"]) == 0, "a threshold turns with the image"
        assert square.label is not None
        expected = base64.b64encode(ScoreHistogram.of(probability, square.label).to_bytes()).decode()
        assert answer["plain"] == answer["changed"] == expected
    west, south, east, north = whole.grid.footprint().bounds
    corner = f"{west},{south},{west + 0.2 * (east - west)},{south + 0.2 * (north - south)}"
    assert ask("turn0", corner)["image"] != ask("turn0", None)["image"]
    assert "Nothing of the scene is in view" in ask("turn0", f"{east + 1},{south},{east + 2},{north}")["message"]
    assert "A view is west" in ask("turn0", "here")["message"]
    assert "A view is west" in ask("turn0", "nan,1,2,3")["message"]


def test_lists_have_a_scenes_picture_once_it_can_be_drawn(workspace: Workspace) -> None:
    client = create_app(workspace).server.test_client()
    record = workspace.catalog.get("scene")
    address = f"/review/thumbnails/composite/scene/{record.revision()}.png"
    blank = client.get(address)
    assert (blank.status_code, blank.headers["Cache-Control"]) == (200, "no-store")
    assert Image.open(io.BytesIO(blank.data)).size == (1, 1)
    look(workspace)
    drawn = client.get(address)
    assert "immutable" in drawn.headers["Cache-Control"]
    assert Image.open(io.BytesIO(drawn.data)).size == (128, 128)


def test_explore_counts_squares_of_a_scene_and_says_so(workspace: Workspace) -> None:
    client = create_app(workspace).server.test_client()
    answer = eventually(
        lambda: client.post("/review/explore", json={"ids": None}).get_json(),
        lambda found: not found["progress"]["running"],
    )
    assert answer["progress"]["failed"] == []
    assert (answer["looked"]["scenes"], answer["looked"]["of"]) == (1, SIDE * SIDE)
    assert answer["looked"]["pixels"] == sum(answer["pixels"]) > 0
    assert [chip for chip, *_ in answer["shares"]] == ["scene"]


def _tile(whole: Chip, zoom: int = 11) -> str:
    west, south, east, north = whole.grid.footprint().bounds
    lon, lat = (west + east) / 2, np.radians((south + north) / 2)
    return f"{int((lon + 180) / 360 * 2**zoom)}/{int((0.5 - np.arcsinh(np.tan(lat)) / 2 / np.pi) * 2**zoom)}"


def test_a_view_is_a_part_of_the_scene(whole: Chip) -> None:
    grid = whole.grid
    assert window_of(grid, None) == windows.Window(0, 0, SIDE, SIDE)
    assert window_of(grid, [-180, -80, 180, 80]) == windows.Window(0, 0, SIDE, SIDE)
    assert window_of(grid, [0, 0, 1, 1]) is None
    west, south, east, north = corner_of(whole)
    corner = window_of(grid, [west + 360, south, east + 360, north])
    assert corner is not None and corner.col_off == 0 and abs(corner.width - 120) < 6 and abs(corner.height - 120) < 6
    for wrong in ([1, 2], "all", [1, 2, 3, None], [1, 2, 3, float("nan")]):
        with pytest.raises(UsageError, match="view"):
            window_of(grid, wrong)


def test_a_scene_whose_raster_is_lost_is_predicted_anew(workspace: Workspace) -> None:
    workspace.predict_scene("scene", MODEL)
    first = look(workspace)["prediction"]["revision"]
    for path in (workspace.store.folder / "predictions").rglob("*.tif"):
        path.unlink()
    workspace.desk._whole.clear()
    again = look(workspace)
    assert "partial" in again and again["prediction"]["revision"] != first


def test_until_the_label_is_known_nothing_is_told_that_it_is_part_of(
    workspace: Workspace, whole: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is answered under a revision is kept for good: a tile or pixel without its truth would stay so."""
    client: FlaskClient = create_app(workspace).server.test_client()
    workspace.predict_scene("scene", MODEL)
    done = look(workspace)
    revision, chip_revision = done["prediction"]["revision"], done["chip_revision"]
    (entry,) = workspace.scenes._entries.values()
    monkeypatch.setattr(entry, "settled", False)
    (lon,), (lat,) = whole.grid.lonlat(np.array([350.0]), np.array([350.0]))
    for address in (
        f"/tiles/scores/scene/{revision}/12/{_tile(whole, 12)}.png",
        f"/inspect/point/scene/{chip_revision}?lon={lon}&lat={lat}&prediction={revision}",
        f"/inspect/spread/scene/{revision}",
    ):
        answer = client.get(address)
        assert answer.status_code == 503 and answer.headers["Cache-Control"] == "no-store", address
        assert "being made ready" in answer.get_json()["message"]
    assert client.get(f"/inspect/agreement/scene/{revision}/{revision}").status_code == 200
    waits = workspace.open_chip("scene", MODEL)
    assert waits["prediction"] is None and waits["pending"] and waits["error"] is None
