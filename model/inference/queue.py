"""A queue: items that wait, and the threads that take them, the most urgent first and several at once where they go together."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

REST_S = 5.0
"""A thread that finds nothing to do for so long is at rest."""


class WorkQueue(Generic[Item]):
    """What waits for a model. Of one priority the oldest goes first. Methods may be called from any thread.

    Attributes:
        lock: held while items are pushed and taken; it may guard what its user keeps of them too.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], None],
        *,
        accept: Callable[[Item, int], bool],
        fits: Callable[[Item, Item], bool],
        most: Callable[[Item], int],
        passing: bool = False,
        threads: int = 1,
        name: str = "floodscope-queue",
        begin: Callable[[], None] | None = None,
        rest: Callable[[], None] | None = None,
    ) -> None:
        """Make a queue; its threads start with its first item, in the process that pushes it.

        Args:
            work: does what was taken together, in a thread of the queue; it raises nothing.
            accept: called with an item and its priority when its turn has come: whether it is still wanted. The lock is held.
            fits: whether an item (second) can be taken together with the one whose turn it is (first).
            most: how many can be taken together with an item at most, itself included.
            passing: items that fit may pass others that do not.
            threads: how many take items.
            name: what the threads are called.
            begin: called at the start of each.
            rest: called by a thread that has worked and then found nothing to take for REST_S.
        """
        self.lock = threading.Condition()
        self._work, self._accept, self._fits, self._most = work, accept, fits, most
        self._passing = passing
        self._begin, self._rest = begin, rest
        self._heap: list[tuple[int, int, Item]] = []
        self._order = itertools.count()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}" if number else name, daemon=True)
            for number in range(threads)
        ]

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def closed(self) -> bool:
        """Whether `close` was called: nothing is pushed any more."""
        return self._closed

    def push(self, item: Item, priority: int = 0, *, first: bool = False) -> None:
        """Put in an item; one that is in may be put in again with another priority, and `accept` then tells which counts.

        `first` puts it before all others of its priority, as something that is half done.
        """
        with self.lock:
            order = next(self._order)
            heapq.heappush(self._heap, (priority, -order if first else order, item))
            for thread in self._threads:
                if thread.ident is None:
                    thread.start()
            self.lock.notify_all()

    def waiting(self, most: int | None = None) -> list[tuple[int, Item]]:
        """Return the priorities and items that wait, the next first: all, or no more than `most`."""
        with self.lock:
            entries = sorted(self._heap) if most is None else heapq.nsmallest(most, self._heap)
        return [(priority, item) for priority, _, item in entries]

    def close(self, timeout: float | None = None, *, drop: bool = False) -> None:
        """End the threads, when they have done what waits; `drop` lets go of it instead.

        Args:
            timeout: longest wait for each thread, in seconds.
            drop: do only what is being done.
        """
        with self.lock:
            self._closed = True
            if drop:
                self._heap.clear()
            self.lock.notify_all()
        for thread in self._threads:
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(timeout)

    def _run(self) -> None:
        if self._begin is not None:
            self._begin()
        worked = False
        while True:
            with self.lock:
                batch = self._take()
                while not batch and not self._closed:
                    called = self.lock.wait(REST_S if worked else None)
                    batch = self._take()
                    if not called:
                        break
            if batch:
                self._work(batch)
            elif self._closed:
                return
            elif self._rest is not None:
                self._rest()
            worked = bool(batch)

    def _take(self) -> list[Item]:
        """Take the next item, and others that fit. The lock is held."""
        batch: list[Item] = []
        beside: list[tuple[int, int, Item]] = []
        while self._heap and (not batch or len(batch) < self._most(batch[0])):
            entry = heapq.heappop(self._heap)
            if batch and not self._fits(batch[0], entry[2]):
                beside.append(entry)
                if not self._passing:
                    break
            elif self._accept(entry[2], entry[0]):
                batch.append(entry[2])
        for entry in beside:
            heapq.heappush(self._heap, entry)
        return batch
