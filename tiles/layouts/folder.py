"""What a layout finds in a folder: GeoTIFFs by name, chips and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tiles.chip import Asset, ChipRecord
from tiles.errors import Problem
from tiles.reading.sniff import is_utf8
from tiles.sentences import shown

TIFF_ENDINGS = frozenset({".tif", ".tiff"})
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "test": "test",
}
"""Names of folders, in small letters, and the splits that they are of."""


@dataclass(frozen=True)
class Reading:
    """What a layout found in a folder.

    Attributes:
        records: the chips, each with its own problem where it has one.
        problems: of what belongs to no chip: damaged tables, stray files.
    """

    records: list[ChipRecord]
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Truth:
    """A label's file, and the data set whose documents say what its numbers mean (`ChipRecord.legend`), where one does."""

    path: Path
    legend: str | None = None


def permanent_water_of(files: Mapping[str, Path]) -> Asset | None:
    """Return the permanent water of a chip, from its files by what they hold, or None where none tells.

    A file named permanent_water is a share of 0 to 1. Of JRC Global Surface Water, occurrence says in how many percent of
    the looks a pixel was water, seasonality in how many months of a year. The other layers, as the extent (water at least
    once), are no share of time.
    """
    for name, scale in (("permanent_water", 1.0), ("jrc_occurrence", 0.01), ("jrc_seasonality", 1 / 12)):
        if name in files:
            return Asset(str(files[name]), scale=scale)
    return None


def tiffs(folder: Path) -> list[Path]:
    """Return what the folder has by the name of a GeoTIFF, sorted, case of the ending ignored.

    Hidden files (`._x.tif` of macOS) are none, and names that are not UTF-8 are told by `unnamed`.
    """
    return sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in TIFF_ENDINGS and not p.name.startswith(".") and is_utf8(p.name)
    )


def unnamed(folder: Path) -> list[Problem]:
    """Return the problem of each file whose name no database can hold."""
    return [
        Problem(shown(p.name), f"{shown(p)} has a name that is not UTF-8: rename it.")
        for p in sorted(folder.iterdir())
        if not is_utf8(p.name)
    ]
