"""boto3's clients for SageMaker's endpoints, and what its errors mean in one sentence."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from model.predictors.endpoint import NotNowError
from model.predictors.endpoint_spec import EndpointSpec
from model.predictors.http import CONNECT_TIMEOUT_S, refusal, unwrap
from tiles.errors import EndpointError
from tiles.sentences import shown

if TYPE_CHECKING:
    import boto3

_TOO_LARGE = 413

NO_BOTO3 = "cannot be asked without boto3, which is not installed: pip install 'floodscope[aws]'."


def has_boto3() -> bool:
    """Return whether boto3 is installed, without loading it."""
    return importlib.util.find_spec("boto3") is not None


def make_client(spec: EndpointSpec, service: str) -> Any:
    """Return a boto3 client of the spec's profile and region, which sends each request once.

    Raises:
        botocore's errors: there is no such profile, or no region.
    """
    session = make_session(spec)
    from botocore.config import Config  # noqa: PLC0415 - whoever has no endpoint does without

    config = Config(
        read_timeout=spec.timeout_s,
        connect_timeout=CONNECT_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return session.client(service, config=config)


def make_session(spec: EndpointSpec) -> boto3.Session:
    """Return the session of the spec's profile and region."""
    if not has_boto3():
        raise EndpointError(f"{spec.label} {NO_BOTO3}")
    import boto3  # noqa: PLC0415

    return boto3.Session(profile_name=spec.options.get("profile"), region_name=spec.options.get("region"))


def explain(spec: EndpointSpec, error: Exception) -> EndpointError:
    """Return an error of boto3 as a sentence that says what to do; NotNowError where it may be tried again."""
    if isinstance(error, EndpointError):
        return error
    from botocore.exceptions import ClientError  # noqa: PLC0415

    if isinstance(error, ClientError):
        return _of_service(spec, error.response)
    return _of_client(spec, error)


def _of_client(spec: EndpointSpec, error: Exception) -> EndpointError:
    """Return the error of a request that has had no answer."""
    from botocore import exceptions as aws  # noqa: PLC0415

    where, profile = spec.label, spec.options.get("profile")
    sentences: list[tuple[tuple[type[Exception], ...], str]] = [
        (
            (aws.ProfileNotFound,),
            f"needs the AWS profile {profile!r}, which is not in this user's AWS configuration: give another profile.",
        ),
        (
            (aws.NoRegionError,),
            f"has no AWS region: write sagemaker:{spec.target}?region=REGION, or set AWS_REGION.",
        ),
        (
            (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError),
            "cannot be asked without AWS credentials: run `aws configure` or `aws sso login`, or give profile=NAME.",
        ),
        (
            (aws.TokenRetrievalError, aws.UnauthorizedSSOTokenError, aws.SSOTokenLoadError),
            "cannot be asked, the AWS login has expired: run `aws sso login`.",
        ),
        (
            (aws.ReadTimeoutError,),
            f"has not answered within {spec.timeout_s:g} s, and was not asked a second time: send smaller chips, use an "
            "asynchronous endpoint, or look at its log.",
        ),
        (
            (aws.ConnectTimeoutError, aws.EndpointConnectionError),
            f"is not reachable{_at(error)}: check the region's name and the network.",
        ),
        (
            (aws.HTTPClientError,),
            "has closed the connection in place of an answer: look at its log, then try again.",
        ),
    ]
    for kinds, sentence in sentences:
        if isinstance(error, kinds):
            return EndpointError(f"{where} {sentence}")
    return EndpointError(f"{where}: AWS's client failed ({type(error).__name__}: {shown(str(error))[:200]}).")


def _at(error: Exception) -> str:
    url = getattr(error, "kwargs", {}).get("endpoint_url")
    return f" at {shown(str(url))[:100]}" if url else ""


def _of_service(spec: EndpointSpec, response: Mapping[str, Any]) -> EndpointError:
    """Return the error that the hosting service answers."""
    found = response.get("Error", {})
    code, said = str(found.get("Code", "")), " ".join(shown(str(found.get("Message", ""))).split())[:300]
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "ModelError":
        return _of_container(spec, response)
    lower = said.lower()
    denied = code.startswith("AccessDenied")
    region = spec.options.get("region", "the default region")
    # The first that holds is the cause: whether it may be tried again, and the sentence.
    causes: list[tuple[bool, bool, str]] = [
        (
            code.startswith("ModelNotReady") or "has no capacity" in lower,
            True,
            "is not ready: its model is still being started.",
        ),
        (
            code.startswith(("Throttling", "TooManyRequests", "RequestLimit")) or status == 429,
            True,
            "is throttled: AWS lets no more requests through now.",
        ),
        (status == 503 or code.startswith("ServiceUnavailable"), True, f"is not available now: {said}"),
        (denied, False, f"denies access: give this identity the right sagemaker:InvokeEndpoint. AWS says: {said}"),
        (
            status in (401, 403) or code.startswith(("ExpiredToken", "InvalidSignature", "UnrecognizedClient")),
            False,
            f"cannot be asked with these AWS credentials ({code}): log in again, and check the clock.",
        ),
        (
            "not found" in lower or "could not find" in lower,
            False,
            f"is not there: {region} has no endpoint {spec.target}, or it is still being created; check name, region and "
            "account.",
        ),
        (
            status == _TOO_LARGE or "too large" in lower or ("size" in lower and "limit" in lower),
            False,
            "takes no request of this size: lower max_payload_mb, or use an asynchronous endpoint.",
        ),
    ]
    for holds, again, sentence in causes:
        if holds:
            return (NotNowError if again else EndpointError)(f"{spec.label} {sentence}")
    return EndpointError(f"{spec.label} has failed: AWS answers {code or status}: {said or 'nothing more.'}")


def _of_container(spec: EndpointSpec, response: Mapping[str, object]) -> EndpointError:
    """Return the error of a container that was asked and did not answer 200."""
    where = spec.label
    status = response.get("OriginalStatusCode")
    status = status if isinstance(status, int) else 500
    said = unwrap(status, str(response.get("OriginalMessage", "")).encode())[1]
    if status in (429, 503):
        return NotNowError(f"{where} is not ready or has too much to do: {said}")
    error = refusal(where, status, said)
    arn = shown(str(response.get("LogStreamArn") or ""))
    return type(error)(f"{error} Its log is {log_link(arn)}") if arn else error


def log_link(arn: str) -> str:
    """Return where CloudWatch shows a log stream: arn:aws:logs:REGION:ACCOUNT:log-group:GROUP:log-stream:STREAM."""
    parts = arn.split(":")
    if len(parts) < 9 or parts[5] != "log-group":
        return arn

    def escaped(text: str) -> str:
        return text.replace("$", "$2524").replace("/", "$252F").replace("[", "$255B").replace("]", "$255D")

    return (
        f"https://{parts[3]}.console.aws.amazon.com/cloudwatch/home?region={parts[3]}#logsV2:log-groups/log-group/"
        f"{escaped(parts[6])}/log-events/{escaped(':'.join(parts[8:]))}"
    )
