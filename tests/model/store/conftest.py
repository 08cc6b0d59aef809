"""A store in every place that it can be in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model.store.store import Store
from tests.shared_stores import Place, Postgres, new_bucket, postgres_server

PLACES = ("sqlite+disk", "postgresql+disk", "postgresql+s3")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def new_place(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Place]:
    """Return a new, empty place of a kind."""

    def made(kind: str) -> Place:
        folder = tmp_path / f"data{len(list(tmp_path.glob('data*'))) or ''}"
        folder.mkdir()
        if kind == "sqlite+disk":
            return Place(folder)
        server: Postgres = request.getfixturevalue("postgres")
        if kind == "postgresql+disk":
            return Place(folder, server.new_database())
        address: str = request.getfixturevalue("objects")
        return Place(folder, server.new_database(), address, new_bucket(address))

    return made


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, new_place: Callable[[str], Place]) -> Place:
    return new_place(request.param)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open() as opened:
        yield opened
