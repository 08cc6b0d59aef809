"""Water that others have mapped, as a model: rasters of 0 and 1 laid onto each chip, so that they are scored beside ours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from model.predictors.cards import plain_card
from model.predictors.protocol import Parameter, Plain
from tiles.archive.address import is_address, mended, named, said
from tiles.chip import Asset, Chip
from tiles.errors import ModelError, PredictionError, UsageError
from tiles.probability import NODATA, PROBABILITY_MAX
from tiles.reading.raster import RasterInfo, open_raster, read_info
from tiles.sentences import shown

SPEC = "extent:"
SYNTAX = "extent:NAME=PATH"

_TIFF = (".tif", ".tiff")
_UNTAGGED = 255  # what GFM and most others have where nothing is known
_LEAST_COVERED = 0.5
_ABOUT = (
    "Water or flood that others have mapped, as rasters of 0 (dry) and 1 (water). Nothing is computed here: they are laid onto "
    "each chip, nearest pixel, as certain as they say.\n\n## Limits\n\n- What it calls 1 decides what is scored: a flood extent "
    "leaves permanent water out, and a label of all water then counts it as missed.\n- Pixels that it does not know are left out "
    "of its scores, so that it may be scored on fewer than other models.\n- Nobody compares dates: give the rasters of the flood "
    "that the chips show."
)


def is_extent(text: str) -> bool:
    """Return whether a text is a spec of such a model, sound or not."""
    return text.startswith(SPEC)


class ExtentPredictor(Plain):
    """Rasters of one band, 0 dry and 1 water, as a model.

    Attributes:
        rasters: the files or addresses, by name.
    """

    model_id = "extent"
    device = "cpu"
    threshold = 0.5

    def __init__(self, spec: str) -> None:
        """Take rasters.

        Args:
            spec: `extent:NAME=PATH`, PATH a GeoTIFF, a folder of them, or an address (https, s3).

        Raises:
            UsageError: it is not written so.
            ModelError: there is no such file, or none in the folder.
            ChipError: one of them cannot be read, or holds more than one band.
        """
        name, _, path = spec.removeprefix(SPEC).partition("=")
        if not name.strip() or not path.strip():
            raise UsageError(f"{shown(spec)[:80]} names no rasters: give {SYNTAX}, such as extent:GFM=gfm/.")
        self.name = shown(name.strip())[:60]
        self.rasters = _rasters(path.strip())
        self._infos = [_checked(raster) for raster in self.rasters]
        self.parameters: dict[str, Parameter] = {"name": self.name, "rasters": _digest(self.rasters, self._infos)}

    def card(self) -> str:
        """Return what it is and what its scores mean, as Markdown."""
        return plain_card(self.name, _ABOUT, self.model_id, self.parameters, self.threshold)

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        """Return one uint8 (H, W) raster a chip: 254 water, 0 dry, 255 where a raster says nothing or the chip has no data.

        Raises:
            PredictionError: the rasters cover less than half of a chip, or hold other numbers than 0 and 1.
        """
        return [self._of(chip) for chip in chips]

    def _of(self, chip: Chip) -> npt.NDArray[np.uint8]:
        out = np.full(chip.valid.shape, NODATA, dtype=np.uint8)
        if not chip.valid.any():
            return out
        if not chip.grid.placed:
            raise PredictionError(
                f"{chip.id} has no place on Earth, so {self.name} cannot be laid onto it.", chip=chip.id
            )
        for raster, info in zip(self.rasters, self._infos, strict=True):
            if not (missing := chip.valid & (out == NODATA)).any():
                break
            found = self._laid(raster, info, chip)
            if found is not None:
                out[missing] = found[missing]
        covered = np.count_nonzero(out[chip.valid] != NODATA) / np.count_nonzero(chip.valid)
        if covered < _LEAST_COVERED:
            raise PredictionError(
                f"{self.name} covers {100 * covered:.0f} % of {chip.id}, half of it is needed: give the rasters of that place.",
                chip=chip.id,
            )
        return out

    def _laid(self, raster: str, info: RasterInfo, chip: Chip) -> npt.NDArray[np.uint8] | None:
        """Return a raster on a chip's grid as a probability raster, None where it lies elsewhere."""
        grid, nothing = chip.grid, info.nodata[0]
        nothing = float(_UNTAGGED) if nothing is None else nothing
        try:
            if not info.grid.footprint().intersects(grid.footprint()):
                return None
            with (
                open_raster(raster) as dataset,
                WarpedVRT(
                    dataset, crs=grid.crs, transform=grid.transform, width=grid.width, height=grid.height,
                    resampling=Resampling.nearest, src_nodata=nothing, nodata=nothing,
                ) as laid,
            ):  # fmt: skip
                values = laid.read(1)
        except RasterioError as error:
            raise PredictionError(
                f"{self.name} cannot be laid onto {chip.id}: its raster is damaged.", chip=chip.id
            ) from error
        known = chip.valid & (np.isfinite(values) if np.isnan(nothing) else values != nothing)
        others = np.unique(values[known & (values != 0) & (values != 1)])
        if others.size:
            raise PredictionError(
                f"{self.name} holds {others[0]:g} on {chip.id}, and 0 (dry) and 1 (water) are read: write its classes as these.",
                chip=chip.id,
            )
        out = np.full(values.shape, NODATA, dtype=np.uint8)
        out[known] = np.where(values[known] == 1, PROBABILITY_MAX, 0)
        return out


def _rasters(path: str) -> tuple[str, ...]:
    if is_address(mended(path)):
        return (named(mended(path)),)
    place = Path(path).expanduser()
    if place.is_dir():
        found = sorted(str(p) for p in place.iterdir() if p.suffix.lower() in _TIFF and not p.name.startswith("."))
        if not found:
            raise ModelError("{folder} holds no GeoTIFF of water: give the folder that they are in.", folder=place)
        return tuple(found)
    if not place.is_file():
        raise ModelError("{file} does not exist: give a GeoTIFF of 0 and 1, or a folder of them.", file=place)
    return (str(place),)


def _checked(raster: str) -> RasterInfo:
    info = read_info(raster)
    if len(info.data_bands) != 1:
        what = said(raster) if is_address(raster) else shown(Path(raster).name)
        raise ModelError(
            f"{what} has {len(info.data_bands)} bands, a map of water has one: give the file of that band."
        )
    return info


def _digest(rasters: Sequence[str], infos: Sequence[RasterInfo]) -> str:
    """Return what tells these very rasters from all others: their names, sizes and times."""
    text = "\n".join(f"{Asset(raster).now().stamp}|{info.size}" for raster, info in zip(rasters, infos, strict=True))
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=6).hexdigest()
