"""What the user says of files: parsed or refused, kept as text, and part of a chip's revision."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from chips import write_pair, write_tiff
from door_files import VH, VV, power
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.answers import TRUTHS, UNITS, Answers, bands_of, label_values_of, units_of
from tiles.catalog.catalog import open_catalog
from tiles.errors import UsageError
from tiles.reading.door import read_chip
from tiles.reading.headers import answered


@pytest.mark.parametrize("text", ["db", "dB", " DB ", "power", "Amplitude"])
def test_a_unit_is_known_in_any_case(text: str) -> None:
    assert units_of(text) == text.strip().lower()


@pytest.mark.parametrize("text", ["decibel", "linear", "p", "db,power", "0", "dB100"])
def test_another_unit_is_refused_with_those_that_are_known(text: str) -> None:
    with pytest.raises(UsageError, match="say db, power or amplitude"):
        units_of(text)


@pytest.mark.parametrize(
    ("text", "bands"),
    [
        ("VV,VH", ("VV", "VH")),
        ("vh,vv", ("VH", "VV")),
        (" - , VV ,VH", ("-", "VV", "VH")),
        ("VH,,VV,", ("VH", "-", "VV", "-")),
    ],
)
def test_bands_are_named_in_their_order(text: str, bands: tuple[str, ...]) -> None:
    assert bands_of(text) == bands


@pytest.mark.parametrize("text", ["VV", "VV,VV", "VV,VH,VH", "VV;VH", "VV,HH", "1,2", "-,-", "VV,VH" + ",-" * 80])
def test_bands_that_do_not_name_each_once_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="VH,VV"):
        bands_of(text)


def test_label_values_are_pairs_of_class_and_number() -> None:
    found = label_values_of("water=255, DRY=0,unknown=127,unknown=-9999,unknown=nan")
    assert found[:4] == ((255.0, "water"), (0.0, "dry"), (127.0, "unknown"), (-9999.0, "unknown"))
    assert math.isnan(found[4][0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("water", "no pair"),
        ("water=wet,dry=0", "no pair"),
        ("water:1,dry:0", "no pair"),
        ("water=1,", "no pair"),
        ("water=1", "which number is dry"),
        ("dry=1,unknown=2", "which number is water"),
        ("flood=1,dry=0", "say dry, water or unknown"),
        ("water=1,dry=1", "named twice"),
        ("water=nan,dry=0,unknown=NaN", "named twice"),
        ("water=1,dry=1.0", "named twice"),
        ("=1,dry=0", "say dry, water or unknown"),
    ],
)
def test_other_label_values_are_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        label_values_of(text)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_nothing_is_no_answer(text: str | None) -> None:
    assert (units_of(text), bands_of(text), label_values_of(text)) == (None, (), ())
    assert not Answers(units_of(text), bands_of(text), label_values_of(text))


NUMBERS = st.floats(allow_nan=False) | st.just(math.nan)
ANSWERS = st.builds(
    Answers,
    st.none() | st.sampled_from(UNITS),
    st.just(()) | st.permutations(("VV", "VH", "-", "-")).map(tuple),
    st.lists(st.tuples(NUMBERS, st.sampled_from(TRUTHS)), max_size=5).map(tuple),
)


@settings(deadline=None)
@given(ANSWERS)
def test_answers_come_back_from_their_text(answers: Answers) -> None:
    text = answers.to_json()
    assert (text is None) == (not answers)
    again = Answers.from_json(text)
    assert repr(again) == repr(answers)  # which NaN does not keep from being equal
    assert again.to_json() == text


@pytest.mark.parametrize(
    "text",
    [
        "power",
        "[]",
        "{}",
        "7",
        '{"units": "power"}',
        '{"units": "wet", "bands": [], "label_values": []}',
        '{"units": null, "bands": ["VV"], "label_values": []}',
        '{"units": null, "bands": [], "label_values": [["1", "wet"]]}',
        '{"units": null, "bands": [], "label_values": [["one", "dry"]]}',
        '{"units": null, "bands": [], "label_values": [1]}',
        '{"units": 3, "bands": [], "label_values": []}',
        '{"units": null, "bands": [1, 2], "label_values": []}',
    ],
)
def test_a_text_that_holds_no_answers_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Answers.from_json(text)


def test_a_chips_revision_changes_with_what_is_said_of_it(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    record = open_catalog([tmp_path]).get("x")
    said = [
        Answers(),
        Answers("db"),
        Answers("power"),
        Answers(bands=("VV", "VH")),
        Answers(label_values=((1.0, "dry"), (0.0, "water"))),
    ]
    revisions = [answered(record, answers).revision() for answers in said]
    assert revisions[0] == record.revision()
    assert len(set(revisions)) == len(said)
    assert answered(record, Answers("db")).revision() == revisions[1]


def test_a_catalog_keeps_what_was_said_of_its_chips(tmp_path: Path) -> None:
    write_tiff(tmp_path / "chips" / "x.tif", power(VH), power(VV), power(VV))
    answers = Answers("power", ("VH", "VV", "-"), ((1.0, "water"), (0.0, "dry"), (math.nan, "unknown")))
    catalog = open_catalog([tmp_path / "chips"], answers)
    catalog.to_parquet(tmp_path / "c.parquet")
    (again,) = open_catalog([tmp_path / "c.parquet"]).records()
    (record,) = catalog.records()
    assert (again.answers.to_json(), again.revision()) == (answers.to_json(), record.revision())
    chip = read_chip(again)
    assert abs(float(chip.vh[0, 0]) - float(VH[0, 0])) < 1e-4
    assert chip.decisions == read_chip(record).decisions


def test_a_question_of_the_header_is_answered_where_the_catalog_is_opened(tmp_path: Path) -> None:
    write_tiff(tmp_path / "x.tif", VH, VV, VV)
    (refused,) = open_catalog([tmp_path]).records()
    assert "say what each is (--bands" in (refused.problem or "")
    (taken,) = open_catalog([tmp_path], Answers(bands=("VH", "VV", "-"))).records()
    assert taken.problem is None
    assert (taken.vv and taken.vv.band, taken.vh and taken.vh.band) == (2, 1)
