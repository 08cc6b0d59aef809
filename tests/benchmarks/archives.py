"""Seconds from a STAC search to a catalog, beside the bare pages of the same server; and bytes of a chip's window beside its own.

    python tests/benchmarks/archives.py [--items 1000]

The API is stac-fastapi-static on this machine, which takes most of the time; the second figure is a server of plain files.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import rasterio
from rasterio.windows import Window

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1] / "tiles")]

from archive.range_server import serving  # noqa: E402
from archive.stac_files import api, item, write_catalog  # noqa: E402
from archive.test_remote_files import write_scene  # noqa: E402

from tiles.archive.address import named  # noqa: E402
from tiles.archive.remote import open_remote  # noqa: E402
from tiles.catalog.catalog import open_catalog  # noqa: E402


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder) as files:
            os.environ["FLOODSCOPE_ARCHIVE_HOSTS"] = f"127.0.0.1:{files.port}"
            items = []
            for n in range(options.items):
                assets = {band: {"href": f"{files.url}/s{n}_{band}.tif"} for band in ("vv", "vh")}
                items.append(item(f"s{n:05}", day=f"2024-09-{n % 28 + 1:02}", west=n % 300 / 2 - 80, assets=assets))
            root = write_catalog(folder, items)
            page = {"type": "FeatureCollection", "features": items}
            (folder / "page.json").write_text(json.dumps(page))
            _search("one page of a plain file", f"stac:{files.url}/page.json", options.items)
            with api(root) as url:
                began = time.perf_counter()
                at = f"{url}/search?limit=500"
                while at:
                    answer = json.load(urllib.request.urlopen(at))
                    at = next((link["href"] for link in answer["links"] if link["rel"] == "next"), "")
                print(f"bare pages of the API: {time.perf_counter() - began:.2f} s")
                _search("the API", f"stac:{url}?collections=rtc", options.items)
            _window(folder, files)


def _search(what: str, source: str, expected: int) -> None:
    began = time.perf_counter()
    found = len(open_catalog([source]))
    took = time.perf_counter() - began
    print(
        f"{what}: {found} of {expected} items in a catalog after {took:.2f} s ({1e3 * took / expected:.2f} ms an item)"
    )


def _window(folder: Path, files: object) -> None:
    path = write_scene(folder / "scene.tif", 2048)
    with rasterio.open(path) as src:
        own = sum(int(src.get_tag_item(f"BLOCK_SIZE_{c}_{r}", "TIFF", bidx=1)) for c in (2, 3) for r in (2, 3))
    files.sent = 0  # type: ignore[attr-defined]
    with open_remote(named(f"{files.url}/scene.tif")) as src:  # type: ignore[attr-defined]
        src.read(window=Window(512, 512, 512, 512))
    sent = files.sent  # type: ignore[attr-defined]
    print(f"a chip of 512 x 512 in 2048 x 2048: {sent:,} bytes sent, {sent / own:.3f} times its own blocks")


if __name__ == "__main__":
    main()
