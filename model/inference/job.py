"""A job: work in the background that is done unit by unit, with its progress, its failures and what it has finished so far."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self, TypeVar

from model.inference.ahead import be_nice
from tiles.errors import FloodscopeError, Problem
from tiles.sentences import Sentence

Item = TypeVar("Item")


class JobCancelledError(FloodscopeError):
    """Work was given up, since its job was cancelled."""


@dataclass(frozen=True)
class Progress:
    """Where a job stood at one moment.

    Attributes:
        total: units of the job, or of its present stage.
        skipped: units that were there already when the job began.
        done: units done since.
        failed: units that could not be done.
        running: it is not at its end.
        cancelled: it was cancelled; the units that were not begun then are neither done nor failed.
        seconds: since it began, until now or its end.
        rate: units a second, done and failed ones; 0 at the beginning.
        loading: the model's weights are being loaded, and no unit can be done before.
        stage: what is being done, where a job does one thing after another.
        message: why the job as a whole failed; empty where it did not.
        parts: how many more steps there are than units, since some are done in parts: scenes, window by window.
        parts_ready: of those.
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
    stage: str = ""
    message: str = ""
    parts: int = 0
    parts_ready: int = 0

    @property
    def steps(self) -> int:
        """Units, and of those that are done in parts, the windows of scenes, each part."""
        return self.total + self.parts

    @property
    def steps_ready(self) -> int:
        """How many of the steps need not be waited for any more."""
        return self.ready + self.parts_ready

    @property
    def ready(self) -> int:
        """Units that need not be waited for any more."""
        return self.skipped + self.done + self.failed

    @property
    def state(self) -> str:
        """The stage while the job runs, then how it ended: done, failed or cancelled."""
        return self.stage if self.running else "failed" if self.message else "cancelled" if self.cancelled else "done"


class Job:
    """Units of work that belong together, each by a name: chips, windows of a scene, files. Safe to use from any thread.

    A job of a queue (`InferenceWorker.predict_all`) ends with its last unit. One with a thread of its own (`start`) may have
    several stages, and ends with its thread.
    """

    def __init__(
        self, pending: Iterable[str] = (), skipped: int = 0, cancel: Callable[[Job], None] | None = None
    ) -> None:
        """Make a job that ends with its last unit.

        Args:
            pending: names of the units that are to be done.
            skipped: number of units that need not be.
            cancel: takes what is not begun out of a queue, and tells `note_dropped`.
        """
        self.name = uuid.uuid4().hex
        """Its own, in any process, and guessed by nobody: who counts what it has seen of a job says of which."""
        self._lock = threading.Lock()
        self._pending = dict.fromkeys(pending)
        self._skipped = skipped
        self._total = len(self._pending) + skipped
        self._completed: list[str] = []
        self._reached = 0
        self._failed: dict[str, Problem] = {}
        self._parts: dict[str, tuple[int, int]] = {}
        self._cancel = cancel
        self._cancelled = False
        self._loading = False
        self._stage = self._message = ""
        self._began = time.monotonic()
        self.ended: float | None = None
        """When it ended, by the monotonic clock; None while it runs."""
        self._over = threading.Event()
        self._has_thread = False
        self._end_if_over()

    def start(self, work: Callable[[], None], thread: str, stage: str = "") -> None:
        """Do the job in a thread of its own, which gives way to all others.

        Args:
            work: does it, and tells the job how far it is; the job ends when it returns. A FloodscopeError that it raises is
                why the job failed; a job that is cancelled it leaves by the error of `require_wanted`.
            thread: what the thread is called.
            stage: what is done first.
        """
        self.ended, self._stage, self._has_thread = None, stage, True
        self._over.clear()
        threading.Thread(target=self._run, args=(work,), name=thread, daemon=True).start()

    @classmethod
    def of_each(
        cls, items: Iterable[Item], name_of: Callable[[Item], str], do: Callable[[Item], None], thread: str
    ) -> Self:
        """Begin to do something with each of some items in a thread; a FloodscopeError fails one and stops no other."""
        named = {name_of(item): item for item in items}
        job = cls(named)

        def work() -> None:
            for name in job.each(named):
                try:
                    do(named[name])
                except FloodscopeError as error:
                    job.note_failed(name, error)

        job.start(work, thread)
        return job

    def _run(self, work: Callable[[], None]) -> None:
        be_nice()
        message = ""
        try:
            work()
        except JobCancelledError:
            pass
        except FloodscopeError as error:
            message = str(error)
        except Exception as error:  # a thread of its own: nobody else would tell
            message = Sentence.foreign(f"{type(error).__name__}: {error} (a defect of floodscope)")
        with self._lock:
            self._has_thread, self._message = False, message
            self._pending.clear()
            self._end_if_over()

    def snapshot(self) -> Progress:
        """Return the progress, all of one moment."""
        with self._lock:
            seconds = (self.ended or time.monotonic()) - self._began
            done = max(self._reached, len(self._completed))
            ready = done + len(self._failed)
            return Progress(
                total=self._total,
                skipped=self._skipped,
                done=done,
                failed=len(self._failed),
                running=self.running,
                cancelled=self._cancelled,
                seconds=seconds,
                rate=ready / seconds if ready and seconds > 0 else 0.0,
                loading=self._loading and bool(self._pending),
                stage=self._stage,
                message=self._message,
                parts=sum(total - 1 for _, total in self._parts.values()),
                parts_ready=sum(
                    min(done, total - 1) if name in self._pending else total - 1
                    for name, (done, total) in self._parts.items()
                ),
            )

    @property
    def running(self) -> bool:
        """Whether it is not at its end."""
        return not self._over.is_set()

    @property
    def failed(self) -> dict[str, Problem]:
        """The units that could not be done, by name (a copy)."""
        with self._lock:
            return dict(self._failed)

    def completed(self, since: int = 0) -> list[str]:
        """Return the names of the units done so far, in order, from index `since` on.

        Who has seen k of them asks for `completed(k)` and gets what is new.
        """
        with self._lock:
            return self._completed[since:]

    def cancel(self) -> None:
        """Do not begin any other unit. The ones that are being done are finished."""
        with self._lock:
            if self._cancelled or not self.running:
                return
            self._cancelled = True
        if self._cancel is not None:
            self._cancel(self)

    def require_wanted(self) -> None:
        """Raise JobCancelledError if the job was cancelled."""
        if self._cancelled:
            raise JobCancelledError("The job was cancelled.")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; return whether it has ended."""
        return self._over.wait(timeout)

    def each(self, units: Iterable[str], stage: str = "") -> Iterator[str]:
        """Give the units of a stage one after another; one is done when the next is asked for, if it has not failed.

        Raises:
            JobCancelledError: before a unit, if the job was cancelled.
        """
        names = list(units)
        self.begin(stage, names)
        for name in names:
            self.require_wanted()
            yield name
            self.note_done(name)

    def begin(self, stage: str, pending: Iterable[str]) -> None:
        """Go on to another stage, and count its units from now on."""
        with self._lock:
            self._stage, self._pending, self._completed, self._reached = stage, dict.fromkeys(pending), [], 0
            self._total = len(self._pending)

    def reach(self, done: int, total: int) -> None:
        """Take note of how many units of the present stage are done, where they are counted and not named.

        Raises:
            JobCancelledError: the job was cancelled.
        """
        with self._lock:
            self._reached, self._total = done, total
        self.require_wanted()

    def note_loading(self, loading: bool) -> None:
        """Take note that the model is being loaded, or is ready: the clock of the job starts then."""
        with self._lock:
            if self._loading and not loading and self.ended is None:
                self._began = time.monotonic()
            self._loading = loading

    def note_parts(self, name: str, done: int, total: int) -> None:
        """Take note of how many of the parts of a unit are done, such as the windows of a scene."""
        with self._lock:
            self._parts[name] = done, total

    def note_done(self, name: str) -> None:
        """Take note that a unit is done."""
        with self._lock:
            if name in self._pending:
                del self._pending[name]
                self._completed.append(name)
            self._end_if_over()

    def note_failed(self, name: str, error: FloodscopeError) -> None:
        """Take note of why a unit could not be done."""
        with self._lock:
            if name in self._pending:
                del self._pending[name]
                self._failed[name] = Problem.of(error, name)
            self._end_if_over()

    def note_dropped(self, names: Iterable[str]) -> None:
        """Take note that units were taken out of a queue, which makes the job a cancelled one."""
        with self._lock:
            self._cancelled = True
            for name in names:
                self._pending.pop(name, None)
            self._end_if_over()

    def _end_if_over(self) -> None:
        if not self._pending and not self._has_thread and self.ended is None:
            self.ended = time.monotonic()
            self._over.set()
