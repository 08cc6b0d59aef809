"""SAFE products are sources: by folder, zip, manifest or the folder that they lie in, beside other chips too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from chips import write_pair
from products.safe_files import NAME, Safe, replace, write_safe

from tests.problems import pairs
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.errors import SourceError
from tiles.reading.door import read_chip
from tiles.reading.raster import info_of, open_raster, read_info

pytestmark = pytest.mark.slow

SMALL = Safe(height=200, width=260)


@pytest.fixture(autouse=True)
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that maps are kept in."""
    monkeypatch.setenv("FLOODSCOPE_SCENES", str(tmp_path / "scenes"))
    return tmp_path / "scenes"


@pytest.mark.parametrize("given", ["folder", "manifest", "zip", "around"])
def test_a_product_is_one_chip_whatever_of_it_is_named(tmp_path: Path, given: str, scenes: Path) -> None:
    path = write_safe(tmp_path / "in", SMALL, zipped=given == "zip")
    source = {"manifest": path / "manifest.safe", "around": path.parent}.get(given, path)
    (record,) = open_catalog([source]).usable()
    assert (record.id, record.date, record.country, record.layout) == (NAME, "2021-04-01", "Austria", "safe")
    assert not scenes.exists(), "no pixel is read before one is asked for"
    chip = read_chip(record)
    assert chip.vv.shape == (record.height, record.width)
    assert np.nanmedian(chip.vv) == pytest.approx(-10, abs=0.1)
    assert any("no terrain correction" in note for note in chip.notes)
    assert len(list(scenes.glob("*.tif"))) == 1
    read_chip(record)
    assert len(list(scenes.glob("*.tif"))) == 1


def test_the_header_that_is_known_before_is_that_of_the_map(tmp_path: Path) -> None:
    (record,) = open_catalog([write_safe(tmp_path, SMALL)]).usable()
    assert record.vv is not None
    before = read_info(record.vv.path)
    with open_raster(record.vv.path) as dataset:
        after = info_of(dataset, record.vv.path)
    differ = {name for name in before.__dataclass_fields__ if getattr(before, name) != getattr(after, name)}
    assert differ == {"path", "size", "ends_at"}


def test_products_lie_beside_other_chips_and_others_are_told(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    write_safe(tmp_path, SMALL)
    write_safe(tmp_path, replace(SMALL, name=NAME.replace("1SDV", "1SDH")))
    catalog = open_catalog([tmp_path])
    assert [record.id for record in catalog.usable()] == ["x", NAME]
    assert [name for name, _ in pairs(catalog.problems())] == [f"{NAME.replace('1SDV', '1SDH')}.SAFE"]


def test_a_product_of_another_kind_alone_is_refused_by_name(tmp_path: Path) -> None:
    write_safe(tmp_path, replace(SMALL, name=NAME.replace("GRDH", "SLC_")))
    with pytest.raises(SourceError, match="complex samples"):
        open_catalog([tmp_path])


def test_a_catalog_keeps_products_and_their_labels_pair_by_name(tmp_path: Path) -> None:
    catalog = open_catalog([write_safe(tmp_path / "in", SMALL)])
    catalog.to_parquet(tmp_path / "catalog.parquet")
    (record,) = Catalog.from_parquet(tmp_path / "catalog.parquet").usable()
    assert read_chip(record).valid.any()


def test_a_product_that_changes_is_made_anew(tmp_path: Path, scenes: Path) -> None:
    path = write_safe(tmp_path, SMALL)
    (record,) = open_catalog([path]).usable()
    first = np.nanmedian(read_chip(record).vv)
    other = write_safe(
        tmp_path / "other", replace(SMALL, sigma0={**SMALL.sigma0, "vv": lambda line, pixel: 0.2 + 0 * line})
    )
    for file in other.rglob("*vv*.tiff"):
        (path / "measurement" / file.name).write_bytes(file.read_bytes())
    assert np.nanmedian(read_chip(record).vv) == pytest.approx(first + 3, abs=0.1)
    assert len(list(scenes.glob("*.tif"))) == 2


def test_maps_are_bounded_and_the_one_used_longest_ago_goes(
    tmp_path: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOODSCOPE_SCENES_GB", "0.00001")
    for name in ("a", "b"):
        path = write_safe(tmp_path / name, SMALL, zipped=name == "b")
        (record,) = open_catalog([path]).usable()
        read_chip(record)
    assert len(list(scenes.glob("*.tif"))) == 1
