"""How many instances an endpoint has: fixed, by its load, or down to none while its queue is empty.

Three ways lead to zero at SageMaker. Serverless endpoints do it by themselves. Async ones do it with `MinCapacity` 0, and a
second policy that wakes them for the first request in the queue, since target tracking divides by the number of instances.
Real-time ones do it only as inference components, and then fail every request until an instance has come, minutes later;
so a real-time endpoint keeps one here.
"""

from __future__ import annotations

from typing import Any

from model.aws.account.account import Account
from model.aws.account.refusals import explained, missing

_NAMESPACE = "sagemaker"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_REQUESTS_A_MINUTE = 60.0
"""Requests a minute and instance that a real-time endpoint scales at: about a chip a second, what a CPU does."""
_QUEUED = 5.0
"""Requests in the queue, an instance, that an async endpoint scales at."""
_COOL_DOWN_S = 300


def set_scaling(account: Account, endpoint: str, variant: str, least: int, most: int, *, queued: bool) -> None:
    """Let an endpoint have between `least` and `most` instances. Setting it again changes it.

    Args:
        account: where.
        endpoint, variant: of what; in service.
        least, most: instances; `least` may be 0 where requests are queued.
        queued: of an async endpoint: by its queue, not by its requests.

    Raises:
        CloudError: AWS refused.
    """
    client = account.client("application-autoscaling")
    target = _target(endpoint, variant)
    with explained(f"setting the scaling of {endpoint}"):
        client.register_scalable_target(**target, MinCapacity=least, MaxCapacity=most)
        client.put_scaling_policy(
            **target,
            PolicyName=f"{endpoint}-load",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=_by_queue(endpoint) if queued else _by_requests(),
        )
        if least > 0:
            _drop_waking(account, client, target, endpoint)
            return
        policy = client.put_scaling_policy(
            **target,
            PolicyName=f"{endpoint}-wake",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity",
                "MetricAggregationType": "Maximum",
                "Cooldown": _COOL_DOWN_S,
                "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
            },
        )
        account.client("cloudwatch").put_metric_alarm(
            AlarmName=f"{endpoint}-wake",
            AlarmDescription="Requests wait, and there is no instance.",
            MetricName="HasBacklogWithoutCapacity",
            Namespace="AWS/SageMaker",
            Dimensions=[{"Name": "EndpointName", "Value": endpoint}],
            Statistic="Average",
            Period=60,
            EvaluationPeriods=2,
            DatapointsToAlarm=2,
            Threshold=1.0,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="missing",
            AlarmActions=[policy.get("PolicyARN", "arn:aws:dry-run")],
        )


def clear_scaling(account: Account, endpoint: str, variant: str) -> None:
    """Let an endpoint keep the instances it has; its policies and their alarms go too. Nothing where it does not scale.

    Raises:
        CloudError: AWS refused.
    """
    client = account.client("application-autoscaling")
    target = _target(endpoint, variant)
    with explained(f"ending the scaling of {endpoint}"):
        found = client.describe_scalable_targets(
            ServiceNamespace=_NAMESPACE, ResourceIds=[target["ResourceId"]], ScalableDimension=_DIMENSION
        )
        if found.get("ScalableTargets") or account.dry:
            _drop_waking(account, client, target, endpoint)
            client.deregister_scalable_target(**target)


def _drop_waking(account: Account, client: Any, target: dict[str, str], endpoint: str) -> None:
    account.client("cloudwatch").delete_alarms(AlarmNames=[f"{endpoint}-wake"])
    try:
        client.delete_scaling_policy(**target, PolicyName=f"{endpoint}-wake")
    except client.exceptions.ClientError as error:
        if not missing(error):
            raise


def _target(endpoint: str, variant: str) -> dict[str, str]:
    return {
        "ServiceNamespace": _NAMESPACE,
        "ResourceId": f"endpoint/{endpoint}/variant/{variant}",
        "ScalableDimension": _DIMENSION,
    }


def _by_requests() -> dict[str, object]:
    return {
        "TargetValue": _REQUESTS_A_MINUTE,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": _COOL_DOWN_S,
        "ScaleOutCooldown": 60,
    }


def _by_queue(endpoint: str) -> dict[str, object]:
    return {
        "TargetValue": _QUEUED,
        "CustomizedMetricSpecification": {
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Namespace": "AWS/SageMaker",
            "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
            "Statistic": "Average",
        },
        "ScaleInCooldown": _COOL_DOWN_S,
        "ScaleOutCooldown": 60,
    }
