"""The workspace: what the dashboard answers, without a browser."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace.payloads import catalog_payload
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.evaluation.evaluate import evaluate
from model.predictors import select
from model.predictors.apart import ApartPredictor
from model.predictors.local import LocalPredictor
from model.predictors.protocol import Parameter, Plain
from model.predictors.select import Family
from model.scores.histogram import ScoreHistogram
from model.store.prediction import key_of
from model.weights import WEIGHTS
from tests.tiles.chips import lake, write_pair, write_tiff
from tests.waiting import eventually
from tiles.chip import Chip
from tiles.errors import ModelError
from tiles.reading.door import read_chip


@pytest.fixture
def workspace(simulated: Path, tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(Settings((simulated,), tmp_path, model="backscatter"))
    yield made
    made.close()


@pytest.fixture
def client(workspace: Workspace) -> FlaskClient:
    return create_app(workspace).server.test_client()


def wait_for_job(workspace: Workspace, spec: str) -> dict:  # type: ignore[type-arg]
    news = eventually(lambda: workspace.news(spec, 0), lambda news: news and not news["progress"]["running"])
    assert news is not None
    return news


def test_opening_a_chip_predicts_it_once_and_reads_it_back(workspace: Workspace) -> None:
    chip = workspace.catalog.records()[0].id
    first = workspace.open_chip(chip, "backscatter")
    assert first["error"] is None
    assert workspace.open_chip(chip, "backscatter")["prediction"]["revision"] == first["prediction"]["revision"]
    otsu = workspace.open_chip(chip, "backscatter:otsu")
    assert otsu["prediction"]["revision"] != first["prediction"]["revision"]


@pytest.mark.parametrize("folder", ["removed", "emptied"])
def test_opening_a_chip_whose_raster_is_lost_predicts_it_again(workspace: Workspace, folder: str) -> None:
    chips = [record.id for record in workspace.catalog.usable()[:2]]
    lost = workspace.open_chip(chips[0], "backscatter")["prediction"]
    (rasters,) = (workspace.settings.data / "predictions").iterdir()
    shutil.rmtree(rasters.parent)
    if folder == "emptied":
        rasters.mkdir(parents=True)
    assert workspace.open_chip(chips[0], "backscatter", may_predict=False)["prediction"]["revision"] == lost["revision"]
    again = workspace.open_chip(chips[0], "backscatter")
    assert (again["error"], again["pending"]) == (None, False)
    assert again["prediction"]["revision"] != lost["revision"]
    assert workspace.open_chip(chips[1], "backscatter")["error"] is None
    for chip in chips:
        held = workspace.store.latest(workspace.catalog.get(chip))
        assert held is not None and workspace.store.read(held).any()


def test_the_histogram_sent_is_the_one_that_evaluate_counts(workspace: Workspace) -> None:
    chip = workspace.catalog.records()[0].id
    sent = workspace.open_chip(chip, "backscatter")["prediction"]["histogram"]
    report = evaluate(workspace.catalog.records(), workspace.predictor("backscatter"), workspace.store).report()
    counts = ScoreHistogram.from_bytes(base64.b64decode(sent)).confusion(0.5)
    row = next(c for c in report["chips"] if c["id"] == chip)
    assert (counts.tp, counts.fp, counts.fn, counts.tn) == (row["tp"], row["fp"], row["fn"], row["tn"])


def test_an_unknown_chip_or_model_is_an_answer_and_not_a_crash(workspace: Workspace) -> None:
    assert "No chip" in workspace.open_chip("nowhere", "backscatter")["error"]
    chip = workspace.catalog.records()[0].id
    assert "not offered" in workspace.open_chip(chip, "/etc/passwd")["error"]
    assert workspace.predictions("/etc/passwd")["state"] == "error"
    with pytest.raises(ModelError, match="not offered"):
        workspace.predict_all("../../somewhere")


def test_predicting_all_brings_news_since_a_cursor(workspace: Workspace) -> None:
    assert workspace.news("backscatter", 0) is None
    workspace.predict_all("backscatter")
    news = wait_for_job(workspace, "backscatter")
    assert news["cursor"] == 11
    assert len(news["predictions"]) == 11
    assert news["progress"]["failed"] == []
    later = workspace.news("backscatter", 11)
    assert later is not None
    assert later["predictions"] == []
    assert workspace.news("backscatter", 11, news["job"]) == later
    assert len(workspace.news("backscatter", 11, "of another job")["predictions"]) == 11  # type: ignore[index]
    workspace.predict_all("backscatter")
    assert wait_for_job(workspace, "backscatter")["progress"]["skipped"] == 11


def test_a_chip_whose_files_vanish_fails_alone(simulated: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(simulated, folder)
    workspace = Workspace(Settings((folder,), tmp_path / "data", model="backscatter"))
    try:
        gone, whole = workspace.catalog.records()[:2]
        assert gone.vv is not None
        Path(gone.vv.path).unlink()
        assert "does not exist" in workspace.open_chip(gone.id, "backscatter")["error"]
        assert workspace.open_chip(whole.id, "backscatter")["error"] is None
    finally:
        workspace.close()


def test_the_catalog_payload_is_json_and_names_simulated_data(workspace: Workspace) -> None:
    payload = json.loads(json.dumps(catalog_payload(workspace.catalog, "Demo")))
    assert payload["info"]["simulated"] is True
    assert all(chip["simulated"] for chip in payload["chips"])
    assert {"id", "ring", "bounds", "revision", "imagery", "labelled"} <= set(payload["chips"][0])


def test_the_page_carries_its_language_and_asks_for_nothing_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert b'<html lang="en"' in answer.data
    assert b"https://" not in answer.data.replace(b"https://www.w3.org", b"")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_path_that_is_no_page_is_not_found(client: FlaskClient) -> None:
    answer = client.get("/nosuch/<b>")
    assert answer.status_code == 404
    assert answer.mimetype == "text/plain"
    assert "There is no page at /nosuch/%3Cb%3E: the dashboard is at /." in answer.text
    page = client.get("/nosuch/<b>", headers={"Accept": "text/html,*/*;q=0.8"})  # as a browser asks
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert '<a href="/">' in page.text
    assert "/nosuch/%3Cb%3E" in page.text
    assert "<b>" not in page.text
    assert client.get("/?chip=nowhere&t=0.4").status_code == 200
    assert client.get("/assets/style.css").status_code == 200
    assert client.get("/assets/nosuch.css").status_code == 404


def test_a_chip_that_cannot_be_predicted_is_told_to_every_page(simulated: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(simulated, folder)
    workspace = Workspace(Settings((folder,), tmp_path / "data", model="backscatter"))
    try:
        record = workspace.catalog.records()[0]
        assert workspace.predictions("backscatter")["failed"] == []
        assert record.vv is not None
        whole = Path(record.vv.path).read_bytes()
        Path(record.vv.path).write_text("not a raster")
        message = workspace.open_chip(record.id, "backscatter")["error"]
        told = [{"id": record.id, "message": message, "unusable": True}]
        assert workspace.predictions("backscatter")["failed"] == told
        assert workspace.predictions("backscatter:otsu")["failed"] == told
        Path(record.vv.path).write_bytes(whole)
        assert workspace.predictions("backscatter")["failed"] == [], "its files are others now"
    finally:
        workspace.close()


def test_predicting_all_finds_unusable_chips_once_and_leaves_them_out_until_they_are_mended(
    simulated: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(simulated, folder)
    workspace = Workspace(Settings((folder,), tmp_path / "data", model="backscatter"))
    try:
        record = workspace.catalog.records()[0]
        assert record.vv is not None
        whole = Path(record.vv.path).read_bytes()
        Path(record.vv.path).write_text("not a raster")
        workspace.predict_all("backscatter")
        failed = wait_for_job(workspace, "backscatter")["progress"]["failed"]
        assert [(f["id"], f["unusable"]) for f in failed] == [(record.id, True)]
        for spec in ("backscatter", "backscatter:otsu"):
            assert workspace.predictions(spec)["failed"] == failed
            workspace.predict_all(spec)
            progress = wait_for_job(workspace, spec)["progress"]
            assert (progress["total"], progress["failed"]) == (10, [])
        Path(record.vv.path).write_bytes(whole)
        workspace.predict_all("backscatter")
        assert wait_for_job(workspace, "backscatter")["progress"]["done"] == 1
    finally:
        workspace.close()


def test_score_tiles_follow_a_prediction(client: FlaskClient, workspace: Workspace) -> None:
    chip = workspace.catalog.records()[0].id
    assert client.get(f"/tiles/scores/{chip}/tilejson.json").status_code == 404
    revision = workspace.open_chip(chip, "backscatter")["prediction"]["revision"]
    tilejson = client.get(f"/tiles/scores/{chip}/tilejson.json").get_json()
    assert f"/{revision}/" in tilejson["tiles"][0]
    assert "Simulated" in tilejson["attribution"]
    assert client.get(f"/tiles/scores/{chip}/{revision}/0/0/0.png").status_code == 200


def test_score_tiles_of_a_chip_whose_label_has_changed_are_gone(simulated: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(simulated, folder)
    workspace = Workspace(Settings((folder,), tmp_path / "data", model="backscatter"))
    try:
        client = create_app(workspace).server.test_client()
        record = workspace.catalog.records()[0]
        revision = workspace.open_chip(record.id, "backscatter")["prediction"]["revision"]
        address = f"/tiles/scores/{record.id}/{revision}/0/0/0.png"
        assert client.get(address).status_code == 200
        assert record.label is not None
        os.utime(record.label.path, (1, 1))
        assert client.get(address).status_code == 404
        assert workspace.open_chip(record.id, "backscatter")["prediction"]["revision"] != revision
    finally:
        workspace.close()


class AllWet(Plain):
    """A rule of nobody's: everything is water."""

    name, model_id, device, threshold = "All wet", "wet", "cpu", 0.5

    def __init__(self) -> None:
        self.parameters: dict[str, Parameter] = {}

    def card(self) -> str:
        return "# All wet"

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        return [np.where(chip.valid, np.uint8(254), np.uint8(255)) for chip in chips]


def test_a_predictor_that_is_one_more_family_is_offered_asked_judged_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wet = Family(
        lambda text: text == "wet", lambda text, device: AllWet(), ("wet",), rule="wet", about=lambda _: "It rains."
    )
    write_pair(tmp_path / "chips", "lake")
    settings = Settings((tmp_path / "chips",), tmp_path / "data", model="backscatter")
    with monkeypatch.context() as patch:
        patch.setattr(select, "FAMILIES", (wet, *select.FAMILIES))
        workspace = Workspace(settings)
        workspace.predict_all("wet")
        wait_for_job(workspace, "wet")
        (entry,) = (model for model in workspace.shelf.models() if model["spec"] == "wet")
        assert (entry["name"], entry["chips"], entry["offered"], entry["knows_training"]) == ("All wet", 1, True, True)
        assert workspace.shelf.card("wet") == "# All wet"
        (told,) = workspace.predicted("wet")["predictions"]
        assert told["seen"] is False  # a rule has learned nothing
        workspace.close()
        assert "It rains." in select.stored_card("All wet", "wet", {})
    workspace = Workspace(settings)  # where it is not on offer any more, its predictions are
    (entry,) = (model for model in workspace.shelf.models() if model["name"] == "All wet")
    assert (entry["offered"], entry["chips"]) == (False, 1)
    workspace.close()


def test_an_opened_chip_says_of_its_water_what_is_usual(tmp_path: Path) -> None:
    chips = tmp_path / "chips"
    for name in ("river", "plain", "broken"):
        write_pair(chips, name)
    wet = lake()
    share = np.where(np.arange(wet.shape[1]) < wet.shape[1] // 2, 0.5, 0.49).astype(np.float32) * np.ones(
        wet.shape, np.float32
    )
    share[: wet.shape[0] // 3] = np.nan
    write_tiff(chips / "river_permanent_water.tif", share)
    write_tiff(chips / "broken_permanent_water.tif", share * 100)
    made = Workspace(Settings((chips,), tmp_path / "data", model="backscatter"))
    try:
        details = {name: made.open_chip(name, "backscatter")["detail"] for name in ("river", "plain", "broken")}
    finally:
        made.close()
    assert details["plain"]["usual"] is None
    assert "permanent water" in details["broken"]["usual"]["problem"]
    assert (
        details["broken"]["usual"]["problem"]
        .calling(os.path.basename)
        .startswith("The permanent water is not used: broken_")
    )
    usual = details["river"]["usual"]
    found = {name: np.frombuffer(base64.b64decode(usual[name]), "<f8")[127:].sum() for name in ("area", "unknown")}
    size = np.frombuffer(base64.b64decode(details["river"]["area"]), "<f8")[127:].sum() / wet.sum()
    assert found["area"] == pytest.approx(size * (wet & (share >= 0.5)).sum(), rel=1e-6)
    assert found["unknown"] == pytest.approx(size * (wet & np.isnan(share)).sum(), rel=1e-6)
    assert 0 < found["area"] < found["area"] + found["unknown"] < size * wet.sum()


@pytest.mark.parametrize("processes", [False, True])
def test_a_dashboard_whose_networks_run_apart_answers_as_one_whose_do_not(
    simulated: Path, tmp_path: Path, *, processes: bool
) -> None:
    workspace = Workspace(Settings((simulated,), tmp_path, apart=processes))
    predictor = workspace.predictor(workspace.shelf.first)
    assert isinstance(predictor, LocalPredictor) and isinstance(predictor, ApartPredictor) == processes
    chip = workspace.catalog.records()[0]
    eventually(lambda: workspace.open_chip(chip.id, workspace.shelf.first), lambda found: not found["pending"])
    stored = workspace.store.get(chip.now(), key_of(predictor))
    assert stored is not None
    expected = LocalPredictor(WEIGHTS, "cpu").predict([read_chip(chip)])[0]
    np.testing.assert_array_equal(workspace.stored.probability(chip, stored.revision), expected)
    workspace.close()
    assert predictor.needs_loading  # of one that ran apart: its process is gone
