"""What would spoil a score is found, and nothing is found where nothing would."""

from __future__ import annotations

from dataclasses import replace

from shapely.geometry import box

from tiles.catalog.audit import audit
from tiles.chip import Asset, ChipRecord


def chip(name: str, west: float = 0.0, **values: object) -> ChipRecord:
    record = ChipRecord(
        id=name, country="Utopia", event="Flood", date="2016-08-12", split="train", source="a",
        footprint=box(west, 0, west + 0.05, 0.05), vv=Asset("vv"), vh=Asset("vh"), label=Asset("label"),
    )  # fmt: skip
    return replace(record, **values)  # type: ignore[arg-type]


def kinds(*records: ChipRecord) -> list[str]:
    return [finding.kind for finding in audit(records)]


def test_chips_that_the_model_was_trained_on_are_named_before_all_else() -> None:
    chips = [chip("a"), chip("b", 1, split="test"), chip("c", 2), chip("d", 3, label=None)]
    first, second = audit(chips, lambda record: {"a": True, "d": True}.get(record.id), "A net")
    assert (first.kind, first.chips, second.kind) == ("seen", ("a",), "leak")
    assert first.text.startswith(
        "A net was trained or calibrated on 1 of 3 labelled chips: how it does on it is no measure"
    )
    assert first.text.endswith("; 2 are left to judge it by.")
    (all_of_them, *_) = audit(chips, lambda _: True)
    assert "none is left to judge it by" in all_of_them.text
    assert "seen" not in {finding.kind for finding in audit(chips, lambda _: None)}


def test_a_sound_catalog_has_no_finding() -> None:
    assert kinds(chip("a"), chip("b", 1, country="B", event="B"), chip("c", 2, country="C", event="C")) == []


def test_chips_of_one_flood_in_two_splits_are_found_and_counted() -> None:
    (finding,) = audit([chip("a"), chip("b", 1, split="test"), chip("c", 2), chip("d", 3, event="Other", split="test")])
    assert (finding.kind, finding.chips) == ("leak", ("a", "b", "c"))
    assert "2 in train" in finding.text
    assert "1 in test" in finding.text


def test_the_same_place_and_date_in_two_sources_is_found() -> None:
    twin = chip("b", 0.01, source="b", layout="drivendata")
    (finding,) = audit([chip("a"), twin])
    assert (finding.kind, finding.chips) == ("duplicate", ("a", "b"))
    assert finding.text.startswith("1 place on the same date is in two sources (drivendata and geotiff)")
    assert kinds(chip("a"), replace(twin, date="2016-08-13")) == [], "another date"
    assert kinds(chip("a"), replace(twin, source="a")) == [], "one source"
    assert kinds(chip("a"), chip("b", 0.04, source="b")) == [], "neighbours that overlap by a fifth"


def test_a_country_with_most_labelled_chips_is_found_where_there_are_three() -> None:
    many = [chip(f"a{n}", n, event=f"A{n}") for n in range(5)]
    others = [chip("b", 10, country="B", event="B"), chip("c", 11, country="C", event="C")]
    (finding,) = audit([*many, *others])
    assert finding.kind == "dominance"
    assert "5 of 7 labelled chips (71 %) are of Utopia" in finding.text
    assert kinds(*many, others[0]) == [], "of two countries one always has more"


def test_labels_without_imagery_are_found() -> None:
    (finding,) = audit([chip("a", vv=None), chip("b", 1), chip("c", 2, label=None, vv=None)])
    assert (finding.kind, finding.chips) == ("no_imagery", ("a",))
