"""What a chip's files say of themselves is told as it is, and a file that cannot be read tells why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from chips import write_tiff
from served import make_record

from tiles.catalog.metadata import chip_metadata
from tiles.chip import Asset


def test_each_file_is_told_once_with_its_bands_grid_nodata_and_tags(tmp_path: Path) -> None:
    band = np.zeros((20, 30), np.float32)
    path = write_tiff(
        tmp_path / "two.tif", band, band, names=("VV", "VH"), nodata=-99.0, tags={"ACQUIRED": "2019-03-21"}
    )
    record = replace(make_record(tmp_path), vv=Asset(str(path), 1), vh=Asset(str(path), 2))
    image, label = chip_metadata(record)
    assert image["roles"] == ["vv (band 1)", "vh (band 2)"]
    assert (image["file"], image["crs"], image["size"], image["pixel"]) == ("two.tif", "EPSG:32632", [30, 20], [10, 10])
    assert image["bounds"] == [700_000, 5_229_800, 700_300, 5_230_000]
    assert (image["bands"], image["nodata"], image["dtypes"]) == (["VV", "VH"], ["-99", "-99"], ["float32"])
    assert image["tags"]["ACQUIRED"] == "2019-03-21"
    assert label["nodata"] == ["not tagged"]


def test_a_file_that_cannot_be_read_says_why_beside_the_others(tmp_path: Path) -> None:
    record = make_record(tmp_path)
    assert record.vh is not None
    Path(record.vh.path).write_bytes(b"not a raster")
    told = {entry["roles"][0]: entry for entry in chip_metadata(record)}
    assert "not a TIFF" in told["vh (band 1)"]["error"] or "chip_1_vh.tif" in told["vh (band 1)"]["error"]
    assert "error" not in told["vv (band 1)"]
