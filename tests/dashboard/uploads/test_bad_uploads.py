"""Images that cannot be taken in: each is told in one clear sentence, and leaves nothing behind."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from flask.testing import FlaskClient
from PIL import Image
from sent_images import PLACE, SIZE, Form, backscatter, pair, tiff, truth
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app
from werkzeug.wrappers import Request

from dashboard.app import create_app
from dashboard.uploads.batch import Limits
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace

HEADERS = {"X-Floodscope": "test"}
VV, VH = backscatter()


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in pair():
            file.writestr(name, data)
    return out.getvalue()


def with_vv(data: bytes) -> Form:
    return [("lake_vv.tif", data), pair()[1]]


def with_label(data: bytes) -> Form:
    return [*pair(), ("lake_label.tif", data)]


def both(change: Callable[[Any], Any], **profile: Any) -> Form:
    return [("lake_vv.tif", tiff(change(VV), **profile)), ("lake_vh.tif", tiff(change(VH), **profile))]


LARGE = np.zeros((SIZE, SIZE + 8), np.float32) - 20
VRT = b'<VRTDataset rasterXSize="8" rasterYSize="8"><SourceFilename>/etc/passwd</SourceFilename></VRTDataset>'

CASES: dict[str, tuple[Form, tuple[str, ...]]] = {
    "a PNG called GeoTIFF": (with_vv(picture()), ("lake_vv.tif", "PNG image", "export the raster as GeoTIFF")),
    "a text": (with_vv(b"hello, this is no raster\n"), ("lake_vv.tif", "text file")),
    "a zip": ([("lake.zip", archive())], ("lake.zip", "ZIP archive")),
    "a zip called GeoTIFF": ([("lake.tif", archive())], ("lake.tif", "ZIP archive")),
    "a gzip": (with_vv(gzip.compress(pair()[0][1])), ("lake_vv.tif", "gzip archive")),
    "a VRT that names another file": (with_vv(VRT), ("lake_vv.tif", "VRT")),
    "an empty file": (with_vv(b""), ("lake_vv.tif", "empty", "again")),
    "half a file": (with_vv(pair()[0][1][: SIZE * SIZE * 2]), ("lake_vv.tif", "truncated", "again")),
    "zeros": (with_vv(bytes(4000)), ("lake_vv.tif", "zeros")),
    "VV alone": (pair()[:1], ("lake_vv.tif", "no VH partner")),
    "VH alone": (pair()[1:], ("lake_vh.tif", "no VV partner")),
    "a label alone": ([("lake_label.tif", truth())], ("lake_label.tif", "its image was not sent")),
    "two sizes": ([pair()[0], ("lake_vh.tif", tiff(LARGE))], ("lake_vh.tif", "48 x 40 pixels", "lake_vv.tif 40 x 40")),
    "two coordinate systems": (
        [pair()[0], ("lake_vh.tif", tiff(VH, crs="EPSG:32633"))],
        ("lake_vh.tif", "EPSG:32633", "EPSG:32632"),
    ),
    "two places": (
        [pair()[0], ("lake_vh.tif", tiff(VH, transform=PLACE @ Affine.translation(3, 0)))],
        ("lake_vh.tif", "3.0 pixels off", "lake_vv.tif"),
    ),
    "off the Earth": (
        pair(crs="EPSG:4326", transform=Affine(0.1, 0, 500, 0, -0.1, 60)),
        ("lake_vv.tif", "off the Earth"),
    ),
    "all NaN": (both(lambda band: band * np.float32("nan")), ("no valid pixel", "lake_vv.tif", "(NaN)")),
    "all zero": (both(lambda band: band * 0), ("no valid pixel", "lake_vv.tif", "0, which is a fill value")),
    "power or amplitude": (
        both(lambda band: 10 ** ((band - 7) / 20)),
        ("lake_vv.tif", "not dB", "10 * log10", "say which it is"),
    ),
    "digital numbers": (both(lambda band: (band + 99).astype(np.uint16)), ("lake_vv.tif", "uint16 digital numbers")),
    "amplitude with phase": (both(lambda band: band.astype(np.complex64)), ("lake_vv.tif", "complex64", "(SLC)")),
    "one band": ([("lake.tif", tiff(VV))], ("lake.tif", "one band", "VV and VH")),
    "three bands without names": ([("lake.tif", tiff(VV, VH, VV))], ("lake.tif", "3 bands", "describe one band as VV")),
    "bands the wrong way round": ([("lake.tif", tiff(VH, VV))], ("lake.tif", "darker", "say which band is which")),
    "VV that says it is VH": (with_vv(tiff(VV, names=("VH",))), ("lake_vv.tif", "described as VH")),
    "a name with ../": ([("../lake_vv.tif", pair()[0][1]), pair()[1]], ("../lake_vv.tif names a folder", "bare name")),
    "a whole path": ([("/etc/lake_vv.tif", pair()[0][1])], ("/etc/lake_vv.tif names a folder", "bare name")),
    "a name of 300 letters": ([("x" * 300 + "_vv.tif", pair()[0][1])], ("more than 200 characters", "shorter one")),
    "the same name twice": ([pair()[0], pair()[0], pair()[1]], ("lake_vv.tif and lake_vv.tif", "same name", "rename")),
    "two VV of one chip": (
        [*pair(), ("lake-VV.tiff", pair()[0][1])],
        ("lake_vv.tif and lake-VV.tiff", "the part vv of one chip"),
    ),
    "a pair and its two bands": (
        [*pair(label=True), ("lake.tif", tiff(VV, VH, names=("VV", "VH")))],
        ("lake.tif", "cannot be told", "one pair, or one two-band file"),
    ),
    "a label of sevens": (
        with_label(tiff(np.full_like(VV, 7))),
        ("The image is not taken", "lake_label.tif", "label value(s) 7", "without the label"),
    ),
    "a label elsewhere": (
        with_label(truth(transform=PLACE @ Affine.translation(0, 9))),
        ("lake_label.tif", "9.0 pixels off"),
    ),
    "a label in colours": (
        with_label(tiff(*[np.zeros((SIZE, SIZE), np.uint8)] * 3)),
        ("lake_label.tif", "3 bands, like a picture"),
    ),
    "elevation": ([*pair(), ("lake_elevation.tif", tiff(VV))], ("lake_elevation.tif", "VV, VH and a label")),
}


@dataclass
class Server:
    client: FlaskClient
    workspace: Workspace
    folder: Path

    def left(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}

    def send(self, form: Form, **options: Any) -> Any:
        data = {"files": [(io.BytesIO(content), name) for name, content in form]}
        return self.client.post("/uploads", data=data, headers=HEADERS, content_type="multipart/form-data", **options)


@pytest.fixture(scope="module")
def server(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("bad-uploads")
    workspace = Workspace(Settings((simulated,), data, model="backscatter"))
    yield Server(create_app(workspace).server.test_client(), workspace, data / "uploads")
    workspace.close()


@pytest.fixture(autouse=True)
def nothing_stays(server: Server) -> Iterator[None]:
    chips = [record.id for record in server.workspace.catalog.records()]
    yield
    assert server.left() == {"FLOODSCOPE_UPLOADS"}
    assert [record.id for record in server.workspace.catalog.records()] == chips


@pytest.mark.parametrize("name", CASES)
def test_a_bad_image_is_told_in_its_senders_words_and_leaves_nothing(server: Server, name: str) -> None:
    form, words = CASES[name]
    answer = server.send(form)
    assert answer.status_code == 200
    assert answer.json["added"] == []
    message = " | ".join(refused["message"] for refused in answer.json["refused"])
    assert [word for word in words if word not in message] == [], message
    assert str(server.folder) not in message


def test_a_bad_image_disturbs_no_good_one(server: Server) -> None:
    answer = server.send([*pair("good", seed=3), *pair("half")[:1]])
    assert [chip["id"] for chip in answer.json["added"]] == ["good"]
    assert "half_vv.tif has no VH partner" in answer.json["refused"][0]["message"]
    assert server.client.delete("/uploads/good", headers=HEADERS).status_code == 200


# --- sizes, counts and forms: what is refused before a file is looked at -------------------------------------------------
class Endless(io.RawIOBase):
    """A form that sends one file of so many zeros, made as they are read, and says how many were."""

    HEAD = b'--edge\r\nContent-Disposition: form-data; name="files"; filename="big_vv.tif"\r\n\r\n'

    def __init__(self, size: int) -> None:
        self.size, self.given, self.head = size, 0, self.HEAD

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self.head[: len(buffer)] if self.head else bytes(min(len(buffer), self.size - self.given))
        self.given += 0 if self.head else len(part)
        self.head = self.head[len(part) :]
        buffer[: len(part)] = part
        return len(part)


def pour(server: Server, body: Endless, **environ: Any) -> Any:
    """Send a body as it is made, with or without telling its length."""
    form = EnvironBuilder(path="/uploads", method="POST", headers=HEADERS).get_environ()
    form.pop("CONTENT_LENGTH", None)
    form |= {"wsgi.input": io.BufferedReader(body), "CONTENT_TYPE": "multipart/form-data; boundary=edge", **environ}
    return TestResponse(*run_wsgi_app(server.client.application, form), request=Request(form))


def test_two_gigabytes_that_are_announced_are_refused_before_one_is_read(server: Server) -> None:
    body = Endless(2 << 30)
    answer = pour(server, body, CONTENT_LENGTH=str(2 << 30))
    assert (answer.status_code, body.given < 16 << 20) == (413, True)
    assert "More than 1024 MiB were sent at once" in answer.json["message"]


def test_two_gigabytes_that_nobody_announced_are_cut_off_at_the_limit_of_a_file(server: Server) -> None:
    body = Endless(2 << 30)
    answer = pour(server, body, HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input_terminated": True})
    assert answer.status_code == 413
    assert "big_vv.tif has more than 256 MiB" in answer.json["message"]
    assert body.given < Limits().file_bytes + (16 << 20)


def test_too_many_files_are_refused(server: Server) -> None:
    answer = server.send([(f"{n}_vv.tif", b"II*\0") for n in range(Limits().files + 1)])
    assert (answer.status_code, "More than 90 files" in answer.json["message"]) == (413, True)


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b'{"files": []}', "application/json", "multipart/form-data"),
        (b"--edge--\r\n", "multipart/form-data; boundary=edge", "No file was sent"),
        (Endless.HEAD + b"II*\0 and then", "multipart/form-data; boundary=edge", "the connection broke"),
        (b"II*\0", "multipart/form-data", "damaged"),
    ],
    ids=["JSON", "a form without files", "a form that ends in a file", "a form without edges"],
)
def test_what_is_no_form_of_files_is_refused(server: Server, data: bytes, kind: str, words: str) -> None:
    answer = server.client.post("/uploads", data=data, content_type=kind, headers=HEADERS)
    assert (answer.status_code, words in answer.json["message"]) == (422, True), answer.json


def test_a_file_without_a_name_is_refused(server: Server) -> None:
    body = b'--edge\r\nContent-Disposition: form-data; name="files"; filename=" "\r\n\r\nII*\0\r\n--edge--\r\n'
    answer = server.client.post(
        "/uploads", data=body, content_type="multipart/form-data; boundary=edge", headers=HEADERS
    )
    assert "without a name" in answer.json["refused"][0]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {**HEADERS, "Sec-Fetch-Site": "cross-site"},
        {**HEADERS, "Sec-Fetch-Site": "same-site"},
        {**HEADERS, "Origin": "https://elsewhere.example"},
        {**HEADERS, "Origin": "null"},
        {},
    ],
    ids=["another site", "a sibling", "another origin", "a hidden origin", "a plain form"],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_other_pages_may_send_and_remove_nothing(server: Server, method: str, headers: dict[str, str]) -> None:
    data = {"files": [(io.BytesIO(content), name) for name, content in pair()]} if method == "POST" else None
    address = "/uploads" if method == "POST" else "/uploads/lake"
    answer = server.client.open(address, method=method, data=data, headers=headers)
    assert answer.status_code == 403
