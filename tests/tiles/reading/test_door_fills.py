"""Areas that a tool has filled with one pair of numbers are no water, whatever the numbers; calm water is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from door_files import VH, VV

from tests.tiles.chips import write_tiff
from tiles.catalog.catalog import open_catalog
from tiles.chip import Asset, Chip, ChipRecord
from tiles.reading.border import find_fills
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

Array = np.ndarray[Any, Any]
CORNER = np.add.outer(np.arange(48), np.arange(48)) < 18
HOLE = np.zeros((48, 48), dtype=bool)
HOLE[20:29, 30:39] = True


def read(path: Path, vv: Array, vh: Array, **profile: Any) -> Chip:
    image = Asset(str(write_tiff(path / "image.tif", vv, vh, names=("VV", "VH"), **profile)))
    return read_chip(ChipRecord("x", vv=image, vh=image))


def filled(where: Array, number: float, *bands: Array) -> list[Array]:
    return [np.where(where, np.asarray(number, band.dtype), band) for band in bands]


POWER = tuple((10 ** (band / 10)).astype(np.float32) for band in (VV, VH))
TENTHS = tuple(np.round(band * 10).astype(np.int16) for band in (VV, VH))
BYTES = tuple(np.clip(np.round((band + 50) / 0.2), 0, 255).astype(np.uint8) for band in (VV, VH))


@pytest.mark.parametrize("where", [CORNER, HOLE, CORNER | HOLE], ids=["a corner", "a hole", "both"])
@pytest.mark.parametrize(
    ("bands", "number", "profile"),
    [
        ((VV, VH), -30.0, {}),
        ((VV, VH), -35.0, {}),
        (POWER, 1e-3, {}),
        (TENTHS, -300, {}),
        (BYTES, 0, {"scale": 0.2, "offset": -50.0}),
    ],
    ids=["dB", "dB below all", "power", "dB times 10", "bytes with a scale"],
)
def test_what_is_filled_is_no_data_and_told(
    tmp_path: Path, where: Array, bands: tuple[Array, Array], number: float, profile: dict[str, Any]
) -> None:
    chip = read(tmp_path, *filled(where, number, *bands), **profile)
    assert not chip.valid[where].any() and chip.valid[~where].all()
    share = f"{100 * where.mean():.2g} % of the image holds VV "
    assert any(share in note and "as a tool fills" in note for note in chip.notes), chip.notes


def test_a_fill_of_most_of_an_image_does_not_decide_its_unit(tmp_path: Path) -> None:
    most = np.ones((48, 48), dtype=bool)
    most[10:30, 10:40] = False
    chip = read(tmp_path, *filled(most, 2.0, VV, VH))
    np.testing.assert_array_equal(chip.valid, ~most)


def test_an_image_that_someone_has_drawn_of_areas_is_left_as_it_is(tmp_path: Path) -> None:
    flat = np.full((48, 48), -8, np.float32)
    for number, drawn in ((-8.0, CORNER), (-20.0, HOLE)):
        chip = read(tmp_path, *filled(drawn, number, flat, flat - 7))
        assert chip.valid.all() and chip.notes == ()


def test_calm_water_of_a_picture_that_is_cut_off_at_its_dark_end_is_left_as_it_is(tmp_path: Path) -> None:
    calm = np.zeros((48, 48), dtype=bool)
    calm[8:40, 8:40] = True
    rng = np.random.default_rng(3)
    vv, vh = (band - 6 * calm + rng.normal(0, 1, band.shape) for band in (VV, VH))
    pictures = [
        np.clip(np.round((band - low) / 0.1), 0, 255).astype(np.uint8) for band, low in ((vv, -24.0), (vh, -30.0))
    ]
    chip = read(tmp_path, *pictures, scale=0.1, offset=-24.0)
    both = (pictures[0] == 0) & (pictures[1] == 0)
    assert both.sum() > 200, "the picture holds one pair of numbers over most of the lake"
    assert chip.valid[both].all() and not any("as a tool fills" in note for note in chip.notes)


@pytest.mark.parametrize("times", [2, 8, 12])
def test_an_enlarged_image_is_not_filled(tmp_path: Path, times: int) -> None:
    chip = read(tmp_path, *(np.kron(band, np.ones((times, times), dtype=np.float32)) for band in (VV, VH)))
    assert chip.valid.all()


def test_one_band_that_is_constant_is_no_fill_of_both() -> None:
    assert find_fills([(np.where(HOLE, -30, VV), VH, np.ones((48, 48), bool))]) == ()


def test_no_real_chip_is_filled_but_the_white_corners_of_etci_2021(real_data: Path) -> None:
    told: dict[str, set[str]] = {}
    for source in ("sen1floods11", "drivendata", "etci2021", "dfc2024", "oder2024/pre", "oder2024/post"):
        if not (real_data / source).is_dir():
            continue
        records = open_catalog([real_data / source]).usable()
        for record in records[:: 4 if len(records) > 100 else 1]:
            chip = read_chip(record, with_label=False)
            if any("as a tool fills" in note for note in chip.notes):
                told.setdefault(source, set()).add(record.id)
    assert set(told) <= {"etci2021"} and len(told.get("etci2021", ())) <= 6
