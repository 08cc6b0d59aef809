"""The error family: what went wrong, with which file or value, what to do; and its HTTP status and exit code.

Every error that floodscope raises on purpose is a `FloodscopeError`. Its message is one sentence a user can act on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from tiles.sentences import Sentence


class FloodscopeError(Exception):
    """Base of every error that floodscope raises on purpose.

    `UnreadableFileError("{file} is empty.", file=path)` knows its file: see `tiles.sentences.Sentence`.

    Attributes:
        chip: id of the chip that it is about, where that is known.
    """

    def __init__(self, sentence: str = "", /, *, chip: str | None = None, **files: str | os.PathLike[str]) -> None:
        super().__init__(Sentence(sentence, **files))
        self.chip = chip


@dataclass(frozen=True)
class Choice:
    """One answer to a question that the door asks.

    Attributes:
        text: what it means, for a button: "Linear power: convert and add".
        option: which option answers, "units", "bands" or "label_values".
        value: what it is given.
    """

    text: str
    option: str
    value: str


@dataclass(frozen=True)
class Problem:
    """What could not be used or done, and why.

    Attributes:
        name: id of a chip, or what a file is called that belongs to none.
        message: why, and what to do.
        unusable: the chip's own files are the reason, so that no model can use it.
        choices: what the user may answer, where the files themselves cannot be told.
        files: what its files are called by who sent them.
        source: it is a whole source, of which nothing could be opened.
    """

    name: str
    message: str
    unusable: bool = False
    choices: tuple[Choice, ...] = ()
    files: tuple[str, ...] = ()
    source: bool = False

    @classmethod
    def of(cls, error: FloodscopeError, name: str | None = None, files: Iterable[str] = ()) -> Self:
        """Return what an error says of something; without a name, of its chip."""
        choices = error.choices if isinstance(error, ChipError) else ()
        return cls(name or error.chip or "", str(error), isinstance(error, ChipError), choices, tuple(files))


class UsageError(FloodscopeError):
    """A value that the user gave cannot be used."""


class SourceError(FloodscopeError):
    """A source of chips cannot be recognised or read."""


class ChipNotFoundError(FloodscopeError):
    """No chip of that id is in the catalog."""


class LayerNotFoundError(FloodscopeError):
    """No tile layer of that name, or no tile at that address."""


class ChipError(FloodscopeError):
    """One chip's files cannot be used. Other chips are not affected.

    Attributes:
        choices: what the user may answer, where the files themselves cannot be told.
    """

    choices: tuple[Choice, ...] = ()

    def offering(self, *choices: Choice) -> Self:
        """Return the error with answers to choose from."""
        self.choices = choices
        return self


class MissingImageryError(ChipError):
    """The catalog knows the chip, but its image files are not there."""


class UnreadableFileError(ChipError):
    """A file is damaged, truncated, not a raster or not permitted to be read."""


class GeoreferenceError(ChipError):
    """A raster has no usable place on Earth, or two rasters that must share a grid do not."""


class UnitError(ChipError):
    """Pixel values are not backscatter in dB."""


class BandError(ChipError):
    """VV or VH cannot be found, or they are not what their names say."""


class LabelError(ChipError):
    """A label raster is not 0 dry, 1 water, -1 or 255 unknown on the chip's own grid."""


class AncillaryError(ChipError):
    """Elevation or permanent water is not on the chip's own grid, or not in its unit."""


class ArchiveError(ChipError):
    """A server does not give a file, or an archive's search, as it should; or it may not be asked."""


class AwayError(ArchiveError):
    """A server does not answer, or gives us nothing: no fault of the file, so the same question may work later."""


class NoValidPixelError(ChipError):
    """The chip holds no pixel with data, so there is nothing to predict."""


class ModelError(FloodscopeError):
    """A model is unknown, damaged or cannot be run."""


class ModelNotFoundError(ModelError):
    """No model of that name is on offer."""


class BundleError(ModelError):
    """A model bundle is missing, altered or not understood."""


class TrainingError(ModelError):
    """A training failed while it ran."""


class EndpointError(ModelError):
    """A model that is served elsewhere does not answer as it should."""


class RequestError(FloodscopeError):
    """What a client sent to the model server cannot be understood."""


class MediaTypeError(RequestError):
    """A client sent a type of content that the model server does not read."""


class NotAcceptableError(RequestError):
    """A client wants a type of answer that the model server does not write."""


class TooLargeError(RequestError):
    """A client sent more than the model server takes in one request."""


class BusyError(FloodscopeError):
    """The model server has as much to do as it takes, or is stopping: the same request may work later."""


class TimeLimitError(FloodscopeError):
    """The model server could not answer within its time limit."""


class PredictionError(FloodscopeError):
    """A prediction failed while it ran."""


class StoreError(FloodscopeError):
    """The store of predictions cannot be opened, read or written."""


class PredictionNotFoundError(StoreError):
    """The store holds no prediction of that chip under that model."""


class OutputError(FloodscopeError):
    """A folder or file that the user named cannot be written: no permission, no space, something else in its place."""


class AddressError(FloodscopeError):
    """The host and port that the user named cannot be listened on."""


class DownloadError(FloodscopeError):
    """A file could not be downloaded whole."""


class UploadError(FloodscopeError):
    """A file that was sent cannot be taken in: what it is, or how it is named."""


class UploadTooLargeError(UploadError):
    """More was sent than is taken in at once, or than there is room for."""


class ForbiddenError(FloodscopeError):
    """Whoever sends a request may not do what it asks for."""


class HostError(FloodscopeError):
    """A server is asked by a name that is not its own."""


class ForeignRequestError(ForbiddenError):
    """A request to do something did not come from the dashboard's own page."""


class ExportNotFoundError(FloodscopeError):
    """There is no export of that id, or its file is gone."""


class EnoughError(FloodscopeError):
    """As much of this kind is being done already as is done at once."""


class CloudError(FloodscopeError):
    """AWS refused a call, could not be reached, or what was started there failed."""


# One table: the class, the HTTP status, the exit code. The nearest base class of an error decides. Exit code 2 is wrong
# use: the command line cannot be right on any machine. 1 is all else: what it names is not there, or fails.
_ANSWERS: dict[type[Exception], tuple[int, int]] = {
    FloodscopeError: (500, 1),
    UsageError: (400, 2),
    SourceError: (400, 1),
    ChipNotFoundError: (404, 1),
    LayerNotFoundError: (404, 1),
    ChipError: (422, 1),
    MissingImageryError: (404, 1),
    ArchiveError: (502, 1),
    ModelError: (502, 1),
    ModelNotFoundError: (404, 1),
    BundleError: (422, 1),
    RequestError: (400, 1),
    MediaTypeError: (415, 1),
    NotAcceptableError: (406, 1),
    TooLargeError: (413, 1),
    BusyError: (503, 1),
    TimeLimitError: (504, 1),
    PredictionError: (500, 1),
    StoreError: (500, 1),
    PredictionNotFoundError: (404, 1),
    OutputError: (500, 1),
    AddressError: (500, 1),
    DownloadError: (502, 1),
    UploadError: (422, 1),
    UploadTooLargeError: (413, 1),
    ForbiddenError: (403, 1),
    HostError: (421, 1),
    ExportNotFoundError: (404, 1),
    EnoughError: (429, 1),
    CloudError: (502, 1),
}


def _answer(error: BaseException) -> tuple[int, int]:
    for cls in type(error).__mro__:
        if cls in _ANSWERS:
            return _ANSWERS[cls]
    return 500, 1


def http_status(error: BaseException) -> int:
    """Return the HTTP status that answers a request which failed with this error."""
    return _answer(error)[0]


def exit_code(error: BaseException) -> int:
    """Return the exit code of a command that failed with this error: 2 for wrong use, 1 otherwise."""
    return _answer(error)[1]
