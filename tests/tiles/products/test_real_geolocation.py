"""The geolocation grid of a real product, with the Alps in it: its points, and what is between, lie where they should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer

from tiles.catalog.catalog import open_catalog
from tiles.errors import ChipError, SourceError
from tiles.products.product import Product
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

NAME = "S1B_IW_GRDH_1SDV_20210401T052623_20210401T052648_026269_032297_ECC8.SAFE"


@pytest.fixture
def product(real_data: Path) -> Product:
    folder = real_data / "scenes" / "safe" / NAME
    if not folder.is_dir():
        pytest.skip(f"no product at {folder}")
    return Product(folder)


def test_every_point_of_a_real_grid_lies_within_a_pixel_of_its_place_on_the_map(product: Product) -> None:
    annotation, grid = product.first, product.map_grid(10)
    to_map = Transformer.from_crs(4326, grid.epsg, always_xy=True)
    x, y = to_map.transform(annotation.longitude, annotation.latitude)
    col, row = ~grid.transform @ (x, y)
    worst, points = 0.0, 0
    for n in np.ndindex(annotation.latitude.shape):
        left, top = int(col[n]) // 64 * 64, int(row[n]) // 64 * 64
        line, pixel = product.geolocation.lattice(grid, left, top, 64, 64)
        at = int(row[n]) - top, int(col[n]) - left
        if np.isfinite(line[at]):
            there = product.geolocation.place(line[at], pixel[at])
            worst = max(worst, abs(there[0] - x[n]) / 10, abs(there[1] - y[n]) / 10)
            points += 1
    assert points > 150
    # Half a pixel is the map's own; the rest is what lies between exact places, most where the Alps bend the grid.
    assert worst <= 1.0


def test_what_lies_between_exact_places_is_off_by_a_small_part_of_a_pixel(product: Product) -> None:
    grid = product.map_grid(10)
    rng = np.random.default_rng(2)
    for _ in range(20):
        left, top = int(rng.integers(0, grid.width - 64)), int(rng.integers(0, grid.height - 64))
        line, pixel = product.geolocation.lattice(grid, left, top, 64, 64)
        x, y = grid.transform @ np.array(np.meshgrid(left + np.arange(64) + 0.5, top + np.arange(64) + 0.5))
        exact = product.geolocation.find(x, y)
        off = np.hypot(line - exact[0], pixel - exact[1])
        assert np.isnan(off).all() or np.nanmax(off) < 0.2


def test_a_real_product_without_its_tables_is_refused_as_that(product: Product) -> None:
    with pytest.raises(SourceError, match="lacks the calibration of VV"):
        open_catalog([product.path])


def test_a_real_decimated_scene_of_digital_numbers_is_refused_as_that(real_data: Path) -> None:
    folder = real_data / "scenes" / "s1a_iw_grd_decimated"
    if not folder.is_dir():
        pytest.skip(f"no scene at {folder}")
    (record,) = open_catalog([folder]).records()
    with pytest.raises(ChipError, match=r"digital numbers, not backscatter: calibrate VV to sigma0 or gamma0"):
        read_chip(record)
