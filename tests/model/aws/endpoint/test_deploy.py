"""An endpoint from nothing to nothing: made once however often it is asked for, changed, seen, deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from model.aws.account.account import Account
from model.aws.account.objects import parse_s3
from model.aws.account.waiting import Wait
from model.aws.endpoint.deploy import Endpoint, deploy
from tests.dashboard.command_line import Run
from tests.model.aws.conftest import IMAGE, PLACE, PLACED, REGION, ROLE, Client
from tiles.errors import CloudError, UsageError

pytestmark = pytest.mark.slow


def _held(client: Client) -> tuple[int, int, int, int]:
    sagemaker = client("sagemaker")
    objects = client("s3").list_objects_v2(Bucket="floods").get("Contents", [])
    return (
        len(sagemaker.list_models()["Models"]),
        len(sagemaker.list_endpoint_configs()["EndpointConfigs"]),
        len(sagemaker.list_endpoints()["Endpoints"]),
        len(objects),
    )


@pytest.fixture
def can_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """UpdateEndpoint, which moto lacks, as AWS does it: the endpoint has another configuration."""

    def update_endpoint(self: Any) -> str:
        name, config = self._get_param("EndpointName"), self._get_param("EndpointConfigName")
        endpoint = sagemaker_backends[self.current_account][self.region].endpoints[name]
        endpoint.endpoint_config_name = config
        return json.dumps({"EndpointArn": endpoint.arn})

    monkeypatch.setattr(SageMakerResponse, "update_endpoint", update_endpoint, raising=False)


def test_an_endpoint_is_made_once_changed_seen_and_deleted(
    floodscope: Run, cloud: Client, can_update: None, bundle: Path
) -> None:
    arguments = ("deploy", bundle, "--name", "floods", *PLACED)
    first = floodscope(*arguments)
    assert first.returncode == 0, first.stderr
    assert "floods: InService, created, Test U-Net" in first.stdout
    assert "sent" in first.stderr
    assert _held(cloud) == (1, 1, 1, 1)

    again = floodscope(*arguments)
    assert "floods: InService, unchanged" in again.stdout
    assert "were there" in again.stderr
    assert _held(cloud) == (1, 1, 1, 1)

    changed = floodscope(*arguments, "--env", "FLOODSCOPE_TTA=none", "--instance-type", "ml.c5.large")
    assert "floods: InService, updated" in changed.stdout, changed.stderr
    assert _held(cloud) == (2, 2, 1, 1)  # the old model and configuration stay, to go back to
    model = cloud("sagemaker").list_models()["Models"][-1]["ModelName"]
    container = cloud("sagemaker").describe_model(ModelName=model)["PrimaryContainer"]
    assert container["Environment"]["FLOODSCOPE_TTA"] == "none"

    seen = floodscope("status")
    assert seen.stdout.startswith("floods  InService  real-time  1 x ml.c5.large  s3://floods/scope/models/")
    assert floodscope("status", "floods").stdout == seen.stdout

    gone = floodscope("delete", "floods", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert _held(cloud) == (0, 0, 0, 1)
    twice = floodscope("delete", "floods", "--yes")
    assert (twice.returncode, twice.stderr.count("\n")) == (1, 1)
    assert "There is no endpoint floods in eu-central-1" in twice.stderr


def test_an_async_endpoint_scales_to_none_and_is_woken_by_its_queue(
    floodscope: Run, cloud: Client, bundle: Path
) -> None:
    done = floodscope("deploy", bundle, "--name", "floods", "--async", "--max-instances", "3", *PLACED)
    assert done.returncode == 0, done.stderr
    scaling = cloud("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)
    policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert {p["PolicyName"] for p in policies} == {"floods-load", "floods-wake"}
    (alarm,) = cloud("cloudwatch").describe_alarms(AlarmNames=["floods-wake"])["MetricAlarms"]
    assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
    assert alarm["AlarmActions"] == [p["PolicyARN"] for p in policies if p["PolicyName"] == "floods-wake"]
    assert "async" in floodscope("status", "floods").stdout

    awake = floodscope(
        "deploy", bundle, "--name", "floods", "--async", "--min-instances", "1", "--max-instances", "3", *PLACED
    )
    assert "unchanged" in awake.stdout, awake.stderr  # the same configuration; the scaling is another
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["MinCapacity"] == 1
    assert cloud("cloudwatch").describe_alarms(AlarmNames=["floods-wake"])["MetricAlarms"] == []

    assert floodscope("delete", "floods", "--yes").returncode == 0
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []


def test_a_serverless_endpoint_has_memory_and_no_instances(floodscope: Run, cloud: Client, bundle: Path) -> None:
    done = floodscope("deploy", bundle, "--serverless", "--memory", "6144", "--concurrency", "7", *PLACED)
    assert done.returncode == 0, done.stderr
    (config,) = cloud("sagemaker").list_endpoint_configs()["EndpointConfigs"]
    found = cloud("sagemaker").describe_endpoint_config(EndpointConfigName=config["EndpointConfigName"])
    variant = found["ProductionVariants"][0]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 6144, "MaxConcurrency": 7}
    assert "serverless  6144 MB" in floodscope("status").stdout


def test_an_endpoint_that_is_not_ours_is_neither_changed_nor_deleted(
    floodscope: Run, cloud: Client, bundle: Path
) -> None:
    sagemaker = cloud("sagemaker")
    sagemaker.create_model(ModelName="theirs", PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "v", "ModelName": "theirs", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="floods", EndpointConfigName="theirs")
    assert "floodscope did not make it" in floodscope("deploy", bundle, "--name", "floods", *PLACED).stderr
    assert "does not delete it" in floodscope("delete", "floods", "--yes").stderr
    assert sagemaker.describe_endpoint(EndpointName="floods")["EndpointConfigName"] == "theirs"
    assert floodscope("status").stdout == ""


def test_waiting_tells_how_it_stands_and_a_failure_says_why(
    cloud: Client, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint is being made, then fails: as AWS has it where the container does not start."""
    backend = sagemaker_backends["123456789012"][REGION]
    endpoint = Endpoint("floods", parse_s3(PLACE), ROLE, IMAGE)
    deploy(Account(), bundle, endpoint, lambda _: None, None)
    made = backend.endpoints["floods"]
    made.endpoint_status = "Creating"
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            made.endpoint_status, made.failure_reason = "Failed", "The container did not answer the ping"

    told: list[str] = []
    with pytest.raises(CloudError, match=r"did not answer the ping.*aws logs tail /aws/sagemaker/Endpoints/floods"):
        deploy(Account(), bundle, endpoint, told.append, Wait(sleep=nap))
    assert [line.partition(" (")[0] for line in told[-2:]] == ["floods: Creating", "floods: Failed"]
    # What has failed can be deployed again: it is made anew.
    done = deploy(Account(), bundle, endpoint, told.append, Wait(sleep=nap))
    assert (done.status, done.changed) == ("InService", "created")
    with pytest.raises(CloudError, match="give the command again to wait on"):
        Wait(at_most_s=0, sleep=nap).until(lambda: False, "Creating", told.append)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "two--hyphens"}, "cannot name an endpoint"),
        ({"role": "floodscope"}, "no ARN of a role"),
        ({"image": "not an image"}, "no address of a container image"),
        ({"mode": "serverless", "memory_mb": 5000}, "no 5000 MB"),
        ({"least": 0}, "does not scale to zero"),
        ({"least": 3, "most": 2}, "give --max-instances 3"),
    ],
)
def test_what_aws_would_refuse_later_is_refused_now(changes: dict[str, Any], said: str) -> None:
    values = {"name": "floods", "place": parse_s3(PLACE), "role": ROLE, "image": IMAGE} | changes
    with pytest.raises(UsageError, match=said):
        Endpoint(**values).check()


@pytest.mark.parametrize("mode", ["--real-time", "--serverless", "--async"])
def test_a_dry_run_prints_every_call_and_makes_none(floodscope: Run, nowhere: None, bundle: Path, mode: str) -> None:
    done = floodscope("deploy", bundle, mode, *PLACED, "--env", "API_TOKEN=hush", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for call in (
        "s3.put_object(",
        "sagemaker.create_model(",
        "sagemaker.create_endpoint_config(",
        "sagemaker.create_endpoint(",
    ):
        assert done.stdout.count(f"\n{call}") == 1
    assert ('"MinCapacity": 0' in done.stdout) == (mode == "--async")
    assert "hush" not in done.stdout
    assert '"API_TOKEN": "[hidden]"' in done.stdout


def test_a_dry_run_of_delete_and_status_too(floodscope: Run, nowhere: None) -> None:
    deleted = floodscope("delete", "floods", "--dry-run").stdout
    for call in (
        "sagemaker.delete_endpoint(",
        "sagemaker.delete_endpoint_config(",
        "sagemaker.delete_model(",
        "application-autoscaling.deregister_scalable_target(",
    ):
        assert f"\n{call}" in deleted
    assert floodscope("status", "floods", "--dry-run").stdout.startswith("sagemaker.describe_endpoint(")
