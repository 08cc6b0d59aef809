"""Chips that come into a folder, and the streams over it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Store
from model.streams.folder import FolderSource
from model.streams.messages import Voice
from model.streams.watch import Watch, Wishes
from tiles.simulate import simulate

Drop = Callable[..., Path]
Open = Callable[..., Watch]
VOICE = Voice("inbox", "floodscope@example.org", "https://flood.example.org/", "backscatter")
NOW = 2e9
"""The clock of the tests' folders: far later than their files."""


@pytest.fixture(scope="session")
def imagery(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six two-band chips of 128 x 128 pixels."""
    return sorted(simulate(tmp_path_factory.mktemp("imagery") / "chips", chips=6, size=128).rglob("*S1Hand.tif"))


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture
def drop(inbox: Path, imagery: list[Path]) -> Drop:
    """Put a chip into the folder, under a name."""

    def put(name: str = "a.tif", which: int = 0) -> Path:
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(imagery[which], inbox / name))

    return put


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def open_watch(inbox: Path, store: Store) -> Open:
    """Open a stream over the folder, as a process that is started anew does."""

    def opened(predictor: Any = None, *, now: float = NOW, **wishes: Any) -> Watch:
        source = FolderSource(inbox, settle_s=10, clock=lambda: now)
        return Watch(source, predictor or BackscatterPredictor(), store, Wishes(wishes.pop("voice", VOICE), **wishes))

    return opened
