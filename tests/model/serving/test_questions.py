"""What the model server asks of images and tells of them: by parameters that it has, of the images that they are about."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model.serving.inference import NOTES, input_fn, notes_header, notes_of
from model.wire import NPY, TIFF, encode_npy
from tests.model.predictors.random_chips import random_chip
from tiles.chip import Chip
from tiles.errors import RequestError

CHIPS = [random_chip(64, 64, seed) for seed in range(3)]
STACK = np.stack([np.stack([chip.vv, chip.vh]) for chip in CHIPS])


def images(body: np.ndarray, said: str = "") -> list[Chip]:
    chips = input_fn(encode_npy(body.astype(np.float32)), f"{NPY}{said}")
    assert isinstance(chips, list)
    return chips


def same(chips: list[Chip]) -> None:
    for chip, original in zip(chips, CHIPS, strict=True):
        np.testing.assert_array_equal(chip.vv, original.vv)
        np.testing.assert_array_equal(chip.vh, original.vh)


def test_exchanged_channels_are_refused_with_the_parameter_that_reads_them() -> None:
    with pytest.raises(RequestError) as refused:
        images(STACK[:, ::-1])
    assert "--" not in str(refused.value) and 'bands="VH,VV"' in str(refused.value)
    same(images(STACK[:, ::-1], '; bands="VH,VV"'))


@pytest.mark.parametrize("said", ['; bands="-,VV,VH"', "; bands=-,vv,vh", '; charset=utf-8; bands="-,VV,VH"'])
def test_a_channel_can_be_left_aside(said: str) -> None:
    same(images(np.concatenate([STACK[:, :1] * 0 + 38, STACK], axis=1), said))


def test_channels_behind_those_that_are_named_are_elevation_and_permanent_water() -> None:
    (chip, *_) = images(np.concatenate([STACK[:, ::-1], np.full((3, 1, 64, 64), 99.0)], axis=1), "; bands=VH,VV")
    assert chip.elevation is not None and (chip.elevation == 99).all() and chip.permanent_water is None


def test_a_unit_is_asked_for_by_its_parameter() -> None:
    with pytest.raises(RequestError) as refused:
        images(10 ** ((STACK - 4) / 20))
    assert 'units="power" or units="amplitude"' in str(refused.value)
    (chip, *_) = images(10 ** ((STACK - 4) / 20), "; units=amplitude")
    np.testing.assert_allclose(chip.vv, CHIPS[0].vv - 4, atol=1e-3)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("; unit=power", "parameter 'unit', which is not known: units, bands, from are"),
        ("; name=a.tif", "parameter 'name'"),
        ("; label_values=water=1", "parameter 'label_values'"),
        ("; bands=VV,VH,-", "has 2 channels, and bands names 3"),
        ("; bands=VV", "does not say which band is VV"),
    ],
)
def test_a_parameter_that_would_be_ignored_is_refused_by_its_name(said: str, words: str) -> None:
    with pytest.raises(RequestError) as refused:
        images(STACK, said)
    assert words in str(refused.value)


def test_a_parameter_of_a_geotiff_is_refused_by_its_name_before_the_file_is_read() -> None:
    with pytest.raises(RequestError, match="parameter 'from', which is not known: units, bands, name are"):
        input_fn(b"II*\0", f"{TIFF}; from=floodscope")


def test_a_note_names_the_images_that_it_is_about() -> None:
    power = 10 ** (STACK[0] / 10)
    alone = notes_of(images(power[None]))
    assert len(alone) == 1 and alone[0].startswith("VV and VH are taken for linear power")
    assert "units says otherwise" in alone[0] and "--" not in alone[0]
    assert notes_of(images(np.stack([power, power]))) == alone
    assert notes_of(images(np.stack([STACK[1], power, power]))) == (f"Images 1, 2: {alone[0]}",)
    many = notes_of(images(np.stack([STACK[1], *[power] * 10])))
    assert many == (f"Images 1, 2, 3, 4, 5, 6, 7, 8 and 2 more: {alone[0]}",)


def test_more_notes_than_a_header_takes_are_counted_in_json_that_can_be_read() -> None:
    notes = [f"{number}: " + "a sentence " * 20 for number in range(100)]
    told = json.loads(notes_header(notes)[NOTES])
    assert told[:-1] == notes[: len(told) - 1]
    assert told[-1].startswith(f"{100 - len(told) + 1} more sentences")
    assert len(notes_header(notes)[NOTES]) <= 4000
    assert notes_header([]) == {}
