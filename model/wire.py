"""Images as bytes: what the model server reads and writes, and what its clients write and read. No pickle anywhere."""

from __future__ import annotations

import contextlib
import io
import json
import math
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from numpy.lib import format as npy
from rasterio.errors import NotGeoreferencedWarning

from tiles.answers import Answers, answers_of, for_requests
from tiles.chip import ANCILLARY, Asset, Chip, ChipRecord
from tiles.errors import ChipError, MediaTypeError, NotAcceptableError, RequestError, TooLargeError, UsageError
from tiles.grid import Grid
from tiles.probability import NODATA, level
from tiles.reading.directory import pixels_of
from tiles.reading.door import backscatter, read_chip, require_data
from tiles.reading.headers import Headers, header, inspected
from tiles.reading.raster import DRIVER, MAX_PIXELS
from tiles.reading.units import Numbers
from tiles.sentences import T, named

NPY = "application/x-npy"
TIFF = "image/tiff"
JSON = "application/json"
OURS = f"{NPY}; from=floodscope"
"""What floodscope's own clients send: chips that its door has let in, in dB, NaN where there is no data."""

DESCRIBE = b'{"describe": "model"}'
"""A request of type application/json that asks which model answers, in place of images."""

_PARAMETERS = {NPY: ("units", "bands", "from"), TIFF: ("units", "bands", "name")}
_IGNORED = (
    "charset",
    "version",
    "application",
    "profile",
)  # what clients and the names of GeoTIFF add, which says nothing here

MAX_CHANNELS = 2 + len(ANCILLARY)
_MAX_HEADER = 1000  # characters of a .npy header; what numpy itself writes has under 130
_INPUT_TYPES = {"f2": "float16", "f4": "float32", "f8": "float64"}

ByteArray = npt.NDArray[np.uint8]


def decode_images(body: bytes, content_type: str) -> list[Chip]:
    """Return the images of a request as chips, of which only the bands count.

    Args:
        body: as `content_type` says: `application/x-npy`, float16, float32 or float64 (N, C, H, W), of which the first two
            channels are VV and VH; NaN, 0 and what no radar measures is no data. Or `image/tiff`: a GeoTIFF of VV and VH.
        content_type: its media type. Its parameters answer the door's questions: `units=power`, `bands="VH,VV"`, which names
            bands or channels in their order; `name=` is what a GeoTIFF is called, since products are known by their names.
            OURS says that the images went through floodscope's door before: they are in dB, and nothing is decided again.

    Raises:
        MediaTypeError: it is of another type.
        TooLargeError: it has more pixels than can be read at once.
        RequestError: it is damaged, or holds something else.
    """
    kind = media_type(content_type)
    if kind not in _PARAMETERS:
        raise not_read(content_type)
    said = _parameters(content_type)
    try:
        answers = answers_of(said)
    except UsageError as error:
        raise RequestError(str(error)) from None
    if kind == NPY:
        return _chips_of(decode_npy(body), answers, ours=said.get("from") == "floodscope")
    return [_read_tiff(body, answers, said.get("name"))]


def count_images(body: bytes, content_type: str) -> tuple[int, int]:
    """Return how many images a request's body says that it holds, and their pixels in all, before anything is made of them.

    Zeros for a body that says neither: what is wrong with it, `decode_images` tells.
    """
    kind = media_type(content_type)
    if kind == TIFF:
        return 1, pixels_of(io.BytesIO(body))
    if kind == NPY:
        with contextlib.suppress(RequestError):
            shape = decode_npy(body).shape
            return (shape[0], math.prod(shape) // shape[1]) if len(shape) == 4 else (0, 0)
    return 0, 0


def _parameters(content_type: str) -> dict[str, str]:
    """Return the parameters of a Content-Type, names in lower case, quotes taken off.

    Raises:
        RequestError: one of them is not known: it would be ignored, and its sender would not know.
    """
    known = _PARAMETERS[media_type(content_type)]
    found = {}
    for part in filter(str.strip, content_type.split(";")[1:]):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if (key := name.lower()) not in (*known, *_IGNORED):
            raise RequestError(
                f"The Content-Type has the parameter {name[:40]!r}, which is not known: {', '.join(known)} are."
            )
        found[key] = value.strip('"')
    return found


def not_read(content_type: str) -> MediaTypeError:
    """Return the error of a request of a type that is not read."""
    return MediaTypeError(
        f"Content-Type {content_type[:80]!r} is not read here: send {NPY} (float32 N x 2 x H x W, VV and VH in dB) or {TIFF} "
        "(a GeoTIFF of both)."
    )


def media_type(content_type: str) -> str:
    """Return a Content-Type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def negotiate(accept: str | None) -> str:
    """Return the type of answer that an Accept header wants most; `application/x-npy` where it wants any, or is empty.

    Raises:
        NotAcceptableError: it wants none that is written here.
    """
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate((accept or "*/*").split(",")):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if quality > 0.0:
            wanted.append((-quality, place, name))
    anything = {"*/*": NPY, "": NPY, "application/*": NPY, "image/*": TIFF}
    for _, _, name in sorted(wanted):
        if name in (NPY, TIFF, JSON) or name in anything:
            return anything.get(name, name)
    raise NotAcceptableError(
        f"Accept {(accept or '')[:80]!r} asks for no type that is written here: {NPY}, {TIFF}, {JSON}."
    )


# --- .npy -------------------------------------------------------------------------------------------------------------
def encode_npy(array: npt.NDArray[np.generic]) -> bytes:
    """Return an array as the bytes of a .npy file."""
    out = io.BytesIO()
    npy.write_array(out, np.ascontiguousarray(array), allow_pickle=False)
    return out.getvalue()


def decode_npy(body: bytes, types: Sequence[str] = tuple(_INPUT_TYPES)) -> npt.NDArray[np.generic]:
    """Return the array in the bytes of a .npy file: a view of them, of 1 to 4 dimensions.

    Nothing is allocated for what a header claims: the bytes must be there. Nothing is unpickled: a pickle is a program.

    Args:
        body: the file.
        types: the types of number that are taken, as numpy's "f4".

    Raises:
        RequestError: what it is instead.
    """
    stream = io.BytesIO(body)
    try:
        # Version 2 has longer headers; version 3 has names that are not Latin, and plain numbers have no names.
        read = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream, max_header_size=_MAX_HEADER)
    # A header is a Python literal from a stranger: what its parsers raise depends on what is wrong with it (SyntaxError,
    # TokenError, RecursionError, MemoryError and more).
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise RequestError(f"The body is no .npy file that can be read ({reason}): write it with numpy.save.") from None
    if dtype.hasobject:
        raise RequestError("The body holds pickled Python objects, which are never read: send numbers of float32.")
    if dtype.str[1:] not in types:
        known = " or ".join(_INPUT_TYPES.get(name, str(np.dtype(name))) for name in types)
        raise RequestError(f"The body holds {str(dtype)[:40]} numbers: send {known}.")
    if not 1 <= len(shape) <= 4 or not all(type(side) is int and side > 0 for side in shape):
        raise RequestError(f"The body has the shape {str(shape)[:80]}: each of up to four sides must be 1 or more.")
    there, said = len(body) - stream.tell(), math.prod(shape) * dtype.itemsize
    if there != said:
        raise RequestError(
            f"The body has {there:,} bytes of numbers, but its header {str(shape)[:80]} says {str(said)[:30]}: it was cut off or "
            "damaged, send it again."
        )
    flat: npt.NDArray[np.generic] = np.frombuffer(body, dtype=dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def _chips_of(images: npt.NDArray[np.generic], answers: Answers, *, ours: bool) -> list[Chip]:
    if images.ndim != 4 or not 2 <= images.shape[1] <= MAX_CHANNELS:
        raise RequestError(
            f"The body has the shape {images.shape}: send (N, 2, H, W), that is images x (VV, VH) x rows x columns."
        )
    height, width = images.shape[2:]
    if height * width > MAX_PIXELS:
        raise TooLargeError(f"An image has {height:,} x {width:,} pixels, {MAX_PIXELS:,} at most: cut it into tiles.")
    grid = Grid.unplaced(width, height)
    if answers.bands:
        images = images[:, _order(answers.bands, images.shape[1])]
    if ours:
        return [_chip_let_in(i, bands.astype(np.float32), grid) for i, bands in enumerate(images)]
    return [_chip_of(i, bands.astype(np.float32), grid, answers) for i, bands in enumerate(images)]


def _order(said: tuple[str, ...], channels: int) -> list[int]:
    """Return the channels in the order VV, VH, further ones, by what each is said to be; what is left aside is left out.

    Raises:
        RequestError: more are named than there are.
    """
    if len(said) > channels:
        raise RequestError(
            f"The body has {channels} channels, and bands names {len(said)} ({','.join(said)}): name each of them, - for "
            "one that is left aside."
        )
    return [said.index("VV"), said.index("VH"), *range(len(said), channels)]


def _chip_let_in(number: int, bands: npt.NDArray[np.float32], grid: Grid) -> Chip:
    """Return a chip that a floodscope sent: its door was passed there, and what was changed since is meant."""
    vv, vh = bands[:2]
    valid = np.isfinite(vv) & np.isfinite(vh)
    vv[~valid] = vh[~valid] = np.nan
    return Chip(f"image {number}", vv, vh, valid, None, grid, **dict(zip(ANCILLARY, bands[2:], strict=False)))


def _chip_of(number: int, bands: npt.NDArray[np.float32], grid: Grid, answers: Answers) -> Chip:
    there = np.ones(grid.shape, dtype=np.bool_)
    vv, vh = (Numbers(name, f"Image {number}", band, there) for name, band in zip(("VV", "VH"), bands[:2], strict=True))
    try:
        both = backscatter(vv, vh, answers)
    except ChipError as error:
        raise RequestError(for_requests(str(error))) from None
    further = dict(zip(ANCILLARY, bands[2:], strict=False))
    return Chip(f"image {number}", both.vv, both.vh, both.valid, None, grid, **further, decisions=both.decisions)


# --- GeoTIFF ----------------------------------------------------------------------------------------------------------
def _read_tiff(body: bytes, answers: Answers, called: str | None) -> Chip:
    """Return the chip in a GeoTIFF; bands that the file names VV, VH, elevation and permanent water are found by that."""
    with tempfile.TemporaryDirectory(prefix="floodscope-") as folder:
        path = str(Path(folder) / "image.tif")
        Path(path).write_bytes(body)
        headers: Headers = {}
        try:
            names = [(name or "").strip().lower().replace(" ", "_") for name in header(path, headers).descriptions]
            further = {name: Asset(path, names.index(name) + 1) for name in ANCILLARY if name in names}
            image = Asset(path, name=called or None)
            record = ChipRecord(
                "image 0",
                vv=image,
                vh=image,
                elevation=further.get("elevation"),
                permanent_water=further.get("permanent_water"),
                answers=answers,
            )
            chip = require_data(read_chip(inspected(record, headers), with_label=False))
        except ChipError as error:
            raise RequestError(for_requests(_in_body(str(error)))) from None
    return replace(chip, ancillary_problem=_in_body(chip.ancillary_problem))


def _in_body(sentence: T) -> T:
    """Return what is wrong with the file that a body was written to, which its sender never saw."""
    return named(sentence, lambda _: "the GeoTIFF in the body")


def encode_tiff(rasters: Sequence[ByteArray], grid: Grid | None) -> bytes:
    """Return probability rasters (contract 2) of one shape as the bands of a GeoTIFF, where the images had a grid on it."""
    height, width = rasters[0].shape
    placed = {} if grid is None else {"crs": grid.crs, "transform": grid.transform}
    with warnings.catch_warnings(), rasterio.MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(
            driver=DRIVER,
            width=width,
            height=height,
            count=len(rasters),
            dtype="uint8",
            nodata=NODATA,
            compress="deflate",
            **placed,
        ) as dataset:
            dataset.write(np.stack(rasters))
        return bytes(memory.read())


# --- JSON -------------------------------------------------------------------------------------------------------------
def encode_masks(rasters: Sequence[ByteArray], threshold: float) -> bytes:
    """Return masks as a JSON list (N, H, W) of 0 and 1, no data as 0: for clients that know nothing of probability."""
    at = level(threshold)
    masks = [((raster >= at) & (raster != NODATA)).astype(np.uint8).tolist() for raster in rasters]
    return json.dumps(masks, separators=(",", ":")).encode()
