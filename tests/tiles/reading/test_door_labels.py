"""Truth: every legend that people use is told apart, documented, said, or asked; half a truth is told or refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from chips import lake, write_tiff
from door_files import VH, VV, Array, sentences

from tiles.answers import NOTHING_SAID, Answers, label_values_of
from tiles.chip import LEGENDS, Asset, Chip, ChipRecord
from tiles.reading.door import read_chip
from tiles.reading.labels import OWN_NUMBERS

WATER = lake()
CUT = np.zeros_like(WATER)
CUT[:4] = CUT[30:36, :20] = True
"""Where the truth is not known."""
PLAIN = WATER.astype(np.uint8)


def made(water: float, dry: float, unknown: float | None = None, dtype: str = "float32") -> Array:
    """Return a label in some legend."""
    label = np.where(WATER, water, dry)
    return (label if unknown is None else np.where(CUT, unknown, label)).astype(dtype)


def read(folder: Path, label: Array, said: str | None = None, legend: str | None = None, **profile: object) -> Chip:
    image = Asset(str(write_tiff(folder / "image.tif", VV, VH, names=("VV", "VH"))))
    file = write_tiff(folder / "truth.tif", label, **profile)
    answers = Answers(label_values=label_values_of(said)) if said else NOTHING_SAID
    return read_chip(ChipRecord("x", vv=image, vh=image, label=Asset(str(file)), answers=answers, legend=legend))


def require(chip: Chip, *, cut: bool) -> None:
    assert chip.label_problem is None
    np.testing.assert_array_equal(chip.label, np.where(CUT, 255, PLAIN) if cut else PLAIN)


@pytest.mark.parametrize(
    ("label", "nodata", "cut"),
    [
        (made(1, 0, dtype="uint8"), None, False),
        (made(1, 0, dtype="int32"), None, False),
        (made(1, 0), None, False),
        (made(1, 0, 255, "uint8"), None, True),
        (made(1, 0, 255, "uint8"), 255, True),
        (made(1, 0, -1, "int16"), None, True),
        (made(1, 0, -1, "int8"), -1, True),
        (made(1, 0, np.nan), None, True),
        (made(1, 0, np.nan), np.nan, True),
        (made(1, 0, -9999, "int16"), -9999, True),
        (made(1, 0, 7, "uint8"), 7, True),
        (made(1, 0, np.inf), None, True),
    ],
    ids=str,
)
def test_a_legend_that_can_be_told_is_read_without_a_word(
    tmp_path: Path, label: Array, nodata: float | None, cut: bool
) -> None:
    chip = read(tmp_path, label, nodata=nodata)
    require(chip, cut=cut)
    assert chip.notes == ()
    assert sentences(chip, "truth")[0].startswith("The label is 0 dry, 1 water")


@pytest.mark.parametrize(
    ("label", "words", "answer", "cut"),
    [
        (made(255, 0, dtype="uint8"), "255 may be water, as in a picture, or unknown", "water=255,dry=0", False),
        (made(2, 1, dtype="uint8"), "label value(s) 2", "water=2,dry=1", False),
        (made(2, 1, 0, "uint8"), "label value(s) 2", "water=2,dry=1,unknown=0", True),
        (made(1, 0, 127, "uint8"), "label value(s) 127", "water=1,dry=0,unknown=127", True),
        (made(1, 2, dtype="uint8"), "label value(s) 2", "water=1,dry=2", False),
        (made(100, 50, -5, "int16"), "label value(s) -5, 50, 100", "water=100,dry=50,unknown=-5", True),
        (made(1, 0, -9999, "int16"), "label value(s) -9999", "water=1,dry=0,unknown=-9999", True),
        (made(0.5, 0), "no whole numbers, like a probability", "water=0.5,dry=0", False),
        (made(1, np.nan), "holds one class alone, water", "water=1,dry=nan", False),
    ],
    ids=str,
)
def test_a_legend_that_cannot_be_told_is_asked_and_the_answer_is_right(
    tmp_path: Path, label: Array, words: str, answer: str, cut: bool
) -> None:
    asked = read(tmp_path, label)
    assert asked.label is None and asked.label_problem is not None
    assert asked.label_problem.startswith("The label is not used: ") and words in asked.label_problem
    assert asked.valid.all(), "the image is used all the same"
    chip = read(tmp_path, label, answer)
    require(chip, cut=cut)
    assert "(as you said)" in sentences(chip, "truth")[0] and chip.notes == ()


@pytest.mark.parametrize(
    "label", [made(255, 0, dtype="uint8"), made(2, 1, dtype="uint8"), made(9, 3, 6, "uint8"), made(1, np.nan)], ids=str
)
def test_an_answer_that_a_refusal_proposes_gives_a_label(tmp_path: Path, label: Array) -> None:
    problem = read(tmp_path, label).label_problem or ""
    proposed = re.search(r"--label-values ([^\s,)]+(?:,[a-z]+=[^\s,)]+)*)", problem)
    assert proposed is not None, problem
    chip = read(tmp_path, label, proposed[1])
    assert chip.label is not None
    assert ((chip.label == 1) == WATER).all()


@pytest.mark.parametrize(
    ("label", "advice"),
    [
        (made(1, 0, 127, "uint8"), "water=1,dry=0,unknown=127"),
        (made(1, 0, 2, "uint8"), "water=1,dry=0,unknown=2"),
        (made(1, 0, -32768, "int16"), "water=1,dry=0,unknown=-32768"),
        (made(100, 50, -5, "int16"), "water=100,dry=50,unknown=-5"),
        (made(1, 0, 65535, "uint16"), "water=1,dry=0,unknown=65535"),
        (np.where(CUT, -9999, 0).astype("int16"), "water=1,dry=0,unknown=-9999"),
        (np.full(WATER.shape, 2, np.uint8), "water=2,dry=0"),
        (made(2, 0, 255, "uint8"), "water=2,dry=0,unknown=255 or --label-values water=255,dry=0,unknown=2"),
    ],
    ids=str,
)
def test_the_advice_keeps_the_documented_meaning_of_numbers(tmp_path: Path, label: Array, advice: str) -> None:
    problem = read(tmp_path, label).label_problem or ""
    assert f"(--label-values {advice}" in problem
    chip = read(tmp_path, label, advice.partition(" ")[0])
    assert chip.label is not None, chip.label_problem
    if label.max() != 2 and {0, 1} <= set(label.flat):
        require(chip, cut=True)


def test_both_answers_to_0_and_255_without_1_can_be_given(tmp_path: Path) -> None:
    dry = np.where(WATER, 255, 0).astype(np.uint8)
    assert "255 may be water" in (read(tmp_path, dry).label_problem or "")
    chip = read(tmp_path, dry, "dry=0,water=1,unknown=255")
    np.testing.assert_array_equal(chip.label, dry)


@pytest.mark.parametrize("legend", [legend for legend in LEGENDS if legend not in OWN_NUMBERS])
def test_where_it_is_documented_255_is_unknown_even_without_water(tmp_path: Path, legend: str) -> None:
    chip = read(tmp_path, np.where(WATER, 255, 0).astype(np.uint8), legend=legend)
    assert chip.label_problem is None and chip.label is not None
    assert set(np.unique(chip.label)) == {0, 255}
    assert "(as its data set documents)" in sentences(chip, "truth")[0]
    require(read(tmp_path, made(1, 0, -1, "int16"), legend=legend), cut=True)


def test_in_the_legend_of_etci_2021_255_is_water(tmp_path: Path) -> None:
    chip = read(tmp_path, made(255, 0, dtype="uint8"), legend="etci2021")
    require(chip, cut=False)
    assert "0 dry, 255 water (as its data set documents)" in sentences(chip, "truth")[0]
    require(read(tmp_path, PLAIN, legend="etci2021"), cut=False)  # written anew as 0 and 1


def test_no_documented_legend_takes_other_numbers(tmp_path: Path) -> None:
    for legend in set(LEGENDS) - {"kurosiwo"}:
        assert "label value(s)" in (read(tmp_path, made(2, 1, dtype="uint8"), legend=legend).label_problem or ""), (
            legend
        )


@pytest.mark.parametrize(("nodata", "kind"), [(0, "dry land"), (1, "water")])
def test_a_class_that_is_tagged_as_nodata_is_read_as_a_class_and_told(tmp_path: Path, nodata: int, kind: str) -> None:
    chip = read(tmp_path, PLAIN, nodata=nodata)
    require(chip, cut=False)
    assert chip.notes == (
        f"The label's nodata value is {nodata}, which is read as {kind}: else a class would be missing (assumed).",
    )


@pytest.mark.parametrize(("number", "dtype"), [(255, "uint8"), (-9999, "int16")])
def test_a_class_beside_dry_land_that_is_tagged_as_nodata_is_unknown_and_told(
    tmp_path: Path, number: int, dtype: str
) -> None:
    label = np.where(WATER, number, 0).astype(dtype)
    chip = read(tmp_path, label, nodata=number)
    assert chip.label is not None and set(np.unique(chip.label)) == {0, 255}
    assert (
        f"The label has no water: {number}, in {100 * WATER.mean():.0f} % of the image, is its nodata" in chip.notes[0]
    )
    (other,) = next(decision.choices for decision in chip.decisions if decision.choices)
    assert f"say so (--label-values {other.value})" in chip.notes[0]
    require(read(tmp_path, label, other.value, nodata=number), cut=False)
    assert read(tmp_path, label, nodata=number, legend="sen1floods11").notes == ()


def test_an_exchanged_0_and_1_is_told_by_how_bright_the_water_would_be(tmp_path: Path) -> None:
    chip = read(tmp_path, made(0, 1, dtype="uint8"))
    assert chip.label is not None and "The label's water is brighter than its dry land" in chip.notes[0]
    (other,) = next(decision.choices for decision in chip.decisions if decision.choices)
    require(read(tmp_path, made(0, 1, dtype="uint8"), other.value), cut=False)
    assert read(tmp_path, made(0, 1, dtype="uint8"), legend="drivendata").notes == ()


def test_a_number_that_is_tagged_as_nodata_need_not_be_named(tmp_path: Path) -> None:
    require(read(tmp_path, made(255, 0, 127, "uint8"), "water=255,dry=0", nodata=127), cut=True)


@pytest.mark.parametrize(
    ("label", "values"),
    [
        (made(2, 1, dtype="uint8"), ["water=2,dry=1", "water=1,dry=2"]),
        (made(1, 2, dtype="uint8"), ["water=1,dry=2", "water=2,dry=1"]),
        (made(1, 0, 2, "uint8"), ["water=1,dry=0,unknown=2", "water=1,water=2,dry=0", "water=2,dry=0,dry=1"]),
        (made(2, 1, 0, "uint8"), ["water=2,dry=1,unknown=0", "water=2,dry=0,dry=1"]),
        (made(80, 40, 10, "uint8"), ["water=80,dry=10,dry=40"]),
    ],
    ids=str,
)
def test_what_numbers_may_mean_is_offered_the_likeliest_by_the_image_first(
    tmp_path: Path, label: Array, values: list[str]
) -> None:
    chip = read(tmp_path, label)
    offered = [choice.value for choice in chip.choices]
    assert offered[0] == values[0] and set(values) <= set(offered)
    sure = "; by how dark the image is there, the first)" in (chip.label_problem or "")
    assert sure == (len({meaning_of_water(value) for value in offered[:2]}) == 2)
    assert all(f"--label-values {value}" in (chip.label_problem or "") for value in offered)
    for value in offered:
        assert read(tmp_path, label, value).label is not None


def meaning_of_water(answer: str) -> tuple[str, ...]:
    return tuple(sorted(part for part in answer.split(",") if part.startswith("water")))


def test_a_picture_in_the_place_of_a_label_is_refused_without_a_question(tmp_path: Path) -> None:
    chip = read(tmp_path, (np.arange(48 * 48).reshape(48, 48) % 200).astype(np.uint8))
    assert "200 different numbers" in (chip.label_problem or "") and chip.choices == ()


@pytest.mark.parametrize("rest", [np.nan, -1.0, 255.0])
def test_water_alone_is_no_truth_of_false_alarms(tmp_path: Path, rest: float) -> None:
    label = made(1, rest)
    problem = read(tmp_path, label).label_problem or ""
    assert "one class alone, water" in problem and "false alarms cannot be counted" in problem


def test_a_chip_that_is_all_water_is_told_and_scored(tmp_path: Path) -> None:
    chip = read(tmp_path, np.ones_like(PLAIN))
    assert chip.label is not None and (chip.label == 1).all()
    assert "water alone" in chip.notes[0] and "precision means nothing" in chip.notes[0]


def test_a_chip_that_is_all_dry_is_a_truth_and_one_half_known_is_told(tmp_path: Path) -> None:
    whole = read(tmp_path, np.zeros_like(PLAIN))
    assert whole.label is not None and whole.notes == ()
    label = np.full(PLAIN.shape, -1, np.int16)
    label[:10] = 0
    half = read(tmp_path, label)
    assert half.label is not None and "knows 21 % of the image" in half.notes[0]


def test_a_truth_that_knows_next_to_nothing_is_refused(tmp_path: Path) -> None:
    label = np.full(PLAIN.shape, -1, np.int16)
    label[0, :10], label[1, :10] = 0, 1
    problem = read(tmp_path, label).label_problem or ""
    assert "knows 20 of the image's 2,304 pixels with data, less than 1%" in problem


def test_255_that_is_dark_beside_hardly_any_1_is_asked_since_it_may_be_a_picture(tmp_path: Path) -> None:
    label = made(255, 0, dtype="uint8")
    label[0, :2] = 1  # of a picture that was drawn with soft edges
    chip = read(tmp_path, label)
    assert "hardly any 1 beside 0 and 255" in (chip.label_problem or "")
    picture, whole = (read(tmp_path, label, choice.value).label for choice in chip.choices)
    assert picture is not None and ((picture == 1) == WATER).all()
    assert whole is not None and np.count_nonzero(whole == 255) == WATER.sum()
    bright = np.where(WATER, 0, 255).astype(np.uint8)  # where it is bright, it is what nobody has looked at
    bright[20, 25:28] = 1
    assert read(tmp_path, bright).label is not None


def test_a_picture_that_was_compressed_with_losses_is_offered_as_one_first(tmp_path: Path) -> None:
    label = made(255, 0, dtype="uint8")
    label[::9][label[::9] == 255] = 254
    label[::9][label[::9] == 0] = 1
    chip = read(tmp_path, label)
    assert chip.choices[0].value == "water=254,water=255,dry=0,dry=1"
    require(read(tmp_path, label, chip.choices[0].value), cut=False)


def test_of_several_classes_of_water_the_last_may_be_unknown(tmp_path: Path) -> None:
    label = made(1, 0, 3, "uint8")
    label[25:][label[25:] == 1] = 2
    assert "water=1,water=2,dry=0,unknown=3" in [choice.value for choice in read(tmp_path, label).choices]


def test_what_a_label_says_where_the_image_has_no_data_decides_nothing(tmp_path: Path) -> None:
    label = np.where(CUT, 255, PLAIN * 0).astype(np.uint8)
    bands = [np.where(CUT, np.float32(np.nan), band) for band in (VV, VH)]
    image = Asset(str(write_tiff(tmp_path / "image.tif", *bands, names=("VV", "VH"))))
    file = Asset(str(write_tiff(tmp_path / "truth.tif", label)))
    chip = read_chip(ChipRecord("x", vv=image, vh=image, label=file))
    assert chip.label_problem is None and chip.label is not None
    assert (chip.label[~CUT] == 0).all()


def test_an_answer_that_leaves_a_number_open_is_refused(tmp_path: Path) -> None:
    problem = read(tmp_path, made(255, 0, 127, "uint8"), "water=255,dry=0").label_problem or ""
    assert "label value(s) 127, of which --label-values says nothing" in problem


def test_an_answer_goes_before_tags_and_data_sets(tmp_path: Path) -> None:
    said = "water=0,dry=1"
    for chip in (
        read(tmp_path, made(0, 1, dtype="uint8"), said, nodata=0),
        read(tmp_path, made(0, 1, dtype="uint8"), said, legend="sen1floods11"),
    ):
        require(chip, cut=False)


@pytest.mark.parametrize(
    ("bands", "words"),
    [((PLAIN, PLAIN, PLAIN), "3 bands, like a picture"), ((PLAIN.astype(np.complex64),), "complex64")],
    ids=["a picture", "complex"],
)
def test_what_is_no_label_is_refused(tmp_path: Path, bands: tuple[Array, ...], words: str) -> None:
    image = Asset(str(write_tiff(tmp_path / "image.tif", VV, VH, names=("VV", "VH"))))
    file = Asset(str(write_tiff(tmp_path / "truth.tif", *bands)))
    assert words in (read_chip(ChipRecord("x", vv=image, vh=image, label=file)).label_problem or "")
