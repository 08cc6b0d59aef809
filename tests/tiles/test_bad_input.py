"""Every damaged or wrong file gets its own clear message, and the other chips of its folder still work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bad_files import CASES, Case
from chips import lake, write_pair

from model.evaluation.evaluate import evaluate
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Prediction, Store
from tests.predicting import predict_one
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import UNKNOWN, Asset, ChipRecord
from tiles.drawing.service import TileService
from tiles.errors import ChipError, FloodscopeError, NoValidPixelError, PredictionNotFoundError, UnreadableFileError
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

GOOD = ("good_1", "good_2")
MODEL = BackscatterPredictor()


class NoPredictions:
    """A store of predictions that holds none."""

    def probability(self, record: ChipRecord, revision: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        raise PredictionNotFoundError(f"There is no prediction of {record.id}.")

    def latest_revision(self, record: ChipRecord) -> str:
        raise PredictionNotFoundError(f"There is no prediction of {record.id}.")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("data")) as opened:
        yield opened


def _make(folder: Path, cases: list[Case]) -> dict[str, Case]:
    """Write two good chips and the cases' bad ones; return the cases by the id of their chip."""
    for seed, good in enumerate(GOOD):
        write_pair(folder, good, seed=seed)
    named = {f"bad_{number}": case for number, case in enumerate(cases)}
    for name, case in named.items():
        case.make(folder, name)
    return named


def _as_built_before(folder: Path, name: str) -> ChipRecord:
    """Return the chip's record as a catalog holds it that was built before its files went bad."""
    if (folder / f"{name}.tif").exists():
        path = str(folder / f"{name}.tif")
        return ChipRecord(id=name, vv=Asset(path, 1), vh=Asset(path, 2))
    label = folder / f"{name}_label.tif"
    return ChipRecord(
        id=name,
        vv=Asset(str(folder / f"{name}_vv.tif")),
        vh=Asset(str(folder / f"{name}_vh.tif")),
        label=Asset(str(label)) if label.exists() else None,
    )


def _message(case: Case, catalog: Catalog, name: str) -> str:
    """Return what is said of a bad chip, wherever it is said first."""
    record = catalog.get(name)
    if case.stage == "catalog":
        assert record.problem is not None and not record.has_imagery
        return record.problem
    assert record.problem is None
    if case.stage == "label":
        assert record.label_problem is not None and not record.has_label
        return record.label_problem
    if case.stage == "read":
        with pytest.raises(ChipError) as refused:
            read_chip(record)
        assert case.error is not None and type(refused.value) is case.error
        return str(refused.value)
    chip = read_chip(record)
    said = chip.label_problem if case.stage == "label values" else chip.empty
    assert said is not None
    return said


def _tile(tiles: TileService, catalog: Catalog, name: str, layer: str = "composite") -> bytes:
    return tiles.tile(layer, name, catalog.get(name).revision(), 0, 0, 0).data


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_chip_says_what_is_wrong_and_the_good_ones_beside_it_work(
    case: Case, tmp_path: Path, store: Store
) -> None:
    folder = tmp_path / "chips"
    _make(folder, [case])
    catalog = open_catalog([folder])
    assert {r.id for r in catalog.records()} == {*GOOD, "bad_0"}

    message = _message(case, catalog, "bad_0")
    for words in case.words:
        assert words.format(name="bad_0") in message
    assert "\n" not in message
    assert message.count(str(folder)) >= 1

    labelled_late = case.stage == "label values"
    bad_label = case.stage.startswith("label")
    report = evaluate(catalog.records(), MODEL, store)
    scored = {record.id: prediction for record, prediction, _ in report.predictions}
    assert set(scored) == set(GOOD)
    for good in GOOD:
        _is_the_lake(scored[good], store)
        assert scored[good].histogram is not None
        assert scored[good].histogram.confusion(0.5).iou == 1.0
    (skipped,) = report.skipped
    assert skipped.name == "bad_0"
    if case.stage != "predict":
        assert skipped.message == message

    if bad_label:
        prediction = predict_one(catalog.get("bad_0"), MODEL, store)
        _is_the_lake(prediction, store)
        assert prediction.histogram is None
        assert (read_chip(catalog.get("bad_0")).label_problem or "") == message
        assert catalog.get("bad_0").has_label is labelled_late
    else:
        with pytest.raises(ChipError) as refused:
            predict_one(catalog.get("bad_0"), MODEL, store)
        if case.stage == "predict":
            assert type(refused.value) is NoValidPixelError

    tiles = TileService(LiveCatalog(catalog), NoPredictions())
    assert _tile(tiles, catalog, "good_1").startswith(b"\x89PNG")
    if bad_label or case.stage == "predict":
        assert _tile(tiles, catalog, "bad_0").startswith(b"\x89PNG")
    else:
        with pytest.raises(ChipError):
            _tile(tiles, catalog, "bad_0")


def _is_the_lake(prediction: Prediction, store: Store) -> None:
    np.testing.assert_array_equal(store.read(prediction) >= 127, lake())


@pytest.mark.parametrize("case", [c for c in CASES if c.error is not None], ids=lambda case: case.name)
def test_a_chip_that_goes_bad_after_its_catalog_was_built_is_refused_by_its_kind(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "chips"
    _make(folder, [case])
    record = _as_built_before(folder, "bad_0")
    if case.stage.startswith("label"):
        chip = read_chip(record)
        assert chip.label is None
        assert "bad_0_label.tif" in (chip.label_problem or "")
        assert chip.label_problem == _message(case, open_catalog([folder]), "bad_0")
    elif case.stage == "predict":
        assert not read_chip(record).valid.any()
    else:
        with pytest.raises(ChipError) as refused:
            read_chip(record)
        assert type(refused.value) is case.error
        assert "bad_0" in str(refused.value)


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Case]]:
    """One folder with every bad chip and the two good ones."""
    folder = tmp_path_factory.mktemp("museum")
    return folder, _make(folder, CASES)


def test_no_two_kinds_of_bad_input_share_a_message(museum: tuple[Path, dict[str, Case]]) -> None:
    folder, named = museum
    catalog = open_catalog([folder])
    said: dict[str, str] = {}
    for name, case in named.items():
        text = re.sub(r"\bbad_\d+", "CHIP", _message(case, catalog, name).replace(str(folder), ""))
        text = re.sub(r"CHIP\w*\.\w+(\.txt)?", "FILE", text)
        assert text not in said, f"{case.name} and {said.get(text)} share: {text}"
        said[text] = case.name
    assert len(said) >= 30


def test_one_evaluation_of_all_bad_chips_scores_the_good_ones_and_ends_well(
    museum: tuple[Path, dict[str, Case]], tmp_path: Path
) -> None:
    folder, named = museum
    command = [sys.executable, "-c", "from dashboard.cli import main; main()", "evaluate", str(folder), "--by", "chip"]
    done = subprocess.run([*command, "--data", str(tmp_path)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(r"good_1 +1 +1\.000", done.stdout)
    assert re.search(r"good_2 +1 +1\.000", done.stdout)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    for name, case in named.items():
        about = [line for line in lines if re.match(rf"floodscope: {name}: ", line)]
        if case.stage in {"catalog", "label"}:
            assert len(about) == 1, (case.name, about)
        else:  # seen only in the pixels, so said with the scores
            assert len(about) <= 1
            assert name in done.stdout + done.stderr, case.name
    assert all(line.startswith("floodscope: bad_") for line in lines), lines


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def nobody() -> Iterator[None]:
    """Go on as a user without rights, where the tests run as root, whom no permission stops."""
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(65534)
    except OSError as error:
        pytest.skip(f"root here may not become another user ({error.strerror})")
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_read_is_told_so(open_folder: Path, request: pytest.FixtureRequest) -> None:
    write_pair(open_folder, "good_1")
    write_pair(open_folder, "shut")
    (open_folder / "shut_vv.tif").chmod(0)
    open_catalog([open_folder])  # loads what is imported late, which a user without rights may not be able to
    request.getfixturevalue("nobody")
    catalog = open_catalog([open_folder])
    assert catalog.get("good_1").has_imagery
    problem = catalog.get("shut").problem or ""
    assert "shut_vv.tif may not be read: give read permission" in problem
    with pytest.raises(UnreadableFileError, match="may not be read"):
        read_chip(replace(catalog.get("shut"), problem=None))


def test_a_folder_that_may_not_be_entered_is_told_so(open_folder: Path, request: pytest.FixtureRequest) -> None:
    inner = open_folder / "inner"
    write_pair(inner, "good_1")
    record = open_catalog([inner]).get("good_1")
    inner.chmod(0)
    request.getfixturevalue("nobody")
    with pytest.raises(UnreadableFileError, match="may not be entered"):
        read_chip(record)
    with pytest.raises(FloodscopeError, match="inner"):
        open_catalog([inner])


def test_reading_a_chip_whose_files_have_gone_names_the_file_and_the_catalog(tmp_path: Path) -> None:
    write_pair(tmp_path, "good_1")
    record = open_catalog([tmp_path]).get("good_1")
    (tmp_path / "good_1_vh.tif").unlink()
    with pytest.raises(UnreadableFileError, match=r"good_1_vh\.tif does not exist: .*build the catalog again"):
        read_chip(record)


def test_unknown_label_pixels_of_every_convention_are_unknown(tmp_path: Path) -> None:
    from chips import write_tiff

    write_pair(tmp_path, "chip")
    truth = lake().astype(np.float32)
    truth[0, :4] = (np.nan, -1, 255, np.inf)
    write_tiff(tmp_path / "chip_label.tif", truth)
    label = read_chip(open_catalog([tmp_path]).get("chip")).label
    assert label is not None
    assert (label[0, :4] == UNKNOWN).all()
    np.testing.assert_array_equal(label[1:], lake()[1:])
