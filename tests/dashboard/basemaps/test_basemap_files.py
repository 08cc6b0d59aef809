"""A base map in a file: its tiles are the very ones, its metadata followed, and what is none is refused at the start."""

from __future__ import annotations

import gzip
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from pmtiles.tile import Compression, TileType, serialize_directory
from rasterio.shutil import copy

from dashboard.basemaps.basemap import Basemap, basemap_of
from tests.dashboard.basemaps.tile_files import Place, picture, write_mbtiles, write_pmtiles
from tests.tiles.chips import write_pair, write_tiff
from tiles.errors import FloodscopeError

NORTH, SOUTH = picture((250, 250, 250)), picture((10, 10, 10))
SIX: dict[Place, bytes] = {
    (0, 0, 0): picture(),
    **{(1, x, y): NORTH if y == 0 else SOUTH for x in (0, 1) for y in (0, 1)},
    (2, 3, 1): picture((1, 2, 3), "JPEG"),
}
KINDS = {".mbtiles": write_mbtiles, ".pmtiles": write_pmtiles}


def opened(path: Path, attribution: str | None = None) -> Basemap:
    found = basemap_of(str(path), attribution)
    assert found is not None
    return found


@pytest.mark.parametrize("suffix", sorted(KINDS))
def test_a_file_gives_the_tiles_that_were_written_and_none_where_there_is_none(suffix: str, tmp_path: Path) -> None:
    basemap = opened(KINDS[suffix](tmp_path / f"base{suffix}", SIX, attribution="Somebody"))
    assert basemap.file is not None
    for z in range(3):
        for x in range(2**z):
            for y in range(2**z):
                assert basemap.file.tile(z, x, y) == SIX.get((z, x, y)), (z, x, y)
    assert (basemap.least, basemap.most, basemap.attribution, basemap.origin) == (0, 2, "Somebody", "")
    assert str(tmp_path) not in str(basemap.told())


def test_tiles_behind_leaf_directories_are_found(tmp_path: Path) -> None:
    draw = random.Random(3)
    wanted = {(9, draw.randrange(512), draw.randrange(512)) for _ in range(20_000)}
    tiles = {place: NORTH + repr(place).encode() for place in wanted}
    basemap = opened(write_pmtiles(tmp_path / "many.pmtiles", tiles, attribution="A"))
    assert basemap.file is not None
    for place in sorted(wanted)[::500]:
        assert basemap.file.tile(*place) == tiles[place]
    assert (
        basemap.file.tile(9, *next((x, y) for x in range(512) for y in range(512) if (9, x, y) not in wanted)) is None
    )


def test_what_gdal_writes_is_read(tmp_path: Path) -> None:
    image = np.full((64, 64), 90, dtype=np.uint8)
    write_tiff(tmp_path / "image.tif", image, image, image)
    made = tmp_path / "made.mbtiles"
    copy(tmp_path / "image.tif", made, driver="MBTiles")
    basemap = opened(made, "Mine")
    west, south, east, north = basemap.bounds or (0, 0, 0, 0)
    assert basemap.most >= 10 and east - west < 0.1 and north - south < 0.1
    z = basemap.most
    x, y = int((west + east) / 2 / 360 * 2**z + 2 ** (z - 1)), _row((south + north) / 2, z)
    assert basemap.file is not None and basemap.file.tile(z, x, y) is not None


def _row(lat: float, z: int) -> int:
    return int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z)


@pytest.mark.parametrize("suffix", sorted(KINDS))
def test_whom_it_is_of_is_said_by_the_file_or_by_who_starts_the_server(suffix: str, tmp_path: Path) -> None:
    said = '&copy; <a href="javascript:alert(1)">Some\n<b>body</b></a> &amp; others'
    path = KINDS[suffix](tmp_path / f"base{suffix}", SIX, attribution=said)
    assert opened(path).attribution == "© Some body & others"
    assert opened(path, " Another ").attribution == "Another"
    KINDS[suffix](path, SIX)
    with pytest.raises(FloodscopeError, match="--basemap-attribution TEXT"):
        basemap_of(str(path), None)
    assert opened(path, "Another").attribution == "Another"


@pytest.mark.parametrize(
    ("told", "bounds"),
    [
        ("1,2,3.5,4", (1, 2, 3.5, 4)),
        ("-180,-90,180,90", None),
        ("-180,-85,180,85", None),
        ("5,5,5,5", None),
        ("nan,0,1,1", None),
        ("somewhere", None),
    ],
)
def test_it_is_asked_for_where_it_has_tiles(told: str, bounds: object, tmp_path: Path) -> None:
    assert opened(write_mbtiles(tmp_path / "a.mbtiles", SIX, attribution="A", bounds=told)).bounds == bounds


def test_bounds_of_pmtiles_are_followed(tmp_path: Path) -> None:
    assert opened(write_pmtiles(tmp_path / "a.pmtiles", SIX, bounds=(1, 2, 3, 4), attribution="A")).bounds == (
        1,
        2,
        3,
        4,
    )


def test_mbtiles_that_are_still_written_are_read_as_far_as_they_are_and_nothing_is_written(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "a b#c?.mbtiles", {(0, 0, 0): NORTH}, attribution="A")
    with closing(sqlite3.connect(path)) as writing:
        writing.execute("PRAGMA journal_mode=WAL")
        writing.execute("INSERT INTO tiles VALUES (1, 0, 0, ?)", (SOUTH,))
        writing.commit()
        assert opened(path).most == 1
    before = sorted(tmp_path.iterdir())
    assert opened(path).most == 1
    assert sorted(tmp_path.iterdir()) == before


def _vector(path: Path) -> Path:
    return write_pmtiles(path, {(0, 0, 0): gzip.compress(b"\x1a\x00")}, kind=TileType.MVT, packed=Compression.GZIP)


def _cut(path: Path) -> Path:
    write_pmtiles(path, SIX, attribution="A")
    path.write_bytes(path.read_bytes()[:-400])
    return path


def _without_tiles(path: Path) -> Path:
    write_pmtiles(path, SIX)
    whole, nothing = bytearray(path.read_bytes()), serialize_directory([])
    whole[16:24] = len(nothing).to_bytes(8, "little")
    whole[127 : 127 + len(nothing)] = nothing
    path.write_bytes(whole)
    return path


def _with(path: Path, offset: int, value: int) -> Path:
    write_pmtiles(path, SIX, attribution="A")
    whole = bytearray(path.read_bytes())
    whole[offset] = value
    path.write_bytes(whole)
    return path


def _database(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other (name text)")
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _damaged_database(path: Path) -> Path:
    write_mbtiles(path, SIX, attribution="A")
    whole = path.read_bytes()
    return _bytes(path, whole[:100] + bytes(len(whole) - 100))


REFUSED = {
    "missing.pmtiles": (lambda path: path, "is not there"),
    "folder.mbtiles": (_folder, "is a folder"),
    "nothing.pmtiles": (lambda path: _bytes(path, b""), "is empty"),
    "text.mbtiles": (lambda path: _bytes(path, b"hello"), "neither PMTiles nor MBTiles"),
    "vector.pmtiles": (_vector, "holds vector tiles, .*QGIS"),
    "vector.mbtiles": (lambda path: write_mbtiles(path, {(0, 0, 0): b"\x1f\x8b"}, format="pbf"), "holds vector tiles"),
    "unnamed.mbtiles": (lambda path: write_mbtiles(path, {(0, 0, 0): b"\x1a\x00"}), "something else than PNG"),
    "unknown.pmtiles": (lambda path: write_pmtiles(path, {(0, 0, 0): b"?"}, kind=TileType.UNKNOWN), "something else"),
    "bare.mbtiles": (lambda path: write_mbtiles(path, {}), "holds no tile"),
    "bare.pmtiles": (_without_tiles, "holds no tile"),
    "cut.pmtiles": (_cut, "damaged or not whole"),
    "cut.mbtiles": (lambda path: _bytes(path, write_mbtiles(path, SIX).read_bytes()[:-5000]), "SQLite says"),
    "short.pmtiles": (lambda path: _bytes(path, b"PMTiles\x03"), "damaged or not whole"),
    "old.pmtiles": (lambda path: _with(path, 7, 2), "another version than 3"),
    "brotli.pmtiles": (lambda path: _with(path, 97, 3), "otherwise than with gzip"),
    "zooms.pmtiles": (lambda path: _with(path, 100, 9), "zooms go from 9 to 2"),
    "far.pmtiles": (lambda path: _with(path, 15, 0x7F), "damaged or not whole"),
    "kind.pmtiles": (lambda path: _with(path, 99, 77), "damaged or not whole"),
    "half.mbtiles": (lambda path: write_mbtiles(path, {(0, 0, 0): NORTH[:40]}), "no whole pictures"),
    "words.mbtiles": (lambda path: write_mbtiles(path, {(0, 0, 0): "text"}), "something else"),
    "other.mbtiles": (_database, "without the tables"),
    "damaged.mbtiles": (_damaged_database, "SQLite says"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_no_base_map_is_refused_in_a_sentence_with_its_name(name: str, tmp_path: Path) -> None:
    make, says = REFUSED[name]
    path = make(tmp_path / name)
    with pytest.raises(FloodscopeError, match=f"--basemap .*{name}.*{says}"):
        basemap_of(str(path), "Somebody")


@pytest.mark.parametrize("suffix", sorted(KINDS))
def test_files_that_are_damaged_anywhere_are_refused_or_read_and_nothing_else(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    KINDS[suffix](path, SIX, attribution="A")
    whole, draw = path.read_bytes(), random.Random(7)
    for _ in range(150):
        hurt = bytearray(whole)
        for _ in range(draw.choice((1, 3, 30))):
            hurt[draw.randrange(len(hurt) if draw.random() < 0.5 else 300)] = draw.randrange(256)
        path.write_bytes(hurt[: draw.choice((len(hurt), draw.randrange(len(hurt))))])
        try:
            basemap = basemap_of(str(path), "Somebody")
            assert basemap is not None and basemap.file is not None
            for place in SIX:
                basemap.file.tile(*place)
        except FloodscopeError as error:
            assert f"a{suffix}" in str(error)


# --- over HTTP ---------------------------------------------------------------------------------------------------
def _client(tmp_path: Path, basemap: Basemap | None) -> FlaskClient:
    from dashboard.app import create_app
    from dashboard.workspace.settings import Settings
    from dashboard.workspace.workspace import Workspace

    write_pair(tmp_path / "chips", "lake")
    workspace = Workspace(Settings((tmp_path / "chips",), tmp_path / "data", model="backscatter", basemap=basemap))
    client = create_app(workspace).server.test_client()
    workspace.close()
    return client


def test_tiles_are_handed_out_with_their_kind_and_one_that_is_bad_says_so(tmp_path: Path) -> None:
    tiles = {**SIX, (2, 0, 0): gzip.compress(NORTH), (2, 0, 1): picture(kind="WEBP"), (2, 0, 2): b"no picture"}
    path = write_mbtiles(tmp_path / "base.mbtiles", tiles, attribution="A")
    basemap = opened(path)
    client = _client(tmp_path, basemap)

    def ask(z: int, x: int, y: int) -> tuple[int, str, bytes]:
        answer = client.get("/" + basemap.template.format(z=z, x=x, y=y))
        return answer.status_code, answer.mimetype, answer.data

    assert ask(2, 3, 1) == (200, "image/jpeg", tiles[2, 3, 1])
    assert ask(2, 0, 0) == (200, "image/png", NORTH)
    assert ask(2, 0, 1) == (200, "image/webp", tiles[2, 0, 1])
    assert ask(1, 0, 0)[2] == NORTH and ask(1, 1, 1)[2] == SOUTH
    status, kind, data = ask(2, 1, 1)
    assert (status, kind) == (200, "image/gif") and len(data) < 50
    for place in ((3, 0, 0), (2, 4, 0), (2, 0, 4), (10**6, 0, 0)):
        assert ask(*place)[0] == 404
    status, _, said = ask(2, 0, 2)
    assert status == 422 and b"Tile 2/0/2 of base.mbtiles is no picture" in said and str(tmp_path).encode() not in said
    kept = client.get("/" + basemap.template.format(z=1, x=0, y=0)).headers
    assert "immutable" in kept["Cache-Control"] and "http" not in kept.get("Content-Security-Policy", "")
    path.unlink()
    assert ask(1, 0, 0)[0] == 422
    assert client.get("/").status_code == 200


def test_without_a_file_there_are_no_tiles(tmp_path: Path) -> None:
    answer = _client(tmp_path, None).get("/basemap/x/0/0/0")
    assert answer.status_code == 404 and "--basemap FILE" in answer.text
