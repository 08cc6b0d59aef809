"""A model behind a server: loaded in the background, asked through a bounded queue, stopped without losing a request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.predictors.heap import give_back
from model.predictors.local import LocalPredictor, default_threads, usable_cores
from model.serving.batching import Admission, Batcher
from model.serving.inference import (
    Answer,
    Question,
    answer_of,
    input_fn,
    open_model,
    output_fn,
    output_type,
    predict_fn,
    require_channels,
)
from model.serving.log import LOG
from model.serving.metrics import Metrics
from model.serving.settings import MEGABYTE, ServingSettings
from model.wire import JSON, NPY, TIFF, count_images, media_type, negotiate, not_read
from tiles.cache import Budget
from tiles.chip import Chip
from tiles.errors import BusyError, FloodscopeError, TooLargeError
from tiles.grid import Grid

_LARGE = 1 << 22  # pixels of a request
_WARM_UP = 64  # pixels a side


@dataclass(frozen=True)
class Reply:
    """What is sent back for a request that was answered.

    Attributes:
        body: the bytes.
        content_type: their media type.
        images: how many images were predicted.
        model_id: the model that answered.
        notes: what was assumed, converted or left out of the images.
    """

    body: bytes
    content_type: str
    images: int
    model_id: str
    notes: tuple[str, ...] = ()


class ModelService:
    """One model and its queue. Safe from any thread; knows no web framework.

    Args:
        path: the bundle.
        settings: how it is served.

    Raises:
        BundleError: there is no bundle, or its model.json is damaged.
    """

    def __init__(self, path: str | Path, settings: ServingSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.max_bytes = int(settings.max_payload_mb * MEGABYTE)
        self._model = open_model(path, settings)
        waiting = max(self.max_bytes, int(settings.max_waiting_mb * MEGABYTE))
        self._admission = Admission(settings.max_requests, waiting)
        self._room = Budget(settings.max_pixels, "images")
        self._batcher: Batcher | None = None
        self._problem: str | None = None
        self._draining = threading.Event()
        self.metrics.watch("requests_in_progress", "Requests that wait or run.", lambda: self._admission.requests)
        self.metrics.watch("images_waiting", "Images that wait for the model.", self._waiting)
        self.metrics.watch("ready", "1 where the model can answer.", lambda: float(self.not_ready() is None))

    @property
    def model(self) -> LocalPredictor:
        """The model, loaded or not."""
        return self._model

    @property
    def draining(self) -> bool:
        """Whether the server is stopping."""
        return self._draining.is_set()

    def start(self, failed: Callable[[], None] = lambda: None) -> None:
        """Load the model in a thread of its own, and prove that it answers; `failed` is called where it does not."""
        threading.Thread(target=self._start, args=(failed,), name="model-loader", daemon=True).start()

    def not_ready(self) -> str | None:
        """Return why the model cannot answer now, or None."""
        if self._problem is not None:
            return self._problem
        if self.draining:
            return "This server is stopping."
        return None if self._batcher is not None else f"The model {self._model.name} is being loaded."

    def expect(self, content_type: str, accept: str | None, size: int | None) -> None:
        """Refuse what can be refused before a body is read.

        Raises:
            BusyError, MediaTypeError, NotAcceptableError, RequestError, TooLargeError: as `invoke`.
        """
        if (why := self.not_ready()) is not None:
            raise BusyError(f"{why.rstrip('.')}: send the request again later.")
        if media_type(content_type) not in (NPY, TIFF, JSON):
            raise not_read(content_type)
        negotiate(accept)
        if size is not None and size > self.max_bytes:
            raise self.too_large(size)

    def too_large(self, size: int) -> TooLargeError:
        """Return the error of a body of so many bytes, or more."""
        return TooLargeError(
            f"The body has {size:,} bytes or more, {self.max_bytes:,} at most: send fewer images at once, or set "
            "FLOODSCOPE_MAX_PAYLOAD_MB on the server."
        )

    def invoke(
        self, size: int | None, read: Callable[[], bytes], content_type: str, accept: str | None, began: float
    ) -> Reply:
        """Return the reply to a request.

        Args:
            size: bytes of its body, as its header says; None where it does not.
            read: reads the body, once there is room for it.
            content_type, accept: its headers.
            began: when it arrived, on the clock of `time.monotonic`.

        Raises:
            RequestError: with its kinds; what the client must change.
            BusyError: there is no room, the model is not ready, or the server is stopping.
            TimeLimitError, PredictionError, ModelError: the model was too slow, or failed.
        """
        self.expect(content_type, accept, size)
        with self._admission.admit(self.max_bytes if size is None else size):
            received = read()
            images, pixels = count_images(received, content_type)
            if images > self.settings.max_images:
                raise TooLargeError(
                    f"The request holds {images:,} images, {self.settings.max_images:,} at most: send fewer at once, or set "
                    "FLOODSCOPE_MAX_IMAGES on the server."
                )
            ends = began + self.settings.time_limit_s
            with self._room.hold(pixels, ends - time.monotonic()):
                answer = self._answer(received, content_type, ends)
                body = output_fn(answer, accept or NPY)
        return Reply(body, output_type(answer, accept), len(answer.rasters), self._model.model_id, answer.notes)

    def _answer(self, received: bytes, content_type: str, ends: float) -> Answer:
        asked = input_fn(received, content_type)
        if isinstance(asked, list) and sum(chip.valid.size for chip in asked) > _LARGE:
            give_back()  # what reading needed, before the model needs as much
        batcher = self._batcher
        if batcher is None:
            raise BusyError("The model is not ready: send the request again later.")
        if isinstance(asked, Question):
            return predict_fn(asked, self._model)
        require_channels(asked, self._model)
        return answer_of(asked, batcher.predict(asked, ends), self._model)

    def drain(self) -> None:
        """Answer further requests with 503, and go on with those that are here."""
        self._draining.set()
        self._admission.close()

    def _waiting(self) -> float:
        return 0.0 if self._batcher is None else float(self._batcher.waiting)

    def _start(self, failed: Callable[[], None]) -> None:
        began = time.perf_counter()
        try:
            self._model.load()
            self._model.predict([_warm_up(self._model)])
        except Exception as error:
            known = isinstance(error, FloodscopeError)
            self._problem = str(error) if known else f"The model cannot be loaded: {type(error).__name__}: {error}"
            LOG.error(self._problem, exc_info=not known)
            failed()
            return
        workers = self.settings.workers or self._default_workers()
        self._batcher = Batcher(self._model, workers, self.metrics)
        LOG.info(
            "ready",
            extra={
                "fields": {
                    "model": self._model.name,
                    "id": self._model.model_id,
                    "device": self._model.device,
                    "workers": workers,
                    "seconds": round(time.perf_counter() - began, 3),
                }
            },
        )

    def _default_workers(self) -> int:
        if self._model.device != "cpu":
            return 1
        return max(1, usable_cores() // (self.settings.threads or default_threads()))


def _warm_up(model: LocalPredictor) -> Chip:
    """Return a small image with every channel: dark water in brighter land."""
    grid = Grid.unplaced(_WARM_UP, _WARM_UP)
    vh = np.full(grid.shape, -16.0, np.float32)
    vh[16:48, 16:48] = -26.0
    zero = np.zeros(grid.shape, np.float32)
    return Chip(
        "warm-up", vh + np.float32(7), vh, np.ones(grid.shape, bool), None, grid, elevation=zero, permanent_water=zero
    )
