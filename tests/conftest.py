"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from model.predictors.heap import give_back
from tiles.products.background import background

REPOSITORY = Path(__file__).resolve().parent.parent

# Each run asks the same, so that one that fails fails again; with the whole of the attacks, hypothesis looks further.
settings.register_profile("same", derandomize=True, deadline=None)
if not os.environ.get("FLOODSCOPE_ATTACK"):
    settings.load_profile("same")


def pytest_configure() -> None:
    """Give the processes that tests start the signals of a terminal back, where a shell has taken them from this one.

    `make test &` in a script, and nohup, ignore the interrupt, and what is ignored stays so in every child. What is handled
    does not: so this process goes on ignoring it, by a handler that does nothing, and a child gets the system's default.
    """
    for interrupt in (signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(interrupt) is signal.SIG_IGN:
            signal.signal(interrupt, lambda *_: None)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where slow tests are not asked for, do not even import their files: that alone would be a good part of `make quick`."""
    if config.getoption("markexpr") != "not slow" or collection_path.suffix != ".py":
        return None
    return True if "\npytestmark = pytest.mark.slow\n" in collection_path.read_text(encoding="utf-8") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of slow tests: one that came last would run alone, and the other processes wait."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of what Python looks through for garbage again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real chips, which are not part of the repository."""
    folder = Path(os.environ.get("FLOODSCOPE_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "sen1floods11").is_dir():
        pytest.skip(f"no real chips at {folder}: set FLOODSCOPE_REAL_DATA to their folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def work_that_is_not_starved() -> Iterator[None]:
    """Have the product's work in the background give way to nobody: with a test on each core it would wait for both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.inference.ahead.NICENESS", 0)
        yield


@pytest.fixture(scope="module", autouse=True)
def nothing_left_for_the_next_file() -> Iterator[None]:
    """Have no dashboard of a file's tests make maps for the next file's, give back the memory that they have taken, and leave
    what stays, as packages that they imported, out of what Python looks through for garbage.
    """
    yield
    background().stop()
    gc.collect()
    gc.freeze()
    give_back()


@pytest.fixture(scope="session", autouse=True)
def quick_default_model() -> Iterator[None]:
    """Have commands take the baseline where they are told no model: the shipped one takes seconds, and has its own tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOODSCOPE_DEFAULT_MODEL", "backscatter")
        yield
