"""Random requests to a dashboard, from a seed: its own routes and others, methods, queries, headers, bodies of any kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from dash import Dash

Request = tuple[str, str, dict[str, str], bytes]
"""Method, address, headers, body."""

_METHODS = ["GET", "GET", "GET", "POST", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"]
_WORDS = [
    "",
    "<script>",
    "'\"",
    "a" * 3000,
    "stored:" + "0" * 32,
    *[
        "0",
        "-1",
        "1",
        "x",
        "..",
        "../../etc/passwd",
        "%00",
        "%ff%fe",
        "%2e%2e%2f",
        "é",
        "%F0%9F%8C%8A",
        "null",
        "NaN",
        "1e999",
        "composite",
        "score",
        "mask",
        "hflip",
        "0.png",
    ],
    *[
        "backscatter",
        "floodscope",
        "backscatter:otsu",
        "backscatter:1e400",
        "stored:x",
        "/etc/passwd",
        "http://127.0.0.1:1/invocations",
    ],
    *[
        "dash_leaflet",
        "dash",
        "dash_leaflet.min.js",
        "3/1/1.png",
        "3/1/1@2x.png",
        "99999999/0/0.png",
        "22/99999999/99999999.png",
        "tilejson.json",
    ],
]
_QUERIES = [
    "model",
    "first",
    "second",
    "since",
    "lon",
    "lat",
    "prediction",
    "threshold",
    "nodata",
    "click",
    "units",
    "bands",
    "m",
    "x",
]
_TYPES = [*["application/json"] * 2, "text/plain", "", "multipart/form-data", "multipart/form-data; boundary=x", "\xff"]
_NAMES = [
    "Accept-Encoding",
    "If-None-Match",
    "Range",
    "X-Forwarded-Prefix",
    "X-Forwarded-Host",
    "Cookie",
    "Origin",
    "Sec-Fetch-Site",
]
_VALUES = [
    "",
    *[
        "gzip",
        "*",
        "bytes=0-1",
        "bytes=9-1",
        '"x"',
        "/a/b",
        "localhost",
        "http://localhost",
        "same-origin",
        "cross-site",
        ";,=",
        "é",
    ],
]
_RING = [[0, 0], [1, 0], [1, 1], [0, 0]]
_JSONS: list[Any] = [
    *[
        None,
        True,
        0,
        -1,
        1.5,
        0.5,
        10**30,
        "",
        "x",
        "backscatter",
        "\ud800",
        [],
        {},
        [1],
        ["x"],
        ["csv"],
        ["report", "stac"],
        {"a": 1},
    ],
    *[{"type": "Polygon", "coordinates": corners} for corners in ([], [_RING], [[[0, 0]]])],
]
_FIELDS = [
    *(
        "ids",
        "model",
        "click",
        "type",
        "coordinates",
        "geometry",
        "threshold",
        "formats",
        "chips",
        "output",
        "inputs",
        "state",
    ),
    *("changedPropIds", "outputs", "id", "value"),
]


class Strangers:
    """Makes requests to an app.

    Args:
        app: whose routes and callbacks are asked.
        known: chips, revisions and models that there are, so that requests go deep.
        seed: of the random numbers.
    """

    def __init__(self, app: Dash, known: Sequence[str], seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._words = [*_WORDS, *known, *known]
        self._rules = [rule.rule for rule in app.server.url_map.iter_rules()]
        self._callbacks = [(output, entry) for output, entry in app.callback_map.items()]

    def requests(self, count: int) -> Iterator[Request]:
        """Yield so many requests."""
        for _ in range(count):
            yield self._request()

    def _pick(self, choices: Sequence[Any]) -> Any:
        return choices[int(self._rng.integers(len(choices)))]

    def _often(self, share: float) -> bool:
        return bool(self._rng.random() < share)

    def _request(self) -> Request:
        method = self._pick(_METHODS)
        path = self._path() if self._often(0.9) else f"/{self._pick(self._words)}/{self._pick(self._words)}"
        query = "&".join(
            f"{self._pick(_QUERIES)}={self._pick(self._words)}" for _ in range(int(self._rng.integers(0, 4)))
        )
        headers = {"X-Floodscope": "test"} if self._often(0.8) else {}
        headers |= {self._pick(_NAMES): self._pick(_VALUES) for _ in range(int(self._rng.integers(0, 2)))}
        makers: list[Callable[[], bytes]] = [
            self._json,
            self._json,
            self._callback,
            self._form,
            self._noise,
            lambda: b"",
        ]
        body = self._pick(makers)()
        if self._often(0.2):
            path, method, body = "/_dash-update-component", "POST", self._callback()
        path = "/" + path.lstrip("/")  # the client of tests takes what stands behind two for a host
        headers["Content-Type"] = self._pick(_TYPES) if self._often(0.5) else "application/json"
        return method, f"{path}?{query}" if query else path, headers, body

    def _path(self) -> str:
        parts = self._pick(self._rules).replace(">.", "> .").split("<")
        return (parts[0] + "".join(f"{self._pick(self._words)}{part.partition('>')[2]}" for part in parts[1:])).replace(
            " .", "."
        )

    def _json(self) -> bytes:
        if self._often(0.1):
            return bytes(
                self._pick([b"[" * 100_000, b'{"a":' * 2000, b"{}", b"[]", b"null", b"\xff\xfe", b'{"ids": null}'])
            )
        return json.dumps(
            {self._pick(_FIELDS): self._pick(_JSONS) for _ in range(int(self._rng.integers(1, 6)))}
        ).encode()

    def _callback(self) -> bytes:
        output, entry = self._pick(self._callbacks)
        places = [one.split(".") for one in output.strip(".").split("...")]
        outputs = [{"id": one[0], "property": one[-1]} for one in places]
        given = {
            part: [{**place, "value": self._pick([*_JSONS, *self._words])} for place in entry[part]]
            for part in ("inputs", "state")
        }
        changed = [f"{place['id']}.{place['property']}" for place in given["inputs"] if self._often(0.5)]
        body: dict[str, Any] = {
            "output": output,
            "outputs": outputs if output.startswith("..") else outputs[0],
            **given,
        }
        body["changedPropIds"] = changed
        if self._often(0.4):
            body[self._pick(_FIELDS)] = self._pick(_JSONS)
        if self._often(0.2):
            body.pop(self._pick(list(body)))
        return json.dumps(body).encode()

    def _form(self) -> bytes:
        name = self._pick(self._words)
        content = bytes(self._pick([b"II*\0", b"", b"x" * 100, b"MM\0*" + b"\0" * 60]))
        head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}_vv.tif"\r\n\r\n'.encode(
            "utf-8", "replace"
        )
        return head + content + bytes(self._pick([b"\r\n--x--\r\n", b"\r\n--x", b"", b"\r\n--y--"]))

    def _noise(self) -> bytes:
        return self._rng.bytes(int(self._rng.integers(0, 300)))
