"""Every way in, asked the same: folder, single file, catalog, upload, model server and Lambda, each by its own real code."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.aws.endpoint import lambda_handler
from model.inference.ahead import load_chip
from model.predictors.local import LocalPredictor
from model.serving.app import create_server
from model.serving.inference import NOTES
from model.serving.service import ModelService
from model.serving.settings import ServingSettings
from model.wire import NPY, TIFF, decode_npy
from tests.waiting import until_ready
from tiles.answers import Answers, bands_of, for_choosing, for_requests, units_of
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.errors import FloodscopeError, SourceError

FILE = "FILE"
"""What a file is called in a verdict, whatever a door calls it."""

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Verdict:
    """What a door makes of an image.

    Attributes:
        refusal: the sentence that refuses it, None where it is taken.
        raster: bytes of its probability raster, where it is taken.
        notes: what is told of it.
    """

    refusal: str | None
    raster: bytes | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


@dataclass
class Doors:
    """The doors of one model."""

    folder: Path
    model: LocalPredictor
    uploads: FlaskClient
    workspace: Workspace
    server: FlaskClient

    def of_files(self, files: Files, said: Mapping[str, str] | None = None) -> dict[str, Verdict]:
        """Return what the doors that take several files say: folder, file, catalog and upload."""
        said = said or {}
        answers = Answers(units_of(said.get("units")), bands_of(said.get("bands")))
        place = self.folder / "files"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for name, content in files.items():
            (place / name).write_bytes(content)
        table = self.folder / "catalog.parquet"
        first = place / next(iter(files))
        names = {str(place / name): _called(name, files) for name in files}

        def catalog() -> ChipRecord:
            open_catalog([place], answers).to_parquet(table)
            return _only(table, Answers())

        return {
            "folder": self._read(lambda: _only(place, answers), names),
            "file": self._read(lambda: _only(first, answers), names),
            "catalog": self._read(catalog, names),
            "upload": self._upload(files, said),
        }

    def of_body(self, name: str, body: bytes, said: Mapping[str, str] | None = None) -> dict[str, Verdict]:
        """Return what the doors that take a body say: model server and Lambda."""
        kind = "; ".join([TIFF, *(f"{key}={value}" for key, value in (said or {}).items()), f'name="{name}"'])
        answer = self.server.post("/invocations", data=body, headers={"Content-Type": kind, "Accept": NPY})
        served = _answered(answer.status_code, answer.data, answer.headers)
        event = {
            "requestContext": {"http": {"method": "POST"}},
            "rawPath": "/invocations",
            "headers": {"Content-Type": kind, "Accept": NPY},
            "isBase64Encoded": True,
            "body": base64.b64encode(body).decode(),
        }
        said_by = lambda_handler.handler(event, None)
        content = base64.b64decode(said_by["body"])
        return {"serve": served, "lambda": _answered(said_by["statusCode"], content, said_by["headers"])}

    def of(self, name: str, content: bytes, said: Mapping[str, str] | None = None) -> dict[str, Verdict]:
        """Return what all six doors say of one file of two bands."""
        return self.of_files({name: content}, said) | self.of_body(name, content, said)

    def _read(self, find: Callable[[], ChipRecord], names: Mapping[str, str]) -> Verdict:
        try:
            record = find()
            chip = load_chip(record).chip
            return Verdict(None, self.model.predict([chip])[0].tobytes(), chip.notes)
        except FloodscopeError as error:
            return Verdict(_neutral(str(error), names))

    def _upload(self, files: Files, said: Mapping[str, str]) -> Verdict:
        answer = self.uploads.post(
            f"/uploads?{urlencode(said)}",
            data={"files": [(io.BytesIO(content), name) for name, content in files.items()]},
            headers={"X-Floodscope": "test"},
            content_type="multipart/form-data",
        )
        assert answer.status_code == 200, answer.data
        names = {name: _called(name, files) for name in files}
        if answer.json["refused"]:
            assert not answer.json["added"]
            return Verdict(_neutral(" ".join(refusal["message"] for refusal in answer.json["refused"]), names))
        (added,) = answer.json["added"]
        record = self.workspace.catalog.get(added["id"])
        chip = load_chip(record).chip
        raster = self.model.predict([chip])[0].tobytes()
        told = " ".join(filter(None, (*chip.notes, record.unplaced, record.assumed_grid)))
        assert (added["message"] or "") == for_choosing(told), "the sender is told other things than who opens the chip"
        assert self.uploads.delete(f"/uploads/{added['id']}", headers={"X-Floodscope": "test"}).status_code == 200
        return Verdict(None, raster, chip.notes)


def differences(verdicts: Mapping[str, Verdict]) -> str | None:
    """Return which doors disagree, and about what; None where all say one thing."""
    reference = next(iter(verdicts.values()))
    other = {name: verdict for name, verdict in verdicts.items() if verdict != _expected(reference, name)}
    if not other:
        return None
    shown = {
        name: verdict if verdict.refusal != reference.refusal else "other bytes or notes"
        for name, verdict in other.items()
    }
    return f"{next(iter(verdicts))}: {reference}, but " + "; ".join(f"{name}: {what}" for name, what in shown.items())


def _expected(reference: Verdict, door: str) -> Verdict:
    """Return a verdict as a door words it: the page offers choices, a request has parameters, a command has options."""
    words: Callable[[str], str] = {"upload": for_choosing, "serve": for_requests, "lambda": for_requests}.get(door, str)
    refusal = None if reference.refusal is None else words(reference.refusal)
    told = (for_requests(note) if door in ("serve", "lambda") else note for note in reference.notes)
    return replace(reference, refusal=refusal, notes=tuple(told))


@contextmanager
def open_doors(folder: Path, bundle: Path, other: Path) -> Iterator[Doors]:
    """Open the doors of one bundle.

    Args:
        folder: for files.
        bundle: the model.
        other: a source that the dashboard is opened with.
    """
    service = ModelService(bundle, ServingSettings(threads=1, workers=1))
    service.start()
    until_ready(service.not_ready)
    workspace = Workspace(Settings((other,), folder / "data", model="backscatter"))
    before = os.environ.get("FLOODSCOPE_MODEL")
    os.environ["FLOODSCOPE_MODEL"] = str(bundle)
    try:
        model = LocalPredictor(bundle, threads=1)
        uploads = create_app(workspace).server.test_client()
        yield Doors(folder, model, uploads, workspace, create_server(service).test_client())
    finally:
        os.environ.pop("FLOODSCOPE_MODEL")
        if before is not None:
            os.environ["FLOODSCOPE_MODEL"] = before
        workspace.close()
        service.drain()


def _only(source: Path, answers: Answers) -> ChipRecord:
    catalog = open_catalog([source], answers)
    problems = [problem for problem in catalog.problems() if problem.name not in catalog]
    if problems or len(catalog) != 1:
        raise SourceError(f"{len(catalog)} chips: " + " ".join(p.message for p in catalog.problems()))
    return catalog.records()[0]


def _called(name: str, files: Files) -> str:
    return FILE if len(files) == 1 else name


def _answered(status: int, content: bytes, headers: Any) -> Verdict:
    if status == 200:
        return Verdict(None, decode_npy(content, ("u1",)).tobytes(), tuple(json.loads(headers.get(NOTES) or "[]")))
    text = content.decode()
    message = json.loads(text)["message"] if text.startswith("{") else text.removesuffix("\n")
    assert 400 <= status < 500, (status, message)
    return Verdict(_neutral(message, {"the GeoTIFF in the body": FILE, "The GeoTIFF in the body": FILE}))


def _neutral(sentence: str, names: Mapping[str, str]) -> str:
    """Return a sentence with a door's names for the file and the chip taken out."""
    for name, called in sorted(names.items(), key=lambda pair: -len(pair[0])):
        sentence = sentence.replace(name, called)
    if sentence.startswith("Chip ") and " has no valid pixel" in sentence:
        return "Chip" + sentence[sentence.index(" has no valid pixel") :]
    return sentence
