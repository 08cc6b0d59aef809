"""The local predictor: real small networks on chips of every shape."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from model.bundle.manifest import read_bundle
from model.bundle.network import load_ensemble
from model.bundle.normalisation import Normalisation, ZScore
from model.predictors.local import LocalPredictor
from model.predictors.protocol import Predictor
from model.predictors.views import D4
from tests.model.predictors.bundles import UNET, members, pack_bundle, write_random
from tests.model.predictors.random_chips import make_chip, random_chip
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip
from tiles.errors import BandError, BundleError, ModelError, PredictionError
from tiles.probability import NODATA
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _threads_are_given_back():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unet")
    write_random(path, half=True)
    return path


@pytest.fixture
def predictor(folder: Path) -> LocalPredictor:
    return LocalPredictor(folder, "cpu")


def by_hand(folder: Path, chip: Chip) -> np.ndarray:
    """The plain forward pass, for chips whose sides are multiples of 32."""
    bands = [(chip.vv + 10.7) / 5.0, (chip.vh + 17.5) / 5.2]
    x = torch.from_numpy(np.stack([np.where(chip.valid, band, 0.0) for band in bands]).astype(np.float32))[None]
    with torch.inference_mode():
        return load_ensemble(folder, read_bundle(folder))(x)[0].numpy()


def replace_network(predictor: LocalPredictor, network: nn.Module) -> None:
    predictor.load()
    assert predictor._loaded is not None
    ensemble, _ = predictor._loaded
    ensemble.networks = nn.ModuleList([network])


def test_it_is_a_predictor_that_knows_its_bundle_before_it_is_loaded(folder: Path) -> None:
    local = LocalPredictor(folder)
    predictor: Predictor = local
    assert predictor.needs_loading
    assert (predictor.name, predictor.model_id, predictor.threshold) == ("Test U-Net", read_bundle(folder).id, 0.5)
    assert predictor.device == "not loaded"
    local.load()
    assert predictor.device == "cpu" or predictor.device.startswith(("cuda: ", "mps"))


def test_the_raster_is_the_plain_forward_pass(folder: Path, predictor: LocalPredictor) -> None:
    chip = random_chip(96, 128)
    (values,) = predictor.predict([chip])
    p = by_hand(folder, chip)
    assert p.std() > 0.05
    assert np.abs(values[chip.valid] - p[chip.valid] * 254).max() <= 1.0
    assert np.array_equal(values == NODATA, ~chip.valid)


def test_what_stands_in_invalid_pixels_does_not_matter(predictor: LocalPredictor) -> None:
    chip = random_chip(64, 64, invalid=0.3)
    dirty = Chip(chip.id, np.where(chip.valid, chip.vv, 1e9).astype(np.float32), chip.vh, chip.valid, None, chip.grid)
    assert np.array_equal(predictor.predict([chip])[0], predictor.predict([dirty])[0])


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (31, 33), (64, 64), (97, 250)])
def test_chips_of_any_shape_are_answered_in_their_shape(predictor: LocalPredictor, shape: tuple[int, int]) -> None:
    chip = random_chip(*shape, invalid=0.0)
    (values,) = predictor.predict([chip])
    assert values.shape == shape
    assert (values != NODATA).all()


def test_a_mixed_list_is_answered_in_order_with_each_chip_as_if_alone(folder: Path) -> None:
    chips = [random_chip(64, 64, 1), random_chip(40, 72, 2), random_chip(64, 64, 3), random_chip(64, 64, 4)]
    alone = LocalPredictor(folder, "cpu", batch_size=1)
    expected = [alone.predict([chip])[0] for chip in chips]
    assert all(map(np.array_equal, alone.predict(chips), expected))
    for ours, theirs in zip(LocalPredictor(folder, "cpu", batch_size=3).predict(chips), expected, strict=True):
        assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_a_chip_without_a_valid_pixel_is_all_nodata_and_asks_no_network(folder: Path) -> None:
    predictor = LocalPredictor(folder, "cpu")
    (values,) = predictor.predict([make_chip(np.full((20, 30), np.nan))])
    assert values.shape == (20, 30)
    assert (values == NODATA).all()
    assert predictor.predict([]) == []
    assert predictor.device == "cpu"
    assert predictor._loaded is None


def test_a_chip_larger_than_the_window_is_blended_without_a_seam(folder: Path, predictor: LocalPredictor) -> None:
    chip = random_chip(224, 352, invalid=0.0)
    whole = predictor.predict([chip])[0].astype(int)
    predictor.window = 128
    parts = predictor.predict([chip])[0].astype(int)
    assert parts.shape == whole.shape
    assert not np.array_equal(parts, whole)
    for axis in (0, 1):
        assert np.abs(np.diff(parts, axis=axis)).max() <= 1.5 * np.abs(np.diff(whole, axis=axis)).max()


@pytest.mark.parametrize("shape", [(64, 64), (45, 70)])
def test_with_d4_a_turned_chip_gives_the_turned_prediction(tmp_path: Path, shape: tuple[int, int]) -> None:
    write_random(tmp_path, tta="d4")
    predictor = LocalPredictor(tmp_path, "cpu")
    chip = random_chip(*shape)
    (plain,) = predictor.predict([chip])
    plain_without = LocalPredictor(tmp_path, "cpu")
    object.__setattr__(plain_without.bundle, "tta", "none")
    worst = worst_without = 0
    for view in D4:
        turned = make_chip(view.apply(chip.vh), view.apply(chip.vv), np.ascontiguousarray(view.apply(chip.valid)))
        for one, reference in ((predictor, plain), (plain_without, plain_without.predict([chip])[0])):
            difference = np.abs(one.predict([turned])[0].astype(int) - view.apply(reference)).max()
            if one is predictor:
                worst = max(worst, difference)
            else:
                worst_without = max(worst_without, difference)
    assert worst <= 1
    assert worst_without > 5


def test_an_ensemble_with_a_temperature_is_predicted_from_its_archive_as_from_its_folder(tmp_path: Path) -> None:
    folder, archive = tmp_path / "two", tmp_path / "two.tar.gz"
    write_random(folder, members=members(2), temperature=1.7, combine="max", threshold=0.4)
    pack_bundle(folder, archive)
    chip = random_chip(64, 96)
    one, other = LocalPredictor(folder, "cpu"), LocalPredictor(archive, "cpu")
    assert (one.model_id, one.threshold) == (other.model_id, 0.4)
    assert np.array_equal(one.predict([chip])[0], other.predict([chip])[0])


def test_two_threads_that_predict_first_load_once_and_agree(folder: Path) -> None:
    predictor = LocalPredictor(folder, "cpu")
    chip = random_chip(64, 64)
    answers: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: answers.append(predictor.predict([chip])[0])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 3
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


def test_weights_altered_after_opening_are_found_at_the_first_prediction(tmp_path: Path) -> None:
    write_random(tmp_path)
    predictor = LocalPredictor(tmp_path, "cpu")
    path = tmp_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"model\.safetensors was altered"):
        predictor.predict([random_chip(32, 32)])


def test_a_device_that_is_not_there_is_refused_by_its_name(folder: Path) -> None:
    for device in ("cuda:99", "warp"):
        with pytest.raises(ModelError, match=f"device '{device}' does not work here"):
            LocalPredictor(folder, device).load()


@pytest.fixture(scope="module")
def with_terrain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that sees elevation and permanent water too."""
    path = tmp_path_factory.mktemp("terrain")
    bands = {**UNET.normalisation.bands, "elevation": ZScore(60.0, 20.0), "permanent_water": ZScore(0.1, 0.3)}
    write_random(path, channels=("vv", "vh", "elevation", "permanent_water"), normalisation=Normalisation(bands))
    return path


def test_a_chip_that_lacks_a_channel_of_the_bundle_is_refused_by_its_name(with_terrain: Path) -> None:
    predictor, chip = LocalPredictor(with_terrain, "cpu"), random_chip(32, 32)
    with pytest.raises(
        BandError, match="Chip random0 has no elevation and no permanent water, which the model Test U-Net"
    ):
        predictor.predict([chip])
    flat = replace(chip, elevation=np.zeros_like(chip.vv), ancillary_problem="The permanent water is damaged.")
    with pytest.raises(BandError, match=r"has no permanent water, .* The permanent water is damaged\."):
        predictor.predict([flat])
    assert (predictor.predict([make_chip(np.full((20, 30), np.nan))])[0] == NODATA).all()


def test_the_further_channels_decide_and_where_they_are_not_known_their_mean_stands(with_terrain: Path) -> None:
    predictor, chip = LocalPredictor(with_terrain, "cpu"), random_chip(64, 64)
    flat, nothing = np.full_like(chip.vv, 60.0), np.full_like(chip.vv, np.nan)
    usual = np.full_like(chip.vv, 0.1)
    known, unknown, high = (
        predictor.predict([replace(chip, elevation=elevation, permanent_water=water)])[0]
        for elevation, water in ((flat, usual), (nothing, nothing), (flat + 100, usual))
    )
    assert np.abs(known.astype(int) - unknown).max() <= 1
    assert np.abs(known.astype(int) - high).max() > 5
    assert np.array_equal(unknown == NODATA, ~chip.valid)


def test_a_real_chip_with_its_elevation_and_permanent_water_is_predicted(with_terrain: Path, real_data: Path) -> None:
    catalog = open_catalog([real_data / "drivendata"])
    predictor = LocalPredictor(with_terrain, "cpu")
    (values,) = predictor.predict([read_chip(catalog.get("ayt12"))])
    assert values.shape == (512, 512)
    with pytest.raises(BandError, match="Chip awc01 has no elevation"):
        predictor.predict([read_chip(catalog.get("awc01"))])


class Fits(nn.Module):
    """Stands for a device with little memory: it holds so many pixels at once, and not one more."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] * x.shape[2] * x.shape[3] > self.pixels:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return x[:, 1:2]


def test_where_memory_runs_out_the_batch_and_then_the_window_is_halved(folder: Path) -> None:
    chips = [random_chip(600, 600, seed) for seed in range(3)]
    roomy, tight = (LocalPredictor(folder, "cpu", batch_size=4) for _ in range(2))
    replace_network(roomy, Fits(10**9))
    replace_network(tight, Fits(512 * 512))
    for ours, theirs in zip(tight.predict(chips), roomy.predict(chips), strict=True):
        assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert (tight.batch_size, tight.window) == (1, 512)
    assert (roomy.batch_size, roomy.window) == (4, 1024)


def test_where_not_even_a_small_window_fits_the_error_says_what_to_do(folder: Path, predictor: LocalPredictor) -> None:
    replace_network(predictor, Fits(10))
    with pytest.raises(
        ModelError, match="not even 256 x 256 pixels at a time: free memory there, or run it on the cpu"
    ):
        predictor.predict([random_chip(300, 300)])


class Broken(nn.Module):
    """A network that fails in a way of its own."""

    def __init__(self, fail: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.fail = fail

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fail(x)


@pytest.mark.parametrize("tta", ["none", "d4"])
def test_a_network_that_gives_no_number_is_an_error_and_no_picture(tmp_path: Path, tta: str) -> None:
    write_random(tmp_path, tta=tta)
    predictor = LocalPredictor(tmp_path, "cpu")
    replace_network(predictor, Broken(lambda x: x[:, :1] * float("nan")))
    with pytest.raises(PredictionError, match="no probability"):
        predictor.predict([random_chip(32, 32)])


def test_a_network_that_fails_names_the_chip(predictor: LocalPredictor) -> None:
    replace_network(predictor, Broken(lambda x: x @ torch.zeros(3, 3)))
    with pytest.raises(PredictionError, match=r"Test U-Net failed on random0 on cpu: Expected size"):
        predictor.predict([random_chip(32, 32)])
