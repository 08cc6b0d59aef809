"""Rasters in an object store that speaks S3: AWS, MinIO, Ceph and others (their address in AWS_ENDPOINT_URL).

An object is there whole or not at all, once `put_object` is answered; so a raster needs no other name while it is written.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.store.probability import read_probability
from model.store.rasters import SWEEP_AFTER_S, is_raster
from tiles.errors import OutputError, PredictionNotFoundError, StoreError, UsageError
from tiles.grid import Grid
from tiles.reading.raster import read_info

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_GONE = {"NoSuchKey", "404"}


def is_address(place: str) -> bool:
    """Return whether a text names an object store, and no folder."""
    return place.startswith("s3://")


class RasterBucket:
    """Rasters as objects below a prefix of a bucket."""

    def __init__(self, url: str, home: str) -> None:
        """Open the bucket.

        Args:
            url: s3://BUCKET or s3://BUCKET/PREFIX.
            home: where the store's rasters lie in it, "predictions/{store id}".

        Raises:
            StoreError: boto3 is not installed.
            UsageError: the address is none.
        """
        named = _URL.fullmatch(url.rstrip("/"))
        if named is None:
            raise UsageError(f"{url!r} is no place in an object store: write s3://BUCKET or s3://BUCKET/PREFIX.")
        self._bucket, self._prefix = named[1], f"{named[2]}/" if named[2] else ""
        self._home = home
        self._client = _client()

    def make(self, named: Callable[[], set[str]] | None = None) -> None:
        """Ask for the bucket; raises StoreError where it does not answer.

        Args:
            named: returns the rasters that rows name; objects left behind that it does not have are removed then.
        """
        with self._words():
            self._client.head_bucket(Bucket=self._bucket)
        if named is not None:
            self._sweep(named)

    def there(self) -> bool:
        """Return whether the bucket answers, so that an object that is not found is gone."""
        try:
            self.make()
        except StoreError:
            return False
        return True

    def path(self, name: str) -> Path:
        """Raise StoreError: an object has no path here."""
        raise StoreError(f"{self.address(name)} is an object and no file: ask for its pixels.")

    def address(self, name: str) -> str:
        """Return where a raster is, for people."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def write(self, name: str, data: bytes) -> None:
        """Write a raster; raises StoreError where it is not taken."""
        with self._words():
            self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + name, Body=data, ContentType="image/tiff; application=geotiff"
            )

    def write_by(self, name: str, write: Callable[[Path], None]) -> None:
        """Have a raster written that is too large for memory, and send its file; raises StoreError where it is not taken."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scene.tif"
            try:
                write(path)
            except OutputError as error:
                raise StoreError(str(error)) from error
            with self._words():
                self._client.upload_file(str(path), self._bucket, self._prefix + name)

    def get(self, name: str) -> bytes:
        """Return a raster's bytes.

        Raises:
            PredictionNotFoundError: it is not there.
            StoreError: the store does not answer, or may not be read.
        """
        with self._words(name):
            return bytes(self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read())

    def read(self, name: str) -> npt.NDArray[np.uint8]:
        """Read a raster, as `model.store.probability.read_probability`."""
        with self.file(name) as path:
            return read_probability(path, called=self.address(name))

    def grid(self, name: str) -> Grid:
        """Return a raster's grid."""
        with self.file(name) as path:
            return read_info(str(path)).grid

    def stamp(self, name: str) -> str:
        """Return nothing: a raster here is read to know that it is whole."""
        return ""

    def remove(self, name: str) -> None:
        """Remove a raster; one that cannot be removed is swept later."""
        with contextlib.suppress(StoreError), self._words():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def names(self) -> Iterator[tuple[str, float]]:
        """Yield the rasters that are there, each with its age in seconds by the object store's own clock."""
        with self._words():
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}{self._home}/"
            ):
                now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
                for found in page.get("Contents", ()):
                    name = str(found["Key"]).removeprefix(self._prefix)
                    if is_raster(name):
                        yield name, (now - found["LastModified"]).total_seconds()

    def _sweep(self, named: Callable[[], set[str]]) -> None:
        """Remove old rasters that no row names: left by a process that was killed between raster and row."""
        old = [name for name, age in self.names() if age > SWEEP_AFTER_S]
        kept = named() if old else set()  # after the objects were listed: a new row names none of them
        for name in old:
            if name not in kept:
                self.remove(name)

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """Give a raster as a file for a moment: every check of what a file is then holds of it too."""
        with tempfile.NamedTemporaryFile(suffix=".tif") as file:
            file.write(self.get(name))
            file.flush()
            yield Path(file.name)

    @contextlib.contextmanager
    def _words(self, name: str | None = None) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        place = f"s3://{self._bucket}/{self._prefix}"
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if name is not None and code in _GONE:
                raise PredictionNotFoundError(
                    f"The raster {self.address(name)} is missing: predict the chip again."
                ) from error
            if code in {"NoSuchBucket", *_GONE}:
                raise StoreError(
                    f"The bucket of {place} does not exist: make it, or name another with --data."
                ) from error
            raise StoreError(f"{place} does not allow it ({code}): check the account and its permissions.") from error
        except BotoCoreError as error:
            raise StoreError(
                f"{place} cannot be reached ({error}): check the network, AWS_ENDPOINT_URL and the account."
            ) from error


def _client() -> Any:
    if find_spec("boto3") is None:
        raise StoreError(
            "Rasters in an object store need boto3, which is not installed: pip install 'floodscope[aws]'."
        )
    import boto3  # noqa: PLC0415 - a third of a second, which only such stores pay
    from botocore.config import Config  # noqa: PLC0415

    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 3})
    return boto3.Session().client("s3", config=config)
