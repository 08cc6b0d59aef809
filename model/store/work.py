"""Work on a scene that is under way: the answer of each window in a file of its own, so that a kill loses one window."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.store.prediction import ModelKey
from tiles.claims import clock
from tiles.errors import OutputError, StoreError
from tiles.files import write_whole

FOLDER = "under-way"
FORGOTTEN_S = 30 * 24 * 3600.0
"""Age at which work that nobody went on with is removed."""
_BEGIN = b"floodscope window 1\n"
_CUT = 3
"""Raised when windows are cut otherwise, or hold something else: those that a release before has left fit none of this one's."""


@dataclass(frozen=True)
class About:
    """What is noted of a window beside its raster.

    Attributes:
        rows, cols: of the raster.
        seconds: that the model took.
        digest: of the pixels that it was made of.
    """

    rows: int
    cols: int
    seconds: float
    digest: str


class Work:
    """The windows of one scene under one model that are done. Processes that work on the same scene may share it.

    Attributes:
        folder: where they lie.
    """

    def __init__(self, data: Path, chip_id: str, revision: str, model: ModelKey) -> None:
        """Open the work on a scene, and make its folder.

        Raises:
            StoreError: it cannot be made.
        """
        self.folder = _folder(data, chip_id, revision, model)
        self._make()

    def _make(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{{file}} cannot be written ({error.strerror}): give write permission to it.", file=self.folder
            ) from error

    def has(self, number: int) -> bool:
        """Return whether a window is done."""
        return self._path(number).exists()

    def put(self, number: int, raster: npt.NDArray[np.uint8], about: About) -> None:
        """Keep a window's raster, uint8 (H, W).

        Raises:
            StoreError: the disk is full, or may not be written.
        """
        self._make()
        data = _BEGIN + json.dumps(asdict(about)).encode() + b"\n" + zlib.compress(raster.tobytes(), 1)
        try:
            write_whole(self._path(number), data)
        except OutputError as error:
            raise StoreError(str(error)) from error

    def get(self, number: int) -> tuple[npt.NDArray[np.uint8], About] | None:
        """Return a window's raster and what is noted of it; None where it is not done, or damaged."""
        try:
            data = self._path(number).read_bytes()
            if not data.startswith(_BEGIN):
                return None
            noted, _, packed = data[len(_BEGIN) :].partition(b"\n")
            about = About(**json.loads(noted))
            raster = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(about.rows, about.cols)
        except (OSError, ValueError, TypeError, zlib.error):
            return None
        return raster, about

    def about(self, number: int) -> About | None:
        """Return what is noted of a window, whose raster is not unpacked; None where it is not done, or damaged there."""
        try:
            with self._path(number).open("rb") as file:
                begins = file.readline()
                return About(**json.loads(file.readline())) if begins == _BEGIN else None
        except (OSError, ValueError, TypeError):
            return None

    def forget(self, number: int) -> None:
        """Remove a window, such as a damaged one."""
        with contextlib.suppress(OSError):
            self._path(number).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all of it, when the scene's prediction is stored."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.window"


def is_begun(data: Path, chip_id: str, revision: str, model: ModelKey) -> bool:
    """Return whether a window of a scene's files is done under a model, and the scene not to its end."""
    return any(_folder(data, chip_id, revision, model).glob("*.window"))


def _folder(data: Path, chip_id: str, revision: str, model: ModelKey) -> Path:
    return data / FOLDER / hashlib.sha256(f"{chip_id}\n{revision}\n{model.digest}\n{_CUT}".encode()).hexdigest()[:24]


def sweep_work(data: Path) -> None:
    """Remove the work that nobody went on with for a long time."""
    with contextlib.suppress(OSError):
        now = clock(data / FOLDER)
        for folder in (data / FOLDER).iterdir():
            if now - folder.stat().st_mtime > FORGOTTEN_S:
                shutil.rmtree(folder, ignore_errors=True)
