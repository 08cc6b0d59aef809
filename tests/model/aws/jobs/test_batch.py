"""A batch transform over a catalog ends in the store as a prediction here would, however often it is interrupted."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.transform import from_origin

from model.inference.missing import predict_missing
from model.predictors.local import LocalPredictor
from model.store.store import Store, key_of
from tests.dashboard.command_line import Run
from tests.model.aws.conftest import IMAGE, PLACED, Client
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip
from tiles.grid import Grid

pytestmark = pytest.mark.slow


def _transform(client: Client, bundle: Path) -> list[str]:
    """Do what the container of the job does: answer every input by the model. moto starts a job and runs nothing."""
    s3, predictor = client("s3"), LocalPredictor(bundle, "cpu")
    inputs = [o["Key"] for o in s3.list_objects_v2(Bucket="floods")["Contents"] if "/input/" in o["Key"]]
    for key in inputs:
        images = np.load(io.BytesIO(s3.get_object(Bucket="floods", Key=key)["Body"].read()), allow_pickle=False)
        assert images.dtype == np.float32
        assert images.shape == (1, 2, 96, 96)
        valid = np.isfinite(images[0]).all(0)
        grid = Grid(CRS.from_epsg(32632), from_origin(600_000, 5_200_000, 10, 10), 96, 96)
        answer = io.BytesIO()
        np.save(answer, np.stack(predictor.predict([Chip("x", images[0, 0], images[0, 1], valid, None, grid)])))
        s3.put_object(Bucket="floods", Key=key.replace("/input/", "/output/") + ".out", Body=answer.getvalue())
    return inputs


def test_a_batch_is_started_once_collected_and_stored_like_any_prediction(
    floodscope: Run, cloud: Client, bundle: Path, chips: Path, tmp_path: Path
) -> None:
    arguments = ("batch", chips, "--model", bundle, "--data", tmp_path / "cloud", *PLACED)
    begun = floodscope(*arguments, "--no-wait")
    assert begun.returncode == 0, begun.stderr
    assert "give the same command again" in begun.stdout
    inputs = _transform(cloud, bundle)
    assert len(inputs) == 11
    lost = inputs[3].replace("/input/", "/output/") + ".out"
    kept = cloud("s3").get_object(Bucket="floods", Key=lost)["Body"].read()
    cloud("s3").put_object(Bucket="floods", Key=lost, Body=kept[:200])

    done = floodscope(*arguments)
    assert done.stdout.startswith("10 predicted, 0 were there, 1 failed"), done.stderr
    assert "is no npy file" in done.stderr
    assert len(cloud("sagemaker").list_transform_jobs()["TransformJobSummaries"]) == 1

    with Store(tmp_path / "cloud") as store, Store(tmp_path / "here") as here:
        predictor, records = LocalPredictor(bundle, "cpu"), open_catalog([chips]).usable()
        predict_missing(records, predictor, here)
        mine = here.fresh(records, key_of(predictor))
        stored = store.fresh(records, key_of(predictor))  # the same model, so the same key
        assert len(stored) == 10
        for chip_id, prediction in stored.items():
            assert np.array_equal(store.read(prediction), here.read(mine[chip_id]))
            assert prediction.device == "sagemaker batch ml.m5.xlarge"
            assert prediction.histogram is not None


def test_what_is_stored_is_not_predicted_again(
    floodscope: Run, cloud: Client, bundle: Path, chips: Path, tmp_path: Path
) -> None:
    with Store(tmp_path) as store:
        predict_missing(open_catalog([chips]).usable(), LocalPredictor(bundle, "cpu"), store)
    done = floodscope("batch", chips, "--model", bundle, "--data", tmp_path, *PLACED)
    assert done.stdout.startswith("0 predicted, 11 were there, 0 failed"), done.stderr
    assert cloud("sagemaker").list_transform_jobs()["TransformJobSummaries"] == []


def test_a_dry_run_of_batch_prints_every_call_and_makes_none(
    floodscope: Run, nowhere: None, bundle: Path, chips: Path, tmp_path: Path
) -> None:
    done = floodscope("batch", chips, "--model", bundle, "--data", tmp_path, *PLACED, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("s3.put_object(") == 12
    assert done.stdout.count("sagemaker.create_transform_job(") == 1
    assert IMAGE in done.stdout
    assert '"ContentType": "application/x-npy; from=floodscope"' in done.stdout


def test_a_batch_over_nothing_is_an_error(floodscope: Run, nowhere: None, bundle: Path, tmp_path: Path) -> None:
    done = floodscope("batch", tmp_path / "missing", "--model", bundle, "--data", tmp_path, *PLACED)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
