"""Tiles are what rio-tiler's nearest neighbour takes from the chip's own files, at every zoom and anywhere on Earth."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import morecantile
import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from pyproj import Transformer
from rasterio.crs import CRS
from rio_tiler.io import Reader
from served import KeptPredictions, Pixels, centre, decode, plain, real_catalog, write

from tiles.catalog.catalog import Catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import Asset, Chip, ChipRecord
from tiles.drawing.composite import composite, single_band
from tiles.drawing.layers import Options
from tiles.drawing.render import OVERVIEWS_ABOVE, DisplayRaster, encode_mask, encode_png
from tiles.drawing.service import TileService
from tiles.errors import ChipError
from tiles.grid import Grid
from tiles.probability import level
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

MERCATOR = morecantile.tms.get("WebMercatorQuad")
# Plain rio-tiler needs seconds and a gigabyte for a file of two bands below zoom 10. It reads the same pixels, a hundred
# times faster, from a copy of each band in a file of its own (a test below holds that).
SLOW_BELOW = 13


@pytest.fixture(scope="module")
def real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, TileService, KeptPredictions]:
    catalog = real_catalog(real_data)
    predictions = KeptPredictions(tmp_path_factory.mktemp("predictions"))
    for record in catalog.usable():
        predictions.predict(record)
    return catalog, TileService(LiveCatalog(catalog), predictions), predictions


def _touched(record: ChipRecord, z: int, turn: int) -> tuple[int, int, int]:
    """One of the tiles that the chip touches: edges, corners and the inside in turn, over the chips and the zooms."""
    assert record.footprint is not None
    tiles = [(t.z, t.x, t.y) for t in MERCATOR.tiles(*record.footprint.bounds, [z])]
    return tiles[turn * len(tiles) // 5 % len(tiles)]


@pytest.fixture(scope="module")
def band_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Asset], str]:
    """Gives a copy of one band of a file in a file of its own."""
    folder = tmp_path_factory.mktemp("bands")

    def copy(asset: Asset) -> str:
        path = folder / f"{Path(asset.path).stem}_{asset.band}.tif"
        if not path.exists():
            with rasterio.open(asset.path) as source:
                write(path, source.read(asset.band), source.crs, source.transform, source.nodata)
        return str(path)

    return copy


def _resampled(chip: Chip, record: ChipRecord, tile: tuple[int, int, int], band_files: Callable[[Asset], str]) -> Chip:
    """The chip as plain rio-tiler sees it in a tile, read from the files as they are."""
    assert record.vv is not None and record.vh is not None
    if tile[0] < SLOW_BELOW and record.vv.path == record.vh.path:
        vv, vh = (plain(band_files(asset), 1, *tile) for asset in (record.vv, record.vh))
    else:
        vv, vh = (plain(asset.path, asset.band, *tile) for asset in (record.vv, record.vh))
    valid = np.isfinite(vv) & np.isfinite(vh) & (vv != 0) & (vh != 0)
    return replace(
        chip, vv=np.where(valid, vv, np.float32(np.nan)), vh=np.where(valid, vh, np.float32(np.nan)), valid=valid
    )


def _seen(pixels: Pixels) -> Pixels:
    """Pixels (H, W, 4) with everything transparent made equal, as the eye does."""
    return np.where(pixels[..., 3:] > 0, pixels, 0)


@pytest.mark.parametrize("z", range(8, 17))
def test_an_imagery_tile_is_what_rio_tiler_reads_from_the_original_file(
    real: tuple[Catalog, TileService, KeptPredictions], band_files: Callable[[Asset], str], z: int
) -> None:
    catalog, service, _ = real
    compared = 0
    for number, record in enumerate(catalog.usable()):
        chip, revision = service.chip(record), record.revision()
        tile = _touched(record, z, number + z)
        source = _resampled(chip, record, tile, band_files)
        shown = decode(service.tile("composite", record.id, revision, *tile).data)
        assert np.array_equal(_seen(shown), _seen(np.moveaxis(composite(source), 0, -1))), (record.id, tile)
        compared += int(source.valid.sum())
        for band in ("vv", "vh"):
            grey, alpha = single_band(source, band)  # type: ignore[arg-type]
            shown = decode(service.tile(band, record.id, revision, *tile).data)
            assert np.array_equal(_seen(shown), _seen(np.dstack([grey, grey, grey, alpha]))), (record.id, tile)
    assert compared > 500


def test_rio_tiler_reads_a_band_in_a_file_of_its_own_as_in_the_file_of_both(
    real: tuple[Catalog, TileService, KeptPredictions], band_files: Callable[[Asset], str]
) -> None:
    record = real[0].get("India_900498")
    for z in (10, 13):
        tile = centre(record, z)
        for asset in (record.vv, record.vh):
            assert asset is not None
            original = plain(asset.path, asset.band, *tile)
            assert np.array_equal(original, plain(band_files(asset), 1, *tile), equal_nan=True)
            assert np.isfinite(original).any()


@pytest.mark.parametrize("z", range(8, 17))
def test_a_score_or_mask_tile_is_what_rio_tiler_reads_from_the_stored_prediction_and_the_label_file(
    real: tuple[Catalog, TileService, KeptPredictions], z: int
) -> None:
    catalog, service, predictions = real
    for number, record in enumerate(catalog.usable()):
        tile = _touched(record, z, number + z + 2)
        revision = service.revision("scores", record)
        red = plain(str(predictions.path(record.id)), 1, *tile)
        valid = np.isfinite(red)
        shown = decode(service.tile("scores", record.id, revision, *tile).data)
        assert np.array_equal(shown[..., 3] > 0, valid), (record.id, tile)
        assert np.array_equal(shown[..., 0][valid], red[valid]), (record.id, tile)
        if record.label is not None:
            truth = plain(record.label.path, record.label.band, *tile)
            assert np.array_equal(shown[..., 1][valid] == 255, truth[valid] == 1), (record.id, tile)
            assert np.array_equal(shown[..., 2][valid] == 255, np.isin(truth[valid], (0, 1))), (record.id, tile)
        else:
            assert not shown[..., 1:3].any()
        for threshold in (0.3, 0.5):
            mask = decode(service.tile("mask", record.id, revision, *tile, asked=Options(threshold)).data)[..., 3] > 0
            assert np.array_equal(mask, valid & (red >= level(threshold))), (record.id, tile, threshold)


def _grid(shape: tuple[int, int], crs: str = "EPSG:32632", transform: Affine | None = None) -> Grid:
    return Grid(CRS.from_user_input(crs), transform or Affine(10, 0, 600_000, 0, -10, 5_200_000), shape[1], shape[0])


def _noise(shape: tuple[int, int], bands: int = 4) -> Pixels:
    pixels = np.random.default_rng(0).integers(0, 256, (bands, *shape), dtype=np.uint8)
    pixels[-1] = np.where(pixels[-1] > 40, 255, 0)
    return pixels


@pytest.mark.parametrize("shape", [(512, 512), (700, 1300)])
@pytest.mark.parametrize(("bands", "overviews"), [(4, "nearest"), (4, "average"), (2, "average")])
def test_a_tile_is_what_rio_tiler_reads_from_the_display_raster(
    shape: tuple[int, int], bands: int, overviews: str
) -> None:
    grid = _grid(shape)
    raster = DisplayRaster(_noise(shape, bands), grid, overviews)  # type: ignore[arg-type]
    middle = grid.footprint().centroid
    with Reader(raster.path) as reader:
        assert bool(reader.dataset.overviews(1)) == (max(shape) > OVERVIEWS_ABOVE)
        for z in (6, 9, 11, 13, 15, 18, 22):
            at = MERCATOR.tile(middle.x, middle.y, z)
            for size in (256, 512):
                image = reader.tile(at.x, at.y, z, tilesize=size, indexes=tuple(range(1, bands)))
                expected = np.moveaxis(np.concatenate([image.array.data, image.alpha_mask[None]]), 0, -1)
                tile = raster.tile(z, at.x, at.y, size)
                if tile is None:
                    assert not expected[..., -1].any()
                else:
                    assert np.array_equal(tile, expected), (z, size)


def test_gdal_takes_its_quick_route_which_samples_otherwise_than_its_slow_one() -> None:
    grid = _grid((512, 512))
    raster = DisplayRaster(_noise((512, 512)), grid, "nearest")
    middle = grid.footprint().centroid
    at = MERCATOR.tile(middle.x, middle.y, 11)
    read = {}
    for route in ("YES", "NO"):
        with rasterio.Env(GDAL_VRT_WARP_USE_DATASET_RASTERIO=route), Reader(raster.path) as reader:
            read[route] = reader.tile(at.x, at.y, 11, indexes=(1, 2, 3)).array.data
    tile = raster.tile(11, at.x, at.y)
    assert tile is not None
    assert np.array_equal(np.moveaxis(tile[..., :3], -1, 0), read["YES"])
    assert not np.array_equal(read["YES"], read["NO"])


def test_nearest_overviews_show_no_value_that_the_raster_does_not_hold() -> None:
    pixels = np.zeros((4, 600, 600), np.uint8)
    pixels[0] = np.where(np.random.default_rng(1).random((600, 600)) < 0.5, 10, 250)
    pixels[3] = 255
    grid = _grid((600, 600))
    raster = DisplayRaster(pixels, grid, "nearest")
    middle = grid.footprint().centroid
    for z in range(8, 15):
        tile = raster.tile(z, *MERCATOR.tile(middle.x, middle.y, z)[:2])
        assert tile is not None
        assert set(np.unique(tile[..., 0][tile[..., 3] > 0])) <= {10, 250}


PLACES = {
    "near the north pole": ("EPSG:4326", Affine(1e-3, 0, 20, 0, -1e-4, 86.5)),
    "across 85 degrees": ("EPSG:4326", Affine(1e-4, 0, 20, 0, -1e-4, 85.05115)),
    "on the south pole": ("EPSG:3031", Affine(10, 0, -600, 0, -10, 600)),
    "across the antimeridian": ("EPSG:4326", Affine(9e-5, 0, 179.995, 0, -9e-5, -16)),
    "across the antimeridian, from the other side": ("EPSG:4326", Affine(9e-5, 0, -180.00004, 0, -9e-5, -16)),
    "across the antimeridian in UTM": ("EPSG:32701", Affine(10, 0, 178_800, 0, -10, 8_200_000)),
    "in web mercator itself": ("EPSG:3857", Affine(10, 0, 600_000, 0, -10, 5_200_000)),
    "rotated": ("EPSG:32632", Affine(8, 6, 600_000, 6, -8, 5_200_000)),
    "with south up": ("EPSG:32632", Affine(10, 0, 600_000, 0, 10, 5_200_000)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", [(96, 120), (96, 1), (1, 1)])
def test_a_chip_anywhere_and_of_any_shape_answers_every_zoom(place: str, shape: tuple[int, int]) -> None:
    crs, transform = PLACES[place]
    grid = _grid(shape, crs, transform)
    raster = DisplayRaster(np.full((4, *shape), 255, np.uint8), grid, "nearest")
    lon, lat = grid.lonlat(np.array([shape[1] / 2]), np.array([shape[0] / 2]))
    drawn = 0
    for z in (*range(0, 22, 3), 22):
        for longitude in ((lon[0] + 180) % 360 - 180, 179.9999, -179.9999):
            at = MERCATOR.tile(longitude, float(np.clip(lat[0], -85.051, 85.051)), z)
            tile = raster.tile(z, at.x, at.y)
            assert tile is None or tile.shape == (256, 256, 4)
            drawn += tile is not None
    assert drawn > 0 or "pole" in place


@pytest.mark.parametrize("bands", [2, 4])
def test_a_png_gives_back_the_very_pixels(bands: int) -> None:
    pixels = np.moveaxis(_noise((256, 256), bands), 0, -1)
    decoded = np.asarray(Image.open(io.BytesIO(encode_png(np.ascontiguousarray(pixels)))))
    assert np.array_equal(decoded, pixels)


def test_a_mask_png_is_one_colour_and_nothing() -> None:
    mask = np.random.default_rng(0).random((256, 256)) < 0.3
    pixels = decode(encode_mask(mask, (1, 2, 3)))
    assert np.array_equal(pixels[..., 3], np.where(mask, 255, 0))
    assert np.unique(pixels[mask], axis=0).tolist() == [[1, 2, 3, 255]]


def test_a_raster_that_nobody_holds_any_more_gives_its_memory_back() -> None:
    raster = DisplayRaster(_noise((64, 64)), _grid((64, 64)), "nearest")
    path = raster.path
    with Reader(path) as reader:
        assert reader.dataset.count == 4
    del raster
    gc.collect()
    with pytest.raises(Exception, match="No such file"), Reader(path):
        pass


_MEMORY = """
import resource, sys
import numpy as np
from affine import Affine
from rasterio.crs import CRS
from tiles.grid import Grid
from tiles.drawing.render import DisplayRaster

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

for epsg, transform in ((4326, Affine(9e-5, 0, 10, 0, -9e-5, 45)), (32632, Affine(10, 0, 6e5, 0, -10, 5.2e6))):
    before = peak()
    grid = Grid(CRS.from_epsg(epsg), transform, 512, 512)
    raster = DisplayRaster(np.full((4, 512, 512), 255, np.uint8), grid, "average")
    point = grid.footprint().centroid
    for z in range(23):
        x = int((point.x + 180) / 360 * 2**z)
        y = int((1 - np.arcsinh(np.tan(np.radians(point.y))) / np.pi) / 2 * 2**z)
        raster.tile(z, x, y)
    print(peak() - before)
"""


@pytest.fixture
def memory_of_all_zooms() -> Iterator[list[float]]:
    done = subprocess.run([sys.executable, "-c", _MEMORY], check=True, capture_output=True, text=True, timeout=120)
    yield [float(line) for line in done.stdout.split()]


def test_no_zoom_takes_50_megabytes_more(memory_of_all_zooms: list[float]) -> None:
    assert len(memory_of_all_zooms) == 2
    assert max(memory_of_all_zooms) <= 50


def test_a_chip_without_imagery_is_refused_before_anything_is_drawn(
    real: tuple[Catalog, TileService, KeptPredictions],
) -> None:
    catalog, service, _ = real
    record = next(r for r in catalog.records() if not r.has_imagery)
    with pytest.raises(ChipError):
        service.tile("composite", record.id, record.revision(), 3, 0, 0)


def test_every_native_pixel_of_a_chip_is_on_some_tile_of_a_zoom_beyond_its_own(
    real: tuple[Catalog, TileService, KeptPredictions],
) -> None:
    catalog, service, _ = real
    record = catalog.get("jja10")
    chip = read_chip(record)
    expected = {tuple(p) for p in composite(chip).reshape(4, -1).T.tolist()}
    seen: set[tuple[int, ...]] = set()
    assert record.footprint is not None
    for tile in MERCATOR.tiles(*record.footprint.bounds, [14]):
        pixels = decode(service.tile("composite", "jja10", record.revision(), tile.z, tile.x, tile.y).data)
        seen |= {tuple(p) for p in np.unique(pixels[pixels[..., 3] > 0], axis=0).tolist()}
    assert seen == expected


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4269", "EPSG:32760"])
def test_a_raster_across_the_antimeridian_is_drawn_on_both_sides_without_a_gap(crs: str) -> None:
    system = CRS.from_string(crs)
    step = 1e-4 if system.is_geographic else 10.0
    x, y = Transformer.from_crs(4326, system.to_epsg(), always_xy=True).transform(179.9999, -16.71)
    transform = Affine(step, 0, x - 100 * step, 0, -step, y + 100 * step)
    across = Grid(system, transform, 200, 200)
    assert across.footprint().bounds[0] < 180 < across.footprint().bounds[2]
    pixels = np.full((4, 200, 200), 255, np.uint8)
    pixels[0] = np.arange(200)
    raster = DisplayRaster(pixels, across, "nearest")
    row = int((1 - np.arcsinh(np.tan(np.radians(-16.71))) / np.pi) / 2 * 2**15)
    east, west = raster.tile(15, 2**15 - 1, row), raster.tile(15, 0, row)
    assert east is not None
    assert west is not None
    line = slice(100, 150)
    assert (east[line, -1, 3] == 255).all(), "up to the antimeridian"
    assert (west[line, 0, 3] == 255).all(), "and from it on"
    jump = west[line, 0, 0].astype(int) - east[line, -1, 0]
    assert ((jump >= 0) & (jump <= 1)).all(), "neighbours there are neighbours in the raster"
    assert raster.tile(15, 2**14, row) is None
