"""Which band is VV and which VH: by every way of describing bands; what is something else is refused, silence is told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from chips import write_tiff
from door_files import VH, VV, read_files, read_pair, sentences, write_snap
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tiles.answers import NOTHING_SAID, Answers
from tiles.errors import BandError
from tiles.reading.bands import meaning, two_bands
from tiles.reading.raster import RasterInfo, read_info

OTHER = VV[::-1] - 20
"""What else a file may hold: a band that is neither VV nor VH."""


@pytest.mark.parametrize(
    "names",
    [
        ("VV", "VH"),
        ("vv", "vh"),
        ("VH", "VV"),
        ("Sigma0_VV_db", "Sigma0_VH_db"),
        ("SigmaVV", "SigmaVH"),
        ("gamma0-vh", "gamma0-vv"),
        ("VV polarisation", "VH polarisation"),
        ("S1_20190805_VH", "S1_20190805_VV"),
        ("b1: VV", "b2: VH"),
        ("VVdB", "VHdB"),
        ("VV_1", "VH_1"),
        ("backscatter (VH)", "backscatter (VV)"),
    ],
)
def test_bands_that_say_what_they_are_are_found_in_either_order(tmp_path: Path, names: tuple[str, str]) -> None:
    first = "vv" in names[0].lower()
    chip = read_files(write_tiff(tmp_path / "x.tif", *((VV, VH) if first else (VH, VV)), names=names))
    np.testing.assert_array_equal(chip.vv, VV)
    np.testing.assert_array_equal(chip.vh, VH)
    assert chip.notes == ()
    assert sentences(chip, "bands")[0].endswith("(by the file's tags).")


@pytest.mark.parametrize(
    "names",
    [
        ("VV", "VH", "angle"),
        ("angle", "VV", "VH"),
        ("VH", "incidenceAngle", "VV"),
        ("VV", "VH", "VV/VH ratio"),
        ("VV", "VH", "VV_VH_diff"),
        ("localIncidenceAngle", "Sigma0_VV_db", "Sigma0_VH_db"),
        ("VV", "VH", "layoverShadowMask"),
        ("VV", "VH", "DEM"),
        ("VV", "VV_stdDev", "VH"),
        ("VV_mask", "VV", "VH"),
        ("VV", "VH", "HH"),
        ("VV", "VH", ""),
    ],
)
def test_what_lies_beside_vv_and_vh_is_left_aside(tmp_path: Path, names: tuple[str, ...]) -> None:
    def band(name: str) -> Any:
        plain = re.fullmatch(r"(?:Sigma0_)?(VV|VH)(?:_db)?", name)
        return OTHER if plain is None else VV if plain[1] == "VV" else VH

    chip = read_files(write_tiff(tmp_path / "x.tif", *(band(name) for name in names), names=names))
    np.testing.assert_array_equal(chip.vv, VV)
    np.testing.assert_array_equal(chip.vh, VH)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("HH", "HV"), "polarization HH and HV"),
        (("hv", "hh"), "polarization HH and HV"),
        (("HH", "VV"), "polarization HH"),
        (("Sigma0_HH_db", "Sigma0_HV_db"), "polarization HH and HV"),
        (("sigmaHH", "sigmaHV"), "polarization HH and HV"),
        (("HH", ""), "polarization HH"),
        (("VV", "VV"), "2 bands described as VV, VV"),
        (("VH", "VH"), "2 bands described as VH, VH"),
        (("VV", "angle"), "VV, angle"),
        (("VV", "VV/VH"), "VV, VV/VH"),
        (("VV/VH", "VH"), "VV/VH, VH"),
        (("VV_ratio", "VH_ratio"), "VV_ratio, VH_ratio"),
        (("coherence VV", "coherence VH"), "coherence VV"),
        (("cohVV", "cohVH"), "cohVV"),
        (("VV_i", "VV_q"), "VV_i, VV_q"),
        (("i_VV", "q_VV"), "i_VV"),
        (("VV_change", "VH_change"), "VV_change"),
        (("deltaVV", "deltaVH"), "deltaVV"),
        (("VV_std", "VH_std"), "VV_std"),
        (("VV", ""), "VV, (no name)"),
        (("", "VH"), "(no name), VH"),
        (("entropy", "alpha"), "entropy, alpha"),
        (("elevation", "slope"), "elevation, slope"),
        (("flooded", "dry"), "flooded, dry"),
        (("VV", "VH", "VV"), "VV, VH, VV"),
        (("VV", "VH", "VV", "VH"), "VV, VH, VV, VH"),
        (("pre_VV", "pre_VH", "post_VV", "post_VH"), "pre_VV"),
        (("", "", ""), "3 bands"),
        (("Band 1", "Band 2", "Band 3", "Band 4"), "4 bands"),
        (("red", "green", "blue"), "red, green, blue"),
    ],
)
def test_what_is_something_else_or_cannot_be_told_is_refused(
    tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    bands = [VV, VH, VV - 1, VH - 1][: len(names)]
    with pytest.raises(BandError, match=re.escape(words)):
        read_files(write_tiff(tmp_path / "x.tif", *bands, names=names))


@pytest.mark.parametrize(
    "names",
    [("VV_20200101", "VV_20200113"), ("VV_coh", "VV_diff"), ("VV", "VV/VH"), ("VV", "angle"), ("VV", "VV", "VV_std")],
)
def test_what_cannot_be_vv_and_vh_gets_no_advice_to_say_so(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = write_tiff(tmp_path / "x.tif", *[VV, VH, OTHER][: len(names)], names=names)
    said = ("VV", "VH", "-")[: len(names)]
    for answers in (NOTHING_SAID, Answers(bands=said)):
        with pytest.raises(BandError) as refused:
            read_files(path, answers=answers)
        assert "--bands" not in str(refused.value)


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        (("angle", "a", "b"), "-,VV,VH"),
        (("a", "VV"), "VH,VV"),
        (("VV_1", "VV_2", "x"), "VV,-,VH"),
        (("VH", "x"), "VH,VV"),
    ],
)
def test_the_advice_follows_what_the_names_leave_open(tmp_path: Path, names: tuple[str, ...], answer: str) -> None:
    with pytest.raises(BandError, match=re.escape(f"(--bands {answer})")):
        read_files(write_tiff(tmp_path / "x.tif", *[VV, VH, OTHER][: len(names)], names=names))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_answer_that_a_refusal_proposes_works(tmp_path: Path, count: int) -> None:
    path = write_tiff(tmp_path / "x.tif", VV, VH, *[OTHER] * (count - 2), names=("first", "second"))
    with pytest.raises(BandError) as refused:
        read_files(path)
    proposed = re.search(r"--bands (\S+)\)", str(refused.value))
    assert proposed is not None
    chip = read_files(path, answers=Answers(bands=tuple(proposed[1].split(","))))
    np.testing.assert_array_equal(chip.vv, VV)
    assert "(as you said)" in sentences(chip, "bands")[0]


def test_an_answer_that_names_more_or_fewer_bands_is_refused(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "x.tif", VV, VH, OTHER)
    with pytest.raises(BandError, match="3 bands, and --bands names 2"):
        read_files(path, answers=Answers(bands=("VV", "VH")))


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("", ""),
        ("Band 1", "Band 2"),
        ("band_data", "band_data"),
        ("Layer_1", "Layer_2"),
        ("gray", "b2"),
        ("1", "2"),
    ],
)
def test_two_bands_without_a_meaning_are_vv_and_vh_and_told(tmp_path: Path, names: tuple[str, ...]) -> None:
    chip = read_files(write_tiff(tmp_path / "x.tif", VV, VH, names=names))
    np.testing.assert_array_equal(chip.vv, VV)
    assert "the first is taken for VV" in chip.notes[0] and "--bands says otherwise" in chip.notes[0]


def test_the_name_of_a_file_says_hh_where_its_bands_say_nothing(tmp_path: Path) -> None:
    with pytest.raises(BandError, match="polarization HH"):
        read_files(write_tiff(tmp_path / "scene_hh.tif", VV, VH))


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("VH", "described as VH"),
        ("HH", "described as HH"),
        ("incidence angle", "described as incidence angle"),
        ("VV/VH", "described as VV/VH"),
        ("VV_coherence", "described as VV_coherence"),
    ],
)
def test_a_file_whose_band_contradicts_its_name_is_refused(tmp_path: Path, description: str, words: str) -> None:
    vv = write_tiff(tmp_path / "x_vv.tif", VV, names=(description,))
    vh = write_tiff(tmp_path / "x_vh.tif", VH)
    with pytest.raises(BandError, match=re.escape(words)):
        read_files(vv, vh)


@pytest.mark.parametrize("description", ["", "VV", "Sigma0_VV_db", "Band 1", "sigma0", "any words"])
def test_a_file_whose_band_says_the_same_or_nothing_is_taken(tmp_path: Path, description: str) -> None:
    chip = read_pair(tmp_path, VV, VH)
    assert chip.valid.all()
    vv = write_tiff(tmp_path / "y_vv.tif", VV, names=(description,))
    assert read_files(vv, tmp_path / "x_vh.tif").valid.all()


# --- no description but a meaningless one is assumed ---------------------------------------------------------------------
_EMPTY = """the raster sar band bands b layer layers channel channels data banddata array value values image images img grey gray
grayscale greyscale undefined unnamed untitled unknown none null nan na red green blue s sentinel backscatter sigma gamma nought
db decibel decibels intensity power"""
_SAID = """VV VH HH HV vv vh VVdB angle incidence ratio diff change coherence mask flood water pre post mean std VV/VH Band band
layer 1 2 data sigma0 gamma0 Sigma0 db dB intensity amplitude linear DEM slope lat i q red b1 null LIA phase dualpol co cross pol
ascending 20190805 sar s1 S1A water_mask NDPI the"""
WORDS = st.sampled_from(_SAID.split())
DESCRIPTIONS = (
    st.lists(st.tuples(WORDS, st.sampled_from([" ", "_", "-", "", ":", "/"])), min_size=1, max_size=4).map(
        lambda parts: "".join(word + mark for word, mark in parts)
    )
    | st.text(max_size=12)
    | st.sampled_from(["", "Band 1", "VV", "VH"])
)


def says_nothing(description: str) -> bool:
    """Return whether every word of a description is one that is in no way of backscatter's meaning; not the door's own rule."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", description.replace("dB", "db"))
    words = re.findall(r"[^\W\d_]+", apart)
    others = re.sub(r"[\w\s:#-]", "", description)
    return not others and all(word.lower() in _EMPTY.split() for word in words)


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> RasterInfo:
    return read_info(str(write_tiff(tmp_path_factory.mktemp("header") / "image.tif", VV, VH)))


@settings(deadline=None)
@given(DESCRIPTIONS, DESCRIPTIONS)
@example("incidence", "angle")
@example("cross-pol", "co-pol")
@example("1/2", "2/1")
@example("VV", "two\nlines")
@example("VV VHVV ", "VH")
def test_no_description_that_means_something_is_taken_for_silence(header: RasterInfo, one: str, two: str) -> None:
    try:
        vv, vh, decision = two_bands(replace(header, descriptions=(one, two)), NOTHING_SAID)
    except BandError as error:
        assert str(error).isprintable()
        return
    assert {vv.band, vh.band} == {1, 2}
    if decision.basis == "assumed":
        assert decision.told and (vv.band, vh.band) == (1, 2)
        assert says_nothing(one) and says_nothing(two), (one, two)
    else:
        named = {1: one.lower(), 2: two.lower()}
        assert "vv" in named[vv.band] and "vh" in named[vh.band]
        assert not any(re.search("hh|hv", re.sub("v[vh]", " ", text)) for text in named.values())


@pytest.mark.parametrize(
    ("name", "polarization", "other", "unit"),
    [
        ("Sigma0_VV_db", "VV", None, "db"),
        ("SigmaVhDb", "VH", None, "db"),
        ("Amplitude_VH", "VH", None, "amplitude"),
        ("Intensity VV", "VV", None, "power"),
        ("VV/VH", None, "VH and VV", None),
        ("localIncidenceAngle", None, "incidence", None),
        ("VV coherence", "VV", "coherence", None),
        ("levv", None, None, None),
        ("vhs", None, None, None),
    ],
)
def test_what_a_name_means(name: str, polarization: str | None, other: str | None, unit: str | None) -> None:
    said = meaning(name)
    assert (said.polarization, said.other, said.unit, said.meaningless) == (polarization, other, unit, False)


# --- SNAP: the bands' names stand in a tag of its own --------------------------------------------------------------------
SNAP = [(0, "Sigma0_VH_db"), (1, "Sigma0_VV_db")]


def test_snaps_names_are_read_from_its_own_tag(tmp_path: Path) -> None:
    path = write_snap(tmp_path / "x.tif", VH, VV, names=SNAP)
    assert read_info(str(path)).descriptions == ("Sigma0_VH_db", "Sigma0_VV_db")
    chip = read_files(path)
    np.testing.assert_array_equal(chip.vv, VV)
    assert chip.notes == ()


def test_of_snaps_four_bands_the_calibrated_ones_are_taken(tmp_path: Path) -> None:
    names = ["Amplitude_VH", "Intensity_VH", "Amplitude_VV", "Intensity_VV", "Sigma0_VH", "Sigma0_VV"]
    power = [(10 ** (band / 10)).astype(np.float32) for band in (VH, VV)]
    bands = [*[band * 1e5 for band in (power[0], power[0], power[1], power[1])], *power]
    chip = read_files(write_snap(tmp_path / "x.tif", *bands, names=list(enumerate(names))))
    np.testing.assert_allclose(chip.vv, VV, atol=1e-4)
    assert (
        "band 6" in sentences(chip, "bands")[0].lower()
        and "the calibrated ones of several" in sentences(chip, "bands")[0]
    )


def test_of_snaps_bands_in_db_and_linear_the_ones_in_db_are_taken(tmp_path: Path) -> None:
    names = ["Sigma0_VH", "Sigma0_VV", "Sigma0_VH_db", "Sigma0_VV_db"]
    power = [(10 ** (band / 10)).astype(np.float32) for band in (VH, VV)]
    chip = read_files(write_snap(tmp_path / "x.tif", *power, VH, VV, names=list(enumerate(names))))
    np.testing.assert_array_equal(chip.vh, VH)
    assert "the ones in dB of several" in sentences(chip, "bands")[0]


def test_a_name_in_snaps_tag_is_unescaped(tmp_path: Path) -> None:
    path = write_snap(tmp_path / "x.tif", VH, VV, names=[(0, "VH &lt;dB&gt;"), (1, "VV &amp; more")])
    assert read_info(str(path)).descriptions == ("VH <dB>", "VV & more")


@pytest.mark.parametrize(
    "tag",
    [
        {"names": [(0, "VH")]},
        {"names": [(1, "VH"), (2, "VV")]},
        {"names": [(0, "VH"), (0, "VV")]},
        {"names": [("one", "VH"), (1, "VV")]},
        {"names": [(-1, "VH"), (0, "VV")]},
        {"names": [(0, ""), (1, "VV")]},
        {"names": [(0, "x" * 300), (1, "VV")]},
        {"names": [(0, "VH"), (1, "VV"), (2, "angle")]},
        {"names": SNAP, "kind": 7},
        {"names": SNAP, "size": 0},
        {"names": SNAP, "size": 2**32 - 1},
        {"names": SNAP, "offset": 2**32 - 1},
        {"text": b"no XML at all\0"},
        {"text": b"<Dimap_Document><Spectral_Band_Info><BAND_INDEX>0</BAND_INDEX>\0"},
        {"text": b"<Dimap_Document>" + bytes(range(256)) * 4},
    ],
    ids=str,
)
def test_a_tag_that_is_damaged_or_does_not_fit_says_nothing(tmp_path: Path, tag: dict[str, Any]) -> None:
    path = write_snap(tmp_path / "x.tif", VV, VH, **tag)
    assert read_info(str(path)).descriptions == (None, None)
    assert "the first is taken for VV" in read_files(path).notes[0]


def test_descriptions_go_before_snaps_tag(tmp_path: Path) -> None:
    path = write_snap(tmp_path / "x.tif", VV, VH, names=SNAP)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("VV", "VH")
    np.testing.assert_array_equal(read_files(path).vv, VV)
