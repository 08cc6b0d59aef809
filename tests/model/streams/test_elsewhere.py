"""Streams over a bucket and over an archive, on real servers: each input once, what is away waited for, what is bad set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archive.range_server import RangeServer, serving
from archive.stac_files import Json, api, item, write_catalog

from model.inference import scenes
from model.predictors.backscatter import BackscatterPredictor
from model.store import store as stores
from model.store.prediction import key_of
from model.store.store import Store
from model.streams.elsewhere import ArchiveSource, BucketSource, source_of
from model.streams.messages import webhook_body
from model.streams.watch import MOST_ATTEMPTS, Watch, Wishes
from tests.model.streams.conftest import VOICE
from tests.ports import free_port
from tests.serving import dead_url
from tests.shared_stores import new_bucket, s3
from tiles.archive.address import HOSTS_VARIABLE
from tiles.catalog.rows import from_json
from tiles.errors import ArchiveError, AwayError, UsageError
from tiles.scenes import windows

pytestmark = pytest.mark.slow

NEVER_WAITS = -60.0
"""How long an object must not have changed: the clocks of the store and of its answers are apart by less than a minute."""
Put = Callable[..., None]
KEY = key_of(BackscatterPredictor())


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiles.archive.fetching._WAIT_S", 0.0)
    monkeypatch.setattr("tiles.archive.fetching._TRIES", 2)


@pytest.fixture
def prefix(objects: str) -> str:
    return new_bucket(objects)


@pytest.fixture
def put(prefix: str, objects: str, imagery: list[Path]) -> Put:
    """Put an object below the prefix: a chip, or other bytes."""

    def made(key: str, which: int | bytes = 0) -> None:
        body = which if isinstance(which, bytes) else imagery[which].read_bytes()
        s3(objects).put_object(Bucket=prefix.split("/")[2], Key=f"flood/{key}", Body=body)

    return made


def open_watch(source: Any, store: Store, **wishes: Any) -> Watch:
    return Watch(source, BackscatterPredictor(), store, Wishes(VOICE, **wishes))


def states(watch: Watch) -> dict[str, str]:
    return {arrival.item: arrival.state for arrival in watch.round().ended}


def test_what_comes_below_a_prefix_is_predicted_once_over_all_starts(store: Store, prefix: str, put: Put) -> None:
    for key in ("a.tif", "monday/a.tif", ".part/b.tif", "notes.txt", "a_label.tif"):
        put(key, 1 if "/" in key else 0)
    assert open_watch(BucketSource(prefix, settle_s=3600), store).round().waiting == ["a.tif", "monday/a.tif"]
    source = BucketSource(f"{prefix}/", settle_s=NEVER_WAITS)
    assert states(open_watch(source, store, webhook=True)) == {"a.tif": "predicted", "monday/a.tif": "predicted"}
    put("b.tif", 2)
    watch = open_watch(source, store, webhook=True)
    (arrival,) = watch.round().ended
    assert arrival.item == "b.tif"
    assert watch.round().ended == []
    assert len(store.for_model(KEY)) == 3
    # Who shows it later asks no server for what it is, and nobody else is told where it lies.
    record = from_json(arrival.facts["record"])
    assert record.vv is not None and record.vv.path == f"{prefix}/b.tif"
    assert record.footprint is not None and record.width == 128
    assert prefix not in webhook_body("d", arrival.facts, arrival.created, VOICE)


def test_an_object_in_place_of_another_is_predicted_anew_under_its_address(store: Store, prefix: str, put: Put) -> None:
    source = BucketSource(prefix, settle_s=NEVER_WAITS)
    put("a.tif")
    states(open_watch(source, store))
    (first,) = store.for_model(KEY).values()
    before = store.read(first)
    put("a.tif", 1)
    assert states(open_watch(source, store)) == {"a.tif": "predicted"}
    (second,) = store.for_model(KEY).values()
    assert (store.read(second) != before).any()
    assert states(open_watch(source, store)) == {}


def test_what_cannot_be_used_is_set_aside_with_its_reason_and_half_a_pair_until_it_is_whole(
    store: Store, prefix: str, put: Put, make_record: Any
) -> None:
    pair = make_record("x")
    put("bad.tif", b"no image" * 99)
    put("of #1.tif")
    put("x_vv.tif", Path(pair.vv.path).read_bytes())
    source = BucketSource(prefix, settle_s=NEVER_WAITS)
    done = {arrival.item: arrival for arrival in open_watch(source, store).round().ended}
    assert {arrival.state for arrival in done.values()} == {"aside"}
    reasons = {name: arrival.facts["reason"] for name, arrival in done.items()}
    assert "no GeoTIFF" in reasons["bad.tif"]
    assert "rename it" in reasons["of #1.tif"]
    assert "no VH" in reasons["x_vv.tif"]
    put("x_vh.tif", Path(pair.vh.path).read_bytes())
    assert states(open_watch(source, store)) == {"x_vh.tif": "predicted"}
    assert states(open_watch(source, store)) == {}


def test_a_bucket_that_is_away_or_not_there_is_told_and_asked_again(
    store: Store, prefix: str, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.tif")
    watch = open_watch(BucketSource(prefix, settle_s=NEVER_WAITS), store)
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", dead_url())
        away.setattr("botocore.endpoint.time.sleep", lambda _: None)
        with pytest.raises(AwayError, match="cannot be reached"):
            watch.round()
    assert states(watch) == {"a.tif": "predicted"}
    with pytest.raises(ArchiveError, match="does not exist: check the address"):
        open_watch(BucketSource("s3://nobodys-bucket"), store).round()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("s3://", "no place in an object store"),
        ("s3://A_B/x", "no place in an object store"),
        ("https://host/a.tif", "one address, to which nothing new comes"),
        ("stac:https://host?cloud=1", "nothing that an archive is asked for"),
    ],
)
def test_an_address_that_is_none_is_refused(source: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        source_of(source)


@pytest.fixture
def images(tmp_path: Path, imagery: list[Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeServer]:
    """A server of chips, one a name, that archives may point at."""
    (tmp_path / "served").mkdir()
    for number, path in enumerate(imagery):
        (tmp_path / "served" / f"s{number}.tif").write_bytes(path.read_bytes())
    with serving(tmp_path / "served") as own:
        monkeypatch.setenv(HOSTS_VARIABLE, f"127.0.0.1:{own.port}")
        yield own


def scene(number: int, images: RangeServer, href: str | None = None) -> Json:
    asset = {"href": href or f"{images.url}/s{number}.tif"}
    return item(f"s{number}", day=f"2024-09-{number + 1:02}", assets={"vv": asset, "vh": asset})


def test_what_comes_into_an_archive_is_predicted_once_and_an_archive_that_is_away_is_asked_again(
    tmp_path: Path, images: RangeServer, store: Store
) -> None:
    port = free_port()
    source = f"stac:http://127.0.0.1:{port}?collections=rtc"
    watch = open_watch(ArchiveSource(source), store)
    with pytest.raises(AwayError, match="cannot be reached"):
        watch.round()
    other = item("optical", collection="optical")
    with api(write_catalog(tmp_path / "one", [scene(0, images), scene(1, images), other]), port):
        assert states(watch) == {"rtc/s0": "predicted", "rtc/s1": "predicted"}
        assert states(watch) == states(open_watch(ArchiveSource(source), store)) == {}
    with pytest.raises(AwayError):
        watch.round()
    more = [scene(n, images) for n in range(3)]
    with api(write_catalog(tmp_path / "two", more), port):
        (arrival,) = open_watch(ArchiveSource(source), store).round().ended
    assert (arrival.item, arrival.state, arrival.facts["date"]) == ("rtc/s2", "predicted", "2024-09-03")
    assert arrival.path == f"{source}&ids=s2"
    assert len(store.for_model(KEY)) == 3


def test_items_whose_images_are_away_wait_and_those_whose_images_are_bad_are_set_aside(
    tmp_path: Path, images: RangeServer, store: Store
) -> None:
    (images.folder / "s1.tif").write_bytes(b"<html>" * 999)
    items = [scene(0, images), scene(1, images), scene(2, images, "http://10.1.2.3/x.tif")]
    missing = images.folder / "s3.tif"
    whole = missing.read_bytes()
    missing.unlink()
    path = write_catalog(tmp_path / "archive", [*items, scene(3, images), scene(4, images, f"{images.url}/never.tif")])
    source = ArchiveSource(f"stac:{path}")
    images.mode = "500"
    for _ in range(MOST_ATTEMPTS + 1):  # however long it takes, it counts against nothing
        done = open_watch(source, store).round()
        assert done.waiting == ["rtc/s0", "rtc/s1", "rtc/s3", "rtc/s4"]
        assert "answered 500" in done.problems[0].message
    images.mode = "ok"
    ended = open_watch(source, store).round().ended
    reasons = {arrival.item: arrival.facts.get("reason", arrival.state) for arrival in ended}
    assert reasons.keys() == {"rtc/s0", "rtc/s1"}
    assert reasons["rtc/s0"] == "predicted"
    assert "no GeoTIFF" in reasons["rtc/s1"]
    missing.write_bytes(whole)  # an item may be there before its files are
    assert states(open_watch(source, store)) == {"rtc/s3": "predicted"}
    for _ in range(MOST_ATTEMPTS - 3):
        assert states(open_watch(source, store)) == {}
    (last,) = open_watch(source, store).round().ended
    assert "has no such file (404)" in last.facts["reason"]
    aside = {a.item: a.facts["reason"] for a in store.streams.arrivals(limit=99, states=["aside"])}
    assert "leads to a machine of this network" in aside["rtc/s2"]
    assert open_watch(source, store).round().waiting == []


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an image of 128 pixels be a scene that is not held in memory."""
    monkeypatch.setattr(scenes, "WINDOW", 64)
    monkeypatch.setattr(scenes, "OVERLAP", 16)
    for module in (windows, stores):
        monkeypatch.setattr(module, "MAX_PIXELS", 100 * 100)


@pytest.mark.usefixtures("small_windows")
def test_a_scene_of_a_bucket_is_predicted_by_windows_and_none_of_what_lay_there_before(
    store: Store, prefix: str, put: Put
) -> None:
    source = BucketSource(prefix, settle_s=NEVER_WAITS)
    put("scene.tif", 0)
    assert open_watch(source, store).round(until=0.0).waiting == ["scene.tif"]  # one window is kept
    put("scene.tif", 1)
    put("same.tif", 1)
    assert states(open_watch(source, store)) == {"scene.tif": "predicted", "same.tif": "predicted"}
    first, second = (store.read(prediction) for prediction in store.for_model(KEY).values())
    assert np.array_equal(first, second)


@pytest.mark.usefixtures("small_windows")
def test_a_scene_of_an_archive_is_one_by_its_header_whatever_its_item_says(
    tmp_path: Path, images: RangeServer, store: Store
) -> None:
    path = write_catalog(tmp_path / "archive", [scene(0, images)])
    (ended,) = open_watch(ArchiveSource(f"stac:{path}"), store).round().ended
    assert (ended.state, ended.facts.get("reason")) == ("predicted", None)
    assert from_json(ended.facts["record"]).width == 128
    (prediction,) = store.for_model(KEY).values()
    assert store.is_whole(prediction)
