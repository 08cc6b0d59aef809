"""What the documents give away agrees with the code: the least policy, the Lambda template, the calls of the docs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from model.aws.endpoint import lambda_handler
from model.aws.jobs.jobs import IMAGE

AWS = Path(lambda_handler.__file__).parents[1]
REPOSITORY = AWS.parent.parent

# S3 checks some operations under the name of another; a multipart upload is a put.
_S3 = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "HeadObject": "GetObject",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "UploadPart": "PutObject",
}
# Made by the SDK, by the dashboard's predictor, or asked for by AWS beside another action.
_BESIDE = {
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:InvokeEndpoint",
    "sagemaker:InvokeEndpointAsync",
    "sagemaker:AddTags",
    "sagemaker:UpdateEndpointWeightsAndCapacities",
    "iam:PassRole",
    "iam:CreateServiceLinkedRole",
}


def _actions(policy: str) -> set[str]:
    statements = json.loads((AWS / "policies" / policy).read_text())["Statement"]
    return {a for s in statements for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}


def test_the_policy_allows_every_call_of_the_code_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "".join(path.read_text() for path in sorted(AWS.rglob("*.py")))
    # client.create_model(...), account.client("s3").get_object(...), get_paginator("list_models")
    words = {a or b for a, b in re.findall(r'client(?:\("[\w-]+"\))?\.(\w+)\(|"(\w+)"', code)}
    called: set[str] = set()
    for service in ("s3", "sagemaker", "application-autoscaling", "cloudwatch"):
        methods = boto3.client(service).meta.method_to_api_mapping
        for method in words & methods.keys():
            name = methods[method]
            called.add(f"{service}:{_S3.get(name, name) if service == 's3' else name}")
    assert _actions("user.json") - called == _BESIDE
    assert called - _actions("user.json") == set()


def test_no_policy_gives_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    for policy in ("user.json", "role.json"):
        for action in _actions(policy):
            assert "*" not in action
    trust = json.loads((AWS / "policies" / "trust.json").read_text())
    assert trust["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_the_lambda_template_names_what_is_there() -> None:
    template: dict[str, Any] = yaml.safe_load((AWS / "lambda" / "template.yaml").read_text())
    function = template["Resources"]["Floodscope"]
    context = (AWS / "lambda" / function["Metadata"]["DockerContext"]).resolve()
    assert context == REPOSITORY
    dockerfile = (context / function["Metadata"]["Dockerfile"]).read_text()
    assert 'CMD ["model.aws.endpoint.lambda_handler.handler"]' in dockerfile
    assert template["Parameters"]["Auth"]["Default"] == "AWS_IAM"
    known = template["Parameters"].keys() | template["Resources"].keys()
    assert set(re.findall(r"Ref: (\w+)", (AWS / "lambda" / "template.yaml").read_text())) <= known
    pins = (REPOSITORY / "constraints.txt").read_text()
    (names,) = re.findall(r"\^\(([\w|-]+)\)==", dockerfile)
    for name in [*names.split("|"), "torch", "torchvision"]:
        assert re.search(rf"^{name}==", pins, re.MULTILINE), name
    for copied in re.findall(r"^COPY (\w+) \$", dockerfile, re.MULTILINE):
        assert (REPOSITORY / copied).is_dir()


def test_the_page_about_sagemaker_names_commands_and_files_that_exist() -> None:
    from dashboard.commands.sagemaker.endpoint import sagemaker

    page = (REPOSITORY / "docs" / "sagemaker.md").read_text()
    for command in re.findall(r"floodscope sagemaker (\w+)", page):
        assert command in sagemaker.commands
    assert set(re.findall(r"floodscope sagemaker (\w+)", page)) == sagemaker.commands.keys()
    for file in re.findall(r"model/aws/[\w./]+\w", page):
        assert (REPOSITORY / file).exists(), file
    assert f"PyTorch {IMAGE[0]}" in page
    for options in re.findall(r"floodscope sagemaker (\w+)([^`\n]*)", page):
        known = {o for p in sagemaker.commands[options[0]].params for o in (*p.opts, *p.secondary_opts)}
        assert set(re.findall(r"--[\w-]+", options[1])) <= known, options
