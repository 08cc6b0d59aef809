"""Files in S3: put there checked by SHA-256, not again where they are, and large ones in parts that a restart goes on with."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.aws.account.account import Account
from model.aws.account.refusals import explained, missing
from tiles.errors import CloudError, UsageError
from tiles.files import replacing

PART_BYTES = 16 << 20
"""Size of the parts of a large file; S3 takes 5 MB and more, and at most 10,000 of them."""
SINGLE_BYTES = 64 << 20
"""Files up to this size go in one request."""

_BLOCK = 1 << 20
_HASH = "sha256"
_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")


@dataclass(frozen=True)
class S3Place:
    """A bucket and what keys in it begin with, or one key."""

    bucket: str
    key: str = ""

    def __truediv__(self, name: str) -> S3Place:
        return S3Place(self.bucket, f"{self.key}/{name}".strip("/"))

    @property
    def url(self) -> str:
        """The address, as s3://bucket/key."""
        return f"s3://{self.bucket}/{self.key}".rstrip("/")


def parse_s3(url: str) -> S3Place:
    """Return the place that an address names.

    Raises:
        UsageError: it is none.
    """
    match = _URL.fullmatch(url.strip())
    if match is None:
        raise UsageError(f"{url!r} is no place in S3: write s3://BUCKET or s3://BUCKET/FOLDER.")
    return S3Place(match.group(1), (match.group(2) or "").strip("/"))


def sha256_of(path: Path) -> bytes:
    """Return the SHA-256 of a file, 32 bytes.

    Raises:
        CloudError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise CloudError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    return digest.digest()


def put_file(account: Account, path: Path, place: S3Place) -> bool:
    """Put a file into S3, and return whether it had to be sent. What is there with the same content stays.

    S3 compares the SHA-256 of what arrives. A file of more than 64 MB goes in parts; where an earlier try was cut off, the
    parts that arrived whole are not sent again.

    Raises:
        CloudError: AWS refused, or the file cannot be read.
    """
    digest = sha256_of(path)
    size = path.stat().st_size
    client = account.client("s3")
    with explained(f"putting {path.name} at {place.url}"):
        try:
            head = client.head_object(Bucket=place.bucket, Key=place.key)
            if head["ContentLength"] == size and head.get("Metadata", {}).get(_HASH) == digest.hex():
                return False
        except client.exceptions.ClientError as error:
            if not missing(error):
                raise
        if size > SINGLE_BYTES:
            _put_in_parts(client, path, size, digest, place)
        else:
            with path.open("rb") as file:
                client.put_object(
                    Bucket=place.bucket,
                    Key=place.key,
                    Body=file,
                    ChecksumSHA256=_text(digest),
                    Metadata={_HASH: digest.hex()},
                )
    return True


def _put_in_parts(client: Any, path: Path, size: int, digest: bytes, place: S3Place) -> None:
    where = {"Bucket": place.bucket, "Key": place.key}
    upload = _unfinished(client, place)
    if upload is None:
        made = client.create_multipart_upload(**where, ChecksumAlgorithm="SHA256", Metadata={_HASH: digest.hex()})
        upload = made["UploadId"]
    there = {part["PartNumber"]: part for part in _parts(client, where, upload)}
    whole = []
    with path.open("rb") as file:
        for number in range(1, -(-size // PART_BYTES) + 1):
            content = file.read(PART_BYTES)
            checksum = _text(hashlib.sha256(content).digest())
            part = there.get(number, {})
            if not _arrived(part, content, checksum):
                part = client.upload_part(
                    **where, UploadId=upload, PartNumber=number, Body=content, ChecksumSHA256=checksum
                )
            whole.append({"PartNumber": number, "ETag": part.get("ETag", ""), "ChecksumSHA256": checksum})
    client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": whole})
    if client.head_object(**where).get("Metadata", {}).get(_HASH) not in (None, digest.hex()):
        # The parts were those of this file, but the upload was begun for an older one, whose hash S3 has kept.
        client.copy_object(**where, CopySource=where, MetadataDirective="REPLACE", Metadata={_HASH: digest.hex()})


def _arrived(part: Mapping[str, Any], content: bytes, checksum: str) -> bool:
    """Return whether a part in S3 has this content: by its SHA-256, or its MD5 where a store keeps no other."""
    if part.get("Size") != len(content):
        return False
    if "ChecksumSHA256" in part:
        return bool(part["ChecksumSHA256"] == checksum)
    return bool(part.get("ETag", "").strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest())


def _unfinished(client: Any, place: S3Place) -> str | None:
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=place.bucket, Prefix=place.key):
        for upload in page.get("Uploads", []):
            if upload["Key"] == place.key:
                return str(upload["UploadId"])
    return None


def _parts(client: Any, where: dict[str, str], upload: str) -> Iterator[dict[str, object]]:
    for page in client.get_paginator("list_parts").paginate(**where, UploadId=upload):
        yield from page.get("Parts", [])


def get_file(account: Account, place: S3Place, path: Path) -> None:
    """Bring an object into a file, whole or not at all.

    Raises:
        CloudError: it is not there, or came damaged.
        OutputError: the file cannot be written.
    """
    with explained(f"fetching {place.url}"):
        answer = account.client("s3").get_object(Bucket=place.bucket, Key=place.key)
        if account.dry:
            return
        digest, size = hashlib.sha256(), 0
        with replacing(path) as part:
            with part.open("wb") as file:
                for block in answer["Body"].iter_chunks(_BLOCK):
                    file.write(block)
                    digest.update(block)
                    size += len(block)
            known = answer.get("Metadata", {}).get(_HASH)
            if size != answer["ContentLength"] or known not in (None, digest.hexdigest()):
                raise CloudError(f"{place.url} arrived damaged ({size} bytes): give the command again.")


def get_bytes(account: Account, place: S3Place) -> bytes | None:
    """Return an object's content, or None where there is none.

    Raises:
        CloudError: AWS refused.
    """
    client = account.client("s3")
    with explained(f"reading {place.url}"):
        try:
            body: bytes = client.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
        except client.exceptions.ClientError as error:
            if missing(error):
                return None
            raise
    return body


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
