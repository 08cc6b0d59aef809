"""S3 by AWS's own library against a real S3 server on this machine; signers by name, only where one is configured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import numpy as np
import pytest
from archive.range_server import RangeServer, serving
from archive.test_remote_files import write_scene
from moto.server import ThreadedMotoServer

from tiles.archive.signing import SERVICE_VARIABLE, SIGNER_VARIABLE, signed
from tiles.catalog.catalog import open_catalog
from tiles.errors import ArchiveError, SourceError
from tiles.reading.door import read_chip

BLOB = "https://sentinel1euwestrtc.blob.core.windows.net/sentinel1-grd-rtc/GRD/x.rtc.vv.tiff"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield f"http://127.0.0.1:{port}"
    server.stop()


def test_an_object_of_s3_is_a_source(tmp_path: Path, store: str) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="floods-of-archives")
    client.upload_file(str(write_scene(tmp_path / "scene.tif", 300)), "floods-of-archives", "a b/scene.tif")
    (record,) = open_catalog([Path("s3://floods-of-archives/a b/scene.tif")]).usable()
    assert np.nanmedian(read_chip(record).vv) == pytest.approx(-10, abs=0.5)
    with pytest.raises(SourceError, match="has no such file"):
        open_catalog(["s3://floods-of-archives/missing.tif"])


def test_without_keys_a_bucket_is_asked_as_a_public_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    assert signed("s3://floods/a b.tif", {}, _never) == "https://floods.s3.amazonaws.com/a%20b.tif"


def _never(url: str) -> bytes:
    raise AssertionError(url)


def test_nothing_is_signed_where_no_signer_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SIGNER_VARIABLE, raising=False)
    assert signed(BLOB, {}, _never) == BLOB


def test_a_signers_token_is_asked_once_and_for_its_own_archive_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ask(url: str) -> bytes:
        asked.append(url)
        return json.dumps({"token": "sig=abc&se=later"}).encode()

    monkeypatch.setenv(SIGNER_VARIABLE, "planetary-computer")
    monkeypatch.setenv(SERVICE_VARIABLE, "https://signer.example.org/token")
    tokens: dict[str, tuple[str, float]] = {}
    assert signed(BLOB, tokens, ask) == f"{BLOB}?sig=abc&se=later"
    assert signed(BLOB, tokens, ask) == f"{BLOB}?sig=abc&se=later"
    assert asked == ["https://signer.example.org/token/sentinel1euwestrtc/sentinel1-grd-rtc"]
    assert signed("https://example.org/x.tif", tokens, _never) == "https://example.org/x.tif"
    assert signed(f"{BLOB}?sig=own", tokens, _never) == f"{BLOB}?sig=own"


def test_a_signer_that_is_unknown_or_gives_no_token_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIGNER_VARIABLE, "nobody")
    with pytest.raises(ArchiveError, match="is no signer that is known: give planetary-computer"):
        signed(BLOB, {}, _never)
    monkeypatch.setenv(SIGNER_VARIABLE, "planetary-computer")
    with pytest.raises(ArchiveError, match="answered without a token"):
        signed(BLOB, {}, lambda url: b"{}")


def test_the_signers_service_is_asked_over_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tiles.archive.fetching import _of_service

    with serving(tmp_path) as service:
        assert isinstance(service, RangeServer)
        (tmp_path / "token").write_text('{"token": "x"}')
        assert json.loads(_of_service(f"{service.url}/token")) == {"token": "x"}
