"""An asynchronous SageMaker endpoint: the input goes to S3, the answer is fetched from there. For scenes above 6 MB."""

from __future__ import annotations

import contextlib
import time
import uuid
from typing import Any

from model.predictors.endpoint import Received
from model.predictors.endpoint_spec import EndpointSpec
from model.predictors.http import refusal, unwrap
from model.predictors.sagemaker_client import explain, make_client
from tiles.errors import EndpointError

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


class AsyncTransport:
    """Invokes an asynchronous endpoint, waits for what it writes, and removes both objects from the bucket."""

    def __init__(self, spec: EndpointSpec) -> None:
        self._spec = spec
        self._clients: tuple[Any, Any] | None = None

    def send(self, body: bytes, content_type: str, accept: str) -> Received:
        """Return the answer to one request; see `Transport`."""
        assert self._spec.asynchronous is not None  # noqa: S101 - who makes this has looked
        bucket, _, prefix = self._spec.asynchronous.removeprefix("s3://").partition("/")
        key = "/".join(filter(None, (prefix, "floodscope-input", uuid.uuid4().hex)))
        written = [(bucket, key)]
        try:
            runtime, s3 = self._ready()
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
            asked = runtime.invoke_endpoint_async(
                EndpointName=self._spec.target,
                InputLocation=f"s3://{bucket}/{key}",
                ContentType=content_type,
                Accept=accept,
                InvocationTimeoutSeconds=min(3600, max(1, int(self._spec.timeout_s))),
            )
            output = _place(asked["OutputLocation"])
            failure = _place(asked["FailureLocation"]) if asked.get("FailureLocation") else None
            written += [place for place in (output, failure) if place is not None]
            return Received(self._wait(s3, output, failure))
        except EndpointError:
            raise
        except Exception as error:
            raise explain(self._spec, error) from error
        finally:
            self._remove(written)

    def _ready(self) -> tuple[Any, Any]:
        if self._clients is None:
            self._clients = make_client(self._spec, "sagemaker-runtime"), make_client(self._spec, "s3")
        return self._clients

    def _wait(self, s3: Any, output: tuple[str, str], failure: tuple[str, str] | None) -> bytes:
        end, pause = time.monotonic() + self._spec.timeout_s, _FIRST_PAUSE_S
        while time.monotonic() < end:
            if (content := _fetch(s3, *output)) is not None:
                return content
            if failure is not None and (content := _fetch(s3, *failure)) is not None:
                status, said = unwrap(500, content)
                raise refusal(self._spec.label, status, said)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        raise EndpointError(
            f"{self._spec.label} has written no answer within {self._spec.timeout_s:g} s, and was not asked a second time: raise "
            "timeout_s (starting from no instance takes minutes), or look at its log."
        )

    def _remove(self, places: list[tuple[str, str]]) -> None:
        if self._clients is None:
            return
        for bucket, key in places:
            with contextlib.suppress(Exception):  # what stays behind costs cents; the answer is what counts
                self._clients[1].delete_object(Bucket=bucket, Key=key)


def _place(url: str) -> tuple[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def _fetch(s3: Any, bucket: str, key: str) -> bytes | None:
    """Return an object, None where it is not there yet: without the right to list, S3 says 403 for that."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404", "AccessDenied", "403"):
            return None
        raise
    return content
