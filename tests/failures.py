"""How a SageMaker endpoint fails: the answers of the hosting service, and what floodscope says of each."""

from __future__ import annotations

import json
from typing import Any

from tests.serving import Says

MODEL = {"id": "a" * 64, "name": "Test U-Net", "threshold": 0.4, "channels": ["vv", "vh"], "device": "cpu"}
LOG = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/floods:log-stream:all/i-1"


def aws_error(status: int, code: str, message: str, **further: Any) -> Says:
    """An error as the hosting service writes it."""
    return Says(status, {"Message": message, **further}, {"x-amzn-ErrorType": code, "Content-Type": "application/json"})


def container_error(status: int, message: str) -> Says:
    return aws_error(
        424,
        "ModelError",
        f"Received server error ({status}) from primary",
        OriginalStatusCode=status,
        OriginalMessage=json.dumps({"message": message}),
        LogStreamArn=LOG,
    )


# Each answer of an endpoint named floods, and a pattern of the sentence that tells it.
FAILURES = [
    (
        aws_error(400, "ValidationError", "Endpoint floods of account 123 not found."),
        "is not there: the default region has no endpoint floods",
    ),
    (
        aws_error(403, "AccessDeniedException", "User is not authorized to perform: sagemaker:InvokeEndpoint"),
        "give this identity the right sagemaker:InvokeEndpoint",
    ),
    (
        aws_error(403, "ExpiredTokenException", "The security token is expired"),
        r"these AWS credentials \(ExpiredTokenException\): log in again",
    ),
    (aws_error(400, "ThrottlingException", "Rate exceeded"), "is throttled.*try again later"),
    (
        aws_error(429, "ModelNotReadyException", "Model is not ready"),
        "is not ready: its model is still being started.*try again later",
    ),
    (
        aws_error(400, "ValidationError", "Inference Component has no capacity to process this request"),
        "is not ready",
    ),
    (aws_error(503, "ServiceUnavailable", "The service is unavailable"), "is not available now"),
    (
        aws_error(413, "ValidationException", "Request size exceeds the limit"),
        "takes no request of this size: lower max_payload_mb",
    ),
    (
        aws_error(500, "InternalFailure", "Internal failure"),
        "has failed: AWS answers InternalFailure: Internal failure",
    ),
    (
        container_error(500, "CUDA out of memory"),
        r"has failed \(500\): CUDA out of memory\..*Its log is https://eu-west-1.console.aws.amazon.com/cloudwatch",
    ),
    (
        container_error(400, "shape (1, 3)"),
        r"does not take this request \(400\): shape \(1, 3\)\. Its log is https",
    ),
    (container_error(413, "too much"), "no request of this size"),
    (container_error(503, "full"), "is not ready or has too much to do: full"),
    (container_error(504, "slow"), "too slow for its own time limit"),
    (Says(cut=True), "has closed the connection"),
]
