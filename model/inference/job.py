"""A job: many chips predicted in the background, with its progress and what it has finished so far."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a job stood at one moment.

    Attributes:
        total: chips of the job.
        skipped: chips that the store already held when the job began.
        done: chips predicted since.
        failed: chips that could not be predicted.
        running: chips are still waited for.
        cancelled: it was cancelled; the chips that were not begun then are neither done nor failed.
        seconds: since it began, until now or its end.
        rate: chips a second, done and failed ones; 0 at the beginning.
        loading: the model's weights are being loaded, and no chip can be predicted before.
    """

    total: int
    skipped: int
    done: int
    failed: int
    running: bool
    cancelled: bool
    seconds: float
    rate: float
    loading: bool = False


class Job:
    """Chips that were handed to the worker together. Safe to use from any thread."""

    def __init__(self, pending: Iterable[str], skipped: int, cancel: Callable[[Job], None]) -> None:
        """Make a job; `InferenceWorker.predict_all` does.

        Args:
            pending: ids of the chips that are to be predicted.
            skipped: number of chips that need not be.
            cancel: takes what is not begun out of the worker's queue, and tells `note_dropped`.
        """
        self.name = uuid.uuid4().hex
        """Its own, in any process: who counts what it has seen of a job says of which."""
        self._lock = threading.Lock()
        self._pending = set(pending)
        self._skipped = skipped
        self._total = len(self._pending) + skipped
        self._completed: list[str] = []
        self._failed: dict[str, str] = {}
        self._unusable: set[str] = set()
        self._cancel = cancel
        self._cancelled = False
        self._loading = False
        self._began = time.monotonic()
        self._ended: float | None = None
        self._over = threading.Event()
        self._end_if_over()

    def snapshot(self) -> Progress:
        """Return the progress, all of one moment."""
        with self._lock:
            seconds = (self._ended or time.monotonic()) - self._began
            ready = len(self._completed) + len(self._failed)
            return Progress(
                total=self._total,
                skipped=self._skipped,
                done=len(self._completed),
                failed=len(self._failed),
                running=bool(self._pending),
                cancelled=self._cancelled,
                seconds=seconds,
                rate=ready / seconds if ready and seconds > 0 else 0.0,
                loading=self._loading and bool(self._pending),
            )

    @property
    def total(self) -> int:
        """Number of chips, those that were skipped included."""
        return self._total

    @property
    def done(self) -> int:
        """Number of chips predicted so far."""
        return self.snapshot().done

    @property
    def running(self) -> bool:
        """Whether chips are still waited for."""
        return not self._over.is_set()

    @property
    def rate(self) -> float:
        """Chips a second so far."""
        return self.snapshot().rate

    @property
    def failed(self) -> dict[str, str]:
        """The chips that could not be predicted, and why, by chip id (a copy)."""
        with self._lock:
            return dict(self._failed)

    @property
    def unusable(self) -> set[str]:
        """The ids of those failed chips whose own files are the reason: no model can predict them (a copy)."""
        with self._lock:
            return set(self._unusable)

    def completed(self, since: int = 0) -> list[str]:
        """Return the ids of the chips predicted so far, in order, from index `since` on.

        Who has seen k of them asks for `completed(k)` and gets what is new.
        """
        with self._lock:
            return self._completed[since:]

    def cancel(self) -> None:
        """Do not begin any other chip. The ones being predicted are finished."""
        with self._lock:
            if not self._pending or self._cancelled:
                return
            self._cancelled = True
        self._cancel(self)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; return whether it has ended."""
        return self._over.wait(timeout)

    def note_loading(self, loading: bool) -> None:
        """Take note that the model is being loaded, or is ready: the clock of the job starts then."""
        with self._lock:
            if self._loading and not loading and self._ended is None:
                self._began = time.monotonic()
            self._loading = loading

    def note_done(self, chip_id: str) -> None:
        """Take note that a chip is predicted and stored."""
        with self._lock:
            if chip_id in self._pending:
                self._pending.remove(chip_id)
                self._completed.append(chip_id)
            self._end_if_over()

    def note_failed(self, chip_id: str, message: str, *, unusable: bool = False) -> None:
        """Take note of why a chip could not be predicted, and whether its own files are the reason."""
        with self._lock:
            if chip_id in self._pending:
                self._pending.remove(chip_id)
                self._failed[chip_id] = message
                if unusable:
                    self._unusable.add(chip_id)
            self._end_if_over()

    def note_dropped(self, chip_ids: Iterable[str]) -> None:
        """Take note that chips were taken out of the queue, which makes the job a cancelled one."""
        with self._lock:
            self._cancelled = True
            self._pending.difference_update(chip_ids)
            self._end_if_over()

    def _end_if_over(self) -> None:
        if not self._pending and self._ended is None:
            self._ended = time.monotonic()
            self._over.set()
