"""From chips to batches: unknown stays unknown, no data becomes the mean, and a place in an epoch decides a crop."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from model.bundle.normalisation import MinMax, ZScore
from model.training.dataset import (
    ChipCache,
    CropDataset,
    EpochSampler,
    WholeChips,
    fit_normalisation,
    normalise,
    read_tensors,
    require_both_classes,
    usable_for_training,
    weights_of,
)
from model.training.recipe import Recipe, change_recipe
from tests.model.conftest import MakeRecord
from tests.model.training.conftest import MakeChips
from tiles.errors import BandError, UsageError
from tiles.reading.door import read_chip


def test_an_unknown_label_stays_unknown_and_no_data_has_no_truth(make_record: MakeRecord) -> None:
    record = make_record()
    chip, tensors = read_chip(record), read_tensors(record, ("vv", "vh"))
    assert chip.label is not None
    label = tensors.label.numpy()
    assert ((chip.label == 255) & chip.valid).any()
    assert (label[chip.label == 255] == 255).all()
    assert (label[~chip.valid] == 255).all()
    assert np.array_equal(label[chip.valid], chip.label[chip.valid])


@pytest.mark.parametrize("scaling", ["zscore", "minmax"])
def test_no_data_becomes_the_mean_and_not_a_bright_pixel(make_chips: MakeChips, tiny: Recipe, scaling: str) -> None:
    recipe = change_recipe(tiny, {"scaling": scaling})
    cache = ChipCache(recipe.channels)
    chips, _ = usable_for_training(make_chips(), cache)
    normalisation = fit_normalisation(recipe, chips)
    image = cache.get(chips[0][0]).image
    x = normalise(image, normalisation)
    nothing = torch.isnan(image)
    assert bool(nothing.any())
    for i, band in enumerate(normalisation.bands.values()):
        expected = 0.0 if isinstance(band, ZScore) else (band.mean - band.offset) / band.scale
        assert torch.allclose(x[i][nothing[i]], torch.tensor(expected, dtype=torch.float32))
        # The capstone fed 0 dB as 0.748, brighter than nearly all land.
        assert float(x[i][nothing[i]].max()) < float(x[i][~nothing[i]].max())
    # Predictors do the very same.
    chip = read_chip(chips[0][0])
    assert np.allclose(x.numpy(), normalisation.apply({"vv": chip.vv, "vh": chip.vh}, chip.valid), atol=1e-6)


def test_the_input_is_centred_and_spread_by_the_training_chips_alone(make_chips: MakeChips, tiny: Recipe) -> None:
    records = make_chips()
    cache = ChipCache(tiny.channels)
    chips, _ = usable_for_training(records[:4], cache)
    normalisation = fit_normalisation(tiny, chips)
    values = torch.cat([cache.get(record).image.flatten(1) for record in records[:4]], dim=1)
    x = torch.cat([normalise(cache.get(record).image, normalisation).flatten(1) for record in records[:4]], dim=1)
    for i in range(2):
        there = torch.isfinite(values[i])
        assert float(x[i][there].mean()) == pytest.approx(0.0, abs=1e-3)
        assert float(x[i][there].std()) == pytest.approx(1.0, abs=1e-3)
    capstone = fit_normalisation(change_recipe(tiny, {"scaling": "minmax"}), chips)
    assert isinstance(capstone.bands["vv"], MinMax)
    # Its bounds leave so little spread.
    assert float(normalise(cache.get(records[0]).image, capstone)[0].std()) < 0.1


def test_a_place_decides_its_crop_on_any_worker(make_chips: MakeChips, tiny: Recipe) -> None:
    cache = ChipCache(tiny.channels)
    chips, _ = usable_for_training(make_chips(), cache)
    normalisation = fit_normalisation(tiny, chips)
    dataset = CropDataset(chips, tiny, normalisation, cache)
    copy: CropDataset = pickle.loads(pickle.dumps(dataset))  # as a worker process gets it
    for place in ((0, 0), (0, 1), (3, 2)):
        image, label = dataset[place]
        again, same = copy[place]
        assert torch.equal(image, again)
        assert torch.equal(label, same)
        assert image.shape == (2, 32, 32)
        assert bool(torch.isfinite(image).all())
    assert not torch.equal(dataset[0, 0][0], dataset[1, 0][0])


def test_processes_share_an_epoch_without_overlap() -> None:
    parts = []
    for rank in range(3):
        sampler = EpochSampler(10, 3, rank)
        sampler.set_epoch(4)
        parts.append(list(sampler))
        assert len(parts[-1]) == len(sampler)
    assert sorted(place for part in parts for place in part) == [(4, i) for i in range(10)]


def test_countries_are_balanced_and_simulation_keeps_its_share(make_record: MakeRecord, tiny: Recipe) -> None:
    records = [replace(make_record(f"a{i}"), country="A") for i in range(3)] + [replace(make_record("b"), country="B")]
    records += [replace(make_record(f"s{i}"), country="A", simulated=True) for i in range(2)]
    cache = ChipCache(tiny.channels)
    chips, _ = usable_for_training(records, cache)
    weights = weights_of(change_recipe(tiny, {"simulated_share": 0.25}), chips)
    assert weights == pytest.approx([0.125, 0.125, 0.125, 0.375, 0.125, 0.125])
    alone = weights_of(tiny, chips[:4])
    assert alone == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    water = weights_of(change_recipe(tiny, {"balance": "water", "simulated_share": 0.5}), chips)
    assert water.sum() == pytest.approx(1.0)


def test_the_cache_keeps_to_its_budget(make_chips: MakeChips) -> None:
    records = make_chips()
    one = read_tensors(records[0], ("vv", "vh")).bytes
    cache = ChipCache(("vv", "vh"), budget=2 * one)
    for record in records:
        cache.get(record)
    assert cache._held.nbytes == 2 * one
    assert cache.get(records[-1]) is cache.get(records[-1])


def test_whole_chips_come_in_order(make_chips: MakeChips, tiny: Recipe) -> None:
    records = make_chips()
    cache = ChipCache(tiny.channels)
    chips, _ = usable_for_training(records, cache)
    whole = WholeChips(records, fit_normalisation(tiny, chips), cache)
    assert len(whole) == len(records)
    image, label = whole[2]
    assert image.shape == (2, 64, 64)
    assert torch.equal(label, cache.get(records[2]).label)


def test_what_cannot_teach_is_named_and_left_out(make_record: MakeRecord, tiny: Recipe) -> None:
    good, empty, unlabelled = make_record("good"), make_record("empty", valid=False), make_record("bare", label=False)
    chips, refused = usable_for_training([good, empty, unlabelled], ChipCache(tiny.channels))
    assert [record.id for record, _ in chips] == ["good"]
    assert "no pixel with data has a known label" in refused["empty"]
    assert "no label" in refused["bare"]
    with pytest.raises(UsageError, match="No chip of the training set"):
        require_both_classes([], "training set")
    dry = replace(chips[0][1], water=0)
    with pytest.raises(UsageError, match="no labelled pixel of water"):
        require_both_classes([(good, dry)], "training set")


def test_a_chip_without_a_channel_of_the_recipe_is_named(make_record: MakeRecord) -> None:
    with pytest.raises(BandError, match=r"chip_1 has no elevation"):
        read_tensors(make_record(), ("vv", "vh", "elevation"))
