"""The budget of pixels: never more at once than its room, however many threads ask, and nobody waits for ever."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tiles.budget import Budget
from tiles.errors import BusyError


def test_no_more_is_held_at_once_than_there_is_room_and_each_gets_its_turn() -> None:
    budget, lock = Budget(10, "images"), threading.Lock()
    held, most = 0, 0

    def work(units: int) -> int:
        nonlocal held, most
        with budget.hold(units):
            with lock:
                held += min(units, 10)
                most = max(most, held)
            with budget.hold(10):  # of its own more is not counted again, so that it cannot wait for itself
                pass
            with lock:
                held -= min(units, 10)
        return units

    wanted = [1, 5, 9, 10, 400, 0, 3] * 20
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(work, wanted)) == wanted
    assert most <= 10


def test_who_finds_no_room_in_its_time_is_told_and_room_comes_back_after_an_error() -> None:
    budget = Budget(10, "large images")
    with ThreadPoolExecutor(1) as pool:
        with budget.hold(8):
            refused = pool.submit(lambda: budget.hold(3, patience_s=0.0).__enter__())
            with pytest.raises(BusyError, match="as much to do as it takes with large images"):
                refused.result()
        with pytest.raises(ValueError, match="x"), budget.hold(10):
            raise ValueError("x")
        with budget.hold(10):
            pass
