"""A SageMaker endpoint through boto3: every answer of the service, by a server that really gives it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.predictors.endpoint import EndpointPredictor
from model.predictors.sagemaker_client import log_link
from model.predictors.select import open_endpoint
from model.wire import encode_npy
from tests.failures import FAILURES, LOG, MODEL, aws_error
from tests.model.predictors.random_chips import random_chip
from tests.serving import Misbehaving, Says, dead_url, misbehaving_server
from tiles.errors import EndpointError

pytestmark = pytest.mark.slow

CHIP = random_chip(32, 32)


@pytest.fixture(scope="module")
def server() -> Iterator[Misbehaving]:
    with misbehaving_server() as bad:
        yield bad


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings of no account, and none of this user's."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


def endpoint(
    server: Misbehaving, monkeypatch: pytest.MonkeyPatch, options: str = "timeout_s=60&wait_s=0"
) -> EndpointPredictor:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
    predictor = open_endpoint(f"sagemaker:floods?{options}")
    server.says(Says(200, MODEL))
    predictor.load()
    return predictor


def test_an_endpoint_is_invoked_by_name(server: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = endpoint(server, monkeypatch)
    server.says(Says(200, encode_npy(np.full((1, 32, 32), 7, np.uint8))))
    (raster,) = predictor.predict([CHIP])
    assert (raster[CHIP.valid] == 7).all()
    assert predictor.name == "Test U-Net at floods"
    assert predictor.parameters == {"endpoint": "sagemaker:floods"}
    ((path, headers, _),) = server.asked
    assert path == "/endpoints/floods/invocations"
    assert (headers["Content-Type"], headers["Accept"]) == ("application/x-npy; from=floodscope", "application/x-npy")


@pytest.mark.parametrize(("answer", "message"), FAILURES)
def test_each_failure_has_its_sentence_and_is_asked_once(
    server: Misbehaving, monkeypatch: pytest.MonkeyPatch, answer: Says, message: str
) -> None:
    predictor = endpoint(server, monkeypatch)
    server.says(answer)
    with pytest.raises(EndpointError, match=message) as caught:
        predictor.predict([CHIP])
    assert str(caught.value).startswith("floods ")
    assert len(server.asked) == 1


def test_a_read_timeout_sends_exactly_one_request(server: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = open_endpoint("sagemaker:floods?timeout_s=0.5&wait_s=0")
    predictor._described = endpoint(
        server, monkeypatch
    )._described  # a busy machine may take longer to describe its model
    server.says(Says(hang_s=60.0))
    with pytest.raises(EndpointError, match=r"has not answered within 0\.5 s, and was not asked a second time"):
        predictor.predict([CHIP])
    assert len(server.asked) == 1


def test_a_throttled_endpoint_is_asked_again(server: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = endpoint(server, monkeypatch, "timeout_s=60&wait_s=60")
    server.says(
        aws_error(400, "ThrottlingException", "Rate exceeded"), Says(200, encode_npy(np.full((1, 32, 32), 7, np.uint8)))
    )
    predictor.predict([CHIP])
    assert len(server.asked) == 2


def test_a_dead_service_no_credentials_no_region_and_no_profile_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", dead_url().removesuffix("/invocations"))
    with pytest.raises(EndpointError, match=r"is not reachable at http://127.*check the region's name and the network"):
        open_endpoint("sagemaker:floods").check()
    with pytest.raises(
        EndpointError, match="needs the AWS profile 'nobody', which is not in this user's AWS configuration"
    ):
        open_endpoint("sagemaker:floods?profile=nobody").check()
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(EndpointError, match=r"has no AWS region: write sagemaker:floods\?region=REGION"):
        open_endpoint("sagemaker:floods").check()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(EndpointError, match="without AWS credentials: run `aws configure`"):
        open_endpoint("sagemaker:floods?region=eu-west-1").check()


def test_a_log_link_leads_to_the_stream() -> None:
    assert log_link(LOG).endswith(
        "#logsV2:log-groups/log-group/$252Faws$252Fsagemaker$252FEndpoints$252Ffloods/log-events/all$252Fi-1"
    )
    assert log_link("nonsense") == "nonsense"


# --- asynchronous -----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """S3 on this machine."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def test_an_asynchronous_endpoint_goes_through_the_bucket_and_leaves_nothing_there(
    server: Misbehaving, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="floods-async", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    answers = {
        "output-1": json.dumps(MODEL).encode(),
        "output-2": encode_npy(np.full((1, 32, 32), 9, np.uint8)),
    }
    for key, content in answers.items():
        s3.put_object(Bucket="floods-async", Key=key, Body=content)
    places = [
        {
            "OutputLocation": f"s3://floods-async/output-{n}",
            "FailureLocation": f"s3://floods-async/failure-{n}",
            "InferenceId": str(n),
        }
        for n in (1, 2, 3)
    ]
    locations = [
        Says(
            202,
            place,
            {
                "X-Amzn-SageMaker-OutputLocation": str(place["OutputLocation"]),
                "X-Amzn-SageMaker-FailureLocation": str(place["FailureLocation"]),
            },
        )
        for place in places
    ]
    predictor = open_endpoint("sagemaker:floods?async=s3://floods-async/some/place&timeout_s=60&wait_s=0")
    server.says(*locations)
    (raster,) = predictor.predict([CHIP])
    assert (raster[CHIP.valid] == 9).all()
    assert predictor.name == "Test U-Net at floods"
    assert [path for path, _, _ in server.asked] == ["/endpoints/floods/async-invocations"] * 2
    assert server.asked[1][1]["X-Amzn-SageMaker-InputLocation"].startswith(
        "s3://floods-async/some/place/floodscope-input/"
    )
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="floods-async").get("Contents", [])] == []
    s3.put_object(Bucket="floods-async", Key="failure-3", Body=json.dumps({"message": "out of memory"}).encode())
    with pytest.raises(EndpointError, match=r"has failed \(500\): out of memory"):
        predictor.predict([CHIP])
    assert len(server.asked) == 3
    assert urllib.request.urlopen(s3_url).status == 200
