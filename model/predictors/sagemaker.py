"""An endpoint of Amazon SageMaker, through boto3 alone; a client is made when the endpoint is first asked."""

from __future__ import annotations

import threading
from typing import Any

from model.predictors.endpoint import EndpointPredictor, Received
from model.predictors.endpoint_spec import EndpointSpec
from model.predictors.sagemaker_async import AsyncTransport
from model.predictors.sagemaker_client import explain, make_client


class SageMakerTransport:
    """Invokes an endpoint, once a request: boto3 would send it again after a read timeout, and the model work twice."""

    def __init__(self, spec: EndpointSpec) -> None:
        self._spec = spec
        self._lock = threading.Lock()
        self._client: Any = None

    def send(self, body: bytes, content_type: str, accept: str) -> Received:
        """Return the answer to one request; see `Transport`."""
        further = {"InferenceComponentName": c} if (c := self._spec.options.get("component")) else {}
        try:
            answer = self._runtime().invoke_endpoint(
                EndpointName=self._spec.target, Body=body, ContentType=content_type, Accept=accept, **further
            )
            content = answer["Body"].read()
        except Exception as error:
            raise explain(self._spec, error) from error
        return Received(content, answer.get("CustomAttributes", ""))

    def _runtime(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = make_client(self._spec, "sagemaker-runtime")
            return self._client


def open_sagemaker(spec: EndpointSpec) -> EndpointPredictor:
    """Return the predictor of a SageMaker endpoint; nothing of AWS is imported before it is asked."""
    if spec.asynchronous is not None:
        return EndpointPredictor(spec, AsyncTransport(spec))
    return EndpointPredictor(spec, SageMakerTransport(spec))
