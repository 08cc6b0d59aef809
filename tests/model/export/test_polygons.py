"""Water polygons: as large as the mask, with its holes, valid, and where they belong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from affine import Affine
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.features import rasterize
from shapely.geometry import mapping

from model.export.polygons import water_bodies
from model.predictors.backscatter import BackscatterPredictor
from tiles.catalog.catalog import open_catalog
from tiles.grid import Grid
from tiles.probability import level
from tiles.reading.door import read_chip

UTM = Grid(CRS.from_epsg(32632), Affine(10, 0, 700_000, 0, -10, 5_230_000), 60, 40)
DEGREES = Grid(CRS.from_epsg(4326), Affine(8.98e-5, 0, 80.1, 0, -8.98e-5, 7.2), 60, 40)
TURNED = Grid(UTM.crs, UTM.transform @ Affine.rotation(30), 60, 40)


def speckle(seed: int, shape: tuple[int, int] = (40, 60)) -> npt.NDArray[np.uint8]:
    """Return probabilities without any order: corners that touch, holes in holes, and a wedge of nodata."""
    values = np.random.default_rng(seed).integers(0, 255, shape).astype(np.uint8)
    values[:8, :8] = 255
    return values


@pytest.mark.parametrize("grid", [UTM, DEGREES, TURNED], ids=["UTM", "degrees", "turned"])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_areas_agree_with_the_masks_within_half_a_percent(grid: Grid, threshold: float) -> None:
    values = speckle(int(100 * threshold))
    bodies = water_bodies(values, threshold, grid)
    mask = (values >= level(threshold)) & (values != 255)
    assert sum(body.km2 for body in bodies) == pytest.approx(float(grid.pixel_area_km2()[mask].sum()), rel=0.005)
    assert all(body.geometry.is_valid for body in bodies)


def test_burnt_back_they_are_the_mask_to_the_pixel() -> None:
    values = speckle(7)
    bodies = water_bodies(values, 0.5, DEGREES)
    burnt = rasterize([mapping(body.geometry) for body in bodies], out_shape=DEGREES.shape, transform=DEGREES.transform)
    assert np.array_equal(burnt == 1, (values >= 127) & (values != 255))
    assert any(body.geometry.interiors for body in bodies)


def test_a_lake_with_an_island_is_one_polygon_with_a_hole() -> None:
    values = np.zeros(UTM.shape, np.uint8)
    values[10:30, 10:30] = 254
    values[15:20, 15:20] = 0
    values[0, 0] = 254
    small, lake = water_bodies(values, 0.5, UTM)
    assert (len(lake.geometry.interiors), len(small.geometry.interiors)) == (1, 0)
    assert lake.km2 == pytest.approx(375 * 1e-4, rel=0.005)
    lon, lat = Transformer.from_crs(32632, 4326, always_xy=True).transform(
        [700_100, 700_300] * 2, [5_229_900] * 2 + [5_229_700] * 2
    )
    assert lake.geometry.bounds == pytest.approx((min(lon), min(lat), max(lon), max(lat)), abs=1e-7)


def test_pixels_that_touch_at_a_corner_are_two_bodies() -> None:
    values = np.zeros(UTM.shape, np.uint8)
    values[5, 5] = values[6, 6] = 200
    assert len(water_bodies(values, 0.5, UTM)) == 2


def test_water_across_the_antimeridian_is_cut_there() -> None:
    fiji = Grid(CRS.from_epsg(32760), Affine(1000, 0, 790_000, 0, -1000, 8_110_000), 60, 40)
    bodies = water_bodies(np.full(fiji.shape, 254, np.uint8), 0.5, fiji)
    west, east = sorted(bodies, key=lambda body: body.geometry.bounds[0])
    assert west.geometry.bounds[0] == pytest.approx(-180.0) and east.geometry.bounds[2] == pytest.approx(180.0)
    assert west.km2 + east.km2 == pytest.approx(float(fiji.pixel_area_km2().sum()), rel=0.005)


def test_no_water_is_no_polygon() -> None:
    assert water_bodies(np.full(UTM.shape, 255, np.uint8), 0.0, UTM) == []
    assert water_bodies(np.zeros(UTM.shape, np.uint8), 0.5, UTM) == []


def test_areas_agree_on_real_chips(real_data: Path) -> None:
    catalog = open_catalog([real_data / "sen1floods11", real_data / "drivendata"])
    compared = 0
    for record in catalog.usable():
        if record.id not in {"Nigeria_812045", "Sri-Lanka_534068", "Spain_6860600", "jja10"}:
            continue
        chip = read_chip(record, with_label=False, with_ancillary=False)
        (values,) = BackscatterPredictor().predict([chip])
        bodies = water_bodies(values, 0.5, chip.grid)
        wet = (values >= 127) & chip.valid
        assert sum(b.km2 for b in bodies) == pytest.approx(float(chip.grid.pixel_area_km2()[wet].sum()), rel=0.005)
        assert all(body.geometry.is_valid for body in bodies)
        compared += 1
    assert compared == 4
