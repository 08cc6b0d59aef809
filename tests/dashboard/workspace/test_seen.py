"""Wherever a score stands, a chip that the model was trained on carries a mark, and headlines count the others."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from command_line import Run
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.bundle.manifest import attach_list
from model.seen.chips import SeenChips, seen_chips
from tests.model.predictors.bundles import UNET, write_random
from tests.waiting import PATIENCE_S
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.content import content_of
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

NOTE = "Its rate was chosen in view of these same chips, so the figure is a little optimistic."
CROSSED = {
    "note": NOTE,
    "threshold": 0.5, "by": "country", "groups": 3, "micro": {"chips": 7, "iou": 0.4321, "iou_ci": [0.31, 0.52]},
    "countries": {"A": {"iou": 0.2, "water_share": 0.1}, "B": {"iou": 0.6, "water_share": 0.4}, "C": {"water_share": 0.0}},
}  # fmt: skip


@dataclass
class Models:
    """Three bundles of one network: of the first chips of a folder it has seen some, all, or does not tell."""

    some: Path
    every: Path
    untold: Path
    records: list[ChipRecord]
    seen: set[str]


@pytest.fixture(scope="module")
def models(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("models")
    records = open_catalog([simulated]).usable()
    known = seen_chips(((r, content_of(read_chip(r))) for r in records), "training").chips
    paths = [folder / name for name in ("some", "every", "untold")]
    for path, chips in zip(paths, (known[:4], known, None), strict=True):
        bundle = write_random(path, UNET, name=path.name, scores={"cross_validation": CROSSED})
        if chips is not None:
            attach_list(path, bundle, SeenChips(chips).to_bytes())
    return Models(*paths, records, {r.id for r in records[:4]})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all, so that chips are predicted once."""
    return tmp_path_factory.mktemp("seen") / "data"


def test_the_table_marks_seen_chips_and_its_headline_counts_the_others(
    floodscope: Run, simulated: Path, models: Models, data: Path
) -> None:
    asked = ["evaluate", simulated, "--data", data, "--model", models.some, "--by", "chip"]
    table = floodscope(*asked).stdout
    report = json.loads(floodscope(*asked, "--json").stdout)
    told = set(re.findall(r"^(\S+) +1 .* seen$", table, re.MULTILINE))
    assert told == {chip["id"] for chip in report["chips"] if chip["seen_in_training"]} == models.seen
    count = report["micro_unseen"]["scored"]
    assert count == len(models.records) - 4
    assert re.search(rf"^all unseen \(micro\) +{count} +{report['micro_unseen']['iou']:.3f}", table, re.MULTILINE)
    assert "all (micro)" not in table
    assert f"Counted are the {count} chips of {len(models.records)} that are new to some" in table
    rows = list(csv.DictReader(io.StringIO(floodscope(*asked, "--csv").stdout)))
    assert {row["id"] for row in rows if row["seen_in_training"] == "True"} == models.seen


def test_without_an_unseen_chip_there_is_no_headline_but_the_cross_validated_figure(
    floodscope: Run, simulated: Path, models: Models, data: Path, tmp_path: Path
) -> None:
    asked = ["evaluate", simulated, "--data", data, "--model", models.every]
    table = floodscope(*asked).stdout
    assert "(micro)" not in table and "mean IoU over" not in table
    assert f"None of these {len(models.records)} chips is new to every" in table
    assert "each country left out in turn, the micro IoU of every was 0.432 [0.310 to 0.520] over 7 chips" in table
    report = json.loads(floodscope(*asked, "--json").stdout)
    assert report["micro_unseen"] is report["mean_over_unseen_chips"] is None
    assert {g["micro_unseen"] for g in report["groups"]} == {None}
    assert report["crossvalidated"] == {
        "micro": 0.4321, "ci": [0.31, 0.52], "mean": pytest.approx(0.4), "by": "country", "chips": 7, "groups": 3,
        "note": NOTE,
    }  # fmt: skip
    floodscope(*asked, "--html", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    facts = page[page.index('<dl class="facts">') : page.index("</dl>")]
    assert f"{report['micro']['iou']:.3f}" not in facts
    assert "each country left out" in facts and "0.432" in facts
    assert NOTE in facts and NOTE in table
    assert "None of these" in page and "(micro)" not in page


def test_figures_over_seen_chips_are_marked_wherever_they_stand(
    floodscope: Run, simulated: Path, models: Models, data: Path
) -> None:
    table = floodscope("evaluate", simulated, "--data", data, "--model", models.every, "--robustness").stdout
    assert re.search(r"^changed chips \(seen\) ", table, re.MULTILINE)
    assert re.search(r"^Is more than 5 % .* \(seen\)$", table, re.MULTILINE)
    shares = table[table.index("share of water of the chip") :].splitlines()[1:7]
    counted = {line: int(line[28:34]) for line in shares}
    assert sum(counted.values()) == len(models.records)
    assert all(line.endswith("  seen") == (count > 0) for line, count in counted.items())


def test_a_model_that_does_not_tell_is_said_not_to(
    floodscope: Run, simulated: Path, models: Models, data: Path
) -> None:
    asked = ["evaluate", simulated, "--data", data, "--model", models.untold]
    table = floodscope(*asked).stdout
    assert re.search(r"^all, perhaps seen \(micro\)", table, re.MULTILINE)
    assert "untold does not tell what it was trained on" in table
    report = json.loads(floodscope(*asked, "--json").stdout)
    assert {chip["seen_in_training"] for chip in report["chips"]} == {None}
    assert report["micro_unseen"] is None


def test_a_comparison_counts_chips_that_are_new_to_both(
    floodscope: Run, simulated: Path, models: Models, data: Path, tmp_path: Path
) -> None:
    asked = ["evaluate", simulated, "--data", data, "--compare", "backscatter", models.some]
    (pair,) = json.loads(floodscope(*asked, "--json").stdout)["comparison"]["pairs"]
    assert pair["seen"] == {"seen": 4, "unseen": len(models.records) - 4, "unknown": 0}
    assert pair["difference"] != pair["micro_unseen"]["difference"]
    table = floodscope(*asked).stdout
    told = table[table.index("compared on") :]
    difference = f"{pair['micro_unseen']['difference']:+.3f}"
    assert re.search(rf"all unseen \(micro\) .*{re.escape(difference)}", told)
    assert "that are new to both VH threshold -22 dB and some" in told
    floodscope(*asked, "--html", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert f"VH threshold -22 dB against some: {difference}" in page
    nothing = ["evaluate", simulated, "--data", data, "--compare", "backscatter", models.every]
    table = floodscope(*nothing).stdout
    assert "so there is no headline difference" in table[table.index("compared on") :]


def test_what_is_taken_away_carries_the_marks(
    floodscope: Run, simulated: Path, models: Models, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = ["--format", "csv", "json", "geoparquet", "stac", "report"]
    result = floodscope("export", simulated, "--data", data, "--model", models.some, "--out", out, *asked)
    assert result.returncode == 0, result.stderr
    table = json.loads((out / "scores.json").read_text())
    assert {row["id"] for row in table["chips"] if row["seen_in_training"]} == models.seen
    new = [row for row in table["chips"] if not row["seen_in_training"]]
    assert table["micro_unseen"]["tp"] == sum(row["tp"] or 0 for row in new) < table["micro"]["tp"]
    rows = list(csv.DictReader(io.StringIO((out / "scores.csv").read_text())))
    assert {row["id"] for row in rows if row["seen_in_training"] == "True"} == models.seen
    items = [json.loads(path.read_text()) for path in (out / "items").iterdir()]
    assert {i["id"] for i in items if i["properties"]["floodscope:seen_in_training"]} == models.seen
    import geopandas as gpd

    frame = gpd.read_parquet(out / "scores.parquet")
    assert set(frame["id"][frame["seen_in_training"]]) == models.seen
    assert "that are new to some" in (out / "README.txt").read_text()
    page = (out / "report.html").read_text()
    pictured = re.findall(r'<div class="chip"><h3>([^<]+)</h3><p>([^<]+)</p>', page)
    assert pictured
    assert {name for name, told in pictured if re.search(r"IoU [\d.]+ \(seen\)", told)} == {
        name for name, _ in pictured if name in models.seen
    }


@pytest.fixture(scope="module")
def workspace(simulated: Path, models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    bundles = (models.some, models.every, models.untold)
    made = Workspace(
        Settings((simulated,), tmp_path_factory.mktemp("workspace"), bundles=bundles, model=str(models.some))
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(workspace: Workspace) -> FlaskClient:
    return create_app(workspace).server.test_client()


def test_every_prediction_that_the_page_gets_says_whether_its_chip_was_seen(
    workspace: Workspace, client: FlaskClient, models: Models
) -> None:
    spec = str(models.some)
    chip = models.records[0].id
    record = workspace.catalog.get(chip)
    for name, seen in ((spec, True), ("backscatter", False), (str(models.untold), None)):
        workspace.inference.submit(record, workspace.predictor(name)).result(PATIENCE_S)
        answer = workspace.open_chip(chip, name)
        assert answer["error"] is None
        assert answer["prediction"]["seen"] is seen
        assert workspace.predicted(name)["predictions"][0]["seen"] is seen
        listed = client.get("/review/predictions", query_string={"model": name}).get_json()["predictions"]
        assert [p["seen"] for p in listed] == [seen]
    workspace.inference.predict_all(workspace.catalog.usable(), workspace.predictor(spec)).wait(PATIENCE_S)
    sent = {p["id"]: p["seen"] for p in workspace.predicted(spec)["predictions"]}
    assert sent == {r.id: r.id in models.seen for r in models.records}


def test_no_chip_is_read_to_tell_what_was_seen(
    workspace: Workspace, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = str(models.some)
    workspace.inference.predict_all(workspace.catalog.usable(), workspace.predictor(spec)).wait(PATIENCE_S)
    workspace.shelf._judges._of.clear()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a chip was read")

    monkeypatch.setattr("model.evaluation.judge.read_chip", refuse)
    assert sum(p["seen"] for p in workspace.predicted(spec)["predictions"]) == len(models.seen)


def test_models_tell_what_they_are_worth_elsewhere_and_whether_they_name_their_chips(
    workspace: Workspace, models: Models
) -> None:
    told = {m["spec"]: m for m in workspace.shelf.models()}
    assert told["bundle:some"]["crossvalidated"]["micro"] == 0.4321
    assert told["backscatter"]["crossvalidated"] is None
    assert told["floodscope"]["crossvalidated"]["by"] == "source"
    assert "chosen in view of these same chips" in told["floodscope"]["crossvalidated"]["note"]
    names = {"some": True, "every": True, "untold": False}
    assert {n: told[f"bundle:{n}"]["knows_training"] for n in names} == names
    assert told["floodscope"]["knows_training"] and told["backscatter"]["knows_training"]


def test_explore_names_the_seen_chips_first(workspace: Workspace, client: FlaskClient, models: Models) -> None:
    workspace.inference.predict_all(workspace.catalog.usable(), workspace.predictor(str(models.some))).wait(PATIENCE_S)
    for model in ({}, {"model": str(models.some)}):
        first = client.post("/review/explore", json={"ids": None, **model}).get_json()["warnings"][0]
        assert (first["kind"], set(first["chips"])) == ("seen", models.seen)
        assert first["text"].startswith(f"some was trained or calibrated on 4 of {len(models.records)} labelled chips")
    for model in ("backscatter", str(models.untold), "/etc/passwd"):
        found = client.post("/review/explore", json={"ids": None, "model": model}).get_json()["warnings"]
        assert "seen" not in {warning["kind"] for warning in found}


def test_a_bundle_whose_list_is_damaged_tells_nothing_and_is_refused_where_it_predicts(
    simulated: Path, models: Models, tmp_path: Path
) -> None:
    bundle = write_random(tmp_path / "b")
    attach_list(tmp_path / "b", bundle, SeenChips().to_bytes())
    (tmp_path / "b" / "chips.json").write_text("{}")
    made = Workspace(Settings((simulated,), tmp_path / "d", bundles=(tmp_path / "b",), model=str(tmp_path / "b")))
    (told,) = [m for m in made.shelf.models() if m["spec"] == "bundle:b"]
    answer = made.open_chip(models.records[0].id, str(tmp_path / "b"))
    made.close()
    assert told["knows_training"] is False
    assert "chips.json was altered" in answer["error"]


def test_a_real_card_tells_that_its_chips_are_named(models: Models) -> None:
    from model.bundle.card import card_text
    from model.bundle.manifest import read_bundle

    named = read_bundle(models.some)
    assert "`chips.json` names all of these chips" in card_text(named, has_plot=False)
    assert "cannot be told from others" in card_text(replace(named, chips=""), has_plot=False)
