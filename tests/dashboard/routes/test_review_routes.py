"""What the review workbench asks for over HTTP."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.bundle.manifest import read_bundle
from model.predictors.select import known_models, open_predictor
from model.store.store import key_of
from model.weights import WEIGHTS
from tests.model.predictors.bundles import write_random
from tests.serving import dead_url
from tests.waiting import PATIENCE_S, eventually
from tiles.drawing.statistics import statistics_of
from tiles.probability import level
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

FIRST, SECOND = "backscatter", "backscatter:otsu"


@pytest.fixture(scope="module")
def workspace(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = Workspace(Settings((simulated,), tmp_path_factory.mktemp("review")))
    records = made.catalog.usable()
    for spec in (FIRST, SECOND):
        for record in records:
            made.inference.submit(record, made.predictor(spec)).result(PATIENCE_S)
    other = open_predictor("backscatter:-20.5")  # in the store, and not on offer
    made.inference.submit(records[0], other).result(PATIENCE_S)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(workspace: Workspace) -> FlaskClient:
    return create_app(workspace).server.test_client()


def settled(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return eventually(ask, lambda answer: not answer["progress"]["running"])


def test_thumbnails_are_pictures_that_never_change_under_their_address(
    workspace: Workspace, client: FlaskClient
) -> None:
    record = workspace.catalog.usable()[0]
    prediction = workspace.store.get(record, key_of(workspace.predictor(FIRST)))
    assert prediction is not None
    for kind, revision in (("composite", record.revision()), ("scores", prediction.revision)):
        answer = client.get(f"/review/thumbnails/{kind}/{record.id}/{revision}.png")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert Image.open(io.BytesIO(answer.data)).size == (128, 128)
    for address in (
        f"composite/{record.id}/000000000000",
        f"scores/{record.id}/000000000000",
        "scores/nowhere/0",
        f"vv/{record.id}/0",
    ):
        answer = client.get(f"/review/thumbnails/{address}.png")
        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == "no-store"


def test_every_model_of_the_store_is_listed_and_its_predictions_are_given(
    workspace: Workspace, client: FlaskClient
) -> None:
    models = client.get("/review/models").get_json()
    assert [(m["offered"], m["chips"]) for m in models] == [(True, 0), (True, 11), (True, 0), (True, 11), (False, 1)]
    gone = models[-1]["spec"]
    assert gone.startswith("stored:")
    sent = client.get("/review/predictions", query_string={"model": gone}).get_json()
    assert [p["id"] for p in sent["predictions"]] == [workspace.catalog.usable()[0].id]
    assert 0 <= sent["predictions"][0]["uncertain"] <= 1
    assert client.get("/review/predictions", query_string={"model": "stored:nothing"}).status_code == 404
    assert client.get("/review/predictions", query_string={"model": "/etc/passwd"}).status_code == 404


def test_every_model_on_offer_shows_its_own_card(simulated: Path, tmp_path: Path) -> None:
    write_random(tmp_path / "bundle")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "model.json").write_text("{}")
    bundle, damaged, endpoint = "bundle:bundle", "bundle:damaged", f"{dead_url()}#name=Box"
    bundles = (tmp_path / "bundle", tmp_path / "damaged")
    workspace = Workspace(Settings((simulated,), tmp_path / "data", bundles=bundles, endpoints=(endpoint,)))
    try:
        client = create_app(workspace).server.test_client()
        offered = [m["spec"] for m in workspace.shelf.models()]
        assert offered == [*(choice.spec for choice in known_models()), bundle, damaged, endpoint]
        answers = {spec: client.get("/review/card", query_string={"model": spec}) for spec in offered}
        assert {spec: answer.status_code for spec, answer in answers.items() if answer.status_code != 200} == {
            damaged: 422
        }
        cards = {spec: answer.get_json().get("markdown", "") for spec, answer in answers.items()}
        assert [spec for spec, card in cards.items() if "not on offer" in card] == []
        shipped = read_bundle(WEIGHTS, verify=False)
        assert shipped.id[:12] in cards["floodscope"]
        assert all(chip in cards["floodscope"] for chip in shipped.training["train"]["chips"])
        assert "marks water, not flood" in cards["floodscope"]
        assert cards[bundle].startswith("# Test U-Net\n")
        assert read_bundle(tmp_path / "bundle", verify=False).id[:12] in cards[bundle]
        assert "threshold_db = -22" in cards[FIRST]
        assert "Otsu" in cards[SECOND]
        assert "served elsewhere" in cards[endpoint]
        assert "mask threshold" in cards[endpoint]
    finally:
        workspace.close()


def test_a_model_of_the_store_that_came_to_be_offered_shows_its_card(workspace: Workspace, client: FlaskClient) -> None:
    stored = f"stored:{key_of(workspace.predictor(SECOND)).digest}"
    assert client.get("/review/card", query_string={"model": stored}).get_json()["markdown"].startswith("# VH Otsu")


def test_a_model_tells_what_it_is(client: FlaskClient) -> None:
    assert "threshold on VH" in client.get("/review/card", query_string={"model": FIRST}).get_json()["markdown"]
    gone = client.get("/review/models").get_json()[-1]["spec"]
    assert "threshold_db = -20.5" in client.get("/review/card", query_string={"model": gone}).get_json()["markdown"]


def test_disagreement_is_the_plain_count_over_both_rasters(workspace: Workspace, client: FlaskClient) -> None:
    def ask() -> dict[str, Any]:
        query = {"first": FIRST, "second": SECOND, "since": 0}
        return dict(client.post("/review/disagreement", query_string=query).get_json())

    ask()
    chips: list[dict[str, Any]] = []

    def more() -> dict[str, Any]:
        query = {"first": FIRST, "second": SECOND, "since": len(chips)}
        answer = client.post("/review/disagreement", query_string=query).get_json()
        chips.extend(answer["chips"])
        assert answer["cursor"] == len(chips)
        return dict(answer)

    settled(more)
    assert len(chips) == 11
    for sent in chips:
        record = workspace.catalog.get(sent["id"])
        rasters = [
            workspace.store.read(workspace.store.get(record, key_of(workspace.predictor(s)))) for s in (FIRST, SECOND)
        ]  # type: ignore[arg-type]
        apart = np.frombuffer(base64.b64decode(sent["apart"]), "<u4")
        for threshold in (0.1, 0.5, 0.9):
            wet = [(raster >= level(threshold)) & (raster != 255) for raster in rasters]
            assert apart[level(threshold)] == np.count_nonzero(wet[0] ^ wet[1])


def test_explore_sums_the_statistics_of_the_chips_asked_for(workspace: Workspace, client: FlaskClient) -> None:
    records = workspace.catalog.usable()[:3]
    ids = [record.id for record in records]
    answer = settled(lambda: client.post("/review/explore", json={"ids": [*ids, "nowhere"]}).get_json())
    progress = answer["progress"]
    assert [progress[name] for name in ("done", "total", "running", "failed")] == [11, 11, False, []]
    sums = [statistics_of(read_chip(record)) for record in records]
    assert answer["histograms"] == sum((s.histograms for s in sums), np.zeros((3, 3, 60), int)).tolist()
    assert [share[0] for share in answer["shares"]] == ids
    everything = client.post("/review/explore", json={"ids": None}).get_json()
    assert everything["chips"] == 11
    assert set(everything["countries"]) == {record.country for record in workspace.catalog.usable()}
    for body in ({}, {"ids": "all"}, {"ids": [1]}, [1]):
        assert client.post("/review/explore", json=body).status_code == 400


def test_explore_counts_chips_that_came_and_went_since_it_began(simulated: Path, tmp_path: Path) -> None:
    made = Workspace(Settings((simulated,), tmp_path, model=FIRST))
    try:
        client = create_app(made).server.test_client()

        def explore() -> dict[str, Any]:
            return settled(lambda: client.post("/review/explore", json={"ids": None}).get_json())

        whole = explore()
        first = made.catalog.usable()[0]
        one = client.post("/review/explore", json={"ids": [first.id]}).get_json()
        twin = made.live.change(lambda now: now.added([first])).records()[-1]
        more = explore()
        assert [share[0] for share in more["shares"]].count(twin.id) == 1
        assert np.array_equal(np.add(whole["pixels"], one["pixels"]), more["pixels"])
        made.live.change(lambda now: now.without(twin.id))
        assert explore()["pixels"] == whole["pixels"]
        other = made.catalog.usable()[1]
        made.live.change(lambda now: now.added([replace(other, id=twin.id)]))
        again = client.post("/review/explore", json={"ids": [other.id]}).get_json()
        assert np.array_equal(np.add(whole["pixels"], again["pixels"]), explore()["pixels"]), "another of that name"
    finally:
        made.close()


def test_explore_reads_back_what_was_computed_before(
    workspace: Workspace, client: FlaskClient, simulated: Path
) -> None:
    first = settled(lambda: client.post("/review/explore", json={"ids": None}).get_json())
    again = Workspace(replace(workspace.settings))
    try:
        other = create_app(again).server.test_client()
        answer = settled(lambda: other.post("/review/explore", json={"ids": None}).get_json())
    finally:
        again.close()
    assert answer["histograms"] == first["histograms"]


def test_metadata_of_a_chip_are_those_of_its_files(workspace: Workspace, client: FlaskClient) -> None:
    record = workspace.catalog.usable()[0]
    answer = client.get(f"/review/metadata/{record.id}").get_json()
    assert {d["about"] for d in answer["decisions"]} >= {"bands", "unit", "place", "truth"}
    told = answer["files"]
    assert [entry["roles"] for entry in told] == [["vv (band 1)", "vh (band 2)"], ["label (band 1)"]]
    assert told[0]["crs"] == "EPSG:4326"
    assert client.get("/review/metadata/nowhere").status_code == 404
