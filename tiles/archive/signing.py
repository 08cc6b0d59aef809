"""Addresses signed for reading: S3 by AWS's own library, and signers of archives by name, only where one is configured."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from tiles.errors import ArchiveError
from tiles.sentences import shown

SIGNER_VARIABLE = "FLOODSCOPE_SIGNER"
"""Environment variable: the name of the signer of archives, `planetary-computer`."""
SERVICE_VARIABLE = "FLOODSCOPE_SIGNER_URL"
"""Environment variable: another place of its service."""

_LASTS_S = 3600
_SPARE_S = 60.0
_AZURE = ".blob.core.windows.net"
_PLANETARY = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
_AWS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
_SIGNERS = ("planetary-computer",)


Tokens = dict[str, tuple[str, float]]
"""Tokens of a signer by what they are for, with the time until which they are used."""


def signed(url: str, tokens: Tokens, ask: Callable[[str], bytes]) -> str:
    """Return the address to ask: of s3 that of its store, signed where there are keys; else with the configured signer's token.

    Args:
        url: the address.
        tokens: those that were given before, which new ones join.
        ask: asks the signer's service, an address that the operator configured.

    Raises:
        ArchiveError: boto3 is missing, the signer is unknown, or gives no token.
    """
    if url.startswith("s3://"):
        return _of_s3(url)
    name = os.environ.get(SIGNER_VARIABLE, "").strip().lower()
    if not name:
        return url
    if name not in _SIGNERS:
        raise ArchiveError(
            f"{SIGNER_VARIABLE}={shown(name)[:40]} is no signer that is known: give {', '.join(_SIGNERS)}, or unset it."
        )
    parts = urlsplit(url)
    service = os.environ.get(SERVICE_VARIABLE, _PLANETARY)
    if not (parts.hostname or "").endswith(_AZURE) or parts.query:
        return url
    account = (parts.hostname or "").removesuffix(_AZURE)
    container = parts.path.lstrip("/").partition("/")[0]
    return f"{url}?{_token(f'{service}/{quote(account)}/{quote(container)}', tokens, ask)}"


def has_keys() -> bool:
    """Return whether there are keys of AWS: without any, buckets are asked as anybody may."""
    return any(os.environ.get(name) for name in _AWS)


def _token(service: str, tokens: Tokens, ask: Callable[[str], bytes]) -> str:
    token, until = tokens.get(service, ("", 0.0))
    if time.monotonic() < until:
        return token
    try:
        token = str(json.loads(ask(service))["token"])
    except (ValueError, LookupError, TypeError) as error:
        raise ArchiveError(
            f"The signer planetary-computer ({shown(service)}) answered without a token: try again later."
        ) from error
    tokens[service] = (token, time.monotonic() + _LASTS_S / 2 - _SPARE_S)
    return token


def _of_s3(url: str) -> str:
    """Return the https address of an object: signed by boto3 where keys are configured, else that of a public bucket."""
    parts = urlsplit(url)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    if not bucket or not key:
        raise ArchiveError(f"{shown(url)[:120]} names no object: give s3://BUCKET/FILE.tif.")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not has_keys():
        return (
            f"{endpoint.rstrip('/')}/{bucket}/{quote(key)}"
            if endpoint
            else f"https://{bucket}.s3.amazonaws.com/{quote(key)}"
        )
    try:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
    except ImportError as error:
        raise ArchiveError("s3 with keys needs boto3: pip install 'floodscope[aws]'.") from error
    try:
        client = boto3.client("s3")
        return str(
            client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=_LASTS_S)
        )
    except BotoCoreError as error:
        raise ArchiveError(
            f"s3://{shown(bucket)} cannot be signed ({shown(str(error))[:100]}): check AWS's variables."
        ) from error
