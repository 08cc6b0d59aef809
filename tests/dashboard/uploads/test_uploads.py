"""Images that are sent become chips: at once, after a restart, and until they are removed."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from sent_images import Form, backscatter, pair, tiff, truth

from dashboard.app import create_app
from dashboard.uploads.batch import Limits
from dashboard.uploads.shelf import Uploads
from dashboard.workspace.scenes import PYRAMIDS
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.inference import scenes as runs
from model.store.work import FOLDER as WORK
from tests.model.predictors.bundles import write_random
from tests.waiting import eventually
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.catalog.live import LiveCatalog
from tiles.errors import ChipNotFoundError, UploadError, UploadTooLargeError
from tiles.scenes import windows

pytestmark = pytest.mark.slow

HEADERS = {"X-Floodscope": "test"}


@pytest.fixture
def workspace(simulated: Path, tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(Settings((simulated,), tmp_path, model="backscatter"))
    yield made
    made.close()


@pytest.fixture
def client(workspace: Workspace) -> FlaskClient:
    return create_app(workspace).server.test_client()


def send(client: FlaskClient, form: Form) -> dict[str, Any]:
    data = {"files": [(io.BytesIO(content), name) for name, content in form]}
    answer = client.post("/uploads", data=data, headers=HEADERS, content_type="multipart/form-data")
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


def test_a_pair_with_its_label_is_placed_predicted_and_scored(client: FlaskClient, workspace: Workspace) -> None:
    added = send(client, pair("lake_20180921T051229", label=True))["added"]
    assert added == [
        {
            "id": "lake_20180921T051229",
            "names": [f"lake_20180921T051229_{part}.tif" for part in ("vv", "vh", "label")],
            "labelled": True,
            "country": "Austria",
            "choices": [],
            "message": None,
        }
    ]
    record = workspace.catalog.get("lake_20180921T051229")
    assert (record.date, record.layout) == ("2018-09-21", "upload")
    answer = workspace.open_chip(record.id, "backscatter")
    assert answer["error"] is None and answer["prediction"]["histogram"] is not None
    payload = client.get("/uploads/catalog").json
    assert [c["labelled"] for c in payload["chips"] if c["id"] == record.id] == [True]
    revision = workspace.tiles.revision("composite", record)
    assert client.get(f"/tiles/composite/{record.id}/{revision}/0/0/0.png").status_code == 200


def test_a_page_is_told_of_a_change_of_the_catalog_and_of_nothing_else(client: FlaskClient) -> None:
    def asked(since: str) -> Any:
        return client.get("/uploads/catalog", query_string={"since": since})

    first = asked("").json["info"]["version"]
    assert (asked(first).status_code, asked(first).data) == (204, b"")
    added = send(client, pair("pond"))["added"][0]["id"]
    second = asked(first).json
    assert added in [chip["id"] for chip in second["chips"]]
    assert asked(second["info"]["version"]).status_code == 204
    client.delete(f"/uploads/{added}", headers=HEADERS)
    third = asked(second["info"]["version"]).json
    assert added not in [chip["id"] for chip in third["chips"]]
    assert len({first, second["info"]["version"], third["info"]["version"]}) == 3
    assert asked("of another server").status_code == 200


def mark_of(client: FlaskClient) -> str:
    (mark,) = re.findall(r'<html [^>]*data-page="(\w+)"', client.get("/").text)
    return str(mark)


def test_a_page_of_another_server_is_told_that_it_is_old_where_the_two_differ(
    simulated: Path, tmp_path: Path, client: FlaskClient, workspace: Workspace
) -> None:
    mark = mark_of(client)
    for folder, settings, same in (
        ("again", {}, True),
        ("model", {"model": "backscatter:-21"}, False),
        ("hosts", {"layer_hosts": ("https://tiles.example.org",)}, False),
        ("name", {"name": "Another"}, False),
    ):
        other = Workspace(Settings((simulated,), tmp_path / folder, **{"model": "backscatter", **settings}))  # type: ignore[arg-type]
        try:
            asked = {"since": other.catalog.version, "page": mark}
            answer = create_app(other).server.test_client().get("/uploads/catalog", query_string=asked)
            assert (answer.status_code, answer.json) == ((204, None) if same else (200, {"renewed": True})), folder
        finally:
            other.close()
    workspace.open_chip(workspace.catalog.records()[0].id, "backscatter")
    assert mark_of(create_app(workspace).server.test_client()) == mark, "what was predicted makes no other page"


def test_a_page_is_old_where_another_bundle_lies_in_the_same_folder(simulated: Path, tmp_path: Path) -> None:
    marks = []
    for changes in ({}, {}, {"threshold": 0.7}, {"seed": 1}):  # as where it was trained anew
        shutil.rmtree(tmp_path / "bundle", ignore_errors=True)
        write_random(tmp_path / "bundle", **changes)  # type: ignore[arg-type]
        opened = Workspace(Settings((simulated,), tmp_path / "data", model=str(tmp_path / "bundle")))
        try:
            marks.append(mark_of(create_app(opened).server.test_client()))
        finally:
            opened.close()
    assert marks[0] == marks[1] and len(set(marks)) == 3


def test_several_images_in_several_forms_come_at_once(client: FlaskClient, workspace: Workspace) -> None:
    vv, vh = backscatter(5)
    form = [
        *pair("one", seed=1),
        ("two.tif", tiff(vh, vv, names=("VH", "VV"))),
        ("India_7_S1Hand.tif", tiff(*backscatter(2), names=("VV", "VH"))),
        ("India_7_LabelHand.tif", truth()),
        *pair("abc00", seed=3),
        ("abc00.tif", truth()),  # as DrivenData calls a label
    ]
    added = {chip["id"]: chip["labelled"] for chip in send(client, form)["added"]}
    assert added == {"one": False, "two": False, "India_7": True, "abc00": True}
    chip = workspace.tiles.chip(workspace.catalog.get("two"))
    assert np.array_equal(chip.vv, vv)


def test_no_file_is_called_as_its_sender_calls_it(client: FlaskClient, workspace: Workspace) -> None:
    send(client, pair("$(touch x); rm -rf ~", label=True))
    (record,) = [r for r in workspace.catalog.records() if r.layout == "upload"]
    assert record.id.startswith("touch-x-rm--rf-")
    folder = workspace.settings.data / "uploads"
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert names == {"FLOODSCOPE_UPLOADS", "chip.json", "vv.tif", "vh.tif", "label.tif"}


@pytest.mark.parametrize(
    ("name", "chip"),
    [
        ("ünï_côde", "ünï_côde"),
        ("HàNội_20180921T051229", "HàNội_20180921T051229"),
        ("u\u0308ber", "über"),  # as a Mac writes an umlaut
        ("／．．／ ℀", "image-eee8386b"),  # what takes letters apart makes slashes
        ("洪水", "洪水"),
        ("সিলেট", "সিলেট"),
        ("العراق", "العراق"),
    ],
)
def test_a_name_keeps_its_letters_of_every_script(client: FlaskClient, name: str, chip: str) -> None:
    (added,) = send(client, pair(name))["added"]
    assert (added["id"], added["message"]) == (chip, None)
    assert added["names"] == [f"{name}_vv.tif", f"{name}_vh.tif"]
    assert client.delete(f"/uploads/{chip}", headers=HEADERS).status_code == 200


def test_an_image_whose_name_another_chip_has_says_what_it_is_called(client: FlaskClient, workspace: Workspace) -> None:
    taken = workspace.catalog.records()[0].id
    (added,) = send(client, pair(taken))["added"]
    assert added["id"] == f"{taken}-2"
    assert added["message"] == f"Another chip is called {taken}, so this one is {taken}-2."


def test_images_are_there_after_a_restart_and_are_a_source_of_their_own(
    client: FlaskClient, workspace: Workspace
) -> None:
    send(client, pair("lake", seed=1))
    send(client, pair("lake", seed=2))
    names = [r.id for r in workspace.catalog.records() if r.layout == "upload"]
    assert names == ["lake", "lake-2"]
    folder = workspace.settings.data / "uploads"
    assert [record.id for record in open_catalog([folder]).usable()] == names
    again = Workspace(workspace.settings)
    try:
        create_app(again)
        assert [r.id for r in again.catalog.records() if r.layout == "upload"] == names
    finally:
        again.close()


def test_an_image_is_taken_once(client: FlaskClient) -> None:
    send(client, pair("lake"))
    answer = send(client, pair("the_same_lake"))
    assert (answer["added"], answer["refused"][0]["message"]) == ([], "This image is there already, as lake.")


def test_a_removed_image_is_gone_with_its_predictions(client: FlaskClient, workspace: Workspace) -> None:
    send(client, pair("lake"))
    for model in ("backscatter", "backscatter:otsu"):
        assert workspace.open_chip("lake", model)["error"] is None
    rasters = list(workspace.settings.data.glob("predictions/*/lake.*"))
    assert len(rasters) == 2
    assert client.delete("/uploads/lake", headers=HEADERS).status_code == 200
    assert "lake" not in workspace.catalog
    assert [path for path in rasters if path.exists()] == []
    assert [p.name for p in (workspace.settings.data / "uploads").iterdir()] == ["FLOODSCOPE_UPLOADS"]
    assert "No chip 'lake'" in workspace.open_chip("lake", "backscatter")["error"]
    assert workspace.predictions("backscatter")["state"] == "ready"
    assert client.get("/uploads").json == {"images": []}


def test_a_chip_of_a_source_cannot_be_removed(client: FlaskClient, workspace: Workspace) -> None:
    chip = workspace.catalog.records()[0]
    answer = client.delete(f"/uploads/{chip.id}", headers=HEADERS)
    assert answer.status_code == 404
    assert chip.vv is not None and Path(chip.vv.path).is_file() and chip.id in workspace.catalog


def test_no_more_images_are_kept_than_the_limit(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, LiveCatalog(Catalog([])), Limits(chips=1, spare_bytes=0))

    def keep(form: Form) -> list[str]:
        with uploads.receiving(None) as batch:
            for name, data in form:
                sink = batch.begin(name)
                sink.write(data)
                sink.seek(0)
            return [refusal.message for refusal in uploads.keep(batch).refused]

    assert keep(pair(seed=1)) == []
    assert keep(pair(seed=2)) == ["1 images are kept already, which is the most: remove some first."]
    with pytest.raises(UploadError, match="No file"):
        keep([])
    with pytest.raises(ChipNotFoundError):
        uploads.remove("other")


def test_a_damaged_folder_is_told_and_disturbs_no_other(client: FlaskClient, workspace: Workspace) -> None:
    send(client, pair("lake", seed=1))
    send(client, pair("sea", seed=2))
    folder = workspace.settings.data / "uploads"
    damaged = Path(workspace.catalog.get("lake").vv.path).parent / "chip.json"  # type: ignore[union-attr]
    damaged.write_text(damaged.read_text().replace("vv.tif", "../../secret.tif"))
    catalog = open_catalog([folder])
    assert [record.id for record in catalog.records()] == ["sea"]
    assert "chip.json" in catalog.problems()[0].message


def test_an_image_without_a_place_is_taken_and_told(client: FlaskClient, workspace: Workspace) -> None:
    (added,) = send(client, pair("lake", label=True, crs=None, transform=None))["added"]
    assert added["country"] is None
    assert "no georeference" in added["message"] and "not on the map" in added["message"]
    assert "the label is as large as the image" in added["message"]  # the label alone says where it lies
    answer = workspace.open_chip("lake", "backscatter")
    assert answer["error"] is None and answer["detail"]["placed"] is False
    assert answer["detail"]["label_water_km2"] is None and answer["prediction"]["histogram"] is not None
    chip = next(c for c in client.get("/uploads/catalog").json["chips"] if c["id"] == "lake")
    assert (chip["bounds"], chip["ring"], chip["imagery"]) == (None, None, True)
    west, south, east, north = chip["frame"]
    assert west == -east and south == -north and "no georeference" in chip["unplaced"]
    place = {"lon": (west + east) / 2, "lat": (south + north) / 2}
    pixel = client.get(f"/inspect/point/lake/{chip['revision']}", query_string=place).json
    assert abs(pixel["row"] - 20) <= 1 and abs(pixel["column"] - 20) <= 1
    assert client.get("/tiles/composite/lake/tilejson.json").status_code == 422


def _ask_again(client: FlaskClient, form: Form, refusal: dict[str, Any], choice: int = 0) -> dict[str, Any]:
    """Send a refused image's files again with one of the answers that it was offered, as the page's button does."""
    picked = refusal["choices"][choice]
    data = {"files": [(io.BytesIO(content), name) for name, content in form if name in refusal["files"]]}
    asked = {picked["option"]: picked["value"]}
    answer = client.post("/uploads", data=data, query_string=asked, headers=HEADERS, content_type="multipart/form-data")
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


def test_an_image_that_may_be_power_or_amplitude_is_asked_and_taken_with_the_answer(
    client: FlaskClient, workspace: Workspace
) -> None:
    vv, vh = backscatter()
    amplitude = [tiff(np.float32(10 ** ((band - 4) / 20))) for band in (vv, vh)]
    form = [("dark_vv.tif", amplitude[0]), ("dark_vh.tif", amplitude[1]), *pair("fine")]
    answer = send(client, form)
    assert [a["id"] for a in answer["added"]] == ["fine"]
    (refusal,) = answer["refused"]
    assert refusal["files"] == ["dark_vv.tif", "dark_vh.tif"]
    assert [choice["value"] for choice in refusal["choices"]] == ["power", "amplitude"]
    assert "say which it is" in refusal["message"]
    again = _ask_again(client, form, refusal, 1)
    assert [a["id"] for a in again["added"]] == ["dark"]
    chip = workspace.tiles.chip(workspace.catalog.get("dark"))
    np.testing.assert_allclose(chip.vh[chip.valid], (vh - 4)[chip.valid], atol=1e-3)
    kept = open_catalog([workspace.settings.data / "uploads"]).get("dark")
    assert kept.answers.units == "amplitude", "the answer is kept with the image"


def test_power_is_converted_and_told_beside_the_image_and_beside_the_chip(
    client: FlaskClient, workspace: Workspace
) -> None:
    vv, vh = backscatter()
    form = [(f"linear_{name}.tif", tiff(np.float32(10 ** (band / 10)))) for name, band in (("vv", vv), ("vh", vh))]
    (added,) = send(client, form)["added"]
    assert "linear power" in added["message"]
    answer = workspace.open_chip("linear", "backscatter")
    assert answer["error"] is None
    assert any("linear power" in note for note in answer["prediction"]["notes"])


def test_a_label_of_0_and_255_is_asked_and_taken_with_the_answer(client: FlaskClient, workspace: Workspace) -> None:
    (vv, vh), lake = backscatter(), np.asarray(backscatter()[1] < -22, np.uint8)
    form = [("pond_vv.tif", tiff(vv)), ("pond_vh.tif", tiff(vh)), ("pond_label.tif", tiff(lake * 255))]
    (refusal,) = send(client, form)["refused"]
    assert [choice["value"] for choice in refusal["choices"]] == ["water=255,dry=0", "dry=0,water=1,unknown=255"]
    (added,) = _ask_again(client, form, refusal)["added"]
    assert added["labelled"]
    np.testing.assert_array_equal(workspace.tiles.chip(workspace.catalog.get("pond")).label, lake)


def test_a_product_is_known_by_the_name_that_its_sender_gave_it(client: FlaskClient, workspace: Workspace) -> None:
    vv, vh = backscatter()
    name = "S1A_IW_20180921T051229_DVP_RTC10_G_gaufed_FD6A"
    form = [(f"{name}_{p}.tif", tiff(np.float32(10 ** ((b - 4) / 20)))) for p, b in (("VV", vv), ("VH", vh))]
    (added,) = send(client, form)["added"]
    record = workspace.catalog.get(added["id"])
    chip = workspace.tiles.chip(record)
    assert any("HyP3" in d.text and d.basis == "name" for d in chip.decisions)
    np.testing.assert_allclose(chip.vv[chip.valid], (vv - 4)[chip.valid], atol=1e-3)


@pytest.mark.parametrize("said", [{"units": "furlong"}, {"bands": "VV"}, {"label_values": "wet=1"}])
def test_an_answer_that_is_none_is_refused_and_keeps_nothing(client: FlaskClient, said: dict[str, str]) -> None:
    data = {"files": [(io.BytesIO(content), name) for name, content in pair("lake")]}
    answer = client.post("/uploads", data=data, query_string=said, headers=HEADERS, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert client.get("/uploads").json["images"] == []


def test_a_file_named_mask_is_taken_for_truth_and_told(client: FlaskClient) -> None:
    form = [(name.replace("_label", "_mask"), content) for name, content in pair("field", label=True)]
    (added,) = send(client, form)["added"]
    assert added["labelled"] and "field_mask.tif is taken for its truth" in added["message"]


@pytest.mark.parametrize(
    ("product", "side"),
    [
        ("OPERA_L2_RTC-S1_T034-071100-IW3_20211212T002833Z_20230929T210202Z_S1B_30_v1.0", "mask"),
        ("S1A_IW_20180921T051229_DVP_RTC30_G_gpuned_1234", "ls_map"),
    ],
)
def test_a_products_side_layer_is_refused_for_what_it_is_and_the_image_is_taken(
    client: FlaskClient, product: str, side: str
) -> None:
    form = [(name.replace("_label", f"_{side}"), content) for name, content in pair(product, label=True)]
    answer = send(client, form)
    assert [chip["labelled"] for chip in answer["added"]] == [False]
    (refused,) = answer["refused"]
    assert (
        "is a mask of radar shadow and layover" in refused["message"]
        and "neither image nor truth" in refused["message"]
    )


def test_a_folder_of_uploads_that_a_stranger_filled_opens_and_every_sound_image_is_there(
    client: FlaskClient, workspace: Workspace, simulated: Path
) -> None:
    send(client, pair("lake"))
    (good,) = (place for place in (workspace.settings.data / "uploads").iterdir() if place.is_dir())
    said = json.loads((good / "chip.json").read_text())
    odd: list[Any] = [{"id": {}}, {"names": 7}, {"vv": ["vv.tif", 1e999]}, {"date": [1]}, {"called": {"a": "\ud800"}}]
    texts = [json.dumps(said | one) for one in odd] + ["[" * 100_000, "", "null", "{}", "\0", "9" * 5000]
    for number, text in enumerate(texts):
        place = good.with_name(f"{number:024x}")
        shutil.copytree(good, place)
        (place / "chip.json").write_text(text)
    shutil.copytree(good, piped := good.with_name("f" * 24))
    (piped / "chip.json").unlink()
    os.mkfifo(piped / "chip.json")
    live = LiveCatalog(open_catalog([simulated]))
    shelf = Uploads(workspace.settings.data, live)
    found = shelf.records()
    assert ([r.id for r in found], [list(shelf.upload(r).names) for r in found]) == (
        ["lake", "lake-2"],
        [["lake_vv.tif", "lake_vh.tif"]] * 2,
    )
    told = [problem.message for problem in live.now.problems()]
    assert len(told) == len(texts) and all("has no sound chip.json: remove the folder" in text for text in told)


def test_a_folder_of_uploads_that_is_removed_and_put_back_costs_nothing_and_takes_images_meanwhile(
    client: FlaskClient, workspace: Workspace
) -> None:
    send(client, pair("lake"))
    folder = workspace.settings.data / "uploads"
    folder.rename(away := folder.with_name("away"))
    assert [image["id"] for image in client.get("/uploads").json["images"]] == ["lake"]  # type: ignore[index]
    away.rename(folder)
    assert workspace.open_chip("lake", "backscatter")["error"] is None
    shutil.rmtree(folder)
    assert [chip["id"] for chip in send(client, pair("pond"))["added"]] == ["pond"]
    assert [image["id"] for image in client.get("/uploads").json["images"]] == ["pond"]  # type: ignore[index]
    shutil.rmtree(folder)
    assert client.delete("/uploads/pond", headers=HEADERS).status_code == 200
    folder.write_text("in the way")
    data = {"files": [(io.BytesIO(content), name) for name, content in pair("lake")]}
    refused = client.post("/uploads", data=data, headers=HEADERS, content_type="multipart/form-data")
    assert (refused.status_code, refused.json["error"]) == (500, "StoreError")  # type: ignore[index]
    assert "uploads cannot be written (File exists)" in refused.json["message"]  # type: ignore[index]


def test_two_dashboards_on_one_folder_show_each_others_images_and_give_one_id_to_one_image(
    client: FlaskClient, workspace: Workspace, simulated: Path
) -> None:
    other = Workspace(Settings((simulated,), workspace.settings.data, model="backscatter"))
    beside = create_app(other).server.test_client()
    assert [chip["id"] for chip in send(client, pair("lake"))["added"]] == ["lake"]
    assert [chip["id"] for chip in send(beside, pair("lake", seed=9))["added"]] == ["lake-2"]
    for one in (client, beside):
        assert [image["id"] for image in one.get("/uploads").json["images"]] == ["lake", "lake-2"]  # type: ignore[index]
    assert other.open_chip("lake-2", "backscatter")["prediction"] is not None
    assert workspace.open_chip("lake", "backscatter")["prediction"] is not None
    assert client.delete("/uploads/lake-2", headers=HEADERS).status_code == 200
    version = other.catalog.version
    shown = beside.get("/uploads/catalog", query_string={"since": version}).json
    assert "lake-2" not in [chip["id"] for chip in shown["chips"]]  # type: ignore[index]
    assert other.open_chip("lake", "backscatter")["prediction"] is not None
    other.close()


def test_batches_that_come_together_leave_the_room_that_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Uploads(tmp_path, LiveCatalog(Catalog([])), Limits(batch_bytes=900, spare_bytes=1000))
    free = 3000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10_000, 10_000 - free, free))
    with shelf.receiving(900), shelf.receiving(900) as second:
        with pytest.raises(UploadTooLargeError, match="no room"), shelf.receiving(900):
            pass
        second.begin("lake_vv.tif").write(b"x" * 700)
        free -= 700  # what is on the disk is not counted twice
        with shelf.receiving(100):
            pass
        with pytest.raises(UploadTooLargeError, match="no room"), shelf.receiving(400):
            pass
    with shelf.receiving(900):
        pass
    monkeypatch.setattr("dashboard.uploads.batch._LOOK_AFTER", 100)
    with shelf.receiving(None) as unannounced:
        free = 900
        with pytest.raises(UploadTooLargeError, match="no room"):
            unannounced.begin("lake_vv.tif").write(b"x" * 200)
    assert [path.name for path in shelf.folder.iterdir()] == ["FLOODSCOPE_UPLOADS"]


@pytest.fixture
def small_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an image of 40 pixels be a scene that is not held in memory."""
    monkeypatch.setattr(windows, "MAX_PIXELS", 30 * 30)
    monkeypatch.setattr(runs, "WINDOW", 32)
    monkeypatch.setattr(runs, "OVERLAP", 8)


@pytest.mark.usefixtures("small_scenes")
def test_an_image_of_any_size_is_a_scene_placed_and_predicted_in_view(
    client: FlaskClient, workspace: Workspace
) -> None:
    (added,) = send(client, pair("wide", label=True))["added"]
    assert (added["id"], added["labelled"], added["country"]) == ("wide", True, "Austria")
    (shown,) = (chip for chip in client.get("/uploads/catalog?since=").json["chips"] if chip["id"] == "wide")
    assert shown["scene"] and shown["country"] == "Austria"
    west, south, east, north = workspace.catalog.get("wide").footprint.bounds  # type: ignore[union-attr]
    corner = [west, north - (north - south) / 9, west + (east - west) / 9, north]
    answer = eventually(
        lambda: workspace.open_chip("wide", "backscatter", "click", view=corner), lambda found: not found["pending"]
    )
    assert answer["error"] is None and answer["scene"]["ready"]
    assert answer["prediction"]["histogram"]
    assert list((workspace.store.folder / PYRAMIDS).iterdir()) and list((workspace.store.folder / WORK).iterdir())
    assert client.delete("/uploads/wide", headers=HEADERS).status_code == 200
    assert not list((workspace.store.folder / PYRAMIDS).iterdir()) and not list(
        (workspace.store.folder / WORK).iterdir()
    )
    assert "wide" not in workspace.catalog
    assert workspace.store.for_model(workspace.shelf.key("backscatter")) == {}


@pytest.mark.usefixtures("small_scenes")
def test_a_scene_is_checked_asked_about_and_read_otherwise_as_a_chip_is(
    client: FlaskClient, workspace: Workspace
) -> None:
    power = [10 ** ((band - 4.0) / 20) for band in backscatter()]  # amplitude that might be power
    form = [("wide.tif", tiff(*power, names=("VV", "VH")))]
    (refused,) = send(client, form)["refused"]
    assert [choice["value"] for choice in refused["choices"]] == ["power", "amplitude"]
    data = {"files": [(io.BytesIO(content), name) for name, content in form]}
    answer = client.post("/uploads?units=power", data=data, headers=HEADERS, content_type="multipart/form-data")
    (added,) = answer.json["added"]
    assert {choice["value"] for choice in added["choices"] if choice["option"] == "units"} >= {"power", "amplitude"}
    assert client.post("/uploads/wide?units=amplitude", headers=HEADERS).status_code == 200
    strange = truth()[:-300]
    (refused,) = send(client, [*pair("cut"), ("cut_label.tif", strange)])["refused"]
    assert "cut_label.tif" in refused["message"]


def test_an_image_of_more_pixels_than_are_taken_is_refused_however_well_it_is_packed(
    tmp_path: Path, simulated: Path
) -> None:
    uploads = Uploads(tmp_path, LiveCatalog(open_catalog([simulated])), Limits(pixels=1000))
    with uploads.receiving(None) as batch:
        for name, content in pair():
            sink = batch.begin(name)
            sink.write(content)
            sink.seek(0)
        (refused,) = uploads.keep(batch).refused
    assert "lake_vv.tif has 40 x 40 pixels, and 1,000 are the most" in refused.message
    assert not list((tmp_path / "uploads").glob("*/chip.json"))
