"""How an endpoint is named."""

from __future__ import annotations

import pytest

from model.predictors.endpoint_spec import is_endpoint, parse_endpoint
from model.serving.settings import ServingSettings
from tiles.errors import UsageError


def test_a_url_is_an_endpoint_with_options_behind_a_hash() -> None:
    spec = parse_endpoint("http://gpu:8080/invocations?v=2#max_payload_mb=25&name=GPU box&timeout_s=5")
    assert (spec.kind, spec.target, spec.label) == ("http", "http://gpu:8080/invocations?v=2", "GPU box")
    assert (spec.max_bytes, spec.timeout_s) == (25_000_000, 5.0)
    assert parse_endpoint("http://gpu:8080").target == "http://gpu:8080/invocations"
    assert parse_endpoint("http://gpu:8080").label == "gpu:8080"
    assert parse_endpoint("https://example.com/f").label == "example.com"


def test_a_sagemaker_endpoint_has_a_name_and_options_behind_a_question_mark() -> None:
    spec = parse_endpoint("sagemaker:floods-prod?region=eu-west-1&profile=flood")
    assert (spec.kind, spec.target, spec.label, spec.identity) == (
        "sagemaker",
        "floods-prod",
        "floods-prod",
        "sagemaker:floods-prod",
    )
    assert spec.options == {"region": "eu-west-1", "profile": "flood"}
    assert spec.max_payload_mb == 6.0
    assert parse_endpoint("sagemaker:f?serverless").max_payload_mb == 4.0
    ours = parse_endpoint("http://h:8080/invocations")
    assert (ours.max_payload_mb, ours.together_bytes) == (ServingSettings().max_payload_mb, 6_000_000)
    assert parse_endpoint("http://h:8080/invocations#max_payload_mb=2").together_bytes == 2_000_000
    scene = parse_endpoint("sagemaker:f?async=s3://bucket/some/place/")
    assert (scene.asynchronous, scene.max_payload_mb, scene.timeout_s) == ("s3://bucket/some/place", 1000.0, 900.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://", "no URL of an endpoint"),
        ("http://a b/invocations", "no URL of an endpoint"),
        ("http://host:99999/invocations", "no URL of an endpoint"),
        ("http://me:secret@host/invocations", "must hold no password"),
        ("http://h/i#timeout=5", "no option 'timeout': did you mean timeout_s"),
        ("http://h/i#region=x", "no option 'region'"),
        ("http://h/i#max_payload_mb=lots", "max_payload_mb='lots': give a number"),
        ("sagemaker:", "cannot be the name"),
        ("sagemaker:a/b", "cannot be the name"),
        ("sagemaker:f?async=bucket", "no place in S3"),
        ("sagemaker:f?regoin=x", "did you mean region"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_what_can(text: str, message: str) -> None:
    assert is_endpoint(text)
    with pytest.raises(UsageError, match=message) as caught:
        parse_endpoint(text)
    assert "secret" not in str(caught.value)
