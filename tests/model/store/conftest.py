"""A store in every place that it can be in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from model.store.store import DATABASE, Prediction, Store
from tests.shared_stores import OF_S3, Postgres, new_bucket, object_store, postgres_server, s3

PLACES = ("sqlite+disk", "postgresql+disk", "postgresql+s3")


@dataclass
class Place:
    """Where a store is: its folder, its database, its bucket."""

    folder: Path
    url: str | None = None
    address: str | None = None
    prefix: str | None = None

    def open(self) -> Store:
        if self.address is not None:  # in a child process too, which has its variables from earlier
            os.environ.update(AWS_ENDPOINT_URL=self.address, **OF_S3)
        return Store(self.folder, self.url, rasters=self.prefix)

    def execute(self, statement: str, **values: Any) -> None:
        engine = create_engine(self.url or f"sqlite:///{self.folder / DATABASE}")
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()

    def rasters(self) -> list[str]:
        """Return the names of all rasters that are there, whoever owns them."""
        if self.prefix is None:
            found = [p for p in (self.folder / "predictions").rglob("*") if p.is_file()]
            return sorted(p.relative_to(self.folder).as_posix() for p in found)
        pages = s3(self.address or "").get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix="flood/")
        return sorted(o["Key"].removeprefix("flood/") for page in pages for o in page.get("Contents", ()))

    def get(self, prediction: Prediction) -> bytes:
        if self.prefix is None:
            return (self.folder / prediction.raster).read_bytes()
        found = s3(self.address or "").get_object(Bucket=self._bucket, Key=f"flood/{prediction.raster}")
        return bytes(found["Body"].read())

    def put(self, name: str, data: bytes) -> None:
        if self.prefix is None:
            (self.folder / name).write_bytes(data)
        else:
            s3(self.address or "").put_object(Bucket=self._bucket, Key=f"flood/{name}", Body=data)

    def remove(self, prediction: Prediction) -> None:
        if self.prefix is None:
            (self.folder / prediction.raster).unlink()
        else:
            s3(self.address or "").delete_object(Bucket=self._bucket, Key=f"flood/{prediction.raster}")

    @property
    def _bucket(self) -> str:
        return (self.prefix or "").split("/")[2]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def objects() -> Iterator[str]:
    """An object store's address, which everything in this process and its children takes for AWS."""
    with object_store() as address, set_variables(AWS_ENDPOINT_URL=address, **OF_S3):
        yield address


@contextmanager
def set_variables(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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
