"""Exports that the page asks for: one zip, with progress, cancelled or fetched; and the same from the command line."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.export.formats import CHOICES, FLOOD, FLOOD_POLYGONS, FORMATS
from model.predictors.backscatter import BackscatterPredictor
from tests.waiting import PATIENCE_S, eventually
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip
from tiles.claims import CLAIM

pytestmark = pytest.mark.slow

HEADERS = {"X-Floodscope": "test"}
WAIT_S = PATIENCE_S


@dataclass
class Server:
    client: FlaskClient
    workspace: Workspace

    def ask(self, **changed: Any) -> Any:
        asked = {"model": "backscatter", "threshold": 0.4, "formats": ["csv"], "chips": None} | changed
        return self.client.post("/exports", json=asked, headers=HEADERS)

    def end(self, export_id: str) -> dict[str, Any]:
        """Wait until an export has ended."""
        news = eventually(lambda: self.client.get(f"/exports/{export_id}").json, lambda news: not news["running"])
        return dict(news)

    def left(self) -> list[str]:
        """What lies in the folder of this server's exports."""
        (place,) = (self.workspace.settings.data / "exports").iterdir()
        return sorted(p.name for p in place.iterdir() if p.name != CLAIM)


@pytest.fixture(scope="module")
def server(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    workspace = Workspace(Settings((simulated,), tmp_path_factory.mktemp("exports"), model="backscatter"))
    yield Server(create_app(workspace).server.test_client(), workspace)
    workspace.close()


def test_all_chips_in_every_format_come_as_one_zip(server: Server, tmp_path: Path) -> None:
    begun = server.ask(formats=list(CHOICES)).json
    news = server.end(begun["id"])
    assert (news["state"], news["message"]) == ("done", "")
    (note,) = news["notes"]
    assert note.startswith("Flood is not told of any chip, beside which no file says where water is usual")
    answer = server.client.get(f"/exports/{begun['id']}/file")
    assert answer.headers["Content-Disposition"] == "attachment; filename=floodscope-11-chips-VH-threshold--22-dB.zip"
    assert len(answer.data) == news["size"]
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    workspace = server.workspace
    stored = workspace.store.for_model(
        next(m.key for m in workspace.store.models() if "fixed" in m.key.parameters)
    ).values()
    km2 = sum(p.water_km2(0.4) for p in stored)
    assert json.loads((folder / "scores.json").read_text())["micro"]["water_km2"] == pytest.approx(km2)
    assert gpd.read_file(folder / "water.gpkg")["km2"].sum() == pytest.approx(km2, rel=0.005)
    assert len(list((folder / "rasters").iterdir())) == 22
    readme, files = (folder / "README.txt").read_text(), [str(p.relative_to(folder)) for p in folder.rglob("*")]
    assert "SIMULATED" in readme
    assert note in readme
    for one in FORMATS:
        told = one.name not in {FLOOD, FLOOD_POLYGONS}
        assert one.among(files) == told, one.name
        assert (one.file in readme and one.about in readme) == told, one.name
    assert server.left() == [f"{begun['id']}.zip"]
    server.client.delete(f"/exports/{begun['id']}", headers=HEADERS)
    assert (server.left(), server.client.get(f"/exports/{begun['id']}/file").status_code) == ([], 404)


def test_the_documents_name_every_format_and_its_files() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "export.md").read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if row.startswith("| `")]
    for one in FORMATS:
        assert any(f"`{one.name}`" in row and one.file in row for row in rows), one.name


def test_a_selection_is_what_is_written_and_a_chip_alone_gives_its_name(server: Server) -> None:
    first, second = [record.id for record in server.workspace.catalog.records()[:2]]
    for chips, name in ([first, second], "2-chips"), ([second], second):
        begun = server.ask(chips=chips).json
        server.end(begun["id"])
        assert begun["name"].startswith(f"floodscope-{name}-")
        with zipfile.ZipFile(io.BytesIO(server.client.get(f"/exports/{begun['id']}/file").data)) as archive:
            table = archive.read(next(n for n in archive.namelist() if n.endswith("scores.csv"))).decode()
        assert [line.split(",")[0] for line in table.splitlines()[1:]] == chips
        server.client.delete(f"/exports/{begun['id']}", headers=HEADERS)


class Waiting(BackscatterPredictor):
    """The baseline, which answers when its gate is open."""

    name = "Waiting"

    def __init__(self) -> None:
        super().__init__(threshold_db=-21.0)
        self.gate = threading.Event()

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        assert self.gate.wait(WAIT_S)
        return super().predict(chips)


def test_an_export_is_cancelled_and_only_so_many_run_at_once(server: Server) -> None:
    model = Waiting()
    server.workspace.shelf._predictors["backscatter:otsu"] = model
    try:
        begun = [server.ask(model="backscatter:otsu", formats=list(CHOICES)).json["id"] for _ in range(2)]
        refused = server.ask()
        assert (refused.status_code, "2 exports are being made" in refused.json["message"]) == (429, True)
        assert server.client.get(f"/exports/{begun[0]}").json["state"] == "predicting"  # type: ignore[index]
        for export_id in begun:
            assert server.client.delete(f"/exports/{export_id}", headers=HEADERS).status_code == 200
        model.gate.set()
        assert [server.end(export_id)["state"] for export_id in begun] == ["cancelled", "cancelled"]
        assert server.left() == []
    finally:
        model.gate.set()
        del server.workspace.shelf._predictors["backscatter:otsu"]


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"formats": []}, 400, "Choose what to take away"),
        ({"formats": ["shapefile"]}, 400, "Choose what to take away"),
        ({"formats": "csv"}, 400, "a list of names"),
        ({"threshold": 1.5}, 400, "a number from 0 to 1"),
        ({"threshold": True}, 400, "a number from 0 to 1"),
        ({"threshold": float("nan")}, 400, "a number from 0 to 1"),
        ({"chips": []}, 400, "None of these chips"),
        ({"chips": ["../etc"]}, 404, "No chip '../etc'"),
        ({"chips": [3]}, 400, "a list of ids"),
        ({"model": "/etc/passwd"}, 404, "is not offered here"),
        ({"model": None}, 400, "names no model"),
    ],
)
def test_what_makes_no_sense_is_told(server: Server, changed: dict[str, Any], status: int, words: str) -> None:
    answer = server.ask(**changed)
    assert (answer.status_code, words in answer.json["message"]) == (status, True), answer.json
    assert server.left() == []


def test_other_pages_begin_no_export(server: Server) -> None:
    asked = {"model": "backscatter", "threshold": 0.5, "formats": ["csv"], "chips": None}
    assert server.client.post("/exports", json=asked).status_code == 403
    foreign = {**HEADERS, "Origin": "https://elsewhere.example"}
    assert server.client.post("/exports", json=asked, headers=foreign).status_code == 403
    assert server.client.post("/exports", data="{}", headers=HEADERS).status_code == 400
    assert server.client.get("/exports/0123").status_code == 404


def test_the_command_writes_the_same_files(floodscope: Any, simulated: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = floodscope(
        "export", simulated, "--data", tmp_path / "data", "--out", out, "--format", "csv", "geojson", "mask"
    )
    assert done.returncode == 0, done.stderr
    names = [".floodscope-export", "README.txt", "rasters", "scores.csv", "water.geojson"]
    assert sorted(p.name for p in out.iterdir()) == names
    assert "11 chip(s)" in done.stdout and "14 files" in done.stdout


def test_the_command_tells_what_is_wrong(floodscope: Any, simulated: Path, tmp_path: Path) -> None:
    for arguments, code, words in (
        ((simulated, "--out", tmp_path / "o", "--format", "shapefile"), 2, "'shapefile' is not one of"),
        ((simulated, "--out", tmp_path / "o", "--chip", "Atlantis_1"), 1, "No chip 'Atlantis_1'"),
        ((simulated,), 2, "--out"),
        ((tmp_path / "nothing", "--out", tmp_path / "o"), 1, "does not exist"),
    ):
        done = floodscope("export", *arguments, "--data", tmp_path / "data")
        assert (done.returncode, words in done.stderr) == (code, True), done.stderr


def test_a_chip_that_cannot_be_predicted_is_named_with_the_reason(
    floodscope: Any, simulated: Path, tmp_path: Path
) -> None:
    source = shutil.copytree(simulated, tmp_path / "chips")
    bare, empty, good = (r.id for r in open_catalog([source]).records()[:3])
    (source / "S1Hand" / f"{bare}_S1Hand.tif").unlink()
    with rasterio.open(source / "S1Hand" / f"{empty}_S1Hand.tif", "r+") as image:
        image.write(np.full((image.count, *image.shape), np.nan, np.float32))

    def export(*chips: str) -> Any:
        arguments = (source, "--data", tmp_path / "data", "--out", tmp_path / "out", "--format", "csv")
        return floodscope("export", *arguments, "--model", "backscatter", "--chip", *chips)

    for chip, why in (bare, "no imagery on disk"), (empty, "no valid pixel"):
        done = export(chip)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        assert chip in done.stderr and why in done.stderr
    assert not (tmp_path / "out").exists()
    done = export(bare, good)
    assert (done.returncode, "1 chip(s)" in done.stdout) == (0, True), done.stderr
    assert f"{bare}: it has no imagery on disk" in (tmp_path / "out" / "README.txt").read_text()


def test_a_second_export_into_a_folder_leaves_nothing_of_the_first_and_everything_else(
    floodscope: Any, simulated: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first, second = (r.id for r in open_catalog([simulated]).records()[:2])

    def export(*wishes: str) -> Any:
        done = floodscope(
            "export", simulated, "--data", tmp_path / "data", "--out", out, "--model", "backscatter", *wishes
        )
        assert done.returncode == 0, done.stderr
        return done

    export("--chip", first, "--format", "stac", "csv", "geojson")
    mine = [out / "notes.txt", out / "rasters" / "mine_mask.tif", out / "items" / "mine.json", tmp_path / "outside.txt"]
    for path in mine:
        path.write_text("mine")
    with (out / ".floodscope-export").open("a") as listing:
        digest = hashlib.sha256(b"mine").hexdigest()
        for name in ("../outside.txt", "rasters/../../outside.txt", "..", ".", "items/../../outside.txt"):
            listing.write(f"{digest}  {name}\n")
        listing.write(f"\nnotes.txt\n{'0' * 64}  notes.txt\n{'0' * 64}  rasters/mine_mask.tif\n\n")
    done = export("--chip", second, "--format", "stac", "csv")
    assert "4 of an earlier export removed" in done.stdout
    assert "notes.txt, rasters/mine_mask.tif stand in the list of an earlier export" in done.stderr
    assert all(path.read_text() == "mine" for path in mine)
    assert not list(out.rglob(f"*{first}*")) and not (out / "water.geojson").exists()
    assert [line for line in (out / "collection.json").read_text().splitlines() if f"items/{second}" in line]
    export("--chip", second, "--format", "csv")
    assert sorted(p.name for p in (out / "rasters").iterdir()) == ["mine_mask.tif"]
    assert not (out / "collection.json").exists()


def test_a_folder_of_somebody_elses_making_loses_nothing_to_an_export(
    floodscope: Any, simulated: Path, tmp_path: Path
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    kept = [out / "notes.txt", out / "scores.json", elsewhere / "x_mask.tif", tmp_path / "elsewhere" / "a.json"]
    for path in kept:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    (out / "items").symlink_to(elsewhere)
    names = ["notes.txt", "scores.json", "items/a.json", "items/x_mask.tif"]
    (out / ".floodscope-export").write_text(
        "\n".join([*names, f"{digest}  items/a.json", f"{digest}  items/x_mask.tif"])
    )
    chip = open_catalog([simulated]).records()[0].id
    arguments = (
        "export",
        simulated,
        "--data",
        tmp_path / "data",
        "--out",
        out,
        "--model",
        "backscatter",
        "--chip",
        chip,
    )
    refused = floodscope(*arguments, "--format", "csv")
    assert refused.returncode == 1
    assert "items is a link to another folder" in refused.stderr
    (out / "items").unlink()
    (out / ".floodscope-export").unlink()
    os.mkfifo(out / ".floodscope-export")  # a list that is a pipe is not waited for
    done = floodscope(*arguments, "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert all(path.read_text() == "mine" for path in kept)


def test_a_file_that_no_export_wrote_or_that_was_changed_since_is_not_replaced(
    floodscope: Any, simulated: Path, tmp_path: Path
) -> None:
    out, chip = tmp_path / "out", open_catalog([simulated]).records()[0].id
    out.mkdir()

    def export() -> Any:
        where = ("--data", tmp_path / "data", "--out", out, "--model", "backscatter", "--chip", chip)
        return floodscope("export", simulated, *where, "--format", "csv", "stac")

    def refused(name: str, before: list[str]) -> None:
        done = export()
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert f"{name} is there already" in done.stderr and "another folder with --out" in done.stderr
        assert (out / name).read_text() == "mine"
        assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*")) == before

    for name in ("README.txt", "scores.csv", f"rasters/{chip}_mask.tif", f"items/{chip}.json"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine")
        refused(name, sorted({name, Path(name).parent.as_posix()} - {"."}))
        shutil.rmtree(out)
        out.mkdir()
    for _ in range(2):
        done = export()
        assert done.returncode == 0, done.stderr
    there = sorted(p.relative_to(out).as_posix() for p in out.rglob("*"))
    assert {"README.txt", "scores.csv", f"rasters/{chip}_mask.tif", f"items/{chip}.json"} <= set(there)
    (out / "scores.csv").write_text("mine")
    refused("scores.csv", there)


def test_finished_exports_hold_no_more_than_their_room_and_a_folder_that_is_gone_is_made_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = [server.end(server.ask().json["id"]) for _ in range(2)]
    monkeypatch.setattr("dashboard.exports.jobs.KEPT_BYTES", ended[-1]["size"])
    ended.append(server.end(server.ask().json["id"]))
    assert server.client.get(f"/exports/{ended[0]['id']}/file").status_code == 404
    assert [server.client.get(f"/exports/{one['id']}/file").status_code for one in ended[1:]] == [200, 200]
    shutil.rmtree(server.workspace.settings.data / "exports")
    assert server.client.get(f"/exports/{ended[-1]['id']}/file").status_code == 404
    assert server.end(server.ask().json["id"])["state"] == "done"
    monkeypatch.setattr("dashboard.exports.jobs.SPARE_BYTES", 1 << 60)
    refused = server.ask()
    assert (refused.status_code, refused.json["error"]) == (500, "OutputError")
    assert "free some space" in refused.json["message"]
