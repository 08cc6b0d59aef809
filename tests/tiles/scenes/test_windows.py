"""Windows of a raster of any size: what they hold is what a chip of the whole would hold, and what is wrong is told once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from chips import backscatter, lake, write_tiff
from rasterio.merge import merge
from rasterio.windows import Window

from tiles.answers import Answers
from tiles.catalog.catalog import open_catalog
from tiles.chip import Asset, Chip, ChipRecord
from tiles.errors import ChipError, GeoreferenceError, NoValidPixelError
from tiles.reading.border import DARK_DB
from tiles.reading.door import read_chip
from tiles.scenes import image, windows
from tiles.scenes.windows import Scene, is_scene, part_of_chip, windows_of

pytestmark = pytest.mark.slow

SIDE = 1500
VV, VH = backscatter(SIDE)
LABEL = lake(SIDE).astype(np.uint8)
LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {"blockysize": 1},
    "tiles": {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"},
}


@pytest.fixture
def small_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an image of a few hundred pixels a side be one that is too large to be held."""
    monkeypatch.setattr(windows, "MAX_PIXELS", 300 * 300)


def record(folder: Path, vv: npt.NDArray[Any], vh: npt.NDArray[Any], label: Any = None, **profile: Any) -> ChipRecord:
    label_profile = {k: v for k, v in profile.items() if k not in ("nodata", "dtype", "scale", "offset")}
    return ChipRecord(
        "x",
        vv=Asset(str(write_tiff(folder / "x_vv.tif", vv, **profile))),
        vh=Asset(str(write_tiff(folder / "x_vh.tif", vh, **profile))),
        label=None if label is None else Asset(str(write_tiff(folder / "x_label.tif", label, **label_profile))),
    )


def joined(scene: Scene, size: int) -> Chip:
    """Return what windows of one size say of a whole scene."""
    whole: dict[str, Any] = {}
    for window in windows_of(scene.shape, size):
        chip = scene.read(window)
        assert chip.vv.shape == (window.height, window.width) and chip.decisions == scene.decisions
        assert chip.grid == scene.grid.part(window)
        for name in ("vv", "vh", "valid", "label"):
            if (array := getattr(chip, name)) is not None:
                whole.setdefault(name, np.zeros(scene.shape, array.dtype))[window.toslices()] = array
    return Chip("x", whole["vv"], whole["vh"], whole["valid"], whole.get("label"), scene.grid)


def assert_same(one: Chip, other: Chip) -> None:
    for name in ("vv", "vh", "valid"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.label is None) == (other.label is None)
    if one.label is not None:
        np.testing.assert_array_equal(one.label, other.label)


def power(db: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(10 ** (db / 10), dtype=np.float32)


KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "dB": (VV, VH, {}),
    "power": (power(VV), power(VH), {}),
    "dB x 100": (np.round(VV * 100).astype(np.int16), np.round(VH * 100).astype(np.int16), {}),
    "nodata": (np.where(VV < -12, np.float32(-99), VV), VH, {"nodata": -99.0}),
    "scaled": (
        np.clip(np.round((VV + 40) / 0.2), 0, 255).astype(np.uint8),
        np.clip(np.round((VH + 40) / 0.2), 0, 255).astype(np.uint8),
        {"scale": 0.2, "offset": -40.0},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_windows_hold_what_the_whole_holds(tmp_path: Path, small_bound: None, kind: str, layout: str) -> None:
    vv, vh, profile = KINDS[kind]
    one = record(tmp_path, vv, vh, LABEL, **profile, **LAYOUTS[layout])
    whole, scene = read_chip(one), Scene(one)
    assert scene.whole is None
    for size in (700, 1024):
        assert_same(joined(scene, size), whole)
    assert {d.text for d in scene.decisions if d.about != "no data"} == {
        d.text for d in whole.decisions if d.about != "no data"
    }


def test_an_image_that_can_be_held_is_the_chip_it_always_was(tmp_path: Path) -> None:
    one = record(tmp_path, VV, VH, LABEL)
    scene = Scene(one)
    assert scene.whole is not None and not is_scene(open_catalog([tmp_path]).records()[0])
    assert_same(scene.whole, read_chip(one))
    window = Window(100, 200, 50, 60)
    assert_same(scene.read(window), part_of_chip(read_chip(one), window))


@pytest.mark.parametrize("sides", ["left", "top and right", "around a hole"])
def test_border_noise_is_the_same_in_every_window(tmp_path: Path, small_bound: None, sides: str) -> None:
    rng = np.random.default_rng(3)
    fringe = np.zeros((SIDE, SIDE), np.bool_)
    vv = VV.copy()
    if sides == "left":
        fringe[:, :40] = True
    elif sides == "top and right":
        fringe[:30], fringe[:, -90:] = True, True
    else:
        fringe[900:1200, 900:1300] = True
        vv[950:1150, 950:1250] = np.nan
        fringe &= ~np.isnan(vv)
    fringe[700:760, 700:760] = False
    dark = fringe | (np.hypot(*(np.mgrid[:SIDE, :SIDE] - 600)) < 30)  # calm water in the middle is no noise
    vv[dark] = rng.normal(-55, 4, np.count_nonzero(dark))
    one = record(tmp_path, vv, VH)
    whole = read_chip(one)
    assert 0.8 * np.count_nonzero(fringe) < np.count_nonzero(~whole.valid & np.isfinite(vv))
    scene = Scene(one)
    for size in (300, 1024):
        np.testing.assert_array_equal(joined(scene, size).valid, whole.valid)
    assert any("border noise" in d.text for d in scene.decisions)


def test_calm_water_is_looked_at_once_for_all_windows_that_it_lies_in(
    tmp_path: Path, small_bound: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    vv = VV.copy()
    vv[np.hypot(*(np.mgrid[:SIDE, :SIDE] - SIDE // 2)) < 60] = DARK_DB - 5
    scene = Scene(record(tmp_path, vv, VH))
    looked: list[int] = []
    of_all = image.border_noise
    monkeypatch.setattr(image, "border_noise", lambda *given: (looked.append(1), of_all(*given))[1])
    joined(scene, 400)
    cells = -((-SIDE // image._CELL) ** 2)
    assert 0 < len(looked) <= abs(cells)


def test_a_label_means_in_every_window_what_it_means_in_the_whole(tmp_path: Path, small_bound: None) -> None:
    label = np.where(LABEL == 1, 1, 0).astype(np.uint8)
    label[:600, :700] = 255  # windows that hold 0 and 255 alone would be asked about by themselves
    one = record(tmp_path, VV, VH, label)
    scene = Scene(one)
    assert scene.label_problem is None
    assert_same(joined(scene, 512), read_chip(one))


@pytest.mark.parametrize("wrong", ["0 and 255", "strange", "other size"])
def test_a_label_that_is_not_used_says_why_and_stops_no_window(tmp_path: Path, small_bound: None, wrong: str) -> None:
    label = {"0 and 255": LABEL * 255, "strange": LABEL + 2, "other size": LABEL[:-1]}[wrong]
    one = record(tmp_path, VV, VH, label)
    scene = Scene(one)
    chip = scene.read(Window(0, 0, 600, 600))
    assert chip.label is None and chip.label_problem == scene.label_problem
    whole = read_chip(one)
    assert scene.label_problem is not None and whole.label_problem is not None
    assert scene.label_problem[:60] == whole.label_problem[:60]
    assert scene.choices == whole.choices


def test_what_the_user_says_of_a_label_holds_in_every_window(tmp_path: Path, small_bound: None) -> None:
    one = record(tmp_path, VV, VH, np.where(LABEL == 1, np.float32(7), np.float32("nan")))
    said = ChipRecord(**{**vars(one), "answers": Answers(label_values=((7.0, "water"), (float("nan"), "dry")))})
    assert_same(joined(Scene(said), 700), read_chip(said))


def test_a_scene_with_data_in_one_corner_alone_is_read(tmp_path: Path, small_bound: None) -> None:
    vv = np.full_like(VV, np.nan)
    vv[-20:, 733:753] = VV[-20:, 733:753]
    one = record(tmp_path, vv, VH)
    scene = Scene(one)
    assert np.count_nonzero(joined(scene, 1024).valid) == 400
    assert scene.sample()


def test_a_scene_without_data_says_so(tmp_path: Path, small_bound: None) -> None:
    with pytest.raises(NoValidPixelError, match="has no valid pixel") as refused:
        Scene(record(tmp_path, np.full_like(VV, np.nan), VH))
    assert refused.value.chip == "x"


def test_wrong_numbers_are_refused_for_the_whole_before_a_window_is_read(tmp_path: Path, small_bound: None) -> None:
    with pytest.raises(ChipError, match="both sides of 0"):
        Scene(record(tmp_path, VV - VV.mean(), VH - VH.mean()))


def test_a_file_that_is_damaged_in_one_place_fails_there(tmp_path: Path, small_bound: None) -> None:
    one = record(tmp_path, VV, VH, **LAYOUTS["tiles"])
    scene = Scene(one)
    with rasterio.open(one.vh.path) as dataset:  # type: ignore[union-attr]
        at = int(dataset.get_tag_item("BLOCK_OFFSET_5_5", "TIFF", bidx=1))
    path = Path(one.vh.path)  # type: ignore[union-attr]
    data = bytearray(path.read_bytes())
    data[at : at + 400] = b"\xff" * 400
    path.write_bytes(bytes(data))
    scene.read(Window(0, 0, 512, 512))
    with pytest.raises(ChipError, match="damaged inside") as refused:
        scene.read(Window(1280, 1280, 200, 200))
    assert refused.value.chip == "x"


def test_ground_control_points_alone_are_no_grid_to_cut_windows_from(tmp_path: Path, small_bound: None) -> None:
    points = [
        rasterio.control.GroundControlPoint(r, c, 11 + c * 1e-4, 47 - r * 1e-4)
        for r in (0, SIDE) for c in (0, SIDE)
    ]  # fmt: skip
    one = record(tmp_path, VV, VH, crs="EPSG:4326", transform=None, gcps=points)
    with pytest.raises(GeoreferenceError, match="rio warp FILE OUT"):
        Scene(one)


def test_what_holds_an_image_whole_refuses_a_scene_and_says_what_works(tmp_path: Path) -> None:
    path = tmp_path / "big.tif"
    settings = {"driver": "GTiff", "width": 5000, "height": 4000, "count": 2, "dtype": "float32", "crs": "EPSG:32632"}
    with rasterio.open(
        path, "w", **settings, transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5e6), SPARSE_OK=True, tiled=True
    ) as dataset:
        dataset.set_band_description(1, "VV")
        dataset.set_band_description(2, "VH")
        dataset.write(np.stack([VV, VH]), window=Window(2000, 1000, SIDE, SIDE))
    (one,) = open_catalog([path]).records()
    assert one.problem is None and one.has_imagery and is_scene(one)
    with pytest.raises(ChipError, match=r"5,000 x 4,000 pixels.*floodscope cut"):
        read_chip(one)
    chip = Scene(one).read(Window(1990, 990, 600, 600))
    np.testing.assert_array_equal(chip.vv[10:, 10:], VV[:590, :590])
    assert not chip.valid[:10].any() and not chip.valid[:, :10].any()


def test_the_oder_as_one_image_reads_as_its_tiles_do(real_data: Path, tmp_path: Path) -> None:
    tiles = sorted((real_data / "oder2024" / "post").glob("*.tif"))[:4]  # 24 million pixels: enough for a scene
    with rasterio.open(tiles[0]) as first:
        scales, offsets, names = first.scales, first.offsets, first.descriptions
    mosaic, transform = merge(tiles)
    path = tmp_path / "oder.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=2, dtype="uint8", height=mosaic.shape[1], width=mosaic.shape[2], nodata=0,
        crs="EPSG:3857", transform=transform, compress="deflate", tiled=True,
    ) as dataset:  # fmt: skip
        dataset.write(mosaic)
        dataset.scales, dataset.offsets, dataset.descriptions = scales, offsets, names
    (one,) = open_catalog([path]).records()
    scene = Scene(one)
    assert is_scene(one) and scene.whole is None
    for tile in tiles[1:3]:
        (alone,) = open_catalog([tile]).records()
        chip = read_chip(alone)
        col, row = ~scene.grid.transform @ (chip.grid.transform.c, chip.grid.transform.f)
        part = scene.read(Window(round(col), round(row), chip.grid.width, chip.grid.height))
        np.testing.assert_array_equal(part.valid, chip.valid)
        np.testing.assert_array_equal(part.vv, chip.vv)
