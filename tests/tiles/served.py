"""Chips written to real files, predictions kept as real rasters, and what rio-tiler makes of both; for the tile tests."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from PIL import Image
from rio_tiler.io import Reader

from model.predictors.backscatter import BackscatterPredictor
from model.store.probability import encode_probability, read_probability
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import Asset, ChipRecord
from tiles.drawing.service import TileService
from tiles.errors import PredictionNotFoundError
from tiles.grid import Grid
from tiles.reading.door import read_chip

Pixels = npt.NDArray[np.uint8]
REVISION = "0123456789ab"
UTM = ("EPSG:32632", Affine(10, 0, 600_000, 0, -10, 5_200_000))


def write(path: Path, band: npt.NDArray[np.generic], crs: str, transform: Affine, nodata: float | None) -> Asset:
    """Write one band to a GeoTIFF."""
    height, width = band.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=1, dtype=band.dtype, crs=crs, transform=transform,
        nodata=nodata,
    ) as dataset:  # fmt: skip
        dataset.write(band, 1)
    return Asset(str(path))


def make_record(
    folder: Path,
    chip_id: str = "chip_1",
    shape: tuple[int, int] = (96, 80),
    crs: str = UTM[0],
    transform: Affine = UTM[1],
    label: bool = True,
) -> ChipRecord:
    """Write a chip: random backscatter, a corner without data, and a label with a part that is unknown."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(sum(map(ord, chip_id)))
    vh = rng.normal(-20, 4, shape).astype(np.float32)
    vv = vh + rng.normal(7, 1, shape).astype(np.float32)
    vv[: shape[0] // 4, : shape[1] // 4] = np.nan
    truth = (vh < -22).astype(np.int16)
    truth[-shape[0] // 6 :] = -1
    return ChipRecord(
        id=chip_id,
        vv=write(folder / f"{chip_id}_vv.tif", vv, crs, transform, np.nan),
        vh=write(folder / f"{chip_id}_vh.tif", vh, crs, transform, np.nan),
        label=write(folder / f"{chip_id}_label.tif", truth, crs, transform, None) if label else None,
        footprint=Grid(rasterio.CRS.from_user_input(crs), transform, shape[1], shape[0]).footprint(),
    )


@dataclass
class KeptPredictions:
    """Predictions in a folder: one probability raster a chip, all of one revision."""

    folder: Path
    reads: list[str] = field(default_factory=list)

    def path(self, chip_id: str) -> Path:
        return self.folder / f"{chip_id}.tif"

    def predict(self, record: ChipRecord) -> Pixels:
        chip = read_chip(record)
        if not chip.valid.any():
            probability = np.full(chip.valid.shape, 255, dtype=np.uint8)
        else:
            probability = BackscatterPredictor().predict([chip])[0]
        self.path(record.id).write_bytes(encode_probability(probability, chip.grid, {}))
        return probability

    def probability(self, record: ChipRecord, revision: str) -> Pixels:
        self.reads.append(record.id)
        if revision != REVISION or not self.path(record.id).exists():
            raise PredictionNotFoundError(f"There is no prediction {revision} of {record.id}.")
        return read_probability(self.path(record.id))

    def latest_revision(self, record: ChipRecord) -> str:
        if not self.path(record.id).exists():
            raise PredictionNotFoundError(f"{record.id} is not predicted yet.")
        return REVISION


def serve(folder: Path, *records: ChipRecord, predict: bool = True) -> tuple[TileService, KeptPredictions]:
    """A service over some records, predicted unless they have no imagery."""
    predictions = KeptPredictions(folder)
    catalog = Catalog(records)
    if predict:
        for record in catalog.usable():
            predictions.predict(record)
    return TileService(LiveCatalog(catalog), predictions), predictions


def real_catalog(real_data: Path) -> Catalog:
    """All real chips of both sets."""
    return open_catalog([real_data / "sen1floods11", real_data / "drivendata"])


def decode(png: bytes) -> Pixels:
    """The RGBA pixels (H, W, 4) of a PNG, by Pillow."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def centre(record: ChipRecord, z: int) -> tuple[int, int, int]:
    """The tile (z, x, y) under the middle of a chip."""
    assert record.footprint is not None
    point = record.footprint.centroid
    rows = 2**z
    x = int((point.x + 180) / 360 * rows)
    y = int((1 - np.arcsinh(np.tan(np.radians(point.y))) / np.pi) / 2 * rows)
    return z, x, y


def all_bands(path: str, z: int, x: int, y: int) -> npt.NDArray[np.float32]:
    """What plain rio-tiler reads of a file at its full resolution: float32 (bands, 256, 256), NaN where it has no data."""
    # All bands are read, as rio-tiler does unless told otherwise: asked for one of several, GDAL samples by another
    # route and takes neighbours half a pixel off. Overviews are left out, since a tile shows full resolution's pixels.
    with rasterio.open(path, OVERVIEW_LEVEL="NONE") as dataset, Reader(None, dataset=dataset) as reader:
        image = reader.tile(x, y, z)
    values: npt.NDArray[np.float32] = np.ma.filled(image.array.astype(np.float32), np.nan)
    return values


_kept = lru_cache(maxsize=2)(all_bands)


def plain(path: str, band: int, z: int, x: int, y: int) -> npt.NDArray[np.float32]:
    """One band of `all_bands`; VV and VH of one file are read once."""
    return _kept(path, z, x, y)[band - 1].copy()
