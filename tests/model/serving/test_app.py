"""The server over HTTP, without a process around it: routes, refusals, limits, metrics, and random requests."""

from __future__ import annotations

import builtins
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from flask.testing import FlaskClient

from model.predictors.local import LocalPredictor
from model.serving.app import create_server
from model.serving.service import ModelService
from model.serving.settings import ServingSettings, default_model, default_port, read_settings
from model.weights import WEIGHTS
from model.wire import DESCRIBE, JSON, NPY, TIFF, count_images, decode_npy, encode_npy, encode_tiff
from tests.fuzzing import requests
from tests.hostile import share
from tests.model.predictors.random_chips import random_chip
from tests.waiting import PATIENCE_S, until_ready
from tiles.errors import BusyError, UsageError

pytestmark = pytest.mark.slow

CHIPS = [random_chip(64, 64, seed) for seed in range(3)]
BODY = encode_npy(np.stack([CHIPS[0].vv, CHIPS[0].vh])[None])


@pytest.fixture
def client(service: ModelService) -> FlaskClient:
    return create_server(service).test_client()


def test_a_ping_is_answered_with_200_only_when_the_model_can_answer(bundle_folder: Path, client: FlaskClient) -> None:
    assert client.get("/ping").status_code == 200
    waiting = create_server(ModelService(bundle_folder, ServingSettings())).test_client()
    answer = waiting.get("/ping")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "is being loaded" in answer.get_json()["message"]
    answer = waiting.post("/invocations", data=BODY, content_type=NPY)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_a_model_that_cannot_run_is_told_by_the_ping_and_to_who_started_it(bundle_folder: Path) -> None:
    told = threading.Event()
    service = ModelService(bundle_folder, ServingSettings(device="cuda:99"))
    service.start(told.set)
    assert told.wait(PATIENCE_S)
    assert "does not work here" in create_server(service).test_client().get("/ping").get_json()["message"]


@pytest.mark.parametrize("path", ["/invocations", "/endpoints/floods/invocations"])
def test_an_invocation_is_answered_with_probabilities_and_the_model_that_answered(
    client: FlaskClient, service: ModelService, bundle_folder: Path, path: str
) -> None:
    answer = client.post(path, data=BODY, content_type=NPY)
    assert answer.status_code == 200
    assert answer.content_type == NPY
    assert answer.headers["X-Amzn-SageMaker-Custom-Attributes"] == f"floodscope-model={service.model.model_id}"
    np.testing.assert_array_equal(
        decode_npy(answer.data, ("u1",)), LocalPredictor(bundle_folder, "cpu").predict(CHIPS[:1])
    )
    assert json.loads(client.post(path, data=DESCRIBE, content_type=JSON).data)["name"] == "Test U-Net"


@pytest.mark.parametrize(
    ("headers", "body", "status", "message"),
    [
        ({"Content-Type": NPY}, b"x", 400, "no .npy file"),
        ({"Content-Type": "text/csv"}, BODY, 415, "'text/csv' is not read here"),
        ({"Content-Type": NPY, "Accept": "text/html"}, BODY, 406, "text/html"),
        ({"Content-Type": NPY}, b"x" * 3_000_001, 413, "has 3,000,001 bytes or more, 3,000,000 at most"),
    ],
)
def test_a_refusal_has_its_status_and_reason(
    client: FlaskClient, headers: dict[str, str], body: bytes, status: int, message: str
) -> None:
    answer = client.post("/invocations", data=body, headers=headers)
    assert answer.status_code == status
    assert message in answer.get_json()["message"]
    behind = client.post("/endpoints/floods/invocations", data=body, headers=headers)
    assert (behind.status_code, behind.headers["x-amzn-errortype"]) == (424, "ModelError")
    assert behind.get_json()["OriginalStatusCode"] == status
    assert message in behind.get_json()["OriginalMessage"]


def test_what_is_no_route_is_said_to_be_none(client: FlaskClient) -> None:
    assert client.get("/nothing").status_code == 404
    answer = client.get("/invocations")
    assert answer.status_code == 405
    assert "POST /invocations" in answer.get_json()["message"]


def test_requests_beyond_the_bound_are_answered_with_503_and_the_others_as_ever(bundle_folder: Path) -> None:
    service = ModelService(bundle_folder, ServingSettings(max_requests=2))
    service.start()
    until_ready(service.not_ready)
    app = create_server(service)
    with ThreadPoolExecutor(12) as pool:
        big = encode_npy(np.stack([np.stack([c.vv, c.vh]) for c in CHIPS * 2]))
        answers = list(
            pool.map(lambda _: app.test_client().post("/invocations", data=big, content_type=NPY), range(12))
        )
    counts = Counter(answer.status_code for answer in answers)
    assert set(counts) == {200, 503}
    assert counts[200] >= 2
    assert all(a.headers["Retry-After"] == "1" for a in answers if a.status_code == 503)
    assert len({a.data for a in answers if a.status_code == 200}) == 1


def test_a_request_that_waits_too_long_is_given_up(bundle_folder: Path) -> None:
    service = ModelService(bundle_folder, ServingSettings(time_limit_s=0.05, workers=1))
    service.start()
    until_ready(service.not_ready)
    large = encode_npy(np.broadcast_to(np.float32([-9, -16])[:, None, None], (8, 2, 256, 256)))
    answer = create_server(service).test_client().post("/invocations", data=large, content_type=NPY)
    assert answer.status_code in (503, 504)
    assert "send" in answer.get_json()["message"]


def test_a_stopping_server_lets_nothing_in(bundle_folder: Path) -> None:
    service = ModelService(bundle_folder, ServingSettings())
    service.drain()
    client = create_server(service).test_client()
    assert client.get("/ping").status_code == 503
    assert "stopping" in client.post("/invocations", data=BODY, content_type=NPY).get_json()["message"]


def test_the_metrics_count_what_was_answered(client: FlaskClient) -> None:
    client.post("/invocations", data=BODY, content_type=NPY)
    client.post("/invocations", data=b"x", content_type=NPY)
    text = client.get("/metrics").text
    for name in (
        'floodscope_requests_total{status="200"}', 'floodscope_requests_total{status="400"}', "floodscope_images_total",
        "floodscope_request_seconds_bucket", "floodscope_batch_images_bucket", "floodscope_requests_in_progress 0.0",
        "floodscope_images_waiting 0.0", "floodscope_ready 1.0",
    ):  # fmt: skip
        assert name in text


def test_random_requests_crash_nothing_and_take_no_memory(client: FlaskClient) -> None:
    """A seeded part of the 10,000 of tests/benchmarks/serving.py."""
    statuses: Counter[int] = Counter()
    resident = []
    for i, (path, body, headers) in enumerate(requests(share(1_200, 10_000), seed=5)):
        if i % 200 == 0:
            resident.append(psutil.Process().memory_info().rss)
        answer = client.post(
            path, data=body, headers={k: v.encode("latin-1").decode("latin-1") for k, v in headers.items()}
        )
        statuses[answer.status_code] += 1
        assert answer.status_code not in (500, 502), (path, body[:200], headers, answer.text)
    assert statuses[200] > 20
    assert statuses[400] > 200
    assert statuses[415]
    assert max(resident[1:]) - resident[1] < 100e6
    assert not hasattr(builtins, "floodscope_was_harmed")


def test_settings_come_from_the_environment_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    settings = read_settings({"FLOODSCOPE_TTA": "d4", "FLOODSCOPE_MAX_REQUESTS": "3", "FLOODSCOPE_TIME_LIMIT_S": "5.5"})
    assert (settings.tta, settings.max_requests, settings.time_limit_s) == ("d4", 3, 5.5)
    assert read_settings({}) == ServingSettings()
    for name, value, wanted in (
        ("THRESHOLD", "2", "a number from 0 to 1"),
        ("THRESHOLD", "nan", "a number"),
        ("COMBINE", "median", "one of mean, max, vote"),
        ("MAX_REQUESTS", "0", "a whole number"),
    ):
        with pytest.raises(UsageError, match=f"FLOODSCOPE_{name} is '{value}': give {wanted}"):
            read_settings({f"FLOODSCOPE_{name}": value})
    (tmp_path / "model").mkdir()
    base = {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    assert default_model(base) == WEIGHTS  # an empty folder, as one that is not there, names no model
    assert default_model({"SAGEMAKER_BASE_DIR": str(tmp_path / "none")}) == WEIGHTS
    (tmp_path / "model" / "notes.txt").write_text("no bundle, but somebody's: to be refused, not passed over")
    assert default_model(base) == tmp_path / "model"
    assert default_model({"FLOODSCOPE_MODEL": "/m"}) == Path("/m")
    assert default_port({}) == 8080
    assert default_port({"SAGEMAKER_BIND_TO_PORT": "9000"}) == 9000
    with pytest.raises(UsageError, match="SAGEMAKER_BIND_TO_PORT"):
        default_port({"SAGEMAKER_BIND_TO_PORT": "x"})


def test_more_images_or_pixels_than_memory_is_meant_for_are_refused_before_anything_is_made_of_them(
    client: FlaskClient, service: ModelService
) -> None:
    many = encode_npy(np.full((200_000, 2, 1, 1), -12.0, np.float32))
    before = psutil.Process().memory_info().rss
    answer = client.post("/invocations", data=many, content_type=NPY)
    assert (answer.status_code, answer.get_json()["error"]) == (413, "TooLargeError")
    assert "200,000 images, 1,024 at most" in answer.get_json()["message"]
    assert psutil.Process().memory_info().rss - before < 64 << 20
    huge = encode_npy(np.full((1, 2, 512, 512), -12.0, np.float32))
    tiff = encode_tiff([np.zeros((300, 200), np.uint8)], None)
    assert (count_images(huge, NPY), count_images(tiff, TIFF)) == ((1, 512 * 512), (1, 300 * 200))
    assert [count_images(body, kind) for body in (b"", b"x" * 99, tiff[:40]) for kind in (NPY, TIFF)][0::2] == [
        (0, 0)
    ] * 3
    with service._room.hold(service.settings.max_pixels), ThreadPoolExecutor(1) as pool:
        late = pool.submit(lambda: service.invoke(len(BODY), lambda: BODY, NPY, NPY, time.monotonic() - 60))
        with pytest.raises(BusyError, match="with images"):
            late.result()
