"""A whole Sentinel-1 product becomes a map: seconds and memory, for products of four sizes up to 430 million pixels a band.

    python tests/benchmarks/safe_products.py [--out FOLDER] [--most 430] [--zip]

Products are simulated with speckle; each is made into a map in a process of its own, whose largest resident memory is told. The
last column is the time beside that of reading and writing the same numbers without any work on them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1] / "tiles")]

from products.safe_files import Safe, write_safe, zip_of  # noqa: E402

_SIZES = ((4000, 6000), (8000, 12000), (12000, 18000), (16685, 25788))
_CHILD = """
import json, resource, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tiles.products.make import make
from tiles.products.product import Product
work = Path(sys.argv[3]); work.mkdir()
began = time.perf_counter()
product = Product(sys.argv[2])
make(product, Path(sys.argv[4]), 10, work)
took = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_SELF)
cpu = used.ru_utime + used.ru_stime
# Not its ru_maxrss: that is the peak of the process which started this one, where that was larger.
rss = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")) / 1024
grid = product.map_grid(10)
mb = Path(sys.argv[4]).stat().st_size / 1e6
print(json.dumps({"s": took, "cpu": cpu, "rss": rss, "map": [grid.width, grid.height], "mb": mb}))
"""
_PLAIN = """
import sys, time, rasterio
from rasterio.shutil import copy
began = time.perf_counter()
for number, path in enumerate(sys.argv[2:]):
    copy(path, f"{sys.argv[1]}{number}.tif", driver="COG", COMPRESS="DEFLATE", LEVEL="1", PREDICTOR="YES", NUM_THREADS="2",
         OVERVIEWS="AUTO", OVERVIEW_RESAMPLING="AVERAGE", BIGTIFF="IF_SAFER")
print(time.perf_counter() - began)
"""


def _speckled(mean: float) -> object:
    rng = np.random.default_rng(3)
    return lambda line, pixel: mean * rng.standard_gamma(4.4, line.shape, dtype=np.float32) / 4.4


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where products are written; default: a temporary folder")
    parser.add_argument("--most", type=float, default=430.0, help="million pixels of the largest product")
    parser.add_argument("--least", type=float, default=0.0, help="million pixels of the smallest product")
    parser.add_argument("--zip", action="store_true", help="from a zip")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.out) as name:
        print(
            f"{'pixels a band':>16} {'seconds':>8} {'of cores':>8}"
            f" {'Mpx/s':>6} {'RSS MB':>7} {'map':>16} {'MB':>6} {'plain copy s':>13} ratio"
        )
        for height, width in _SIZES:
            if not options.least * 1e6 <= height * width <= options.most * 1.01e6:
                continue
            _one(Path(name) / f"{width}", height, width, options.zip)


def _one(folder: Path, height: int, width: int, zipped: bool) -> None:
    safe = Safe(height=height, width=width, sigma0={"vv": _speckled(0.1), "vh": _speckled(0.02)}, lines=10, pixels=21)
    folder.mkdir()
    source = write_safe(folder, safe)
    plain = subprocess.run(
        [sys.executable, "-c", _PLAIN, str(folder / "plain"), *map(str, sorted(source.glob("measurement/*")))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for copy in folder.glob("plain*"):
        copy.unlink()
    source = zip_of(source) if zipped else source
    time.sleep(1)
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, root, str(source), str(folder / "work"), str(folder / "map.tif")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    beside = float(plain.stdout)
    print(
        f"{width:>7} x {height:<6} {found['s']:>8.1f} {found['cpu']:>8.1f} "
        f"{height * width / 1e6 / found['s']:>6.2f} {found['rss']:>7.0f} "
        f"{found['map'][0]:>7} x {found['map'][1]:<6} {found['mb']:>6.0f} {beside:>13.1f} {found['s'] / beside:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
