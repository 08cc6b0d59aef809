"""Images over HTTP: sent as a form of files, listed, removed; and the catalog as it is afterwards."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from werkzeug.wsgi import get_input_stream

from dashboard.uploads.asking import OPTIONS, shown_answers
from dashboard.uploads.batch import Batch, too_large
from dashboard.uploads.grouping import Outcome
from dashboard.uploads.shelf import Uploads
from dashboard.workspace.following import Place
from dashboard.workspace.payloads import catalog_payload
from tiles.answers import Answers, answers_of
from tiles.chip import ChipRecord
from tiles.errors import ChipNotFoundError, ModelError, StoreError, UploadError, UsageError
from tiles.sentences import named

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

# Of a form's fields that are no files, of which a page sends none; the parser's own buffer counts too.
_FIELD_BYTES = 1 << 20
# A refused sender goes on sending for a moment: so much of it is read, that it can hear why.
_DRAINED_BYTES = 8 << 20


def uploads_blueprint(workspace: Workspace, uploads: Uploads, mark: str) -> Blueprint:
    """Return the routes `/uploads/...`.

    Args:
        workspace: whose catalog the images are part of.
        uploads: where they are kept.
        mark: of the page that this server gives (`Page.mark`): one that has another is told.
    """
    routes = Blueprint("uploads", __name__, url_prefix="/uploads")

    @routes.get("")
    def listed() -> Response:
        uploads.follow()
        return jsonify(images=[_shown(uploads, record) for record in uploads.records()])

    @routes.get("/catalog")
    def catalog() -> Response:
        """Answer an open page, which asks every few seconds, with what is other than it has: chips, and what is predicted."""
        uploads.follow()  # another server may share the folder
        answer: dict[str, Any] = {"renewed": True} if request.args.get("page", mark) != mark else {}
        try:
            workspace.arrivals.follow()
            answer |= _predicted(workspace)
        except StoreError as error:  # what is there is shown while the database is away
            answer["trouble"] = named(str(error))
        if request.args.get("since") != workspace.catalog.version:
            # A page asks for columns then; to a program the catalog is told here.
            columns = request.args.get("form") == "columns"
            answer |= (
                {"version": workspace.catalog.version}
                if columns
                else catalog_payload(workspace.catalog, workspace.name())
            )
        return jsonify(answer) if answer else Response(status=HTTPStatus.NO_CONTENT)

    @routes.post("")
    def receive() -> Response:
        answers = _answers()
        try:
            with uploads.receiving(request.content_length) as batch:
                _receive(batch)
                outcome = uploads.keep(batch, answers)
        except UploadError:
            _drain()
            raise
        refused = [asdict(refusal) for refusal in outcome.refused]
        added = [{**_shown(uploads, r), "message": _told(outcome, r)} for r in outcome.added]
        return jsonify(added=added, refused=refused)

    @routes.post("/<chip>")
    def answer(chip: str) -> Response:
        """Read an image that is kept by another answer than before."""
        _answers()
        before = next((r for r in uploads.records() if r.id == chip), None)
        record, told = uploads.answer(chip, request.args.to_dict())
        if before is not None:
            workspace.forget(before)  # what was predicted of it as it was read then
        return jsonify({**_shown(uploads, record), "message": " ".join(told) or None})

    @routes.delete("/<chip>")
    def remove(chip: str) -> Response:
        uploads.follow()
        record = next((r for r in uploads.records() if r.id == chip), None)
        if record is None:
            raise ChipNotFoundError(f"No image {chip[:80]!r} was sent here, so none is removed.")
        workspace.forget(record)  # while its files, which the predictions are of, are there
        uploads.remove(chip)
        return jsonify(removed=chip)

    return routes


def _predicted(workspace: Workspace) -> dict[str, Any]:
    """Return what was predicted by the model of a page since it asked; nothing of a page that shows none, or of no news."""
    spec, of = request.args.get("model"), request.args.get("of")
    cursor = request.args.get("cursor", type=int)
    if not spec or not of or cursor is None:
        return {}
    try:
        found = workspace.predicted_since(spec, Place(of, cursor), whole=request.args.get("form") == "columns")
    except ModelError:  # one that is gone says so where it is used
        return {}
    return {"predicted": found} if found.get("place") != {"of": of, "cursor": cursor} else {}


def _receive(batch: Batch) -> None:
    """Write the files of the present request to disk as they come."""
    if request.mimetype != "multipart/form-data":
        raise UploadError("Images are sent as a form of files (multipart/form-data), the field named files.")

    def begin(
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> Any:
        return batch.begin(filename or "")

    stream = get_input_stream(request.environ, max_content_length=batch.limits.batch_bytes)
    parser = FormDataParser(
        stream_factory=begin, max_form_memory_size=_FIELD_BYTES, max_form_parts=batch.limits.files + 10, silent=False
    )
    try:
        parser.parse(stream, request.mimetype, request.content_length, request.mimetype_params)
    except (ValueError, HTTPException) as error:
        status = error.code if isinstance(error, HTTPException) else None
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and batch.received > batch.limits.batch_bytes - _FIELD_BYTES:
            raise too_large(batch.limits) from error
        raise UploadError("The form of files is damaged, or the connection broke: send the images again.") from error


def _drain() -> None:
    stream, left = cast(Any, request.environ["wsgi.input"]), _DRAINED_BYTES
    try:
        while left > 0 and (part := stream.read(64 << 10)):
            left -= len(part)
    except (OSError, ValueError):
        pass


def _told(outcome: Outcome, record: ChipRecord) -> str | None:
    """Return what a sender is told of an image that was taken in, or None."""
    return " ".join(filter(None, (*outcome.told.get(record.id, ()), record.unplaced, record.assumed_grid))) or None


def _answers() -> Answers:
    """Return what the sender says of the files: units, bands and label_values in the address."""
    strange = [name for name in request.args if name not in OPTIONS]
    if strange:
        raise UsageError(f"{strange[0][:40]!r} is no question of an image: say {', '.join(OPTIONS)}.")
    return answers_of(request.args)


def _shown(uploads: Uploads, record: ChipRecord) -> dict[str, Any]:
    upload = uploads.upload(record)
    kept = {"names": list(upload.names), "choices": shown_answers(upload)} if upload else {"names": [], "choices": []}
    return {"id": record.id, "labelled": record.has_label, "country": record.country, **kept}
