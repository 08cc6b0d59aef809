"""The unit of VV and VH: said, tagged, named, or told by the numbers alone; contradiction is refused, doubt is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chips import write_tiff
from door_files import (
    DARK_VH,
    DARK_VV,
    VH,
    VV,
    Array,
    amplitude,
    power,
    read_files,
    read_pair,
    say_unit,
    sentences,
    whole,
)

from tiles.answers import Answers
from tiles.errors import BandError, ChipError, UnitError

CONVERT: dict[str, tuple[Callable[[Array], Array], float]] = {
    "power": (power, 1e-4),
    "amplitude": (amplitude, 1e-4),
    "dB times 10": (lambda band: whole(band, 10), 0.051),
    "dB times 100": (lambda band: whole(band, 100), 0.0051),
}
ASK = "(--units power or --units amplitude)"


def close(chip: Any, vv: Array, vh: Array, atol: float = 1e-4) -> None:
    assert chip.valid.all()
    np.testing.assert_allclose(chip.vv, vv, atol=atol)
    np.testing.assert_allclose(chip.vh, vh, atol=atol)


def test_db_is_taken_as_it_is_and_nothing_is_told(tmp_path: Path) -> None:
    chip = read_pair(tmp_path, VV, VH)
    close(chip, VV, VH, 0)
    assert (chip.notes, sentences(chip, "unit")) == ((), ["VV and VH are dB (by its values)."])


@pytest.mark.parametrize("unit", CONVERT)
def test_a_unit_that_alone_fits_the_numbers_is_taken_and_told(tmp_path: Path, unit: str) -> None:
    change, atol = CONVERT[unit]
    chip = read_pair(tmp_path, change(VV), change(VH))
    close(chip, VV, VH, atol)
    (note,) = chip.notes
    assert unit in note and ("--units says otherwise" in note or "alone" in note)


@pytest.mark.parametrize("times", [10, 100])
def test_a_tag_of_the_factor_is_named_among_the_grounds(tmp_path: Path, times: int) -> None:
    chip = read_pair(tmp_path, whole(VV, times), whole(VH, times), tags={"scale_factor": str(1 / times)})
    close(chip, VV, VH, 0.6 / times)
    assert "as its tag scale_factor says" in chip.notes[0]


def test_numbers_that_two_units_fit_are_asked_and_each_answer_decides(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match=re.escape(ASK)):
        read_pair(tmp_path, amplitude(DARK_VV), amplitude(DARK_VH))
    as_amplitude = read_pair(tmp_path, amplitude(DARK_VV), amplitude(DARK_VH), answers=Answers("amplitude"))
    close(as_amplitude, DARK_VV, DARK_VH)
    as_power = read_pair(tmp_path, amplitude(DARK_VV), amplitude(DARK_VH), answers=Answers("power"))
    close(as_power, DARK_VV / 2, DARK_VH / 2)
    assert "(as you said)" in sentences(as_power, "unit")[0]


@pytest.mark.parametrize("unit", ["power", "amplitude"])
@pytest.mark.parametrize(
    "said",
    [
        lambda unit: {"units": {"power": "linear power", "amplitude": "amplitude"}[unit]},
        lambda unit: {"units": {"power": "intensity", "amplitude": "Magnitude"}[unit]},
        lambda unit: {"names": {"power": "Linear", "amplitude": "amp"}[unit]},
        lambda unit: {"tags": {"UNITS": unit}},
        lambda unit: {"tags": {"BACKSCATTER_UNITS": unit.upper()}},
        lambda unit: {"tags": {"scale": unit}},
        lambda unit: {"band_tags": {"unit": unit}},
    ],
    ids=["GDAL's unit", "another word of it", "the description", "a tag", "a longer tag", "a scale", "a band's tag"],
)
def test_what_a_file_says_of_its_unit_decides_where_its_numbers_do_not(
    tmp_path: Path, unit: str, said: Callable[[str], dict[str, Any]]
) -> None:
    paths = []
    for name, band in (("vv", DARK_VV), ("vh", DARK_VH)):
        path = write_tiff(tmp_path / f"x_{name}.tif", amplitude(band))
        paths.append(say_unit(path, **said(unit)))
    chip = read_files(*paths)
    half = 2 if unit == "power" else 1
    close(chip, DARK_VV / half, DARK_VH / half)
    assert "(by the file's tags)" in sentences(chip, "unit")[0]


@pytest.mark.parametrize(
    ("stem", "unit"),
    [
        ("S1A_IW_20190805T132800_DVP_RTC30_G_gpuned_FD6A_{}", "power"),
        ("S1B_IW_20190805T132800_DVR_RTC10_G_saufem_0B1C_{}", "amplitude"),
        ("OPERA_L2_RTC-S1_T034-071100-IW3_20211212T002833Z_20230929T210202Z_S1B_30_v1.0_{}", "power"),
        ("S1A_IW_GRDH_1SDV_20190805T132800_20190805T132825_028440_0336D8_iw-{}.rtc", "power"),
        ("flood_linear_{}", "power"),
        ("flood-amplitude-{}", "amplitude"),
        ("Amplitude_{}", "amplitude"),
        ("Intensity_{}", "power"),
    ],
)
def test_a_products_name_decides_where_the_numbers_do_not(tmp_path: Path, stem: str, unit: str) -> None:
    bands = {name: amplitude(band) for name, band in (("VV", DARK_VV), ("VH", DARK_VH))}
    paths = [write_tiff(tmp_path / f"{stem.format(name)}.tif", band) for name, band in bands.items()]
    chip = read_files(*paths)
    half = 2 if unit == "power" else 1
    close(chip, DARK_VV / half, DARK_VH / half)
    assert "(by its name)" in sentences(chip, "unit")[0]


@pytest.mark.parametrize(
    "stem",
    ["S1A_IW_20190805T132800_DVP_RTC30_G_gdunem_FD6A_{}", "S1A_20190805_{}_db", "Sigma0_{}_dB", "x_{}_decibels"],
)
def test_db_that_a_name_says_is_db(tmp_path: Path, stem: str) -> None:
    paths = [write_tiff(tmp_path / f"{stem.format(n)}.tif", band) for n, band in (("VV", VV), ("VH", VH))]
    chip = read_files(*paths)
    close(chip, VV, VH, 0)
    assert (chip.notes, "(by its name)" in sentences(chip, "unit")[0]) == ((), True)


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        (("Sigma0_VV", "Sigma0_VH"), "power"),
        (("Sigma0_VV_db", "Sigma0_VH_db"), "db"),
        (("Gamma0_VV_dB", "Gamma0_VH_dB"), "db"),
        (("Amplitude_VV", "Amplitude_VH"), "amplitude"),
        (("Intensity_VV", "Intensity_VH"), "power"),
        (("VV", "VH"), "db"),
    ],
)
def test_snaps_and_earth_engines_bands_are_read_in_their_unit(
    tmp_path: Path, names: tuple[str, str], unit: str
) -> None:
    change: Callable[[Array], Array] = {"power": power, "amplitude": amplitude, "db": lambda band: band}[unit]
    close(read_files(write_tiff(tmp_path / "x.tif", change(VV), change(VH), names=names)), VV, VH)


def test_a_name_of_power_over_negative_numbers_is_db_and_told(tmp_path: Path) -> None:
    chip = read_pair(tmp_path, VV, VH, "S1A_IW_20190805T132800_DVP_RTC30_G_gpuned_FD6A")
    close(chip, VV, VH, 0)
    assert "named like a product of HyP3 RTC, which is in linear power" in chip.notes[0].replace("It is", "it is")
    assert "read as dB" in chip.notes[0]


@pytest.mark.parametrize("unit", ["power", "amplitude"])
def test_an_answer_that_the_numbers_contradict_is_refused_and_the_advice_works(tmp_path: Path, unit: str) -> None:
    with pytest.raises(UnitError, match=f"no (linear )?{unit}, though --units {unit}.*--units db"):
        read_pair(tmp_path, VV, VH, answers=Answers(unit))  # type: ignore[arg-type]
    close(read_pair(tmp_path, VV, VH, answers=Answers("db")), VV, VH, 0)


def test_an_answer_of_db_over_power_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match="no dB, though --units db"):
        read_pair(tmp_path, power(VV), power(VH), answers=Answers("db"))


def test_a_tag_that_the_numbers_contradict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match="no linear power, though its tag UNITS is power"):
        read_pair(tmp_path, VV, VH, tags={"UNITS": "power"})


def test_two_bands_of_two_units_are_refused(tmp_path: Path) -> None:
    vv = write_tiff(tmp_path / "x_vv.tif", VV, tags={"UNITS": "dB"})
    vh = write_tiff(tmp_path / "x_vh.tif", power(VH), tags={"UNITS": "power"})
    with pytest.raises(UnitError, match="said to be of two units"):
        read_files(vv, vh)
    silent = [write_tiff(tmp_path / "y_vv.tif", VV), write_tiff(tmp_path / "y_vh.tif", power(VH))]
    with pytest.raises(UnitError, match="one may be in dB and the other not"):
        read_files(*silent)


def test_half_db_is_taken_and_told_as_unusual(tmp_path: Path) -> None:
    chip = read_pair(tmp_path, VV / 2, VH / 2)
    close(chip, VV / 2, VH / 2)
    assert "unusual" in chip.notes[0] and "check that the unit is right" in chip.notes[0]


def standard(band: Array) -> Array:
    return np.asarray((band - band.mean()) / band.std())


REFUSED: dict[str, tuple[Array, Array, str]] = {
    "dB times 10 as floats": (VV * 10, VH * 10, "divide them by 10"),
    "dB times 100 as floats": (VV * 100, VH * 100, "divide them by 100"),
    "standardised": (standard(VV), standard(VH), "both sides of 0"),
    "a difference of two dates": (VV - VV[::-1], VH - VH[::-1], "differences"),
    "a small loss of signal": (VV * 0.02, VH * 0.02, "no backscatter in dB"),
    "normalised to 0..1": ((VV + 30) / 30, (VH + 30) / 30, "values normalised to 0..1, which cannot be used"),
    "normalised to -1..0": ((VV - 1) / 35, (VH - 1) / 35, "no backscatter in dB"),
    "digital numbers": (amplitude(VV) * 500, amplitude(VH) * 500, "digital numbers"),
    "whole positive numbers": (
        (amplitude(VV) * 500).astype(np.int16),
        (amplitude(VH) * 500).astype(np.int16),
        "whole positive numbers",
    ),
    "unsigned numbers": (
        (amplitude(VV) * 500).astype(np.uint16),
        (amplitude(VH) * 500).astype(np.uint16),
        "uint16 digital numbers",
    ),
    "amplitude with phase": (VV.astype(np.complex64), VH.astype(np.complex64), "complex64"),
    "a 0..255 picture": (VV * 5 + 200, VH * 5 + 200, "like digital numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_backscatter_is_refused(tmp_path: Path, name: str) -> None:
    vv, vh, words = REFUSED[name]
    with pytest.raises(UnitError, match=re.escape(words)):
        read_pair(tmp_path, vv.astype(vv.dtype if vv.dtype.kind != "f" else np.float32), vh.astype(vh.dtype))


@pytest.mark.parametrize("change", [lambda b: b, power, amplitude], ids=["dB", "power", "amplitude"])
def test_bands_that_are_exchanged_are_refused_and_the_advice_works(
    tmp_path: Path, change: Callable[[Array], Array]
) -> None:
    path = write_tiff(tmp_path / "x.tif", change(VH), change(VV))
    with pytest.raises(BandError, match=r"seem to be VH, VV.*\(--bands VH,VV\)"):
        read_files(path)
    close(read_files(path, answers=Answers(bands=("VH", "VV"))), VV, VH)


def test_the_same_numbers_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BandError, match="the same numbers in VV and VH"):
        read_pair(tmp_path, VV, VV)


def test_power_of_zero_is_a_fill_value_and_negative_power_is_the_noise_floor(tmp_path: Path) -> None:
    vv, vh = power(VV), power(VH)
    vv[:3] = 0
    vh[10, 10:20] = -1e-5  # what is left of water where the thermal noise was taken off
    chip = read_pair(tmp_path, vv, vh)
    assert not chip.valid[:3].any() and chip.valid[3:].all()
    np.testing.assert_allclose(chip.vh[10, 10:20], -50)


def test_a_scale_is_followed_and_a_rare_one_is_told(tmp_path: Path) -> None:
    usual = read_pair(tmp_path, whole(VV, 100), whole(VH, 100), "usual", scale=0.01)
    close(usual, VV, VH, 0.0051)
    assert (usual.notes, "(VV x 0.01, VH x 0.01)" in sentences(usual, "unit")[0]) == ((), True)
    stored = [np.clip(np.round((band + 35) * 7), 1, 255).astype(np.uint8) for band in (VV, VH)]
    rare = read_pair(tmp_path, stored[0], stored[1], "rare", scale=1 / 7, offset=-35.0)
    close(rare, VV, VH, 0.072)
    assert "unpacked as the file says (VV x 0.142857 - 35" in rare.notes[0]


def test_no_tag_or_name_makes_another_unit_of_power_without_a_word(tmp_path: Path) -> None:
    """Power with each wrong thing said of it is read as power, or refused; never as anything else in silence."""
    for number, (said, tags) in enumerate(
        (said, tags)
        for said in ("x", "x_db", "x_amplitude", "x_linear")
        for tags in ({}, {"UNITS": "dB"}, {"UNITS": "amplitude"}, {"UNITS": "power"}, {"scale_factor": "0.01"})
    ):
        try:
            chip = read_pair(tmp_path / str(number), power(VV), power(VH), said, tags=tags)
        except ChipError:
            continue
        if not np.allclose(chip.vh, VH, atol=1e-4):
            assert chip.notes, (said, tags)
