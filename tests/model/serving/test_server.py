"""The server as a process, as a container starts it: its contract, its log, how it stops, and what comes at it raw."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.predictors.local import LocalPredictor
from model.wire import NPY, decode_npy, encode_npy
from tests.model.predictors.random_chips import random_chip
from tests.serving import FLOODSCOPE, ServerProcess, model_server, start_server
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.slow

CHIP = random_chip(96, 96)
BODY = encode_npy(np.stack([CHIP.vv, CHIP.vh])[None])
LARGE = encode_npy(np.stack([np.stack([c.vv, c.vh]) for c in (random_chip(192, 192, seed) for seed in range(2))]))

# What the image of the model server does not hold: the page, exports, AWS. All tests of the process run without it.
UNNEEDED = {
    *(
        "boto3",
        "botocore",
        "brotli",
        "dash",
        "dash_ag_grid",
        "dash_leaflet",
        "dash_mantine_components",
        "flask_compress",
    ),
    *("geopandas", "pandas", "plotly", "pmtiles", "pyarrow", "pyogrio", "rio_tiler", "sqlalchemy"),
}
_WITHOUT = """import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *more):
        return None if name.partition(".")[0] in {names} else self.finder.find_spec(name, *more)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""


@pytest.fixture(scope="module")
def container(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The server as the hosting service starts it: the command `serve` alone, and the model in the folder of the contract."""
    base = tmp_path_factory.mktemp("opt-ml")
    shutil.copytree(bundle_folder, base / "model")
    (base / "model" / "code").mkdir()
    (base / "model" / "code" / "inference.py").write_text("raise SystemExit('code of a bundle is never run')")
    (base / "sitecustomize.py").write_text(_WITHOUT.format(names=sorted(UNNEEDED)))
    with model_server(SAGEMAKER_BASE_DIR=str(base), FLOODSCOPE_MAX_PAYLOAD_MB="3", PYTHONPATH=str(base)) as server:
        yield server


def test_a_container_finds_its_model_and_answers_by_the_contract(container: ServerProcess, bundle_folder: Path) -> None:
    status, _, body = container.ask("/ping")
    assert (status, json.loads(body)["model"]) == (200, "Test U-Net")
    status, headers, body = container.ask("/invocations", BODY, Content_Type=NPY)
    assert (status, headers["Content-Type"]) == (200, NPY)
    np.testing.assert_array_equal(decode_npy(body, ("u1",)), LocalPredictor(bundle_folder, "cpu").predict([CHIP]))


def test_the_image_holds_what_the_server_needs_and_nothing_that_it_was_tested_without() -> None:
    root = Path(__file__).parents[3]
    listed = re.search(r'ARG NEEDED="([^"]+)"', (root / "Dockerfile").read_text())
    assert listed is not None
    held = set(listed[1].replace("\\\n", " ").split())
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=]", line)[0] for line in project["dependencies"]}
    assert held < declared
    assert declared - held - {"torch", "torchvision", "pillow"} <= {name.replace("_", "-") for name in UNNEEDED}


def test_every_line_of_the_log_is_json_and_says_what_was_asked(container: ServerProcess) -> None:
    container.ask("/invocations", BODY, Content_Type=NPY)
    container.ask("/invocations", b"x", Content_Type=NPY)
    eventually(lambda: any(line.get("status") == 400 for line in container.log))
    assert all("time" in line and "level" in line for line in container.log), container.log
    lines = [line for line in container.log if line["message"] == "request"]
    good, bad = (next(line for line in reversed(lines) if line["status"] == status) for status in (200, 400))
    assert good["images"] == 1
    assert good["bytes_in"] == len(BODY)
    assert "no .npy file" in bad["error"]


def test_a_body_in_chunks_is_read_and_has_the_same_limit(container: ServerProcess) -> None:
    import urllib3

    pool = urllib3.PoolManager(retries=False)

    def parts(size: int) -> Iterator[bytes]:
        yield BODY[:10]
        yield BODY[10:] + b"\0" * (size - len(BODY))

    url, headers = f"{container.url}/invocations", {"Content-Type": NPY}
    assert pool.request("POST", url, body=parts(len(BODY)), headers=headers, chunked=True).status == 200
    assert pool.request("POST", url, body=parts(3_200_000), headers=headers, chunked=True).status == 413


RAW = [
    b"GARBAGE\r\n\r\n",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-npy\r\nContent-Length: 5000\r\n\r\nshort",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-npy\r\nContent-Length: 99999999999\r\n\r\nx",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-npy\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nx\r\n",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-npy\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
    b"POST /invocations HTTP/9.9\r\n\r\n",
    b"\x00" * 100,
    b"POST /invocations HTTP/1.1\r\n",
]


@pytest.mark.parametrize("request_bytes", RAW, ids=range(len(RAW)))
def test_a_request_that_is_none_or_is_cut_off_hurts_nobody(container: ServerProcess, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", container.port), timeout=PATIENCE_S) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert container.ask("/ping")[0] == 200


@pytest.mark.parametrize(
    ("size", "kept"), [(100, True), (100_000, True), (2_097_280, True), (40_000_000, False)], ids=str
)
def test_a_client_that_keeps_its_connection_goes_on_after_a_refusal(
    container: ServerProcess, size: int, kept: bool
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", container.port, timeout=PATIENCE_S)
    try:
        for _ in range(3):
            try:
                status, headers, _ = container.ask("/invocations", b"x" * size, connection, Content_Type="text/plain")
            except (BrokenPipeError, ConnectionResetError):
                assert not kept  # so much is not read to its end; the sender is cut off
                connection.close()
            else:
                assert status in {413, 415}
                assert (headers.get("Connection") != "close") == kept
    finally:
        connection.close()
    assert container.ask("/ping")[0] == 200


def test_sigterm_loses_no_request_that_was_let_in_and_tells_the_others(bundle_folder: Path) -> None:
    """Eight clients without a pause, four of them on connections that they keep; then SIGTERM.

    Each gets an answer to whatever it has sent, until nobody listens.
    """
    server = start_server("--model", str(bundle_folder))
    outcomes: list[tuple[str, float]] = []
    stopped: list[float] = []

    def client(kept: http.client.HTTPConnection | None) -> None:
        while True:
            try:
                status, headers, body = server.ask("/invocations", LARGE, kept, Content_Type=NPY)
            except ConnectionRefusedError:
                return
            except Exception as error:
                outcomes.append((repr(error), time.monotonic()))
                return
            assert status == 200 or headers["Retry-After"] == "1"
            assert status != 200 or decode_npy(body, ("u1",)).shape == (2, 192, 192)
            outcomes.append((str(status), time.monotonic()))
            if status == 503:
                time.sleep(0.3)

    kept = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S) for _ in range(4)]
    clients = [threading.Thread(target=client, args=(one,)) for one in (*kept, None, None, None, None)]
    try:
        for one in clients:
            one.start()
        eventually(lambda: len(outcomes) >= len(clients))
        stopped.append(time.monotonic())
        server.terminate()
        for one in clients:
            one.join(PATIENCE_S)
    finally:
        server.process.kill()
    assert {what for what, _ in outcomes} <= {"200", "503"}, outcomes
    assert [what for what, at in outcomes if at > stopped[0] and what == "200"], "what was let in is answered"
    assert server.process.returncode == 0


def test_a_bundle_that_is_none_ends_the_command_with_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [FLOODSCOPE, "serve", "--model", str(tmp_path), "--port", "0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "should be one model bundle, but lacks model.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_cannot_be_loaded_ends_the_command(bundle_folder: Path) -> None:
    server = start_server("--model", str(bundle_folder), wait=False, FLOODSCOPE_DEVICE="cuda:99")
    assert server.process.wait(PATIENCE_S) == 1
    said = eventually(
        lambda: " ".join(line["message"] for line in server.log),
        lambda said: "could not be served; the log above says why" in said,
    )
    assert "does not work here" in said
