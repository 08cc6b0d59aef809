"""Whatever AWS says ends as one sentence that says what to do, and no secret is repeated."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.aws.account.account import Account
from model.aws.account.dry_run import shown
from model.aws.account.refusals import refusal
from model.aws.jobs import jobs
from model.predictors.endpoint_spec import parse_endpoint
from model.predictors.sagemaker import open_sagemaker
from tests.dashboard.command_line import Run
from tests.model.aws.conftest import PLACED, Client
from tests.model.predictors.random_chips import make_chip
from tiles.errors import CloudError, EndpointError

pytestmark = pytest.mark.slow

ROLE_SAID = "Could not assume role arn:aws:iam::123456789012:role/x. Please ensure that the role exists"


def _one_line(run: Run, *arguments: Any) -> str:
    done = run(*arguments)
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("floodscope: ")
    return str(done.stderr)


def test_no_credentials(floodscope: Run, nowhere: None) -> None:
    said = _one_line(floodscope, "status")
    assert "There are no AWS credentials" in said
    assert "aws configure" in said


def test_no_region(floodscope: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "give --region" in _one_line(floodscope, "status")


def test_no_such_profile(floodscope: Run) -> None:
    assert "aws configure list-profiles" in _one_line(floodscope, "status", "--profile", "nobody")


def test_nobody_answers(floodscope: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # between its attempts
    assert "could not be reached" in _one_line(floodscope, "status")


def test_no_such_bucket(floodscope: Run, cloud: Client, chips: Path, bundle: Path) -> None:
    elsewhere = ("--s3", "s3://nowhere-at-all")
    assert "aws s3 mb" in _one_line(floodscope, "upload", chips, *elsewhere)
    assert "aws s3 mb" in _one_line(floodscope, "deploy", bundle, *PLACED, *elsewhere).splitlines()[-1]
    assert "aws s3 mb" in _one_line(floodscope, "train", *PLACED[:4], *elsewhere)


def test_no_such_job_and_no_such_endpoint(floodscope: Run, cloud: Client) -> None:
    assert "no training or tuning job x in eu-central-1" in _one_line(floodscope, "best", "x")
    assert "There is no endpoint x" in _one_line(floodscope, "status", "x")


def test_a_wrong_role_is_told_before_anything_is_sent(floodscope: Run, nowhere: None, bundle: Path) -> None:
    for command in (("deploy", bundle), ("train",), ("tune",)):
        placed = PLACED if command[0] == "deploy" else PLACED[:4]
        assert "no ARN of a role" in _one_line(floodscope, *command, *placed, "--role", "floodscope")


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        (
            "AccessDeniedException",
            "User is not authorized to perform: sagemaker:CreateModel",
            "have that action allowed",
        ),
        ("AccessDeniedException", "not authorized to perform: iam:PassRole on resource", "(iam:PassRole;"),
        ("ExpiredTokenException", "The security token included in the request is expired", "aws sso login"),
        ("ResourceLimitExceeded", "The account-level service limit 'ml.g5.xlarge' is 0", "Service Quotas"),
        ("ResourceInUse", "Endpoint already in use", "choose another --name"),
        ("ValidationException", 'Cannot create already existing endpoint "x"', "choose another --name"),
        ("ValidationException", ROLE_SAID, "trusts sagemaker.amazonaws.com"),
        ("NoSuchBucket", "The specified bucket does not exist", "aws s3 mb"),
        ("ThrottlingException", "Rate exceeded", "wait a minute"),
        ("ValidationException", "1 validation error detected", "mend what it names"),
    ],
)
def test_what_aws_says_becomes_what_to_do(code: str, message: str, said: str) -> None:
    error = str(refusal({"Error": {"Code": code, "Message": message}}, "CreateModel", "creating the model x"))
    assert said in error
    assert "creating the model x" in error
    assert "\n" not in error


def test_no_secret_is_repeated() -> None:
    message = "key AKIAIOSFODNN7EXAMPLE, SecretAccessKey=wJalrXUtnFEMI/K7MDENG, SessionToken: FQoGZXIvYXdzE"
    error = str(refusal({"Error": {"Code": "Other", "Message": message}}, "GetObject", "reading"))
    for secret in ("AKIA", "wJalr", "FQoG"):
        assert secret not in error
    printed = shown({"Environment": {"DB_PASSWORD": "p1", "FLOODSCOPE_TTA": "none"}, "Body": b"12", "Names": ["a"]})
    assert "p1" not in printed
    assert "none" in printed
    assert "<2 bytes>" in printed


def test_without_the_sdk_the_extra_is_named(floodscope: Run, nowhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        jobs.importlib.util, "find_spec", lambda name, *more: None if name == "sagemaker.train" else find(name, *more)
    )
    assert "pip install 'floodscope[sagemaker]'" in _one_line(floodscope, "train", *PLACED[:4], "--dry-run")


def test_without_boto3_the_extra_is_named(nowhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("boto3", "botocore", "botocore.config", "botocore.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "boto3" else find(name, *more))
    for spec in ("sagemaker:floods?region=eu-west-1", "sagemaker:floods?region=eu-west-1&async=s3://floods/scope"):
        with pytest.raises(EndpointError, match=r"floods.* without boto3, .*pip install 'floodscope\[aws\]'"):
            open_sagemaker(parse_endpoint(spec)).predict([make_chip(np.full((8, 8), -20.0, np.float32))])
    with pytest.raises(CloudError, match=r"AWS cannot be asked without boto3, .*pip install 'floodscope\[aws\]'"):
        Account(None, None).client("s3")


def test_neither_help_nor_packaging_loads_an_aws_library(bundle: Path, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom dashboard.cli import main\n"
        "sys.argv = ['floodscope', 'sagemaker', *ARGUMENTS]\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "print({n.partition('.')[0] for n in sys.modules} & {'boto3', 'botocore', 'sagemaker', 'torch'})"
    )
    for arguments in (["--help"], ["deploy", "--help"], ["package", str(bundle), "--out", str(tmp_path / "m.tar.gz")]):
        done = subprocess.run(
            [sys.executable, "-c", script.replace("ARGUMENTS", repr(arguments))],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "set()"
