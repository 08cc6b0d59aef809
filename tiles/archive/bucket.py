"""What lies in a bucket of an object store: with keys of AWS where there are any, else as anybody may look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from tiles.archive.signing import has_keys
from tiles.errors import ArchiveError, AwayError, UsageError
from tiles.sentences import shown

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)
_GONE = frozenset({"NoSuchBucket", "NoSuchKey", "404"})


@dataclass(frozen=True)
class StoredObject:
    """An object of a bucket.

    Attributes:
        key: its name below the prefix.
        address: s3://BUCKET/KEY.
        mark: what tells it from what lay or will lie under its key.
        age_s: how long it has been as it is, in seconds by the object store's own clock.
    """

    key: str
    address: str
    mark: str
    age_s: float


class Bucket:
    """A bucket, or what lies below a prefix of it, as a folder is below another.

    Attributes:
        address: s3://BUCKET or s3://BUCKET/PREFIX, without a slash at its end.
    """

    def __init__(self, url: str) -> None:
        """Take an address.

        Raises:
            UsageError: it is none.
        """
        found = _URL.fullmatch(url.rstrip("/"))
        if found is None:
            raise UsageError(
                f"{shown(url)[:120]} is no place in an object store: give s3://BUCKET or s3://BUCKET/PREFIX."
            )
        self.address = found[0]
        self._bucket, self._prefix = found[1], f"{found[2]}/" if found[2] else ""

    def objects(self) -> Iterator[StoredObject]:
        """Yield what lies there, in the order of its keys.

        Raises:
            AwayError: the object store does not answer, or does not let us look.
            ArchiveError: there is no such bucket; boto3 is not installed.
        """
        client, errors = _client()
        try:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
                for one in page.get("Contents", ()):
                    key = str(one["Key"])
                    age = (now - one["LastModified"]).total_seconds()
                    mark = f"{one['Size']}|{str(one['ETag']).strip(chr(34))}"
                    yield StoredObject(key.removeprefix(self._prefix), f"s3://{self._bucket}/{key}", mark, age)
        except errors.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _GONE:
                raise ArchiveError(f"The bucket of {self.address} does not exist: check the address.") from error
            raise AwayError(
                f"{self.address} cannot be looked at ({code}): check the keys and their permissions."
            ) from error
        except errors.BotoCoreError as error:
            raise AwayError(
                f"{self.address} cannot be reached ({shown(str(error))[:160]}): check the network, AWS_ENDPOINT_URL and the keys."
            ) from error


def _client() -> tuple[Any, Any]:
    """Return an S3 client, and botocore's errors."""
    try:
        import boto3  # noqa: PLC0415 - an extra, a third of a second
        from botocore import UNSIGNED, exceptions  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415
    except ImportError as error:
        raise ArchiveError(
            "Buckets are looked at with boto3, which is not installed: pip install 'floodscope[aws]'."
        ) from error
    open_to_all = {} if has_keys() else {"signature_version": UNSIGNED}
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 3}, **open_to_all)
    return boto3.Session().client("s3", config=config, region_name=None if has_keys() else "us-east-1"), exceptions
