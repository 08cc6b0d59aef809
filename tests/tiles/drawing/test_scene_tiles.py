"""Tiles of scenes: the pixels of a chip's tiles, from overviews or a pyramid; one of a large scene reads a few blocks."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from chips import PLACE, UTM, backscatter, lake, write_tiff
from PIL import Image
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.windows import Window

from tests.waiting import eventually
from tiles.catalog.catalog import open_catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import ByteArray, ChipRecord
from tiles.drawing import scenes as scenes_of
from tiles.drawing.layers import Options
from tiles.drawing.levels import LevelsBy, cut
from tiles.drawing.pyramid import IMAGE, _averaged
from tiles.drawing.scenes import Scenes
from tiles.drawing.service import TileService
from tiles.errors import BusyError, ChipError, PredictionNotFoundError
from tiles.grid import Grid
from tiles.scenes import windows

pytestmark = pytest.mark.slow

SIDE = 700
TILED: dict[str, Any] = {"tiled": True, "blockxsize": 256, "blockysize": 256}


class Whole:
    """Predictions of which there is one: what is water in the label, at full probability."""

    def probability(self, record: ChipRecord, revision: str) -> ByteArray:
        return np.where(lake(SIDE), np.uint8(254), np.uint8(0))

    def levels(self, record: ChipRecord, revision: str) -> tuple[LevelsBy, bool]:
        raster = self.probability(record, revision)[..., None]
        grid = Grid(CRS.from_string(UTM), PLACE, SIDE, SIDE)
        return LevelsBy(grid, [(SIDE, SIDE)], lambda _, window: raster[window.toslices()], 255), True

    def latest_revision(self, record: ChipRecord) -> str:
        raise PredictionNotFoundError("There is none.")


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an image of a few hundred pixels a side be a scene."""
    monkeypatch.setattr(windows, "MAX_PIXELS", 300 * 300)


def write(folder: Path, *, overviews: bool = False, **profile: Any) -> Path:
    vv, vh = backscatter(SIDE)
    vv[:40], vh[:40] = np.nan, np.nan
    image = write_tiff(folder / "x.tif", vv, vh, names=("VV", "VH"), **TILED, **profile)
    label = write_tiff(folder / "x_label.tif", lake(SIDE).astype(np.uint8), **TILED, **profile)
    if overviews:
        for path, how in ((image, Resampling.average), (label, Resampling.nearest)):
            with rasterio.open(path, "r+") as dataset:
                dataset.build_overviews([2, 4], how)
    return folder


def pixels(data: bytes) -> ByteArray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def ready(scenes: Scenes, record: ChipRecord) -> None:
    eventually(lambda: scenes.look(record), lambda drawing: drawing.ready and drawing.settled)


def tiles_of(record: ChipRecord, zooms: range) -> list[tuple[int, int, int]]:
    """Return the tiles of some zooms that a chip lies on."""
    assert record.footprint is not None
    west, south, east, north = record.footprint.bounds
    found = []
    for z in zooms:
        n = 2**z

        def down(lat: float, n: int = n) -> int:
            return int((0.5 - math.asinh(math.tan(math.radians(lat))) / 2 / math.pi) * n)

        xs, ys = (
            range(int((west + 180) / 360 * n), int((east + 180) / 360 * n) + 1),
            range(down(north), down(south) + 1),
        )
        found += [(z, x, y) for x in xs for y in ys]
    return found


@pytest.mark.parametrize("overviews", [True, False], ids=["own overviews", "a pyramid"])
def test_tiles_of_a_scene_have_the_pixels_of_a_chip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overviews: bool
) -> None:
    folder, pyramids = write(tmp_path / "source", overviews=overviews), tmp_path / "pyramids"
    live = LiveCatalog(open_catalog([folder]))
    record = live.now.records()[0].now()
    as_chip = TileService(live, Whole())
    asked = [
        (layer, address, options)
        for layer, options in (
            ("composite", Options()),
            ("composite", Options(nodata="yellow")),
            ("vv", Options()),
            ("vh", Options()),
            ("scores", Options()),
            ("mask", Options()),
        )
        for address in tiles_of(record, range(13, 14))[1::6]
    ]

    def drawn(service: TileService, layer: str, address: tuple[int, int, int], options: Options) -> ByteArray:
        revision = record.revision() if layer in ("composite", "vv", "vh") else "0" * 12
        return pixels(service.tile(layer, record.id, revision, *address, scale=2, asked=options).data)

    of_chip = [drawn(as_chip, *one) for one in asked]
    small(monkeypatch)
    scenes = Scenes(pyramids)
    ready(scenes, record)
    as_scene = TileService(live, Whole(), scenes)
    for one, chip in zip(asked, of_chip, strict=True):
        scene = drawn(as_scene, *one)
        # GDAL places a tile's pixels between points as well: at edges of pixels either may be one off.
        alike = (scene == chip).all(axis=-1)
        assert alike.mean() > 0.96, one
        assert abs(float(scene[..., 3].mean()) - float(chip[..., 3].mean())) < 2, one
    made = sorted(pyramids.glob("*.tif")) if pyramids.exists() else []
    assert [path.name.split("_")[1] for path in made] == ([] if overviews else ["image", "label"])
    # Far out a scene is drawn from overviews, where a tile of it is a few pixels.
    far = pixels(as_scene.tile("composite", record.id, record.revision(), *tiles_of(record, range(8, 9))[0]).data)
    assert 0 < np.count_nonzero(far[..., 3]) < 40 * 40
    times = [path.stat().st_ino for path in made]
    again = Scenes(pyramids)
    ready(again, record)
    assert [path.stat().st_ino for path in made] == times, "a pyramid is made once"
    scenes.stop()


def test_a_scene_that_is_not_ready_or_damaged_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    record = open_catalog([write(tmp_path)]).records()[0].now()
    scenes = Scenes(tmp_path / "pyramids")
    monkeypatch.setattr(scenes_of, "make_pyramid", lambda *_: pytest.fail("not before it is open"))
    with pytest.raises(BusyError, match="x is being made ready"):
        scenes.image(record)
    monkeypatch.undo()
    small(monkeypatch)
    data = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(data[: len(data) // 2])
    damaged = open_catalog([tmp_path]).records()[0].now()
    other = Scenes(tmp_path / "others")

    def problem() -> str:
        try:
            other.look(damaged)
        except ChipError as error:
            return str(error)
        return ""

    assert "x.tif" in eventually(problem, bool)
    assert list((tmp_path / "others").glob("*.tif")) == []


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:32633", Affine(10, 0, 446_690, 0, -10, 5_905_940)),
        ("EPSG:4326", Affine(1e-4, 0, 178.9, 0, -1e-4, 52.0)),
        ("EPSG:32660", Affine(10, 0, 640_000, 0, -10, 5_400_000)),
    ],
    ids=["UTM", "beyond 180 degrees", "UTM across 180"],
)
def test_a_tile_of_400_million_pixels_takes_a_few_blocks_at_every_zoom(crs: str, transform: Affine) -> None:
    grid = Grid(CRS.from_string(crs), transform, 25_000, 16_000)
    sizes = [(math.ceil(16_000 / 2**k), math.ceil(25_000 / 2**k)) for k in range(8)]
    read: list[int] = []

    def values(level: int, window: Window) -> ByteArray:
        """Return pixels that say where they are: the low bytes of their row and column in the scene, by 256."""
        read.append(window.width * window.height)
        rows, cols = (
            (np.arange(int(off), int(off) + int(n)) + 0.5) * total / size / 100
            for off, n, total, size in (
                (window.row_off, window.height, 16_000, sizes[level][0]),
                (window.col_off, window.width, 25_000, sizes[level][1]),
            )
        )
        return np.stack(np.broadcast_arrays(rows[:, None], cols[None, :]), axis=-1).astype(np.uint8)

    levels = LevelsBy(grid, sizes, values, 255)
    record = ChipRecord("x", footprint=grid.footprint())
    seen = 0
    for z in range(19):
        west, south, east, north = grid.footprint().bounds
        n = 2**z
        lon, lat = west + 0.37 * (east - west), south + 0.41 * (north - south)
        x = int((lon + 180) / 360 * n) % n
        y = int((0.5 - math.asinh(math.tan(math.radians(lat))) / 2 / math.pi) * n)
        read.clear()
        tile = cut(levels, z, x, y, 512)
        assert tile is not None and len(read) <= 2 and sum(read) < 1.6 * 1024 * 1024, (record.id, z)
        there = tile[..., 0] != 255
        if z < 6 or not there.any():
            continue
        seen += 1
        rows, cols = np.nonzero(there)
        for row, col in [(rows[i], cols[i]) for i in range(0, len(rows), max(1, len(rows) // 40))]:
            at_lon = (x + (col + 0.5) / 512) / n * 360 - 180
            at_lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (y + (row + 0.5) / 512) / n))))
            place = grid.pixel_at(at_lon, at_lat)
            if place is None:  # at its very edge
                continue
            # A pixel of the tile may be many of the scene.
            room = 1 + 2 * 360 / n / 512 * 111_320 / 10 / 100
            assert abs(int(tile[row, col, 0]) - place[0] / 100) < room + 1
            assert abs(int(tile[row, col, 1]) - place[1] / 100) < room + 1
    assert seen >= 10


def test_half_the_resolution_is_the_mean_of_what_has_data() -> None:
    rgba = np.zeros((4, 2, 4), dtype=np.uint8)
    rgba[:3, :, 0], rgba[3, :, 0] = 100, 255
    rgba[:3, 0, 1], rgba[3, 0, 1] = 40, 255
    halved = _averaged(rgba)
    assert halved[:, 0, 0].tolist() == [80, 80, 80, 255] and halved[:, 0, 1].tolist() == [0, 0, 0, 0]
    assert IMAGE.halved is _averaged


def test_a_pyramid_that_is_given_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    record = open_catalog([write(tmp_path / "source")]).records()[0].now()
    scenes = Scenes(tmp_path / "pyramids")
    made = scenes_of.make_pyramid

    def stopped(*given: Any) -> None:
        scenes._stopped = True
        made(*given)

    monkeypatch.setattr(scenes_of, "make_pyramid", stopped)
    scenes.look(record)
    scenes.stop()
    left: Callable[[], list[Path]] = lambda: list((tmp_path / "pyramids").iterdir())  # noqa: E731
    assert [path for path in left() if path.suffix == ".tif"] == []
