"""What is asked of an image that is sent is answered by a choice beside it, and can be answered otherwise while it is kept."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from sent_images import Form, backscatter, lake, pair, tiff

from dashboard.app import create_app
from dashboard.uploads.shelf import Uploads
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.advised import ADVICE
from tiles.catalog.catalog import Catalog
from tiles.catalog.live import LiveCatalog

pytestmark = pytest.mark.slow

HEADERS = {"X-Floodscope": "test"}
VV, VH = backscatter()
LAKE = lake()
ASKED = [name for name, advice in ADVICE.items() if advice.command.startswith(("--units", "--bands", "--label-values"))]


@pytest.fixture
def workspace(simulated: Path, tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(Settings((simulated,), tmp_path / "data", model="backscatter"))
    yield made
    made.close()


@pytest.fixture
def client(workspace: Workspace) -> FlaskClient:
    return create_app(workspace).server.test_client()


def send(client: FlaskClient, form: Form, said: dict[str, str] | None = None) -> dict[str, Any]:
    data = {"files": [(io.BytesIO(content), name) for name, content in form]}
    answer = client.post("/uploads", data=data, query_string=said, headers=HEADERS, content_type="multipart/form-data")
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


def labelled(label: np.ndarray[Any, Any]) -> Form:
    return [*pair("pond"), ("pond_label.tif", tiff(label.astype(np.uint8)))]


@pytest.mark.parametrize("name", ASKED)
def test_whatever_a_command_would_be_asked_is_asked_with_choices_that_work(
    client: FlaskClient, workspace: Workspace, tmp_path: Path, name: str
) -> None:
    ADVICE[name].make(tmp_path)
    form = [(path.name, path.read_bytes()) for path in sorted(tmp_path.glob("*.tif"))]
    answer = send(client, form)
    if answer["refused"]:
        (refusal,) = answer["refused"]
        assert refusal["choices"] and not re.search("--(units|bands|label)", refusal["message"]), refusal
        outcomes = [send(client, form, {choice["option"]: choice["value"]}) for choice in refusal["choices"]]
        assert any(outcome["added"] for outcome in outcomes), outcomes
    (kept,) = client.get("/uploads").json["images"]
    assert kept["choices"], "what was answered can be answered otherwise"
    opened = workspace.open_chip(kept["id"], "backscatter")
    assert opened["error"] is None
    told = [*opened["prediction"]["notes"], opened["prediction"]["label_problem"] or ""]
    assert not re.search("--(units|bands|label)", " ".join(told)), "the panel names no option of a command either"


def test_a_label_of_1_and_2_is_asked_and_a_wrong_answer_is_mended_in_place(
    client: FlaskClient, workspace: Workspace
) -> None:
    form = labelled(LAKE + 1)
    (refusal,) = send(client, form)["refused"]
    assert [choice["text"] for choice in refusal["choices"]] == ["2 is water, 1 dry", "1 is water, 2 dry"]
    assert "by how dark the image is there, the first" in refusal["message"]
    wrong, right = ({choice["option"]: choice["value"]} for choice in reversed(refusal["choices"]))
    (added,) = send(client, form, wrong)["added"]
    np.testing.assert_array_equal(workspace.tiles.chip(workspace.catalog.get("pond")).label, ~LAKE)
    assert [choice["holds"] for choice in added["choices"]] == [False, True]
    before = workspace.catalog.get("pond").revision()
    answer = client.post("/uploads/pond", query_string=right, headers=HEADERS)
    assert answer.status_code == 200 and answer.json["id"] == "pond"
    assert [choice["holds"] for choice in answer.json["choices"]] == [True, False]
    np.testing.assert_array_equal(workspace.tiles.chip(workspace.catalog.get("pond")).label, LAKE)
    assert workspace.catalog.get("pond").revision() != before, "what was predicted and scored of it is not taken for it"


def test_the_same_files_with_another_answer_are_read_by_that_one(client: FlaskClient, workspace: Workspace) -> None:
    form = labelled(LAKE * 255)
    first, second = send(client, form)["refused"][0]["choices"]
    send(client, form, {second["option"]: second["value"]})
    (again,) = send(client, form, {first["option"]: first["value"]})["added"]
    assert (again["id"], again["message"]) == ("pond", "This image was there already, and is read otherwise now.")
    np.testing.assert_array_equal(workspace.tiles.chip(workspace.catalog.get("pond")).label, LAKE)
    (same,) = send(client, form, {first["option"]: first["value"]})["refused"]
    assert same["message"] == "This image is there already, as pond."


def test_two_questions_of_one_image_are_answered_one_after_the_other(client: FlaskClient) -> None:
    form = [(f"pond_{name}.tif", tiff(np.float32(10 ** ((b - 4) / 20)))) for name, b in (("vv", VV), ("vh", VH))]
    form.append(("pond_label.tif", tiff((LAKE * 255).astype(np.uint8))))
    said: dict[str, str] = {}
    for option in ("units", "label_values"):
        (refusal,) = send(client, form, said)["refused"]
        assert {choice["option"] for choice in refusal["choices"]} == {option}
        said[option] = refusal["choices"][-1 if option == "units" else 0]["value"]
    (added,) = send(client, form, said)["added"]
    held = {choice["option"]: choice["value"] for choice in added["choices"] if choice["holds"]}
    assert held == {"units": "amplitude", "label_values": "water=255,dry=0"}
    answer = client.post("/uploads/pond", query_string={"units": "power"}, headers=HEADERS)
    assert [c["value"] for c in answer.json["choices"] if c["holds"]] == ["power", "water=255,dry=0"]


def test_an_answer_that_cannot_be_leaves_a_kept_image_as_it_is(client: FlaskClient, workspace: Workspace) -> None:
    send(client, pair("lake"))
    for said, status, words in (
        ({"units": "amplitude"}, 422, "no amplitude"),
        ({"units": "furlong"}, 400, "no unit of backscatter"),
        ({"unit": "db"}, 400, "no question of an image: say units, bands, label_values"),
    ):
        answer = client.post("/uploads/lake", query_string=said, headers=HEADERS)
        assert (answer.status_code, words in answer.json["message"]) == (status, True), answer.json
    assert not workspace.catalog.get("lake").answers
    assert client.post("/uploads/sea", query_string={"units": "db"}, headers=HEADERS).status_code == 404


def test_another_server_of_the_same_folder_follows_what_is_read_otherwise(
    client: FlaskClient, workspace: Workspace
) -> None:
    other = LiveCatalog(Catalog(()))
    shelf = Uploads(workspace.settings.data, other)
    form = labelled(LAKE * 255)
    send(client, form, {"label_values": "dry=0,water=1,unknown=255"})
    shelf.follow()
    assert other.now.get("pond").answers.label_values[0] == (0.0, "dry")
    client.post("/uploads/pond", query_string={"label_values": "water=255,dry=0"}, headers=HEADERS)
    shelf.follow()
    assert other.now.get("pond").answers.label_values[0] == (255.0, "water")
