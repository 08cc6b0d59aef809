"""One picture is known again however it is stored, and no other picture is taken for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.tiles.chips import backscatter, write_tiff
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip
from tiles.content import NO_DATA, Content, alike, content_of
from tiles.reading.door import read_chip

Bands = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


def stored(folder: Path, bands: Bands, **profile: object) -> Chip:
    """Write a chip of two bands, and read it as every later step sees it."""
    write_tiff(folder / "chip.tif", *bands, names=("VV", "VH"), **profile)
    (record,) = open_catalog([folder]).usable()
    return read_chip(record)


def like(one: Content, other: Content) -> bool:
    return bool(alike(one.array, other.array[None])[0])


@pytest.mark.parametrize(
    "profile",
    [
        {"compress": "deflate", "predictor": 3},
        {"compress": "zstd"},
        {"tiled": True, "blockxsize": 16, "blockysize": 32},
        {"interleave": "pixel"},
        {"nodata": -9999.0},
        {"dtype": "float64"},
    ],
)
def test_another_compression_tiling_or_folder_is_the_same_content(tmp_path: Path, profile: dict[str, object]) -> None:
    bands = backscatter()
    assert content_of(stored(tmp_path / "a", bands)) == content_of(stored(tmp_path / "deep" / "b", bands, **profile))


def test_two_files_hold_the_same_content_as_one(tmp_path: Path) -> None:
    vv, vh = backscatter()
    write_tiff(tmp_path / "two" / "x_vv.tif", vv)
    write_tiff(tmp_path / "two" / "x_vh.tif", vh)
    (record,) = open_catalog([tmp_path / "two"]).usable()
    assert content_of(read_chip(record)) == content_of(stored(tmp_path / "one", (vv, vh)))


def test_one_pixel_makes_another_digest_and_leaves_the_samples(tmp_path: Path) -> None:
    bands = backscatter()
    chip = stored(tmp_path, bands)
    vv = chip.vv.copy()
    vv[0, 0] += 0.001
    changed = content_of(replace(chip, vv=vv))
    assert changed.digest != content_of(chip).digest
    assert changed.samples == content_of(chip).samples


@pytest.mark.parametrize(
    "rounded",
    [
        lambda db: (10 * np.log10((10 ** (db.astype(np.float64) / 10)).astype(np.float32))).astype(np.float32),
        lambda db: (20 * np.log10((10 ** (db / 20)).astype(np.float32))).astype(np.float32),
        lambda db: np.rint(db * 100).astype(np.float32) / 100,
        lambda db: np.rint(db * 10).astype(np.float32) / 10,
    ],
    ids=["power and back", "amplitude and back", "dB x 100", "dB x 10"],
)
def test_rounding_hides_no_chip(tmp_path: Path, rounded: Callable[[npt.NDArray[np.float32]], object]) -> None:
    chip = stored(tmp_path, backscatter())
    again = replace(chip, vv=rounded(chip.vv), vh=rounded(chip.vh))
    assert content_of(again).digest != content_of(chip).digest
    assert like(content_of(again), content_of(chip))


def test_a_few_more_pixels_without_data_hide_no_chip_and_many_do(tmp_path: Path) -> None:
    chip = stored(tmp_path, backscatter())
    for edge, same in ((5, True), (40, False)):
        valid = chip.valid.copy()
        valid[:, :edge] = False
        masked = replace(chip, valid=valid)
        assert like(content_of(masked), content_of(chip)) is same, edge


def test_the_same_place_on_another_day_is_another_picture(tmp_path: Path) -> None:
    chip = stored(tmp_path / "a", backscatter(seed=0))
    other = stored(tmp_path / "b", backscatter(seed=1))  # the same lake, other speckle
    assert not like(content_of(chip), content_of(other))
    moved = replace(chip, vv=np.roll(chip.vv, 1, axis=1), vh=np.roll(chip.vh, 1, axis=1))
    assert not like(content_of(chip), content_of(moved))  # its place tells


def test_a_plain_is_like_nothing_and_a_chip_without_data_has_a_content(tmp_path: Path) -> None:
    chip = stored(tmp_path, backscatter())
    flat = content_of(replace(chip, vv=np.full_like(chip.vv, -15), vh=np.full_like(chip.vh, -15)))
    nearly = content_of(replace(chip, vv=np.full_like(chip.vv, -15.01), vh=np.full_like(chip.vh, -15)))
    assert not like(flat, nearly)
    empty = content_of(replace(chip, valid=np.zeros_like(chip.valid)))
    assert set(empty.array.ravel()) == {NO_DATA}
    assert not like(empty, empty)
    assert content_of(replace(chip, valid=np.zeros_like(chip.valid))) == empty


def test_what_stands_at_pixels_without_data_and_the_label_do_not_count(tmp_path: Path) -> None:
    chip = stored(tmp_path, backscatter())
    valid = chip.valid.copy()
    valid[:9] = False
    one, other = replace(chip, valid=valid), replace(chip, valid=valid, vv=np.where(valid, chip.vv, 7.0), label=None)
    assert content_of(one) == content_of(other)


@pytest.mark.parametrize(
    ("digest", "samples"), [("x" * 32, bytes(144)), ("0" * 32, bytes(143)), ("0" * 31, bytes(144))]
)
def test_a_content_that_is_none_is_refused(digest: str, samples: bytes) -> None:
    with pytest.raises(ValueError, match="no content"):
        Content(digest, samples)
