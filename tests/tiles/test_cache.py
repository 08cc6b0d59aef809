"""The cache keeps its bound, and makes each entry once however many threads ask."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.waiting import PATIENCE_S
from tiles.cache import BoundedCache, Budget, uncollected
from tiles.errors import BusyError


def _cache(limit: int = 100) -> BoundedCache[bytes]:
    return BoundedCache(limit, len)


def test_an_entry_is_made_once_and_then_held() -> None:
    cache, made = _cache(), []
    for _ in range(3):
        assert cache.get("a", lambda: made.append(1) or b"x" * 10) == b"x" * 10
    assert made == [1]
    assert cache.nbytes == 10


def test_the_least_recently_used_entry_goes_first() -> None:
    cache = _cache(30)
    for key in "abc":
        cache.get(key, lambda: b"x" * 10)
    cache.get("a", lambda: pytest.fail("a is held"))
    cache.get("d", lambda: b"x" * 10)
    cache.get("a", lambda: pytest.fail("a is held"))
    made = []
    cache.get("b", lambda: made.append(1) or b"x" * 10)
    assert made == [1]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60))
def test_no_order_of_requests_breaks_the_bound(requests: list[tuple[int, int]]) -> None:
    cache, sizes = _cache(100), {}
    for key, size in requests:
        value = cache.get(key, lambda size=size: b"x" * size)
        sizes[key] = len(value)
        assert 0 <= cache.nbytes <= 100
    assert cache.nbytes <= sum(sizes.values())


def test_a_value_larger_than_the_cache_is_returned_and_not_kept() -> None:
    cache = _cache(10)
    assert len(cache.get("big", lambda: b"x" * 11)) == 11
    assert cache.nbytes == 0


def test_the_newest_larger_values_are_held_beside_the_others_and_push_none_out() -> None:
    cache: BoundedCache[bytes] = BoundedCache(10, len, larger=2)
    cache.get("small", lambda: b"x" * 10)
    for key in "abc":
        assert len(cache.get(key, lambda: b"x" * 11)) == 11
    assert cache.held("a") is None
    cache.get("b", lambda: pytest.fail("b is held"))  # and is now the newest
    cache.get("d", lambda: b"x" * 12)
    assert cache.held("c") is None
    for key, size in (("b", 11), ("d", 12), ("small", 10)):
        assert len(cache.held(key) or b"") == size
    assert cache.nbytes == 10


def test_an_error_is_raised_and_not_kept() -> None:
    cache = _cache()

    def fail() -> bytes:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.get("a", fail)
    assert cache.get("a", lambda: b"x") == b"x"


def test_threads_that_ask_together_wait_for_one_maker() -> None:
    cache, made, together = _cache(), [], threading.Barrier(16)

    def make() -> bytes:
        made.append(threading.get_ident())
        release.wait(0.05)
        return b"x"

    def ask() -> bytes:
        together.wait()
        return cache.get("a", make)

    release = threading.Event()
    with ThreadPoolExecutor(16) as pool:
        values = list(pool.map(lambda _: ask(), range(16)))
    assert values == [b"x"] * 16
    assert len(made) == 1


def test_when_the_maker_fails_the_waiting_threads_try_again_and_the_bytes_are_counted_once() -> None:
    cache, tries, together = _cache(), [], threading.Barrier(8)

    def make() -> bytes:
        tries.append(1)
        threading.Event().wait(0.01)
        if len(tries) == 1:
            raise ValueError("the first one fails")
        return b"x" * 40

    def ask() -> bytes | None:
        together.wait()
        try:
            return cache.get("a", make)
        except ValueError:
            return None

    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(lambda _: ask(), range(8)))
    assert values.count(None) == 1
    assert cache.nbytes == 40


def test_different_entries_are_made_at_the_same_time() -> None:
    cache, both = _cache(), threading.Barrier(2, timeout=PATIENCE_S)

    def make() -> bytes:
        both.wait()  # passes only when the other entry is being made too
        return b"x"

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda key: cache.get(key, make), "ab")) == [b"x", b"x"]


@pytest.mark.parametrize("inside", [False, True])
def test_the_collector_is_as_it_was_after_many_objects_were_made(*, inside: bool) -> None:
    assert gc.isenabled()
    with pytest.raises(ValueError, match="fails"), uncollected():
        assert not gc.isenabled()
        if inside:
            with uncollected():
                pass
            assert not gc.isenabled()
        raise ValueError("it fails")
    assert gc.isenabled()


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
