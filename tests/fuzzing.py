"""Random requests to a model server, right and wrong ones, from a seed: bodies, headers, shapes, and what no client sends."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np

from model.wire import DESCRIBE, NPY, encode_npy

Request = tuple[str, bytes, dict[str, str]]
_TYPES = [
    NPY,
    NPY,
    NPY,
    "image/tiff",
    "application/json",
    "text/plain",
    "",
    "application/x-npy; x=y",
    "application/x-npy; from=floodscope",
    "application/x-npy; units=power",
    "application/x-npy; units=amplitude; bands=VH,VV",
    'application/x-npy; units="dB"; bands=;;=',
    "\xff",
    "x" * 5000,
]
_ACCEPTS = [
    "",
    "*/*",
    NPY,
    "image/tiff",
    "application/json",
    "text/html",
    "application/*;q=0.5, image/*;q=0",
    ";;,,q=",
    "\xe9" * 300,
]
_PATHS = [
    "/invocations",
    "/invocations",
    "/endpoints/x/invocations",
    "/endpoints//invocations",
    "/ping",
    "/",
    "/metrics",
    "/%00",
]
_DTYPES = ["<f4", ">f4", "<f2", "<f8", "<i2", "|u1", "<c8", "|O", "|S4", "<U3", "|b1", "<M8[s]", "V8", "<f4,<f4"]
_SHAPES = [
    "(1, 2, 8, 8)", "(2, 2, 8, 8)", "(1, 2, 100000, 100000)", "(-1, 2, 8, 8)", "(0, 2, 8, 8)", "(1, 3, 8, 8)", "()",
    "(True, 2, 8, 8)", "(10**30,)", "(9999999999999999999999999999, 2, 8, 8)", "(1, 2, 8, 8, 1)", "(1.5,)", "None", "(1, 2, 8",
    "((((((((((1,),),),),),),),),)",
]  # fmt: skip


class Harm:
    """What must never be unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import builtins; builtins.floodscope_was_harmed = True",))


def pickled() -> bytes:
    """Return a .npy file that runs a program where it is read with allow_pickle."""
    out = io.BytesIO()
    np.lib.format.write_array(out, np.array([Harm()], dtype=object), allow_pickle=True)
    return out.getvalue()


def requests(count: int, seed: int = 0) -> Iterator[Request]:
    """Yield (path, body, headers), the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    makers = [_right, _values, _header, _cut, _flipped, _noise, _tiff, _json, _pickle, _empty]
    for _ in range(count):
        body = makers[rng.integers(len(makers))](rng)
        headers = {"Content-Type": str(rng.choice(_TYPES)), "Accept": str(rng.choice(_ACCEPTS))}
        if rng.random() < 0.6:  # so that bodies are looked at
            headers = {"Content-Type": NPY, "Accept": "*/*"}
        yield str(rng.choice(_PATHS)) if rng.random() < 0.3 else "/invocations", body, headers


def _right(rng: np.random.Generator) -> bytes:
    height, width = rng.integers(1, 40, 2)
    dtype = [np.float32, np.float16][rng.integers(2)]
    land = np.array([-9.0, -16.0])[:, None, None]  # VV and VH
    return encode_npy((land + rng.normal(0, 2, (rng.integers(1, 3), 2, height, width))).astype(dtype))


def _values(rng: np.random.Generator) -> bytes:
    strange = [np.nan, np.inf, -np.inf, 0.0, 3e38, -3e38, 1e-45, -9999.0, 255.0, 20000.0]
    image = rng.choice(strange, (1, 2, 16, 16)).astype(np.float32)
    return encode_npy(np.where(rng.random(image.shape) < 0.5, image, np.float32(-12)))


def _header(rng: np.random.Generator) -> bytes:
    order, shape = rng.choice(["True", "False", "1", "[]"]), rng.choice(_SHAPES)
    text = f"{{'descr': {str(rng.choice(_DTYPES))!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    if rng.random() < 0.2:
        text = str(
            rng.choice(
                [
                    "(" * 900,
                    "{" * 900,
                    "'" * 50,
                    "__import__('os').system('true')",
                    "\x00" * 20,
                    "{'descr': []}",
                    "é" * 40,
                ]
            )
        )
    header = text.encode("latin-1", "replace") + b"\n"
    version, size = ((1, 2), (2, 4), (3, 4), (9, 2))[rng.integers(4)]
    length = len(header) if rng.random() < 0.9 else int(rng.integers(0, 2 ** (8 * size) - 1))
    return (
        b"\x93NUMPY"
        + bytes([version, 0])
        + length.to_bytes(size, "little")
        + header
        + rng.bytes(int(rng.integers(0, 1200)))
    )


def _cut(rng: np.random.Generator) -> bytes:
    whole = _right(rng)
    return whole[: rng.integers(0, len(whole))]


def _flipped(rng: np.random.Generator) -> bytes:
    body = bytearray(_right(rng))
    for at in rng.integers(0, min(len(body), 160), rng.integers(1, 6)):
        body[at] = rng.integers(256)
    return bytes(body)


def _noise(rng: np.random.Generator) -> bytes:
    return rng.bytes(int(rng.integers(0, 3000)))


def _tiff(rng: np.random.Generator) -> bytes:
    return (b"II*\x00" if rng.random() < 0.5 else b"MM\x00+") + rng.bytes(int(rng.integers(0, 400)))


def _json(rng: np.random.Generator) -> bytes:
    return [DESCRIBE, b"[[[[0]]]]", b"[" * 900, b'{"describe": "all"}', b"null", b"\xff\xfe"][rng.integers(6)]


def _pickle(rng: np.random.Generator) -> bytes:
    return pickled() if rng.random() < 0.5 else pickle.dumps(Harm())


def _empty(_: np.random.Generator) -> bytes:
    return b""
