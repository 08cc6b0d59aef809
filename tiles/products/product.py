"""One Sentinel-1 product: whether it is one that can be laid onto a map, and all that is known of it before a pixel is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tiles.errors import BandError, ChipError, UnreadableFileError
from tiles.products.annotation import Annotation, read_annotation
from tiles.products.container import MANIFEST, Container
from tiles.products.geolocation import Geolocation, MapGrid
from tiles.products.tables import Noise, RangeTable, read_calibration, read_noise
from tiles.sentences import shown

SPACING = 10
"""Metres of a pixel where nothing else is said: that of GRD products of high resolution, and of the chips that models learn."""
SPACINGS = (10, 20)
POLARIZATIONS = ("VV", "VH")

# S1A_IW_GRDH_1SDV_20210401T052623_...: mission, mode, kind and resolution, level, class and polarization.
_NAMED = re.compile(
    r"^S1[A-D]_(IW|EW|WV|S\d|N\d|EN)_(GRD|SLC|RAW|OCN|ETA)([FHM_])_\d[SA](SH|SV|DH|DV|HH|HV|VV|VH)_", re.I
)
_OTHER_KINDS = {
    "SLC": "complex samples in the radar's own geometry (SLC)",
    "RAW": "raw echoes (RAW)",
    "OCN": "wind and waves (OCN)",
    "ETA": "extended timing annotation (ETAD)",
}
_OTHER_MODES = {
    "EW": "extra wide swath (EW), 40 m a pixel and mostly HH and HV",
    "WV": "wave mode (WV), small scenes of the open sea",
}
_INSTEAD = "give the IW GRD product of the same pass (S1?_IW_GRDH_1SDV_...)"
_TABLES = "annotation/calibration/"
_KINDS = {"annotation": "annotation/", "calibration": f"{_TABLES}calibration-", "noise": f"{_TABLES}noise-"}


@dataclass(frozen=True, eq=False)
class Channel:
    """One polarization of a product, its tables read.

    Attributes:
        annotation, calibration, noise: what its files say.
        measurement: name of its file of digital numbers.
    """

    annotation: Annotation
    calibration: RangeTable
    noise: Noise
    measurement: str


class Product:
    """A SAFE product of kind IW GRD with VV and VH. Files are read when they are asked for, and once."""

    def __init__(self, path: str | Path) -> None:
        """Take a product.

        Args:
            path: its folder, the manifest in it, or its zip.
        """
        path = Path(path)
        self.container = Container(path / MANIFEST if path.is_dir() else path)

    @property
    def path(self) -> str:
        """What `Asset.path` is of its bands."""
        return str(self.container.path)

    def require_taken(self) -> None:
        """Raise where it is a product of another kind, by its name, or lacks a file.

        Raises:
            UnreadableFileError: it is no IW GRD product, or a file is missing.
            BandError: it holds HH or HV.
        """
        named = _NAMED.match(self.container.name)
        if named is not None:
            self._require_kind(named[1].upper(), named[2].upper())
            self._require_bands(named[4].upper())
        for name in POLARIZATIONS:
            for kind in ("annotation", "calibration", "noise", "measurement"):
                self.file(kind, name)

    def _require_kind(self, mode: str, kind: str) -> None:
        if kind in _OTHER_KINDS:
            raise UnreadableFileError(
                f"{{file}} is a Sentinel-1 product of {_OTHER_KINDS[kind]}: {_INSTEAD}.", file=self._said
            )
        if mode != "IW":
            said = _OTHER_MODES.get(mode, f"the mode {shown(mode)[:8]} (stripmap)")
            raise UnreadableFileError(f"{{file}} is a Sentinel-1 product of {said}: {_INSTEAD}.", file=self._said)
        if kind != "GRD":
            raise UnreadableFileError(
                f"{{file}} is a Sentinel-1 product of the kind {shown(kind)[:8]}, not GRD: {_INSTEAD}.", file=self._said
            )

    def _require_bands(self, code: str) -> None:
        held = {
            "DH": "HH and HV",
            "SH": "HH alone",
            "HH": "HH alone",
            "HV": "HV alone",
            "SV": "VV alone",
            "VV": "VV alone",
        }
        held["VH"] = "VH alone"
        if code in held:
            raise BandError(
                f"{{file}} holds {held[code]}, and models here know VV with VH: {_INSTEAD}.", file=self._said
            )

    @property
    def _said(self) -> Path:
        """The path that a message calls the product by."""
        return self.container.path if self.container.zipped else self.container.path.parent

    def file(self, kind: str, polarization: str) -> str:
        """Return the name of one of its files, as Copernicus or AWS call it.

        Args:
            kind: "annotation", "calibration", "noise" or "measurement".
            polarization: "VV" or "VH".

        Raises:
            UnreadableFileError: it is not there.
        """
        start = _KINDS.get(kind, "measurement/")
        ending = (".tiff", ".tif") if kind == "measurement" else (".xml",)
        own = re.compile(rf"(?:^|-){polarization}(?:-|\.)", re.IGNORECASE)
        found = [
            name
            for name in self.container.names
            if name.lower().startswith(start)
            and name.lower().endswith(ending)
            and own.search(name[len(start) :])
            and ("/" not in name[len(start) :])
        ]
        if not found:
            folder = start.rpartition("/")[0]
            raise UnreadableFileError(
                f"{{file}} lacks the {kind} of {polarization} ({folder}/): download the product again, whole.",
                file=self._said,
            )
        return found[0]

    def annotation(self, polarization: str) -> Annotation:
        """Return what is annotated of a polarization, checked against what is asked for.

        Raises:
            UnreadableFileError, BandError: it is damaged, or of another kind.
        """
        file = self.file("annotation", polarization)
        found = read_annotation(self.container, file)
        self._require_kind(found.mode.upper(), found.kind.upper())
        if found.polarization.upper() != polarization:
            raise BandError(
                f"{{file}} is of {shown(found.polarization)[:8]} by its content and of {polarization} by its name: download the "
                "product again.",
                file=self.container.file(file),
            )
        return found

    @cached_property
    def first(self) -> Annotation:
        """The annotation of VV."""
        return self.annotation("VV")

    @cached_property
    def geolocation(self) -> Geolocation:
        """The grid of points of VV: VH was measured in the same pulses, on the same lines and pixels."""
        return Geolocation(self.first, self.container, self.file("annotation", "VV"))

    def map_grid(self, spacing: int = SPACING) -> MapGrid:
        """Return the grid that the product is laid onto."""
        return self.geolocation.map_grid(spacing)

    def channel(self, polarization: str) -> Channel:
        """Return one polarization with its tables.

        Raises:
            UnreadableFileError, BandError: a file of it is damaged.
        """
        annotation = self.first if polarization == "VV" else self.annotation(polarization)
        if (annotation.width, annotation.height) != (self.first.width, self.first.height):
            raise UnreadableFileError(
                f"{{file}} has VV of {self.first.width:,} x {self.first.height:,} pixels and {polarization} of "
                f"{annotation.width:,} x {annotation.height:,}: download the product again.",
                file=self._said,
            )
        return Channel(
            annotation,
            read_calibration(self.container, self.file("calibration", polarization), annotation.width),
            read_noise(self.container, self.file("noise", polarization), annotation.width),
            self.file("measurement", polarization),
        )

    def stamp(self) -> str:
        """Return what tells the product's present files from all others."""
        kinds = ("annotation", "calibration", "noise", "measurement")
        return self.container.stamp(tuple(self.file(kind, name) for name in POLARIZATIONS for kind in kinds))


def refusal(product: Product) -> ChipError | None:
    """Return why a product cannot be used, as far as its names and VV's annotation tell; None where they tell nothing."""
    try:
        product.require_taken()
        product.map_grid()
    except ChipError as error:
        return error
    return None
