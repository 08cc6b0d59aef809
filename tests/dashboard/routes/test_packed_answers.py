"""What a first visit costs on the wire: all that packs well is sent packed, in a way that the browser knows."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.server import prepare
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tiles.catalog.columns import Table

pytestmark = pytest.mark.slow

CHROMIUM = {"Accept-Encoding": "gzip, deflate, br, zstd"}


@pytest.fixture(scope="module")
def workspace(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = Workspace(Settings((simulated,), tmp_path_factory.mktemp("packed")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(workspace: Workspace) -> FlaskClient:
    return create_app(workspace).server.test_client()


def test_scripts_styles_maps_and_answers_are_packed(client: FlaskClient) -> None:
    page = client.get("/", headers=CHROMIUM)
    assert page.headers["Content-Encoding"] == "br"
    text = client.get("/").get_data(as_text=True)
    named = re.findall(r'(?<!-)(?:src|href)="\.?/?(_dash-[^"]+|assets/[^"]+|modules/[^"]+)"', text)
    addresses = {a.replace("&amp;", "&") for a in named}
    assert len(addresses) > 40
    # What the page asks for after it has begun.
    addresses |= {"_dash-layout", "_dash-dependencies"}
    wire = 0
    for address in addresses:
        answer = client.get(f"/{address}", headers=CHROMIUM)
        assert answer.status_code == 200, address
        small = len(client.get(f"/{address}").data) < 500
        assert answer.headers.get("Content-Encoding") == ("br" if not small or answer.is_streamed else None), address
        wire += len(answer.data)
    # ag-grid comes with the first table, in two scripts (0.53 MB).
    assert wire < 0.85e6


def test_each_browser_gets_what_it_can_unpack(client: FlaskClient) -> None:
    address = "/assets/countries.geojson"
    plain = client.get(address)
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    first = client.get(address, headers=CHROMIUM)
    assert client.get(address, headers=CHROMIUM | {"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert brotli.decompress(first.data) == plain.data
    assert len(first.data) < 0.75 * len(
        brotli.compress(plain.data, quality=9)
    )  # it was packed beforehand, with patience
    packed = client.get("/_dash-layout", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.data) == client.get("/_dash-layout").data
    icon = client.get("/assets/favicon.svg", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in icon.headers


def test_what_is_packed_already_is_sent_as_it_is(workspace: Workspace, client: FlaskClient) -> None:
    record = workspace.catalog.usable()[0]
    picture = client.get(f"/review/thumbnails/composite/{record.id}/{record.revision()}.png", headers=CHROMIUM)
    assert (picture.status_code, picture.mimetype) == (200, "image/png")
    assert "Content-Encoding" not in picture.headers


def test_modules_are_kept_for_good_below_a_name_of_what_they_hold(client: FlaskClient) -> None:
    text = client.get("/").get_data(as_text=True)
    (entry,) = re.findall(r'<script type="module" src="\./([^"]+)"', text)
    answer = client.get(f"/{entry}")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in (entry.replace("callbacks", "nosuch"), re.sub(r"modules/\w+", "modules/0", entry), f"{entry}/../../x"):
        assert client.get(f"/{other}").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "packed"), [("gzip;q=0", None), ("gzip;q=0, br;q=0", None), ("br;q=0, gzip", "gzip")]
)
def test_what_a_client_refuses_it_does_not_get(client: FlaskClient, wanted: str, packed: str | None) -> None:
    for url in ("/", "/uploads/catalog"):
        assert client.get(url, headers={"Accept-Encoding": wanted}).headers.get("Content-Encoding") == packed


@pytest.mark.parametrize("url", ["/catalog/chips", "/catalog/predictions?model=backscatter"])
def test_catalog_and_predictions_are_packed_columns(workspace: Workspace, client: FlaskClient, url: str) -> None:
    own = {"X-Floodscope": "page"}
    plain = client.get(url, headers=own | {"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    table = Table(plain.data)
    if "chips" in url:
        assert table.texts("id") == [record.id for record in workspace.catalog.records()]
        assert table.about["info"]["version"] == workspace.catalog.version
    else:
        assert (table.rows, set(table.about["place"])) == (0, {"of", "cursor"})
    packed = client.get(url, headers=own | CHROMIUM)
    assert len(packed.data) < len(plain.data)
    assert Table(brotli.decompress(packed.data)).rows == table.rows
    older = client.get(url, headers=own | {"Accept-Encoding": "gzip"})
    assert Table(gzip.decompress(older.data)).rows == table.rows


def test_what_every_page_asks_for_first_is_made_before_it_asks(
    workspace: Workspace, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = client.get("/catalog/chips", headers={"Accept-Encoding": "identity"}).data
    app = create_app(workspace).server
    prepare(app)
    monkeypatch.setattr(workspace, "chip_columns", lambda: pytest.fail("it is made already"))
    for packing, unpacked in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        answer = app.test_client().get("/catalog/chips", headers={"Accept-Encoding": packing})
        assert answer.status_code == 200 and unpacked(answer.data) == expected


def test_a_page_is_told_that_the_catalog_is_another_and_asks_for_columns(
    workspace: Workspace, client: FlaskClient
) -> None:
    told = client.get("/uploads/catalog?since=before&form=columns").get_json()
    assert told == {"version": workspace.catalog.version}
    assert client.get(f"/uploads/catalog?since={told['version']}&form=columns").status_code == 204
    before = {"of": "another process", "cursor": 3, "model": "backscatter", "form": "columns"}
    news = client.get("/uploads/catalog", query_string={"since": told["version"], **before}).get_json()
    assert news == {"predicted": {"model": "backscatter", "all": True}}
    assert client.get("/catalog/predictions?model=/etc/passwd", headers={"X-Floodscope": "page"}).status_code == 404
    with pytest.raises(ValueError, match="no table"):
        Table(b"nothing of that kind")
