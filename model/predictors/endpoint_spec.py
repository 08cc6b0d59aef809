"""How a user names an endpoint: http://host:8080/invocations#option=value, sagemaker:NAME?option=value&option=value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from model.bundle.fields import suggestion
from tiles.errors import UsageError

MEGABYTE = 1_000_000
# What one request may hold: SageMaker's limits, and that of `floodscope serve`.
_REAL_TIME_MB, _SERVERLESS_MB, _ASYNC_MB, _OF_A_SERVER_MB = 6.0, 4.0, 1000.0, 32.0

_COMMON = {"name", "max_payload_mb", "timeout_s", "wait_s"}
_OPTIONS = {
    "http": _COMMON | {"token_env"},
    "sagemaker": _COMMON | {"region", "profile", "serverless", "async", "component"},
}
_ENDPOINT_NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#\s]*)?")

SYNTAX = "http://HOST:PORT/invocations or sagemaker:NAME?region=REGION (docs/serving.md lists the options, as max_payload_mb=6)"


@dataclass(frozen=True)
class EndpointSpec:
    """An endpoint and how it is asked.

    Attributes:
        text: as the user gave it.
        kind: "http" or "sagemaker".
        target: the URL, or the endpoint's name.
        label: for people: the option `name`, else the URL's host, or the endpoint's name.
        max_payload_mb: the largest body of one request, MB of 1,000,000 bytes.
        timeout_s: longest wait for one answer.
        wait_s: longest wait for an endpoint that is throttled or not ready.
        asynchronous: `s3://bucket/prefix` where an asynchronous endpoint is given its input; None for a synchronous one.
        options: further ones: region, profile, component, token_env.
    """

    text: str
    kind: str
    target: str
    label: str
    max_payload_mb: float = _REAL_TIME_MB
    timeout_s: float = 70.0
    wait_s: float = 300.0
    asynchronous: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def max_bytes(self) -> int:
        """The largest body of one request, bytes."""
        return int(self.max_payload_mb * MEGABYTE)

    @property
    def together_bytes(self) -> int:
        """The largest body of one request that holds several chips: a server answers none before it has done all."""
        return min(self.max_bytes, int(_REAL_TIME_MB * MEGABYTE)) if self.kind == "http" else self.max_bytes

    @property
    def identity(self) -> str:
        """What tells this endpoint from others: where it is, without how it is asked."""
        return self.target if self.kind == "http" else f"sagemaker:{self.target}"


def is_endpoint(text: str) -> bool:
    """Whether a model's name is meant as an endpoint's."""
    return text.startswith(("http://", "https://", "sagemaker:"))


def parse_endpoint(text: str) -> EndpointSpec:
    """Return the endpoint that a text names.

    Raises:
        UsageError: the text or an option cannot be understood.
    """
    if text.startswith("sagemaker:"):
        name, _, query = text.removeprefix("sagemaker:").partition("?")
        if not _ENDPOINT_NAME.fullmatch(name):
            raise UsageError(
                f"{name[:80]!r} cannot be the name of a SageMaker endpoint: give sagemaker:NAME?region=REGION."
            )
        return _spec(text, "sagemaker", name, name, query)
    try:
        parts = urlsplit(text)
        where, port = parts.hostname, parts.port
    except ValueError:
        where, port = None, None
    if not where or any(c.isspace() or not c.isprintable() for c in text.partition("#")[0]):
        raise UsageError(f"{text[:120]!r} is no URL of an endpoint: give one as {SYNTAX}.")
    if parts.username or parts.password:
        raise UsageError(
            "The URL of an endpoint must hold no password, it is shown on the page: put a token into an environment variable "
            "and give its name as #token_env=NAME."
        )
    target = urlunsplit((parts.scheme, parts.netloc, parts.path or "/invocations", parts.query, ""))
    return _spec(text, "http", target, f"{where}:{port}" if port else str(where), parts.fragment)


def _spec(text: str, kind: str, target: str, label: str, query: str) -> EndpointSpec:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS[kind]:
            raise UsageError(
                f"The endpoint {text[:120]!r} has no option {name!r}{suggestion(name, sorted(_OPTIONS[kind]))}"
            )
    asynchronous = options.pop("async", None)
    if asynchronous is not None and not _BUCKET.fullmatch(asynchronous):
        raise UsageError(f"async={asynchronous[:80]!r} is no place in S3: give one as async=s3://BUCKET/PREFIX.")
    serverless = options.pop("serverless", None) is not None
    of_aws = _ASYNC_MB if asynchronous else _SERVERLESS_MB if serverless else _REAL_TIME_MB
    default = _OF_A_SERVER_MB if kind == "http" else of_aws
    return EndpointSpec(
        text,
        kind,
        target,
        options.pop("name", "") or label,
        _number(text, options, "max_payload_mb", default, 0.001, 1000.0),
        _number(text, options, "timeout_s", 900.0 if asynchronous else 70.0, 0.05, 86400.0),
        _number(text, options, "wait_s", 300.0, 0.0, 86400.0),
        asynchronous.rstrip("/") if asynchronous else None,
        options,
    )


def _number(text: str, options: dict[str, str], name: str, default: float, low: float, high: float) -> float:
    given = options.pop(name, None)
    if given is None:
        return default
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise UsageError(
            f"The endpoint {text[:120]!r} has {name}={given[:40]!r}: give a number from {low:g} to {high:g}."
        )
    return value
