"""The endpoints on offer beside the local models: whether each answers, and how quickly.

No endpoint slows the page: it is checked in a thread of its own, and predicts in a queue of its own (`model.inference`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypedDict

from model.predictors.endpoint import EndpointPredictor, NotNowError
from model.predictors.endpoint_spec import is_endpoint
from model.predictors.select import open_endpoint
from tiles.errors import FloodscopeError
from tiles.sentences import Sentence

RECHECK_S = 1.0
"""A URL's status is asked again when it is older, while a page is open. SageMaker, which bills, only when it is chosen."""
AT_ONCE_S = 0.5
"""Who asks for all statuses waits so long for those being checked: one that answers, or is not there, is told as it is."""
SLOW_S = 2.0
"""An endpoint that was ready, and has not said so again for so long after it was asked, is not told as ready any more."""
CHOICE_WAIT_S = 1.5
"""Who chooses an endpoint waits so long for its status; the page is told later of one that is slower."""


class EndpointStatus(TypedDict):
    """What is known of an endpoint: `state` is unchecked, busy, ready or error; `message` says why, and `short` in two words."""

    endpoint: str
    label: str
    state: str
    message: str | None
    short: str
    latency_s: float | None
    name: str
    id: str
    threshold: float
    device: str


@dataclass
class _Endpoint:
    """One endpoint: its predictor, and what its latest check said."""

    predictor: EndpointPredictor
    state: str = "unchecked"
    message: str | None = None
    short: str = ""
    latency_s: float | None = None
    checked: float | None = None
    checking: threading.Event | None = None
    asked: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Endpoints:
    """The endpoints among some models. Nothing is sent before `statuses` or `choose` is called; safe from any thread.

    Args:
        specs: the models on offer; those that are no endpoints are left out.
    """

    def __init__(self, specs: Iterable[str]) -> None:
        self._endpoints = {spec: _Endpoint(open_endpoint(spec)) for spec in specs if is_endpoint(spec)}

    def __contains__(self, spec: str) -> bool:
        return spec in self._endpoints

    def predictor(self, spec: str) -> EndpointPredictor | None:
        """Return an endpoint's predictor, None where that model is no endpoint."""
        return self._endpoints[spec].predictor if spec in self else None

    def statuses(self) -> list[EndpointStatus]:
        """Return every endpoint's status as it is known now; URLs whose status is old are checked, and waited for a moment."""
        until = time.monotonic() + AT_ONCE_S
        checks = []
        for endpoint in self._endpoints.values():
            old = endpoint.checked is None or time.monotonic() - endpoint.checked > RECHECK_S
            if old and endpoint.predictor.spec.kind == "http":
                checks.append(self._check(endpoint))
        for check in checks:
            check.wait(max(0.0, until - time.monotonic()))
        return [self._status(spec) for spec in self._endpoints]

    def choose(self, spec: str) -> EndpointStatus | None:
        """Check an endpoint that was chosen, and return its status; None where that model is no endpoint."""
        endpoint = self._endpoints.get(spec)
        if endpoint is None:
            return None
        if endpoint.predictor.spec.asynchronous is None:  # one of these may have to be started first, for minutes
            self._check(endpoint).wait(CHOICE_WAIT_S)
        status = self._status(spec)
        if status["state"] == "unchecked":
            status["state"] = "ready"
        return status

    def _check(self, endpoint: _Endpoint) -> threading.Event:
        with endpoint.lock:
            if endpoint.checking is None:
                endpoint.checking, endpoint.asked = threading.Event(), time.monotonic()
                args = (endpoint, endpoint.checking)
                threading.Thread(target=self._ask, args=args, name="endpoint-check", daemon=True).start()
            return endpoint.checking

    def _ask(self, endpoint: _Endpoint, done: threading.Event) -> None:
        latency_s, message, short = None, None, ""
        try:
            latency_s = endpoint.predictor.check()
        except FloodscopeError as error:
            message, short = str(error), "not ready" if isinstance(error, NotNowError) else "not reachable"
        except Exception as error:  # a status is never worth a thread that dies unheard
            short = "not usable"
            message = Sentence.foreign(
                f"{endpoint.predictor.name} could not be checked ({type(error).__name__}: {error})."
            )
        with endpoint.lock:
            endpoint.state = "ready" if message is None else "error"
            endpoint.message, endpoint.short, endpoint.latency_s = message, short, latency_s
            endpoint.checked, endpoint.checking = time.monotonic(), None
        done.set()

    def _status(self, spec: str) -> EndpointStatus:
        endpoint = self._endpoints[spec]
        predictor = endpoint.predictor
        with endpoint.lock:
            state, message = endpoint.state, endpoint.message
            slow = state == "ready" and time.monotonic() - endpoint.asked > SLOW_S
            if endpoint.checking is not None and (endpoint.checked is None or slow):
                state, message = "busy", f"Asking {predictor.name} …"
            return {
                "endpoint": spec,
                "label": predictor.spec.label,
                "state": state,
                "message": message,
                "short": endpoint.short,
                "latency_s": endpoint.latency_s,
                "name": predictor.name,
                "id": predictor.model_id,
                "threshold": predictor.threshold,
                "device": predictor.device,
            }
