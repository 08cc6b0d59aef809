"""An endpoint at a URL: floodscope's own model server, or any that speaks as it does."""

from __future__ import annotations

import json
import os
from typing import Any

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from model.predictors.endpoint import EndpointPredictor, NotNowError, Received, RefusedError
from model.predictors.endpoint_spec import EndpointSpec
from tiles.errors import EndpointError, UsageError
from tiles.sentences import shown

CONNECT_TIMEOUT_S = 5.0
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_MAX_ANSWER = 1 << 30


class HttpTransport:
    """Sends requests to a URL, once each. Nothing is read from the environment but the token that the spec names."""

    def __init__(self, spec: EndpointSpec) -> None:
        self._spec = spec
        self._headers: dict[str, str] = {}
        if variable := spec.options.get("token_env"):
            token = os.environ.get(variable)
            if not token:
                raise UsageError(f"{spec.label} wants its token from {variable}, which is not set: set it.")
            self._headers["Authorization"] = f"Bearer {token}"
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=4, retries=False)

    def send(self, body: bytes, content_type: str, accept: str) -> Received:
        """Return the answer to one request; see `Transport`."""
        where = self._spec.label
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=self._spec.timeout_s)
        headers = {**self._headers, "Content-Type": content_type, "Accept": accept}
        try:
            response = self._pool.request(
                "POST",
                self._spec.target,
                body=body,
                headers=headers,
                timeout=timeout,
                retries=False,
                preload_content=False,
            )
            try:
                content = response.read(_MAX_ANSWER)
            finally:
                response.release_conn()
        except ReadTimeoutError:
            raise EndpointError(
                f"{where} has not answered within {self._spec.timeout_s:g} s, and was not asked a second time: send smaller "
                "chips, raise timeout_s, or look at its log."
            ) from None
        except (NameResolutionError, NewConnectionError, ConnectTimeoutError, SSLError) as error:
            raise unreachable(where, self._spec.target, error) from None
        except HTTPError as error:
            raise EndpointError(
                f"{where} has closed the connection in place of an answer ({type(error).__name__}): look at its log, then try "
                "again."
            ) from None
        if response.status == 200:
            return Received(content, response.headers.get(_ATTRIBUTES, ""))
        raise _error(where, response.status, content, response.headers.get("Retry-After"))


def open_http(spec: EndpointSpec) -> EndpointPredictor:
    """Return the predictor of a URL.

    Raises:
        UsageError: the token that it wants is not set.
    """
    return EndpointPredictor(spec, HttpTransport(spec))


def unreachable(where: str, target: str, error: object) -> EndpointError:
    """Return the error of an endpoint that takes no connection."""
    if isinstance(error, NameResolutionError):
        why, remedy = "its name is not known", "check the address"
    elif isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
        why, remedy = f"no connection within {CONNECT_TIMEOUT_S:g} s", "check the address and the firewall"
    elif isinstance(error, SSLError):
        why, remedy = f"no secure connection: {shown(str(error))[:120]}", "check its certificate, or use http://"
    else:
        why, remedy = "nobody listens there", "start it (floodscope serve), or check the address"
    return EndpointError(f"{where} is not reachable at {target} ({why}): {remedy}.")


def _error(where: str, status: int, content: bytes, retry_after: str | None) -> EndpointError:
    """Return the error that a status other than 200 means."""
    original, said = unwrap(status, content)
    if original in (429, 503):
        what = "is asked too often" if original == 429 else "is not ready or has too much to do"
        return NotNowError(f"{where} {what}: {said}", _seconds(retry_after))
    return refusal(where, original, said)


# What a status means and what to do; {said} is what the endpoint says of it.
_REFUSALS = {
    400: "does not take this request (400): {said}",
    401: "denies access (401): check the token (#token_env=NAME) and its rights.",
    403: "denies access (403): check the token (#token_env=NAME) and its rights.",
    404: "has no model at this path (404): give the URL that ends in /invocations.",
    405: "has no model at this path (405): give the URL that ends in /invocations.",
    406: "does not take this request (406): {said}",
    413: "takes no request of this size (413): lower max_payload_mb. It says: {said}",
    415: "does not take this request (415): {said}",
    422: "does not take this request (422): {said}",
    504: "was too slow for its own time limit (504): send smaller chips. It says: {said}",
}
# These say that the request is not understood: whoever answers so may be another's handler.
_NOT_UNDERSTOOD = (400, 406, 415, 422)


def refusal(where: str, status: int, said: str) -> EndpointError:
    """Return the error of a status that asking again does not change."""
    text = _REFUSALS.get(status)
    if text is None and 300 <= status < 400:
        text = f"answers with a redirect ({status}), which is not followed: give the final URL."
    if text is None:
        text = f"has failed ({status}): {{said}} Its log says more."
    message = f"{where} {text.replace('{said}', said)}"
    return RefusedError(message) if status in _NOT_UNDERSTOOD else EndpointError(message)


def unwrap(status: int, content: bytes) -> tuple[int, str]:
    """Return the status and sentence of an error's body; of a container behind an endpoint, its own."""
    text = content[:4000].decode("utf-8", "replace")
    raw = _json(text)
    if status == 424 and isinstance(raw.get("OriginalStatusCode"), int):
        status, text = raw["OriginalStatusCode"], str(raw.get("OriginalMessage", ""))
        raw = _json(text)
    said = raw.get("message") or raw.get("Message") or text
    said = " ".join(shown(str(said)).split())[:300] or "it says nothing."
    return status, said if said.endswith((".", "!", "?")) else f"{said}."


def _json(text: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
