"""Scenes: predicted by windows, without a seam, others go between two of them, and a kill loses one window."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import rasterio.warp
from rasterio.windows import Window

from model.bundle.regions import Regions, grown
from model.evaluation.evaluate import evaluate
from model.export.package import write_package
from model.export.rasters import write_predictions
from model.inference import scenes
from model.inference.blend import Plan
from model.inference.job import Progress
from model.inference.missing import predict_missing
from model.inference.scenes import SceneRun
from model.inference.worker import InferenceWorker
from model.predictors.adaptive import AdaptivePredictor
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.protocol import quantise
from model.scores.histogram import ScoreHistogram
from model.store import store as stores
from model.store.care import check
from model.store.prediction import Prediction
from model.store.rasters import RasterFolder
from model.store.store import Store, key_of
from model.store.streamed import read_strips
from tests.forking import forking
from tests.hostile import share
from tests.model.predictors.bundles import UNET
from tests.waiting import PATIENCE_S, eventually
from tiles.chip import Chip, ChipRecord
from tiles.errors import ChipError, ModelError, PredictionError, PredictionNotFoundError, StoreError
from tiles.reading.door import read_chip
from tiles.scenes import windows
from tiles.scenes.windows import Scene

pytestmark = pytest.mark.slow

MakeRecord = Callable[..., ChipRecord]
SIDE, WINDOW, OVERLAP = 500, 160, 48


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a chip of a few hundred pixels be a scene of many windows."""
    monkeypatch.setattr(scenes, "WINDOW", WINDOW)
    monkeypatch.setattr(scenes, "OVERLAP", OVERLAP)


@pytest.fixture(params=["held", "streamed"])
def scene(request: pytest.FixtureRequest, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch) -> ChipRecord:
    """A scene that is held in memory whole, or read window by window."""
    if request.param == "streamed":
        stream(monkeypatch)
    return sized(make_record("scene", size=SIDE))


def stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_PIXELS", 100 * 100)
    monkeypatch.setattr(stores, "MAX_PIXELS", 100 * 100)


def sized(record: ChipRecord, side: int = SIDE) -> ChipRecord:
    return ChipRecord(**{**vars(record), "width": side, "height": side})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data") as opened:
        yield opened


def raster_of(store: Store, prediction: Prediction) -> npt.NDArray[np.uint8]:
    return np.concatenate([strip for _, strip in read_strips(store.raster_path(prediction))])


def predicted(store: Store, record: ChipRecord, predictor: BackscatterPredictor | AdaptivePredictor) -> Prediction:
    job = predict_missing([record], predictor, store)
    assert job.failed == {}
    return store.fresh([record], key_of(predictor))[record.id]


# --- the blend ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(500, 500), (161, 900), (100, 700), (160, 160), (333, 271)])
def test_windows_cover_every_pixel_and_equal_answers_stay_what_they_are(shape: tuple[int, int]) -> None:
    plan = Plan(shape, WINDOW, OVERLAP)
    whole = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    strips = dict(plan.strips(lambda number: whole[plan.window(number).toslices()]))
    np.testing.assert_array_equal(np.concatenate([strips[top] for top in sorted(strips)]), whole)
    for number in range(len(plan)):
        assert number in plan.touching(plan.window(number))


@pytest.mark.parametrize("shape", [(2048, 2048), (8192, 4096), (25_000, 16_000), (1100, 700)])
def test_windows_predict_little_twice(shape: tuple[int, int]) -> None:
    plan = Plan(shape, 1024, 96)
    height, width = plan.extent
    assert max(height, width) <= 1024
    assert len(plan) * height * width < 1.3 * shape[0] * shape[1]


def test_between_two_windows_the_answer_goes_over_smoothly_and_below_one_half_stays_below() -> None:
    plan = Plan((160, 256), WINDOW, OVERLAP)
    assert plan.lefts == [0, 96]
    ((_, strip),) = plan.strips(lambda number: np.full((160, 160), (20, 220)[number], np.uint8))
    steps = np.diff(strip[0].astype(int))
    assert steps.min() >= 0 and steps.max() <= 20 and strip[0, 0] == 20 and strip[0, -1] == 220
    ((_, strip),) = plan.strips(lambda number: np.full((160, 160), (126, 127)[number], np.uint8))
    assert set(np.unique(strip)) == {126, 127} and (strip[:, :114] == 126).all()


# --- what is predicted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "predictor",
    [BackscatterPredictor(), BackscatterPredictor("otsu"), AdaptivePredictor()],
    ids=lambda predictor: predictor.name,
)
def test_a_scene_that_is_held_is_predicted_as_it_is_whole(
    make_record: MakeRecord, store: Store, predictor: BackscatterPredictor | AdaptivePredictor
) -> None:
    record = sized(make_record("scene", size=SIDE))
    prediction = predicted(store, record, predictor)
    (whole,) = predictor.predict([read_chip(record)])
    np.testing.assert_array_equal(raster_of(store, prediction), whole)


class Regional(BackscatterPredictor):
    """The baseline, with a bundle that looks at regions of what it says."""

    bundle = replace(UNET, regions=Regions(grow=0.3, seed=0.9))

    def by_pixel(self) -> BackscatterPredictor:  # type: ignore[override]
        return BackscatterPredictor()

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        assert self.bundle.regions is not None
        rasters = super().predict(chips)
        known = [
            np.where(chip.valid, raster / np.float32(254), np.nan) for chip, raster in zip(chips, rasters, strict=True)
        ]
        return [quantise(grown(p, self.bundle.regions), chip.valid) for p, chip in zip(known, chips, strict=True)]


@pytest.mark.parametrize("held", [True, False])
def test_regions_of_a_scene_are_looked_at_over_all_of_it(
    make_record: MakeRecord, store: Store, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    if not held:
        stream(monkeypatch)
    record = sized(make_record("scene", size=SIDE))
    chip = read_chip(record)
    (whole,) = Regional().predict([chip])
    (pixels,) = BackscatterPredictor().predict([chip])
    assert ((whole < 127) & (pixels >= 127)).any() and ((whole >= 127) & (whole < 255)).any()
    np.testing.assert_array_equal(raster_of(store, predicted(store, record, Regional())), whole)


def test_of_a_scene_that_is_not_whole_regions_of_each_window_are_looked_at(
    make_record: MakeRecord, store: Store
) -> None:
    run = SceneRun(sized(make_record("scene", size=SIDE)), Regional(), store)
    run.step()
    (first,) = run.done
    (expected,) = Regional().predict([run.scene.read(run.plan.window(first))])
    found = run.answer(first)
    assert found is not None
    np.testing.assert_array_equal(found[0], expected)


def test_scores_areas_and_content_of_windows_are_those_of_the_whole(scene: ChipRecord, store: Store) -> None:
    prediction = predicted(store, scene, BackscatterPredictor())
    chip = read_chip(scene)
    (whole,) = BackscatterPredictor().predict([chip])
    np.testing.assert_array_equal(raster_of(store, prediction), whole)
    assert chip.label is not None and prediction.histogram is not None
    expected = ScoreHistogram.of(whole, chip.label)
    np.testing.assert_array_equal(prediction.histogram.water, expected.water)
    np.testing.assert_array_equal(prediction.histogram.dry, expected.dry)
    km2 = chip.grid.pixel_area_km2()
    np.testing.assert_allclose(prediction.area, np.bincount(whole[chip.valid], km2[chip.valid], 255), rtol=1e-5)
    assert prediction.label_water_km2 == pytest.approx(km2[(chip.label == 1) & chip.valid].sum(), rel=1e-5)
    assert (prediction.valid_pixels, prediction.total_pixels) == (int(chip.valid.sum()), chip.valid.size)
    assert not any((store.folder / "under-way").iterdir()), "the work is swept when it is done"
    evaluation = evaluate([scene], BackscatterPredictor(), store)
    assert evaluation.report()["micro"]["tp"] == expected.confusion(0.5).tp


def test_a_rule_that_looks_at_all_of_an_image_says_the_same_in_every_window(
    make_record: MakeRecord, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(monkeypatch)
    record = sized(make_record("scene", size=SIDE))
    whole = read_chip(record)
    for predictor in (BackscatterPredictor("otsu"), AdaptivePredictor()):
        same = predictor.of_image(Scene(record).sample())
        found = raster_of(store, predicted(store, record, predictor)).astype(int)
        (expected,) = same.predict([whole])
        assert np.mean(np.abs(found - expected) <= 2) > 0.998


def test_a_scene_is_exported_strip_by_strip_with_the_same_pixels(
    scene: ChipRecord, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.export import rasters

    monkeypatch.setattr(rasters, "MAX_PIXELS", 100 * 100)
    prediction = predicted(store, scene, BackscatterPredictor())
    write_predictions(tmp_path / "out", [(scene, prediction)], store, 0.5)
    values = raster_of(store, prediction)
    with rasterio.open(tmp_path / "out" / "scene_probability.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), values)
        assert dataset.nodata == 255 and dataset.profile["tiled"]
    with rasterio.open(tmp_path / "out" / "scene_mask.tif") as dataset:
        expected = np.where(values == 255, 255, (values >= 127).astype(np.uint8))
        np.testing.assert_array_equal(dataset.read(1), expected)
    written = write_package(
        tmp_path / "package", [(scene, prediction)], store, 0.5, ["probability", "mask", "geopackage", "csv", "stac"]
    )
    assert {"rasters/scene_probability.tif", "water.gpkg"} <= set(written.files)
    item = json.loads((tmp_path / "package" / "items" / "scene.json").read_text())
    assert {
        name: (tmp_path / "package" / "items" / asset["href"]).is_file() for name, asset in item["assets"].items()
    } == {
        "probability": True,
        "mask": True,
    }
    with rasterio.open(tmp_path / "out" / "scene_mask.tif") as dataset:
        assert item["bbox"] == pytest.approx(
            rasterio.warp.transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds), abs=1e-6
        )
    assert item["properties"]["floodscope:water_km2"] == prediction.water_km2(0.5)
    collection = json.loads((tmp_path / "package" / "collection.json").read_text())
    assert [link["href"] for link in collection["links"] if link["rel"] == "item"] == ["./items/scene.json"]


def test_a_scene_that_is_damaged_or_changed_is_told_and_not_stored(scene: ChipRecord, store: Store) -> None:
    run = SceneRun(scene, BackscatterPredictor(), store)
    while run.left:
        run.step()
    path = Path(scene.vv.path)  # type: ignore[union-attr]
    os.utime(path, ns=(1, 1))
    with pytest.raises(ChipError, match="were changed or removed while it was predicted: predict it again"):
        run.finish()
    assert store.for_model(key_of(BackscatterPredictor())) == {}


@pytest.mark.parametrize(
    "change",
    [lambda path: os.utime(path, ns=(1, 1)), Path.unlink, lambda path: path.write_bytes(b"")],
    ids=["written", "gone", "empty"],
)
def test_a_scene_whose_file_is_another_by_the_next_window_is_not_gone_on_with(
    scene: ChipRecord, store: Store, change: Callable[[Path], None]
) -> None:
    run = SceneRun(scene, BackscatterPredictor(), store)
    run.step()
    change(Path(scene.vv.path))  # type: ignore[union-attr]
    with pytest.raises(ChipError, match="were changed or removed while it was predicted: predict it again"):
        run.step()
    assert run.done == {0}


def test_a_model_that_answers_where_there_is_no_data_is_told(scene: ChipRecord, store: Store) -> None:
    class Careless(BackscatterPredictor):
        def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
            return [np.zeros(chip.valid.shape, np.uint8) for chip in chips]

    job = predict_missing([scene], Careless(), store)
    assert "did not answer 255 exactly where chip scene has no data" in job.failed["scene"].message


# --- the queue ---------------------------------------------------------------------------------------------------------


class Gated(BackscatterPredictor):
    """The baseline, which answers one window or chip for each time that it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Semaphore(0)
        self.asked: list[str] = []

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        self.asked += [chip.id for chip in chips]
        assert self.let.acquire(timeout=PATIENCE_S)
        return super().predict(chips)


def test_a_click_goes_between_two_windows_and_progress_counts_windows(
    scene: ChipRecord, store: Store, make_record: MakeRecord
) -> None:
    model, small = Gated(), make_record("small", size=32)
    with InferenceWorker(store) as worker:
        job = worker.predict_all([scene], model)
        eventually(lambda: model.asked, lambda asked: asked == ["scene"])
        click = worker.submit(small, model)
        model.let.release(2)
        assert click.result(PATIENCE_S).chip_id == "small"
        assert model.asked[:2] == ["scene", "small"]
        total = len(Plan((SIDE, SIDE), WINDOW, OVERLAP))
        told: Progress = eventually(job.snapshot, lambda progress: progress.parts_ready >= 1)
        assert told.steps == total and told.total == 1 and told.running
        model.let.release(1000)
        assert job.wait(PATIENCE_S)
        assert job.snapshot().steps_ready == total


def test_two_people_who_wait_for_scenes_take_turns(store: Store, make_record: MakeRecord) -> None:
    model = Gated()
    one, two = (sized(make_record(name, size=SIDE)) for name in ("one", "two"))
    with InferenceWorker(store) as worker:
        futures = [worker.submit(one, model)]
        eventually(lambda: model.asked)
        futures.append(worker.submit(two, model))
        model.let.release(1000)
        assert [future.result(PATIENCE_S).chip_id for future in futures] == ["one", "two"]
    assert "two" in model.asked[:5]


def test_a_scene_is_cancelled_between_two_windows_and_goes_on_later(scene: ChipRecord, store: Store) -> None:
    model = Gated()
    with InferenceWorker(store) as worker:
        job = worker.predict_all([scene], model)
        model.let.release(3)
        eventually(lambda: model.asked, lambda asked: len(asked) >= 4)
        job.cancel()
        model.let.release()
        assert job.wait(PATIENCE_S) and job.snapshot().cancelled
        eventually(lambda: worker.waiting, lambda waiting: waiting == 0)
        asked = len(model.asked)
        assert asked == 4 and store.for_model(key_of(model)) == {}
        model.let.release(1000)
        assert worker.predict_all([scene], model).wait(PATIENCE_S)
    assert len(model.asked) - asked < len(Plan((SIDE, SIDE), WINDOW, OVERLAP)) - 2, (
        "the windows that were done are kept"
    )


def test_a_closed_worker_tells_who_waits_for_a_scene(scene: ChipRecord, store: Store) -> None:
    model = Gated()
    worker = InferenceWorker(store)
    future = worker.submit(scene, model)
    eventually(lambda: model.asked)
    closing = threading.Thread(target=worker.close)
    closing.start()
    eventually(lambda: worker._closed)
    model.let.release(1000)
    closing.join(PATIENCE_S)
    with pytest.raises(PredictionError, match="ask for it again, and it goes on with the windows that are left"):
        future.result(PATIENCE_S)


def test_a_model_that_fails_in_one_window_fails_the_scene_and_nothing_else(
    scene: ChipRecord, store: Store, make_record: MakeRecord
) -> None:
    class Fails(BackscatterPredictor):
        def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
            if chips[0].id == "scene" and chips[0].grid.transform.c > 600_000:
                raise ModelError("The model broke: mend it.")
            return super().predict(chips)

    job = predict_missing([scene, make_record("small", size=32)], Fails(), store)
    assert list(job.failed) == ["scene"] and "The model broke" in job.failed["scene"].message
    assert job.completed() == ["small"]


# --- a kill ------------------------------------------------------------------------------------------------------------

KILLS = share(5, 10)


class Slow(BackscatterPredictor):
    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        time.sleep(0.01)
        return super().predict(chips)


def _predict(folder: str, record: ChipRecord, ready: Connection) -> None:
    scenes.WINDOW, scenes.OVERLAP = WINDOW, OVERLAP
    windows.MAX_PIXELS = stores.MAX_PIXELS = 100 * 100
    with Store(folder) as store:
        run = SceneRun(record, Slow(), store)
        ready.send(run.left)
        while run.left:
            run.step()
            ready.send(run.left)
        run.finish()


def test_a_scene_that_is_killed_again_and_again_ends_with_the_same_bytes(
    make_record: MakeRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(monkeypatch)
    record = sized(make_record("scene", size=SIDE))
    with Store(tmp_path / "straight") as store:
        straight = raster_of(store, predicted(store, record, Slow()))
    chance = random.Random(5)
    context = forking()
    left: list[int] = []
    for _ in range(KILLS):
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_predict, args=(str(tmp_path / "killed"), record, sender))
        child.start()
        assert receiver.poll(PATIENCE_S)
        left.append(receiver.recv())
        for _ in range(chance.randint(0, 2)):
            assert receiver.poll(PATIENCE_S)
            receiver.recv()
        time.sleep(chance.uniform(0.0, 0.02))  # so that it falls anywhere in a window
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join(PATIENCE_S)
        child.close()
    assert left == sorted(left, reverse=True) and left[-1] < left[0], "each began with the windows that others had left"
    with Store(tmp_path / "killed") as store:
        prediction = predicted(store, record, Slow())
        np.testing.assert_array_equal(raster_of(store, prediction), straight)
        assert not any((store.folder / "under-way").iterdir())


def test_a_check_of_the_store_reads_a_scene_s_raster_strip_by_strip(
    scene: ChipRecord, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(monkeypatch)
    prediction = predicted(store, scene, BackscatterPredictor())

    def too_large(*_: object) -> None:
        raise PredictionNotFoundError("No raster of a scene is held in memory.")

    monkeypatch.setattr(RasterFolder, "read", too_large)
    found = check(store, mend=True)
    assert (found.whole, found.lost) == (1, []) and store.is_whole(prediction)
    path = store.raster_path(prediction)
    path.write_bytes(path.read_bytes()[:400])
    assert [chip for chip, _ in check(store, mend=True).lost] == ["scene"] and not store.models()


def test_a_window_that_is_damaged_on_disk_is_predicted_again(scene: ChipRecord, store: Store) -> None:
    run = SceneRun(scene, BackscatterPredictor(), store)
    while run.left:
        run.step()
    for number, content in enumerate((b"", b"floodscope window 1\n{}", os.urandom(200))):
        (next((store.folder / "under-way").iterdir()) / f"{number}.window").write_bytes(content)
    np.testing.assert_array_equal(raster_of(store, run.finish()), BackscatterPredictor().predict([read_chip(scene)])[0])


def test_a_part_of_a_run_is_there_while_it_goes_on(scene: ChipRecord, store: Store) -> None:
    run = SceneRun(scene, BackscatterPredictor(), store)
    run.order = lambda plan, left: max(left)
    run.step()
    last = run.total - 1
    window: Window = run.plan.window(last)
    answer = run.answer(last)
    assert answer is not None and answer[0].shape == (window.height, window.width)
    assert run.answer(0) is None and run.left == run.total - 1


def test_what_is_looked_at_is_predicted_and_no_more_and_another_click_waits_for_one_window(
    make_record: MakeRecord, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(monkeypatch)
    monkeypatch.setattr(scenes, "MOST_LOOKED_AT", 3)
    scene, other = Scene(sized(make_record("scene", size=SIDE))), make_record("other")
    order: list[str] = []
    gate = threading.Semaphore(0)

    class Gated(BackscatterPredictor):
        def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
            gate.acquire()
            order.append(chips[0].id)
            return super().predict(chips)

    model = Gated()
    with InferenceWorker(store) as worker:
        assert worker.look(scene, model, Window(0, 0, SIDE, SIDE)) is None
        run = eventually(lambda: worker.look(scene, model, None), lambda found: found is not None)
        assert run is not None and len(run.looked_at) == 3
        middle = run.looked_at[0]
        waits = worker.submit(other, model)
        gate.release()
        gate.release()
        waits.result(PATIENCE_S)
        assert order.count("other") == 1 and len(order) <= 2 and middle in run.done | {middle}
        for _ in range(100):
            gate.release()
        eventually(lambda: worker.waiting, lambda count: count == 0)
        assert run.looked_at == [] and len(run.done) == 3 and order.count("scene") == 3
        # More of it where somebody looks, and all of it where that is asked for: the same run goes on.
        worker.look(scene, model, run.plan.window(0))
        eventually(lambda: len(run.done), lambda count: count > 3)
        assert worker.predict_all([scene.record], model).wait(PATIENCE_S)
        assert order.count("scene") == run.total and worker.look(scene, model, None) is None
        stored = store.fresh([scene.record], key_of(model))["scene"]
        np.testing.assert_array_equal(raster_of(store, stored), BackscatterPredictor().predict([whole_of(scene)])[0])


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Window]:
    """The windows that are read of scenes, in their order."""
    found: list[Window] = []
    plain = Scene.read

    def noted(self: Scene, window: Window, *, with_label: bool = True) -> Chip:
        if max(window.height, window.width) > 1:  # no point of the content
            found.append(window)
        return plain(self, window, with_label=with_label)

    monkeypatch.setattr(Scene, "read", noted)
    return found


def test_the_next_window_is_read_while_a_model_is_at_the_one_before(
    make_record: MakeRecord, store: Store, read: list[Window], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(monkeypatch)
    record = sized(make_record("scene", size=SIDE))

    class Slow(BackscatterPredictor):
        def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
            soon = min(len(answered) + 2, run.total)
            answered.append(eventually(lambda: len(read), lambda count: count == soon))
            return super().predict(chips)

    answered: list[int] = []
    run = SceneRun(record, Slow(), store)
    read.clear()
    while run.left:
        run.step()
    assert read == [run.plan.window(number) for number in range(run.total)], "each once, in order"
    whole = Scene(record).read(Window(0, 0, SIDE, SIDE))
    np.testing.assert_array_equal(raster_of(store, run.finish()), BackscatterPredictor().predict([whole])[0])


def test_no_window_is_read_that_nobody_asked_for_and_another_look_is_no_matter(
    make_record: MakeRecord, store: Store, read: list[Window], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(monkeypatch)
    monkeypatch.setattr(scenes, "MOST_LOOKED_AT", 2)
    run = SceneRun(sized(make_record("scene", size=SIDE)), BackscatterPredictor(), store)
    read.clear()
    first, last = run.plan.window(0), run.plan.window(run.total - 1)
    run.look(first)
    wanted = run.looked_at
    run.step()
    eventually(lambda: len(read), lambda count: count == 2)
    run.look(last)  # the second window of the first look lies ready, and is not wanted now
    others = run.looked_at
    for _ in others:
        run.step()
    assert run.done == {wanted[0], *others}
    assert [*read] == [run.plan.window(number) for number in (*wanted, *others)]


def test_what_the_adaptive_rule_says_of_a_window_is_found_beside_the_model_and_is_the_same(
    make_record: MakeRecord, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(monkeypatch)
    record, seen = sized(make_record("scene", size=SIDE)), []

    class Asked(AdaptivePredictor):
        def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
            seen.extend(chip.rule_odds is not None for chip in chips)
            (one,) = super().predict(chips)
            (other,) = super().predict([replace(chip, rule_odds=None) for chip in chips])
            np.testing.assert_array_equal(one, other)
            return [one]

    run = SceneRun(record, Asked(), store)
    while run.left:
        run.step()
    assert seen == [True] * run.total


def test_a_window_that_cannot_be_read_is_told_when_its_turn_comes_and_read_again(
    make_record: MakeRecord, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(monkeypatch)
    run = SceneRun(sized(make_record("scene", size=SIDE)), BackscatterPredictor(), store)
    broken, plain = run.plan.window(1), Scene.read
    fails = iter([True])

    def read_once(self: Scene, window: Window, *, with_label: bool = True) -> Chip:
        if window == broken and next(fails, False):
            raise ChipError("The file ends in the middle of it.")
        return plain(self, window, with_label=with_label)

    monkeypatch.setattr(Scene, "read", read_once)
    run.step()
    with pytest.raises(ChipError, match="ends in the middle"):
        run.step()
    assert run.done == {0}
    run.step()
    assert run.done == {0, 1}


def whole_of(scene: Scene) -> Chip:
    return scene.read(Window(0, 0, SIDE, SIDE))


def test_a_scene_that_cannot_be_predicted_says_so_to_who_looks_and_is_tried_again(
    make_record: MakeRecord, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(monkeypatch)
    scene = Scene(sized(make_record("scene", size=SIDE)))
    fails = [True]

    class Failing(BackscatterPredictor):
        def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
            if fails.pop() if fails else False:
                raise RuntimeError("out of everything")
            return super().predict(chips)

    model = Failing()
    with InferenceWorker(store) as worker:

        def problem() -> str:
            try:
                worker.look(scene, model, Window(0, 0, 40, 40))
            except PredictionError as error:
                return str(error)
            return ""

        assert "out of everything" in eventually(problem, bool)
        assert worker.waiting == 0
        worker.look(scene, model, Window(0, 0, 40, 40))
        run = eventually(lambda: worker.look(scene, model, None), lambda found: bool(found and found.done))
        assert run is not None and 0 in run.done


def test_a_raster_that_could_not_be_written_is_made_when_somebody_looks_again(
    make_record: MakeRecord, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(monkeypatch)
    scene, model = Scene(sized(make_record("scene", size=SIDE))), BackscatterPredictor()
    finish = SceneRun.finish
    fails = [True]

    def failing(run: SceneRun) -> Prediction:
        if fails and fails.pop():
            raise StoreError("The disk is full: free some space.")
        return finish(run)

    monkeypatch.setattr(SceneRun, "finish", failing)
    with InferenceWorker(store) as worker:
        job = worker.predict_all([scene.record], model)
        assert job.wait(PATIENCE_S) and "disk is full" in job.failed["scene"].message
        worker.look(scene, model, Window(0, 0, 40, 40))
        eventually(lambda: store.fresh([scene.record], key_of(model)), bool)
        eventually(lambda: worker.look(scene, model, None), lambda run: run is None)  # let go of after the row is there
