"""One chip in memory (contract 1): every nodata convention, odd but good files, from catalog to map tile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from bad_files import gcps
from chips import PLACE, SIZE, backscatter, lake, write_tiff

from model.evaluation.evaluate import evaluate
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Store
from tiles.catalog.catalog import open_catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import ChipRecord
from tiles.drawing.service import TileService
from tiles.errors import PredictionNotFoundError
from tiles.reading.door import read_chip

VV, VH = backscatter()
TRUTH = lake().astype(np.uint8)
CORNERS: list[tuple[float, float]] = [(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE)]
Write = Callable[[Path], object]


class NoPredictions:
    """A store of predictions that holds none."""

    def probability(self, record: ChipRecord, revision: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        raise PredictionNotFoundError(f"There is no prediction of {record.id}.")

    def latest_revision(self, record: ChipRecord) -> str:
        raise PredictionNotFoundError(f"There is no prediction of {record.id}.")


def _pair(**profile: object) -> Write:
    def write(folder: Path) -> None:
        for name, band in (("vv", VV), ("vh", VH), ("label", TRUTH)):
            write_tiff(folder / f"x_{name}.tif", band, **profile)

    return write


def _packed(folder: Path) -> None:
    for name, band in (("vv", VV), ("vh", VH)):
        write_tiff(folder / f"x_{name}.tif", np.round(band * 1000).astype(np.int16), scale=0.001)
    write_tiff(folder / "x_label.tif", TRUTH)


def _swapped(folder: Path) -> None:
    write_tiff(folder / "x.tif", VH, VV, names=("VH", "VV"))
    write_tiff(folder / "x_label.tif", TRUTH)


def _double(folder: Path) -> None:
    write_tiff(folder / "x.tif", VV.astype("f8"), VH.astype("f8"), names=("bands", "bands"))
    write_tiff(folder / "x_label.tif", TRUTH)


def _float_label(folder: Path) -> None:
    _pair()(folder)
    write_tiff(folder / "x_label.tif", TRUTH.astype("f4"), nodata=0.0)


GOOD: dict[str, Write] = {
    "plain": _pair(),
    "placed by ground control points": _pair(transform=None, gcps=gcps(PLACE, CORNERS)),
    "turned by 30 degrees": _pair(transform=PLACE @ Affine.rotation(30)),
    "south up": _pair(transform=Affine(10, 0, 600_000, 0, 10, 5_200_000)),
    "across the antimeridian in UTM": _pair(crs="EPSG:32660", transform=Affine(10, 0, 829_600, 0, -10, 1_000_000)),
    "across the antimeridian in degrees": _pair(crs="EPSG:4326", transform=Affine(1e-4, 0, 179.998, 0, -1e-4, -17)),
    "pixels twice as high as wide": _pair(crs="EPSG:4326", transform=Affine(1e-4, 0, 10, 0, -2e-4, 46)),
    "int16 with a scale": _packed,
    "bands swapped by description": _swapped,
    "float64 without names": _double,
    "float label tagged with nodata 0": _float_label,
    "BigTIFF, big endian": _pair(BIGTIFF="YES", ENDIANNESS="BIG"),
    "LERC in tiles": _pair(compress="lerc", tiled=True, blockxsize=16, blockysize=16),
}


@pytest.mark.parametrize("write", GOOD.values(), ids=GOOD)
def test_an_odd_but_good_chip_works_from_catalog_to_score_and_tile(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "chips")
    catalog = open_catalog([tmp_path / "chips"])
    assert catalog.problems() == []
    (record,) = catalog.records()
    chip = read_chip(record)
    assert chip.label_problem is None
    assert chip.empty is None
    assert chip.valid.all()
    assert (chip.vv.dtype, chip.vh.dtype, chip.valid.dtype) == (np.float32, np.float32, np.bool_)
    np.testing.assert_allclose(chip.vh, VH, atol=6e-4 if write is _packed else 0)
    np.testing.assert_array_equal(chip.label, TRUTH)
    with Store(tmp_path / "data") as store:
        report = evaluate([record], BackscatterPredictor(), store)
        ((_, prediction, histogram),) = report.predictions
        assert histogram.confusion(0.5).iou == 1.0
        assert prediction.water_km2(0.5) == pytest.approx(float(chip.grid.pixel_area_km2()[lake()].sum()))
    tiles = TileService(LiveCatalog(catalog), NoPredictions())
    for layer in ("composite", "vv", "vh"):
        for z, x, y in ((0, 0, 0), (1, 1, 0), (3, 7, 3)):
            assert tiles.tile(layer, "x", record.revision(), z, x, y).data.startswith(b"\x89PNG")


@pytest.mark.parametrize("fill", [0.0, np.nan, -9999.0, -99.0, np.inf, -np.inf, -3.4028234663852886e38])
@pytest.mark.parametrize("tagged", [True, False])
def test_every_nodata_convention_ends_as_nan_and_not_valid(tmp_path: Path, fill: float, tagged: bool) -> None:
    vv, vh = VV.copy(), VH.copy()
    vv[:5] = fill
    vh[:, :3] = fill
    nodata = fill if tagged else None
    write_tiff(tmp_path / "x_vv.tif", vv, nodata=nodata)
    write_tiff(tmp_path / "x_vh.tif", vh, nodata=nodata)
    chip = read_chip(open_catalog([tmp_path]).get("x"))
    expected = np.ones_like(chip.valid)
    expected[:5] = expected[:, :3] = False
    np.testing.assert_array_equal(chip.valid, expected)
    for band, source in ((chip.vv, VV), (chip.vh, VH)):
        assert np.isnan(band[~expected]).all()
        np.testing.assert_array_equal(band[expected], source[expected])


@pytest.mark.parametrize("dtype", ["int16", "int8", "float32", "uint8", "int32"])
@pytest.mark.parametrize("tagged", [True, False])
def test_every_label_convention_ends_as_0_1_and_255(tmp_path: Path, dtype: str, tagged: bool) -> None:
    unknown = 255 if dtype == "uint8" else -1
    label = TRUTH.astype(dtype)
    label[:4] = unknown
    write_tiff(tmp_path / "x_vv.tif", VV)
    write_tiff(tmp_path / "x_vh.tif", VH)
    write_tiff(tmp_path / "x_label.tif", label, nodata=unknown if tagged else None)
    read = read_chip(open_catalog([tmp_path]).get("x")).label
    assert read is not None
    assert read.dtype == np.uint8
    assert (read[:4] == 255).all()
    np.testing.assert_array_equal(read[4:], TRUTH[4:])


def test_a_constant_chip_is_read_and_predicted(tmp_path: Path) -> None:
    write_tiff(tmp_path / "x_vv.tif", np.full_like(VV, -15.0))
    write_tiff(tmp_path / "x_vh.tif", np.full_like(VH, -23.0))
    chip = read_chip(open_catalog([tmp_path]).get("x"))
    for method, water in (("fixed", True), ("otsu", False)):
        (raster,) = BackscatterPredictor(method).predict([chip])  # type: ignore[arg-type]
        assert ((raster >= 127) == water).all()


def test_float_noise_between_the_transforms_of_image_and_label_is_no_difference(tmp_path: Path) -> None:
    degrees = Affine(8.983152841195215e-05, 0, 78.0, 0, -8.983152841195215e-05, 26.0)
    noisy = Affine(8.983152841195215e-05 * (1 + 1e-13), 0, 78.0 + 6e-14, 0, -8.983152841195215e-05, 26.0)
    write_tiff(tmp_path / "x.tif", VV, VH, names=("VV", "VH"), crs="EPSG:4326", transform=degrees)
    write_tiff(tmp_path / "x_label.tif", TRUTH, crs="EPSG:4326", transform=noisy)
    np.testing.assert_array_equal(read_chip(open_catalog([tmp_path]).get("x")).label, TRUTH)


def test_without_its_label_a_chip_is_read_without_looking_at_it(tmp_path: Path) -> None:
    _pair()(tmp_path)
    record = open_catalog([tmp_path]).get("x")
    (tmp_path / "x_label.tif").write_text("broken since")
    assert read_chip(record, with_label=False).label_problem is None
    assert "a text file" in (read_chip(record).label_problem or "")
