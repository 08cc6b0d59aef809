"""floodscope watch, as a user runs it: killed, started again, and asked for what it cannot do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import FLOODSCOPE, Run

from model.store.store import Store
from tests.receiving import SECRET, receiver
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def arguments(inbox: Path, *more: str) -> list[str]:
    data = inbox.with_name("data")
    return ["watch", str(inbox), "--model", "backscatter", "--data", str(data), "--settle", "0.1s", *more]


def drop(inbox: Path, simulated: Path, count: int, prefix: str = "c") -> None:
    images = sorted(simulated.rglob("*S1Hand.tif"))
    for number in range(count):
        shutil.copy(images[number % len(images)], inbox / f"{prefix}{number}.tif")


def test_killed_at_any_moment_it_predicts_each_chip_once_and_tells_each_once(inbox: Path, simulated: Path) -> None:
    count = 10
    with receiver(("take", "refuse", "take", "take", "late", "take", "take"), late_s=1.0) as got:
        more = ["--every", "0.2s", "--alert-above", "0", "--webhook", got.url, "--webhook-timeout", "0.5s"]
        environment = {**os.environ, "FLOODSCOPE_WEBHOOK_SECRET": SECRET.decode()}

        def start() -> subprocess.Popen[bytes]:
            command = [FLOODSCOPE, *arguments(inbox, *more)]
            return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        with Store(inbox.with_name("data")) as store:
            drop(inbox, simulated, count // 2, "first")
            process = start()
            try:
                eventually(lambda: store.streams.mark()[0], lambda n: n > 1)  # in the middle of what it does
            finally:
                process.kill()
                process.wait()
            drop(inbox, simulated, count // 2, "second")
            process = start()
            try:
                eventually(lambda: store.streams.mark()[0], lambda n: n == count)
                arrivals = store.streams.arrivals(limit=1000)
                (stream,) = {arrival.stream for arrival in arrivals}
                eventually(lambda: store.streams.outbox(stream), lambda counts: counts == {"sent": count})
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE_S) == 0
            finally:
                process.kill()
            assert [model.chips for model in store.models()] == [count]
        assert len({arrival.item for arrival in arrivals}) == len(arrivals) == count
        assert set(got.bodies) == {arrival.delivery("webhook") for arrival in arrivals}
        assert got.faults == []


def test_once_for_cron_tells_what_is_new_by_its_exit_code_and_writes_the_feed(
    inbox: Path, simulated: Path, floodscope: Run
) -> None:
    drop(inbox, simulated, 2)
    (inbox / "bad.tif").write_bytes(b"no image")
    for path in inbox.iterdir():
        os.utime(path, (1e9, 1e9))
    feed = inbox.with_name("feed")
    more = ["--once", "--alert-above", "0", "--feed", str(feed), "--page", "https://flood.example.org"]
    done = floodscope(*arguments(inbox, *more))
    assert done.returncode == 3, done.stderr
    assert done.stdout.count("ALERT") == 2
    assert "bad.tif is set aside" in done.stderr
    assert len(list((feed / "cap").iterdir())) == 2
    text = (feed / "floodscope.atom").read_text()
    assert text.count("<entry>") == 2
    assert "https://flood.example.org/?chip=c0&amp;model=backscatter" in text
    again = floodscope(*arguments(inbox, *more))
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert (feed / "floodscope.atom").read_text() == text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--webhook", "https://host/x"], "FLOODSCOPE_WEBHOOK_SECRET"),
        (["--every", "often"], "write 30s, 5m or 2h"),
        (["--page", "flood.example.org"], "no address of a page"),
        (["--sender", "me & you"], "cannot be CAP's sender"),
        (["--model", "nothing"], "nothing"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_done(
    inbox: Path, floodscope: Run, monkeypatch: pytest.MonkeyPatch, more: list[str], words: str
) -> None:
    monkeypatch.delenv("FLOODSCOPE_WEBHOOK_SECRET", raising=False)
    done = floodscope(*arguments(inbox, "--once", *more))
    assert done.returncode in {1, 2}
    assert words in done.stderr
    assert not inbox.with_name("data").exists()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("s3://", "no place in an object store"),
        ("https://host/a.tif", "to which nothing new comes"),
        ("stac:https://host?cloud=1", "nothing that an archive is asked for"),
        ("nowhere", "no folder that is there"),
    ],
)
def test_a_source_that_nothing_comes_to_is_refused(tmp_path: Path, floodscope: Run, source: str, words: str) -> None:
    done = floodscope("watch", source, "--once", "--model", "backscatter", "--data", tmp_path / "data")
    assert done.returncode in {1, 2}
    assert words in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json", "it is no JSON"),
        ('{"type": "Point", "coordinates": [0, 0]}', "no GeoJSON Polygon"),
        ('{"type": "FeatureCollection", "features": []}', "holds no polygon"),
        ('{"type": "FeatureCollection", "features": 7}', "is no area"),
        ("[]", "holds no polygon"),
    ],
)
def test_a_file_that_is_no_area_is_named(inbox: Path, floodscope: Run, text: str, words: str) -> None:
    area = inbox.with_name("area.geojson")
    area.write_text(text)
    done = floodscope(*arguments(inbox, "--once", "--area", str(area)))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr and "area.geojson" in done.stderr


def test_an_area_of_several_features_takes_what_lies_in_any(inbox: Path, simulated: Path, floodscope: Run) -> None:
    drop(inbox, simulated, 1)
    os.utime(inbox / "c0.tif", (1e9, 1e9))
    square = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    world = [[-179, -80], [179, -80], [179, 80], [-179, 80], [-179, -80]]
    for rings, name, found in (([square], "none", 0), ([square, world], "all", 1)):
        area = inbox.with_name(f"{name}.geojson")
        features = [{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}} for ring in rings]
        area.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        done = floodscope(*arguments(inbox, "--once", "--area", str(area)))
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("km²") == found
