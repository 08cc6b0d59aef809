"""Simulated AWS, and what is put into it."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.loaders import create_loader
from jsonschema import Draft202012Validator
from moto.server import ThreadedMotoServer

from tests.dashboard.command_line import Run, call_floodscope
from tests.model.predictors.bundles import write_random
from tiles.simulate import simulate

REGION = "eu-central-1"
PLACE = "s3://floods/scope"
ROLE = "arn:aws:iam::123456789012:role/floodscope"
IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/floodscope:0.1.0"
PLACED = ("--s3", PLACE, "--role", ROLE, "--image", IMAGE)

Client = Callable[[str], Any]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no account of this machine's user be seen, and none be asked for."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


@pytest.fixture(scope="session", autouse=True)
def one_loader() -> Iterator[None]:
    """Let all sessions share what they read of boto's descriptions of AWS: each would read megabytes of JSON anew."""
    loader = create_loader()
    with mock.patch("botocore.session.create_loader", lambda *_: loader):
        yield


@pytest.fixture(scope="session", autouse=True)
def no_check_of_the_sdks_own_schema() -> Iterator[None]:
    """Spare what the SDK does whenever it looks a default up: to check the schema that it ships against JSON Schema's own."""
    with mock.patch.object(Draft202012Validator, "check_schema"):
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of one server of simulated AWS on loopback, shared by all tests."""
    logging.getLogger("werkzeug").disabled = True  # it would log to the stderr that tests read
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def cloud(server: str, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Simulated AWS with an empty bucket; gives clients of it. What is asked goes over HTTP, as to AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset", method="POST")).close()
    boto3.client("s3").create_bucket(Bucket="floods", CreateBucketConfiguration={"LocationConstraint": REGION})
    return cache(boto3.client)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials, and an address where nobody listens: whatever is sent fails."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real bundle with random weights."""
    folder = tmp_path_factory.mktemp("aws") / "bundle"
    options = {"encoder_depth": 3, "decoder_channels": [16, 8, 8]}
    write_random(folder, encoder="tu-mobilenetv3_small_050", options=options)
    return folder


@pytest.fixture(scope="session")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven simulated chips of 96 x 96 pixels."""
    return simulate(tmp_path_factory.mktemp("aws") / "simulated", chips=11, size=96)


@pytest.fixture
def floodscope(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `floodscope sagemaker` in this process."""
    return partial(call_floodscope, capfd, "sagemaker")
