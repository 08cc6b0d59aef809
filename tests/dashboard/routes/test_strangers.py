"""Requests of strangers: none is answered by a bare 500, by a name that is not the server's own, or for another page's sake."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dash import Dash
from flask import Flask
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.routes.hosts import guard_names
from dashboard.routes.http import serve_well
from dashboard.routes.limits import Clients, limit_clients
from dashboard.server import openness
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.hostile import share
from tests.requests_of_strangers import Strangers
from tests.waiting import eventually
from tiles.catalog.catalog import Catalog
from tiles.chip import ChipRecord
from tiles.errors import ChipNotFoundError, UsageError


@pytest.fixture(scope="module")
def workspace(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    settings = Settings(
        (simulated,), tmp_path_factory.mktemp("strangers"), model="backscatter", allowed_hosts=("flood.example",)
    )
    made = Workspace(settings)
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(workspace: Workspace) -> Dash:
    return create_app(workspace)


@pytest.fixture
def client(app: Dash) -> FlaskClient:
    return app.server.test_client()


def test_random_requests_are_answered_in_a_sentence_and_none_is_a_defect(
    app: Dash, client: FlaskClient, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    chip = workspace.catalog.usable()[0]
    opened = eventually(lambda: workspace.open_chip(chip.id, "backscatter", "x")["prediction"])
    known = [chip.id, chip.revision(), opened["revision"], "backscatter"]
    statuses = set()
    for method, address, headers, body in Strangers(app, known, seed=3).requests(share(400, 20_000)):
        answer = client.open(address, method=method, headers=headers, data=body)
        statuses.add(answer.status_code)
        assert answer.status_code < 500, (method, address, body[:200], answer.text)
        if answer.status_code >= 400 and method != "HEAD" and answer.is_json:
            assert answer.get_json()["message"], (method, address)
    assert {200, 400, 403, 404, 405} <= statuses
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8050", "Flood.Example", "127.0.0.1:8050", "[::1]:8050", "192.168.1.7", "flood.example"],
)
def test_the_servers_own_names_and_bare_addresses_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example:8050"},
        {"Host": "rebound.example:8050", "X-Forwarded-Host": "localhost"},
        {"Host": "localhost", "X-Forwarded-Host": "rebound.example"},
        {"Host": "127.0.0.1.rebound.example"},
        {"Host": "flood.example.rebound.example"},
        {"Host": "sub.flood.example"},
    ],
    ids=str,
)
def test_another_name_of_this_machine_is_told_the_option(client: FlaskClient, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/"), ("GET", "/uploads/catalog"), ("POST", "/exports"), ("GET", "/nothing")):
        refused = client.open(path, method=method, headers=headers)
        assert (refused.status_code, refused.get_json()["error"]) == (421, "HostError"), (path, refused.text)
        assert "--allowed-host " in refused.get_json()["message"]


def test_another_pages_pictures_and_links_have_nothing_computed(client: FlaskClient, workspace: Workspace) -> None:
    chip = workspace.catalog.usable()[0]
    place = f"/inspect/point/{chip.id}/{chip.revision()}?lon=1&lat=1"
    thumbnail = f"/review/thumbnails/composite/{chip.id}/{chip.revision()}.png"
    for address in (place, thumbnail, f"/review/metadata/{chip.id}", "/review/predictions?model=backscatter"):
        assert client.get(address, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403, address
        assert client.get(address, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200, address
    tile = f"/tiles/composite/{chip.id}/{chip.revision()}/3/1/1.png"  # maps on other pages may show tiles
    assert client.get(tile, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize(
    "defect",
    # A connection that breaks on the way to something else is no fault of the request.
    [KeyError("what is not there"), ConnectionResetError("what is not there"), TimeoutError("what is not there")],
    ids=lambda defect: type(defect).__name__,
)
def test_a_defect_is_told_by_a_number_that_the_log_has_its_traceback_under(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, defect: Exception
) -> None:
    def fail() -> None:
        raise defect

    app = create_app(workspace)
    app.server.view_functions["server.endpoints"] = fail
    with caplog.at_level(logging.ERROR):
        answer = app.server.test_client().get("/endpoints")
    assert (answer.status_code, answer.get_json()["error"]) == (500, "Defect")
    (number,) = re.findall(r"under the number ([0-9a-f]{8})\.", answer.get_json()["message"])
    (record,) = (record for record in caplog.records if number in record.getMessage())
    assert record.exc_info is not None and record.exc_info[0] is type(defect)
    assert "GET /endpoints" in record.getMessage() and "what is not there" not in answer.text


def test_the_id_that_was_meant_is_found_among_the_neighbours_of_ten_thousand() -> None:
    catalog = Catalog(ChipRecord(id=f"Ghana_{number * 7919 % 100_000:05d}_{number:05d}") for number in range(10_000))
    (wanted,) = (record.id for record in catalog.records()[4321:4322])
    for typed in (wanted[:-1], f"{wanted}0", wanted.replace("Ghana", "Gahna"), wanted.replace("G", "g")):
        with pytest.raises(ChipNotFoundError, match=f"did you mean {wanted}"):
            catalog.get(typed)
    assert len(catalog._neighbours(wanted[:-1])) <= 160, "of ten thousand, few are compared"


def test_a_client_elsewhere_has_a_share_that_comes_back_and_others_have_their_own() -> None:
    clients = Clients(requests=60, sent=1000)
    assert [clients.take("a", 0, 5.0) for _ in range(61)] == [True] * 60 + [False]
    assert clients.take("b", 900, 5.0) and not clients.take("b", 900, 5.0)
    assert clients.take("a", 0, 6.0) and not clients.take("a", 0, 6.0)
    assert clients.take("b", 900, 60.0)
    assert clients.take("c", 5000, 60.0), "what alone is more than a share is refused by its own limit, not by this one"
    for number in range(20_000):
        clients.take(f"client-{number}", 0, 60.0)
    assert len(clients._left) <= 10_000


def test_who_asks_too_much_from_another_machine_is_told_and_a_proxy_of_this_one_is_not() -> None:
    server = Flask("limited")
    serve_well(server)
    limit_clients(server, Clients(requests=3))
    server.get("/healthz")(lambda: "ok")
    asked = [
        [server.test_client().get("/healthz", environ_base={"REMOTE_ADDR": address}) for _ in range(5)]
        for address in ("10.0.0.7", "127.0.0.1", "::ffff:127.0.0.1", "")
    ]
    assert [answer.status_code for answer in asked[0]] == [200, 200, 200, 429, 429]
    assert "wait a moment" in asked[0][-1].get_json()["message"]
    assert {answer.status_code for one in asked[1:] for answer in one} == {200}


@pytest.mark.parametrize(
    ("host", "warns"), [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True)]
)
def test_listening_to_other_machines_is_warned_of(host: str, warns: bool) -> None:
    assert ("there is no login" in (openness(host) or "")) == warns


@pytest.mark.parametrize(
    "said", ["http://flood.example/", "flood.example/maps", "https://flood.example:8050", " ", "a b"]
)
def test_a_name_that_can_be_nobodys_is_refused_when_the_server_starts(said: str) -> None:
    with pytest.raises(UsageError, match="is no name of a host"):
        guard_names(Flask("x"), [said])
    guard_names(Flask("x"), ["flood.example", ".flood.example", "flood.example:8050", "*"])
