"""Layers that people add come from hosts that the operator named, and the content policy opens for these alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.app import create_app
from dashboard.basemaps.basemap import basemap_of
from dashboard.basemaps.hosts import layer_hosts
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.tiles.chips import write_pair
from tiles.errors import UsageError


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        ("tiles.example.org", "https://tiles.example.org"),
        (" Tiles.Example.org:8443/ ", "https://tiles.example.org:8443"),
        ("https://tiles.example.org:443", "https://tiles.example.org"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:80/", "http://[::1]"),
        ("localhost", "https://localhost"),
        ("http://my_tiles.local", "http://my_tiles.local"),
        ("bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_a_host_is_written_as_a_browser_writes_its_origin(said: str, origin: str) -> None:
    assert layer_hosts([said, said]) == (origin,)


@pytest.mark.parametrize(
    "said",
    [
        *(
            "",
            " ",
            "*",
            "*.example.org",
            "https://*.example.org",
            "ftp://example.org",
            "https://example.org/tiles",
            "a b",
        ),
        *(
            "https://user@example.org",
            "https://example.org?x=1",
            "example.org:port",
            "example.org; script-src *",
            "'self'",
        ),
        *("https:", "https://example.org#a", "-a.example", "example..org", "https://{s}.example.org", "data:"),
    ],
)
def test_what_is_no_host_is_refused_in_a_sentence(said: str) -> None:
    with pytest.raises(UsageError, match=r"--layer-host .* is no host"):
        layer_hosts([said])


def test_the_policy_opens_for_pictures_and_data_of_these_hosts_alone(tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "lake")
    basemap = basemap_of("https://base.example.org/{z}/{x}/{y}.png", "Somebody")
    policies = {}
    for hosts in ((), layer_hosts(["a.example.org", "http://b.example.org:81", "base.example.org"])):
        settings = Settings(
            (tmp_path / "chips",), tmp_path / "data", model="backscatter", basemap=basemap, layer_hosts=hosts
        )
        workspace = Workspace(settings)
        try:
            policies[hosts] = create_app(workspace).server.test_client().get("/").headers["Content-Security-Policy"]
        finally:
            workspace.close()
    without, opened = policies.values()
    assert "connect-src 'self';" in without
    assert opened == without.replace(
        "img-src 'self' https://base.example.org",
        "img-src 'self' https://base.example.org https://a.example.org http://b.example.org:81",
    ).replace(
        "connect-src 'self'",
        "connect-src 'self' https://a.example.org http://b.example.org:81 https://base.example.org",
    )
