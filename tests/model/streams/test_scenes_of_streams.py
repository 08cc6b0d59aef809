"""Images larger than a window, and Sentinel-1 products, come into a stream as chips do: each is predicted once, by windows."""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from products.safe_files import NAME, Safe, write_measurement, write_safe, zip_of

from model.inference import scenes
from model.inference.scenes import SceneRun
from model.predictors.backscatter import BackscatterPredictor
from model.store import store as stores
from model.store.prediction import key_of
from model.store.store import Store
from model.streams.folder import PATIENCE, FolderSource
from model.streams.watch import MOST_ATTEMPTS, Watch
from tests.model.streams.conftest import NOW, Drop, Open
from tiles.catalog.catalog import read_source
from tiles.errors import OutputError, SourceError
from tiles.scenes import windows

pytestmark = pytest.mark.slow

KEY = key_of(BackscatterPredictor())
WINDOWS = 9
"""Of a scene of 128 x 128 pixels."""


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let an image of 128 pixels be a scene that is not held in memory, of 9 windows; maps of products lie here."""
    monkeypatch.setattr(scenes, "WINDOW", 64)
    monkeypatch.setattr("model.streams.scenes.WINDOW", 64)
    monkeypatch.setattr(scenes, "OVERLAP", 16)
    for module in (windows, stores):
        monkeypatch.setattr(module, "MAX_PIXELS", 100 * 100)
    monkeypatch.setenv("FLOODSCOPE_SCENES", str(tmp_path / "maps"))


class Counting(BackscatterPredictor):
    """Counts the windows that it is asked about, and ends the process after some."""

    def __init__(self, most: float = math.inf) -> None:
        super().__init__()
        self.asked, self.most = 0, most

    def predict(self, chips: Sequence[Any]) -> list[Any]:
        if self.asked == self.most:
            raise SystemExit(-9)
        self.asked += len(chips)
        return super().predict(chips)


def states(watch: Watch) -> dict[str, str]:
    return {arrival.item: arrival.state for arrival in watch.round().ended}


@pytest.fixture
def small(drop: Drop, imagery: list[Path], inbox: Path) -> Drop:
    """Put a chip of one window into the folder."""

    def put(name: str, which: int = 1) -> Path:

        with rasterio.open(imagery[which]) as dataset:
            profile = {**dataset.profile, "width": 60, "height": 60}
            values = dataset.read(window=((0, 60), (0, 60)))
        with rasterio.open(inbox / name, "w", **profile) as dataset:
            dataset.write(values)
        return inbox / name

    return put


def test_a_scene_is_predicted_by_windows_as_elsewhere_and_told_once(
    open_watch: Open, store: Store, drop: Drop, tmp_path: Path
) -> None:
    path, model = drop("scene.tif"), Counting()
    (ended,) = open_watch(model, above=0.0).round().ended
    assert open_watch(model, above=0.0).round().ended == []
    assert (ended.state, ended.alert, model.asked) == ("predicted", True, WINDOWS)
    held = store.for_model(KEY)["scene"]
    assert ended.facts["water_km2"] == held.water_km2(0.5) > 0
    assert ended.facts["revision"] == held.revision
    with Store(tmp_path / "other") as other:
        run = SceneRun(read_source(path).records[0], BackscatterPredictor(), other)
        while run.left:
            run.step()
        assert np.array_equal(other.read(run.finish()), store.read(held))
    (again,) = open_watch(model, name="of others").round().ended
    assert (again.state, model.asked) == ("predicted", WINDOWS)
    assert list((tmp_path / "data" / "under-way").iterdir()) == []


def test_an_area_counts_water_of_a_scene_inside_whether_it_is_predicted_now_or_before(
    open_watch: Open, drop: Drop
) -> None:
    drop("scene.tif")
    tiny = shapely.box(0, 0, 1, 1)
    assert states(open_watch(area=tiny)) == {"scene.tif": "outside"}
    (whole,) = open_watch().round().ended
    west, south, east, north = shapely.Polygon(whole.facts["footprint"]).bounds
    half = shapely.box(west, south, (west + east) / 2, north)
    (held,) = open_watch(area=half).round().ended
    drop("other.tif")
    (now,) = open_watch(area=half).round().ended
    assert held.facts["valid_km2"] == pytest.approx(whole.facts["valid_km2"] / 2, rel=0.05)
    for name in ("water_km2", "valid_km2"):
        assert now.facts[name] == pytest.approx(held.facts[name], rel=1e-9)


def test_a_process_that_is_killed_loses_one_window_however_often(open_watch: Open, store: Store, drop: Drop) -> None:
    drop("scene.tif")
    asked = 0
    for _ in range(WINDOWS):  # far more often than an input may be begun that gets nowhere
        model = Counting(most=1)
        with pytest.raises(SystemExit):
            open_watch(model).round()
            raise SystemExit  # after the last window nothing is asked any more
        asked += model.asked
    assert asked == WINDOWS
    assert [(a.item, a.state) for a in store.streams.arrivals(limit=9)] == [("scene.tif", "predicted")]


def test_a_scene_whose_window_ends_the_process_again_and_again_is_set_aside(open_watch: Open, drop: Drop) -> None:
    drop("scene.tif")
    with pytest.raises(SystemExit):
        open_watch(Counting(most=3)).round()
    for _ in range(MOST_ATTEMPTS - 1):
        with pytest.raises(SystemExit):
            open_watch(Counting(most=0)).round()
    (ended,) = open_watch(Counting(most=0)).round().ended
    assert "begun 5 times and never ended" in ended.facts["reason"]


def test_chips_go_first_and_a_scene_is_left_to_the_next_look_when_it_is_time(
    open_watch: Open, drop: Drop, small: Drop
) -> None:
    drop("a scene.tif")
    drop("another.tif", 2)
    small("chip.tif")
    model = Counting()
    watch = open_watch(model)
    done = watch.round(until=0.0)
    assert ([a.item for a in done.ended], done.waiting) == (["chip.tif"], ["a scene.tif", "another.tif"])
    assert model.asked == 2
    for _ in range(WINDOWS - 2):  # each look does a window, which counts against nothing
        assert watch.round(until=0.0).ended == []
    small("later.tif")
    assert [a.item for a in watch.round(until=0.0).ended] == ["later.tif", "a scene.tif"]
    stop = threading.Event()
    stop.set()
    assert watch.round(stop).ended == []
    assert [a.item for a in watch.round().ended] == ["another.tif"]
    assert model.asked == 2 * WINDOWS + 2


def test_a_scene_that_is_replaced_while_it_is_predicted_is_predicted_as_it_is_now(
    open_watch: Open, store: Store, drop: Drop
) -> None:
    drop("scene.tif", 0)
    watch = open_watch()
    watch.round(until=0.0)
    drop("scene.tif", 1)
    assert states(watch) == {"scene.tif": "predicted"}
    prediction = store.for_model(KEY)["scene"]
    drop("same.tif", 1)
    watch.round()
    assert np.array_equal(store.read(prediction), store.read(store.for_model(KEY)["same"]))


def test_a_scene_whose_raster_cannot_be_stored_is_set_aside_while_chips_are_and_else_waits(
    open_watch: Open, store: Store, drop: Drop, small: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("scene.tif")

    def full(path: Path, *_: object) -> None:
        raise OutputError("{file} cannot be written (no space): free some space.", file=path)

    monkeypatch.setattr("model.store.scenes.write_probability", full)
    watch, model = open_watch(), Counting()
    for _ in range(2 * MOST_ATTEMPTS):  # where nothing can be kept it counts against nothing
        done = watch.round()
        assert (done.ended, done.waiting) == ([], ["scene.tif"])
        assert "free some space" in done.problems[0].message
    for number in range(MOST_ATTEMPTS - 1):
        small(f"chip{number}.tif")
        assert states(watch) == {f"chip{number}.tif": "predicted"}
    small("last.tif")
    (chip, ended) = open_watch(model).round().ended
    assert (chip.item, ended.state, model.asked) == ("last.tif", "aside", 1)
    assert "free some space" in ended.facts["reason"]


SMALL = Safe(height=60, width=200)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_safe(tmp_path_factory.mktemp("products"), SMALL)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_product_is_one_input_that_waits_until_it_is_whole(
    inbox: Path, tmp_path: Path, open_watch: Open, product: Path, zipped: bool
) -> None:
    whole = zip_of(shutil.copytree(product, tmp_path / product.name)) if zipped else product
    path = inbox / whole.name
    if zipped:
        path.write_bytes(whole.read_bytes()[:-2000])
    else:
        shutil.copytree(whole, path, ignore=shutil.ignore_patterns("*vh*"))
    written = path.stat().st_mtime
    assert open_watch(now=written + 1).round().waiting == [path.name]
    assert open_watch(now=written + 20).round().waiting == [path.name]
    (aside,) = open_watch(now=written + 20 * PATIENCE).round().ended
    assert aside.state == "aside" and ("not" if zipped else "lacks the annotation of VH") in aside.facts["reason"]
    shutil.copyfile(whole, path) if zipped else shutil.copytree(whole, path, dirs_exist_ok=True)
    watch = open_watch()
    done = watch.round()
    assert [problem.message for problem in done.problems] == []
    (ended,) = done.ended
    assert (ended.item, ended.state, ended.chip_id, ended.facts["date"]) == (path.name, "predicted", NAME, "2021-04-01")
    assert any("no terrain correction" in note for note in ended.facts["notes"])
    assert read_source(Path(ended.path or "")).records[0].id == NAME  # as a dashboard finds it
    (path if zipped else path / "measurement").with_name("picture.aux.xml").write_text("<x/>")
    assert watch.round().ended == open_watch().round().ended == []


def test_a_product_whose_measurement_is_replaced_is_predicted_anew(
    inbox: Path, product: Path, open_watch: Open, store: Store
) -> None:
    path = shutil.copytree(product, inbox / product.name)
    assert [problem.message for problem in open_watch().round().problems] == []
    before = store.read(store.for_model(KEY)[NAME])
    darker = Safe(height=60, width=200, sigma0={"vv": lambda line, pixel: 0.021 + 0 * line})
    (measurement,) = path.rglob("*vv*.tiff")
    write_measurement(measurement, darker, "vv", np.random.default_rng(0))
    (ended,) = open_watch().round().ended
    assert (ended.state, ended.facts.get("reason")) == ("predicted", None)
    assert (store.read(store.for_model(KEY)[NAME]) != before).any()
    with pytest.raises(SourceError, match="one product"):
        FolderSource(path, clock=lambda: NOW)
