"""From training to scores: what a bundle was trained on is told from what it was not, and nothing is asked twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from sqlalchemy import text

from model.bundle.manifest import CHIPS, MANIFEST, attach_list, read_bundle, read_states, write_bundle
from model.evaluation.comparison import compare
from model.evaluation.evaluate import evaluate
from model.evaluation.judge import Judge, crossvalidated, seen_by, seen_by_id
from model.inference.missing import predict_missing
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.local import LocalPredictor
from model.seen.chips import SeenChips, read_seen_chips
from model.store.store import Store, key_of
from model.training.provenance import name_chips
from model.training.recipe import Recipe, change_recipe
from model.training.split import Split
from model.training.train import Trained, train
from model.weights import WEIGHTS
from tests.model.predictors.bundles import pack_bundle
from tests.model.training.test_fit import HERE
from tiles.catalog.catalog import open_catalog
from tiles.chip import UNKNOWN, ChipRecord
from tiles.content import content_of
from tiles.errors import BundleError, ModelError, UsageError
from tiles.reading.door import read_chip
from tiles.simulate import simulate

pytestmark = pytest.mark.slow

TINY = change_recipe(
    Recipe(),
    {
        "name": "tiny", "encoder": "tu-mobilenetv3_small_050",
        "options": {"encoder_depth": 3, "decoder_channels": [16, 8, 8]}, "crop": 32, "batch": 2, "steps_per_epoch": 2,
        "epochs": 1, "patience": 0, "precision": "float32", "tta": "none",
    },
)  # fmt: skip


class Training:
    """A training on two simulated chips, calibrated on a third; a fourth was never shown to it."""

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        simulate(folder / "chips", chips=4, seed=5, size=64)
        self.records = [r for r in open_catalog([folder / "chips"]).usable() if r.has_label]
        assert len(self.records) == 4
        self.split = Split(tuple(self.records[:2]), (self.records[2],), "by hand")
        self.done: Trained = train(TINY, self.split, folder / "run", machine=HERE)
        self.seen = {r.id: i < 3 for i, r in enumerate(self.records)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Training:
    return Training(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def rewritten(record: ChipRecord, folder: Path, **profile: object) -> ChipRecord:
    """Return a copy of a chip in other files, under another name."""
    folder.mkdir()
    for name in ("vv", "vh", "label"):
        asset = getattr(record, name)
        with rasterio.open(asset.path) as source:
            band, settings = source.read(asset.band), source.profile
        settings.update(count=1, **profile)
        with rasterio.open(folder / f"copy_{name}.tif", "w", **settings) as target:
            target.write(band, 1)
    (copy,) = open_catalog([folder]).usable()
    return copy


def test_a_bundle_names_what_trained_it_and_what_chose_its_threshold(trained: Training) -> None:
    bundle = read_bundle(trained.done.path)
    seen = read_seen_chips(trained.done.path, bundle)
    assert seen is not None
    assert seen.complete
    assert {(c.id, c.part) for c in seen.chips} == {
        (trained.records[0].id, "training"), (trained.records[1].id, "training"), (trained.records[2].id, "calibration"),
    }  # fmt: skip
    assert all(c.simulated and c.footprint is None for c in seen.chips)
    assert CHIPS in (trained.done.path / "README.md").read_text()


def test_scores_on_its_own_chips_are_told_from_one_that_counts(trained: Training, store: Store) -> None:
    report = evaluate(trained.records, LocalPredictor(trained.done.path, "cpu"), store, by="chip").report()
    assert {c["id"]: c["seen_in_training"] for c in report["chips"]} == trained.seen
    assert report["seen"] == {"seen": 3, "unseen": 1, "unknown": 0}
    (new,) = [c for c in report["chips"] if not c["seen_in_training"]]
    for count in ("tp", "fp", "fn", "tn"):
        assert report["micro_unseen"][count] == new[count]
        assert report["micro"][count] == sum(c[count] for c in report["chips"])
    assert {g["name"]: g["micro_unseen"] is None for g in report["groups"]} == trained.seen
    assert report["mean_over_unseen_chips"]["iou"] == new["iou"]


def test_a_copy_in_another_folder_under_another_name_is_seen(trained: Training, store: Store, tmp_path: Path) -> None:
    copies = [
        rewritten(trained.records[i], tmp_path / str(i), compress="lzw", tiled=True, blockxsize=16, blockysize=16)
        for i in (0, 3)
    ]
    copies = [replace(copy, id=f"copy_{i}", simulated=False) for i, copy in enumerate(copies)]
    report = evaluate(copies, LocalPredictor(trained.done.path, "cpu"), store).report()
    assert {c["id"]: c["seen_in_training"] for c in report["chips"]} == {"copy_0": True, "copy_1": False}


def nowhere(record: ChipRecord, folder: Path, rows: int, cols: int) -> ChipRecord:
    """Return a piece of a chip, cut out of its middle, in files that say no place."""
    folder.mkdir()
    for name in ("vv", "vh", "label"):
        asset = getattr(record, name)
        with rasterio.open(asset.path) as source:
            band = source.read(asset.band)[9 : 9 + rows, 7 : 7 + cols]
            profile = {key: source.profile[key] for key in ("driver", "dtype", "nodata")}
        with rasterio.open(
            folder / f"{folder.name}_{name}.tif", "w", height=rows, width=cols, count=1, **profile
        ) as target:
            target.write(band, 1)
    (piece,) = open_catalog([folder]).usable()
    return replace(piece, simulated=False)


def test_a_piece_that_says_no_place_is_known_by_its_pixels_and_what_was_found_is_kept(
    trained: Training, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = LocalPredictor(trained.done.path, "cpu")
    pieces = [nowhere(trained.records[i], tmp_path / f"of_{i}", 45, 50) for i in (0, 2, 3)]
    pieces.append(nowhere(trained.records[3], tmp_path / "small", 16, 16))
    expected = {"of_0": True, "of_2": True, "of_3": False, "small": None}
    predict_missing(pieces, predictor, store)
    given = [(r, p) for r in pieces if (p := store.get(r, key_of(predictor))) is not None]
    with monkeypatch.context() as hurried:
        hurried.setattr("model.evaluation.judge._PATIENCE_S", -1.0)
        assert Judge.of(store, predictor).judge(given) == dict.fromkeys(expected), "not known, where nobody looked"
    judge = Judge.of(store, predictor)
    assert judge.judge(given) == expected
    with monkeypatch.context() as blind:
        blind.setattr("model.evaluation.pieces.read_chip", None)
        assert judge.judge(given) == expected
        assert Judge.of(store, predictor).judge(given) == expected
    report = evaluate(pieces, predictor, store).report()
    assert {c["id"]: c["seen_in_training"] for c in report["chips"]} == expected
    assert report["seen"] == {"seen": 2, "unseen": 1, "unknown": 1}
    changed = replace(given[2][0], vv=given[0][0].vv, vh=given[0][0].vh)
    assert Judge(Store(tmp_path / "other"), key_of(predictor), seen_by(predictor)).judge([(changed, given[2][1])]) == {
        "of_3": None
    }


def test_the_baseline_has_seen_nothing(trained: Training, store: Store) -> None:
    report = evaluate(trained.records, BackscatterPredictor(), store).report()
    assert {c["seen_in_training"] for c in report["chips"]} == {False}
    assert report["micro_unseen"] == report["micro"]
    assert report["crossvalidated"] is None


def test_a_bundle_without_a_list_does_not_tell(trained: Training, store: Store, tmp_path: Path) -> None:
    bundle = read_bundle(trained.done.path)
    states = read_states(trained.done.path, bundle)
    with pytest.raises(ModelError, match="names the chips"):
        write_bundle(tmp_path / "old", bundle, states)  # it would lose them without a word
    write_bundle(tmp_path / "old", replace(bundle, chips=""), states, half=True)
    assert "chips" not in (tmp_path / "old" / MANIFEST).read_text().split('"version"')[1]
    report = evaluate(trained.records, LocalPredictor(tmp_path / "old", "cpu"), store).report()
    assert {c["seen_in_training"] for c in report["chips"]} == {None}
    assert report["micro_unseen"] is None
    assert report["seen"]["unknown"] == 4


def test_two_models_are_compared_on_chips_that_are_new_to_both(trained: Training, store: Store) -> None:
    one = evaluate(trained.records, LocalPredictor(trained.done.path, "cpu"), store)
    other = evaluate(trained.records, BackscatterPredictor(), store)
    (pair,) = compare([one, other])["pairs"]
    (new,) = [h.confusion(0.5).iou for r, _, h in other.predictions if not trained.seen[r.id]]
    assert pair["seen"] == {"seen": 3, "unseen": 1, "unknown": 0}
    assert pair["micro_unseen"]["chips"] == 1
    assert pair["micro_unseen"]["second_iou"] == new
    assert all(m["seen_in_training"] is trained.seen[m["id"]] for m in pair["moved_most"])


def test_a_store_of_before_learns_the_contents_once(trained: Training, store: Store) -> None:
    predictor = LocalPredictor(trained.done.path, "cpu")
    predict_missing(trained.records, predictor, store)
    with store.database.writing() as connection:
        connection.execute(text("DROP TABLE floodscope_contents"))
        connection.execute(text("UPDATE floodscope_about SET value = '1' WHERE name = 'schema_version'"))
    store.close()
    with Store(store.folder) as reopened:  # the table is made anew, and holds nothing
        pairs = [(r, reopened.get(r, key_of(predictor))) for r in trained.records]
        given = [(r, p) for r, p in pairs if p is not None]
        assert Judge.of(reopened, predictor).judge(given) == dict.fromkeys(trained.seen)
        assert Judge.of(reopened, predictor).judge(given, reading=True) == trained.seen
        assert Judge.of(reopened, predictor).judge(given) == trained.seen  # kept
        assert len(reopened.contents(key_of(predictor))) == 4
        reopened.forget(trained.records[0])
        assert len(reopened.contents(key_of(predictor))) == 3


def test_a_training_that_goes_on_from_another_has_seen_its_chips_too(trained: Training, tmp_path: Path) -> None:
    more = Split((trained.records[3], trained.records[0]), (), "all")
    done = train(TINY, more, tmp_path / "on", init=trained.done.path, machine=HERE)
    seen = read_seen_chips(done.path, done.bundle)
    assert seen is not None
    assert {c.id for c in seen.chips} == set(trained.seen)
    bundle = read_bundle(trained.done.path)
    write_bundle(tmp_path / "old", replace(bundle, chips=""), read_states(trained.done.path, bundle), half=True)
    done = train(TINY, more, tmp_path / "untold", init=tmp_path / "old", machine=HERE)
    untold = read_seen_chips(done.path, done.bundle)
    assert untold is not None
    assert not untold.complete  # what the other had seen is not known
    assert len(untold.chips) == 2


def test_an_old_bundle_is_given_its_list_and_keeps_its_weights(trained: Training, tmp_path: Path) -> None:
    bundle = read_bundle(trained.done.path)
    path = tmp_path / "old"
    noted = {"train": {"chips": [], "simulated_chips": 2}, "validation": {"chips": [], "simulated_chips": 0}}
    old = write_bundle(
        path, replace(bundle, chips="", training=noted), read_states(trained.done.path, bundle), half=True
    )
    with pytest.raises(UsageError, match="2 simulated chips, but the SOURCEs hold 4"):
        name_chips(path, trained.records)
    written, seen = name_chips(path, trained.records[:2])
    assert [m.sha256 for m in written.members] == [m.sha256 for m in old.members]
    assert written.id != old.id
    assert read_bundle(path) == written
    assert {c.id for c in seen.chips} == {r.id for r in trained.records[:2]}
    attach_list(path, replace(written, training={"train": {"chips": ["Atlantis"]}}), b"")
    with pytest.raises(UsageError, match="in no SOURCE, as Atlantis"):
        name_chips(path, trained.records)


def test_the_list_belongs_to_the_bundle(trained: Training, tmp_path: Path) -> None:
    archive = tmp_path / "packed.tar.gz"
    pack_bundle(trained.done.path, archive)
    packed = read_seen_chips(archive, read_bundle(archive))
    assert packed == read_seen_chips(trained.done.path, trained.done.bundle)
    folder = tmp_path / "altered"
    bundle = read_bundle(trained.done.path)
    states, content = read_states(trained.done.path, bundle), (trained.done.path / CHIPS).read_bytes()
    write_bundle(folder, bundle, states, half=True, chips=content)
    (folder / CHIPS).write_bytes(SeenChips().to_bytes())  # it has seen nothing, it says
    for read in (lambda: read_bundle(folder), lambda: seen_by(LocalPredictor(folder))):
        with pytest.raises(BundleError, match=rf"{CHIPS} was altered"):
            read()
    (folder / CHIPS).unlink()
    with pytest.raises(BundleError, match=rf"lacks {CHIPS}"):
        read_bundle(folder)


def test_the_shipped_model_is_known_by_its_id_wherever_it_runs() -> None:
    shipped = read_bundle(WEIGHTS)
    seen = seen_by_id(shipped.id)
    assert seen is not None
    assert seen.complete
    assert sum(c.simulated for c in seen.chips) == shipped.training["train"]["simulated_chips"]
    learned = [c for c in seen.chips if c.part == "training"]
    assert sorted(c.id for c in learned if not c.simulated) == shipped.training["train"]["chips"]
    assert sum(not c.simulated for c in seen.chips) == 196  # those of the sources that it was chosen by
    assert seen_by_id("0" * 64) is None
    told = crossvalidated(shipped)
    assert told is not None
    rows = shipped.scores["cross_validation"]["countries"].values()
    assert told["micro"] == shipped.scores["cross_validation"]["micro"]["iou"]
    assert told["mean"] == pytest.approx(np.mean([row["iou"] for row in rows if row["water_share"]]))
    assert (told["by"], told["groups"], told["chips"]) == ("source", 3, 12)
    assert crossvalidated(replace(shipped, scores={})) is None


def cut_out(record: ChipRecord, window: rasterio.windows.Window, image: Path) -> None:
    """Write a window of a chip's image and label, on its grid, and its label beside it."""
    assert record.vv is not None and record.label is not None
    for asset, bands, path in ((record.vv, [1, 2], image), (record.label, [1], image.with_stem(f"{image.stem}_label"))):
        with rasterio.open(asset.path) as source:
            profile = {key: source.profile[key] for key in ("driver", "dtype", "nodata", "crs", "count")}
            place = {"width": window.width, "height": window.height, "transform": source.window_transform(window)}
            with rasterio.open(path, "w", **profile | place) as target:
                target.write(source.read(bands, window=window))
                target.descriptions = source.descriptions


def test_every_real_chip_that_chose_the_shipped_model_is_seen_and_none_is_its_headline(
    real_data: Path, store: Store, tmp_path: Path
) -> None:
    """A piece of each chip is predicted, which its place tells: the network takes seconds for a whole one."""
    shipped = LocalPredictor(WEIGHTS, "cpu")
    seen = read_seen_chips(WEIGHTS, shipped.bundle)
    trained = 0
    for record in open_catalog([real_data / "sen1floods11", real_data / "drivendata"]).usable():
        chip = read_chip(record)
        known = chip.valid & (chip.label != UNKNOWN) if chip.label is not None else np.zeros_like(chip.valid)
        assert seen.judge(record, content_of(chip)) is bool(known.any()), record.id
        if known.any():
            trained += 1
            row, column = (int(np.clip(places[len(places) // 2] - 16, 0, 480)) for places in np.nonzero(known))
            if record.vv.path == record.vh.path:
                cut_out(record, rasterio.windows.Window(column, row, 32, 32), tmp_path / f"{record.id}.tif")
    assert trained == 12
    pieces = open_catalog([tmp_path]).usable()
    assert len(pieces) == 10
    report = evaluate(pieces, shipped, store).report()
    assert report["micro_unseen"] is None
    assert report["seen"] == {"seen": 10, "unseen": 0, "unknown": 0}
    assert all(g["micro_unseen"] is None for g in report["groups"])


def test_a_real_chip_cut_or_moved_by_a_pixel_is_seen_by_its_place(
    real_data: Path, store: Store, tmp_path: Path
) -> None:
    whole = open_catalog([real_data / "sen1floods11"]).get("India_900498")
    cut_out(whole, rasterio.windows.Window(101, 57, 211, 199), tmp_path / "cut.tif")
    (record,) = open_catalog([tmp_path / "cut.tif"]).usable()
    assert record.date is None  # its name tells no date: the place alone counts
    judge = Judge.of(store, LocalPredictor(WEIGHTS, "cpu"))
    assert judge.expects(record) is True
    assert judge.expects(replace(record, date="2016-08-12")) is True
    assert judge.expects(replace(record, date="2016-08-24")) is None  # another day; its content is not known yet
    report = evaluate([replace(record, date="2016-08-24")], BackscatterPredictor(), store)
    assert report.seen == {record.id: False}
