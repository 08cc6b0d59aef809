"""An endpoint at a URL: every way in which it can fail, by a server that really answers so."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from model.predictors.endpoint import EndpointPredictor
from model.predictors.select import open_endpoint
from model.wire import DESCRIBE, decode_npy, encode_npy
from tests.model.predictors.random_chips import make_chip, random_chip
from tests.serving import Misbehaving, Says, dead_url, misbehaving_server
from tiles.chip import Chip
from tiles.errors import BandError, EndpointError, UsageError

MODEL = {"id": "a" * 64, "name": "Test U-Net", "threshold": 0.4, "channels": ["vv", "vh"], "device": "cpu"}


@pytest.fixture(scope="module")
def server() -> Iterator[Misbehaving]:
    with misbehaving_server() as bad:
        yield bad


def answer_for(*chips: Chip, value: int = 100) -> Says:
    return Says(200, encode_npy(np.full((len(chips), *chips[0].valid.shape), value, np.uint8)))


def endpoint(server: Misbehaving, options: str = "timeout_s=60&wait_s=0") -> EndpointPredictor:
    return open_endpoint(f"{server.url}/invocations#name=GPU box&{options}")


def known(server: Misbehaving, options: str = "timeout_s=60&wait_s=0") -> EndpointPredictor:
    """An endpoint that has said already which model it serves."""
    predictor = endpoint(server, options)
    server.says(Says(200, MODEL))
    predictor.load()
    return predictor


CHIP = random_chip(32, 32)


def test_an_endpoint_says_what_it_serves_and_predicts(server: Misbehaving) -> None:
    predictor = endpoint(server)
    assert (predictor.name, predictor.model_id, predictor.device) == ("GPU box", "endpoint", "endpoint GPU box")
    server.says(Says(200, MODEL), answer_for(CHIP))
    (raster,) = predictor.predict([CHIP])
    assert (raster[CHIP.valid] == 100).all()
    assert (raster[~CHIP.valid] == 255).all()
    assert (predictor.name, predictor.model_id, predictor.threshold) == ("Test U-Net at GPU box", "a" * 64, 0.4)
    assert predictor.device == "endpoint GPU box (cpu)"
    (_, _, question), (path, headers, body) = server.asked
    assert question == DESCRIBE
    assert path == "/invocations"
    assert (headers["Content-Type"], headers["Accept"]) == ("application/x-npy; from=floodscope", "application/x-npy")
    np.testing.assert_array_equal(decode_npy(body), np.stack([CHIP.vv, CHIP.vh])[None])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Says(400, {"message": "no such thing"}), r"does not take this request \(400\): no such thing\."),
        (Says(401), r"denies access \(401\): check the token"),
        (Says(403, b"<html>Forbidden</html>"), r"denies access \(403\)"),
        (Says(404, b"not here"), r"no model at this path \(404\): give the URL that ends in /invocations"),
        (Says(413, {"message": "too much"}), r"no request of this size \(413\): lower max_payload_mb"),
        (Says(415, {"message": "what is this"}), "does not take this request"),
        (Says(429, headers={"Retry-After": "1"}), "is asked too often"),
        (Says(500, b"Traceback: secret"), r"has failed \(500\): Traceback: secret\. Its log says more"),
        (Says(302, headers={"Location": "http://elsewhere/"}), "redirect"),
        (Says(503, headers={"Retry-After": "1"}), "is not ready or has too much to do.*asked for 0 s; try again later"),
        (Says(504, {"message": "late"}), "too slow for its own time limit"),
        (Says(200, b"[[0, 1]]"), r"no probabilities as .npy of uint8, its answer begins '\[\[0, 1\]\]'"),
        (Says(200, encode_npy(np.zeros((1, 16, 16), np.uint8))), "answers .1, 16, 16. for 1 image"),
        (Says(200, encode_npy(np.full((1, 32, 32), 255, np.uint8))), "no probability for .* valid pixels"),
        (Says(cut=True), "has closed the connection in place of an answer"),
    ],
)
def test_each_failure_has_its_sentence_and_is_asked_once(server: Misbehaving, answer: Says, message: str) -> None:
    predictor = known(server)
    server.says(answer)
    with pytest.raises(EndpointError, match=message) as caught:
        predictor.predict([CHIP])
    assert str(caught.value).startswith("GPU box ")
    assert "\n" not in str(caught.value)
    assert len(server.asked) == 1


def test_a_read_timeout_sends_exactly_one_request(server: Misbehaving) -> None:
    predictor = endpoint(server, "timeout_s=0.3&wait_s=0")
    predictor._described = known(server)._described  # a busy machine may take longer than that to describe its model
    server.says(Says(hang_s=60.0))
    with pytest.raises(EndpointError, match=r"has not answered within 0\.3 s, and was not asked a second time"):
        predictor.predict([CHIP])
    assert len(server.asked) == 1


def test_a_dead_endpoint_says_so_and_what_to_do() -> None:
    predictor = open_endpoint(dead_url())
    with pytest.raises(
        EndpointError, match=r"not reachable at http://127.*nobody listens there.: start it \(floodscope serve\)"
    ):
        predictor.predict([CHIP])
    with pytest.raises(EndpointError, match="not reachable"):
        predictor.check()
    with pytest.raises(EndpointError, match="its name is not known"):
        open_endpoint("http://no-such-host.invalid/invocations").predict([CHIP])


def test_a_busy_endpoint_is_asked_again_when_it_says_so_and_the_wait_is_told(server: Misbehaving) -> None:
    predictor = known(server, "timeout_s=60&wait_s=60")
    server.says(Says(503, {"message": "loading"}, {"Retry-After": "1"}), answer_for(CHIP))
    notes: list[str | None] = []
    send = predictor._transport.send

    def watched(body: bytes, content_type: str, accept: str) -> object:
        notes.append(predictor.note)
        return send(body, content_type, accept)

    predictor._transport.send = watched  # type: ignore[assignment,method-assign]
    predictor.predict([CHIP])
    assert len(server.asked) == 2
    assert notes[0] is None
    assert "loading. Waiting, 0 s so far" in str(notes[1])
    assert predictor.note is None


def test_a_batch_is_split_by_the_payload_limit_and_by_shape(server: Misbehaving) -> None:
    chips = [random_chip(32, 32, seed) for seed in range(3)]
    other = random_chip(32, 64, 9)
    predictor = known(server, "timeout_s=60&wait_s=0&max_payload_mb=0.0166")  # two of 8,192 bytes and a header
    server.says(answer_for(*chips[:2], value=1), answer_for(chips[2], value=2), answer_for(other, value=3))
    rasters = predictor.predict([chips[0], other, chips[1], chips[2]])
    assert [
        int(raster[chip.valid].max()) for raster, chip in zip(rasters, [chips[0], other, *chips[1:]], strict=True)
    ] == [1, 3, 1, 2]
    assert all(len(body) <= 16_600 for _, _, body in server.asked)
    too_small = known(server, "max_payload_mb=0.008")
    with pytest.raises(
        EndpointError,
        match=r"32 x 32 pixels of chip .* are 0\.0 MB to send, above the 0\.008 MB .*#max_payload_mb=1\)",
    ):
        too_small.predict([CHIP])


def test_a_chip_without_a_valid_pixel_is_not_sent(server: Misbehaving) -> None:
    predictor = known(server)
    empty = make_chip(np.full((8, 8), np.nan))
    server.says(Says(500))
    (raster,) = predictor.predict([empty])
    assert (raster == 255).all()
    assert server.asked == []


def test_another_model_behind_the_same_address_is_noticed(server: Misbehaving) -> None:
    predictor = known(server)
    now = {**MODEL, "id": "b" * 64, "name": "Newer"}
    told = answer_for(CHIP)
    told.headers["X-Amzn-SageMaker-Custom-Attributes"] = "floodscope-model=" + "b" * 64
    server.says(told, Says(200, now))
    predictor.predict([CHIP])
    assert (predictor.model_id, predictor.name) == ("b" * 64, "Newer at GPU box")


def test_what_the_model_needs_and_the_chip_lacks_is_said_before_anything_is_sent(server: Misbehaving) -> None:
    predictor = endpoint(server)
    server.says(Says(200, {**MODEL, "channels": ["vv", "vh", "elevation"]}))
    with pytest.raises(BandError, match="has no elevation, which the model of GPU box needs"):
        predictor.predict([CHIP])
    assert len(server.asked) == 1


def test_anothers_handler_that_speaks_npy_is_taken_without_a_name(server: Misbehaving) -> None:
    predictor = endpoint(server)
    server.says(Says(415, b"JSON? no"), answer_for(CHIP))
    predictor.predict([CHIP])
    assert (predictor.model_id, predictor.name) == ("endpoint", "GPU box")


def test_a_token_comes_from_the_environment_and_nowhere_else(
    server: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOOD_TOKEN", "s3cret")
    predictor = endpoint(server, "token_env=FLOOD_TOKEN")
    server.says(Says(200, MODEL))
    predictor.check()
    assert server.asked[0][1]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in json.dumps([predictor.name, predictor.device, *map(str, predictor.parameters.values())])
    monkeypatch.delenv("FLOOD_TOKEN")
    with pytest.raises(UsageError, match="its token from FLOOD_TOKEN, which is not set"):
        endpoint(server, "token_env=FLOOD_TOKEN")
