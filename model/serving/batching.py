"""The queue of the model server: bounded, and emptied by few threads that hand the model as many images as it takes at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.inference.queue import WorkQueue
from model.predictors.protocol import Predictor
from tiles.chip import Chip
from tiles.errors import BusyError, FloodscopeError, PredictionError, TimeLimitError, TooLargeError

ByteArray = npt.NDArray[np.uint8]


class Watcher(Protocol):
    """Told of what the model does, for the metrics."""

    def batch(self, images: int, seconds: float) -> None:
        """Take note that the model has predicted so many images at once."""
        ...


class Admission:
    """Lets in no more requests, and no more bytes of them, than memory is meant for. Safe from any thread.

    Args:
        max_requests: at once.
        max_bytes: of all their bodies at once.
    """

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._free_requests, self._free_bytes = max_requests, max_bytes
        self._max_bytes = max_bytes
        self._closed = False
        self.requests = 0

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Hold a place for a request with a body of so many bytes.

        Raises:
            BusyError: there is none, or `close` was called.
            TooLargeError: there never is one for so many bytes.
        """
        with self._lock:
            if self._closed:
                raise BusyError("This server is stopping: send the request to another one, or again later.")
            if size > self._max_bytes:
                raise TooLargeError(
                    f"The body of {size:,} bytes is above the {self._max_bytes:,} that this server keeps at once."
                )
            if not self._free_requests or size > self._free_bytes:
                raise BusyError(
                    f"This server already works on {self.requests} requests: send this one again a little later."
                )
            self._free_requests -= 1
            self._free_bytes -= size
            self.requests += 1
        try:
            yield
        finally:
            with self._lock:
                self._free_requests += 1
                self._free_bytes += size
                self.requests -= 1

    def close(self) -> None:
        """Let no further request in."""
        with self._lock:
            self._closed = True


@dataclass(eq=False)
class _Entry:
    chip: Chip
    deadline: float
    future: Future[ByteArray] = field(default_factory=Future)


class Batcher:
    """Predicts images of concurrent requests together.

    Nothing waits for a batch to fill: while the model runs, images gather, and the next batch is what has gathered, of
    one shape, as many as the model takes at once. A batch that fails is predicted again one by one, so that one request
    cannot fail another.

    Args:
        model: its `batch_size` is how many images it takes at once.
        workers: threads that run the model.
        watcher: told of each batch.
    """

    def __init__(self, model: Predictor, workers: int = 1, watcher: Watcher | None = None) -> None:
        self._model = model
        self._watcher = watcher
        self._queue = WorkQueue[_Entry](
            self._predict,
            accept=_accept,
            fits=lambda first, other: first.chip.valid.shape == other.chip.valid.shape,
            most=lambda _: model.batch_size,
            passing=True,
            threads=max(1, workers),
            name="model",
        )

    @property
    def waiting(self) -> int:
        """Images that wait for the model."""
        return len(self._queue)

    def predict(self, chips: Sequence[Chip], deadline: float) -> list[ByteArray]:
        """Return the probability rasters of some images, in order; waits for them.

        Args:
            chips: the images of one request.
            deadline: on the clock of `time.monotonic`; what the model has not begun then is dropped.

        Raises:
            TimeLimitError: the deadline has come while the model worked on them.
            BusyError: it has come before the model began.
            PredictionError, ModelError: the model failed.
        """
        entries = [_Entry(chip, deadline) for chip in chips]
        with self._queue.lock:
            if self._queue.closed:
                raise BusyError("This server is stopping: send the request to another one, or again later.")
            for entry in entries:
                self._queue.push(entry)
        try:
            return [entry.future.result(max(0.0, deadline - time.monotonic())) for entry in entries]
        except (TimeoutError, CancelledError):
            late = all(entry.future.cancelled() or entry.future.cancel() for entry in entries)
            raise _too_late(len(entries), begun=not late) from None
        finally:
            for entry in entries:  # one has failed or come too late: nobody waits for the others
                entry.future.cancel()

    def close(self) -> None:
        """Predict what waits, and end the threads."""
        self._queue.close()

    def _predict(self, batch: list[_Entry]) -> None:
        began = time.perf_counter()
        try:
            rasters = self._model.predict([entry.chip for entry in batch])
        except (
            BaseException
        ) as error:  # whatever the model raises, the thread must live and the requests must hear of it
            if len(batch) > 1:
                for entry in batch:
                    self._predict([entry])
            elif isinstance(error, FloodscopeError):
                batch[0].future.set_exception(error)
            else:
                batch[0].future.set_exception(PredictionError(f"The model failed: {type(error).__name__}: {error}"))
            return
        if self._watcher is not None:
            self._watcher.batch(len(batch), time.perf_counter() - began)
        for entry, raster in zip(batch, rasters, strict=True):
            entry.future.set_result(raster)


def _accept(entry: _Entry, _: int) -> bool:
    """Return whether the model begins an image: its request still waits, and has time left."""
    if entry.deadline > time.monotonic() and entry.future.set_running_or_notify_cancel():
        return True
    entry.future.cancel()
    return False


def _too_late(images: int, *, begun: bool) -> FloodscopeError:
    if begun:
        return TimeLimitError(
            f"The model could not predict {images} image(s) in the time that a request has: send fewer or smaller ones at once."
        )
    return BusyError("The model had other requests to answer for all the time that this one had: send it again later.")
