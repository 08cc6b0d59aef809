"""GeoTIFFs are read in parts from a server that may be slow, fail and lie; each way has its sentence, and none hangs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from archive.range_server import RangeServer, serving
from rasterio.windows import Window

from tiles.archive import fetching
from tiles.archive.address import HOSTS_VARIABLE, named
from tiles.archive.fetching import Fetcher
from tiles.archive.remote import PAGE, RemoteFile, forget, open_remote, remote_file
from tiles.catalog.catalog import open_catalog
from tiles.errors import ArchiveError, ChipError, SourceError
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

SIDE = 1536


def write_scene(path: Path, side: int = SIDE, bands: tuple[str, ...] = ("VV", "VH"), **profile: object) -> Path:
    """Write a cloud-optimised image of speckle, dB."""
    rng = np.random.default_rng(5)
    given = {
        "driver": "COG", "width": side, "height": side, "count": len(bands), "dtype": "float32", "crs": "EPSG:32633",
        "transform": rasterio.Affine(10, 0, 600_000, 0, -10, 5_300_000), "compress": "deflate", "blocksize": 256, **profile,
    }  # fmt: skip
    with rasterio.open(path, "w", **given) as out:
        for number, name in enumerate(bands, 1):
            out.write(rng.normal(-10 if name == "VV" else -17, 2, (side, side)).astype("float32"), number)
            out.set_band_description(number, name)
    return path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif")


@pytest.fixture
def server(scene: Path, tmp_path: Path) -> Iterator[RangeServer]:
    (tmp_path / "served").mkdir()
    shutil.copyfile(scene, tmp_path / "served" / "scene.tif")
    with serving(tmp_path / "served") as own:
        yield own


def test_a_window_is_read_for_little_more_than_its_own_bytes(server: RangeServer) -> None:
    url = named(f"{server.url}/scene.tif")
    with rasterio.open(server.folder / "scene.tif") as src:
        window = Window(512, 512, 512, 512)
        wanted = src.read(window=window)
        own = sum(int(src.get_tag_item(f"BLOCK_SIZE_{c}_{r}", "TIFF", bidx=1)) for c in (2, 3) for r in (2, 3))
    with open_remote(url) as src:
        assert np.array_equal(src.read(window=window), wanted)
    assert server.sent <= 1.2 * own
    assert server.sent < 0.3 * (server.folder / "scene.tif").stat().st_size
    before = server.sent
    with open_remote(url) as src:
        src.read(window=window)
    assert server.sent == before, "what was read is kept"
    forget(url)


def test_an_address_is_a_source_like_the_file_itself(server: RangeServer) -> None:
    (record,) = open_catalog([f"{server.url}/scene.tif"]).usable()
    (local,) = open_catalog([server.folder / "scene.tif"]).usable()
    assert (record.id, record.file, record.width, record.footprint) == (
        local.id,
        local.file,
        local.width,
        local.footprint,
    )
    assert np.array_equal(read_chip(record).vv, read_chip(local).vv)


def test_an_address_of_vv_finds_vh_beside_it(server: RangeServer) -> None:
    for band in ("VV", "VH"):
        write_scene(server.folder / f"s_20180921T051229_{band}.tif", 512, (band,))
    (record,) = open_catalog([Path(f"{server.url}/s_20180921T051229_VH.tif")]).usable()
    assert (record.date, record.file) == ("2018-09-21", "s_20180921T051229_VV.tif + s_20180921T051229_VH.tif")
    assert np.nanmedian(read_chip(record).vv) == pytest.approx(-10, abs=0.5)
    (server.folder / "s_20180921T051229_VH.tif").unlink()
    for url in (record.vv, record.vh):
        assert url is not None
        forget(url.path)
    with pytest.raises(SourceError, match="has no VH partner"):
        open_catalog([f"{server.url}/s_20180921T051229_VV.tif"])


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("403", r"does not give it to us \(403\)"),
        ("expired", r"signature of the address has expired \(403\)"),
        ("404", r"has no such file \(404\)"),
        ("500", "answered 500, asked 4 times: try again later"),
        ("silent", "is too slow or silent, asked"),
        ("drip", "took longer than 2 s"),
        ("whole", "gives files whole and not in parts"),
        ("other part", "sends another part than it was asked for"),
        ("short", "another part than it was asked for|broke off"),
        ("no end", "sends more than the 16,384 bytes that were asked for"),
        ("cut", "broke off in the middle"),
        ("loop", "from one address to the next without end"),
        ("page", "gives files whole and not in parts"),
    ],
)
def test_a_server_that_fails_or_lies_is_told_in_a_sentence(server: RangeServer, mode: str, words: str) -> None:
    server.mode = mode
    url = named(f"{server.url}/scene.tif?sig=secret")
    with pytest.raises(ArchiveError, match=words) as caught:
        RemoteFile(url, Fetcher(url, whole_s=2.0, read_s=0.2))
    assert "secret" not in str(caught.value)
    assert f"{server.url}/scene.tif" in str(caught.value)


def test_a_server_that_is_down_is_told(server: RangeServer) -> None:
    with serving(server.folder) as gone:
        url = named(f"{gone.url}/scene.tif")
    with pytest.raises(ArchiveError, match=r"cannot be reached \(nothing answers at its port\)"):
        RemoteFile(url, Fetcher(url, whole_s=2.0))


def test_a_server_that_fails_once_is_asked_again(server: RangeServer) -> None:
    server.mode = "500 once"
    url = named(f"{server.url}/scene.tif")
    assert RemoteFile(url, Fetcher(url)).size == (server.folder / "scene.tif").stat().st_size


def test_a_file_that_changes_while_it_is_read_is_refused(server: RangeServer) -> None:
    url = named(f"{server.url}/scene.tif")
    (record,) = open_catalog([f"{server.url}/scene.tif"]).usable()
    server.mode = "changed"
    with pytest.raises(ArchiveError, match="has changed while it was read"):
        read_chip(record)
    server.mode = "ok"
    assert read_chip(record).valid.all(), "and is read anew when it is asked for again"
    forget(url)


def test_one_chip_that_cannot_be_fetched_disturbs_no_other(server: RangeServer) -> None:
    write_scene(server.folder / "other.tif", 300)
    catalog = open_catalog([f"{server.url}/scene.tif", f"{server.url}/other.tif"])
    (server.folder / "other.tif").unlink()
    for record in catalog.records():
        assert record.vv is not None
        forget(record.vv.path)
    assert read_chip(catalog.get("scene")).valid.any()
    with pytest.raises(ChipError, match="no such file") as caught:
        read_chip(catalog.get("other"))
    assert caught.value.chip == "other"


@pytest.mark.parametrize("way", ["redirect", "unnamed", "catalog"])
def test_no_machine_of_the_own_network_is_asked_that_nobody_named(
    server: RangeServer, tmp_path: Path, way: str
) -> None:
    with serving(server.folder) as inner:
        if way == "redirect":
            server.mode, server.leads_to = "redirect", f"{inner.url}/scene.tif"
            url = named(f"{server.url}/scene.tif")
        elif way == "unnamed":
            url = f"{inner.url}/scene.tif"
        else:
            open_catalog([f"{inner.url}/scene.tif"]).to_parquet(tmp_path / "c.parquet")
            inner.asked.clear()
            (record,) = open_catalog([tmp_path / "c.parquet"]).records()
            assert record.vv is not None
            url = record.vv.path
        with pytest.raises(
            ArchiveError, match=r"to a machine of this network .*which nobody has named: it is not asked"
        ):
            remote_file(url)
        assert not inner.asked


def test_what_the_operator_names_is_asked(server: RangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOSTS_VARIABLE, f"127.0.0.1:{server.port}")
    assert RemoteFile(f"{server.url}/scene.tif", Fetcher(f"{server.url}/scene.tif")).read(0, 4) == b"II*\0"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("https://user:secret@example.org/x.tif", "holds a user's name"),
        ("http://[::1/x.tif", "is no address that is read here"),
        ("http://no-such-machine.invalid/x.tif", "no machine is called no-such-machine.invalid"),
        ("s3://bucket", "names no object"),
    ],
)
def test_addresses_that_cannot_be_are_refused(source: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        open_catalog([source])
    assert "secret" not in str(caught.value)


def test_what_is_no_geotiff_is_told(server: RangeServer) -> None:
    (server.folder / "page.tif").write_bytes(b"<html>" + bytes(9000))
    with pytest.raises(SourceError, match="no GeoTIFF by its first bytes"):
        open_catalog([f"{server.url}/page.tif"])


def test_pages_are_kept_within_a_limit(server: RangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiles.archive.remote._PAGES_KEPT", 10)
    url = named(f"{server.url}/scene.tif")
    file = RemoteFile(url, Fetcher(url))
    for at in range(0, 100 * PAGE, PAGE):
        file.read(at, PAGE)
    assert len(file._pages) == 10
    assert file.read(3, 500 * PAGE) == (server.folder / "scene.tif").read_bytes()[3 : 3 + 500 * PAGE]


def test_waits_have_limits() -> None:
    assert fetching.WHOLE_S <= 60
