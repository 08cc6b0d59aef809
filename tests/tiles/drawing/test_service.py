"""The service answers every tile of a chip, tells what is wrong with one it cannot draw, and draws each once."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from served import REVISION, Pixels, centre, decode, make_record, serve

import tiles.drawing.service
from tests.tiles.chips import write_tiff
from tiles.catalog.catalog import Catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import Asset, Chip, ChipRecord
from tiles.drawing.composite import NODATA_YELLOW, composite, score_pixels
from tiles.drawing.layers import TILES, Options, layer_of
from tiles.drawing.render import DisplayRaster
from tiles.drawing.service import TileService
from tiles.errors import (
    ChipError,
    ChipNotFoundError,
    LayerNotFoundError,
    MissingImageryError,
    PredictionNotFoundError,
    UsageError,
)
from tiles.palette import CONFIDENCE, WATER
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

LAYERS = tuple(layer.name for layer in TILES)


def _revision(layer: str, record: ChipRecord) -> str:
    return record.revision() if layer_of(layer).needs == "image" else REVISION


@pytest.fixture
def record(tmp_path: Path) -> ChipRecord:
    return make_record(tmp_path / "chips")


@pytest.fixture
def service(record: ChipRecord, tmp_path: Path) -> TileService:
    return serve(tmp_path, record)[0]


@pytest.mark.parametrize("layer", LAYERS)
def test_every_zoom_answers_with_a_tile_of_its_size(service: TileService, record: ChipRecord, layer: str) -> None:
    for z in range(23):
        tile = service.tile(layer, record.id, _revision(layer, record), *centre(record, z))
        assert decode(tile.data).shape == (256, 256, 4)
    double = service.tile(layer, record.id, _revision(layer, record), *centre(record, 13), scale=2)
    assert decode(double.data).shape == (512, 512, 4)


def _mercator(folder: Path) -> tuple[ChipRecord, tuple[int, int, int]]:
    """A chip whose pixels are those of one tile of zoom 14, so that the tile is the chip, pixel by pixel."""
    z, x, y = 14, 8192 + 300, 8192 - 2000
    half, size = 20037508.342789244, 2 * 20037508.342789244 / 2**14
    transform = Affine(size / 256, 0, -half + x * size, 0, -size / 256, half - y * size)
    return make_record(folder, "whole", (256, 256), "EPSG:3857", transform), (z, x, y)


def test_a_tile_on_the_chips_own_grid_is_the_composite_pixel_by_pixel(tmp_path: Path) -> None:
    record, place = _mercator(tmp_path / "chips")
    service, _ = serve(tmp_path, record)
    for yellow in (False, True):
        asked = Options(nodata="yellow" if yellow else "transparent")
        shown = decode(service.tile("composite", record.id, record.revision(), *place, asked=asked).data)
        expected = np.moveaxis(composite(read_chip(record), yellow_nodata=yellow), 0, -1)
        assert np.array_equal(shown, expected)
    assert (shown[:32, :32] == [*NODATA_YELLOW, 255]).all()


def test_a_score_tile_on_the_chips_own_grid_is_contract_5_pixel_by_pixel(tmp_path: Path) -> None:
    record, place = _mercator(tmp_path / "chips")
    service, predictions = serve(tmp_path, record)
    probability = predictions.predict(record)
    shown = decode(service.tile("scores", record.id, REVISION, *place).data)
    expected = np.moveaxis(score_pixels(probability, read_chip(record).label), 0, -1)
    assert np.array_equal(shown, expected)
    assert {0, 255} == set(np.unique(shown[..., 3]))


def test_a_flood_tile_has_usual_water_where_a_score_tile_has_the_label(tmp_path: Path) -> None:
    record, place = _mercator(tmp_path / "chips")
    service, predictions = serve(tmp_path, record)
    shown = decode(service.tile("flood", record.id, REVISION, *place).data)
    assert not shown[..., 1:3].any(), "nothing says where water is usual"
    rng = np.random.default_rng(5)
    share = rng.choice(np.array([0, 0.49, 0.5, 1, np.nan], np.float32), (256, 256))
    water = tmp_path / "usual.tif"
    assert record.vv is not None
    with rasterio.open(record.vv.path) as image:
        profile = {"crs": image.crs, "transform": image.transform}
    write_tiff(water, share, **profile)
    usual = replace(record, permanent_water=Asset(str(water)))
    service, predictions = serve(tmp_path, usual)
    probability = predictions.predict(usual)
    shown = decode(service.tile("flood", usual.id, REVISION, *place).data)
    known, there = probability != 255, np.isfinite(share)
    assert np.array_equal(shown[..., 0], np.where(known, probability, 0))
    assert np.array_equal(shown[..., 1] == 255, known & there & (share >= 0.5))
    assert np.array_equal(shown[..., 2] == 255, known & there)


@pytest.mark.parametrize("level", [0, 1, 127, 200, 254])
def test_a_mask_is_where_the_probability_reaches_the_level_and_there_is_data(tmp_path: Path, level: int) -> None:
    record, place = _mercator(tmp_path / "chips")
    service, predictions = serve(tmp_path, record)
    probability = predictions.predict(record)
    shown = decode(service.tile("mask", record.id, REVISION, *place, asked=Options(level / 254)).data)
    water = (probability >= level) & (probability != 255)
    assert np.array_equal(shown[..., 3] > 0, water)
    assert water.any()
    assert (shown[water] == [*WATER, 255]).all()


def test_confidence_is_the_probability_from_surely_dry_over_unsure_to_surely_water(tmp_path: Path) -> None:
    record, place = _mercator(tmp_path / "chips")
    service, predictions = serve(tmp_path, record)
    probability = predictions.predict(record)
    shown = decode(service.tile("confidence", record.id, REVISION, *place).data)
    known = probability != 255
    assert np.array_equal(shown[..., 3] == 255, known)
    low, middle, high = np.array(CONFIDENCE, dtype=float)
    p = probability[known].astype(float)[:, None] / 255
    expected = np.where(p < 0.5, low + 2 * p * (middle - low), middle + (2 * p - 1) * (high - middle))
    assert np.abs(shown[known][:, :3] - expected).max() <= 1
    assert len(np.unique(shown[known][:, :3], axis=0)) > 5


def test_a_chip_without_a_label_has_a_score_tile_that_knows_no_truth(tmp_path: Path) -> None:
    record = make_record(tmp_path / "chips", label=False)
    service, _ = serve(tmp_path, record)
    shown = decode(service.tile("scores", record.id, REVISION, *centre(record, 14)).data)
    assert shown[..., 0].any()
    assert not shown[..., 1:3].any()


def test_outside_the_chip_a_tile_is_transparent(service: TileService, record: ChipRecord) -> None:
    for layer in LAYERS:
        for place in ((5, 0, 0), (22, 5, 5), (1, 0, 1)):
            pixels = decode(service.tile(layer, record.id, _revision(layer, record), *place).data)
            assert not pixels[..., 3].any()


@pytest.mark.parametrize("place", [(23, 0, 0), (-1, 0, 0), (3, 8, 0), (3, 0, 8), (3, -1, 0), (10**9, 0, 0)])
def test_an_address_outside_the_tile_matrix_is_not_found(
    service: TileService, record: ChipRecord, place: tuple[int, int, int]
) -> None:
    with pytest.raises(LayerNotFoundError, match="zoom is 0 to 22"):
        service.tile("composite", record.id, record.revision(), *place)


def test_what_is_not_there_is_named(service: TileService, record: ChipRecord) -> None:
    with pytest.raises(LayerNotFoundError, match=", ".join(LAYERS)):
        service.tile("truth", record.id, record.revision(), 0, 0, 0)
    with pytest.raises(ChipNotFoundError, match="did you mean chip_1"):
        service.tile("vv", "chip_2", record.revision(), 0, 0, 0)
    with pytest.raises(LayerNotFoundError, match="no revision 'old'"):
        service.tile("vv", record.id, "old", 0, 0, 0)
    with pytest.raises(PredictionNotFoundError):
        service.tile("scores", record.id, "old", 0, 0, 0)
    with pytest.raises(UsageError, match="scale 1 or 2"):
        service.tile("vv", record.id, record.revision(), 0, 0, 0, scale=3)


def test_a_revision_that_has_passed_is_not_answered_from_memory(service: TileService, record: ChipRecord) -> None:
    old = record.revision()
    assert record.vv is not None
    service.tile("composite", record.id, old, *centre(record, 14))
    os.utime(record.vv.path, (1, 1))
    assert record.revision() != old
    with pytest.raises(LayerNotFoundError, match="reload"):
        service.tile("composite", record.id, old, *centre(record, 14))
    service.tile("composite", record.id, record.revision(), *centre(record, 14))


def test_a_score_tile_follows_its_label_file(tmp_path: Path, record: ChipRecord, service: TileService) -> None:
    before = service.tile("scores", record.id, REVISION, *centre(record, 14))
    assert record.label is not None and record.vv is not None
    assert service.tile("scores", record.id, REVISION, *centre(record, 14)) == before
    make_record(tmp_path / "chips", "other", label=True)
    (tmp_path / "chips" / "other_label.tif").replace(record.label.path)
    assert service.tile("scores", record.id, REVISION, *centre(record, 14)).etag != before.etag


def test_a_damaged_chip_says_so_and_the_others_are_drawn(tmp_path: Path) -> None:
    good, bad = make_record(tmp_path / "chips", "good"), make_record(tmp_path / "chips", "bad")
    assert bad.vv is not None
    data = Path(bad.vv.path).read_bytes()
    Path(bad.vv.path).write_bytes(data[: len(data) // 2])
    service, _ = serve(tmp_path, good, bad, predict=False)
    with pytest.raises(ChipError, match=r"bad_vv\.tif.*copy"):
        service.tile("composite", "bad", bad.revision(), *centre(bad, 14))
    assert decode(service.tile("composite", "good", good.revision(), *centre(good, 14)).data)[..., 3].any()


def test_a_chip_without_imagery_or_with_a_known_problem_has_neither_tiles_nor_tilejson(tmp_path: Path) -> None:
    record = make_record(tmp_path / "chips")
    outline = ChipRecord(id="outline", footprint=record.footprint)
    wrong = replace(record, id="wrong", problem="its files are not in dB: calibrate them.")
    service, _ = serve(tmp_path, outline, wrong)
    for layer in ("composite", "scores"):
        with pytest.raises(MissingImageryError, match="no imagery"):
            service.tilejson(layer, "outline", "http://host/tiles")
        with pytest.raises(ChipError, match="not in dB"):
            service.tilejson(layer, "wrong", "http://host/tiles")
    with pytest.raises(MissingImageryError):
        service.tile("composite", "outline", outline.revision(), 0, 0, 0)
    with pytest.raises(ChipError, match="not in dB"):
        service.tile("composite", "wrong", wrong.revision(), 0, 0, 0)


def test_a_prediction_of_another_size_is_refused(tmp_path: Path, record: ChipRecord) -> None:
    assert record.vv is not None
    water = tmp_path / "usual.tif"
    with rasterio.open(record.vv.path) as image:
        write_tiff(water, np.ones(image.shape, np.float32), crs=image.crs, transform=image.transform)
    record = replace(record, permanent_water=Asset(str(water)))
    service, predictions = serve(tmp_path, record)
    small = make_record(tmp_path / "small", record.id, (20, 20))
    predictions.predict(small)
    told = "The prediction of chip_1 is of another size than its image: predict it again."
    with pytest.raises(ChipError, match=told):
        service.probability(record, REVISION)  # what the km2 of usual water are counted from
    for layer in ("scores", "flood"):
        with pytest.raises(ChipError, match=told):
            service.tile(layer, record.id, REVISION, 0, 0, 0)


def test_sixteen_threads_that_ask_for_one_cold_tile_build_its_raster_once(
    tmp_path: Path, record: ChipRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, predictions = serve(tmp_path, record)
    built, together = [], threading.Barrier(16)
    real = tiles.drawing.service.DisplayRaster

    def counted(pixels: Pixels, *args: object) -> object:
        built.append(pixels.shape)
        return real(pixels, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(tiles.drawing.service, "DisplayRaster", counted)

    def ask(_: int) -> str:
        together.wait()
        return service.tile("scores", record.id, REVISION, *centre(record, 13)).etag

    with ThreadPoolExecutor(16) as pool:
        etags = set(pool.map(ask, range(16)))
    assert len(etags) == 1
    assert len(built) == 1
    assert predictions.reads == [record.id]


def test_threads_that_ask_for_many_tiles_get_what_one_thread_gets(tmp_path: Path, record: ChipRecord) -> None:
    asked = [(layer, centre(record, z)) for layer in LAYERS for z in range(10, 18)]
    alone, shared = serve(tmp_path, record)[0], serve(tmp_path, record)[0]

    def ask(service: TileService, layer: str, place: tuple[int, int, int]) -> str:
        return service.tile(layer, record.id, _revision(layer, record), *place).etag

    expected = [ask(alone, *a) for a in asked]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda a: ask(shared, *a), asked)) == expected


def test_the_memory_of_a_service_stays_within_its_bounds(tmp_path: Path) -> None:
    records = [make_record(tmp_path / "chips", f"chip_{n}", (256, 256)) for n in range(6)]
    predictions = serve(tmp_path, *records)[1]
    catalog = Catalog(records)
    service = TileService(LiveCatalog(catalog), predictions, raster_cache_mb=1, tile_cache_mb=1, chip_cache_mb=1)
    for record in records:
        for layer in LAYERS:
            for z in (12, 14):
                service.tile(layer, record.id, _revision(layer, record), *centre(record, z))
                for cache in (service._chips, service._rasters, service._tiles):
                    assert cache.nbytes <= 1 << 20


def test_a_chip_larger_than_the_caches_is_read_and_drawn_once_for_the_layers_of_a_swipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = make_record(tmp_path / "chips", "large", (700, 700))  # 1.9 MB of display pixels and 4.4 MB as decoded
    small = make_record(tmp_path / "chips", "small", (64, 64))
    small_read, large_read = [], []

    def counted(record: ChipRecord, **options: bool) -> Chip:
        (large_read if record.id == "large" else small_read).append(record.id)
        return read_chip(record, **options)

    drawn: list[int] = []

    class Counted(DisplayRaster):
        def __init__(self, *pixels: Any) -> None:
            super().__init__(*pixels)
            drawn.append(self.grid.width)

    monkeypatch.setattr(tiles.drawing.service, "read_chip", counted)
    monkeypatch.setattr(tiles.drawing.service, "DisplayRaster", Counted)
    service = TileService(
        LiveCatalog(Catalog([large, small])), serve(tmp_path, large)[1], raster_cache_mb=1, chip_cache_mb=1
    )
    for z in (12, 13, 14):
        for record in (large, small):
            for layer in ("composite", "vv"):
                service.tile(layer, record.id, record.revision(), *centre(record, z))
    assert (large_read, small_read) == (["large"], ["small"])
    assert sorted(drawn) == [64, 64, 700, 700]


@pytest.mark.parametrize("layer", LAYERS)
def test_tilejson_says_where_the_tiles_are(service: TileService, record: ChipRecord, layer: str) -> None:
    told = service.tilejson(layer, record.id, "http://host/tiles", asked=Options(0.1 + 0.2, "yellow"))
    query = {"mask": "?threshold=0.30000000000000004", "composite": "?nodata=yellow"}.get(layer, "")
    assert told["tilejson"] == "3.0.0"
    assert told["tiles"] == [
        f"http://host/tiles/{layer}/chip_1/{_revision(layer, record)}/{{z}}/{{x}}/{{y}}.png{query}"
    ]
    west, south, east, north = told["bounds"]
    assert -180 <= west < told["center"][0] < east <= 180
    assert -90 <= south < told["center"][1] < north <= 90
    assert (told["minzoom"], told["maxzoom"]) == (0, 22)
    assert told["minzoom"] <= told["center"][2] <= told["maxzoom"]
    assert "Sentinel" in told["attribution"]
    simulated = replace(record, simulated=True)
    again = TileService(LiveCatalog(Catalog([simulated])), service._predictions)
    assert "Simulated" in again.tilejson(layer, record.id, "")["attribution"]


@pytest.mark.parametrize("written", [179.998, -180.002])
def test_tilejson_of_a_chip_across_the_antimeridian_stays_within_the_world(tmp_path: Path, written: float) -> None:
    record = make_record(tmp_path / "chips", crs="EPSG:4326", transform=Affine(1e-4, 0, written, 0, -1e-4, -16.8))
    service = serve(tmp_path, record)[0]
    told = service.tilejson("composite", record.id, "http://host/tiles")
    west, south, east, north = told["bounds"]
    assert (west, east) == (-180, 180)
    assert -16.81 < south < north < -16.7
    assert -180 <= told["center"][0] <= 180
    assert abs(abs(told["center"][0]) - 180) < 0.01
