"""The layouts that floodscope knows, in the order in which a folder is shown to them: the first that recognises it reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tiles.layouts import drivendata, folders, geotiff, sen1floods11, uploads
from tiles.layouts.folder import Reading


class Layout(Protocol):
    """How a data set lies in a folder. A module is one; it finds files and says what belongs together, and reads no pixels.

    Attributes:
        NAME: `ChipRecord.layout` of its chips.
        FOLDERS: what such folders are called where a message lists what is known; empty where nobody makes one by hand.
    """

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of a module
        """`ChipRecord.layout` of its chips."""
        ...

    @property
    def FOLDERS(self) -> str:  # noqa: N802 - a constant of a module
        """What such folders are called in a message."""
        ...

    def recognises(self, folder: Path, /) -> bool:
        """Return whether a folder lies so; opens no raster."""
        ...

    def read(self, source: Path, /) -> Reading:
        """Return the chips of such a folder, or the chip of one image in it; nothing of a file that belongs to none.

        What is wrong with a chip is in its record, what belongs to no chip in the reading's `problems`.
        """
        ...


LAYOUTS: tuple[Layout, ...] = (uploads, sen1floods11, drivendata, folders, geotiff)
