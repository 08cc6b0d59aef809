"""The endpoints that floodscope made: how they stand, and taking them away with all that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model.aws.account.account import Account, Tell
from model.aws.account.names import endpoint_of
from model.aws.account.refusals import explained, missing
from model.aws.endpoint.deploy import VARIANT, Described, Mode, describe_endpoint
from model.aws.endpoint.scaling import clear_scaling
from tiles.errors import CloudError


@dataclass(frozen=True)
class EndpointStatus:
    """How an endpoint stands.

    Attributes:
        name: of the endpoint.
        status: as SageMaker says it, as "InService".
        mode: real-time, serverless or async.
        size: its instances, or its memory.
        model: address of its model.tar.gz.
        image: of its container.
        changed: when it was last changed, ISO 8601.
        reason: why it failed, or "".
    """

    name: str
    status: str
    mode: Mode
    size: str
    model: str
    image: str
    changed: str
    reason: str

    def line(self) -> str:
        """Return it as a line for people."""
        text = f"{self.name}  {self.status}  {self.mode}  {self.size}  {self.model}  since {self.changed}"
        return f"{text}  ({self.reason})" if self.reason else text


def status(account: Account, name: str | None = None) -> list[EndpointStatus]:
    """Return how one endpoint stands, or all that floodscope made.

    Raises:
        CloudError: there is no such endpoint, or AWS refused.
    """
    client = account.client("sagemaker")
    names = [name] if name is not None else _endpoints(client)
    found = []
    for one in names:
        endpoint = describe_endpoint(client, one)
        if endpoint is None:
            if account.dry:
                continue
            raise no_such(one, account)
        if name is None and endpoint_of(endpoint["EndpointConfigName"]) != one:
            continue  # of that name, but somebody else's
        found.append(_status_of(client, endpoint))
    return found


def delete(account: Account, name: str, tell: Tell) -> None:
    """Take away an endpoint, its scaling, and the configurations and models that were made for it.

    What it served stays in S3. What is gone already is no error, so that a delete that was cut off can be given again.

    Raises:
        CloudError: there is nothing of that name, or AWS refused.
    """
    client = account.client("sagemaker")
    endpoint = describe_endpoint(client, name)
    configs = _named(client, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", name)
    models = _named(client, "list_models", "Models", "ModelName", name)
    if endpoint is None and not configs and not models:
        raise no_such(name, account)
    if endpoint is not None:
        if endpoint_of(endpoint["EndpointConfigName"]) != name:
            raise CloudError(
                f"floodscope did not make the endpoint {name}, so it does not delete it: use the AWS console."
            )
        clear_scaling(account, name, VARIANT)
        _gone(client, "delete_endpoint", f"the endpoint {name}", EndpointName=name)
        tell(f"endpoint {name} deleted")
    for config in configs:
        _gone(client, "delete_endpoint_config", f"the configuration {config}", EndpointConfigName=config)
        tell(f"configuration {config} deleted")
    for model in models:
        _gone(client, "delete_model", f"the model {model}", ModelName=model)
        tell(f"model {model} deleted")


def dry_answers(name: str) -> dict[str, dict[str, object]]:
    """Return what a dry run of `delete` shall take to be there: an endpoint, its configuration and its model."""
    part = f"{name}-{'0' * 12}"
    return {
        "DescribeEndpoint": {"EndpointConfigName": part, "EndpointStatus": "InService"},
        "ListEndpointConfigs": {"EndpointConfigs": [{"EndpointConfigName": part}]},
        "ListModels": {"Models": [{"ModelName": part}]},
    }


def no_such(name: str, account: Account) -> CloudError:
    """Return the error of an endpoint that is not there."""
    return CloudError(
        f"There is no endpoint {name} in {account.region}: `floodscope sagemaker status` lists those there are; check --region."
    )


def _gone(client: Any, operation: str, what: str, **names: str) -> None:
    with explained(f"deleting {what}"):
        try:
            getattr(client, operation)(**names)
        except client.exceptions.ClientError as error:
            if not missing(error):
                raise


def _named(client: Any, operation: str, field: str, key: str, endpoint: str | None) -> list[str]:
    contains = {} if endpoint is None else {"NameContains": endpoint}
    with explained("listing what belongs to the endpoint" if endpoint else "listing the endpoints"):
        pages = client.get_paginator(operation).paginate(**contains)
        names = [str(entry[key]) for page in pages for entry in page.get(field, [])]
    return sorted(name for name in names if endpoint is None or endpoint_of(name) == endpoint)


def _endpoints(client: Any) -> list[str]:
    configs = _named(client, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", None)
    ours = {endpoint_of(name) for name in configs}
    return [name for name in _named(client, "list_endpoints", "Endpoints", "EndpointName", None) if name in ours]


def _status_of(client: Any, endpoint: Described) -> EndpointStatus:
    name = endpoint["EndpointName"]
    with explained(f"asking for the configuration of {name}"):
        config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    variant = config["ProductionVariants"][0]
    with explained(f"asking for the model of {name}"):
        container = client.describe_model(ModelName=variant["ModelName"]).get("PrimaryContainer", {})
    mode: Mode = "real-time"
    if "ServerlessConfig" in variant:
        mode = "serverless"
        size = f"{variant['ServerlessConfig']['MemorySizeInMB']} MB"
    else:
        mode = "async" if "AsyncInferenceConfig" in config else "real-time"
        running = (endpoint.get("ProductionVariants") or [{}])[0].get("CurrentInstanceCount")
        count = variant.get("InitialInstanceCount", 1) if running is None else running
        size = f"{count} x {variant['InstanceType']}"
    return EndpointStatus(
        name=name,
        status=endpoint["EndpointStatus"],
        mode=mode,
        size=size,
        model=container.get("ModelDataUrl", ""),
        image=container.get("Image", ""),
        changed=endpoint["LastModifiedTime"].isoformat(timespec="seconds"),
        reason=endpoint.get("FailureReason", "") or "",
    )
