"""Whose credentials GDAL gets: nobody's. Where the environment has a key of AWS, as with a store in S3, rasterio would begin a
session of boto3 for each of its environments, which costs more than a tile.
"""

from __future__ import annotations

import traceback
from pathlib import Path

import boto3
import pytest
import rasterio
import rasterio.session
from click.testing import CliRunner
from products.safe_files import Safe, write_safe
from rasterio.control import GroundControlPoint
from served import centre, make_record, serve

from dashboard.cli import cli
from tiles.drawing.layers import TILES

pytestmark = pytest.mark.slow


@pytest.fixture
def looked_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls for which a session of boto3 was begun."""
    found: list[str] = []
    begin = boto3.Session.__init__

    def look(session: boto3.Session, **options: object) -> None:
        stack = traceback.extract_stack()
        found.append(next(f"{f.filename}:{f.lineno}" for f in reversed(stack[:-1]) if "rasterio" not in f.filename))
        begin(session, **options)

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-tests")
    monkeypatch.setattr(boto3.Session, "__init__", look)
    with monkeypatch.context() as patch:
        patch.setattr(rasterio.session, "boto3", boto3)
        with rasterio.Env():
            pass
    assert len(found) == 1, "with boto3 it begins one"
    found.clear()
    return found


def run(*command: object) -> None:
    done = CliRunner().invoke(cli, [str(part) for part in command], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_no_command_has_gdal_look_for_credentials(tmp_path: Path, looked_for: list[str]) -> None:
    chips, data = tmp_path / "chips", tmp_path / "data"
    run("simulate", chips, "--chips", 2)
    run("catalog", "show", chips)
    run("predict", chips, "--model", "backscatter", "--data", data, "--out", tmp_path / "out")
    run("evaluate", chips, "--model", "backscatter", "--data", data)
    run("export", chips, "--model", "backscatter", "--data", data, "--out", tmp_path / "package")
    image = next(chips.rglob("*S1Hand*.tif"))
    run("cut", image, "--size", 128, "--out", tmp_path / "cut")
    run("regrid", next((tmp_path / "out").glob("*_mask.tif")), tmp_path / "mask.tif", "--like", image)
    assert looked_for == []


def test_no_product_and_no_image_of_control_points_has_gdal_look_for_credentials(
    tmp_path: Path, looked_for: list[str]
) -> None:
    run("geocode", write_safe(tmp_path, Safe(height=100, width=120)), tmp_path / "map.tif", "--spacing", 20)
    record = make_record(tmp_path / "chips", label=False)
    assert record.vv is not None and record.vh is not None
    for asset in (record.vv, record.vh):
        with rasterio.open(asset.path, "r+") as dataset:
            left, bottom, right, top = dataset.bounds
            corners = ((0, 0, left, top), (0, dataset.width, right, top), (dataset.height, 0, left, bottom))
            dataset.transform = rasterio.Affine.identity()
            dataset.gcps = [GroundControlPoint(*corner) for corner in corners], "EPSG:32632"
    run("predict", tmp_path / "chips", "--model", "backscatter", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert looked_for == []


def test_no_tile_has_gdal_look_for_credentials(tmp_path: Path, looked_for: list[str]) -> None:
    record = make_record(tmp_path)
    service, _ = serve(tmp_path, record)
    for layer in TILES:
        for z in (10, 14):
            assert service.tile(layer.name, record.id, service.revision(layer.name, record), *centre(record, z)).data
    assert looked_for == []
