"""Fixtures that every test may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Give the processes that tests start the signals of a terminal back, where a shell has taken them from this one.

    `make test &` in a script, and nohup, ignore the interrupt, and what is ignored stays so in every child. What is handled
    does not: so this process goes on ignoring it, by a handler that does nothing, and a child gets the system's default.
    """
    for interrupt in (signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(interrupt) is signal.SIG_IGN:
            signal.signal(interrupt, lambda *_: None)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real chips, which are not part of the repository."""
    folder = Path(os.environ.get("FLOODSCOPE_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "sen1floods11").is_dir():
        pytest.skip(f"no real chips at {folder}: set FLOODSCOPE_REAL_DATA to their folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def quick_default_model() -> Iterator[None]:
    """Have commands take the baseline where they are told no model: the shipped one takes seconds, and has its own tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOODSCOPE_DEFAULT_MODEL", "backscatter")
        yield
