"""One chip: its record in the catalog, and its arrays as every later step sees them (contract 1)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

from tiles.answers import NOTHING_SAID, Answers
from tiles.decisions import Decision, notes
from tiles.errors import Choice
from tiles.grid import Grid
from tiles.sidecars import ENDINGS, beside_mark

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

UNKNOWN = 255
"""Label value of a pixel whose truth is not known."""
CLASSES = ("dry", "water", "unknown")
"""What a pixel is, by its label: 0, 1, or neither. Counts by class are in this order everywhere."""

_DOOR = b"4"
"""Goes up when files are read otherwise than before, so that what was predicted of them is predicted anew."""

BESIDE = (".msk",)
"""Endings of the files beside a raster that say more of it, after its whole name."""

ANCILLARY = ("elevation", "permanent_water")
"""What a chip may hold beside VV and VH; a model bundle may name them as channels."""

ASSETS = ("vv", "vh", "label", *ANCILLARY)
"""The fields of a record that are files."""

LEGENDS = ("sen1floods11", "drivendata", "s1s2water", "etci2021", "kurosiwo", "floodscope")
"""Data sets whose documents say what their labels' numbers mean, as `ChipRecord.legend` names them: Sen1Floods11 (-1 unknown,
0 dry, 1 water), DrivenData (0 dry, 1 water, 255 unknown), S1S2-Water (0 dry, 1 water), ETCI 2021 (0 dry, 255 flood), Kuro Siwo
(0 dry, 1 permanent water, 2 flood, 3 unknown) and the chips that floodscope simulates (0 dry, 1 water, 255 unknown)."""

PROVENANCE = ("id", "country", "event", "date", "split")
"""The fields of a record that every table and payload begins with."""

_NUMBERS = re.compile(r"(?:[_\-.]?\d+)+$")


@dataclass(frozen=True)
class Asset:
    """One band of one raster file.

    Attributes:
        path: the file.
        band: counts from 1.
        scale: what the file's numbers are multiplied by to be in the asset's unit: 0.01 for a share in percent. Followed
            for elevation and permanent water; backscatter and labels are as they are.
        name: what the file was called by who made it, where it is kept under another name; products are known by it.
        stamp: what told the file from all others when it was looked at (`now`), None where it was not.
    """

    path: str
    band: int = 1
    scale: float = 1.0
    name: str | None = None
    stamp: str | None = field(default=None, compare=False)

    def now(self) -> Asset:
        """Return the asset with the stamp of its present file: its name, size and time, and those of what lies beside it."""
        try:
            stat = Path(self.path).stat()
            stamp = f"{Path(self.path).name}|{self.band}|{stat.st_size}|{stat.st_mtime_ns}"
        except (OSError, ValueError):
            stamp = f"{self.path}|gone"
        stamp += beside_mark(self.path)
        for ending in BESIDE:
            with contextlib.suppress(OSError, ValueError):
                stat = Path(self.path + ending).stat()
                stamp += f"{ending}|{stat.st_size}|{stat.st_mtime_ns}"
        return replace(self, stamp=stamp)


class Look:
    """Looks at the files of many chips for one question (`ChipRecord.revision`): each file and each folder is asked once."""

    def __init__(self) -> None:
        self._beside: dict[str, bool] = {}
        self._files: dict[str, tuple[str, str] | None] = {}

    def __call__(self, asset: Asset) -> str:
        """Return the stamp of an asset's present file, as `Asset.now` says it."""
        path = asset.path
        if path not in self._files:
            self._files[path] = self._of(path)
        found = self._files[path]
        if found is None:
            return asset.now().stamp or ""
        return f"{found[0]}|{asset.band}|{found[1]}"

    def _of(self, path: str) -> tuple[str, str] | None:
        """Return a file's name, and its size and time with those of what lies beside it; None of what is none."""
        folder, name = os.path.split(path)
        if folder not in self._beside:
            self._beside[folder] = _holds_sidecars(folder)
        try:
            status = os.stat(path)  # noqa: PTH116 - asked a hundred thousand times
        except (OSError, ValueError):
            return None
        if self._beside[folder]:
            return None
        return name, f"{status.st_size}|{status.st_mtime_ns}"


def _holds_sidecars(folder: str) -> bool:
    """Return whether a folder may hold files that say more of the rasters in it: then each raster is looked at by itself."""
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 - a hundred thousand names
    except (OSError, ValueError):
        return True
    endings = (*ENDINGS, *BESIDE)
    return any(name.lower().endswith(endings) for name in names)


@dataclass(frozen=True)
class ChipRecord:
    """What the catalog knows of a chip.

    Attributes:
        id: unique in its catalog, made of letters, marks and digits of any script, `_`, `-` and `.` (tiles.naming).
        country: Natural Earth's name, or None where neither the source nor the place tells.
        event: the flood event.
        date: ISO date of the image.
        split: train, valid, test or whatever the source calls it.
        layout: sen1floods11, drivendata or geotiff.
        source: the folder that the chip came from.
        file: what its files are called, for people: names without folders, joined by ` + `; None where there is none.
        legend: the data set whose documents say what the label's numbers mean, None where nothing says it (LEGENDS).
        footprint: outline in WGS84, or None where it is not known.
        width, height: pixels of the imagery, None where it was not looked at.
        unplaced: why imagery that is there has no place on Earth, and what that means; None where it has one.
        vv, vh, label, elevation, permanent_water: the files, None where they do not exist.
        simulated: the imagery was made by tiles.simulate.
        answers: what the user says of its files.
        assumed_grid: which of its files have no place, and are taken to lie on the others for they have their size; and
            what contradicts the place of the others.
        problem: why the imagery cannot be used, or None.
        label_problem: why the label cannot be used, or None.
        ancillary_problem: why elevation or permanent water cannot be used, or None.
    """

    id: str
    country: str | None = None
    event: str | None = None
    date: str | None = None
    split: str | None = None
    layout: str = "geotiff"
    source: str = ""
    file: str | None = None
    legend: str | None = None
    footprint: BaseGeometry | None = None
    width: int | None = None
    height: int | None = None
    unplaced: str | None = None
    vv: Asset | None = None
    vh: Asset | None = None
    label: Asset | None = None
    elevation: Asset | None = None
    permanent_water: Asset | None = None
    simulated: bool = False
    answers: Answers = NOTHING_SAID
    assumed_grid: str | None = None
    problem: str | None = None
    label_problem: str | None = None
    ancillary_problem: str | None = None

    @property
    def has_imagery(self) -> bool:
        """Whether VV and VH are there and, as far as the catalog could tell, usable."""
        return self.vv is not None and self.vh is not None and self.problem is None

    @property
    def has_label(self) -> bool:
        """Whether a usable label raster is there."""
        return self.label is not None and self.label_problem is None

    @property
    def sent(self) -> bool:
        """Whether somebody sent it to a dashboard."""
        return self.layout == "upload"

    @property
    def country_group(self) -> str:
        """The group of the chip by country: of one without a country, whether that is for it has no place."""
        return self.country or ("No place" if self.unplaced is not None else "Unknown")

    @property
    def series(self) -> str | None:
        """What a chip that names no flood and has no place is kept together by: its id without the numbers at its end.

        Tiles of one scene are numbered. None for a chip that says by its event, country or place what it belongs to.
        """
        if self.event or self.country or self.footprint is not None:
            return None
        return _NUMBERS.sub("", self.id) or "numbers"

    def provenance(self) -> dict[str, str | None]:
        """Return what names the chip in a table, a file or a payload: the fields PROVENANCE, in that order."""
        return {name: getattr(self, name) for name in PROVENANCE}

    def now(self) -> ChipRecord:
        """Return the record with its files looked at, so that all that one question asks is of the same files.

        Whoever keeps a record for later looks again then: a record that was looked at sees no later change.
        """
        return replace(self, **{name: asset.now() for name in ASSETS if (asset := getattr(self, name)) is not None})

    def revision(self, look: Callable[[Asset], str] | None = None) -> str:
        """Return 12 hex digits that change whenever a file of the chip changes (name, size, time), or what is said of it.

        Of a record that was not looked at (`now`) the disk is asked. The folder does not count: a data set that is moved, or
        named by another path, keeps its predictions.

        Args:
            look: asks the disk for the stamp of a file; of many chips `Look` is quicker.
        """
        look = look or (lambda asset: asset.now().stamp or "")
        digest = hashlib.blake2b(_DOOR + (self.answers.to_json() or "").encode(), digest_size=6)
        further = [asset for asset in (self.elevation, self.permanent_water) if asset is not None]
        for asset in (self.vv, self.vh, self.label, *further):
            digest.update(b"-" if asset is None else os.fsencode(asset.stamp or look(asset)))
        return digest.hexdigest()


@dataclass(frozen=True)
class Chip:
    """A chip in memory: no source's own nodata, unit or label convention is seen further in than here.

    Attributes:
        id: the chip's id.
        vv, vh: backscatter in dB, float32 of shape (H, W); NaN where `valid` is False.
        valid: bool of shape (H, W), True where both bands hold data.
        label: uint8 of shape (H, W), 0 dry, 1 water, 255 unknown; None where there is none.
        grid: the source grid.
        label_problem: why a label that exists was not used, or None.
        empty: what the files hold in place of data, where no pixel is valid; else None.
        elevation: metres above the geoid, float32 of shape (H, W), NaN where it is not known; None where there is none.
        permanent_water: share of the time in which the pixel is water, 0 to 1, by the record of decades (JRC Global
            Surface Water), float32 of shape (H, W), NaN where it is not known; None where there is none.
        ancillary_problem: why an elevation or permanent water that exists was not used, or None.
        decisions: what the door decided of its files, and on what grounds.
        choices: what the user may answer to have a label used that was refused.
        rule_odds: of a window: log-odds of water by the adaptive rule, which was asked about all of the image, float32 (H, W);
            None where it has to be asked.
    """

    id: str
    vv: FloatArray
    vh: FloatArray
    valid: BoolArray
    label: ByteArray | None
    grid: Grid
    label_problem: str | None = field(default=None)
    empty: str | None = field(default=None)
    elevation: FloatArray | None = field(default=None)
    permanent_water: FloatArray | None = field(default=None)
    ancillary_problem: str | None = field(default=None)
    decisions: tuple[Decision, ...] = field(default=())
    choices: tuple[Choice, ...] = field(default=())
    rule_odds: FloatArray | None = field(default=None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be told of the chip wherever it is used: what was assumed, converted or left out."""
        return notes(self.decisions)


def classes_of(chip: Chip) -> npt.NDArray[np.intp]:
    """Return the place in `CLASSES` of each pixel of a chip, (H, W); without a label all are unknown."""
    label = np.full(chip.valid.shape, UNKNOWN, np.uint8) if chip.label is None else chip.label
    return np.where(label <= 1, label, CLASSES.index("unknown")).astype(np.intp)
