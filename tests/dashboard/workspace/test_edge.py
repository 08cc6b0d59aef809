"""No path of the server in what it answers: every route, on chips, models and requests that are wrong."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bad_files import CASES
from chips import write_pair
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.model.predictors.bundles import write_random
from tests.waiting import eventually
from tiles.catalog.catalog import Catalog, open_catalog

pytestmark = pytest.mark.slow

HEADERS = {"X-Floodscope": "test"}
MODELS = ("backscatter", "bundle:damaged", "bundle:broken", "/etc/passwd")
CUT, TEXT, GONE, LABEL, GOOD = range(5)


@pytest.fixture(params=["folder", 'a földer, with "marks" & blanks', "catalog"])
def workspace(request: pytest.FixtureRequest, simulated: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Chips that are cut off, that are no raster, that vanish, and whose label cannot be read; a damaged bundle."""
    folder = tmp_path / request.param / "chips"
    shutil.copytree(simulated, folder)
    records = Catalog(open_catalog([folder]).records()).usable()
    cut = Path(str(records[CUT].vv and records[CUT].vv.path))
    cut.write_bytes(cut.read_bytes()[:3000])
    if request.param == "folder":
        Path(str(records[TEXT].vv and records[TEXT].vv.path)).write_text("not a raster")
    source = folder
    if request.param == "catalog":
        source = tmp_path / "elsewhere" / "catalog.parquet"
        open_catalog([folder]).to_parquet(source)
    write_random(tmp_path / "models" / "whole")
    shutil.copytree(tmp_path / "models" / "whole", tmp_path / "models" / "damaged")
    next((tmp_path / "models" / "damaged").glob("*.safetensors")).write_bytes(b"damaged")
    (tmp_path / "models" / "broken").mkdir()
    (tmp_path / "models" / "broken" / "model.json").write_text("{}")
    made = Workspace(Settings((source,), tmp_path / "data", model="backscatter", bundles=(tmp_path / "models",)))
    later = made.catalog.usable()
    Path(str(later[GONE].vv and later[GONE].vv.path)).unlink()
    Path(str(later[LABEL].label and later[LABEL].label.path)).write_text("not a label")
    yield made
    made.close()


@pytest.fixture
def client(workspace: Workspace) -> FlaskClient:
    return create_app(workspace).server.test_client()


def addresses(client: FlaskClient, workspace: Workspace, predicted: dict[str, str]) -> Iterator[str]:
    """Every GET route of the app, each of its places filled with what there is, and with nonsense."""
    chips = [record.id for record in workspace.catalog.records()][:6]
    revisions = {record.id: record.revision() for record in workspace.catalog.records()}
    for rule in client.application.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.rule.startswith(
            ("/assets", "/modules", "/_dash-component-suites")
        ):
            continue
        for chip in [*chips, "nowhere"]:
            revision = (
                predicted.get(chip, "0")
                if re.search("spread|agreement|scores", rule.rule)
                else revisions.get(chip, "0")
            )
            filled = {
                "layer": ["composite", "scores"], "kind": ["composite", "scores"], "address": ["12/0/0.png", "0/0/0.png"],
                "chip": [chip], "revision": [revision, predicted.get(chip, "0")], "chip_revision": [revision],
                "one": [revision], "other": [revision], "change": ["turn90"], "export_id": ["nothing"],
                "rest": ["x"], "path": ["x"], "west": ["0"], "south": ["0"], "z": ["0"], "x": ["0"], "y": ["0"],
            }  # fmt: skip
            wanted = [{}]  # type: list[dict[str, str]]
            for name in rule.arguments:
                wanted = [{**one, name: value} for one in wanted for value in filled.get(name, ["x"])]
            for values in wanted:
                with client.application.test_request_context():
                    address = client.application.url_for(rule.endpoint, **values)
                yield address
                if "{model}" not in address and re.search("transforms|card|predictions|disagreement|point", rule.rule):
                    for model in MODELS:
                        query = f"model={model}&first={model}&second=backscatter&lon=0&lat=0&click={chip}{model}"
                        yield f"{address}?{query}"
            if not {"chip"} & rule.arguments:
                break


def leaks(body: bytes, workspace: Workspace, tmp_path: Path) -> str:
    """Return where a text names the folder that everything of this test is in."""
    for way in {str(tmp_path), json.dumps(str(tmp_path))[1:-1]}:
        at = body.find(way.encode())
        if at >= 0:
            return body[max(0, at - 100) : at + 200].decode("utf-8", "replace")
    return ""


def test_no_answer_names_a_folder_of_the_server(client: FlaskClient, workspace: Workspace, tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    for record in workspace.catalog.usable():
        for model in MODELS:
            answer = {"pending": True}
            while answer["pending"]:
                answer = client.post(f"/inspect/prediction/{record.id}", json={"model": model, "click": "x"}).get_json()
            told.append(answer)
    assert sum(bool(answer["error"]) for answer in told) > 6, "what is wrong is told"
    assert any(re.search(r"Hand.tif|\.safetensors", str(answer["error"])) for answer in told)
    predicted = {a["id"]: a["prediction"]["revision"] for a in told if a["prediction"] and a["model"] == "backscatter"}
    assert leaks(json.dumps(told, ensure_ascii=False).encode(), workspace, tmp_path) == ""
    statuses = set()
    for address in addresses(client, workspace, predicted):
        answer = client.get(address, headers=HEADERS)
        statuses.add(answer.status_code)
        if answer.mimetype != "image/png":
            assert leaks(answer.data, workspace, tmp_path) == "", address
    assert {200, 404, 422} <= statuses
    for layout in ("/_dash-layout", "/_dash-dependencies"):
        assert leaks(client.get(layout).data, workspace, tmp_path) == ""


def test_no_export_or_job_or_upload_names_a_folder_of_the_server(
    client: FlaskClient, workspace: Workspace, tmp_path: Path
) -> None:
    chip = workspace.catalog.usable()[GOOD].id
    asked = {"model": "backscatter", "threshold": 0.5, "formats": ["mask", "csv", "report"], "chips": None}
    export = client.post("/exports", json=asked, headers=HEADERS).get_json()
    if export.get("running"):
        where = f"/exports/{export['id']}"
        export = eventually(lambda: client.get(where).get_json(), lambda told: not told.get("running"))
    assert export["state"] == "done", export
    assert any("tif" in note for note in export["notes"]), export
    assert leaks(json.dumps(export).encode(), workspace, tmp_path) == ""
    with zipfile.ZipFile(io.BytesIO(client.get(f"/exports/{export['id']}/file").data)) as taken:
        for name in taken.namelist():
            assert leaks(taken.read(name), workspace, tmp_path) == "", name
    for file in ("vv.tif", f"{chip}_vh.tif"):
        form = {"files": [(io.BytesIO(b"no raster"), file)]}
        sent = client.post("/uploads", data=form, headers=HEADERS, content_type="multipart/form-data")
        assert leaks(sent.data, workspace, tmp_path) == ""
    workspace.predict_all("backscatter:otsu")
    eventually(lambda: workspace.news("backscatter:otsu", 0), lambda news: news and not news["progress"]["running"])
    layout = {
        "output": "..job-in.data...poll.disabled..",
        "outputs": [{"id": "job-in", "property": "data"}, {"id": "poll", "property": "disabled"}],
        "inputs": [
            {"id": "predict-all", "property": "n_clicks"},
            {"id": "cancel", "property": "n_clicks"},
            {"id": "poll", "property": "n_intervals", "value": 1},
            {"id": "model", "property": "value", "value": "backscatter:otsu"},
        ],
        "changedPropIds": ["poll.n_intervals"],
        "state": [{"id": "job-seen", "property": "data"}],
    }
    dash = client.post("/_dash-update-component", json=layout)
    assert dash.status_code == 200
    assert b"does not exist" in dash.data
    assert leaks(dash.data, workspace, tmp_path) == ""


def test_a_bundle_is_offered_by_its_name_and_opened_by_it(workspace: Workspace, tmp_path: Path) -> None:
    specs = [str(model["spec"]) for model in workspace.shelf.models()]
    assert [spec for spec in specs if spec.startswith("bundle:")] == ["bundle:broken", "bundle:damaged", "bundle:whole"]
    assert workspace.predictor("bundle:whole") is workspace.predictor(str(tmp_path / "models" / "whole"))


def test_no_bad_file_is_told_by_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    for number, case in enumerate(CASES):
        case.make(folder, f"bad_{number}")
    write_pair(folder, "good", seed=1)
    workspace = Workspace(Settings((folder,), tmp_path / "data", model="backscatter"))
    try:
        client = create_app(workspace).server.test_client()
        told: list[bytes] = [client.get("/uploads/catalog").data]
        for record in workspace.catalog.records():
            opened = {"pending": True}
            while opened["pending"]:
                answer = client.post(f"/inspect/prediction/{record.id}", json={"model": "backscatter", "click": "x"})
                opened = answer.get_json()
            revision = opened.get("chip_revision") or "0"
            told += [
                answer.data,
                client.get(f"/review/metadata/{record.id}").data,
                client.get(f"/tiles/composite/{record.id}/tilejson.json").data,
                client.get(f"/review/thumbnails/composite/{record.id}/{revision}.png").data,
            ]
        said = b" ".join(told).decode("utf-8", "replace")
        assert len(set(re.findall(r"bad_[0-9]+", said))) > 0.9 * len(CASES)
        assert said.count(".tif is ") + said.count(".tif has ") + said.count(".tif holds ") > len(CASES)
        assert leaks(b" ".join(told), workspace, tmp_path) == ""
    finally:
        workspace.close()
