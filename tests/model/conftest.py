"""Small chips in real files, for the tests of what predicts and stores them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.transform import from_origin

from tiles.chip import Asset, ChipRecord

MakeRecord = Callable[..., ChipRecord]


@pytest.fixture(scope="session")
def objects() -> Iterator[str]:
    """An object store's address, which everything in this process and its children takes for AWS."""
    from tests.shared_stores import object_store

    with object_store() as address:
        yield address


def write_band(path: Path, band: npt.NDArray[np.generic], nodata: float | None) -> Asset:
    """Write one band on a UTM grid of 10 m."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=band.shape[0],
        width=band.shape[1],
        count=1,
        dtype=band.dtype,
        crs="EPSG:32632",
        transform=from_origin(600_000, 5_200_000, 10, 10),
        nodata=nodata,
    ) as dataset:
        dataset.write(band, 1)
    return Asset(str(path))


@pytest.fixture
def make_record(tmp_path: Path) -> MakeRecord:
    """Write a chip: a dark lake in brighter land, a wedge without data, and a label of which a part is unknown."""

    def make(
        chip_id: str = "chip_1", size: int = 64, *, label: bool = True, valid: bool = True, folder: Path | None = None
    ) -> ChipRecord:
        rng = np.random.default_rng(sum(map(ord, chip_id)))
        row, col = np.mgrid[:size, :size] / size
        lake = np.hypot(row - 0.5, col - 0.6) < 0.25
        vh = np.where(lake, -25.0, -16.0).astype(np.float32) + rng.normal(0, 2, lake.shape).astype(np.float32)
        vv = vh + np.float32(7)
        wedge = col + row < 0.3 if valid else np.ones_like(lake)
        vv[wedge] = vh[wedge] = np.nan
        truth = np.where(lake, 1, 0).astype(np.int16)
        truth[-size // 8 :] = -1
        home = (folder or tmp_path) / "chips"
        home.mkdir(parents=True, exist_ok=True)
        return ChipRecord(
            id=chip_id,
            country="Utopia",
            event="Flood of 1516",
            split="train",
            vv=write_band(home / f"{chip_id}_vv.tif", vv, np.nan),
            vh=write_band(home / f"{chip_id}_vh.tif", vh, np.nan),
            label=write_band(home / f"{chip_id}_label.tif", truth, None) if label else None,
        )

    return make
