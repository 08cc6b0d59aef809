"""A bundle's networks in a process of their own, which a server starts when somebody wants them and lets go when nobody does.

The server then has neither torch nor the weights in its memory, answers pages while a network runs, and outlives a network that
takes more memory than there is.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.crs import CRS

from model.bundle.adaptive import OfAll
from model.predictors.heap import give_back
from model.predictors.local import LocalPredictor
from model.predictors.protocol import Predictor
from model.predictors.views import FloatArray
from tiles import errors
from tiles.chip import Chip
from tiles.errors import BundleError, FloodscopeError, ModelError, PredictionError
from tiles.grid import Grid
from tiles.probability import NODATA
from tiles.sentences import Sentence

IDLE_S = 900.0
"""A process that nobody asked anything for so long ends; the next question starts another, in a few seconds."""
_REST_S = 2.0
"""A process that was asked nothing for so long gives free memory back to the system."""
_ENDS_S = 10.0
"""A process whose line is gone ends at its next look at it; one that does not so soon is killed."""
NICENESS = 4
"""Of all that is made in the background: pages and tiles go first, and what somebody waits for still has a third of a core that
another program would keep busy. At 10 it had a tenth, and tiles came no sooner for it.
"""
_ARRAYS = ("vv", "vh", "valid", "elevation", "permanent_water", "rule_odds")
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from model.predictors import apart; apart.main()"


class ApartPredictor(LocalPredictor):
    """Predicts as `LocalPredictor` does, to the byte, in a process of its own.

    It is started by `load` or the first question. One that was ended, as by a system short of memory, fails the question that
    it was at; the next one starts another.
    """

    def __init__(self, path: str | Path, device: str | None = None, *, idle_s: float = IDLE_S) -> None:
        """Make it; raises as `LocalPredictor`.

        Args:
            path: a bundle: folder or .tar.gz.
            device: as `LocalPredictor`.
            idle_s: how long the process stays though nobody asks it anything, seconds.
        """
        super().__init__(path, device)
        self._process = _Process(self.path, self.model_id, device, idle_s)

    @property
    def needs_loading(self) -> bool:  # type: ignore[override]
        """Whether there is no process that has the weights."""
        return not self._process.runs

    @property
    def device(self) -> str:
        """Where it runs, as `LocalPredictor`."""
        return self._process.device or super().device

    def load(self) -> None:
        """Start the process, and have it read the weights; raises as `LocalPredictor`, ModelError where it cannot be started."""
        self.batch_size = self._process.ready()

    def of_image(self, parts: Sequence[Chip]) -> ApartPredictor:
        """Return one with the same process, as `LocalPredictor.of_image`."""
        if not self._has_rule:
            return self
        same, (heads, arrays) = copy.copy(self), _packed(parts)
        answer, _ = self._process.ask({"ask": "threshold", "chips": heads}, arrays)
        same._image = OfAll(*answer["image"])
        return same

    def rule_over(self, chip: Chip) -> FloatArray | None:
        """Return what the adaptive rule says of all of an image; None of a window: its process is asked once for all."""
        if not self._has_rule or self._image is not None:
            return None
        heads, arrays = _packed([chip])
        _, (odds,) = self._process.ask({"ask": "rule", "chips": heads}, arrays)
        return odds

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        """Return one uint8 (H, W) probability raster a chip; raises as `LocalPredictor.predict`.

        Raises:
            PredictionError: the process ended while it predicted, too.
        """
        for chip in chips:
            if chip.valid.any():
                self._require_channels(chip)
        if not any(chip.valid.any() for chip in chips):
            return [np.full(chip.valid.shape, NODATA, dtype=np.uint8) for chip in chips]
        heads, arrays = _packed(chips)
        image = None if self._image is None else [self._image.threshold_db, self._image.fill_db]
        question = {"ask": "predict", "chips": heads, "image": image, "by_pixel": self._by_pixel}
        answer, rasters = self._process.ask(question, arrays)
        self.batch_size = answer["batch"]
        return rasters

    @property
    def _has_rule(self) -> bool:
        return any(member.kind == "rule" for member in self.bundle.members)

    def close(self) -> None:
        """End the process."""
        self._process.end()


def apart(predictor: Predictor) -> Predictor:
    """Return the same model in a process of its own; itself where it has no networks to run here."""
    return ApartPredictor(predictor.path) if isinstance(predictor, LocalPredictor) else predictor


class _Process:
    """The process of one bundle, and the line to it. One question is asked at a time."""

    def __init__(self, path: Path, model_id: str, device: str | None, idle_s: float) -> None:
        self._begins = {"path": str(path), "id": model_id, "device": device, "idle_s": idle_s}
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None
        self.device = ""
        self._batch = 1

    @property
    def runs(self) -> bool:
        """Whether it is there and has its weights."""
        return self._line is not None and self._child is not None and self._child.poll() is None

    def ready(self) -> int:
        """Have it there with its weights, and return how many images it takes at once."""
        with self._lock:
            self._require()
            return self._batch

    def ask(
        self, question: dict[str, Any], arrays: Sequence[npt.NDArray[Any]]
    ) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
        """Return what it answers; raises what it raised."""
        with self._lock:
            for last in (False, True):
                line, heard = self._require(), False
                try:
                    _send(line, question, arrays)
                    heard = True
                    head, answers = _receive(line)
                    break
                except (EOFError, OSError) as error:
                    # One that ended before it heard all of the question is no matter, nor one that left as it came.
                    if last or (self._ended() != 0 and heard):
                        raise PredictionError(
                            f"The process that runs the model ended in the middle of it ({self._why()}): ask again, and if "
                            "that fails too, free memory on the server."
                        ) from error
        return _value(head), answers

    def end(self) -> None:
        """End it, whatever it is at."""
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
        with self._lock:
            self._ended()

    def _require(self) -> Connection:
        """Return the line to it, which is started where there is none."""
        if self._line is not None and self.runs:
            return self._line
        self._ended()
        ours, theirs = Pipe()
        try:
            command = [sys.executable, "-c", _START, json.dumps(sys.path), str(theirs.fileno())]
            self._child = subprocess.Popen(command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)  # noqa: S603
        except OSError as error:
            raise ModelError(f"No process can be started for the model ({error.strerror}): free memory.") from error
        finally:
            theirs.close()
        try:
            _send(ours, self._begins)
            head, _ = _receive(ours)
        except (EOFError, OSError) as error:
            ours.close()
            self._ended()
            raise ModelError(
                f"The process that loads the model ended ({self._why()}): ask again, and if that fails too, free memory on "
                "the server."
            ) from error
        try:
            ready = _value(head)
            self.device, self._batch = ready["device"], ready["batch"]
        except BaseException:
            ours.close()
            self._ended()
            raise
        self._line = ours
        return ours

    def _ended(self) -> int | None:
        """Let go of a process that has ended or is about to, and return how it ended."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._child is None:
            return None
        try:
            return self._child.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()

    def _why(self) -> str:
        code = None if self._child is None else self._child.returncode
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


# What goes over the line: a few words as JSON, then arrays as they are. Nothing is unpickled, on either side.


def _send(line: Connection, head: object, arrays: Sequence[npt.NDArray[Any]] = ()) -> None:
    arrays = [np.ascontiguousarray(array) for array in arrays]
    line.send_bytes(json.dumps([head, [[array.dtype.str, array.shape] for array in arrays]]).encode())
    for array in arrays:
        if array.size:
            line.send_bytes(array.reshape(-1).view(np.uint8).data)


def _receive(line: Connection) -> tuple[Any, list[npt.NDArray[Any]]]:
    head, kinds = json.loads(line.recv_bytes())
    arrays = [np.empty(shape, dtype) for dtype, shape in kinds]
    for array in arrays:
        if array.size:
            line.recv_bytes_into(array.reshape(-1).view(np.uint8).data)
    return head, arrays


def _value(head: dict[str, Any]) -> dict[str, Any]:
    """Return what was answered; raises what was raised there."""
    if (error := head.get("error")) is None:
        return head
    kind = getattr(errors, error["kind"], PredictionError)
    raise kind("{why}", chip=error["chip"], why=Sentence(error["message"]))


def _packed(chips: Sequence[Chip]) -> tuple[list[dict[str, Any]], list[npt.NDArray[Any]]]:
    """Return what a network looks at of chips."""
    heads, arrays = [], []
    for chip in chips:
        there = [name for name in _ARRAYS if getattr(chip, name) is not None]
        heads.append({"id": chip.id, "arrays": there, "ancillary_problem": chip.ancillary_problem})
        arrays += [getattr(chip, name) for name in there]
    return heads, arrays


def _unpacked(heads: Sequence[dict[str, Any]], arrays: Sequence[npt.NDArray[Any]]) -> list[Chip]:
    left, chips = iter(arrays), []
    for head in heads:
        parts: dict[str, Any] = {name: next(left) for name in head["arrays"]}
        height, width = parts["valid"].shape
        nowhere = Grid(CRS.from_epsg(4326), Affine.identity(), width, height)
        chips.append(Chip(head["id"], label=None, grid=nowhere, ancillary_problem=head["ancillary_problem"], **parts))
    return chips


# --- in the process of the model ------------------------------------------------------------------------------------


class _Asked(LocalPredictor):
    """The model, and what it answers."""

    def ready(self, model_id: str) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
        if self.model_id != model_id:  # its answers would be stored as those of the bundle that was here
            raise BundleError("{file} is another bundle than when the server began: start it again.", file=self.path)
        self.load()
        return {"device": self.device, "batch": self.batch_size}, []

    def answer(
        self, question: dict[str, Any], arrays: Sequence[npt.NDArray[Any]]
    ) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
        chips = _unpacked(question["chips"], arrays)
        if question["ask"] == "threshold":
            image = self.of_image(chips)._image
            return {"image": None if image is None else [image.threshold_db, image.fill_db]}, []
        if question["ask"] == "rule":
            odds = self.rule_over(chips[0])
            return {}, [] if odds is None else [odds]
        self._image = None if question["image"] is None else OfAll(*question["image"])
        self._by_pixel = question["by_pixel"]
        rasters: list[npt.NDArray[Any]] = [*self.predict(chips)]
        return {"batch": self.batch_size}, rasters


def main() -> None:
    """Answer the questions of the process that started this one, until it is gone or asks nothing any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the server, which ends this one
    line = Connection(int(sys.argv[2]))
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    with contextlib.suppress(EOFError, OSError):  # nobody is there to be answered
        begins, _ = _receive(line)
        made: list[_Asked] = []

        def begin() -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
            made.append(_Asked(begins["path"], begins["device"]))
            return made[0].ready(begins["id"])

        if not _answer(line, begin):
            return
        (model,) = made
        while True:
            if not line.poll(_REST_S):
                give_back()
                if not line.poll(begins["idle_s"]):
                    return
            question, arrays = _receive(line)
            _answer(line, partial(model.answer, question, arrays))
            del question, arrays


def _answer(line: Connection, work: Callable[[], tuple[dict[str, Any], list[npt.NDArray[Any]]]]) -> bool:
    """Send what some work gives, or why it failed; return whether it gave something."""
    try:
        head, arrays = work()
    except FloodscopeError as error:
        told = {"kind": type(error).__name__, "message": str(error), "chip": error.chip}
        head, arrays = {"error": told}, []
    except Exception as error:
        told = {"kind": PredictionError.__name__, "message": f"{type(error).__name__}: {error}", "chip": None}
        head, arrays = {"error": told}, []
    _send(line, head, arrays)
    return "error" not in head
