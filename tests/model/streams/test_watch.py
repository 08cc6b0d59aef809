"""Each input is predicted once and told once, whatever happens meanwhile."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import shapely

from model.predictors.backscatter import BackscatterPredictor
from model.store.prediction import key_of
from model.store.store import Store
from model.streams.watch import MOST_ATTEMPTS
from tests.model.streams.conftest import NOW, Drop, Open
from tiles.errors import PredictionError, StoreError

pytestmark = pytest.mark.slow

KEY = key_of(BackscatterPredictor())


class Counting(BackscatterPredictor):
    """Counts what it is asked, and fails on whom it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.fails: set[str] = set()

    def predict(self, chips: Sequence[Any]) -> list[Any]:
        self.asked += [chip.id for chip in chips]
        if {chip.id for chip in chips} & self.fails:
            raise PredictionError("no memory")
        return super().predict(chips)


def bodies(store: Store) -> list[dict[str, Any]]:
    """Take what would be posted next."""
    out = []
    for stream in {arrival.stream for arrival in store.streams.arrivals(limit=100)}:
        while (delivery := store.streams.claim(stream, ["webhook"], 3e9, 1e9)) is not None:
            out.append(json.loads(delivery.body))
    return out


def test_what_is_new_is_predicted_once_over_all_starts(open_watch: Open, store: Store, drop: Drop) -> None:
    model = Counting()
    drop("a.tif")
    drop("b.tif", 1)
    assert [a.item for a in open_watch(model).round().ended] == ["a.tif", "b.tif"]
    assert open_watch(model).round().ended == []
    drop("c.tif", 2)
    watch = open_watch(model)
    assert [a.item for a in watch.round().ended] == ["c.tif"]
    assert watch.round().ended == []
    assert (model.asked, set(store.for_model(KEY))) == (["a", "b", "c"], {"a", "b", "c"})


def test_a_chip_that_is_predicted_already_is_told_and_not_predicted_again(
    open_watch: Open, store: Store, drop: Drop
) -> None:
    drop()
    model = Counting()
    open_watch(model).round()
    (ended,) = open_watch(model, name="of others", webhook=True).round().ended
    assert (model.asked, ended.state) == (["a"], "predicted")


def test_the_facts_are_those_of_the_prediction(open_watch: Open, store: Store, drop: Drop) -> None:
    drop()
    (ended,) = open_watch(above=0.0).round().ended
    held = store.for_model(KEY)["a"]
    assert ended.facts["water_km2"] == held.water_km2(0.5)
    assert ended.facts["water_share"] == held.water_share(0.5)
    assert ended.facts["revision"] == held.revision
    assert ended.alert is (ended.facts["probability"] > 0.5) is True
    assert len(ended.facts["footprint"]) >= 5


def test_row_arrival_and_messages_are_there_together_or_not_at_all(
    open_watch: Open, store: Store, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop()
    note = store.streams.note

    def broken(*given: Any) -> bool:
        note(*given)
        raise StoreError("the disk is full")

    monkeypatch.setattr(store.streams, "note", broken)
    with pytest.raises(StoreError, match="full"):
        open_watch(webhook=True).round()
    monkeypatch.undo()
    assert store.for_model(KEY) == {}
    assert store.streams.arrivals(limit=10) == []
    open_watch(webhook=True).round()
    assert len(bodies(store)) == 1


def test_two_processes_over_one_stream_tell_once(open_watch: Open, store: Store, drop: Drop) -> None:
    drop()
    one, other = open_watch(webhook=True), open_watch(webhook=True)
    one.round()
    other.round()
    assert len(store.streams.arrivals(limit=10)) == len(bodies(store)) == 1


def test_without_a_share_every_chip_is_told_and_with_one_those_above(
    open_watch: Open, store: Store, drop: Drop
) -> None:
    drop("a.tif")
    drop("b.tif", 1)
    assert open_watch(webhook=True, above=0.999, cap=True).round().alerts == 0
    assert bodies(store) == []
    assert open_watch(webhook=True, above=0.0, name="low").round().alerts == 2
    assert {(body["type"], body["chip"]["id"]) for body in bodies(store)} == {("alert", "a"), ("alert", "b")}
    open_watch(webhook=True, name="all").round()
    assert {body["type"] for body in bodies(store)} == {"prediction"}
    assert bodies(store) == []


@pytest.mark.parametrize("harm", ["cut", "text", "empty", "foreign"])
def test_a_poisoned_input_is_set_aside_with_its_reason_and_the_rest_goes_on(
    open_watch: Open, store: Store, drop: Drop, harm: str
) -> None:
    bad = drop("bad.tif")
    drop("good.tif", 1)
    whole = bad.read_bytes()
    bad.write_bytes(
        {"cut": whole[: len(whole) // 2], "text": b"no image" * 99, "empty": b"", "foreign": bytes(9999)}[harm]
    )
    done = {a.item: a for a in open_watch().round().ended}
    assert done["good.tif"].state == "predicted"
    assert done["bad.tif"].state == "aside"
    assert "bad" in done["bad.tif"].facts["reason"]
    bad.write_bytes(whole)
    assert [(a.item, a.state) for a in open_watch().round().ended] == [("bad.tif", "predicted")]


def test_what_cannot_be_read_yet_is_waited_for_while_it_may_be_half_written(open_watch: Open, drop: Drop) -> None:
    path = drop()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    written = path.stat().st_mtime
    assert open_watch(now=written + 20).round().waiting == ["a.tif"]
    for _ in range(2 * MOST_ATTEMPTS):  # waiting counts against nothing
        open_watch(now=written + 20).round()
    path.write_bytes(whole)
    assert [a.state for a in open_watch(now=path.stat().st_mtime + 20).round().ended] == ["predicted"]


def test_an_input_that_ends_the_process_again_and_again_is_set_aside(
    open_watch: Open, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop()

    def killed(_: object) -> None:
        raise SystemExit(-9)

    monkeypatch.setattr("model.streams.scenes.load_chip", killed)
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(SystemExit):
            open_watch().round()
    (ended,) = open_watch().round().ended
    assert ended.state == "aside"
    assert "begun 5 times and never ended" in ended.facts["reason"]


def test_a_model_that_fails_on_one_chip_costs_that_chip_and_one_that_fails_on_all_costs_none(
    open_watch: Open, drop: Drop
) -> None:
    drop("a.tif")
    model = Counting()
    model.fails = {"a"}
    for _ in range(2 * MOST_ATTEMPTS):
        done = open_watch(model).round()
        assert (done.ended, done.waiting) == ([], ["a.tif"])
        assert "no memory" in done.problems[0].message
    for number in range(MOST_ATTEMPTS):
        drop(f"b{number}.tif", 1)
        assert [a.item for a in open_watch(model).round().ended] == [f"b{number}.tif"]
    (ended,) = open_watch(model).round().ended
    assert (ended.item, ended.state) == ("a.tif", "aside")


def test_an_area_passes_over_what_lies_outside_and_counts_water_inside(
    open_watch: Open, store: Store, drop: Drop
) -> None:
    drop("a.tif")
    drop("b.tif", 1)
    whole, _ = open_watch(above=0.0).round().ended
    west, south, east, north = shapely.Polygon(whole.facts["footprint"]).bounds
    half = shapely.box(west - 360, south, (west + east) / 2 - 360, north)  # on another turn of the globe
    done = {a.item: a for a in open_watch(above=0.0, area=half).round().ended}
    assert done["b.tif"].state == "outside"
    inside = done["a.tif"]
    assert inside.facts["within_area"]
    assert inside.facts["valid_km2"] == pytest.approx(whole.facts["valid_km2"] / 2, rel=0.05)
    assert inside.facts["water_km2"] < whole.facts["water_km2"]
    tiny = shapely.box(0, 0, 1, 1)
    assert [a.state for a in open_watch(area=tiny).round().ended] == ["outside", "outside"]


def test_two_inputs_of_one_name_in_two_folders_are_two_chips(open_watch: Open, store: Store, drop: Drop) -> None:
    drop("monday/a.tif")
    drop("tuesday/a.tif", 1)
    open_watch().round()
    assert open_watch().round().ended == []
    held = store.for_model(KEY)
    assert len(held) == 2 and "a" in held
    first, second = (store.read(prediction) for prediction in held.values())
    assert not np.array_equal(first, second)


def test_a_round_that_is_stopped_ends_with_the_input_it_is_at(open_watch: Open, drop: Drop) -> None:
    for number in range(3):
        drop(f"{number}.tif", number)
    stop = threading.Event()
    watch = open_watch(now=NOW)
    assert len(watch.round(stop, lambda _: stop.set()).ended) == 1
    assert len(watch.round().ended) == 2
