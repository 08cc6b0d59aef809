"""Fixtures that every test may use."""

from __future__ import annotations

import os
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
