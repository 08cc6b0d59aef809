"""From what AWS or botocore says to one sentence: what was refused, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tiles.errors import CloudError, FloodscopeError, UsageError

_POLICY = "docs/sagemaker.md has the least policy"
_NOT_THERE = {
    "404",
    "NoSuchKey",
    "NotFound",
    "ObjectNotFoundException",
    "ResourceNotFound",
    "ResourceNotFoundException",
}
_INVALID = {"ValidationException", "ValidationError"}
_SAYS_NOT_THERE = re.compile(r"(?i)could not find|not exist|not found|no scaling \w+ found")
_SAYS_TAKEN = re.compile(r"(?i)already (exist|in use)|cannot create already")
_SAYS_ROLE = re.compile(r"(?i)assume role|role.*(exist|trust|invalid)|RoleArn")
_EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "InvalidSignatureException",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"}
_QUOTA = {"ResourceLimitExceeded", "LimitExceededException", "ServiceQuotaExceededException"}
_TAKEN = {"ResourceInUse", "ResourceInUseException", "ConflictException", "EntityAlreadyExists"}
_BUSY = {"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown", "RequestLimitExceeded"}
# Ids of access keys, and of temporary ones: AWS names them in some messages, and messages end in logs.
_ACCESS_KEY = re.compile(r"\b(AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b")
_SECRET = re.compile(r"(?i)((?:secret|token|password|signature|credential)[\w-]*\s*[=:]\s*)\S+")


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn what botocore raises in the block into a CloudError of one sentence.

    Args:
        doing: what the block does, as "creating the endpoint floods".

    Raises:
        CloudError: AWS refused, or could not be reached.
        UsageError: an argument is not what AWS takes.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - botocore only where a call is made

    try:
        yield
    except FloodscopeError:
        raise
    except ClientError as error:
        raise refusal(error.response, error.operation_name, doing) from error
    except BotoCoreError as error:
        raise _unreached(error, doing) from error


def missing(error: BaseException) -> bool:
    """Return whether AWS says that what was asked for is not there."""
    response: Mapping[str, Any] = getattr(error, "response", {})
    code, message = _code_of(response)
    return code in _NOT_THERE or (code in _INVALID and _SAYS_NOT_THERE.search(message) is not None)


def refusal(response: Mapping[str, Any], operation: str, doing: str) -> CloudError:
    """Return what AWS's answer to an operation means, as one sentence that says what to do."""
    code, message = _code_of(response)
    said = without_secrets(message).strip().rstrip(".")
    for fits, tell in _REFUSALS:
        if fits(code, message):
            return CloudError(tell(operation, doing, said))
    return CloudError(f"AWS refused {doing} ({operation}: {code}: {said}): mend what it names, then try again.")


def without_secrets(text: str) -> str:
    """Return a text without ids of access keys and values of secrets."""
    return _SECRET.sub(r"\1[hidden]", _ACCESS_KEY.sub("[access key]", text))


def _code_of(response: Mapping[str, Any]) -> tuple[str, str]:
    error = response.get("Error", {})
    return str(error.get("Code", "")), str(error.get("Message", ""))


def _denied(operation: str, doing: str, said: str) -> str:
    action = "iam:PassRole" if "PassRole" in said else operation
    return f"AWS denied {doing} ({action}; {said}): have that action allowed; {_POLICY}."


_REFUSALS: tuple[tuple[Callable[[str, str], bool], Callable[[str, str, str], str]], ...] = (
    (
        lambda code, _: code in _EXPIRED,
        lambda _, doing, said: (
            f"AWS does not accept the credentials for {doing} ({said}): they are wrong or have expired, so run "
            "`aws sso login` or `aws configure`, or choose another --profile."
        ),
    ),
    (lambda code, _: code in _DENIED, _denied),
    (
        lambda code, _: code in _QUOTA,
        lambda _, doing, said: (
            f"A quota of the account stands in the way of {doing} ({said}): ask for more under Service Quotas, or choose "
            "another --instance-type."
        ),
    ),
    (
        lambda code, _: code == "NoSuchBucket",
        lambda _, doing, __: (
            f"The bucket of --s3 does not exist, so {doing} failed: make it (`aws s3 mb s3://NAME`), or name another."
        ),
    ),
    (
        lambda code, said: code in _INVALID and _SAYS_ROLE.search(said) is not None,
        lambda _, doing, said: (
            f"SageMaker cannot use the role of --role for {doing} ({said}): give the ARN of a role that trusts "
            "sagemaker.amazonaws.com, as docs/sagemaker.md makes it."
        ),
    ),
    (
        lambda code, said: code in _TAKEN or _SAYS_TAKEN.search(said) is not None,
        lambda _, doing, said: f"The name is taken, so {doing} failed ({said}): choose another --name.",
    ),
    (
        lambda code, _: code in _BUSY,
        lambda _, doing, __: f"AWS is asked too often just now, so {doing} failed: wait a minute, then try again.",
    ),
    (
        lambda code, _: code in {"404", "NoSuchKey"},
        lambda _, doing, __: f"There is nothing at that place in S3, so {doing} failed: check the address.",
    ),
)


def _unreached(error: Exception, doing: str) -> FloodscopeError:
    from botocore import exceptions  # noqa: PLC0415

    said = without_secrets(str(error)).strip().rstrip(".")
    no_credentials = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.TokenRetrievalError,
        exceptions.SSOError,
    )
    if isinstance(error, no_credentials):
        return CloudError(
            f"There are no AWS credentials for {doing} ({said}): run `aws configure` or `aws sso login`, or give --profile."
        )
    if isinstance(error, exceptions.ProfileNotFound):
        return CloudError(f"{said}: `aws configure list-profiles` names those there are; give one with --profile.")
    if isinstance(error, exceptions.NoRegionError):
        return CloudError("No AWS region is set: give --region, as eu-central-1, or set AWS_DEFAULT_REGION.")
    if isinstance(error, exceptions.ParamValidationError):
        return UsageError(f"AWS would not take the arguments for {doing} ({' '.join(said.split())}): correct them.")
    return CloudError(f"AWS could not be reached for {doing} ({said}): check the network and --region, then try again.")
