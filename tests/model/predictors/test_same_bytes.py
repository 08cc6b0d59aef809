"""One model through every way to it gives the same bytes, on every real chip."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from model.predictors.local import LocalPredictor
from model.predictors.select import open_endpoint
from model.wire import NPY, decode_npy, encode_npy
from tests.model.predictors.bundles import write_random
from tests.model.predictors.random_chips import labelled_real_chips
from tests.serving import ServerProcess, model_server
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("same") / "model"
    write_random(folder)
    return folder


@pytest.fixture(scope="module")
def chips(real_data: Path) -> list[Chip]:
    """Every real chip that can be read, those without a label too."""
    found = [
        read_chip(record) for record in open_catalog((real_data / "sen1floods11", real_data / "drivendata")).usable()
    ]
    assert {chip.id for chip in labelled_real_chips(real_data)} <= {chip.id for chip in found}
    return found


@pytest.fixture(scope="module")
def expected(bundle: Path, chips: list[Chip]) -> list[np.ndarray]:
    return list(LocalPredictor(bundle, "cpu").predict(chips))


@pytest.fixture(scope="module")
def container(bundle: Path) -> Iterator[ServerProcess]:
    with model_server(SAGEMAKER_BASE_DIR=str(bundle.parent)) as server:
        yield server


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, container: ServerProcess) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": container.url,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }.items():
        monkeypatch.setenv(name, value)


def agree(answers: list[np.ndarray], expected: list[np.ndarray], chips: list[Chip]) -> None:
    for chip, answer, right in zip(chips, answers, expected, strict=True):
        assert answer.dtype == np.uint8
        assert answer.tobytes() == right.tobytes(), f"{chip.id}: {(answer != right).sum()} pixels differ"


def test_http(container: ServerProcess, chips: list[Chip], expected: list[np.ndarray]) -> None:
    agree(list(open_endpoint(f"{container.url}/invocations").predict(chips)), expected, chips)


@pytest.mark.usefixtures("aws")
def test_sagemaker_through_boto3(chips: list[Chip], expected: list[np.ndarray]) -> None:
    agree(list(open_endpoint("sagemaker:floods").predict(chips)), expected, chips)


@pytest.mark.usefixtures("aws")
def test_the_sdk_of_sagemaker(chips: list[Chip], expected: list[np.ndarray]) -> None:
    resources = pytest.importorskip("sagemaker.core.resources")
    endpoint = resources.Endpoint(endpoint_name="floods")
    # The SDK keeps one client a process, made for whoever came first: a session of one's own goes round it.
    session = pytest.importorskip("boto3").Session()

    def ask(chip: Chip) -> np.ndarray:
        body = encode_npy(np.stack([chip.vv, chip.vh])[None])
        assert len(body) <= 2_100_000
        answer = endpoint.invoke(body=body, content_type=NPY, accept=NPY, session=session).body.read()
        return decode_npy(answer, ("u1",))[0]

    with ThreadPoolExecutor(2) as pool:
        agree(list(pool.map(ask, chips)), expected, chips)


def test_the_containers_entry_point(container: ServerProcess, chips: list[Chip], expected: list[np.ndarray]) -> None:
    def ask(chip: Chip) -> np.ndarray:
        body = encode_npy(np.stack([chip.vv, chip.vh])[None])
        status, _, answer = container.ask("/invocations", body, Content_Type=NPY, Accept=NPY)
        assert status == 200
        assert len(answer) <= 265_000
        return decode_npy(answer, ("u1",))[0]

    with ThreadPoolExecutor(2) as pool:
        agree(list(pool.map(ask, chips)), expected, chips)
