"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


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
