"""The dashboard below a path and behind proxies: addresses, redirects, who may set X-Forwarded headers, the same-origin guard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Run
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.routes.proxies import hub_prefixes, url_prefix
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tiles.errors import UsageError

PREFIX = "/user/me/proxy/8050/"
Clients = Callable[..., FlaskClient]


@pytest.fixture(scope="module")
def client_of(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """Gives a client of a dashboard that is started with some prefixes and trusted proxies; one a way of starting it."""
    made: dict[str, tuple[Workspace, FlaskClient]] = {}

    def client(*prefixes: str, trusted: tuple[str, ...] = (), allowed: tuple[str, ...] = ()) -> FlaskClient:
        key = repr((prefixes, trusted, allowed))
        if key not in made:
            data = tmp_path_factory.mktemp("behind")
            workspace = Workspace(
                Settings((simulated,), data, url_prefixes=prefixes, trusted_proxies=trusted, allowed_hosts=allowed)
            )
            made[key] = workspace, create_app(workspace).server.test_client()
        return made[key][1]

    yield client
    for workspace, _ in made.values():
        workspace.close()


def tilejson(client: FlaskClient, path: str = "/", **sent: Any) -> str:
    """Return the address of tiles that TileJSON gives, asked below a path."""
    chip = client.get("/uploads/catalog").json["chips"][0]["id"]  # type: ignore[index]
    answer = client.get(f"{path}tiles/composite/{chip}/tilejson.json", **sent)
    assert answer.status_code == 200, answer.text
    return str(answer.json["tiles"][0])  # type: ignore[index]


def test_every_address_in_the_page_is_relative_so_that_it_holds_below_any_path(client_of: Clients) -> None:
    for client, path in ((client_of(), "/"), (client_of(PREFIX), "/"), (client_of(PREFIX), PREFIX)):
        page = client.get(path).get_data(as_text=True)
        files = [url for url in re.findall(r'(?:src|href)="([^"]+)"', page) if not url.startswith("data:")]
        assert len(files) > 40
        assert [url for url in files if not url.startswith("./")] == []
        told = re.search(r'id="_dash-config"[^>]*>(.*?)</script>', page)
        assert told is not None
        assert json.loads(told[1])["requests_pathname_prefix"] == "./"


def test_a_server_with_a_prefix_answers_below_it_and_without_it(client_of: Clients) -> None:
    client = client_of(PREFIX)
    for path in ("/", PREFIX):
        assert client.get(f"{path}healthz").json["status"] == "ok"  # type: ignore[index]
        assert client.get(f"{path}_dash-layout").status_code == 200
        assert tilejson(client, path).startswith(f"http://localhost{PREFIX}tiles/composite/")
        tile = tilejson(client, path).removeprefix("http://localhost").format(z=3, x=0, y=0)
        assert client.get(tile).status_code == 200


def test_a_prefix_without_its_slash_is_sent_on_and_keeps_what_stands_behind_it(client_of: Clients) -> None:
    answer = client_of(PREFIX).get(f"{PREFIX.rstrip('/')}?chip=a%20b")
    assert (answer.status_code, answer.headers["Location"]) == (307, "./8050/?chip=a%20b")


def test_a_path_that_only_begins_like_the_prefix_is_no_page(client_of: Clients) -> None:
    answer = client_of(PREFIX).get("/user/me/proxy/80500/")
    assert answer.status_code == 404
    assert f"the dashboard is at {PREFIX}" in answer.text


def test_a_path_that_is_left_on_without_an_option_is_told_with_the_option(client_of: Clients) -> None:
    answer = client_of().get(PREFIX)
    assert answer.status_code == 404
    assert "--url-prefix" in answer.text


def test_a_prefix_with_letters_that_addresses_encode_is_understood(client_of: Clients) -> None:
    client = client_of("/user/m%C3%BCller%40x.org/")
    for path in ("/user/m%C3%BCller%40x.org/", "/user/m%C3%BCller@x.org/", "/"):
        assert client.get(f"{path}healthz").status_code == 200
        assert tilejson(client, path).startswith("http://localhost/user/m%C3%BCller%40x.org/tiles/")


def test_a_proxy_of_this_machine_is_heard_by_default(client_of: Clients) -> None:
    told = {"X-Forwarded-Host": "hub.example.org", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/a/b"}
    for client in (client_of(), client_of(PREFIX)):
        assert tilejson(client, headers=told).startswith("https://hub.example.org/a/b/tiles/")
    assert client_of().get("/a/b/healthz", headers=told).status_code == 200, "it says its path and leaves it on"


@pytest.mark.parametrize(
    ("trusted", "address", "heard"),
    [
        ((), "192.0.2.7", False),
        ((), "::1", True),
        ((), "::ffff:127.0.0.1", True),
        (("192.0.2.0/24",), "192.0.2.7", True),
        (("192.0.2.0/24",), "198.51.100.7", False),
        (("192.0.2.7",), "::ffff:192.0.2.7", True),
        (("*",), "2001:db8::1", True),
    ],
)
def test_other_machines_are_heard_where_the_operator_trusts_them(
    client_of: Clients, trusted: tuple[str, ...], address: str, heard: bool
) -> None:
    told = {"X-Forwarded-Host": "elsewhere.example", "X-Forwarded-Prefix": "/x"}
    found = tilejson(client_of(trusted=trusted), headers=told, environ_base={"REMOTE_ADDR": address})
    assert found.startswith("http://elsewhere.example/x/tiles/" if heard else "http://localhost/tiles/")


def test_a_forwarded_prefix_that_is_no_path_is_not_heard(client_of: Clients) -> None:
    for nonsense in ("https://elsewhere.example/", "/a/../b", "/a?b", "/a#b", "/a%zz"):
        assert tilejson(client_of(), headers={"X-Forwarded-Prefix": nonsense}).startswith("http://localhost/tiles/")


BROWSER = {"X-Floodscope": "page", "Origin": "https://hub.example.org"}


@pytest.mark.parametrize(
    ("sent", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "X-Forwarded-Host": "hub.example.org"}, False),
        ({"Sec-Fetch-Site": "same-site", "Host": "hub.example.org"}, False),
        ({"X-Forwarded-Host": "hub.example.org"}, True),
        ({"X-Forwarded-Host": "hub.example.org:443", "X-Forwarded-Proto": "https"}, True),
        ({"Host": "hub.example.org"}, True),
        ({"Host": "hub.example.org", "X-Forwarded-Host": "inner:8888"}, True),
        ({"X-Forwarded-Host": "hub.example.org.elsewhere.example"}, False),
        ({"X-Forwarded-Host": "hub.example.org", "Origin": "null"}, False),
        ({}, False),
    ],
)
def test_the_guard_knows_its_own_page_behind_a_proxy(client_of: Clients, sent: dict[str, str], allowed: bool) -> None:
    # A proxy that leaves Host as it is asks by the public name, which has to be given.
    client = client_of(allowed=("*",)) if "Host" in sent else client_of()
    answer = client.delete("/uploads/nothing", headers=BROWSER | sent)
    assert answer.status_code == (404 if allowed else 403), answer.text


def test_a_proxy_that_asks_by_an_address_of_this_machine_may_tell_any_public_name(client_of: Clients) -> None:
    told = {"Host": "127.0.0.1:8050", "X-Forwarded-Host": "hub.example.org"}
    assert client_of().get("/uploads/catalog", headers=told).status_code == 200
    # The address of --host, which the server adds to the names, is none that people have given.
    assert client_of(allowed=("127.0.0.1",)).get("/uploads/catalog", headers=told).status_code == 200
    assert client_of(allowed=("hub.example.org",)).get("/uploads/catalog", headers=told).status_code == 200
    # Where names are given, it is one of these; and what asks by another name itself is no proxy of this machine.
    assert client_of(allowed=("flood.example",)).get("/uploads/catalog", headers=told).status_code == 421
    rebound = {"Host": "rebound.example", "X-Forwarded-Host": "localhost"}
    assert client_of().get("/uploads/catalog", headers=rebound).status_code == 421


def test_the_guard_does_not_hear_a_host_from_an_untrusted_machine(client_of: Clients) -> None:
    sent = BROWSER | {"X-Forwarded-Host": "hub.example.org"}
    answer = client_of().delete("/uploads/nothing", headers=sent, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert answer.status_code == 403
    assert "X-Forwarded-Host" in answer.text


def test_prefixes_come_in_one_form() -> None:
    assert url_prefix("flood") == url_prefix("/flood/") == url_prefix(" /flood ") == "/flood/"
    assert url_prefix("/") == url_prefix("") == "/"
    assert url_prefix("/ä b%40c/") == "/%C3%A4%20b%40c/"
    for wrong in ("https://host/flood/", "/a?b", "/a#b", "/a/../b", "/a/./b", "/a%2", "/a//b"):
        with pytest.raises(UsageError, match="give its path alone"):
            url_prefix(wrong)


def test_jupyterhub_names_the_prefixes_of_a_port() -> None:
    both = ("/user/me/proxy/18050/", "/user/me/proxy/absolute/18050/")
    assert hub_prefixes({"JUPYTERHUB_SERVICE_PREFIX": "/user/me/"}, 18050) == both
    assert hub_prefixes({"JUPYTERHUB_SERVICE_PREFIX": "/user/me"}, 18050) == both
    assert hub_prefixes({}, 18050) == hub_prefixes({"JUPYTERHUB_SERVICE_PREFIX": "/"}, 18050) == ()


def test_a_prefix_or_proxy_that_is_none_is_a_line_at_the_start(
    floodscope: Run, simulated: Path, tmp_path: Path
) -> None:
    options = ("dashboard", simulated, "--data", tmp_path, "--model", "backscatter", "--no-browser", "--port", "0")
    wrong = floodscope(*options, "--url-prefix", "https://host/flood")
    assert wrong.returncode == 2
    assert "give its path alone" in " ".join(wrong.stderr.split())
    strange = floodscope(*options, "--trust-proxy", "nginx")
    assert strange.returncode != 0
    assert "'nginx' is no address of a proxy" in strange.stderr
