"""Archives are sources: a STAC API, a static catalog by address or file; what they name is read only where it may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from archive.range_server import RangeServer, serving
from archive.stac_files import Json, api, item, write_catalog
from archive.test_remote_files import write_scene

from tests.problems import pairs
from tiles.archive.address import HOSTS_VARIABLE, is_address
from tiles.archive.query import Query, parse
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.errors import SourceError, UsageError
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RangeServer]:
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as own:
        yield own


def _scenes(folder: Path, server: RangeServer | None, number: int = 12) -> list[Json]:
    """Write items of consecutive days, one tenth of a degree apart, with images of VV and VH."""
    where = f"{server.url}/" if server else ""
    items = []
    for n in range(number):
        name = f"scene_{n:03}"
        items.append(
            item(
                name,
                day=f"2024-09-{n + 1:02}",
                west=10 + n * 0.2,
                assets={band: {"href": f"{where}{name}_{band}.tif"} for band in ("vv", "vh")},
            )
        )
    if server:
        for band in ("VV", "VH"):
            write_scene(server.folder / f"scene_000_{band.lower()}.tif", 300, (band,))
    return items


def test_an_api_is_searched_page_by_page_and_its_images_are_read(
    tmp_path: Path, server: RangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiles.archive.stac._PAGE", 5)
    monkeypatch.setenv(HOSTS_VARIABLE, f"127.0.0.1:{server.port}")
    with api(write_catalog(tmp_path, [*_scenes(tmp_path, server), item("other", collection="optical")])) as url:
        catalog = open_catalog([f"stac:{url}?collections=rtc"])
        assert len(catalog.usable()) == 12
        record = catalog.get("scene_000")
        assert (record.date, record.event, record.layout, record.country) == ("2024-09-01", "rtc", "stac", "Germany")
        assert record.footprint is not None
        assert record.footprint.bounds == pytest.approx((10, 48, 10.1, 48.1))
        assert np.nanmedian(read_chip(record).vh) == pytest.approx(-17, abs=0.5)
        few = open_catalog([Path(f"stac:{url}?collections=rtc&bbox=10.3,48,10.9,48.2&datetime=2024-09-02/2024-09-04")])
        assert {r.id for r in few.usable()} == {"scene_002", "scene_003"}
        with pytest.raises(SourceError, match="The archive has nothing of that"):
            open_catalog([f"stac:{url}?collections=rtc&datetime=2020"])


@pytest.mark.parametrize("way", ["address", "file"])
def test_a_static_catalog_is_a_source(tmp_path: Path, server: RangeServer, way: str) -> None:
    items = [
        item(f"s{n}", day=f"2024-09-0{n}", assets={"VV": {"href": "./VV.tif"}, "VH": {"href": "./VH.tif"}})
        for n in (1, 2)
    ]
    path = write_catalog(server.folder, items)
    for n in (1, 2):
        for band in ("VV", "VH"):
            write_scene(server.folder / "rtc" / f"s{n}" / f"{band}.tif", 256, (band,))
    source = (
        f"stac:{server.url}/catalog.json?datetime=2024-09-02"
        if way == "address"
        else f"stac:{path}?datetime=2024-09-02"
    )
    (record,) = open_catalog([source]).usable()
    assert read_chip(record).vv.shape == (256, 256)
    assert record.vv is not None
    assert is_address(record.vv.path) == (way == "address")
    # As GeoParquet it stays a catalog of the same chips.
    Catalog([record]).to_parquet(tmp_path / "kept" / "archive.parquet")
    (kept,) = open_catalog([tmp_path / "kept" / "archive.parquet"]).records()
    assert (kept.id, kept.problem) == (record.id, None)


EVIL = {
    "file:///etc/passwd": "nothing on this machine is read for an archive",
    "/etc/passwd": "lies|nothing on this machine|no such|leads to",
    "/vsicurl/http://127.0.0.1/x.tif": "nothing on this machine|leads to|lies",
    "http://127.0.0.1:1/x.tif": "leads to a machine of this network",
    "http://localhost:22/x.tif": "leads to a machine of this network",
    "http://169.254.169.254/latest/meta-data": "leads to a machine of this network",
    "http://[::1]:8000/x.tif": "leads to a machine of this network",
    "http://0.0.0.0:8000/x.tif": "leads to a machine of this network",
    "http://2130706433/x.tif": "leads to a machine of this network",
    "http://10.1.2.3/x.tif": "leads to a machine of this network",
    "http://me:word@example.org/x.tif": "holds a user's name",
    "gopher://example.org/x.tif": "nothing on this machine is read",
    "../../../../../../../etc/passwd": "nothing on this machine is read",
}


@pytest.mark.parametrize("href", EVIL)
def test_an_item_that_names_what_may_not_be_read_is_told_and_not_read(tmp_path: Path, href: str) -> None:
    good = item("good", assets={"vv": {"href": "a.tif"}, "vh": {"href": "b.tif"}})
    path = write_catalog(tmp_path, [item("evil", assets={"vv": {"href": href}, "vh": {"href": href}}), good])
    catalog = open_catalog([f"stac:{path}"])
    assert [r.id for r in catalog.records()] == ["good"]
    ((name, text),) = pairs(catalog.problems())
    assert name == "evil"
    assert any(word in text for word in EVIL[href].split("|")), text


def test_an_item_on_a_server_names_no_file_of_this_machine_and_no_other_port(server: RangeServer) -> None:
    with serving(server.folder) as inner:
        write_scene(server.folder / "x_vv.tif", 64, ("VV",))
        hrefs = {"a": "file:///etc/passwd", "b": "/etc/passwd", "c": f"{inner.url}/x_vv.tif"}
        items = [item(name, assets={"vv": {"href": href}, "vh": {"href": href}}) for name, href in hrefs.items()]
        write_catalog(server.folder, items)
        catalog = open_catalog([f"stac:{server.url}/catalog.json"])
        assert [r.id for r in catalog.records()] == ["b"], "a path of its own server is one there"
        assert {name for name, _ in pairs(catalog.problems())} == {"a", "c"}
        assert not inner.asked


def test_a_catalog_on_this_machine_leads_to_nothing_beside_its_folder(tmp_path: Path) -> None:
    path = write_catalog(tmp_path / "in", [item("x")])
    (tmp_path / "outside.json").write_text(json.dumps(item("secret")))
    root = json.loads(path.read_text())
    root["links"].append({"rel": "item", "href": "../outside.json"})
    path.write_text(json.dumps(root))
    with pytest.raises(SourceError, match="lies outside of the archive that points at it"):
        open_catalog([f"stac:{path}"])


def test_items_without_vv_and_vh_are_told_once(tmp_path: Path) -> None:
    optical: Json = {"red": {"href": "red.tif"}, "thumbnail": {"href": "vv.png", "type": "image/png"}}
    items = [item(f"s2_{n}", assets=optical) for n in range(3)]
    both = item("both", assets={"data": {"href": "x.tif", "bands": [{"name": "VV"}, {"name": "VH"}]}})
    polarized = item(
        "hyp3",
        assets={
            "a": {"href": "S1_RTC_1.tif", "sar:polarizations": ["VV"]},
            "b": {"href": "S1_RTC_2.tif", "sar:polarizations": ["VH"]},
            "mask": {"href": "S1_RTC_vv_mask.tif"},
        },
    )
    catalog = open_catalog([f"stac:{write_catalog(tmp_path, [*items, both, polarized])}"])
    assert {r.id: r.file for r in catalog.records()} == {"both": "x.tif", "hyp3": "S1_RTC_1.tif + S1_RTC_2.tif"}
    ((name, text),) = pairs(catalog.problems())
    assert name == "s2_0"
    assert text.startswith("3 items have no GeoTIFFs that are VV and VH")
    assert "red, thumbnail" in text


@pytest.mark.parametrize(
    ("mode", "words"),
    [("403", "does not give it to us"), ("404", "no such file"), ("loop", "without end"), ("page", "is no JSON")],
)
def test_an_archive_that_does_not_answer_as_one_is_told(server: RangeServer, mode: str, words: str) -> None:
    server.mode = mode
    with pytest.raises(SourceError, match=words):
        open_catalog([f"stac:{server.url}/"])


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"type": "Topology"}')
    with pytest.raises(SourceError, match="is no STAC archive"):
        open_catalog([f"stac:{tmp_path / 'x.json'}"])
    with pytest.raises(SourceError, match="cannot be read"):
        open_catalog([f"stac:{tmp_path / 'missing.json'}"])


def test_a_query_is_parsed() -> None:
    query = parse("stac:https:/stac.example.org/api/v1?collections=a,b&bbox=1,2,3,4&datetime=2024-09-15/..")
    assert query == Query("https://stac.example.org/api/v1", ("a", "b"), (1, 2, 3, 4), "2024-09-15/..")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("stac:", "names no archive"),
        ("stac:https://h/x?collection=a", "collection is nothing that an archive is asked for"),
        ("stac:https://h/x?bbox=1,2,3", "is no area"),
        ("stac:https://h/x?bbox=1,2,3,1", "is no area"),
        ("stac:https://h/x?datetime=yesterday", "is no time"),
        ("stac:ftp://h/x", "is no archive that is read here"),
    ],
)
def test_a_query_that_is_none_is_wrong_use(source: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_catalog([source])
