"""Border noise of older products: left out and told where it lies; dark water stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from door_files import VH, VV, read_pair, real_chips

from tiles.reading.border import border_noise

NOISE = np.random.default_rng(7).normal(-55, 9, VV.shape).astype(np.float32)
"""A fringe as products before 2018 have it: far below any sea, scattering around -40 dB at its upper end."""
WIDE = 6


def fringe(*sides: str, width: int = WIDE) -> np.ndarray:
    where = np.zeros(VV.shape, dtype=np.bool_)
    for side in sides:
        part = {"top": np.s_[:width], "bottom": np.s_[-width:], "left": np.s_[:, :width], "right": np.s_[:, -width:]}
        where[part[side]] = True
    return where


CORNER = np.add.outer(np.arange(VV.shape[0]), np.arange(VV.shape[1])) < 14

SPECKLE = np.random.default_rng(4).normal(0, 0.3, VV.shape).astype(np.float32)
PLACES = {
    "one side": fringe("top"),
    "two sides": fringe("left", "bottom"),
    "three sides": fringe("left", "top", "right"),
    "all sides": fringe("left", "top", "right", "bottom"),
    "a corner": CORNER,
    "a corner turned": CORNER[::-1, ::-1],
}


@pytest.mark.parametrize("name", PLACES)
def test_a_fringe_is_left_out_and_told(tmp_path: Path, name: str) -> None:
    where = PLACES[name]
    chip = read_pair(tmp_path, np.where(where, NOISE, VV), np.where(where, NOISE - 5, VH))
    assert not (chip.valid & where & (NOISE < -40)).any()
    lost = ~chip.valid & ~where
    inner = {"two sides": 1, "three sides": 2, "all sides": 4}.get(name, 0)  # corners of land with noise around
    assert lost.sum() <= 6 * inner, "land beside the fringe stays"
    assert (~chip.valid)[where].mean() > 0.97
    (note,) = chip.notes
    share = 100 * (~chip.valid).mean()
    assert f"{share:.1f} % of the image, along its edge, is border noise" in note


def test_a_fringe_beside_nodata_is_left_out_too(tmp_path: Path) -> None:
    vv, vh = VV.copy(), VH.copy()
    vv[:, :10] = vh[:, :10] = 0
    vv[:, 10:15], vh[:, 10:15] = NOISE[:, 10:15], NOISE[:, 10:15] - 5
    chip = read_pair(tmp_path, vv, vh)
    assert not chip.valid[:, :10].any() and (~chip.valid[:, 10:15]).mean() > 0.97
    assert chip.valid[:, 15:].all()
    assert "border noise" in chip.notes[0]


def test_a_fringe_that_gaps_without_data_part_is_left_out_too() -> None:
    vv, valid = VV.copy(), np.ones(VV.shape, dtype=np.bool_)
    vv[:, :3] = -46.97  # pieces of three by eight pixels: none is a run of sixteen
    valid[np.arange(VV.shape[0]) // 8 % 2 == 1] = False
    noise = border_noise(vv, valid)
    np.testing.assert_array_equal(noise[:, :3], valid[:, :3])
    assert not noise[:, 3:].any()
    valid[8:] = False  # one such piece alone is too little to tell it from water
    vv[:, :1], vv[:, 1:3] = -46.97, VV[:, 1:3]
    assert not border_noise(vv, valid).any()


def test_a_run_of_noise_that_is_a_few_pixels_long_is_left_out_too() -> None:
    vv, valid = VV.copy(), np.ones(VV.shape, dtype=np.bool_)
    valid[20:, 0] = False  # a mask has left 20 pixels of it
    vv[:, 0] = -46
    noise = border_noise(vv, valid)
    assert noise[:20, 0].all() and not noise[:, 2:].any()


def test_calm_water_at_the_edge_whose_vh_alone_is_dark_is_kept(tmp_path: Path) -> None:
    where = fringe("top", "left")
    chip = read_pair(tmp_path, np.where(where, -24 + SPECKLE, VV), np.where(where, -42 + SPECKLE, VH))
    assert chip.valid.all() and chip.notes == ()


@pytest.mark.parametrize("dark", [-26.0, -30.0, -35.0])
def test_the_calmest_water_at_the_edge_is_kept(tmp_path: Path, dark: float) -> None:
    where = fringe("top")
    chip = read_pair(
        tmp_path,
        np.where(where, dark + SPECKLE, VV).astype(np.float32),
        np.where(where, dark - 3 + SPECKLE, VH).astype(np.float32),
    )
    assert chip.valid.all()


def test_what_is_dark_within_the_image_is_kept(tmp_path: Path) -> None:
    where = np.zeros(VV.shape, dtype=np.bool_)
    where[18:30, 18:30] = True
    chip = read_pair(tmp_path, np.where(where, NOISE, VV), np.where(where, NOISE - 5, VH))
    assert chip.valid.all() and chip.notes == ()


def test_single_dark_pixels_at_the_edge_are_kept(tmp_path: Path) -> None:
    vv = VV.copy()
    vv[0, ::5] = -45
    assert read_pair(tmp_path, vv, VH).valid.all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_image_is_judged_alike(turns: int) -> None:
    for where in PLACES.values():
        vv = np.where(where, NOISE, VV)
        found = border_noise(vv, np.ones_like(where))
        turned = border_noise(np.rot90(vv, turns), np.ones_like(where))
        np.testing.assert_array_equal(np.rot90(found, turns), turned)


def test_the_real_chips_lose_nothing(real_data: Path) -> None:
    chips = real_chips(real_data)
    assert len(chips) >= 16
    for chip in chips:
        assert not any("border noise" in note for note in chip.notes), chip.id
