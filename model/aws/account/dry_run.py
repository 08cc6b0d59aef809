"""A dry run: every call to AWS is checked and printed with its arguments, answered here, and never sent.

It listens to botocore's own events, so that it sees the calls of boto3 and of the SageMaker SDK alike, after botocore has
validated their arguments and before anything is signed or sent: neither credentials nor a network are needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

# No value of an environment variable or hyperparameter that is named like a secret is printed.
_SECRET_NAME = re.compile(r"(?i)secret|token|password|private|credential|api_?key|access_?key")
_HANDLER = "floodscope-dry-run"
_KNOWN: Mapping[str, Mapping[str, Any]] = {
    "GetCallerIdentity": {
        "Account": "000000000000",
        "Arn": "arn:aws:iam::000000000000:user/dry-run",
        "UserId": "dry-run",
    }
}


class DryRun:
    """Answers calls in the place of AWS.

    What was created in this run is found by later calls, with the arguments it was created with; all else is not there,
    as in an empty account.

    Args:
        tell: told each call: `service.operation` and its arguments as JSON.
        answers: the answer of an operation by its name, as {"DescribeEndpoint": {"EndpointStatus": "InService"}}, for
            what the run shall take to be there.
    """

    def __init__(self, tell: Callable[[str], None], answers: Mapping[str, Mapping[str, Any]]) -> None:
        self._tell, self._answers = tell, answers
        self._made: dict[tuple[str, str], dict[str, object]] = {}

    def listen(self, events: Any) -> None:
        """Take over the calls of every client that is made from the session whose events these are."""
        events.register_first("provide-client-params", _keep_arguments, unique_id=f"{_HANDLER}-arguments")
        events.register_first("before-call", self._answer, unique_id=_HANDLER)

    def _answer(self, model: Any, context: Mapping[str, Any], **_: Any) -> tuple[Any, dict[str, object]]:
        arguments = context.get(_HANDLER, {})
        service = model.service_model.endpoint_prefix
        service = {"api.sagemaker": "sagemaker", "monitoring": "cloudwatch"}.get(service, service)
        self._tell(f"{service}.{_snake(model.name)}({shown(arguments)})")
        status, parsed = self._parsed(model.name, arguments)
        from botocore.awsrequest import AWSResponse  # noqa: PLC0415

        parsed.setdefault("ResponseMetadata", {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0})
        return AWSResponse("dry-run", status, {}, None), parsed

    def _parsed(self, operation: str, arguments: dict[str, object]) -> tuple[int, dict[str, object]]:
        kind = re.sub(r"^(Create|Describe|Get|Head|List|Delete)", "", operation)
        name = str(arguments.get(f"{kind}Name", ""))
        asks_for_one = operation.startswith(("Describe", "Head")) and not kind.endswith("s")
        if operation in self._answers:
            answer = {**arguments, **self._answers[operation]}
        elif operation.startswith("Create"):
            self._made[kind, name] = arguments
            answer = {f"{kind}Arn": f"arn:aws:dry-run:::{name}", "UploadId": "dry-run"}
        elif asks_for_one and (kind, name) in self._made:
            answer = {
                **self._made[kind, name],
                f"{kind}Arn": f"arn:aws:dry-run:::{name}",
                f"{kind}Status": "InProgress",
            }
        elif asks_for_one:
            return 404, {"Error": {"Code": "404", "Message": f"Could not find {name}: this is a dry run"}}
        else:
            answer = dict(_KNOWN.get(operation, {}))
        return 200, answer


def _keep_arguments(params: dict[str, object], context: dict[str, object], **_: Any) -> None:
    context[_HANDLER] = dict(params)


def shown(arguments: Mapping[str, Any]) -> str:
    """Return a call's arguments as JSON, with the sizes of bodies in place of them and without secrets."""
    return json.dumps(_plain(arguments), indent=2, default=str) if arguments else ""


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, name) for v in value]
    if _SECRET_NAME.search(name) and isinstance(value, str) and value:
        return "[hidden]"
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    if name == "Body":
        return "<a file's bytes>"
    return value


def _snake(operation: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", operation).lower()
