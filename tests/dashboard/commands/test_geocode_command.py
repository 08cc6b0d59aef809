"""floodscope geocode, and products given to other commands."""

from __future__ import annotations

from pathlib import Path

import pytest
import rasterio
from click.testing import CliRunner
from products.safe_files import NAME, Safe, write_safe

from dashboard.cli import cli
from tiles.errors import SourceError, UsageError

pytestmark = pytest.mark.slow

SMALL = Safe(height=200, width=260)


def test_a_product_becomes_a_geotiff_that_is_a_source_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    product = write_safe(tmp_path, SMALL, zipped=True)
    out = tmp_path / "maps" / "scene.tif"
    done = CliRunner().invoke(cli, ["geocode", str(product), str(out), "--spacing", "20"], catch_exceptions=False)
    assert "no terrain correction" in done.output
    assert [p.name for p in out.parent.iterdir()] == ["scene.tif"]
    with rasterio.open(out) as src:
        assert (src.transform.a, src.descriptions) == (20, ("VV", "VH"))
    shown = CliRunner().invoke(cli, ["catalog", "show", str(out), "--why", "scene"], catch_exceptions=False)
    assert "no terrain correction" in shown.output


def test_a_product_is_predicted_like_any_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOODSCOPE_SCENES", str(tmp_path / "scenes"))
    product = write_safe(tmp_path, SMALL)
    arguments = [
        "predict",
        str(product),
        "--model",
        "backscatter",
        "--out",
        str(tmp_path / "out"),
        "--data",
        str(tmp_path / "data"),
    ]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / f"{NAME}_mask.tif").is_file()
    assert len(list((tmp_path / "scenes").glob("*.tif"))) == 1


@pytest.mark.parametrize(
    ("given", "out", "error", "words"),
    [
        ("missing.SAFE", "x.tif", SourceError, "does not exist"),
        ("plain", "x.tif", UsageError, "is no Sentinel-1 product"),
        (NAME + ".SAFE", "x.png", UsageError, "ends in .tif"),
    ],
)
def test_what_cannot_be_geocoded_is_refused(
    tmp_path: Path, given: str, out: str, error: type[Exception], words: str
) -> None:
    write_safe(tmp_path, SMALL)
    (tmp_path / "plain").mkdir()
    with pytest.raises(error, match=words):
        CliRunner().invoke(cli, ["geocode", str(tmp_path / given), str(tmp_path / out)], catch_exceptions=False)
