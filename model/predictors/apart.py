"""A bundle's networks in a process of their own, which a server starts when somebody wants them and lets go when nobody does.

The server then has neither torch nor the weights in its memory, answers pages while a network runs, and outlives a network that
takes more memory than there is.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from model.predictors.heap import give_back
from model.predictors.local import LocalPredictor
from model.predictors.protocol import Predictor
from model.predictors.views import FloatArray
from tiles.chip import Chip
from tiles.errors import ModelError, PredictionError
from tiles.probability import NODATA

IDLE_S = 900.0
"""A process that nobody asked anything for so long ends; the next question starts another, in a few seconds."""
_REST_S = 2.0
"""A process that was asked nothing for so long gives free memory back to the system."""
_ENDS_S = 10.0
"""A process whose line is gone ends at its next look at it; one that does not so soon is killed."""
_NICENESS = 10
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
        self._process = _Process(self.path, device, idle_s)

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
        same = copy.copy(self)
        same._image = self._process.ask("threshold_of", [_lean(part) for part in parts])
        return same

    def rule_over(self, chip: Chip) -> FloatArray | None:
        """Return what the adaptive rule says of all of an image, as `LocalPredictor.rule_over`."""
        return cast("FloatArray", self._process.ask("rule_over", _lean(chip))) if self._has_rule else None

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
        rasters, self.batch_size = self._process.ask(
            "predict", [_lean(chip) for chip in chips], self._image, self._by_pixel
        )
        return cast("list[npt.NDArray[np.uint8]]", rasters)

    @property
    def _has_rule(self) -> bool:
        return any(member.kind == "rule" for member in self.bundle.members)

    def close(self) -> None:
        """End the process."""
        self._process.end()


def apart(predictor: Predictor) -> Predictor:
    """Return the same model in a process of its own; itself where it has no networks to run here."""
    return ApartPredictor(predictor.path) if isinstance(predictor, LocalPredictor) else predictor


def _lean(chip: Chip) -> Chip:
    """Return a chip without what no network looks at."""
    return replace(chip, label=None, decisions=(), choices=())


class _Process:
    """The process of one bundle, and the line to it. One question is asked at a time."""

    def __init__(self, path: Path, device: str | None, idle_s: float) -> None:
        self._path, self._wanted, self._idle_s = path, device, idle_s
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

    def ask(self, method: str, *arguments: Any) -> Any:
        """Return what it answers; raises what it raised."""
        with self._lock:
            for last in (False, True):
                line, heard = self._require(), False
                try:
                    _send(line, (method, *arguments))
                    heard = True
                    answer = _receive(line)
                    break
                except (EOFError, OSError) as error:
                    # One that ended before it heard all of the question is no matter, nor one that left as it came.
                    if last or (self._ended() != 0 and heard):
                        raise PredictionError(
                            f"The process that runs the model ended in the middle of it ({self._why()}): ask again, and if "
                            "that fails too, free memory on the server."
                        ) from error
        return _value(answer)

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
            _send(ours, (self._path, self._wanted, self._idle_s))
            answer = _receive(ours)
        except (EOFError, OSError) as error:
            ours.close()
            self._ended()
            raise ModelError(
                f"The process that loads the model ended ({self._why()}): ask again, and if that fails too, free memory on "
                "the server."
            ) from error
        try:
            self.device, self._batch = _value(answer)
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


# Pickles between a process and its child, over a socket that nobody else has.


def _send(line: Connection, value: object) -> None:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    line.send((head, [buffer.raw().nbytes for buffer in buffers]))
    for buffer in buffers:
        if buffer.raw().nbytes:
            line.send_bytes(buffer.raw())  # arrays go as they are: no second copy of an image


def _receive(line: Connection) -> Any:
    head, sizes = line.recv()
    buffers = [bytearray(size) for size in sizes]
    for buffer in buffers:
        if buffer:
            line.recv_bytes_into(buffer)
    return pickle.loads(head, buffers=buffers)  # noqa: S301 - of the other process of these two


def _value(answer: tuple[Any, BaseException | None]) -> Any:
    value, error = answer
    if error is not None:
        raise error
    return value


# --- in the process of the model ------------------------------------------------------------------------------------


class _Asked(LocalPredictor):
    """What the process answers, each with what it changed."""

    def threshold_of(self, parts: Sequence[Chip]) -> object:
        return LocalPredictor.of_image(self, parts)._image

    def answer(self, method: str, arguments: Sequence[Any]) -> object:
        if method != "predict":
            return getattr(self, method)(*arguments)
        chips, self._image, self._by_pixel = arguments
        return LocalPredictor.predict(self, chips), self.batch_size


def main() -> None:
    """Answer the questions of the process that started this one, until it is gone or asks nothing any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the server, which ends this one
    line = Connection(int(sys.argv[2]))
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)  # pages and tiles go first
    with contextlib.suppress(EOFError, OSError):  # nobody is there to be answered
        path, device, idle_s = _receive(line)
        model = _Asked(path, device)

        def load() -> object:
            model.load()
            return model.device, model.batch_size

        _answer(line, load)
        while True:
            if not line.poll(_REST_S):
                give_back()
                if not line.poll(idle_s):
                    return
            method, *arguments = _receive(line)
            _answer(line, lambda: model.answer(method, arguments))  # noqa: B023 - called at once
            del arguments


def _answer(line: Connection, work: Any) -> None:
    try:
        value, problem = work(), None
    except Exception as error:
        value, problem = None, error
    try:
        head = pickle.dumps(problem)
        pickle.loads(head)  # noqa: S301 - what was made in the line above
    except Exception:
        problem = PredictionError(f"{type(problem).__name__}: {problem}")
    _send(line, (value, problem))
