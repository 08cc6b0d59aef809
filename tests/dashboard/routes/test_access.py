"""Every route and callback stands in the table of who may do what, and passes the one hook.

Without this file a route could be added that asks nobody, and another page's script could have chips predicted or removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest
from dash import Dash
from flask import Request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboard.app import create_app
from dashboard.routes.access import CALLBACKS, ROUTES, WORDS, Action
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.waiting import eventually

ACTIONS: tuple[Action, ...] = get_args(Action)
HEADERS = {"X-Floodscope": "test"}
MODEL = "backscatter"
UNTOUCHED = "backscatter:otsu"  # under which no other test here has anything predicted
FOREIGN = (
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
)
OWN: tuple[dict[str, str], ...] = (
    {},
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
)
READING = {"GET", "HEAD", "OPTIONS"}


@dataclass
class Forbidding:
    """A policy that forbids some actions, and notes what it was asked."""

    forbidden: set[Action] = field(default_factory=set)
    asked: list[Action] = field(default_factory=list)

    def allows(self, action: Action, asked: Request) -> bool:
        assert asked.method
        self.asked.append(action)
        return action not in self.forbidden


@dataclass(frozen=True)
class Ask:
    """A request that is as good as any of its kind: a route, or a callback and what triggers it."""

    name: str
    action: Action
    method: str
    address: str
    json: dict[str, Any] | None = None

    def send(self, client: FlaskClient, headers: dict[str, str]) -> TestResponse:
        body = {} if self.method == "GET" else {"json": self.json or {}}
        return client.open(self.address, method=self.method, headers=HEADERS | headers, **body)  # type: ignore[arg-type]


def callback(app: Dash, name: str, *changed: str) -> dict[str, Any]:
    """Return what the page sends to have a callback run, triggered by a change of some components."""
    output, entry = next(
        (o, e) for o, e in app.callback_map.items() if getattr(e.get("callback"), "__name__", "") == name
    )
    values = {"model": MODEL, "asked": None}
    ids = [one.split(".") for one in output.strip(".").split("...")]
    outputs = [{"id": place, "property": prop} for place, prop in ids]
    inputs, state = (
        [{**place, "value": values.get(place["id"])} for place in entry[kind]] for kind in ("inputs", "state")
    )
    props = [f"{p['id']}.{p['property']}" for p in inputs if p["id"] in changed]
    return {
        "output": output,
        "outputs": outputs if output.startswith("..") else outputs[0],
        "inputs": inputs,
        "state": state,
        "changedPropIds": props,
    }


def everything(app: Dash) -> Iterator[Ask]:
    """Every route with each of its methods, and every callback of the server with each of its triggers."""
    for rule in app.server.url_map.iter_rules():
        address = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if rule.endpoint != "/_dash-update-component":
                yield Ask(f"{method} {rule.rule}", ROUTES[rule.endpoint], method, address)
    update = "/_dash-update-component"
    for entry in app.callback_map.values():
        if "callback" in entry:
            name = entry["callback"].__name__
            does = CALLBACKS[name]
            for trigger in (place["id"] for place in entry["inputs"]):
                action = does if isinstance(does, str) else does[trigger]
                yield Ask(f"{name} by {trigger}", action, "POST", update, callback(app, name, trigger))


@pytest.fixture(scope="module")
def workspace(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = Workspace(Settings((simulated,), tmp_path_factory.mktemp("access"), model=MODEL))
    yield made
    made.close()


@pytest.fixture(scope="module")
def policy() -> Forbidding:
    return Forbidding()


@pytest.fixture(scope="module")
def app(workspace: Workspace, policy: Forbidding) -> Dash:
    made = create_app(workspace, policy)
    assert made.server.test_client().get("/healthz").status_code == 200
    return made


@pytest.fixture
def client(app: Dash, policy: Forbidding) -> Iterator[FlaskClient]:
    policy.forbidden, policy.asked = set(), []
    yield app.server.test_client()
    policy.forbidden = set()


def test_the_tables_name_what_there_is_and_nothing_else(app: Dash) -> None:
    assert ROUTES.keys() == {rule.endpoint for rule in app.server.url_map.iter_rules()}
    served = {entry["callback"].__name__: entry for entry in app.callback_map.values() if "callback" in entry}
    assert CALLBACKS.keys() == served.keys()
    for name, does in CALLBACKS.items():
        if not isinstance(does, str):
            assert does.keys() == {place["id"] for place in served[name]["inputs"]}
    assert WORDS.keys() == set(ACTIONS)


def test_everything_is_refused_by_a_policy_that_forbids_it_and_by_no_other(
    app: Dash, client: FlaskClient, policy: Forbidding
) -> None:
    asks = list(everything(app))
    assert {ask.action for ask in asks} == set(ACTIONS)
    assert len(asks) > 40
    for ask in asks:
        policy.forbidden = {ask.action}
        refused = ask.send(client, {})
        assert (refused.status_code, refused.headers["Cache-Control"]) == (403, "no-store"), ask.name
        assert refused.get_json()["error"] == "ForbiddenError", ask.name
        assert WORDS[ask.action] in refused.get_json()["message"]
        policy.forbidden = set(ACTIONS) - {ask.action, "see"}  # every callback comes through a route that is seen
        allowed = ask.send(client, {})
        assert allowed.status_code != 403, (ask.name, allowed.text)
        if ask.json is not None:
            assert allowed.status_code in {200, 204}, (ask.name, allowed.text)


def test_another_origin_has_nothing_done(app: Dash, client: FlaskClient, policy: Forbidding) -> None:
    doing = [ask for ask in everything(app) if ask.method not in READING]
    assert {ask.action for ask in doing} > {"predict", "cancel", "export", "upload", "remove", "count"}
    for ask in doing:
        policy.asked.clear()
        for headers in FOREIGN:
            refused = ask.send(client, headers)
            assert (refused.status_code, refused.get_json()["error"]) == (403, "ForeignRequestError"), (ask, headers)
        assert policy.asked == [], "refused before anything is done"
        for headers in OWN:
            assert ask.send(client, headers).status_code != 403, (ask, headers)


def test_what_is_only_read_does_nothing(app: Dash) -> None:
    reading = {ask.action for ask in everything(app) if ask.method in READING}
    assert reading == {"reach", "see", "export"}, "browsers say no origin where they only read"
    fetched = {ask.name for ask in everything(app) if ask.method in READING and ask.action == "export"}
    assert fetched == {"GET /exports/<export_id>", "GET /exports/<export_id>/file"}


def test_who_may_not_predict_sees_what_is_predicted(
    app: Dash, client: FlaskClient, policy: Forbidding, workspace: Workspace
) -> None:
    stored, not_yet = (record.id for record in workspace.catalog.usable()[:2])
    eventually(lambda: workspace.open_chip(stored, UNTOUCHED, "stored")["prediction"])

    def opened(chip: str) -> list[dict[str, Any]]:
        asked = {"id": chip, "model": UNTOUCHED, "click": "of a page"}
        body = callback(app, "open_chip", "asked")
        body["inputs"][0]["value"] = asked
        by_page = client.post("/_dash-update-component", json=body).get_json()["response"]["opened"]["data"]
        return [by_page, client.post(f"/inspect/prediction/{chip}", json=asked).get_json()]

    policy.forbidden = {"predict"}
    for answer in opened(stored):
        assert answer["error"] is None
        assert answer["prediction"]["id"] == stored
    for answer in opened(not_yet):
        assert (answer["prediction"], answer["pending"]) == (None, False)
        assert not_yet in answer["error"]
        assert "not predicted yet" in answer["error"]
    begun = {"model": UNTOUCHED, "threshold": 0.5, "formats": ["csv"], "chips": [stored, not_yet]}
    export = client.post("/exports", json=begun, headers=HEADERS).get_json()
    while export["running"]:
        export = client.get(f"/exports/{export['id']}").get_json()
    assert export["state"] == "done", export
    assert [note for note in export["notes"] if not_yet in note and "not predicted yet" in note]
    assert workspace.open_chip(not_yet, UNTOUCHED, may_predict=False)["prediction"] is None, (
        "nothing was predicted on the way"
    )
    policy.forbidden = set()
    assert [answer["error"] for answer in opened(not_yet)] == [None, None]


def test_tiles_are_everybodys_only_where_everything_is(client: FlaskClient, workspace: Workspace) -> None:
    record = workspace.catalog.usable()[0]
    address = f"/tiles/composite/{record.id}/{record.revision()}/3/1/1.png"
    kept = client.get(address)
    assert (kept.status_code, kept.headers["Cache-Control"]) == (200, "private, max-age=31536000, immutable")
    assert "Access-Control-Allow-Origin" not in kept.headers
    shared = create_app(workspace).server.test_client().get(address)
    assert shared.headers["Cache-Control"].startswith("public,")
    assert shared.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"output": "nothing.data"}',
        b'{"output": ["opened.data"]}',
        b'{"output": "version.data", "inputs": [], "changedPropIds": []}',
        b'{"output": "opened.data", "changedPropIds": {"a": 1}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_callback_of_the_server_is_told_so(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/_dash-update-component", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "UsageError")
