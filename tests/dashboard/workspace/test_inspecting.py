"""What the page asks for when a chip is looked at closely; and that every count of an area is the same count."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from command_line import Run
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace.models import STORED
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.predictors.backscatter import BackscatterPredictor
from model.scores.histogram import ScoreHistogram
from tests.waiting import eventually

pytestmark = pytest.mark.slow

THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9)
AREAS = 10


@pytest.fixture(scope="module")
def workspace(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = Workspace(Settings((simulated,), tmp_path_factory.mktemp("inspected")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(workspace: Workspace) -> FlaskClient:
    return create_app(workspace).server.test_client()


@pytest.fixture(scope="module")
def chip(workspace: Workspace) -> str:
    return workspace.catalog.records()[0].id


@pytest.fixture(scope="module")
def opened(workspace: Workspace, chip: str) -> dict[str, Any]:
    return workspace.open_chip(chip, "backscatter")


@pytest.fixture(scope="module")
def revision(opened: dict[str, Any]) -> str:
    found: str = opened["prediction"]["revision"]
    return found


def ring(workspace: Workspace, chip: str, shrink: float = 0.2) -> list[list[float]]:
    footprint = workspace.catalog.get(chip).footprint
    assert footprint is not None
    w, s, e, n = footprint.bounds
    x, y = shrink * (e - w), shrink * (n - s)
    return [[w + x, s + y], [e - x, s + y], [e - x, n - y], [w + x, n - y], [w + x, s + y]]


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def test_a_point_tells_the_pixel_and_may_be_kept(
    client: FlaskClient, workspace: Workspace, chip: str, opened: dict[str, Any], revision: str
) -> None:
    record = workspace.catalog.get(chip)
    arrays = workspace.tiles.chip(record)
    row, column = 40, 77
    lon, lat = arrays.grid.lonlat(np.array([column + 0.3]), np.array([row + 0.6]))
    address = f"/inspect/point/{chip}/{opened['chip_revision']}"
    answer = client.get(f"{address}?lon={lon[0]}&lat={lat[0]}&prediction={revision}")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    pixel = answer.get_json()
    prediction = workspace.store.find(chip, revision)
    assert prediction is not None
    assert (pixel["row"], pixel["column"]) == (row, column)
    assert pixel["vv"] == pytest.approx(float(arrays.vv[row, column]))
    assert pixel["values"] == [int(workspace.store.read(prediction)[row, column])]
    assert client.get(f"{address}?lon=0&lat=0").get_json() is None


def test_the_spread_is_packed_where_the_browser_can_unpack_it(
    client: FlaskClient, chip: str, revision: str, workspace: Workspace
) -> None:
    address = f"/inspect/spread/{chip}/{revision}"
    plain, packed = client.get(address), client.get(address, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "br"
    assert "Content-Encoding" not in plain.headers
    assert len(packed.data) < len(plain.data) / 5
    answer = plain.get_json()
    counts = np.frombuffer(base64.b64decode(answer["counts"]), "<u4").reshape(2, 3, answer["bins"], 255)
    valid = workspace.tiles.chip(workspace.catalog.get(chip)).valid
    assert counts.sum() == 2 * valid.sum()


def test_the_models_to_compare_with_are_those_on_offer_and_those_in_the_store(simulated: Path, tmp_path: Path) -> None:
    workspace = Workspace(Settings((simulated,), tmp_path))
    try:
        record, other = workspace.catalog.records()[:2]
        removed = BackscatterPredictor("fixed", -19.5)
        workspace.inference.submit(record, removed).result()
        workspace.open_chip(record.id, "backscatter")
        models = {model["name"]: model for model in workspace.shelf.models()}
        assert models["VH threshold -22 dB"]["offered"]
        assert models["VH threshold -22 dB"]["chips"] == 1
        gone = models[removed.name]
        assert not gone["offered"]
        assert gone["spec"].startswith(STORED)
        assert workspace.open_chip(record.id, gone["spec"])["prediction"]["model_name"] == removed.name
        assert "not on offer" in workspace.open_chip(other.id, gone["spec"])["error"]
        assert "No chip" in workspace.open_chip("nowhere", gone["spec"])["error"]
        assert "no predictions of the model" in workspace.open_chip(record.id, f"{STORED}00")["error"]
        assert workspace.open_chip(other.id, "backscatter:otsu")["prediction"] is not None
        assert "not offered" in workspace.open_chip(other.id, "/etc/passwd")["error"]
    finally:
        workspace.close()


def test_the_agreement_of_two_models_is_counted(
    client: FlaskClient, workspace: Workspace, chip: str, revision: str
) -> None:
    answer = client.post(f"/inspect/prediction/{chip}", json={"model": "backscatter:otsu"}).get_json()
    other = answer["prediction"]["revision"]
    counts = client.get(f"/inspect/agreement/{chip}/{revision}/{other}").get_json()
    a, b = (workspace.store.read(p) for r in (revision, other) if (p := workspace.store.find(chip, r)) is not None)
    assert sum(counts["both"][127:]) == ((a >= 127) & (b >= 127) & (a != 255)).sum()


BAD = {
    "no place": ("get", "point/{chip}/{files}?lon=x&lat=1", None, 400, "is no place"),
    "no longitude": ("get", "point/{chip}/{files}?lat=1", None, 400, "is no place"),
    "beyond the pole": ("get", "point/{chip}/{files}?lon=1&lat=91", None, 400, "is no place"),
    "old files": ("get", "point/{chip}/0123456789ab?lon=1&lat=1", None, 404, "reload the page"),
    "no chip": ("get", "point/nowhere/{files}?lon=1&lat=1", None, 404, "No chip"),
    "no prediction": ("get", "spread/{chip}/0123456789ab", None, 404, "no prediction"),
    "a path for a revision": ("get", "spread/{chip}/..%2f..%2fetc", None, 404, ""),
    "no json": ("post", "area/{chip}/{revision}", b"<kml>", 400, "no JSON"),
    "a list": ("post", "area/{chip}/{revision}", b"[]", 400, "no JSON object"),
    "deep": ("post", "area/{chip}/{revision}", b"[" * 100_000, 400, "no JSON"),
    "no polygon": ("post", "area/{chip}/{revision}", b'{"type": "Point"}', 400, "no GeoJSON Polygon"),
    "too large": ("post", "area/{chip}/{revision}", b" " * (1 << 20) + b"{}", 413, "larger than 1 MB"),
    "off the chip": (
        "post",
        "area/{chip}/{revision}",
        b'{"type": "Polygon", "coordinates": [[[0, 80], [1, 80], [1, 81], [0, 80]]]}',
        400,
        "No pixel of",
    ),
    "wrong method": ("get", "area/{chip}/{revision}", None, 404, ""),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_answered_is_told_in_one_sentence(
    client: FlaskClient, chip: str, opened: dict[str, Any], revision: str, name: str
) -> None:
    method, address, body, status, message = BAD[name]
    place = address.format(chip=chip, files=opened["chip_revision"], revision=revision)
    answer = getattr(client, method)(f"/inspect/{place}", **({} if body is None else {"data": body}))
    assert answer.status_code == status
    if answer.is_json:
        assert message in answer.get_json()["message"]
        assert answer.headers["Cache-Control"] == "no-store"
    assert "Traceback" not in answer.text


# --- every count of an area is the same count -------------------------------------------------------------------------
@pytest.fixture(scope="module")
def outlines(workspace: Workspace, chip: str) -> list[list[list[float]]]:
    """Ten random outlines over a chip: rectangles and stars, some partly off it."""
    random = np.random.default_rng(11)
    (w, s), _, (e, n), _, _ = ring(workspace, chip, 0)
    out = []
    for i in range(AREAS):
        x, y = random.uniform(w, e), random.uniform(s, n)
        dx, dy = random.uniform(0.1, 0.5) * (e - w), random.uniform(0.1, 0.5) * (n - s)
        corners = 4 if i % 2 else int(random.integers(5, 12))
        turn = np.pi / 4 if i % 2 else random.uniform(0, 1)
        radius = np.ones(corners) if i % 2 else random.uniform(0.5, 1, corners)
        angles = turn + np.arange(corners) * 2 * np.pi / corners
        points = np.column_stack([x + dx * radius * np.cos(angles), y + dy * radius * np.sin(angles)]).round(6).tolist()
        out.append([*points, points[0]])
    return out


def test_areas_tables_evaluate_and_numpy_count_the_same(
    workspace: Workspace,
    client: FlaskClient,
    chip: str,
    revision: str,
    outlines: list[list[list[float]]],
    tmp_path: Path,
    floodscope: Run,
) -> None:
    """The map's counts in an area, the table's, `floodscope evaluate`'s, and numpy's over the rasters themselves.

    For the table and the command each area becomes a chip of its own: the same image, and a label that is known inside
    the area alone.
    """
    record = workspace.catalog.get(chip)
    assert record.vv is not None
    assert record.vh is not None
    assert record.label is not None
    prediction = workspace.store.find(chip, revision)
    assert prediction is not None
    with rasterio.open(workspace.store.raster_path(prediction)) as dataset:
        probability, transform = dataset.read(1), dataset.transform
        cols, rows = np.meshgrid(np.arange(dataset.width) + 0.5, np.arange(dataset.height) + 0.5)
    assert record.vv.path == record.vh.path
    with rasterio.open(record.label.path) as dataset:
        truth, profile = dataset.read(1), dataset.profile
    with rasterio.open(record.vv.path) as dataset:
        bands, image = dataset.read([record.vv.band, record.vh.band]), dataset.profile
        assert dataset.crs.to_epsg() == 4326
    lon, lat = transform.c + transform.a * cols, transform.f + transform.e * rows

    folder = tmp_path / "areas"
    folder.mkdir()
    masks = []
    for i, outline in enumerate(outlines):
        mask = np.zeros(truth.shape, dtype=bool)
        for (x1, y1), (x2, y2) in pairwise(outline):
            if y1 != y2:
                mask ^= ((y1 > lat) != (y2 > lat)) & (lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1)
        assert mask.any()
        masks.append(mask)
        for band, name in ((bands[0], "vv"), (bands[1], "vh")):
            with rasterio.open(folder / f"area{i}_{name}.tif", "w", **{**image, "count": 1}) as dataset:
                dataset.write(band, 1)
        with rasterio.open(folder / f"area{i}_label.tif", "w", **profile) as dataset:
            dataset.write(np.where(mask, truth, -1).astype(truth.dtype), 1)

    table = Workspace(Settings((folder,), tmp_path / "table"))
    try:
        shown = {}
        for i in range(AREAS):
            payload = eventually(lambda i=i: table.open_chip(f"area{i}", "backscatter")["prediction"])
            shown[i] = ScoreHistogram.from_bytes(base64.b64decode(payload["histogram"]))
    finally:
        table.close()
    drawn = {}
    for i, outline in enumerate(outlines):
        answer = client.post(f"/inspect/area/{chip}/{revision}", json=polygon(outline)).get_json()
        assert answer["pixels"] == masks[i].sum()
        drawn[i] = ScoreHistogram.from_bytes(base64.b64decode(answer["histogram"]))
    for threshold in THRESHOLDS:
        done = floodscope("evaluate", folder, "--data", tmp_path / "table", "--threshold", threshold, "--json")
        assert done.returncode == 0, done.stderr
        evaluated = {entry["id"]: entry for entry in json.loads(done.stdout)["chips"]}
        for i, mask in enumerate(masks):
            wet, data = probability / 254 >= threshold - 1e-12, probability != 255
            expected = tuple(
                int((mask & data & (wet == w) & (truth == t)).sum())
                for w, t in ((True, 1), (True, 0), (False, 1), (False, 0))
            )
            entry = evaluated[f"area{i}"]
            counts = [h.confusion(threshold) for h in (drawn[i], shown[i])]
            assert [(c.tp, c.fp, c.fn, c.tn) for c in counts] == [expected, expected]
            assert (entry["tp"], entry["fp"], entry["fn"], entry["tn"]) == expected


def test_an_area_and_what_is_left_of_the_chip_are_the_whole_chip(
    client: FlaskClient, workspace: Workspace, chip: str, opened: dict[str, Any], revision: str
) -> None:
    hole = ring(workspace, chip, 0.3)
    around = ring(workspace, chip, -0.5)
    whole = ScoreHistogram.from_bytes(base64.b64decode(opened["prediction"]["histogram"]))
    parts = [
        client.post(f"/inspect/area/{chip}/{revision}", json=area).get_json()
        for area in (polygon(hole), polygon(around, hole))
    ]
    total = ScoreHistogram.sum_of(ScoreHistogram.from_bytes(base64.b64decode(part["histogram"])) for part in parts)
    assert np.array_equal(total.water, whole.water)
    assert np.array_equal(total.dry, whole.dry)
    prediction = workspace.store.find(chip, revision)
    assert prediction is not None
    areas = sum(np.frombuffer(base64.b64decode(part["area"]), "<f8") for part in parts)
    assert areas == pytest.approx(prediction.area, rel=1e-9)
