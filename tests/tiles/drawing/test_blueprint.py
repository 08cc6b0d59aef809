"""The routes: what a map client is told and given, and that nothing in a URL can do harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served import REVISION, KeptPredictions, centre, decode, make_record
from werkzeug.test import TestResponse

from tiles.catalog.catalog import Catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import ChipRecord
from tiles.drawing.blueprint import tile_blueprint
from tiles.drawing.service import TileService
from tiles.probability import level

LAYERS = ("composite", "vv", "vh", "scores", "mask")


class Site:
    """A served chip, and a damaged one beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = make_record(folder / "chips")
        bad = make_record(folder / "chips", "bad")
        assert bad.vh is not None
        Path(bad.vh.path).write_bytes(b"not a raster")
        self.bad = bad
        self.predictions = KeptPredictions(folder)
        self.probability = self.predictions.predict(self.record)
        self.catalog = Catalog([self.record, bad])
        self.service = TileService(LiveCatalog(self.catalog), self.predictions)
        app = Flask("tiles")
        app.register_blueprint(tile_blueprint(lambda: self.service))
        self.client: FlaskClient = app.test_client()

    def url(self, layer: str, z: int = 14, record: ChipRecord | None = None) -> str:
        chip = record or self.record
        revision = REVISION if layer in {"scores", "mask"} else chip.revision()
        _, x, y = centre(chip, z)
        return f"/tiles/{layer}/{chip.id}/{revision}/{z}/{x}/{y}.png"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield Site(tmp_path_factory.mktemp("site"))


def _refused(response: TestResponse, status: int) -> str:
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    told = response.get_json()
    assert set(told) - {"chip"} == {"error", "message"}
    return str(told["message"])


@pytest.mark.parametrize("layer", LAYERS)
def test_a_tile_is_a_png_that_may_be_kept_for_ever(site: Site, layer: str) -> None:
    response = site.client.get(site.url(layer))
    assert response.status_code == 200
    assert response.mimetype == "image/png"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert decode(response.data)[..., 3].any()


def test_a_client_that_has_the_tile_is_told_so(site: Site) -> None:
    etag = site.client.get(site.url("composite")).headers["ETag"]
    again = site.client.get(site.url("composite"), headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert "immutable" in again.headers["Cache-Control"]
    assert site.client.get(site.url("composite"), headers={"If-None-Match": '"another"'}).status_code == 200


def test_the_double_tile_has_512_pixels(site: Site) -> None:
    response = site.client.get(site.url("composite").replace(".png", "@2x.png"))
    assert decode(response.data).shape == (512, 512, 4)
    _refused(site.client.get(site.url("composite").replace(".png", "@3x.png")), 400)


def test_outside_the_chip_a_tile_is_transparent_with_status_200(site: Site) -> None:
    response = site.client.get(f"/tiles/composite/chip_1/{site.record.revision()}/9/0/0.png")
    assert response.status_code == 200
    assert not decode(response.data)[..., 3].any()


@pytest.mark.parametrize(
    "address",
    ["23/0/0.png", "3/8/0.png", "3/0/8.png", "-1/0/0.png", "3/0/-1.png", "a/b/c.png", "3/0/0.jpg", "3/0.png", "3/0/0",
     "3/0/0@x.png", "3/0/0.5.png", "1e1/0/0.png", "99999999/0/0.png", f"3/{'9' * 5000}/0.png", "3/0/0.png/more",
     "3/٣/0.png"],
)  # fmt: skip
def test_an_address_that_is_no_tile_is_not_found_and_says_why(site: Site, address: str) -> None:
    message = _refused(site.client.get(f"/tiles/vv/chip_1/{site.record.revision()}/{address}"), 404)
    assert "There is no tile" in message


def test_a_wrong_layer_chip_revision_or_path_is_not_found_and_says_so(site: Site) -> None:
    revision = site.record.revision()
    assert "no layer 'truth'" in _refused(site.client.get(f"/tiles/truth/chip_1/{revision}/0/0/0.png"), 404)
    assert "did you mean chip_1" in _refused(site.client.get(f"/tiles/vv/chip_7/{revision}/0/0/0.png"), 404)
    assert "no revision" in _refused(site.client.get("/tiles/vv/chip_1/000000000000/0/0/0.png"), 404)
    assert "no prediction" in _refused(site.client.get("/tiles/scores/chip_1/000000000000/0/0/0.png"), 404)
    for path in ("", "vv", "vv/chip_1", "vv/chip_1/tilejson"):
        assert "tilejson.json" in _refused(site.client.get(f"/tiles/{path}", follow_redirects=True), 404)


def test_a_damaged_chip_is_unprocessable_and_says_which_file(site: Site) -> None:
    refused = site.client.get(site.url("composite", record=site.bad))
    message = _refused(refused, 422)
    assert refused.get_json()["chip"] == site.bad.id
    assert message.startswith("bad_vh.tif "), "not where it lies"
    assert site.client.get(site.url("composite", z=13)).status_code == 200


@pytest.mark.parametrize("threshold", ["-0.1", "1.1", "nan", "inf", "", "half", "1e999", "0,5"])
def test_a_threshold_that_is_no_probability_is_a_bad_request(site: Site, threshold: str) -> None:
    message = _refused(site.client.get(f"{site.url('mask')}?threshold={threshold}"), 400)
    assert "from 0 to 1" in message


@pytest.mark.parametrize("threshold", [0.0, 0.1, 2 / 254, 0.5, 0.73, 1.0])
def test_a_mask_is_cut_at_the_threshold_of_its_url(site: Site, threshold: float) -> None:
    score = decode(site.client.get(site.url("scores")).data)
    mask = decode(site.client.get(f"{site.url('mask')}?threshold={threshold!r}").data)
    assert ((mask[..., 3] > 0) == ((score[..., 0] >= level(threshold)) & (score[..., 3] > 0))).all()


def test_nodata_is_yellow_where_asked_and_nothing_else_is_known(site: Site) -> None:
    plain = decode(site.client.get(site.url("composite")).data)
    yellow = decode(site.client.get(f"{site.url('composite')}?nodata=yellow").data)
    changed = (plain != yellow).any(-1)
    assert changed.any()
    assert (plain[changed][:, 3] == 0).all()
    assert (yellow[changed] == [255, 221, 51, 255]).all()
    assert "transparent or yellow" in _refused(site.client.get(f"{site.url('composite')}?nodata=pink"), 400)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_tiles_that_tilejson_names_answer(site: Site, layer: str) -> None:
    response = site.client.get(f"/tiles/{layer}/chip_1/tilejson.json")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    told = response.get_json()
    (template,) = told["tiles"]
    _, x, y = centre(site.record, 14)
    url = template.replace("{z}", "14").replace("{x}", str(x)).replace("{y}", str(y))
    assert url.startswith("http://localhost/tiles/")
    assert decode(site.client.get(url).data)[..., 3].any()


@pytest.mark.parametrize("v", range(0, 255, 7))
def test_the_threshold_of_a_tilejson_is_that_of_its_tiles(site: Site, v: int) -> None:
    told = site.client.get(f"/tiles/mask/chip_1/tilejson.json?threshold={v / 254!r}").get_json()
    (template,) = told["tiles"]
    given_on = float(template.split("threshold=")[1]) if "threshold=" in template else 0.5
    assert level(given_on) == v


def test_a_tilejson_passes_on_what_its_layer_knows_and_refuses_what_it_cannot(site: Site) -> None:
    composite = site.client.get("/tiles/composite/chip_1/tilejson.json?nodata=yellow&threshold=0.3").get_json()
    assert composite["tiles"][0].endswith(".png?nodata=yellow")
    _refused(site.client.get("/tiles/mask/chip_1/tilejson.json?threshold=2"), 400)
    _refused(site.client.get("/tiles/composite/nobody/tilejson.json"), 404)
    _refused(site.client.get("/tiles/scores/bad/tilejson.json"), 404)


_NASTY = st.one_of(
    st.sampled_from(
        ["..", "%2e%2e", "%2e%2e%2f", "../../etc/passwd", "/etc/passwd", "%2Fetc%2Fpasswd", "..%5c", "%00", "chip_1%00",
         "chip_1.", "chip_1%0a", "%ff%fe", "%ed%a0%80", "%25%32%65", "con", "\\\\host\\share", "/vsicurl/http:", "{z}",
         "x" * 9000, "9" * 5000, "-1", "0", "1", "14", "é", "%e2%80%ae", "chip_1", "bad", "composite", "mask", "scores",
         "tilejson.json", "0.png", "8.png", "0@2x.png", "0@9x.png", ".png", "@2x.png", "", REVISION]
    ),
    st.text(max_size=30).map(lambda text: quote(text, safe="")),
    st.binary(max_size=20).map(lambda data: quote(data, safe="")),
)  # fmt: skip
_QUERY = st.one_of(
    st.just(""),
    st.tuples(st.sampled_from(["threshold", "nodata", "x"]), st.text(max_size=20)).map(
        lambda pair: f"?{pair[0]}={quote(pair[1], safe='')}"
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(_NASTY, max_size=8), query=_QUERY)
def test_no_url_makes_the_server_fail_or_leave_the_catalog(site: Site, parts: list[str], query: str) -> None:
    response = site.client.get("/tiles/" + "/".join(parts) + query, follow_redirects=True)
    assert response.status_code in {200, 400, 404, 422}
    if response.mimetype != "image/png":
        assert str(site.folder) not in response.get_data(as_text=True)
    assert "root:" not in response.get_data(as_text=True) or response.mimetype == "image/png"


@settings(max_examples=100, deadline=None)
@given(chip=_NASTY, revision=_NASTY)
def test_a_chip_or_revision_of_a_url_never_names_a_file(site: Site, chip: str, revision: str) -> None:
    for url in (f"/tiles/vv/{chip}/{revision}/3/1/1.png", f"/tiles/scores/{chip}/{revision}/3/1/1.png"):
        response = site.client.get(url, follow_redirects=True)
        known = chip in {"chip_1"} and revision == REVISION and "/scores/" in url
        assert response.status_code in ({200} if known else {404, 422})


def test_errors_are_json_even_where_the_address_is_not_text(site: Site) -> None:
    for path in ("%ff/%fe/%00/1/2/3.png", "vv/%ff/x/1/2/3.png", "vv/chip_1/%ff/1/2/3.png"):
        assert json.loads(site.client.get(f"/tiles/{path}").data)["message"]
