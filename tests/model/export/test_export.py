"""Predictions as files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rio_cogeo import cog_validate

from model.export.rasters import write_predictions
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Store
from tests.predicting import predict_one
from tiles.chip import ChipRecord
from tiles.errors import OutputError, StoreError
from tiles.palette import WATER

MakeRecord = Callable[..., ChipRecord]


def test_the_files_are_cogs_of_the_stored_probability_and_its_mask(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record("one")
    with Store(tmp_path / "data") as store:
        prediction = predict_one(record, BackscatterPredictor(), store)
        table = write_predictions(tmp_path / "out", [(record, prediction)], store, 0.4)
        stored = store.read(prediction)
    (row,) = csv.DictReader(table.open())
    for name in (row["probability"], row["mask"]):
        assert cog_validate(tmp_path / "out" / name, quiet=True)[0]
    with rasterio.open(tmp_path / "out" / row["probability"]) as file:
        assert np.array_equal(file.read(1), stored)
    with rasterio.open(tmp_path / "out" / row["mask"]) as file:
        assert np.array_equal(file.read(1) == 1, (stored != 255) & (stored >= 102))


def test_a_mask_opens_with_water_in_cyan_dry_land_near_white_and_nodata_clear(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    record = make_record("one")
    with Store(tmp_path / "data") as store:
        write_predictions(tmp_path, [(record, predict_one(record, BackscatterPredictor(), store))], store, 0.5)
    with rasterio.open(tmp_path / "one_mask.tif") as file:
        colours = file.colormap(1)
        assert (file.colorinterp, file.nodata) == ((ColorInterp.palette,), 255)
        assert set(np.unique(file.read(1))) <= {0, 1, 255}
    assert colours[0] == (248, 250, 252, 255)
    assert colours[1] == (*WATER, 255)
    assert colours[255][3] == 0  # by the nodata tag
    with rasterio.open(tmp_path / "one_probability.tif") as file:
        assert file.colorinterp == (ColorInterp.gray,)


def test_a_prediction_that_another_process_replaces_meanwhile_is_written_as_it_is_now(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    record = make_record("one")
    with Store(tmp_path / "data") as store:
        old = predict_one(record, BackscatterPredictor(), store)
        new = predict_one(record, BackscatterPredictor(), store)
        assert not store.raster_path(old).exists()
        write_predictions(tmp_path / "out", [(record, old)], store, 0.5)
        with rasterio.open(tmp_path / "out" / "one_probability.tif") as file:
            assert np.array_equal(file.read(1), store.read(new))


def test_a_raster_that_is_gone_for_good_is_told(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record("one")
    with Store(tmp_path / "data") as store:
        prediction = predict_one(record, BackscatterPredictor(), store)
        store.raster_path(prediction).unlink()
        with pytest.raises(StoreError, match="predict the chip again"):
            write_predictions(tmp_path / "out", [(record, prediction)], store, 0.5)


def test_a_folder_that_is_a_file_is_told(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record("one")
    (tmp_path / "out").write_text("a file")
    with Store(tmp_path / "data") as store:
        prediction = predict_one(record, BackscatterPredictor(), store)
        with pytest.raises(OutputError, match="cannot be written"):
            write_predictions(tmp_path / "out", [(record, prediction)], store, 0.5)
