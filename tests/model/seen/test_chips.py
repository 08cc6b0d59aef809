"""A list of chips says what was seen by content, by place and date, and when it cannot tell."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from shapely.affinity import translate
from shapely.geometry import box

from model.seen.chips import NOTHING, SeenChip, SeenChips, parse_seen_chips, same_date
from tiles.chip import ChipRecord
from tiles.content import Content
from tiles.errors import BundleError


def content(seed: int) -> Content:
    rng = np.random.default_rng(seed)
    return Content(f"{seed:032x}", rng.integers(-2500, -500, 72).astype("<i2").tobytes())


PLACE = box(10.0, 50.0, 10.05, 50.05)
TRAINED = ChipRecord(id="a", footprint=PLACE, date="2018-08-21")
SEEN = SeenChips((SeenChip.of(TRAINED, content(1), "training"),))


def at(east: float = 0.0, date: str | None = "2018-08-21", **fields: Any) -> ChipRecord:
    """Return another chip, so far east of the one that was trained on, in widths of it."""
    return ChipRecord(id="b", footprint=translate(PLACE, 0.05 * east), date=date, **fields)


@pytest.mark.parametrize(
    ("east", "date", "seen"),
    [
        (0.0, "2018-08-21", True),
        (0.002, "2018-08-21", True),  # shifted by a pixel
        (0.85, "2018-08-21", True),
        (0.95, "2018-08-21", False),  # neighbours that touch
        (0.0, "2018-08-22", False),  # the same place on another day
        (0.0, None, True),  # silence must not flatter
        (0.0, "2018-08", True),
        (0.0, "2018-08-21T05:12:00Z", True),
        (0.0, "2017", False),
        (3.0, None, False),
    ],
)
def test_place_and_date_tell(east: float, date: str | None, seen: bool) -> None:
    assert SEEN.judge(at(east, date), content(2)) is seen
    undated = SeenChips((replace(SEEN.chips[0], date=None),))
    assert undated.judge(at(east, date), content(2)) is (east < 0.9)


def test_a_part_of_a_training_chip_is_seen_and_a_scene_that_holds_one_is_not() -> None:
    part = ChipRecord(id="crop", footprint=box(10.02, 50.02, 10.03, 50.03), date="2018-08-21")
    scene = ChipRecord(id="scene", footprint=box(9.0, 49.0, 11.0, 51.0), date="2018-08-21")
    assert SEEN.judge(part, content(2)) is True
    assert SEEN.judge(scene, content(2)) is False


def test_several_training_chips_cover_a_chip_together() -> None:
    ring = [translate(PLACE, x * 0.0475, y * 0.0475) for x in (-1, 1) for y in (-1, 1)]  # each covers 0.25 % of it
    edges = [translate(PLACE, x * 0.0475, 0.0) for x in (-1, 1)] + [translate(PLACE, 0.0, y * 0.0475) for y in (-1, 1)]
    few, many = (
        SeenChips(
            tuple(SeenChip.of(ChipRecord(id=str(i), footprint=g), content(i), "training") for i, g in enumerate(places))
        )
        for places in (ring, edges)
    )
    assert few.judge(at(), content(9)) is False
    assert many.judge(at(), content(9)) is True  # each 5 %: alone it would not


def test_a_place_across_the_antimeridian_is_one_however_it_is_written() -> None:
    seen = SeenChips((SeenChip.of(ChipRecord(id="a", footprint=box(179.9, 10, 180.1, 10.2)), content(1), "training"),))
    assert seen.judge(ChipRecord(id="b", footprint=box(-180.1, 10, -179.9, 10.2)), content(2)) is True
    assert seen.judge(ChipRecord(id="b", footprint=box(0, 10, 0.2, 10.2)), content(2)) is False


def test_the_content_tells_wherever_the_chip_lies_and_whenever_it_was() -> None:
    assert SEEN.judge(at(90.0, "2020-01-01"), content(1)) is True
    assert SEEN.judge(ChipRecord(id="unplaced"), content(1)) is True
    assert SEEN.judge(ChipRecord(id="unplaced"), content(2)) is False
    near = np.frombuffer(content(1).samples, "<i2") + np.int16(4)  # 0.04 dB
    assert SEEN.judge(ChipRecord(id="unplaced"), Content("f" * 32, near.astype("<i2").tobytes())) is True


def test_simulated_chips_have_no_place() -> None:
    assert SEEN.judge(at(simulated=True), content(2)) is False
    simulated = SeenChips((SeenChip.of(replace(TRAINED, simulated=True), content(1), "training"),))
    assert simulated.chips[0].footprint is None
    assert simulated.judge(at(), content(2)) is False
    assert simulated.judge(at(simulated=True), content(1)) is True


def test_what_is_not_known_is_not_called_unseen() -> None:
    assert SEEN.judge(at(3.0), None) is None
    assert SEEN.judge(at(), None) is True
    partly = replace(SEEN, complete=False)
    assert partly.judge(at(3.0), content(2)) is None
    assert partly.judge(at(), content(2)) is True
    assert NOTHING.judge(at(), None) is False


def test_lists_join_a_chip_is_there_once_and_training_goes_before_calibration() -> None:
    calibrated = SeenChips(
        (SeenChip.of(TRAINED, content(1), "calibration"), SeenChip.of(at(5), content(2), "calibration"))
    )
    both = calibrated.with_more(SEEN)
    assert [(c.id, c.part) for c in both.chips] == [("a", "training"), ("b", "calibration")]
    assert both.complete
    assert not both.with_more(SeenChips(complete=False)).complete


def test_dates_agree_as_far_as_both_tell() -> None:
    assert same_date("2018-08", "2018-08-21")
    assert same_date(None, "2018-08-21")
    assert not same_date("2018-09", "2018-08-21")


def test_what_is_written_is_read_back_and_is_the_same_bytes_in_any_order() -> None:
    more = SeenChips(
        (*SEEN.chips, SeenChip.of(ChipRecord(id="Überflutung", simulated=True), content(2), "calibration"))
    )
    written = more.to_bytes()
    assert SeenChips(more.chips[::-1]).to_bytes() == written
    read = parse_seen_chips(written, "chips.json")
    assert read.to_bytes() == written
    assert read.judge(at(0.002), content(3)) is True
    assert len(written.decode().splitlines()) == 2 + len(more.chips)  # one a line, for people and for diffs
    assert parse_seen_chips(NOTHING.to_bytes(), "chips.json") == NOTHING


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"content": "xyz"}, "content"),
        ({"samples": "AAAA"}, "samples"),
        ({"samples": "#"}, "samples"),
        ({"part": "test"}, "part"),
        ({"simulated": 1}, "simulated"),
        ({"date": 5}, "date"),
        ({"footprint": [[1, 2], [3, 4]]}, "footprint"),
        ({"footprint": [[0, 0], [1, 1], [1, 0], [0, 1]]}, "footprint"),  # it crosses itself
        ({"footprint": [[1e9, 0], [1, 1], [1, 0]]}, "footprint"),
        ({"footprint": "here"}, "footprint"),
        ({"further": 1}, "further"),
    ],
)
def test_a_list_of_a_stranger_is_read_strictly(change: dict[str, Any], told: str) -> None:
    raw = json.loads(SEEN.to_bytes())
    raw["chips"][0] |= change
    with pytest.raises(BundleError, match=rf"chips\[0\]\.{told}"):
        parse_seen_chips(json.dumps(raw), "chips.json")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": 2, "complete": true, "chips": []}', '{"schema": 1, "chips": []}']
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(BundleError, match=r"chips\.json"):
        parse_seen_chips(text, "chips.json")
