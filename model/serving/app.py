"""The model server over HTTP: /ping, /invocations, /endpoints/{name}/invocations, /metrics. A thin skin over ModelService."""

from __future__ import annotations

import json
import time
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from model.serving.inference import notes_header
from model.serving.log import LOG
from model.serving.service import ModelService
from model.wire import JSON
from tiles.errors import FloodscopeError, RequestError, http_status

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
"""The one header that the hosting service passes on both ways; ours says which model answered."""
RETRY_AFTER_S = 1

_CHUNK = 1 << 20
_STALL_S = 20.0  # a body of which nothing comes for so long was given up by its sender
_LEFT_BYTES, _LEFT_S = 16 << 20, 5.0  # so much of a refused body is read and thrown away, so that its client hears why
UNREAD = "floodscope.unread"
"""Set in a request's environment where bytes of its body are still to come: the connection cannot go on."""
_READ, _WHOLE = "floodscope.read", "floodscope.whole"
_MODEL_ERROR = 424  # how the hosting service answers where a container did not answer 200


def create_server(service: ModelService) -> Flask:
    """Return the WSGI application of a service."""
    app = Flask("floodscope.serve")

    @app.get("/ping")
    def ping() -> Response:
        why = service.not_ready()
        if why is not None:
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "BusyError", why)
        return _json(HTTPStatus.OK, {"status": "ready", "model": service.model.name, "id": service.model.model_id})

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(service.metrics.text(), content_type=service.metrics.content_type)

    @app.post("/invocations")
    def invocations() -> Response:
        return _invoke(service)

    @app.post("/endpoints/<name>/invocations")
    def endpoint(name: str) -> Response:
        response = _invoke(service)
        return response if response.status_code == HTTPStatus.OK else _as_model_error(response)

    @app.after_request
    def read_the_rest(response: Response) -> Response:
        if not _nothing_left():
            request.environ[UNREAD] = True
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        message = (
            f"{request.method} {request.path[:80]} is not known here: POST /invocations, GET /ping or GET /metrics."
        )
        response = _error(error.code or HTTPStatus.BAD_REQUEST, "RequestError", message)
        if isinstance(allowed := getattr(error, "valid_methods", None), list | tuple | set):
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    return app


def _invoke(service: ModelService) -> Response:
    """Answer a request for predictions, and take note of it."""
    began = time.monotonic()
    size = _content_length()
    received = 0
    fields: dict[str, object] = {"path": request.path[:100], "bytes_in": size}

    def read() -> bytes:
        nonlocal received
        body = _read_body(service, size, began)
        received = len(body)
        return body

    try:
        reply = service.invoke(
            size, read, request.headers.get("Content-Type", ""), request.headers.get("Accept"), began
        )
    except FloodscopeError as error:
        status = http_status(error)
        response = _error(status, type(error).__name__, str(error))
        fields["error"] = str(error)
    except Exception as error:
        LOG.exception("a defect of floodscope", extra={"fields": fields})
        response = _error(500, type(error).__name__, "The server failed on this request; its log says where.")
    else:
        response = Response(reply.body, content_type=reply.content_type)
        response.headers[ATTRIBUTES] = f"floodscope-model={reply.model_id}"
        response.headers.update(notes_header(reply.notes))
        fields |= {"images": reply.images, **({"notes": list(reply.notes)} if reply.notes else {})}
    seconds = time.monotonic() - began
    sent = response.content_length or 0
    service.metrics.request(response.status_code, seconds, received, sent)
    fields |= {"status": response.status_code, "seconds": round(seconds, 4), "bytes_in": received, "bytes_out": sent}
    LOG.info("request", extra={"fields": fields})
    return response


def _content_length() -> int | None:
    """Return what the header says, None where there is none (a body in chunks)."""
    text = request.environ.get("CONTENT_LENGTH") or ""
    if text.isdecimal():
        return int(text[:20])
    return None if request.environ.get("HTTP_TRANSFER_ENCODING") else 0


def _nothing_left() -> bool:
    """Throw away what was not read of a refused body; whether all of it has come.

    Who is cut off while it sends does not see the answer, and who keeps the connection would lose its next request.
    """
    if request.environ.get(UNREAD):
        return False
    size, there = _content_length(), int(request.environ.get(_READ, 0))
    if size is None:
        return bool(request.environ.get(_WHOLE) or not request.environ.get("HTTP_TRANSFER_ENCODING"))
    if size - there > _LEFT_BYTES:
        return False
    if (connection := request.environ.get("gunicorn.socket")) is not None:
        connection.settimeout(_LEFT_S)
    end = time.monotonic() + _LEFT_S
    while there < size and time.monotonic() < end:
        try:
            part = request.environ["wsgi.input"].read(min(_CHUNK, size - there))
        except Exception:  # as in _read_body
            return False
        if not part:
            return False
        there += len(part)
    return there >= size


def _read_body(service: ModelService, size: int | None, began: float) -> bytes:
    """Return the body, of which there is no more than is allowed, and which comes before the time is over.

    Raises:
        TooLargeError: it is larger.
        RequestError: it ends too early, or does not come.
    """
    stream = request.environ["wsgi.input"]
    if (connection := request.environ.get("gunicorn.socket")) is not None:
        connection.settimeout(_STALL_S)
    limit = service.max_bytes if size is None else size
    parts: list[bytes] = []
    there = 0
    while there <= limit and (size is None or there < size):
        try:
            part = stream.read(min(_CHUNK, limit + 1 - there) if size is None else min(_CHUNK, size - there))
        except Exception as error:  # a reset, a stall, or chunks that are none: each reader has errors of its own
            request.environ[UNREAD] = True
            raise RequestError(
                f"The body could not be read ({type(error).__name__}): send the request again."
            ) from error
        if not part:
            request.environ[_WHOLE] = True
            break
        parts.append(part)
        there += len(part)
        request.environ[_READ] = there
        if time.monotonic() - began > service.settings.time_limit_s:
            raise RequestError(f"The body did not come within {service.settings.time_limit_s:g} s: send it again.")
    if there > limit:
        raise service.too_large(there)
    if size is not None and there < size:
        raise RequestError(f"The body ended after {there:,} of {size:,} bytes: send it again.")
    return b"".join(parts)


def _json(status: int, content: dict[str, object]) -> Response:
    return Response(json.dumps(content), status=status, content_type=JSON)


def _error(status: int, kind: str, message: str) -> Response:
    response = _json(status, {"error": kind, "message": message})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _as_model_error(response: Response) -> Response:
    """Return an error as the hosting service passes it on to clients of an endpoint."""
    original = response.get_data(as_text=True)
    status = response.status_code
    content = {
        "Message": f"Received error ({status}) from primary with message {original!r}.",
        "OriginalStatusCode": status,
        "OriginalMessage": original,
        "LogStreamArn": "",
    }
    wrapped = _json(_MODEL_ERROR, content)
    wrapped.headers["x-amzn-errortype"] = "ModelError"
    return wrapped
