"""Messages reach a receiver that refuses, hangs and answers late: each is taken once, signed, under one id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xmlschema

from model.store.store import Store
from model.store.streams import Arrival
from model.streams import courier as couriers
from model.streams.courier import GIVES_UP_S, Courier, Webhook
from model.streams.feed import ATOM, GEORSS, atom_feed
from model.streams.messages import CAP, cap_message, webhook_body
from tests.model.streams.conftest import VOICE, Drop, Open
from tests.receiving import SECRET, receiver
from tests.serving import dead_url
from tests.waiting import eventually
from tiles.errors import UsageError

pytestmark = pytest.mark.slow

SCHEMAS = Path(__file__).parent / "schemas"
STREAM = "0" * 32


def note(store: Store, count: int = 1, **kinds: str) -> list[Arrival]:
    arrivals = [Arrival(STREAM, f"{n}.tif", {f"{n}.tif": "1"}, "predicted") for n in range(count)]
    for arrival in arrivals:
        body = json.dumps({"delivery": arrival.delivery("webhook")})
        store.streams.note(arrival, {"webhook": body, **kinds})  # type: ignore[dict-item]
    return arrivals


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couriers, "_pause", lambda attempts: 0.05 * attempts)
    monkeypatch.setattr(couriers, "_IDLE_S", 0.05)


def test_a_receiver_that_refuses_hangs_and_answers_late_takes_each_message_once(store: Store) -> None:
    arrivals, told = note(store, 8), list[str]()
    manners = ("refuse", "take", "hang", "late", "take", "take")
    with receiver(manners, late_s=4) as got:  # far apart, as an answer of a busy machine is late too
        courier = Courier(store.streams, STREAM, told.append, Webhook(got.url, SECRET, timeout_s=2))
        courier.start()
        eventually(lambda: store.streams.outbox(STREAM), lambda counts: counts == {"sent": 8})
        courier.close()
        assert set(got.bodies) == {arrival.delivery("webhook") for arrival in arrivals}
        assert got.faults == []
        assert set(got.answered.values()) == {1}, "it was sent again after an answer"
        assert sum(got.tries.values()) > 8
    assert any("HTTP 503" in text and "tried again" in text for text in told)
    assert any("Timeout" in text for text in told)


def test_a_message_says_which_try_it_is_and_what_nobody_takes_is_given_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(store)
    told: list[str] = []
    courier = Courier(store.streams, STREAM, told.append, Webhook(dead_url(), SECRET, timeout_s=1))
    assert courier.deliver()
    assert not courier.deliver(), "it was tried again at once"
    (delivery,) = [store.streams.claim(STREAM, ["webhook"], 3e9, 0.0)]
    assert delivery is not None and delivery.attempts == 2
    monkeypatch.setattr(couriers.time, "time", lambda: delivery.created + GIVES_UP_S + 3600)
    store.streams.answered(delivery, "waiting", "", 0.0)
    assert courier.deliver()
    assert store.streams.outbox(STREAM) == {"given up": 1}
    assert "given up" in told[-1]


def test_a_message_that_another_process_has_in_hand_is_left_to_it(store: Store) -> None:
    note(store)
    assert store.streams.claim(STREAM, ["webhook"], 1e9, 60.0) is not None
    assert store.streams.claim(STREAM, ["webhook"], 1e9 + 59, 60.0) is None
    assert store.streams.claim(STREAM, ["webhook"], 1e9 + 61, 60.0) is not None, "its process was killed"


def test_a_redirection_is_not_followed_and_a_receiver_that_is_gone_is_let_go(store: Store) -> None:
    from tests.serving import Says, misbehaving_server

    note(store, 2)
    with misbehaving_server() as bad:
        bad.says(Says(302, headers={"Location": "http://127.0.0.1:1/"}), Says(410))
        courier = Courier(store.streams, STREAM, lambda _: None, Webhook(bad.url, SECRET, timeout_s=5))
        courier.deliver()
        courier.deliver()
    assert store.streams.outbox(STREAM) == {"waiting": 1, "given up": 1}


def test_without_a_webhook_nothing_is_posted_and_what_waits_is_kept(store: Store, tmp_path: Path) -> None:
    (arrival,) = note(store, cap="<alert/>")
    courier = Courier(store.streams, STREAM, lambda _: None, folder=tmp_path / "feed")
    assert courier.deliver()
    assert not courier.deliver()
    assert (tmp_path / "feed" / "cap" / f"{arrival.delivery('cap')}.xml").read_text() == "<alert/>"
    assert store.streams.outbox(STREAM) == {"sent": 1, "waiting": 1}


def test_a_feed_that_cannot_be_written_is_tried_again(store: Store, tmp_path: Path) -> None:
    note(store, cap="<alert/>")
    (tmp_path / "feed").write_text("a file in its place")
    told: list[str] = []
    courier = Courier(store.streams, STREAM, told.append, folder=tmp_path / "feed")
    courier.deliver()
    assert "tried again" in told[0]
    (tmp_path / "feed").unlink()
    assert eventually(courier.deliver)
    assert store.streams.outbox(STREAM) == {"sent": 1, "waiting": 1}


@pytest.mark.parametrize("url", ["ftp://host/x", "hook", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="no address of a webhook"):
        Webhook(url, SECRET)


def test_cap_messages_and_feeds_are_valid(open_watch: Open, store: Store, drop: Drop) -> None:
    drop("a.tif")
    drop("b & <c>.tif", 1)
    watch = open_watch(above=0.0, cap=True)
    ended = watch.round().ended
    cap = xmlschema.XMLSchema(str(SCHEMAS / "cap.xsd"))
    for arrival in ended:
        text = cap_message(arrival.delivery("cap"), arrival.facts, arrival.created, VOICE)
        assert list(cap.iter_errors(text)) == []
        found = xmlschema.XMLResource(text).root.find(f"{{{CAP}}}info/{{{CAP}}}area/{{{CAP}}}polygon")
        assert found is not None and found.text is not None
        corners = found.text.split()
        assert corners[0] == corners[-1]
        latitude, longitude = map(float, corners[0].split(","))
        assert [longitude, latitude] == arrival.facts["footprint"][0]
        assert json.loads(webhook_body("d", arrival.facts, arrival.created, VOICE))["type"] == "alert"
    assert not cap.is_valid(text.replace("<urgency>Unknown", "<urgency>Now")), "the schema sees nothing"
    atom = xmlschema.XMLSchema(str(SCHEMAS / "atom.xsd"))
    arrivals = store.streams.arrivals(limit=10)
    assert [a.item for a in arrivals] == [a.item for a in reversed(ended)]
    feed = atom_feed(watch.id, arrivals, VOICE)
    assert list(atom.iter_errors(feed.decode())) == []
    root = xmlschema.XMLResource(feed.decode()).root
    entries = root.findall(f"{{{ATOM}}}entry")
    for parent in (root, *entries):
        for name in ("id", "title", "updated"):
            assert len(parent.findall(f"{{{ATOM}}}{name}")) == 1, name
    assert len(root.findall(f"{{{ATOM}}}author")) == 1
    assert len({entry.findtext(f"{{{ATOM}}}id") for entry in entries}) == len(entries) == 2
    assert all(entry.find(f"{{{GEORSS}}}polygon") is not None for entry in entries)
    assert list(atom.iter_errors(atom_feed(watch.id, [], VOICE).decode())) == []
    assert not atom.is_valid(feed.decode().replace("<updated>", "<updated>x", 1))
