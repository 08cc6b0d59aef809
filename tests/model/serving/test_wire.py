"""What a floodscope sends to a server is never judged again: a changed chip gives the same bytes there as here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.evaluation.changes import CHANGES, Change
from model.predictors.endpoint import EndpointPredictor, Received
from model.predictors.endpoint_spec import parse_endpoint
from model.predictors.local import LocalPredictor
from model.serving.inference import input_fn, model_fn, output_fn, predict_fn
from model.wire import NPY, encode_npy
from tests.model.predictors.random_chips import make_chip, random_chip
from tiles.chip import Chip
from tiles.errors import RequestError


class ByHand:
    """Carries requests to SageMaker's four functions, as a container and a Lambda function call them."""

    def __init__(self, model: LocalPredictor) -> None:
        self.model = model

    def send(self, body: bytes, content_type: str, accept: str) -> Received:
        return Received(output_fn(predict_fn(input_fn(body, content_type), self.model), accept))


@pytest.fixture(scope="module")
def model(bundle_folder: Path) -> Iterator[LocalPredictor]:
    yield model_fn(bundle_folder)


def chips() -> dict[str, Chip]:
    """Chips that the door lets in, some at its bounds: any change may take them beyond."""
    plain = random_chip(64, 64)
    rng = np.random.default_rng(5)
    flat = rng.uniform(-1, 1, (64, 64))
    dark = np.full((64, 64), -30.0) + flat
    dark[:8] = -39.5
    fringe = np.where(np.arange(64) < 3, -45.0, -12.0) + flat
    return {
        "plain": plain,
        "as bright as may be": make_chip(flat - 4.2, flat - 1.2),
        "as dark as may be": make_chip(flat - 44.5, flat - 34.5),
        "VH as bright as VV": make_chip(flat - 12.0, flat + rng.uniform(-0.2, 0.2, flat.shape) - 11.6),
        "water just above the noise at its edge": make_chip(dark - 5, dark),
        "a rest of a fringe": make_chip(fringe - 6, fringe),
        "bands nearly exchanged, as of 8-bit pictures": make_chip(flat - 12.0, flat - 14.0),
        "one pixel": make_chip(np.where(np.arange(4096).reshape(64, 64) == 77, -20.0, np.nan)),
    }


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_changed_chip_is_predicted_there_as_here(model: LocalPredictor, change: Change) -> None:
    endpoint = EndpointPredictor(parse_endpoint("http://127.0.0.1:9/invocations"), ByHand(model))
    for name, chip in chips().items():
        changed = change.apply(chip)
        (here,), (there,) = model.predict([changed]), endpoint.predict([changed])
        assert here.tobytes() == there.tobytes(), name


def test_the_same_images_of_somebody_else_are_judged(model: LocalPredictor) -> None:
    refused = 0
    for chip in chips().values():
        body = encode_npy(np.stack([chip.vh, chip.vv])[None])
        try:
            predict_fn(input_fn(body, NPY), model)
        except RequestError:
            refused += 1
    assert refused >= 6, "VH and VV are exchanged in all of them"
