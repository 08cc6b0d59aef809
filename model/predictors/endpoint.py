"""A model that is served elsewhere: what all endpoints have in common, whatever carries the bytes to them and back."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from model.predictors.cards import plain_card
from model.predictors.endpoint_spec import EndpointSpec
from model.predictors.protocol import Parameter, by_shape
from model.wire import DESCRIBE, JSON, NPY, OURS, decode_npy, encode_npy
from tiles.chip import ANCILLARY, Chip
from tiles.errors import BandError, EndpointError, RequestError
from tiles.probability import NODATA
from tiles.sentences import shown

if TYPE_CHECKING:
    from model.bundle.manifest import Bundle

ByteArray = npt.NDArray[np.uint8]

UNKNOWN_MODEL = "endpoint"
"""The model id of an endpoint that does not say which model it serves, or was not asked yet."""
_MODEL_MARK = "floodscope-model="
_LONGEST_PAUSE_S = 15.0


class RefusedError(EndpointError):
    """An endpoint answers, and says that it does not understand the request."""


class NotNowError(EndpointError):
    """An endpoint asks to be asked again: it is throttled, or its model is not ready.

    Attributes:
        retry_after_s: when, where it says so.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Received:
    """What came back: the bytes, and what the endpoint says of itself beside them (its custom attributes)."""

    body: bytes
    attributes: str = ""


class Transport(Protocol):
    """Carries one request to an endpoint and its answer back. Tries once."""

    def send(self, body: bytes, content_type: str, accept: str) -> Received:
        """Return the answer.

        Raises:
            NotNowError: the same request may be sent again, since the endpoint has not worked on it.
            RefusedError: the endpoint does not understand the request.
            EndpointError: anything else; the request is not to be sent again.
        """
        ...


@dataclass(frozen=True)
class Described:
    """What an endpoint says of its model."""

    id: str = UNKNOWN_MODEL
    name: str = ""
    threshold: float = 0.5
    channels: tuple[str, ...] = ("vv", "vh")
    device: str = ""


class EndpointPredictor:
    """Predicts through an endpoint. Made at once; the endpoint is asked by `load`, `check` or the first prediction.

    Chips of one shape go together, as many as fit into one request. A request is sent again only where the endpoint says
    that it has not worked on it (throttled, not ready, full): after a read timeout it may be at work still.

    Args:
        spec: the endpoint.
        transport: carries the bytes.
    """

    batch_size = 1  # several go into a request as they fit
    needs_loading = True
    bundle: Bundle | None = None
    path: Path | None = None

    def __init__(self, spec: EndpointSpec, transport: Transport) -> None:
        self.spec = spec
        self._transport = transport
        self._described: Described | None = None
        self._lock = threading.Lock()
        self._note: str | None = None

    @property
    def name(self) -> str:
        """The model's name and the endpoint's."""
        model = self._described.name if self._described is not None else ""
        return f"{model} at {self.spec.label}" if model else self.spec.label

    @property
    def model_id(self) -> str:
        """The identity that the endpoint tells of its model; "endpoint" where it tells none, or was not asked yet."""
        return self._described.id if self._described is not None else UNKNOWN_MODEL

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Where the model is: another machine may round differently."""
        return {"endpoint": self.place}

    @property
    def place(self) -> str:
        """The endpoint's address or name, without how it is asked."""
        return self.spec.identity

    @property
    def device(self) -> str:
        """The endpoint, and what its model runs on where it tells."""
        on = f" ({self._described.device})" if self._described is not None and self._described.device else ""
        return f"endpoint {self.spec.label}{on}"

    @property
    def threshold(self) -> float:
        """The mask threshold that the endpoint tells."""
        return self._described.threshold if self._described is not None else 0.5

    @property
    def note(self) -> str | None:
        """What it waits for at the moment, for people; None where it waits for nothing but an answer."""
        return self._note

    def card(self) -> str:
        """Return what is known of it, as Markdown; the endpoint is not asked."""
        spec = self.spec
        where = spec.target if spec.kind == "http" else f"the SageMaker endpoint {spec.target}"
        told = "It has not told yet" if self.model_id == UNKNOWN_MODEL else "It tells"
        about = (
            f"A model that is served elsewhere: each chip that is predicted is sent to {where} as VV and VH in dB, and a "
            f"probability of water comes back. {told} which model it runs; what that was trained on and how well it does, its "
            "own card says, where it was trained."
        )
        return plain_card(self.name, about, self.model_id, self.parameters, self.threshold)

    def load(self) -> None:
        """Ask the endpoint which model it serves, unless that is known; waits while it is not ready.

        Raises:
            EndpointError: it cannot be asked; says why and what to do.
        """
        with self._lock:
            if self._described is None:
                self._described = self._describe(self._patiently(DESCRIBE, JSON, JSON, allow_refusal=True))

    def check(self) -> float:
        """Ask the endpoint once which model it serves; return how long that took, seconds.

        Raises:
            EndpointError: it cannot be asked now.
        """
        began = time.perf_counter()
        try:
            received: Received | None = self._transport.send(DESCRIBE, JSON, JSON)
        except RefusedError:
            received = None
        seconds = time.perf_counter() - began
        self._described = self._describe(received)
        return seconds

    def of_image(self, parts: Sequence[Chip]) -> EndpointPredictor:
        """Return itself: what its model takes from all of an image, it takes from each window that it is sent."""
        return self

    def rule_over(self, chip: Chip) -> npt.NDArray[np.float32] | None:
        """Return None: nobody here knows what its model is made of."""
        return None

    def by_pixel(self) -> Self:
        """Return itself: nobody here knows what its model does with what it is asked."""
        return self

    def predict(self, chips: Sequence[Chip]) -> list[ByteArray]:
        """Return one uint8 (H, W) probability raster a chip; all 255 where a chip has no valid pixel.

        Raises:
            EndpointError: the endpoint fails, or answers something else than probabilities.
            BandError: a chip lacks a channel that the endpoint's model needs.
        """
        self.load()
        rasters = [np.full(chip.valid.shape, NODATA, dtype=np.uint8) for chip in chips]
        for places in by_shape(chips):
            bands = [self._bands(chips[i]) for i in places]
            step = self._per_request(chips[places[0]], bands[0])
            for start in range(0, len(places), step):
                part = places[start : start + step]
                answers = self._ask([chips[i] for i in part], np.stack(bands[start : start + step]))
                for i, raster in zip(part, answers, strict=True):
                    rasters[i] = raster
        return rasters

    def _bands(self, chip: Chip) -> npt.NDArray[np.float32]:
        """Return what is sent of a chip: float32 (C, H, W), VV and VH, and what else the model needs."""
        needed = self._described.channels if self._described is not None else ()
        order = ("vv", "vh", *ANCILLARY)
        last = max((order.index(name) for name in needed if name in order), default=1)
        missing = [name.replace("_", " ") for name in needed if getattr(chip, name, None) is None]
        if missing:
            raise BandError(
                f"Chip {chip.id} has no {' and no '.join(missing)}, which the model of {self.spec.label} needs: put the files "
                "beside its images, or use a model of VV and VH alone."
            )
        empty = np.full(chip.valid.shape, np.nan, np.float32)
        planes = [np.where(chip.valid, chip.vv, empty), np.where(chip.valid, chip.vh, empty)]
        for name in order[2 : last + 1]:
            further = getattr(chip, name)
            planes.append(empty if further is None else further)
        return np.stack(planes).astype(np.float32, copy=False)

    def _per_request(self, chip: Chip, bands: npt.NDArray[np.float32]) -> int:
        header = len(encode_npy(bands[None, :, :0]))
        if header + bands.nbytes > self.spec.max_bytes:
            rows, columns = chip.valid.shape
            http = self.spec.kind == "http"
            way = f"{'#' if http else '?'}max_payload_mb={math.ceil((header + bands.nbytes) / 1e6)}"
            aws = "" if http else ", use an asynchronous endpoint (sagemaker:NAME?async=s3://BUCKET/PREFIX)"
            raise EndpointError(
                f"{rows:,} x {columns:,} pixels of chip {chip.id} are {bands.nbytes / 1e6:.1f} MB to send, above the "
                f"{self.spec.max_payload_mb:g} MB that {self.spec.label} is taken to accept: where it accepts more, say so "
                f"behind its address ({way}){aws}, or cut the chip."
            )
        return max(1, (self.spec.together_bytes - header) // bands.nbytes)

    def _ask(self, chips: Sequence[Chip], images: npt.NDArray[np.float32]) -> list[ByteArray]:
        received = self._patiently(encode_npy(images), OURS, NPY)
        assert received is not None  # noqa: S101 - a refusal is an error here
        try:
            answer = decode_npy(received.body, ("u1",))
        except RequestError as error:
            begins = shown(received.body[:40].decode("latin-1"))
            raise EndpointError(
                f"{self.spec.label} answers no probabilities as .npy of uint8, its answer begins {begins!r}: deploy floodscope's "
                f"own handler there. ({error})"
            ) from None
        if answer.shape != (len(chips), *chips[0].valid.shape):
            raise EndpointError(
                f"{self.spec.label} answers {answer.shape} for {len(chips)} image(s) of {chips[0].valid.shape}: deploy "
                "floodscope's own handler there."
            )
        rasters: list[ByteArray] = []
        for chip, raster in zip(chips, answer.astype(np.uint8), strict=True):
            if missing := int((raster[chip.valid] == NODATA).sum()):
                raise EndpointError(f"{self.spec.label} gives no probability for {missing} valid pixels of {chip.id}.")
            raster[~chip.valid] = NODATA
            rasters.append(raster)
        self._notice(received.attributes)
        return rasters

    def _notice(self, attributes: str) -> None:
        """Ask again which model answers, where another one has answered than was known."""
        for part in attributes.split(";"):
            told = part.strip().removeprefix(_MODEL_MARK)
            if part.strip().startswith(_MODEL_MARK) and told != self.model_id:
                self._described = None
                self.load()

    def _patiently(
        self, body: bytes, content_type: str, accept: str, *, allow_refusal: bool = False
    ) -> Received | None:
        """Send a request, again as long as the endpoint asks for that; None where it refuses it and may."""
        began, pause = time.monotonic(), 1.0
        try:
            while True:
                try:
                    return self._transport.send(body, content_type, accept)
                except NotNowError as later:
                    waited = time.monotonic() - began
                    step = min(later.retry_after_s or pause, _LONGEST_PAUSE_S)
                    if waited + step > self.spec.wait_s:
                        raise EndpointError(
                            f"{later} It has been asked for {waited:.0f} s; try again later."
                        ) from later
                    self._note = f"{later} Waiting, {waited:.0f} s so far …"
                    time.sleep(step)
                    pause *= 2
        except RefusedError:
            if allow_refusal:
                return None
            raise
        finally:
            self._note = None

    def _describe(self, received: Received | None) -> Described:
        """Return what an endpoint says of itself; one that does not understand the question is another's handler."""
        if received is None:
            return Described()
        try:
            raw: dict[str, Any] = json.loads(received.body)
            return Described(
                str(raw["id"])[:64],
                shown(str(raw["name"]))[:80],
                min(1.0, max(0.0, float(raw["threshold"]))),
                tuple(str(name) for name in raw["channels"]),
                shown(str(raw.get("device", "")))[:60],
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            return Described()
