"""Milliseconds and memory of every layer's tile at every zoom, beside plain rio-tiler on the chip's own file.

    python tests/benchmarks/tiles.py [--repeat 3] [--chip ID ...] [--plain-from 9] [--detail]

Needs the real chips (FLOODSCOPE_REAL_DATA). Each chip runs in a process of its own. "Cold" is a new service that has
read nothing: reading the GeoTIFFs or the stored prediction, drawing, warping and encoding. "Warm" has the chip's
display raster but not the tile. The table is of processor time, which other work on the machine hardly changes; the
last lines have the clock's too. "Cached" has the tile. Plain rio-tiler reads VV and VH by nearest neighbour from the
file, with nothing drawn or encoded; without overviews it takes seconds and a gigabyte below zoom 9.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CHIPS = ("India_900498", "USA_905409", "jja10", "awc00")
LAYERS = ("composite", "vv", "vh", "scores", "mask")


def memory_mb(key: str) -> float:
    """VmRSS (now) or VmHWM (peak) of this process, MB; Linux only."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return 0.0


def timed(run: Callable[[], object]) -> tuple[float, float, float]:
    """Milliseconds of one call, of the processor and by the clock, and MB that it held more at its peak than before."""
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is held now
    before = memory_mb("VmRSS")
    start, busy = time.perf_counter(), time.process_time()
    run()
    busy, clock = time.process_time() - busy, time.perf_counter() - start
    return busy * 1e3, clock * 1e3, memory_mb("VmHWM") - before


Row = dict[str, float | str | int]


def measure(chip_id: str, repeat: int, plain_from: int) -> list[Row]:
    """One row a layer and zoom, of the tile under the chip's middle."""
    sys.path[0] = str(
        REPOSITORY / "tests" / "tiles"
    )  # in place of this folder, where this file hides the package `tiles`
    from served import KeptPredictions, all_bands, centre, real_catalog

    from tiles.catalog.live import LiveCatalog
    from tiles.drawing.service import TileService

    data = Path(os.environ.get("FLOODSCOPE_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    catalog = real_catalog(data)
    record = catalog.get(chip_id)

    def one(layer: str, z: int) -> Row:
        times: dict[str, list[float]] = {"cold": [], "warm": [], "cached": []}
        memory, clock = [], []
        for _ in range(repeat):
            service = TileService(LiveCatalog(catalog), predictions)
            ask = partial(service.tile, layer, chip_id, service.revision(layer, record), *centre(record, z))
            busy, ms, mb = timed(ask)
            times["cold"].append(busy)
            clock.append(ms)
            memory.append(mb)
            times["cached"].append(timed(ask)[0])
            service._tiles = type(service._tiles)(64 << 20, lambda tile: len(tile.data))
            times["warm"].append(timed(ask)[0])
        medians = {name: statistics.median(values) for name, values in times.items()}
        return {
            "layer": layer,
            "z": z,
            "mb": max(memory),
            "clock": statistics.median(clock),
            "best": min(clock),
            **medians,
        }

    def of_rio_tiler(z: int) -> Row:
        paths = {asset.path for asset in (record.vv, record.vh) if asset is not None}
        runs = [timed(lambda: [all_bands(path, *centre(record, z)) for path in paths]) for _ in range(repeat)]
        return {
            "layer": "plain",
            "z": z,
            "cold": statistics.median(run[0] for run in runs),
            "mb": max(run[2] for run in runs),
        }

    with tempfile.TemporaryDirectory() as folder:
        predictions = KeptPredictions(Path(folder))
        predictions.predict(record)
        rows = [one(layer, z) for layer in LAYERS for z in range(23)]
        return rows + [of_rio_tiler(z) for z in range(plain_from, 23)]


def report(chip_id: str, rows: list[Row], detail: bool) -> tuple[float, ...]:
    """Print one chip's figures; return its worst cold tile: processor, clock and best clock in ms, and MB."""
    ours = [row for row in rows if row["layer"] != "plain"]
    if detail:
        for row in ours:
            print(
                f"  {row['layer']:9} z{row['z']:<2} "
                + " ".join(f"{k} {row[k]:6.2f}" for k in ("cold", "warm", "cached", "mb"))
            )
    for layer in LAYERS:
        of_layer = [row for row in ours if row["layer"] == layer]
        cells = []
        for kind in ("cold", "warm", "cached"):
            worst = max(of_layer, key=lambda row: row[kind])
            cells.append(f"{worst[kind]:7.2f} (z{worst['z']:<2})")
        print(f"{chip_id:14} {layer:9} {' '.join(cells)} {max(row['mb'] for row in of_layer):8.1f}")
    warm = {row["z"]: row["warm"] for row in ours if row["layer"] == "composite"}
    ratios = [f"z{row['z']} {warm[row['z']] / row['cold']:.2f}" for row in rows if row["layer"] == "plain"]
    print(f"{chip_id:14} composite, warm, of plain rio-tiler: {', '.join(ratios)}")
    plain_mb = max((row["mb"] for row in rows if row["layer"] == "plain"), default=0.0)
    print(f"{chip_id:14} plain rio-tiler's memory at its worst zoom: {plain_mb:.0f} MB")
    return tuple(max(row[key] for row in ours) for key in ("cold", "clock", "best", "mb"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--chip", nargs="*", default=CHIPS)
    parser.add_argument("--plain-from", type=int, default=9)
    parser.add_argument("--detail", action="store_true")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.repeat, options.plain_from)))
        return
    print(f"{'chip':14} {'layer':9} {'cold ms':>13} {'warm ms':>13} {'cached ms':>13} {'extra MB':>8}   (worst zoom)")
    worst = []
    for chip_id in options.chip:
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--measure", chip_id],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        worst.append(report(chip_id, json.loads(done.stdout), options.detail))
    busy, clock, best, mb = (max(column) for column in zip(*worst, strict=True))
    print(f"worst cold tile: {busy:.1f} ms of processor (median of {options.repeat}), {mb:.1f} MB more")
    print(f"by the clock: {clock:.1f} ms (median of {options.repeat}), {best:.1f} ms (best of {options.repeat})")


if __name__ == "__main__":
    main()
