"""Where a store keeps its rasters: files in a folder, each there whole or not at all."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.store.probability import read_probability
from tiles.claims import clock
from tiles.errors import OutputError, PredictionNotFoundError, StoreError
from tiles.files import BEGUN, write_whole
from tiles.grid import Grid
from tiles.naming import is_chip_id, nfc
from tiles.reading.raster import read_info

RASTERS = "predictions"

SWEEP_AFTER_S = 3600.0
"""Age at which a file that no row names is taken for left behind, in seconds: far longer than any write lasts."""

# predictions/{store id}/{chip id}.{revision}.tif: nothing else is read, and nothing else is swept.
_RASTER = re.compile(rf"{RASTERS}/[0-9a-f]+/(?P<chip>[^/]+)\.[0-9a-f]{{12}}\.tif")
_SWEPT = re.compile(rf"({re.escape(BEGUN)}[0-9]+-[0-9a-f]+-)?(?P<chip>[^/]+?)\.[0-9a-f]{{12}}\.tif(\..*part)?")


def is_raster(name: str) -> bool:
    """Return whether a row's raster is one of a store: nothing else is ever read, written or removed."""
    named = _RASTER.fullmatch(name)
    return named is not None and is_chip_id(named["chip"])


class Rasters(Protocol):
    """Where rasters are kept: files of a folder, or objects of a bucket."""

    def make(self, named: Callable[[], set[str]] | None = None) -> None:
        """Have the place there, and with `named` remove what was left behind in it."""
        ...

    def there(self) -> bool:
        """Return whether rasters can be looked for at all."""
        ...

    def path(self, name: str) -> Path:
        """Return where a raster is on this machine's disk."""
        ...

    def address(self, name: str) -> str:
        """Return where a raster is, for people."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a raster, whole or not at all."""
        ...

    def write_by(self, name: str, write: Callable[[Path], None]) -> None:
        """Have a raster written that is too large for memory, whole or not at all."""
        ...

    def file(self, name: str) -> AbstractContextManager[Path]:
        """Give a raster as a file for a moment."""
        ...

    def get(self, name: str) -> bytes:
        """Return a raster's bytes."""
        ...

    def read(self, name: str) -> npt.NDArray[np.uint8]:
        """Return a raster's pixels."""
        ...

    def grid(self, name: str) -> Grid:
        """Return a raster's grid."""
        ...

    def stamp(self, name: str) -> str:
        """Return what changes whenever a raster does; "" where that is not known without reading it, or it is not there."""
        ...

    def remove(self, name: str) -> None:
        """Remove a raster; one that cannot be removed is swept later."""
        ...

    def names(self) -> Iterator[tuple[str, float]]:
        """Yield the rasters that are there, each with its age in seconds."""
        ...


class RasterFolder:
    """Rasters as files below a folder."""

    def __init__(self, folder: Path, home: str) -> None:
        """Name the folder; `make` makes it.

        Args:
            folder: of the store.
            home: where its rasters lie in it, "predictions/{store id}".
        """
        self._folder, self._home = folder, home

    def make(self, named: Callable[[], set[str]] | None = None) -> None:
        """Make the folder of rasters, also where somebody removed it since the store was opened.

        Args:
            named: returns the rasters that rows name; files left behind that it does not have are removed then.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            (self._folder / self._home).mkdir(parents=True, exist_ok=True)
            if named is not None:
                self._sweep(named)
        except OSError as error:
            why = f"cannot be written ({error.strerror}): give write permission to it."
            raise StoreError(f"{self._folder / RASTERS} {why}") from error

    def there(self) -> bool:
        """Return whether rasters can be looked for at all: on a disk that is taken off all of them may come back."""
        return (self._folder / self._home).is_dir()

    def path(self, name: str) -> Path:
        """Return where a raster is."""
        return self._folder / name

    def address(self, name: str) -> str:
        """Return where a raster is, for people."""
        return str(self.path(name))

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """Give a raster as a file."""
        yield self.path(name)

    def get(self, name: str) -> bytes:
        """Return a raster's bytes.

        Raises:
            PredictionNotFoundError: it is not there.
            StoreError: it may not be read, or the disk fails.
        """
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError as error:
            raise PredictionNotFoundError(
                "The raster {file} is missing: predict the chip again.", file=self.path(name)
            ) from error
        except OSError as error:
            raise StoreError(f"{{file}} cannot be read ({error.strerror}).", file=self.path(name)) from error

    def grid(self, name: str) -> Grid:
        """Return a raster's grid."""
        return read_info(str(self.path(name))).grid

    def stamp(self, name: str) -> str:
        """Return what changes whenever a raster does; "" where it is not there."""
        try:
            status = self.path(name).stat()
        except OSError:
            return ""
        return f"{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}"

    def names(self) -> Iterator[tuple[str, float]]:
        """Yield the rasters that are there, each with its age in seconds by the clock of their disk."""
        home = self._folder / self._home
        try:
            now = clock(home)
            for path in home.iterdir():
                name = f"{self._home}/{nfc(path.name)}"
                if is_raster(name):
                    with contextlib.suppress(FileNotFoundError):  # replaced meanwhile
                        yield name, now - path.stat().st_mtime
        except OSError as error:
            raise StoreError(f"{{file}} cannot be listed ({error.strerror}).", file=home) from error

    def write(self, name: str, data: bytes) -> None:
        """Write a raster.

        Raises:
            StoreError: it cannot be written.
        """
        self.write_by(name, lambda path: write_whole(path, data))

    def write_by(self, name: str, write: Callable[[Path], None]) -> None:
        """Have a raster written that is too large for memory, whole or not at all.

        Raises:
            StoreError: it cannot be written.
        """
        self.make()
        try:
            write(self.path(name))
        except OutputError as error:
            raise StoreError(str(error)) from error

    def read(self, name: str) -> npt.NDArray[np.uint8]:
        """Read a raster, as `model.store.probability.read_probability`."""
        return read_probability(self.path(name))

    def remove(self, name: str) -> None:
        """Remove a raster; one that cannot be removed is swept later."""
        with contextlib.suppress(OSError):
            self.path(name).unlink(missing_ok=True)

    def _sweep(self, named: Callable[[], set[str]]) -> None:
        """Remove old rasters that no row names: left by a process that was killed between raster and row."""
        old: list[Path] = []
        now = clock(self._folder / self._home)
        for path in (self._folder / self._home).iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process swept it, or gave it its final name
                ours = _SWEPT.fullmatch(path.name)
                if ours and is_chip_id(ours["chip"]) and now - path.stat().st_mtime > SWEEP_AFTER_S:
                    old.append(path)
        if not old:
            return
        kept = named()  # after the files were listed: a new row names none of them
        for path in old:
            if f"{self._home}/{nfc(path.name)}" not in kept:
                path.unlink(missing_ok=True)
