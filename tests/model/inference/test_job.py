"""Jobs count units, whatever they are, and queues hand over what goes together.

Without this file a job could end too early, or never, where its units are no chips.
"""

from __future__ import annotations

import threading

import pytest

from model.inference.job import Job, JobCancelledError
from model.inference.queue import WorkQueue
from tests.waiting import PATIENCE_S
from tiles.errors import ChipError, Choice, StoreError, UnitError


def test_windows_are_units_as_chips_are() -> None:
    windows = [f"scene {row}/{column}" for row in range(2) for column in range(3)]
    job = Job(windows, skipped=2)
    for window in windows[:3]:
        job.note_done(window)
    job.note_failed(windows[3], StoreError("The disk is full: free some space."))
    job.note_done(windows[3])  # it has failed: that counts
    job.note_done("scene 9/9")  # of another job
    progress = job.snapshot()
    assert (progress.total, progress.skipped, progress.done, progress.failed, progress.ready) == (8, 2, 3, 1, 6)
    assert progress.running and not job.wait(0)
    job.note_dropped(windows[4:])
    assert job.wait(0) and job.snapshot().state == "cancelled"
    assert job.completed(1) == windows[1:3]


def test_a_failure_says_what_it_is_of_and_what_would_help() -> None:
    choice = Choice("Linear power: convert and add", "units", "linear")
    job = Job(["a", "b"])
    job.note_failed("a", UnitError("{file} is not in dB.", chip="x", file="/data/x.tif").offering(choice))
    job.note_failed("b", StoreError("The disk is full: free some space."))
    a, b = job.failed["a"], job.failed["b"]
    assert (a.name, a.unusable, a.choices, b.unusable, b.choices) == ("a", True, (choice,), False, ())
    assert a.message.calling(lambda path: "your file") == "your file is not in dB."  # type: ignore[attr-defined]


def test_a_job_of_several_stages_counts_each_and_ends_with_its_thread() -> None:
    at, go = threading.Barrier(2, timeout=PATIENCE_S), threading.Barrier(2, timeout=PATIENCE_S)
    job = Job(["a", "b"])

    def stop() -> None:
        at.wait()
        go.wait()

    def work() -> None:
        for _ in job.each(["a", "b"], "reading"):
            stop()
        job.begin("writing", ["x"])
        job.reach(5, 9)
        stop()

    job.start(work, "test", "reading")
    seen = []
    for _ in range(3):
        at.wait()
        progress = job.snapshot()
        seen.append((progress.state, progress.done, progress.total, progress.running))
        go.wait()
    assert seen == [("reading", 0, 2, True), ("reading", 1, 2, True), ("writing", 5, 9, True)]
    assert job.wait(PATIENCE_S)
    assert (job.snapshot().state, job.ended is not None) == ("done", True)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (StoreError("The disk is full: free some space."), "The disk is full: free some space."),
        (ValueError("odd"), "ValueError: odd (a defect of floodscope)"),
    ],
)
def test_a_job_whose_thread_fails_says_why(error: Exception, message: str) -> None:
    job = Job(["a"])

    def work() -> None:
        raise error

    job.start(work, "test")
    assert job.wait(PATIENCE_S)
    assert (job.snapshot().state, job.snapshot().message) == ("failed", message)


def test_one_item_that_fails_stops_no_other_and_a_cancelled_job_begins_none() -> None:
    began, go = threading.Event(), threading.Event()

    def do(number: int) -> None:
        if number == 1:
            raise ChipError("1.tif is empty.")
        if number == 2:
            began.set()
            assert go.wait(PATIENCE_S)

    job = Job.of_each(range(5), str, do, "test")
    assert began.wait(PATIENCE_S)
    job.cancel()
    assert job.running, "what is being done is finished"
    go.set()
    assert job.wait(PATIENCE_S)
    assert (job.completed(), [problem.message for problem in job.failed.values()]) == (["0", "2"], ["1.tif is empty."])
    assert job.snapshot().state == "cancelled"
    with pytest.raises(JobCancelledError):
        job.reach(1, 2)
    assert Job.of_each([], str, do, "test").wait(PATIENCE_S)


@pytest.mark.parametrize(
    ("passing", "expected"), [(True, [[9], [1, 3, 5], [2, 4]]), (False, [[9], [1], [2], [3], [4], [5]])]
)
def test_a_queue_hands_over_the_urgent_first_and_together_what_fits(passing: bool, expected: list[list[int]]) -> None:
    taken: list[list[int]] = []
    begun, go = threading.Event(), threading.Event()

    def work(batch: list[int]) -> None:
        if batch == [0]:
            begun.set()
            assert go.wait(PATIENCE_S)
        else:
            taken.append(batch)

    queue = WorkQueue[int](
        work,
        accept=lambda item, _: item != 7,
        fits=lambda first, other: first % 2 == other % 2,
        most=lambda first: 3 if first < 9 else 1,
        passing=passing,
    )
    queue.push(0)
    assert begun.wait(PATIENCE_S)
    for item in (1, 2, 7, 3, 4, 5):
        queue.push(item, 5)
    queue.push(9, 1)
    assert queue.waiting(1) == [(1, 9)] and len(queue) == 7
    go.set()
    queue.close()
    assert taken == expected


def test_a_queue_rests_once_after_it_has_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.inference.queue.REST_S", 0.01)
    rested = threading.Semaphore(0)
    queue = WorkQueue[int](
        lambda batch: None, accept=lambda *_: True, fits=lambda *_: False, most=lambda _: 1, rest=rested.release
    )
    for item in (1, 2):
        queue.push(item)
        assert rested.acquire(timeout=PATIENCE_S)
    queue.close()
    assert not rested.acquire(blocking=False)
