"""A bundle behind an endpoint: what an endpoint is made of, made where it is not there yet, so that twice is as once."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Required, TypedDict

from model.aws.account.account import Account, Tell
from model.aws.account.names import endpoint_of, name_for
from model.aws.account.objects import S3Place, put_file, sha256_of
from model.aws.account.refusals import explained, missing
from model.aws.account.waiting import Wait
from model.aws.endpoint.package import ARCHIVE, package
from model.aws.endpoint.scaling import clear_scaling, set_scaling
from model.bundle.manifest import Bundle
from tiles.errors import CloudError, UsageError

Mode = Literal["real-time", "serverless", "async"]

VARIANT = "AllTraffic"
_NAME = re.compile(r"[A-Za-z0-9](-?[A-Za-z0-9]){0,49}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_IMAGE = re.compile(r"[\w.-]+(:\d+)?(/[\w.-]+)+([:@][\w.:-]+)?")
_BUSY = {"Creating", "Updating", "SystemUpdating", "RollingBack"}
_SERVERLESS_MB = range(1024, 6145, 1024)


@dataclass(frozen=True)
class Endpoint:
    """What an endpoint shall be.

    Attributes:
        name: up to 50 letters, digits and hyphens.
        place: where the model and, of an async endpoint, the answers lie.
        role: ARN of the role that SageMaker takes on.
        image: URI of the container image in ECR.
        mode: real-time (instances that wait), serverless (billed by the request), async (requests and answers in S3).
        instance: type of instance; not for serverless.
        least, most: instances. An async endpoint may go down to 0, a real-time one may not.
        memory_mb: of serverless, 1024 to 6144 by 1024.
        concurrency: requests at once: of serverless in all, of async an instance.
        environment: of the container, as {"FLOODSCOPE_THRESHOLD": "0.4"}.
    """

    name: str
    place: S3Place
    role: str
    image: str
    mode: Mode = "real-time"
    instance: str = "ml.m5.xlarge"
    least: int = 1
    most: int = 1
    memory_mb: int = 4096
    concurrency: int = 4
    environment: Mapping[str, str] = field(default_factory=dict)

    def spec(self, region: str) -> str:
        """Return how the dashboard and the commands name the endpoint, as --model takes it."""
        ways = {
            "real-time": "",
            "serverless": "&serverless",
            "async": f"&async={(self.place / 'async' / self.name / 'input').url}",
        }
        return f"sagemaker:{self.name}?region={region}{ways[self.mode]}"

    def check(self) -> None:
        """Raise UsageError where AWS would refuse it later."""
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"The name {self.name!r} cannot name an endpoint: give up to 50 letters, digits and single hyphens."
            )
        check_role(self.role)
        if not _IMAGE.fullmatch(self.image):
            raise UsageError(
                f"The image {self.image!r} is no address of a container image: give one as "
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com/floodscope:0.1.0."
            )
        if self.mode == "serverless" and self.memory_mb not in _SERVERLESS_MB:
            raise UsageError(
                f"A serverless endpoint has no {self.memory_mb} MB: give 1024, 2048, 3072, 4096, 5120 or 6144."
            )
        if self.least > self.most:
            raise UsageError(
                f"At least {self.least} and at most {self.most} instances is none: give --max-instances {self.least}."
            )
        if self.mode == "real-time" and self.least == 0:
            raise UsageError(
                "A real-time endpoint does not scale to zero here: without an instance its requests fail, they do not wait. "
                "Take --serverless, or --async, whose requests wait for one."
            )


def check_role(role: str) -> None:
    """Raise UsageError where a text is no ARN of a role."""
    if not _ROLE.fullmatch(role):
        raise UsageError(
            f"The role {role!r} is no ARN of a role: give --role arn:aws:iam::123456789012:role/NAME, as `aws iam get-role` "
            "prints it."
        )


@dataclass(frozen=True)
class Deployed:
    """What `deploy` found or made.

    Attributes:
        name: of the endpoint.
        status: as SageMaker says it, as "InService".
        changed: "created", "updated", or "unchanged" where it was as it should be.
        model: name of the model.
        bundle: what it serves.
    """

    name: str
    status: str
    changed: str
    model: str
    bundle: Bundle


def deploy(account: Account, bundle: Path, endpoint: Endpoint, tell: Tell, wait: Wait | None) -> Deployed:
    """Put a bundle behind an endpoint. What is there as it should be stays: no second model, no second endpoint.

    Args:
        account: where.
        bundle: a folder or .tar.gz.
        endpoint: what the endpoint shall be.
        tell: told what is done.
        wait: how to wait until it is in service; None does not, and leaves scaling to the next call.

    Raises:
        UsageError: AWS would refuse the endpoint.
        BundleError: the bundle is damaged.
        CloudError: AWS refused, or the endpoint failed.
    """
    endpoint.check()
    client = account.client("sagemaker")
    now = describe_endpoint(client, endpoint.name)
    if now is not None and endpoint_of(now["EndpointConfigName"]) != endpoint.name:
        raise CloudError(
            f"An endpoint {endpoint.name} is there already, and floodscope did not make it: choose another --name."
        )
    model, found = ensure_model(account, bundle, endpoint, tell)
    config = _ensure_config(client, endpoint, model)
    if wait is not None and now is not None and now["EndpointStatus"] in _BUSY and not account.dry:
        now = wait_for_endpoint(client, endpoint.name, wait, tell)
    if now is not None and now["EndpointStatus"] == "Failed":  # it can neither serve nor be updated
        tell(f"{endpoint.name} failed before ({now.get('FailureReason', 'no reason given')}): it is made anew")
        with explained(f"deleting the failed endpoint {endpoint.name}"):
            client.delete_endpoint(EndpointName=endpoint.name)
        if wait is not None:
            wait.until(
                lambda: describe_endpoint(client, endpoint.name) is None, f"{endpoint.name} is being deleted", tell
            )
        now = None
    changed = "unchanged"
    if now is None:
        changed = "created"
        with explained(f"creating the endpoint {endpoint.name}"):
            client.create_endpoint(EndpointName=endpoint.name, EndpointConfigName=config)
    elif now["EndpointConfigName"] != config:
        changed = "updated"
        clear_scaling(account, endpoint.name, VARIANT)  # AWS asks for it before an update, and it is set again below
        with explained(f"updating the endpoint {endpoint.name}"):
            client.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=config)
    status = (
        now["EndpointStatus"]
        if now is not None and changed == "unchanged"
        else "Creating"
        if now is None
        else "Updating"
    )
    if wait is not None and not account.dry:
        status = wait_for_endpoint(client, endpoint.name, wait, tell)["EndpointStatus"]
    if status == "InService" or account.dry:
        _scale(account, endpoint)
    elif _scales(endpoint):
        tell("Scaling is set once it is in service: give the same command again then")
    return Deployed(endpoint.name, status, changed, model, found)


def ensure_model(account: Account, bundle: Path, endpoint: Endpoint, tell: Tell) -> tuple[str, Bundle]:
    """Package a bundle, send it where it is not in S3, name it to SageMaker where it is not; return its name there."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / ARCHIVE
        found = package(bundle, archive)
        digest = sha256_of(archive).hex()
        target = endpoint.place / "models" / f"{found.id[:12]}-{digest[:12]}" / ARCHIVE
        size = archive.stat().st_size / 1e6
        sent = put_file(account, archive, target)
        tell(f"{target.url}: {size:.1f} MB " + ("sent" if sent else "were there"))
    container = {
        "Image": endpoint.image,
        "ModelDataUrl": target.url,
        # The hosting toolkits of AWS's own images look for these; ours runs floodscope's server.
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            **endpoint.environment,
        },
    }
    name = name_for(endpoint.name, container, endpoint.role)
    client = account.client("sagemaker")
    with explained(f"creating the model {name}"):
        try:
            client.describe_model(ModelName=name)
        except client.exceptions.ClientError as error:
            if not missing(error):
                raise
            client.create_model(
                ModelName=name,
                PrimaryContainer=container,
                ExecutionRoleArn=endpoint.role,
                Tags=[{"Key": "floodscope:bundle", "Value": found.id}],
            )
    return name, found


def _ensure_config(client: Any, endpoint: Endpoint, model: str) -> str:
    config = _config(endpoint, model)
    name = name_for(endpoint.name, config)
    with explained(f"creating the endpoint's configuration {name}"):
        try:
            client.describe_endpoint_config(EndpointConfigName=name)
        except client.exceptions.ClientError as error:
            if not missing(error):
                raise
            client.create_endpoint_config(EndpointConfigName=name, **config)
    return name


def _config(endpoint: Endpoint, model: str) -> dict[str, object]:
    variant: dict[str, object] = {"VariantName": VARIANT, "ModelName": model}
    if endpoint.mode == "serverless":
        variant["ServerlessConfig"] = {
            "MemorySizeInMB": endpoint.memory_mb,
            "MaxConcurrency": endpoint.concurrency,
        }
        return {"ProductionVariants": [variant]}
    # An async endpoint begins with one instance, and scales to zero by itself.
    variant |= {"InstanceType": endpoint.instance, "InitialInstanceCount": max(1, endpoint.least)}
    config: dict[str, object] = {"ProductionVariants": [variant]}
    if endpoint.mode == "async":
        config["AsyncInferenceConfig"] = {
            "OutputConfig": {
                "S3OutputPath": (endpoint.place / "async" / endpoint.name / "output").url,
                "S3FailurePath": (endpoint.place / "async" / endpoint.name / "failure").url,
            },
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": endpoint.concurrency},
        }
    return config


def _scales(endpoint: Endpoint) -> bool:
    return endpoint.mode != "serverless" and (endpoint.least != endpoint.most or endpoint.least == 0)


def _scale(account: Account, endpoint: Endpoint) -> None:
    if _scales(endpoint):
        set_scaling(account, endpoint.name, VARIANT, endpoint.least, endpoint.most, queued=endpoint.mode == "async")
    elif endpoint.mode != "serverless":
        clear_scaling(account, endpoint.name, VARIANT)


class Described(TypedDict, total=False):
    """What is read of SageMaker's answer on an endpoint."""

    EndpointName: Required[str]
    EndpointStatus: Required[str]
    EndpointConfigName: str
    FailureReason: str
    LastModifiedTime: datetime
    ProductionVariants: Sequence[Mapping[str, object]]


def describe_endpoint(client: Any, name: str) -> Described | None:
    """Return what SageMaker says of an endpoint, or None where there is none."""
    with explained(f"asking for the endpoint {name}"):
        try:
            found: Described = client.describe_endpoint(EndpointName=name)
        except client.exceptions.ClientError as error:
            if missing(error):
                return None
            raise
    return found


def wait_for_endpoint(client: Any, name: str, wait: Wait, tell: Tell) -> Described:
    """Wait until an endpoint is in service, and return what SageMaker says of it.

    Raises:
        CloudError: it failed; says why and where its log is.
    """
    gone: Described = {"EndpointName": name, "EndpointStatus": "Failed", "FailureReason": "it was deleted"}
    last = gone

    def over() -> bool:
        nonlocal last
        last = describe_endpoint(client, name) or gone
        return last["EndpointStatus"] not in _BUSY

    wait.until(over, lambda: f"{name}: {last['EndpointStatus']}", tell)
    if last["EndpointStatus"] != "InService":
        raise CloudError(
            f"The endpoint {name} is {last['EndpointStatus']} ({last.get('FailureReason', 'no reason given')}): its log is "
            f"/aws/sagemaker/Endpoints/{name} in CloudWatch (`aws logs tail /aws/sagemaker/Endpoints/{name}`)."
        )
    return last
