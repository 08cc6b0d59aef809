"""The handler of the hosting contract: what goes in, what comes out, and what is refused with which words."""

from __future__ import annotations

import builtins
import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from model.bundle.regions import Regions
from model.predictors.local import LocalPredictor
from model.serving.inference import Answer, Question, input_fn, model_fn, output_fn, predict_fn
from model.wire import DESCRIBE, JSON, NPY, TIFF, decode_npy, encode_npy, negotiate
from tests.fuzzing import pickled
from tests.model.predictors.bundles import UNET, members, write_random
from tests.model.predictors.random_chips import make_chip, random_chip
from tiles.chip import Chip
from tiles.errors import BundleError, MediaTypeError, NotAcceptableError, RequestError, TooLargeError, http_status

pytestmark = pytest.mark.slow

CHIP = random_chip(64, 96)


def body_of(*chips: Chip, dtype: type = np.float32) -> bytes:
    return encode_npy(np.stack([np.stack([chip.vv, chip.vh]) for chip in chips]).astype(dtype))


@pytest.fixture(scope="module")
def model(bundle_folder: Path) -> LocalPredictor:
    return model_fn(bundle_folder)


def handle(model: LocalPredictor, body: bytes, accept: str = NPY, content_type: str = NPY) -> bytes:
    return output_fn(predict_fn(input_fn(body, content_type), model), accept)


def test_the_answer_is_what_the_model_predicts_here(model: LocalPredictor, bundle_folder: Path) -> None:
    other = random_chip(64, 96, 1)
    answer = decode_npy(handle(model, body_of(CHIP, other)), ("u1",))
    np.testing.assert_array_equal(answer, np.stack(LocalPredictor(bundle_folder, "cpu").predict([CHIP, other])))
    assert answer.shape == (2, 64, 96)


def test_the_default_answer_is_probability_and_not_thresholded_integers(model: LocalPredictor) -> None:
    """The capstone answered thresholded integers as JSON: no probability, and three times the bytes."""
    chip = random_chip(512, 512)
    for accept in ("", "*/*", NPY, "application/octet-stream, */*;q=0.1"):
        answer = handle(model, body_of(chip), accept)
        assert len(answer) <= 265_000
        values = np.unique(decode_npy(answer, ("u1",)))
        assert len(values) > 100, "a probability has more than two values"
    assert len(body_of(chip)) <= 2_100_000


def test_json_is_for_clients_that_ask_for_it_and_a_mask_at_the_models_threshold(model: LocalPredictor) -> None:
    masks = np.array(json.loads(handle(model, body_of(CHIP), JSON)))
    raster = decode_npy(handle(model, body_of(CHIP)), ("u1",))
    np.testing.assert_array_equal(masks, (raster != 255) & (raster / 254 >= 0.4))
    assert masks.shape == (1, 64, 96)


def test_a_pickle_in_a_request_is_refused_and_never_run(model: LocalPredictor) -> None:
    """The capstone read requests with np.load(allow_pickle=True), which runs what a stranger sends."""
    with pytest.raises(RequestError, match="pickled Python objects, which are never read"):
        handle(model, pickled())
    assert not hasattr(builtins, "floodscope_was_harmed")


def test_half_precision_and_big_endian_and_fortran_order_are_read(model: LocalPredictor) -> None:
    plain = decode_npy(handle(model, body_of(CHIP)), ("u1",))
    bands = np.stack([CHIP.vv, CHIP.vh])[None]
    for same in (bands.astype(">f4"), np.asfortranarray(bands)):
        out = io.BytesIO()
        np.save(out, same)
        np.testing.assert_array_equal(decode_npy(handle(model, out.getvalue()), ("u1",)), plain)
    half = decode_npy(handle(model, body_of(CHIP, dtype=np.float16)), ("u1",))
    assert np.abs(half.astype(int) - plain.astype(int)).max() < 20


def test_no_data_is_known_by_what_no_radar_measures(model: LocalPredictor) -> None:
    chip = random_chip(32, 32, invalid=0.0)
    vv, vh = chip.vv.copy(), chip.vh.copy()
    vv[0, 0], vh[0, 1], vv[0, 2], vh[0, 3] = 0.0, -9999.0, np.nan, -np.inf
    answer = decode_npy(handle(model, encode_npy(np.stack([vv, vh])[None])), ("u1",))[0]
    assert (answer[0, :4] == 255).all()
    assert (answer.ravel()[4:] < 255).all()


def tiff_of(chip: Chip, names: tuple[str, str] = ("VV", "VH")) -> bytes:
    with rasterio.MemoryFile() as memory:
        height, width = chip.valid.shape
        with memory.open(
            driver="GTiff", width=width, height=height, count=2, dtype="float32", crs="EPSG:32632", nodata=float("nan"),
            transform=from_origin(600_000, 5_200_000, 10, 10),
        ) as dataset:  # fmt: skip
            bands = {"VV": chip.vv, "VH": chip.vh}
            for i, name in enumerate(names, 1):
                dataset.write(bands[name], i)
                dataset.set_band_description(i, name)
        return bytes(memory.read())


def test_a_geotiff_is_read_by_the_names_of_its_bands_and_answered_on_its_grid(model: LocalPredictor) -> None:
    plain = decode_npy(handle(model, body_of(CHIP)), ("u1",))
    for names in (("VV", "VH"), ("VH", "VV")):
        answer = handle(model, tiff_of(CHIP, names), TIFF, f"{TIFF}; application=geotiff")
        with rasterio.MemoryFile(answer) as memory, memory.open() as dataset:
            assert (dataset.crs.to_epsg(), dataset.transform.a, dataset.nodata) == (32632, 10.0, 255)
            np.testing.assert_array_equal(dataset.read(), plain)


def constant(vv: float, vh: float) -> bytes:
    return encode_npy(np.stack([np.full((8, 8), value, np.float32) for value in (vv, vh)])[None])


@pytest.mark.parametrize(
    ("body", "content_type", "error", "message"),
    [
        (b"x", "text/plain", MediaTypeError, "'text/plain' is not read here: send application/x-npy"),
        (b"x", "", MediaTypeError, "is not read here"),
        (b"", NPY, RequestError, "has no body"),
        (b"x", NPY, RequestError, r"no \.npy file that can be read"),
        (b"[[1, 2]]", JSON, RequestError, "only JSON that is read is"),
        (b"[" * 100_000, JSON, RequestError, "only JSON that is read is"),
        (b"II*\x00", TIFF, RequestError, "GeoTIFF in the body"),
        (b"<VRTDataset/>", TIFF, RequestError, "GeoTIFF in the body"),
        (encode_npy(np.zeros((1, 2, 8, 8), np.int16)), NPY, RequestError, "holds int16 numbers: send float16 or float32"),
        (encode_npy(np.zeros((2, 8, 8), np.float32)), NPY, RequestError, r"send \(N, 2, H, W\)"),
        (encode_npy(np.zeros((1, 1, 8, 8), np.float32)), NPY, RequestError, r"shape \(1, 1, 8, 8\)"),
        (encode_npy(np.zeros((0, 2, 8, 8), np.float32)), NPY, RequestError, "must be 1 or more"),
        (encode_npy(np.ones((1, 2, 8, 8), np.float32))[:-5], NPY, RequestError, "it was cut off or damaged"),
        (constant(0.12, 0.04), NPY, RequestError, "Image 0 holds positive numbers, so not dB.*linear power"),
        (constant(300, 150), NPY, RequestError, "digital numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_reason(
    body: bytes, content_type: str, error: type[RequestError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        input_fn(body, content_type)
    assert 400 <= http_status(caught.value) < 500
    assert "/tmp" not in str(caught.value)


def test_a_huge_shape_in_a_header_allocates_nothing() -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 9000000, 9000000), }\n"
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\x00" * 64
    with pytest.raises(RequestError, match="has 64 bytes of numbers, but its header"):
        input_fn(body, NPY)
    with pytest.raises(TooLargeError, match="cut it into tiles"):
        input_fn(encode_npy(np.broadcast_to(np.float32(-9), (1, 2, 4097, 4097)).astype(np.float16)), NPY)


def test_an_answer_that_nobody_writes_is_refused() -> None:
    with pytest.raises(NotAcceptableError, match="text/html"):
        output_fn(Answer((np.zeros((2, 2), np.uint8),)), "text/html")
    assert negotiate("text/html, image/*;q=0.2, application/json;q=0.9") == JSON
    assert negotiate("application/json;q=0, */*") == NPY
    assert negotiate(None) == negotiate("") == NPY


def test_the_handler_says_which_model_it_is(model: LocalPredictor) -> None:
    assert isinstance(input_fn(DESCRIBE, JSON), Question)
    told = json.loads(handle(model, DESCRIBE, content_type=JSON))
    assert (told["id"], told["name"], told["threshold"]) == (model.model_id, "Test U-Net", 0.4)
    assert told["channels"] == ["vv", "vh"]


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "FPN", "options": {}},
        {"architecture": "Linknet", "options": {}},
        {"regions": Regions(grow=0.4, seed=0.8)},
    ],
)
def test_other_architectures_and_regions_are_served_without_a_change_of_code(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    write_random(tmp_path, **changes)
    served = decode_npy(handle(model_fn(tmp_path), body_of(CHIP)), ("u1",))
    np.testing.assert_array_equal(served, LocalPredictor(tmp_path, "cpu").predict([CHIP]))


def test_an_ensemble_is_served_and_the_environment_may_change_how_it_combines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model" / "ensemble"
    write_random(folder, members=members(2))
    mean = model_fn(tmp_path / "model")
    np.testing.assert_array_equal(
        decode_npy(handle(mean, body_of(CHIP)), ("u1",)), LocalPredictor(folder, "cpu").predict([CHIP])
    )
    monkeypatch.setenv("FLOODSCOPE_COMBINE", "max")
    monkeypatch.setenv("FLOODSCOPE_THRESHOLD", "0.25")
    largest = model_fn(tmp_path / "model")
    assert largest.threshold == 0.25
    assert largest.model_id != mean.model_id
    assert (
        decode_npy(handle(largest, body_of(CHIP)), ("u1",)) >= decode_npy(handle(mean, body_of(CHIP)), ("u1",))
    ).all()


def test_further_channels_come_behind_vv_and_vh_and_are_asked_for_where_they_lack(tmp_path: Path) -> None:
    from model.bundle.normalisation import Normalisation, ZScore

    bands = {**UNET.normalisation.bands, "elevation": ZScore(100.0, 50.0)}
    write_random(tmp_path, channels=("vv", "vh", "elevation"), normalisation=Normalisation(bands))
    model = model_fn(tmp_path)
    with pytest.raises(RequestError, match="needs vv, vh, elevation, but the images have no elevation"):
        handle(model, body_of(CHIP))
    high = np.full(CHIP.valid.shape, 120.0, np.float32)
    answer = handle(model, encode_npy(np.stack([CHIP.vv, CHIP.vh, high])[None]))
    chip = Chip("c", CHIP.vv, CHIP.vh, CHIP.valid, None, CHIP.grid, elevation=high)
    np.testing.assert_array_equal(decode_npy(answer, ("u1",)), LocalPredictor(tmp_path, "cpu").predict([chip]))


def test_a_model_folder_without_a_bundle_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"should be one model bundle, but lacks model\.json"):
        model_fn(tmp_path)


def test_an_image_without_data_is_answered_without_data(model: LocalPredictor) -> None:
    began = time.perf_counter()
    empty = make_chip(np.full((16, 16), np.nan))
    assert (decode_npy(handle(model, body_of(empty)), ("u1",)) == 255).all()
    assert time.perf_counter() > began
