"""What is made ready before the inference thread needs it, in threads of its own: chips are read, models are loaded."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from model.predictors.apart import NICENESS
from model.predictors.protocol import Predictor
from tiles.chip import Chip, ChipRecord
from tiles.reading.door import read_chip, require_data


@dataclass(frozen=True)
class LoadedChip:
    """A chip in memory, and the revision its files had before they were read."""

    chip: Chip
    revision: str


def load_chip(record: ChipRecord) -> LoadedChip:
    """Read a chip that is to be predicted.

    Raises:
        ChipError: it cannot be read, or has no valid pixel (NoValidPixelError).
    """
    revision = record.now().revision()
    return LoadedChip(require_data(read_chip(record)), revision)


class OfChip(Protocol):
    """Something to be done with one chip."""

    @property
    def record(self) -> ChipRecord:
        """The chip."""
        ...


class ReadAhead:
    """Reads the chips that come next in a second thread, and keeps no more than those."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chips: dict[OfChip, Future[LoadedChip]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="floodscope-reader", initializer=be_nice)

    def expect(self, now: Iterable[OfChip], following: Iterable[OfChip]) -> None:
        """Begin to read the following tasks' chips, and forget those that are neither due now nor following."""
        following = list(following)
        wanted = {*now, *following}
        with self._lock:
            for task in [task for task in self._chips if task not in wanted]:
                self._chips.pop(task).cancel()
            with contextlib.suppress(RuntimeError):  # the pool is closed, or Python is ending
                for task in following:
                    if task not in self._chips:
                        self._chips[task] = self._pool.submit(load_chip, task.record)

    def load(self, task: OfChip) -> LoadedChip:
        """Return a task's chip, read ahead or now."""
        with self._lock:
            ahead = self._chips.pop(task, None)
        if ahead is None or ahead.cancel():  # not begun: read it here rather than wait for the others
            return load_chip(task.record)
        return ahead.result()

    def close(self) -> None:
        """Let go of all chips and of the thread."""
        with self._lock:
            self._chips.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)


class NextWindow:
    """Has the window of a scene that comes next read in another thread, while a model is at the one before. One is kept."""

    def __init__(self, read: Callable[[int], Chip]) -> None:
        """Make it; called by one thread at a time.

        Args:
            read: gives a window by its number.
        """
        self._read = read
        self._ahead: tuple[int, Future[Chip]] | None = None

    def take(self, number: int, following: int | None) -> Chip:
        """Return a window, read ahead or now, and begin to read the one that follows; raises what reading raises."""
        ahead, self._ahead = self._ahead, None
        chip = ahead[1].result() if ahead is not None and ahead[0] == number else self._read(number)
        if following is not None:
            self._begin(following)
        return chip

    def _begin(self, number: int) -> None:
        """Read a window in a thread that ends with it: it waits for nobody, so a process that ends may wait for it."""
        coming: Future[Chip] = Future()

        def read() -> None:
            be_nice()
            try:
                coming.set_result(self._read(number))
            except BaseException as error:  # it is raised when its turn comes
                coming.set_exception(error)

        with contextlib.suppress(RuntimeError):  # there can be no more threads: it is read in its turn
            threading.Thread(target=read, name="floodscope-window").start()
            self._ahead = (number, coming)


class ModelLoader:
    """Loads models, each in a thread of its own, so that chips of a model that is ready wait for no other's weights."""

    def __init__(self, then: Callable[[Predictor, BaseException | None], None]) -> None:
        """Make a loader.

        Args:
            then: told in the loading thread that a model is ready, or what went wrong.
        """
        self._then = then
        self._lock = threading.Lock()
        self._begun: set[Predictor] = set()
        self._ready: set[Predictor] = set()

    def ready(self, predictor: Predictor) -> bool:
        """Return whether a model can predict at once."""
        return not predictor.needs_loading or predictor in self._ready

    def begin(self, predictor: Predictor) -> None:
        """Load a model; nothing where that is under way or done. One that failed is tried again."""
        with self._lock:
            if self.ready(predictor) or predictor in self._begun:
                return
            self._begun.add(predictor)
        threading.Thread(target=self._load, args=(predictor,), name="model-loader", daemon=True).start()

    def _load(self, predictor: Predictor) -> None:
        be_nice()
        problem: BaseException | None = None
        try:
            predictor.load()
        except BaseException as error:  # whatever a model raises, those that wait for it must hear of it
            problem = error
        with self._lock:
            self._begun.discard(predictor)
            if problem is None and predictor.needs_loading:  # it does not tell by itself that it is ready
                self._ready.add(predictor)
        self._then(predictor, problem)


def be_nice() -> None:
    """Let other threads go first. On Linux niceness belongs to a thread; elsewhere it would slow the whole process."""
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        with contextlib.suppress(OSError):
            me = (os.PRIO_PROCESS, threading.get_native_id())
            os.setpriority(*me, max(NICENESS, os.getpriority(*me)))
