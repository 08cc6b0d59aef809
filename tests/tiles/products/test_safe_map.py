"""A SAFE product becomes a map: sigma0 and places are those that it was made with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from products.safe_files import Safe, write_safe
from pyproj import Transformer
from rio_cogeo.cogeo import cog_validate

from tiles.products.make import GEOCODED, make
from tiles.products.product import Product

pytestmark = pytest.mark.slow


def _made(product: Path, out: Path, spacing: int = 10) -> Path:
    (work := out / f"work{spacing}").mkdir()
    make(Product(product), out / f"map{spacing}.tif", spacing, work)
    assert not list(work.glob("map*")), "what was needed on the way is gone"
    return out / f"map{spacing}.tif"


def _db(path: Path) -> tuple[np.ndarray, rasterio.Affine, rasterio.crs.CRS]:
    with rasterio.open(path) as src:
        stored = src.read().astype(float)
        stored[stored == src.nodata] = np.nan
        return stored * src.scales[0], src.transform, src.crs


def _at(path: Path, safe: Safe, line: float, pixel: float) -> tuple[float, float]:
    """Return row and column of a place of the product in its map, by the formula that placed it; whole numbers are centres."""
    _, transform, crs = _db(path)
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(*safe.places(np.array(line), np.array(pixel)))
    col, row = ~transform @ (float(x), float(y))
    return row - 0.5, col - 0.5


@pytest.mark.parametrize("noise", ["new", "old", "zero"])
def test_sigma0_is_what_the_product_was_made_with(tmp_path: Path, noise: str) -> None:
    steps = {
        "vv": lambda line, pixel: np.where(pixel < 400, 0.2, 0.01),
        "vh": lambda line, pixel: np.where(line < 300, 0.03, 0.002),
    }
    safe = Safe(noise=noise, sigma0=steps)
    db, _, _ = _db(_made(write_safe(tmp_path, safe), tmp_path))
    path = tmp_path / "map10.tif"
    for band, parts in (
        (0, {(300, 200): 0.2, (300, 600): 0.01}),
        (1, {(150, 200): 0.03, (450, 200): 0.002, (450, 600): 0.002}),
    ):
        for place, power in parts.items():
            row, col = (round(v) for v in _at(path, safe, *place))
            around = 10 ** (db[band, row - 60 : row + 60, col - 60 : col + 60] / 10)
            assert 10 * np.log10(around.mean()) == pytest.approx(10 * np.log10(power), abs=0.05)


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("spacing", [10, 20])
def test_targets_at_points_of_the_grid_lie_where_the_grid_says(tmp_path: Path, spacing: int, zipped: bool) -> None:
    safe = Safe(tiled=zipped, heights=60.0, turn=193.0, pixels=9)
    lines, pixels = safe.grid()
    targets = [(line, pixel) for line in lines[1:-1] for pixel in pixels[1:-1]]

    def bright(line: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        out = np.full(line.shape, 0.01)
        for at, across in targets:
            out[(np.abs(line - at) <= 1) & (np.abs(pixel - across) <= 1)] = 10.0
        return out

    safe = Safe(**{**safe.__dict__, "sigma0": {"vv": bright, "vh": bright}})
    path = _made(write_safe(tmp_path, safe, zipped=zipped), tmp_path, spacing)
    db, _, _ = _db(path)
    for target in targets:
        row, col = _at(path, safe, *target)
        top, left = round(row) - 6, round(col) - 6
        found = np.argwhere(db[0, top : top + 13, left : left + 13] > 0).mean(axis=0)
        assert np.abs(found + np.array([top - row, left - col])).max() <= 1.0


def test_folder_and_zip_strips_and_tiles_are_the_same_map(tmp_path: Path) -> None:
    maps = []
    for tiled, zipped in ((False, False), (True, False), (False, True), (True, True)):
        (place := tmp_path / f"{tiled}{zipped}").mkdir()
        maps.append(_db(_made(write_safe(place, Safe(tiled=tiled), zipped=zipped), place))[0])
    assert all(np.array_equal(maps[0], other, equal_nan=True) for other in maps[1:])


def test_the_map_is_cloud_optimised_and_says_what_it_is(tmp_path: Path) -> None:
    path = _made(write_safe(tmp_path), tmp_path)
    assert cog_validate(path, strict=True)[0]
    with rasterio.open(path) as src:
        assert src.descriptions == ("VV", "VH")
        assert src.units == ("dB", "dB")
        assert src.crs.to_epsg() == 32633
        assert src.transform.a == 10
        assert "no terrain correction" in src.tags()[GEOCODED]


def test_border_noise_is_left_out_and_water_beside_it_is_not(tmp_path: Path) -> None:
    calm = {"vv": lambda line, pixel: np.full(line.shape, 1e-4), "vh": lambda line, pixel: np.full(line.shape, 1e-4)}
    safe = Safe(fringe=96, noise="old", sigma0=calm)
    path = _made(write_safe(tmp_path, safe), tmp_path)
    db, _, _ = _db(path)
    row, col = (round(v) for v in _at(path, safe, 300, 50))
    assert np.isnan(db[:, row - 20 : row + 20, col - 20 : col + 20]).all()
    row, col = (round(v) for v in _at(path, safe, 300, 200))
    assert np.isfinite(db[:, row - 40 : row + 40, col - 40 : col + 40]).all()


def test_a_product_across_the_antimeridian_is_one_map(tmp_path: Path) -> None:
    safe = Safe(origin=(179.98, -17.0), turn=-10.0)
    path = _made(write_safe(tmp_path, safe), tmp_path)
    with rasterio.open(path) as src:
        assert src.width < 1200
        assert src.crs.to_epsg() in {32760, 32701}
    db, _, _ = _db(path)
    assert np.isfinite(db[0]).sum() == pytest.approx(safe.height * safe.width, rel=0.02)
