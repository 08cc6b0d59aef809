"""What the model server counts, in the text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_IMAGES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """Counters of one server, in a registry of their own. Safe from any thread."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "floodscope_requests", "Requests answered, by HTTP status.", ["status"], registry=self._registry
        )
        self._seconds = Histogram(
            "floodscope_request_seconds",
            "From a request's arrival to its answer.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._model = Histogram(
            "floodscope_model_seconds", "What the model took for a batch.", buckets=_SECONDS, registry=self._registry
        )
        self._batches = Histogram(
            "floodscope_batch_images", "Images that were predicted at once.", buckets=_IMAGES, registry=self._registry
        )
        self._images = Counter("floodscope_images", "Images predicted.", registry=self._registry)
        self._received = Counter("floodscope_received_bytes", "Bytes of request bodies.", registry=self._registry)
        self._sent = Counter("floodscope_sent_bytes", "Bytes of answers.", registry=self._registry)

    def watch(self, name: str, what: str, value: Callable[[], float]) -> None:
        """Show a number that is asked for when the metrics are."""
        Gauge(f"floodscope_{name}", what, registry=self._registry).set_function(value)

    def request(self, status: int, seconds: float, received: int, sent: int) -> None:
        """Take note of an answered request."""
        self._requests.labels(str(status)).inc()
        self._seconds.observe(seconds)
        self._received.inc(received)
        self._sent.inc(sent)

    def batch(self, images: int, seconds: float) -> None:
        """Take note that the model has predicted so many images at once."""
        self._batches.observe(images)
        self._images.inc(images)
        self._model.observe(seconds)

    def text(self) -> bytes:
        """Return all of it."""
        return generate_latest(self._registry)
