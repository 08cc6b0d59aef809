"""A base map is one host that is named with its owner; the page may have pictures from there, and nothing else from anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.app import create_app
from dashboard.basemaps.basemap import KNOWN, Basemap, basemap_of
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.tiles.chips import write_pair
from tiles.errors import UsageError

HERE = "https://tiles.example.org:8443/a/{z}/{x}/{y}.png?key=1"


def test_nothing_is_asked_of_anybody_unless_it_is_named() -> None:
    assert basemap_of(None, None) is None
    assert basemap_of("", None) is None


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_known_name_brings_its_owner(name: str) -> None:
    found = basemap_of(name.upper(), None)
    assert found == Basemap(*KNOWN[name])


def test_an_address_is_opened_by_its_host_and_port_alone() -> None:
    found = basemap_of(HERE, " Somebody ")
    assert found == Basemap(HERE, "Somebody")
    assert found is not None
    assert found.origin == "https://tiles.example.org:8443"


@pytest.mark.parametrize(
    ("address", "owner", "says"),
    [
        (HERE, None, "--basemap-attribution"),
        (None, "Somebody", "leave both out"),
        ("mapnik", "Somebody", "osm, opentopomap"),
        ("ftp://example.org/{z}/{x}/{y}.png", "Somebody", "is no base map"),
        ("https://user:word@example.org/{z}/{x}/{y}.png", "Somebody", "is no base map"),
        ("https://{s}.example.org/{z}/{x}/{y}.png", "Somebody", "name one host"),
        ("https://example.org; script-src */{z}/{x}/{y}.png", "Somebody", "name one host"),
        ("https://example.org/world.pmtiles", "Somebody", "download it"),
        ("https://example.org/{z}/{x}.png", "Somebody", "once each"),
        ("https://example.org/{z}/{x}/{y}/{style}.png", "Somebody", "nothing else in braces"),
    ],
)
def test_what_is_no_base_map_is_refused_in_a_sentence(address: str | None, owner: str | None, says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("*", r"\*")):
        basemap_of(address, owner)


def test_the_policy_opens_for_pictures_of_that_host_alone(tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "lake")
    policies = {}
    for basemap in (None, basemap_of(HERE, "Somebody")):
        settings = Settings((tmp_path / "chips",), tmp_path / "data", model="backscatter", basemap=basemap)
        workspace = Workspace(settings)
        try:
            page = create_app(workspace).server.test_client().get("/")
            policies[basemap] = page.headers["Content-Security-Policy"]
            assert ("tiles.example.org" in page.text) == (basemap is not None)
        finally:
            workspace.close()
    without, opened = policies.values()
    assert "http" not in without
    assert opened == without.replace("img-src 'self'", "img-src 'self' https://tiles.example.org:8443")
