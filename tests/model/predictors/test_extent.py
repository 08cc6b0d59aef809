"""Water that others have mapped is scored beside ours: laid onto each chip, and told where it does not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner

from dashboard.cli import cli
from model.predictors.select import open_predictor
from tests.tiles.chips import write_pair
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip
from tiles.errors import FloodscopeError, ModelError, PredictionError, UsageError
from tiles.reading.door import read_chip


@pytest.fixture
def chip(tmp_path: Path) -> Chip:
    write_pair(tmp_path / "chips", "x")
    (record,) = open_catalog([tmp_path / "chips"]).usable()
    return read_chip(record)


def _raster(
    path: Path, chip: Chip, values: np.ndarray, *, crs: str | None = None, shift: float = 0, **more: object
) -> Path:
    path.parent.mkdir(exist_ok=True)
    profile = {
        "driver": "GTiff",
        "width": values.shape[1],
        "height": values.shape[0],
        "count": 1,
        "dtype": values.dtype,
        **more,
    }
    transform = chip.grid.transform * Affine.translation(shift, 0)
    with rasterio.open(path, "w", crs=crs or chip.grid.crs, transform=transform, **profile) as out:
        out.write(values, 1)
    return path


def _half(chip: Chip) -> np.ndarray:
    values = np.zeros(chip.valid.shape, np.uint8)
    values[:, : values.shape[1] // 2] = 1
    return values


def test_a_map_of_others_is_a_model_of_that_name(tmp_path: Path, chip: Chip) -> None:
    values = _half(chip)
    values[0] = 255
    predictor = open_predictor(f"extent:GFM={_raster(tmp_path / 'gfm' / 'a.tif', chip, values)}")
    (found,) = predictor.predict([chip])
    expected = np.where(values == 255, 255, values * 254)
    assert np.array_equal(found[chip.valid], expected[chip.valid])
    assert (found[~chip.valid] == 255).all()
    assert predictor.name == "GFM"
    assert "permanent water" in predictor.card()


def test_two_maps_fill_each_others_gaps_and_other_files_are_another_model(tmp_path: Path, chip: Chip) -> None:
    left = right = _half(chip)
    left, right = np.where(left == 1, 1, 255).astype(np.uint8), np.where(right == 1, 255, 0).astype(np.uint8)
    _raster(tmp_path / "gfm" / "a.tif", chip, left, nodata=255)
    _raster(tmp_path / "gfm" / "b.tif", chip, right, nodata=255)
    both = open_predictor(f"extent:GFM={tmp_path / 'gfm'}")
    (found,) = both.predict([chip])
    assert np.array_equal(found[chip.valid], (_half(chip) * 254)[chip.valid])
    (tmp_path / "gfm" / "b.tif").unlink()
    assert open_predictor(f"extent:GFM={tmp_path / 'gfm'}").parameters != both.parameters


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder, chip: _raster(folder / "a.tif", chip, _half(chip), shift=5000), "covers 0 % of"),
        (
            lambda folder, chip: _raster(folder / "a.tif", chip, _half(chip) + 3),
            "holds 3 on .*0 .dry. and 1 .water. are read",
        ),
    ],
)
def test_a_map_that_does_not_fit_is_told_with_its_chip(
    tmp_path: Path, chip: Chip, make: Callable[[Path, Chip], Path], words: str
) -> None:
    make(tmp_path / "gfm", chip)
    with pytest.raises(PredictionError, match=words) as caught:
        open_predictor(f"extent:GFM={tmp_path / 'gfm'}").predict([chip])
    assert caught.value.chip == chip.id


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ("extent:GFM", UsageError, "names no rasters: give extent:NAME=PATH"),
        ("extent:=x.tif", UsageError, "names no rasters"),
        ("extent:GFM=missing.tif", ModelError, "does not exist"),
        ("extent:GFM=chips", ModelError, "has 2 bands|holds no GeoTIFF"),
        ("extent:GFM=empty", ModelError, "holds no GeoTIFF of water"),
    ],
)
def test_what_is_no_map_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, error: type[FloodscopeError], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "chips").mkdir()
    with pytest.raises(error, match=words):
        open_predictor(spec)


def test_it_is_scored_beside_a_model(tmp_path: Path) -> None:

    write_pair(tmp_path / "chips", "x")
    (record,) = open_catalog([tmp_path / "chips"]).usable()
    chip = read_chip(record)
    _raster(tmp_path / "chips" / "x_label.tif", chip, _half(chip))
    _raster(tmp_path / "gfm" / "a.tif", chip, _half(chip))
    arguments = [
        "evaluate",
        str(tmp_path / "chips"),
        "--model",
        "backscatter",
        "--as-prediction",
        f"GFM={tmp_path / 'gfm'}",
    ]
    arguments += ["--data", str(tmp_path / "data"), "--json", str(tmp_path / "r.json")]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "GFM" in json.dumps(json.loads((tmp_path / "r.json").read_text())["comparison"])
